// What the methods of a PathFileSystem may take and give: handles, shapes of listings and stats, errors, what is missing.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  type DirentLike,
  FsError,
  type InitRequest,
  PathFileSystem,
  type StatsLike,
} from '../../src/index.js'
import { Store } from '../path/store.js'
import { blocker, served, until } from '../support/served.js'

const options = { skip: blocker, timeout: 60_000 }
const ROOT: StatsLike = { mode: 0o040755 }

/** Only what `stat` tells of one file, which reads as nothing. */
class One extends PathFileSystem {
  readonly stats: StatsLike
  constructor(stats: StatsLike) {
    super()
    this.stats = stats
  }
  override stat(path: string): StatsLike {
    if (path === '/') return ROOT
    if (path === '/f') return this.stats
    throw new FsError('ENOENT')
  }
}

test('times before 1970, nanoseconds, sizes and inode numbers beyond 2^53', options, async (t) => {
  const fs = new One({
    mode: 0o100644n,
    size: 2n ** 62n + 1n,
    ino: 2n ** 63n + 5n,
    mtimeNs: -1_500_000_001n,
    atimeNs: 1_700_000_000_123_456_789n,
    ctime: new Date(-1),
    birthtimeMs: -2000.5,
  })
  const { out } = await served(t, fs)
  const ns = await out(
    `python3 -c "import os; s = os.stat('$M/f'); print(s.st_size, s.st_ino, s.st_mtime_ns, s.st_atime_ns, s.st_ctime_ns)"`,
  )
  assert.equal(ns, `${2n ** 62n + 1n} ${2n ** 63n + 5n} -1500000001 1700000000123456789 -1000000\n`)
  const statx = await out(`stat -c '%s %i %w' $M/f`)
  assert.equal(statx, `${2n ** 62n + 1n} ${2n ** 63n + 5n} 1969-12-31 23:59:57.999500000 +0000\n`)
})

test('reads and writes beyond 4 GiB arrive at their position', options, async (t) => {
  const at: number[] = []
  class Big extends One {
    override open(): unknown {
      return 'handle'
    }
    override read(_path: string, handle: unknown, buffer: Uint8Array, position: number): number {
      assert.equal(handle, 'handle')
      buffer.fill(position / 2 ** 30)
      return buffer.length
    }
    override write(_p: string, handle: unknown, data: Uint8Array, position: number): number {
      assert.equal(handle, 'handle')
      at.push(position)
      return data.length
    }
  }
  const { out } = await served(t, new Big({ mode: 0o100644, size: 6 * 2 ** 30 }))
  assert.equal(
    await out(`dd if=$M/f bs=1M skip=5120 count=1 status=none | head -c 1 | od -An -td1`),
    '    5\n',
  )
  await out(`printf x | dd of=$M/f bs=1 seek=5368709121 conv=notrunc status=none`)
  assert.deepEqual(at, [5368709121])
})

test('a file of unknown size is read to its end, and again', options, async (t) => {
  class Unsized extends One {
    override read(_path: string, _handle: unknown, buffer: Uint8Array, position: number): number {
      const text = Buffer.from('x'.repeat(300_000))
      return text.copy(buffer, 0, position)
    }
  }
  const { out } = await served(t, new Unsized({ mode: 0o100444 }))
  assert.equal(
    await out(`stat -c %s $M/f; wc -c < $M/f; cat $M/f | wc -c; tail -c 3 $M/f`),
    '0\n300000\n300000\nxxx',
  )
})

class Many extends PathFileSystem {
  readonly list: () => Iterable<DirentLike> | AsyncIterable<DirentLike>
  readonly gone = new Set<string>()
  constructor(list: () => Iterable<DirentLike> | AsyncIterable<DirentLike>) {
    super()
    this.list = list
  }
  override stat(path: string): StatsLike {
    if (path === '/') return ROOT
    if (this.gone.has(path.slice(1))) throw new FsError('ENOENT')
    return { mode: 0o100644, size: 0 }
  }
  override readdir(): Iterable<DirentLike> | AsyncIterable<DirentLike> {
    return this.list()
  }
  override unlink(path: string): void {
    this.gone.add(path.slice(1))
  }
}

const NAMES = Array.from({ length: 10_000 }, (_, i) => `name-${String(i).padStart(5, '0')}`)

async function listsMany(t: TestContext, fs: Many): Promise<void> {
  const { out } = await served(t, fs)
  const expected = `${NAMES.join('\n')}\n`
  assert.equal(await out(`ls $M`), expected)
  // Every name stays at its place for a reader who removes names while reading: none is missed, none comes twice.
  const seen = await out(`python3 - <<'P'
import os
m = os.environ['M']
for e in os.scandir(m):
    print(e.name)
    os.unlink(m + '/' + e.name)
P`)
  assert.equal(seen.split('\n').sort().join('\n').trim(), expected.trim())
  assert.equal(fs.gone.size, 10_000)
  assert.equal(await out(`ls $M | wc -l`), '0\n')
}

test('10,000 names as an array, while they go', options, (t) => {
  const fs: Many = new Many(() => ['.', '..', ...NAMES.filter((name) => !fs.gone.has(name))])
  return listsMany(t, fs)
})

test('10,000 names from a generator, while they go', options, (t) => {
  const fs: Many = new Many(function* () {
    for (const name of NAMES) if (!fs.gone.has(name)) yield { name, isFile: () => true }
  })
  return listsMany(t, fs)
})

test(
  '10,000 names from an async generator, while they go; it is closed when the reader leaves',
  options,
  async (t) => {
    let closed = 0
    const fs: Many = new Many(async function* () {
      try {
        for (const [i, name] of NAMES.entries()) {
          if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
          if (!fs.gone.has(name)) yield name
        }
      } finally {
        closed++
      }
    })
    await listsMany(t, fs)
    assert.ok(closed >= 3)
  },
)

test('names that come while a directory is read move no other', options, async (t) => {
  const names = [...NAMES]
  const { out } = await served(t, new Many(() => [...names]))
  const reader = out(`python3 - <<'P'
import os, time
n = 0
for e in os.scandir(os.environ['M']):
    n += 1
    print(e.name)
    if n % 500 == 0: time.sleep(0.01)
P`)
  const coming = setInterval(() => names.unshift(`early-${names.length}`), 1)
  try {
    const seen = (await reader).trim().split('\n')
    assert.ok(names.length > NAMES.length)
    assert.deepEqual(
      seen.filter((name) => name.startsWith('name-')),
      NAMES,
    )
    assert.equal(new Set(seen).size, seen.length)
  } finally {
    clearInterval(coming)
  }
})

test('a reader who leaves early closes the generator', options, async (t) => {
  let closed = false
  const fs = new Many(function* () {
    try {
      for (let i = 0; ; i++) yield `n${i}`
    } finally {
      closed = true
    }
  })
  const { out } = await served(t, fs)
  await out(`python3 -c "import os; i = os.scandir('$M'); print(next(i).name); i.close()"`)
  await until(() => closed, 'the end of the generator')
})

test('names that no directory can have fail the listing, and only that', options, async (t) => {
  let name = 'a/b'
  const { sh } = await served(t, new Many(() => [name]), { attrTimeout: 0 })
  for (const bad of ['a/b', '', 'nul\0', 'x'.repeat(5000)]) {
    name = bad
    assert.match(
      (await sh(`ls $M`)).stderr,
      /Input\/output error|Invalid argument|too long/i,
      JSON.stringify(bad),
    )
  }
  name = 'good'
  assert.equal((await sh(`ls $M`)).stdout, 'good\n')
})

test('what is missing is ENOSYS or what the kernel makes of it', options, async (t) => {
  const { out } = await served(t, new One({ mode: 0o100644, size: 3 }))
  const code = `import os, errno
m = os.environ['M']
def code(call, *a):
    try: call(*a)
    except OSError as e: return errno.errorcode[e.errno]
    return 'ok'
fd = os.open(m + '/f', os.O_RDWR)
print(code(os.read, fd, 3), code(os.write, fd, b'x'), code(os.ftruncate, fd, 0), code(os.fsync, fd), code(os.close, fd))
print(code(os.listdir, m), code(os.mkdir, m + '/d'), code(os.rmdir, m + '/f'), code(os.unlink, m + '/f'))
print(code(os.rename, m + '/f', m + '/g'), code(os.symlink, 'x', m + '/l'), code(os.mkfifo, m + '/p'))
print(code(os.chmod, m + '/f', 0), code(os.chown, m + '/f', 1, 1), code(os.utime, m + '/f'), code(os.statvfs, m))
print(code(os.open, m + '/new', os.O_CREAT | os.O_RDWR), code(os.getxattr, m + '/f', 'user.x'), code(os.access, m, 4))
`
  const found = await out(`python3 - <<'P'\n${code}P`)
  assert.equal(
    found,
    `ENOSYS ENOSYS ENOSYS ok ok
ENOSYS ENOSYS ENOTDIR ENOSYS
ENOSYS ENOSYS ENOSYS
ENOSYS ENOSYS ENOSYS ok
ENOSYS ENOTSUP ok
`,
  )
})

test('what is thrown reaches the caller as its errno, and costs that call alone', options, async (t) => {
  let thrown: unknown
  const fs = new Store(false)
  fs.read = () => {
    throw thrown
  }
  const { out, sh, log } = await served(t, fs)
  await out(`echo text > $M/f`)
  const cases: [unknown, RegExp][] = [
    [new FsError('EDQUOT'), /Disk quota exceeded/],
    [Object.assign(new Error('x'), { code: 'EACCES' }), /Permission denied/],
    [-13, /Permission denied/],
    [new Error('a bug'), /Input\/output error/],
    [undefined, /Input\/output error/],
    ['text', /Input\/output error/],
    [Object.assign(new Error('x'), { code: 'ERR_OUT_OF_RANGE' }), /Invalid argument/],
  ]
  for (const [what, message] of cases) {
    thrown = what
    assert.match((await sh(`cat $M/f`)).stderr, message)
  }
  assert.equal(log.filter((line) => line.includes('names no errno')).length >= 3, true, log.join('\n'))
  assert.ok(
    log.some((line) => line.includes('a bug') && line.includes('at ')),
    'the stack is told',
  )
  assert.equal(await out(`stat -c %s $M/f`), '5\n')
})

test('answers that are none are EIO, with a line that says why', options, async (t) => {
  const fs = new Store(false)
  let read: unknown = -1
  let wrote: unknown = 99
  fs.read = () => read as number
  fs.write = () => wrote as number
  const { out, sh, log } = await served(t, fs)
  await out(`touch $M/f; truncate -s 4096 $M/f`)
  for (const bad of [1e9, Number.NaN, undefined, 'x', 1.5]) {
    read = bad
    assert.match((await sh(`cat $M/f`)).stderr, /Input\/output error/, String(bad))
  }
  for (const bad of [99, Number.NaN, undefined, 'x']) {
    wrote = bad
    assert.match((await sh(`printf a > $M/f`)).stderr, /Input\/output error/, String(bad))
  }
  const stat = fs.stat
  for (const bad of [{ mode: 0o644 }, { mode: 0o100644, size: -5 }, {}, null, 7]) {
    fs.stat = (path: string) => (path === '/f' ? (bad as StatsLike) : stat.call(fs, path))
    assert.match((await sh(`stat $M/f`)).stderr, /Input\/output error/, JSON.stringify(bad))
  }
  fs.stat = stat
  assert.ok(log.length >= 10, log.join('\n'))
  assert.equal(await out(`sleep 1.2; stat -c %s $M/f`), '0\n')
})

test('every open has its own handle until its own release', options, async (t) => {
  const released: unknown[] = []
  let last = 0
  class Handles extends One {
    override open(_path: string, flags: number): unknown {
      return { number: ++last, writes: (flags & 3) !== 0 }
    }
    override read(_path: string, handle: unknown, buffer: Uint8Array, position: number): number {
      const { number } = handle as { number: number }
      return position === 0 ? Buffer.from(`${number}\n`).copy(buffer) : 0
    }
    override release(_path: string, handle: unknown): void {
      released.push((handle as { number: number }).number)
    }
  }
  const { out } = await served(t, new Handles({ mode: 0o100644 }))
  assert.equal(await out(`exec 3< $M/f 4< $M/f; cat <&4; cat <&3; exec 4<&-; cat $M/f`), '2\n1\n3\n')
  await until(() => released.length === 3, 'three releases')
  assert.deepEqual(released.sort(), [1, 2, 3])
})

test(
  'files that are open at the end are released, hidden ones removed, before destroy',
  options,
  async (t) => {
    class Ending extends Store {
      destroyed: string | null = null
      override destroy(): void {
        this.destroyed = `${this.opens} ${[...this.items.keys()].join(' ')}`
      }
    }
    const fs = new Ending(true)
    const { mount, dir } = await served(t, fs)
    const { open, unlink } = await import('node:fs/promises')
    const file = await open(`${dir}/f`, 'w')
    await unlink(`${dir}/f`)
    assert.ok([...fs.items.keys()].some((key) => key.includes('hidden')))
    await mount.unmount({ force: true })
    assert.equal(fs.destroyed, '0 /')
    await file.close().catch(() => {})
  },
)

test('init sees the kernel, ready what was agreed', options, async (t) => {
  const seen: unknown[] = []
  class Told extends One {
    override init(init: InitRequest): void {
      seen.push(typeof init)
    }
    override ready(): void {
      seen.push('ready')
    }
    override async destroy(): Promise<void> {
      seen.push('destroy')
    }
  }
  const { mount } = await served(t, new Told(ROOT))
  await mount.unmount()
  assert.deepEqual(seen, ['object', 'ready', 'destroy'])
})
