// PathFileSystem on the real kernel: every method, answered at once and later.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Store } from '../path/store.js'
import { blocker, served, until } from '../support/served.js'

for (const later of [false, true]) {
  const how = later ? 'later' : 'at once'
  const options = { skip: blocker, timeout: 60_000 }

  test(`every method, answered ${how}`, options, async (t) => {
    const fs = new Store(later)
    const { out, sh, mount } = await served(t, fs, { entryTimeout: 0, attrTimeout: 0 })
    await out(
      `cd $M && mkdir d && echo text > d/f && cat d/f && ln -s target d/l && mkfifo d/p && mknod d/n c 1 3`,
    )
    assert.equal(
      await out(`cat $M/d/f; readlink $M/d/l; stat -c '%F %t:%T' $M/d/p $M/d/n`),
      'text\ntarget\nfifo 0:0\ncharacter special file 1:3\n',
    )
    assert.equal(await out(`ls $M/d`), 'f\nl\nn\np\n')
    await out(`cd $M && ln d/f d/g && mv d/g d/h && chmod 640 d/h && chown 5:6 d/h && truncate -s 2 d/h`)
    assert.equal(await out(`cat $M/d/f; stat -c '%a %u:%g %h' $M/d/h`), 'te640 5:6 2\n')
    await out(`touch -d '1969-12-31 23:59:58.5 UTC' $M/d/f; touch -a -d @5 $M/d/f`)
    assert.equal(await out(`stat -c '%.3Y %X' $M/d/f`), '-1.500 5\n')
    await out(`python3 - <<'P'
import os
d = os.environ['M'] + '/d/f'
fd = os.open(d, os.O_RDWR)
os.fsync(fd)
os.posix_fallocate(fd, 0, 10)
assert os.fstat(fd).st_size == 10
os.close(fd)
os.setxattr(d, 'user.a', b'value')
assert os.getxattr(d, 'user.a') == b'value' and os.listxattr(d) == ['user.a']
os.removexattr(d, 'user.a')
try: os.getxattr(d, 'user.a'); raise SystemExit(1)
except OSError as e: assert e.errno == 61, e
assert os.access(d, os.W_OK)
os.chmod(d, 0o444)
assert not os.access(d, os.W_OK)
s = os.statvfs(os.environ['M'])
assert (s.f_blocks, s.f_bfree, s.f_bavail, s.f_namemax) == (1000, 500, 500, 255), s
P`)
    assert.equal((await sh(`rmdir $M/d`)).status, 1)
    await out(`rm $M/d/* && rmdir $M/d`)
    assert.deepEqual([...fs.items.keys()], ['/'])
    const called = new Set(fs.calls.map((call) => call.split(' ')[0]))
    const all =
      'stat readdir readlink mkdir rmdir unlink rename link symlink mknod chmod chown truncate utimes open create read write flush release fsync fallocate statfs access getxattr setxattr listxattr removexattr'
    assert.deepEqual(
      all.split(' ').filter((name) => !called.has(name)),
      [],
    )
    await until(() => fs.opens === 0, 'the last release')
    assert.equal(mount.stats().unknownErrors + mount.stats().badReplies, 0)
  })

  test(`an unlinked file lives until its last close, answered ${how}`, options, async (t) => {
    const fs = new Store(later)
    const { out } = await served(t, fs)
    await out(`cd $M && echo one > f && exec 3<> f 4< f && rm f && [ ! -e f ] && ls -A . | grep -c . | grep -qx 0
      echo two >&3 && cat <&4 && stat -L -c '%h %s' /dev/fd/3 && cat /proc/self/fd/3 && exec 3>&- && cat /proc/self/fd/4 >/dev/null
      echo new > f && cat f`).then((text) => assert.equal(text, 'two\n0 4\ntwo\nnew\n'))
    await until(() => fs.items.size === 2, `the hidden name is gone: ${[...fs.items.keys()].join()}`)
  })

  test(
    `a directory with a hidden file in it can be removed and replaced, answered ${how}`,
    options,
    async (t) => {
      const fs = new Store(later)
      const { out } = await served(t, fs)
      assert.equal(
        await out(`cd $M && mkdir -p a/b c && echo text > a/b/f && exec 3< a/b/f && rm a/b/f && rmdir a/b && cat <&3
      rmdir a && cat /proc/self/fd/3 && mkdir a && echo more > a/g && exec 4< a/g && rm a/g && mv -T c a && cat <&4; ls`),
        'text\ntext\nmore\na\n',
      )
      await until(() => fs.items.size === 2, `the hidden names are gone: ${[...fs.items.keys()].join()}`)
    },
  )

  test(
    `open files follow renames of themselves and of their directories, answered ${how}`,
    options,
    async (t) => {
      const fs = new Store(later)
      const { out } = await served(t, fs)
      assert.equal(
        await out(`cd $M && mkdir -p a/b && echo 1 > a/b/f && echo 2 > a/b/h && exec 3<> a/b/f 4<> a/b/h && rm a/b/h
      mv a z && echo 3 >&3 && echo 4 >&4 && cat z/b/f /proc/self/fd/4
      mv z/b/f z/g && cat /proc/self/fd/3 && echo over > o && mv o z/g && cat z/g /proc/self/fd/3`),
        '3\n4\n3\nover\n3\n',
      )
      await until(() => [...fs.items.keys()].every((key) => !key.includes('hidden')), 'no hidden name')
    },
  )

  test(`exchange, and a rename that is refused, answered ${how}`, options, async (t) => {
    const fs = new Store(later)
    const { out, sh } = await served(t, fs)
    await out(`cd $M && mkdir d && echo d > d/in && echo f > f && echo v > v`)
    const exchange = `import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def rename(a, b, flags):
    m = os.environ['M']
    r = libc.renameat2(-100, f'{m}/{a}'.encode(), -100, f'{m}/{b}'.encode(), flags)
    return ctypes.get_errno() if r else 0
`
    assert.equal(
      await out(`python3 - <<'P'
${exchange}
fd = os.open(os.environ['M'] + '/d/in', os.O_RDONLY)
print(rename('d', 'f', 2), rename('f', 'v', 1), rename('d', 'v', 4), os.read(fd, 9))
P
cat $M/f/in $M/d`),
      "0 17 22 b'd\\n'\nd\nf\n",
    )
    // The file that is open is hidden first, and must come back when the rename fails.
    const rename = fs.rename
    fs.rename = (from: string, to: string, flags: number) => {
      if (from === '/d') throw Object.assign(new Error('no'), { code: 'EPERM' })
      return rename.call(fs, from, to, flags)
    }
    const failed = await sh(`cd $M && exec 3< v && mv d v; cat /proc/self/fd/3`)
    fs.rename = rename
    assert.match(failed.stderr, /Operation not permitted/)
    assert.equal(failed.stdout, 'v\n')
    assert.equal(await out(`cat $M/v; ls -A $M`), 'v\nd\nf\nv\n')
  })
}
