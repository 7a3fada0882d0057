import assert from 'node:assert/strict'
import { type Case, fails, group } from './case.js'

const RDWR = 2
const EXCL = 0o200

const nodes = group('special nodes', (add) => {
  for (const [title, type, method] of [
    ['fifo', 0o010000, 'isFIFO'],
    ['socket', 0o140000, 'isSocket'],
    ['regular file', 0o100000, 'isFile'],
  ] as const) {
    add(`a ${title} by mknod`, ['posix', 'special'], async (bench) => {
      await bench.posix.mknod(bench.at('n'), type | 0o640)
      const stats = await bench.fs.lstat(bench.at('n'))
      assert.deepEqual([stats[method](), stats.mode & 0o777, stats.nlink], [true, 0o640, 1])
      await bench.fs.rename(bench.at('n'), bench.at('m'))
      await bench.fs.unlink(bench.at('m'))
    })
  }
  for (const [title, type, rdev] of [
    ['character', 0o020000, 0x103],
    ['block', 0o060000, 0x801],
  ] as const) {
    add(`a ${title} device keeps its number`, ['posix', 'devices'], async (bench) => {
      await bench.posix.mknod(bench.at('n'), type | 0o600, rdev)
      const stats = await bench.fs.lstat(bench.at('n'))
      assert.deepEqual([stats.rdev, stats.mode], [rdev, type | 0o600])
    })
  }
  add(
    'a fifo has links, times and a mode',
    ['posix', 'special', 'hardLinks', 'modes', 'times'],
    async (bench) => {
      await bench.posix.mknod(bench.at('n'), 0o010600)
      await bench.fs.link(bench.at('n'), bench.at('m'))
      await bench.fs.chmod(bench.at('m'), 0o644)
      await bench.fs.utimes(bench.at('m'), 10, 20)
      const stats = await bench.fs.stat(bench.at('n'))
      assert.deepEqual([stats.nlink, stats.mode, stats.mtimeMs], [2, 0o010644, 20_000])
    },
  )
  add('a directory by mknod is EPERM', ['posix', 'special'], async (bench) => {
    await fails(bench.posix.mknod(bench.at('n'), 0o040755), 'EPERM', 'EINVAL')
  })
})

const nameless = group('O_TMPFILE', (add) => {
  add('a file without a name is written and read', ['posix', 'tmpfile'], async (bench) => {
    const file = await bench.posix.tmpfile(bench.directory, RDWR, 0o600)
    await file.writeFile('nameless')
    const buffer = Buffer.alloc(20)
    assert.equal((await file.read(buffer, 0, 20, 0)).bytesRead, 8)
    const stats = await file.stat()
    assert.deepEqual([stats.nlink, stats.size, stats.mode & 0o777], [0, 8, 0o600])
    assert.deepEqual(await bench.names(), [])
    await file.close()
  })
  add('gets a name by link', ['posix', 'tmpfile', 'hardLinks'], async (bench) => {
    const file = await bench.posix.tmpfile(bench.directory, RDWR, 0o644)
    await file.writeFile('named')
    await bench.posix.linkHandle(file, bench.at('name'))
    await file.close()
    assert.equal(await bench.text('name'), 'named')
    assert.equal((await bench.fs.stat(bench.at('name'))).nlink, 1)
  })
  add('with O_EXCL gets none', ['posix', 'tmpfile', 'hardLinks'], async (bench) => {
    const file = await bench.posix.tmpfile(bench.directory, RDWR | EXCL, 0o644)
    await fails(bench.posix.linkHandle(file, bench.at('name')), 'ENOENT')
    await file.close()
  })
})

export const specialCases: readonly Case[] = [...nodes, ...nameless]
