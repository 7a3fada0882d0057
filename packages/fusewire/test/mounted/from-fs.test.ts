// fromFs() on the real kernel: node:fs/promises under a root, memfs, and objects that can only be read.
import assert from 'node:assert/strict'
import * as nodeFs from 'node:fs/promises'
import { test } from 'node:test'
import { memfs } from 'memfs'
import { type FsPromisesLike, fromFs } from '../../src/index.js'
import { Room } from '../mount/support/room.js'
import { blocker, served, until } from '../support/served.js'

const options = { skip: blocker, timeout: 120_000 }

/** A folder below, removed at the end. */
async function below(t: { after: (end: () => void) => void }): Promise<string> {
  const room = new Room()
  t.after(() => room.remove())
  await nodeFs.chmod(room.dir, 0o777)
  return room.dir
}

test('node:fs/promises: git, cp -a, tar and 20 MB with the same outcome', options, async (t) => {
  const root = await below(t)
  const { out } = await served(t, fromFs(nodeFs, { root }), { defaultPermissions: true, allowOther: true })
  const git = 'git -c user.name=n -c user.email=e@x -c init.defaultBranch=main -c core.fsync=none'
  assert.equal(
    await out(`cd $M && ${git} init -q r && cd r && mkdir d && seq 1000 > d/f && ln -s d/f l && chmod +x d/f &&
      ${git} add . && ${git} commit -qm one && seq 999 > d/f && ${git} commit -qam two && ${git} fsck --strict && ${git} status --porcelain && ${git} log --format=%s`),
    'two\none\n',
  )
  await out(`cp -a $M/r $M/copy && diff -r --no-dereference $M/r $M/copy && diff -r --no-dereference $M/copy ${root}/r
    cd $M && stat -c '%n %a %Y %s' r/d/f r/l > 1 && (cd copy && stat -c 'r/%n %a %Y %s' d/f l) > 2 && cmp 1 2 && rm -r copy
    tar -cf - r | tar -xf - -C ${root}/.. -O > /dev/null`)
  await out(`dd if=/dev/urandom of=$M/big bs=1M count=20 status=none && sha256sum < $M/big > $M/a && sha256sum < ${root}/big | cmp - $M/a
    dd if=/dev/zero of=$M/big bs=1000 seek=7 count=3 conv=notrunc status=none && cmp $M/big ${root}/big
    truncate -s 5G $M/big && stat -c %s ${root}/big && printf x >> $M/big && tail -c 1 ${root}/big`).then(
    (text) => assert.equal(text, '5368709120\nx'),
  )
})

test('node:fs/promises: modes, owners, times, unlinked files, statfs', options, async (t) => {
  const root = await below(t)
  const { out, sh } = await served(t, fromFs(nodeFs, { root: `${root}/` }), {
    defaultPermissions: true,
    allowOther: true,
    nosuid: false,
  })
  await nodeFs.chmod(root, 0o777)
  assert.equal(
    await out(`cd $M && (umask 027; mkdir d; touch f) && (umask 0; mkdir D; touch F) && stat -c %a d f D F
      chmod 4755 f && stat -c %a f && chown 1:2 f && stat -c %u:%g ${root}/f`),
    '750\n640\n777\n666\n4755\n1:2\n',
  )
  const user = 'setpriv --reuid 65534 --regid 65533 --clear-groups --'
  await out(
    `cd $M && ${user} sh -c 'umask 022; mkdir ud; echo x > uf; ln -s x ul; ln uf uh; install -m 4711 uf us'`,
  )
  assert.equal(
    await out(`cd ${root} && stat -c '%a %u:%g %h' ud uf ul us`),
    '755 65534:65533 2\n644 65534:65533 2\n777 65534:65533 1\n4711 65534:65533 1\n',
  )
  assert.match((await sh(`${user} sh -c 'echo x > $M/d/x'`)).stderr, /Permission denied/)
  assert.equal(
    await out(
      `touch -d '1965-01-02 03:04:05.25 UTC' $M/F && stat -c %.2Y ${root}/F; touch -a -d @99 $M/F; stat -c '%X %.2Y' ${root}/F`,
    ),
    '-157668954.75\n99 -157668954.75\n',
  )
  assert.equal(
    await out(
      `touch -h -d @7 $M/ul; stat -c %Y ${root}/ul; [ $(stat -fc %b $M) = $(stat -fc %b ${root}) ] && echo same`,
    ),
    '7\nsame\n',
  )
  assert.equal(
    await out(
      `cd $M && exec 3<> uf && rm uf && echo still >&3 && cat /proc/self/fd/3 && ls -A | grep -c hidden | cat`,
    ),
    'still\n0\n',
  )
  await until(
    async () => !(await nodeFs.readdir(root)).some((name) => name.includes('hidden')),
    'no hidden name',
  )
  assert.match(
    (
      await sh(`mv -n --exchange $M/d $M/D || python3 - <<'P'
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.renameat2(-100, (os.environ['M'] + '/d').encode(), -100, (os.environ['M'] + '/D').encode(), 2)
print(os.strerror(ctypes.get_errno()))
P`)
    ).stdout,
    /Invalid argument/,
  )
  assert.match(
    (await sh(`cat $M/none; rmdir $M/ud/..; mkdir $M/d; rmdir $M/f`)).stderr,
    /No such file(.|\n)*(not empty|File exists)/,
  )
})

test('descriptors below are closed: after use, and at the end of the mount', options, async (t) => {
  const root = await below(t)
  const { out, mount, dir } = await served(t, fromFs(nodeFs, { root }))
  const openBelow = async (): Promise<number> => {
    const fds = await nodeFs.readdir('/proc/self/fd')
    const links = await Promise.all(fds.map((fd) => nodeFs.readlink(`/proc/self/fd/${fd}`).catch(() => '')))
    return links.filter((link) => link.startsWith(`${root}/`)).length
  }
  await out(`for i in $(seq 100); do echo $i > $M/f$i; cat $M/f$i > /dev/null; done`)
  await until(async () => (await openBelow()) === 0, 'the last close')
  const left = await nodeFs.open(`${dir}/f1`, 'r')
  assert.equal(await openBelow(), 1)
  await mount.unmount({ force: true })
  assert.equal(await openBelow(), 0)
  await left.close().catch(() => {})
})

test('memfs', options, async (t) => {
  const { fs, vol } = memfs({ '/hello': 'hello\n', '/dir/deep': 'deep\n' })
  const { out, sh } = await served(t, fromFs(fs.promises as unknown as FsPromisesLike))
  assert.equal(await out(`cat $M/hello $M/dir/deep; ls $M`), 'hello\ndeep\ndir\nhello\n')
  await out(
    `cd $M && echo new > n && mkdir m && mv n m/n && ln -s m/n l && cat l && chmod 600 m/n && truncate -s 2 m/n`,
  )
  assert.equal(vol.readFileSync('/m/n', 'utf8'), 'ne')
  assert.equal(await out(`cd $M && stat -c '%a %s' m/n && rm l m/n && rmdir m && ls`), '600 2\ndir\nhello\n')
  await out(
    `dd if=/dev/urandom of=$M/big bs=64K count=40 status=none; sha256sum < $M/big; cp $M/big $M/big2; cmp $M/big $M/big2`,
  )
  assert.match((await sh(`rmdir $M/dir`)).stderr, /not empty/)
  assert.match((await sh(`cat $M/no`)).stderr, /No such file/)
})

test('an object that can only be read', options, async (t) => {
  const text = Buffer.from('read only\n')
  const stats = (path: string): { mode: number; size: number } => {
    if (path === '/') return { mode: 0o040555, size: 0 }
    if (path === '/f') return { mode: 0o100444, size: text.length }
    throw Object.assign(new Error(path), { code: 'ENOENT' })
  }
  const fs: FsPromisesLike = {
    stat: async (path) => stats(path),
    readdir: async () => ['f'],
    open: async (path) => {
      stats(path)
      return {
        // One byte at a time: short reads are not the end.
        read: async (buffer, offset, _length, position) => ({
          bytesRead: text.copy(buffer, offset, position, Math.min(position + 1, text.length)),
        }),
        close: async () => {},
      }
    },
  }
  const { out, sh, log } = await served(t, fromFs(fs))
  assert.equal(await out(`cat $M/f; ls $M`), 'read only\nf\n')
  for (const change of [
    'mkdir $M/d',
    'rm -f $M/f',
    'mv $M/f $M/g',
    'ln -s x $M/l',
    'chmod 0 $M/f',
    'touch -d @1 $M/f',
  ]) {
    assert.match((await sh(change)).stderr, /not implemented|Read-only|not permitted/, change)
  }
  assert.match((await sh(`bash -c 'echo x > $M/f'`)).stderr, /not implemented|Read-only/)
  assert.deepEqual(log, [])
})
