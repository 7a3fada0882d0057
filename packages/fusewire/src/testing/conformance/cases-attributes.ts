import assert from 'node:assert/strict'
import { type Bench, type Capability, type Case, group } from './case.js'

/** Long enough for the coarsest clock of a kernel (a tick of 10 ms). */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

const MODES = [0o000, 0o400, 0o600, 0o644, 0o755, 0o777]

const modes = group('modes', (add) => {
  for (const mode of MODES) {
    add(`chmod to 0${mode.toString(8)}`, ['modes'], async (bench) => {
      const path = await bench.file('f')
      await bench.fs.chmod(path, mode)
      assert.equal((await bench.fs.stat(path)).mode, 0o100000 | mode)
    })
  }
  for (const mode of [0o4755, 0o2755, 0o1777, 0o6711, 0o7777]) {
    add(`chmod of a directory to 0${mode.toString(8)}`, ['modes', 'exactModes'], async (bench) => {
      const path = await bench.dir('d')
      await bench.fs.chmod(path, mode)
      assert.equal((await bench.fs.stat(path)).mode, 0o040000 | mode)
      await bench.fs.chmod(path, 0o755)
    })
  }
  add('chmod follows a link', ['modes', 'symlinks'], async (bench) => {
    await bench.file('f')
    await bench.fs.symlink('f', bench.at('s'))
    await bench.fs.chmod(bench.at('s'), 0o600)
    assert.equal((await bench.fs.stat(bench.at('f'))).mode & 0o777, 0o600)
  })
  add('chmod of an open file', ['modes'], async (bench) => {
    const file = await bench.fs.open(await bench.file('f'), 'r+')
    await file.chmod(0o604)
    assert.equal((await file.stat()).mode & 0o777, 0o604)
    assert.equal((await bench.fs.stat(bench.at('f'))).mode & 0o777, 0o604)
    await file.close()
  })
  add('mkdir with a mode', ['modes'], async (bench) => {
    await bench.fs.mkdir(bench.at('d'), 0o700)
    assert.equal((await bench.fs.stat(bench.at('d'))).mode & 0o777, 0o700)
  })
  add(
    'a directory in a set-group-id directory inherits the bit and the group',
    ['owners', 'exactModes'],
    async (bench) => {
      const path = await bench.dir('d')
      await bench.fs.chown(path, 0, 1234)
      await bench.fs.chmod(path, 0o2775)
      await bench.dir('d/sub')
      await bench.file('d/f')
      const [sub, file] = [await bench.fs.stat(bench.at('d/sub')), await bench.fs.stat(bench.at('d/f'))]
      assert.deepEqual([sub.gid, sub.mode & 0o2000], [1234, 0o2000])
      assert.deepEqual([file.gid, file.mode & 0o2000], [1234, 0])
    },
  )
})

const owners = group('owners', (add) => {
  const changes: readonly [string, number, number, number, number][] = [
    ['both', 11, 22, 11, 22],
    ['the user only', 11, -1, 11, 2],
    ['the group only', -1, 22, 1, 22],
    ['neither', -1, -1, 1, 2],
    ['large numbers', 0x7fff_fffe, 0xffff_fff0, 0x7fff_fffe, 0xffff_fff0],
  ]
  for (const [title, uid, gid, newUid, newGid] of changes) {
    add(`chown of ${title}`, ['owners', 'posix'], async (bench) => {
      const path = await bench.file('f')
      await bench.posix.chown(path, 1, 2)
      await bench.posix.chown(path, uid, gid)
      const stats = await bench.fs.stat(path)
      assert.deepEqual([stats.uid, stats.gid], [newUid, newGid])
    })
  }
  add('chown takes the set-id bits of a program', ['owners', 'exactModes'], async (bench) => {
    const path = await bench.file('f')
    await bench.fs.chmod(path, 0o6755)
    await bench.fs.chown(path, 5, 6)
    assert.equal((await bench.fs.stat(path)).mode & 0o7777, 0o755)
  })
  add('chown of an open file', ['owners'], async (bench) => {
    const file = await bench.fs.open(await bench.file('f'), 'r')
    await file.chown(7, 8)
    const stats = await bench.fs.stat(bench.at('f'))
    assert.deepEqual([stats.uid, stats.gid], [7, 8])
    await file.close()
  })
})

type TimeName = 'atimeNs' | 'mtimeNs' | 'ctimeNs'

/** Which times a call changes of a file (all of them were long ago). */
const EFFECTS: readonly [
  string,
  Capability[],
  TimeName[],
  (bench: Bench, path: string) => Promise<unknown>,
][] = [
  ['a write', [], ['mtimeNs', 'ctimeNs'], (bench, path) => bench.fs.appendFile(path, 'more')],
  ['a truncation', [], ['mtimeNs', 'ctimeNs'], (bench, path) => bench.fs.truncate(path, 1)],
  ['a chmod', [], ['ctimeNs'], (bench, path) => bench.fs.chmod(path, 0o600)],
  ['a chown', ['owners'], ['ctimeNs'], (bench, path) => bench.fs.chown(path, 1, 1)],
  ['a link', ['hardLinks'], ['ctimeNs'], (bench, path) => bench.fs.link(path, bench.at('link'))],
  ['a rename', [], ['ctimeNs'], (bench, path) => bench.fs.rename(path, bench.at('file'))],
  ['a stat', [], [], (bench, path) => bench.fs.stat(path)],
]

const times = group('times', (add) => {
  for (const [title, needs, changed, run] of EFFECTS) {
    add(`${title} changes ${changed.join(' and ') || 'none'}`, ['times', ...needs], async (bench) => {
      const path = await bench.file('f', 'content')
      await bench.fs.utimes(path, 1000, 2000)
      const before = await bench.fs.stat(path, { bigint: true })
      await pause()
      await run(bench, path)
      const after = await bench.fs.stat((await bench.exists('f')) ? path : bench.at('file'), { bigint: true })
      for (const name of ['mtimeNs', 'ctimeNs'] as const) {
        assert.equal(
          after[name] > before[name],
          changed.includes(name),
          `${name}: ${before[name]}, ${after[name]}`,
        )
      }
    })
  }
  add('a new file has the present in all times', ['times'], async (bench) => {
    const before = Date.now() - 1000
    const stats = await bench.fs.stat(await bench.file('f'))
    for (const time of [stats.atimeMs, stats.mtimeMs, stats.ctimeMs]) {
      assert.ok(time >= before && time <= Date.now() + 1000, `${time}`)
    }
  })
  for (const [title, seconds] of [
    ['1970', 0],
    ['2001', 1_000_000_000],
    ['beyond 2038', 2_500_000_000],
    ['beyond 2106', 5_000_000_000],
  ] as const) {
    add(`utimes to ${title}`, ['times'], async (bench) => {
      const path = await bench.file('f')
      await bench.fs.utimes(path, seconds, seconds)
      const stats = await bench.fs.stat(path, { bigint: true })
      assert.deepEqual(
        [stats.atimeNs, stats.mtimeNs],
        [BigInt(seconds) * 10n ** 9n, BigInt(seconds) * 10n ** 9n],
      )
    })
  }
  add('a time before 1970', ['posix', 'times'], async (bench) => {
    const path = await bench.file('f')
    // utimes of node:fs takes a negative number for the present.
    await bench.posix.utimensat(path, -86_400_000_000_000n, -1n)
    const stats = await bench.fs.stat(path, { bigint: true })
    assert.deepEqual([stats.atimeNs, stats.mtimeNs], [-86_400_000_000_000n, -1n])
  })
  add('utimes changes the ctime to the present', ['times'], async (bench) => {
    const path = await bench.file('f')
    await bench.fs.utimes(path, 1, 1)
    assert.ok((await bench.fs.stat(path)).ctimeMs > 1_000_000_000_000)
  })
  add('utimes of a directory', ['times'], async (bench) => {
    const path = await bench.dir('d')
    await bench.fs.utimes(path, 10, 20)
    const stats = await bench.fs.stat(path)
    assert.deepEqual([stats.atimeMs, stats.mtimeMs], [10_000, 20_000])
  })
  add('nanoseconds are kept', ['posix', 'times', 'nanoseconds'], async (bench) => {
    const path = await bench.file('f')
    await bench.posix.utimensat(path, 123_456_789_012_345_678n, 234_567_890_123_456_789n)
    const stats = await bench.fs.stat(path, { bigint: true })
    assert.deepEqual([stats.atimeNs, stats.mtimeNs], [123_456_789_012_345_678n, 234_567_890_123_456_789n])
  })
  add('UTIME_OMIT leaves a time', ['posix', 'times'], async (bench) => {
    const path = await bench.file('f')
    await bench.fs.utimes(path, 1000, 2000)
    await bench.posix.utimensat(path, 'omit', 3_000_000_000_000n)
    await bench.posix.utimensat(path, 4_000_000_000_000n, 'omit')
    const stats = await bench.fs.stat(path)
    assert.deepEqual([stats.atimeMs, stats.mtimeMs], [4_000_000, 3_000_000])
  })
  add('UTIME_NOW is the present', ['posix', 'times'], async (bench) => {
    const path = await bench.file('f')
    await bench.fs.utimes(path, 1000, 2000)
    await bench.posix.utimensat(path, 'now', 'omit')
    const stats = await bench.fs.stat(path)
    assert.ok(stats.atimeMs > Date.now() - 60_000)
    assert.equal(stats.mtimeMs, 2_000_000)
  })
})

const inodes = group('inodes', (add) => {
  add('files have different numbers, names of one file the same', ['inodes', 'hardLinks'], async (bench) => {
    const numbers = new Set<bigint>()
    for (let i = 0; i < 50; i++)
      numbers.add((await bench.fs.stat(await bench.file(`f${i}`), { bigint: true })).ino)
    assert.equal(numbers.size, 50)
  })
  add('a number stays as long as the file', ['inodes'], async (bench) => {
    const path = await bench.file('f', 'x')
    const before = (await bench.fs.stat(path, { bigint: true })).ino
    await bench.fs.appendFile(path, 'more')
    await bench.fs.chmod(path, 0o600)
    for (let i = 0; i < 100; i++) await bench.file(`other${i}`)
    assert.equal((await bench.fs.stat(path, { bigint: true })).ino, before)
  })
  add('an open file shows the attributes of its path', ['inodes'], async (bench) => {
    const file = await bench.fs.open(await bench.file('f', 'same'), 'r')
    const [open, path] = [await file.stat(), await bench.fs.stat(bench.at('f'))]
    await file.close()
    assert.deepEqual(
      [open.ino, open.size, open.mode, open.nlink],
      [path.ino, path.size, path.mode, path.nlink],
    )
  })
  add('blocks follow what is stored', ['blocks'], async (bench) => {
    const path = await bench.file('f', Buffer.alloc(100_000, 1))
    assert.ok((await bench.fs.stat(path)).blocks * 512 >= 100_000)
    await bench.fs.truncate(path, 0)
    assert.equal((await bench.fs.stat(path)).blocks, 0)
  })
})

export const attributeCases: readonly Case[] = [...modes, ...owners, ...times, ...inodes]
