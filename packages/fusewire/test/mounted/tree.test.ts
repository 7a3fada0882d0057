// tree() on the real kernel: every kind of leaf and directory, live changes, writers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Directory, directory, type Entry, FsError, file, symlink, tree } from '../../src/index.js'
import { blocker, served, until } from '../support/served.js'

const options = { skip: blocker, timeout: 60_000 }

test('texts, bytes, links, nested and lazy directories, Maps', options, async (t) => {
  let looked = 0
  const fs = tree({
    'text.txt': 'h\u00e9llo\n',
    'bytes.bin': Uint8Array.of(0, 255, 10),
    empty: '',
    link: symlink('text.txt'),
    'sub dir': { deeper: { leaf: 'leaf\n' } },
    map: new Map<string, Entry>([
      ['one', '1'],
      ['two', '2'],
    ]),
    lazy: directory(async () => ({ call: String(++looked) })),
    owned: file({ read: 'x', mode: 0o600, uid: 12, gid: 34, mtime: new Date('2001-02-03T04:05:06.789Z') }),
    private: directory({ in: 'in' }, { mode: 0o700, uid: 12 }),
  })
  const { out, sh } = await served(t, fs)
  assert.equal(
    await out(`cat $M/text.txt $M/link; od -An -tu1 $M/bytes.bin; cat $M/empty`),
    'h\u00e9llo\nh\u00e9llo\n   0 255  10\n',
  )
  assert.equal(
    await out(`cd $M && find . | sort && stat -c '%a %F %s' text.txt bytes.bin empty map && readlink link`),
    `.
./bytes.bin
./empty
./lazy
./lazy/call
./link
./map
./map/one
./map/two
./owned
./private
./private/in
./sub dir
./sub dir/deeper
./sub dir/deeper/leaf
./text.txt
444 regular file 7
444 regular file 3
444 regular empty file 0
555 directory 0
text.txt
`,
  )
  assert.equal(
    await out(`stat -c '%a %u:%g %.3Y' $M/owned; stat -c '%a %u' $M/private`),
    '600 12:34 981173106.789\n700 12\n',
  )
  assert.ok(looked > 0)
  assert.equal((await sh(`touch $M/new`)).status, 1)
  assert.match((await sh(`echo x > $M/text.txt`)).stderr, /Read-only file system/)
  assert.match((await sh(`rm $M/text.txt`)).stderr, /not implemented|Read-only|not permitted/)
  assert.match((await sh(`cat $M/toString $M/__proto__ $M/constructor`)).stderr, /(.*No such file.*\n){3}/)
})

test('functions are evaluated at each open, at once or later', options, async (t) => {
  let count = 0
  const fs = tree({
    now: () => `${++count}\n`,
    soon: async () => Buffer.from(`later ${++count}\n`),
    big: () => 'y'.repeat(1_000_000),
    pieces: () => ['a', Buffer.from('b'), 'c\n'],
    sized: file({ read: () => '12345', size: 5 }),
    fails: () => {
      throw new FsError('EHOSTUNREACH')
    },
    rejects: async () => {
      throw new Error('no errno')
    },
    wrong: (() => 42) as unknown as () => string,
  })
  const { out, sh, log } = await served(t, fs)
  assert.equal(await out(`cat $M/now $M/now $M/soon $M/now`), '1\n2\nlater 3\n4\n')
  assert.equal(
    await out(`cat $M/big | wc -c; cat $M/pieces; cat $M/sized; stat -c %s $M/sized`),
    '1000000\nabc\n123455\n',
  )
  assert.match((await sh(`cat $M/fails`)).stderr, /No route to host/)
  assert.match((await sh(`cat $M/rejects`)).stderr, /Input\/output error/)
  assert.match((await sh(`cat $M/wrong`)).stderr, /Input\/output error/)
  assert.ok(log.some((line) => line.includes('no errno')))
  assert.equal(await out(`tail -c 3 $M/big; dd if=$M/big bs=10 skip=99999 status=none | wc -c`), 'yyy10\n')
})

test(
  'streams: endless ones are read as far as one wants, and told when the reader leaves',
  options,
  async (t) => {
    let closed = 0
    async function* endless(): AsyncGenerator<string> {
      try {
        for (let i = 0; ; i++) {
          if (i % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
          yield `${i}\n`
        }
      } finally {
        closed++
      }
    }
    async function* slow(): AsyncGenerator<string> {
      yield 'first\n'
      await new Promise(() => {})
    }
    async function* breaks(): AsyncGenerator<string> {
      yield 'some'
      throw new FsError('ECONNRESET')
    }
    const fs = tree({ endless, slow, breaks, once: endless(), file: file({ read: endless }) })
    const { out, sh } = await served(t, fs)
    assert.equal(
      await out(`head -c 6 $M/endless; head -3 $M/endless; head -c 100000 $M/file | wc -c`),
      '0\n1\n2\n0\n1\n2\n100000\n',
    )
    await until(() => closed === 3, 'three closed streams')
    assert.equal(await out(`head -1 $M/slow`), 'first\n')
    assert.equal(await out(`head -1 $M/once`), '0\n')
    const broken = await sh(`cat $M/breaks`)
    assert.equal(broken.stdout, 'some')
    assert.match(broken.stderr, /Connection reset/)
    assert.match(
      (await sh(`tail -c 3 $M/slow & p=$!; sleep 0.3; kill -9 $p; wait $p; echo gone`)).stdout,
      /gone/,
    )
    assert.match(
      (await sh(`python3 -c "open('$M/endless').seek(5)" 2>&1`)).stdout,
      /Illegal seek|not seekable/,
    )
  },
)

test('writable leaves: the setter gets the whole content, its error is close\u2019s', options, async (t) => {
  const got: string[] = []
  let content = 'start'
  let refuse = false
  const set = async (bytes: Buffer): Promise<void> => {
    if (refuse) throw new FsError('EDQUOT')
    content = bytes.toString()
    got.push(content)
  }
  const fs = tree({
    f: file({ read: () => content, write: set }),
    blind: file({ write: (bytes) => void got.push(`blind ${bytes}`) }),
  })
  const { out, sh } = await served(t, fs)
  await out(`echo -n abc > $M/f`)
  assert.equal(content, 'abc')
  await out(`echo -n def >> $M/f`)
  assert.equal(content, 'abcdef')
  // A name that was never looked at: the kernel knows no size to append at.
  content = 'changed behind '
  await out(`echo -n more >> $M/f`)
  assert.equal(content, 'changed behind more')
  await out(`truncate -s 7 $M/f`)
  assert.equal(content, 'changed')
  await out(`printf X | dd of=$M/f bs=1 seek=2 conv=notrunc status=none`)
  assert.equal(content, 'chXnged')
  await out(`truncate -s 9 $M/f; : > $M/blind; echo x > $M/blind; cat $M/blind`)
  assert.equal(content, 'chXnged\0\0')
  assert.deepEqual(got.slice(-2), ['blind ', 'blind x\n'])
  await out(`exec 3<> $M/f; truncate -s 0 $M/f; echo -n new >&3; exec 3>&-`)
  assert.equal(content, 'new')
  await out(`exec 3>> $M/f 4>> $M/f; echo -n 1 >&3; echo -n 2 >&4; echo -n 3 >&3; exec 3>&- 4>&-`)
  assert.equal(content, 'new123')
  assert.equal(await out(`cat $M/f; stat -c '%a %s' $M/f`), 'new123644 6\n')
  await out(`python3 -c "
import os
fd = os.open('$M/f', os.O_RDWR)
os.ftruncate(fd, 3); os.pwrite(fd, b'Z', 1); assert os.pread(fd, 9, 0) == b'nZw', os.pread(fd, 9, 0)
os.fsync(fd); os.close(fd)"`)
  assert.equal(content, 'nZw')
  refuse = true
  const code = `python3 -c "
import os
fd = os.open('$M/f', os.O_WRONLY)
os.write(fd, b'lost')
try: os.close(fd)
except OSError as e: print(os.strerror(e.errno))"`
  assert.equal((await sh(code)).stdout, 'Disk quota exceeded\n')
  assert.equal(content, 'nZw')
  const large = await sh(`truncate -s 2G $M/f`)
  assert.match(large.stderr, /File too large/)
})

test('the tree is live: what changes, comes and goes is seen', options, async (t) => {
  const root: Record<string, Entry> = { a: 'short\n', gone: 'x', turns: 'file' }
  const { out, sh } = await served(t, tree(root))
  assert.equal(await out(`cat $M/a; cat $M/gone $M/turns`), 'short\nxfile')
  root.a = 'much longer than before\n'
  assert.equal(await out(`cat $M/a; stat -c %s $M/a`), 'much longer than before\n24\n')
  root.a = 's\n'
  assert.equal(await out(`cat $M/a`), 's\n')
  root.b = { c: 'new\n' }
  delete root.gone
  root.turns = { now: 'a directory\n' }
  assert.equal(await out(`ls $M; cat $M/b/c`), 'a\nb\nturns\nnew\n')
  // Names are trusted for a second.
  await until(async () => (await sh(`cat $M/gone`)).status === 1, 'the end of a name')
  await until(async () => (await sh(`cat $M/turns/now`)).stdout === 'a directory\n', 'the new kind')
})

test('what cannot be a name is left out, what is no entry is an error of its own', options, async (t) => {
  const odd = {
    '': 'empty',
    '.': 'dot',
    '..': 'dots',
    'a/b': 'slash',
    'n\0l': 'nul',
    ['x'.repeat(256)]: 'long',
    ['y'.repeat(255)]: 'fits',
    'new\nline': 'control',
    number: 42,
    nothing: null,
    promise: Promise.resolve('x'),
    absent: undefined,
    good: 'good\n',
  } as unknown as Directory
  const { out, sh } = await served(t, tree(odd))
  const names = await out(`python3 -c "import os; print(sorted(os.listdir('$M')))"`)
  const fits = 'y'.repeat(255)
  assert.equal(names, `['good', 'new\\nline', 'nothing', 'number', 'promise', '${fits}']\n`)
  assert.equal(await out(`cat $M/good $M/y*`), 'good\nfits')
  for (const name of ['number', 'nothing', 'promise']) {
    assert.match((await sh(`cat $M/${name}`)).stderr, /Input\/output error/, name)
  }
  assert.match((await sh(`cat $M/absent`)).stderr, /No such file/)
})

test('a lazy directory that fails, hangs or gives nonsense costs its callers alone', options, async (t) => {
  const fs = tree({
    fails: directory(() => {
      throw new FsError('ENOTCONN')
    }),
    rejects: directory(async () => {
      throw new FsError('EREMOTEIO')
    }),
    hangs: directory(() => new Promise<Directory>(() => {})),
    nonsense: directory((() => null) as unknown as () => Directory),
    good: 'good\n',
  })
  const { out, sh } = await served(t, fs)
  assert.match((await sh(`ls $M/fails`)).stderr, /not connected/)
  assert.match((await sh(`ls $M/rejects`)).stderr, /Remote I\/O/)
  assert.equal((await sh(`ls $M/nonsense`)).status, 2)
  assert.equal((await sh(`timeout -s INT 0.3 ls $M/hangs; echo left`)).stdout, 'left\n')
  assert.equal(await out(`cat $M/good`), 'good\n')
})

test('node ids are given back: nothing is kept of names that the kernel forgot', options, async (t) => {
  const fs = tree(
    directory(() => Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`n${i}`, `${i}`]))),
  )
  let kept = 0
  const { lookup, forget } = fs
  fs.lookup = (req, parent, name, entry) => {
    const result = lookup!.call(fs, req, parent, name, entry)
    if (result === 0) kept++
    return result
  }
  fs.forget = (node, count) => {
    kept -= count
    forget!.call(fs, node, count)
  }
  const { out, mount } = await served(t, fs)
  await out(`cat $M/n* | wc -c`)
  assert.ok(kept >= 200)
  for (let i = 0; i < 200; i++) await mount.notify.invalEntry(1, `n${i}`)
  await until(() => kept === 0, 'the last forget')
})
