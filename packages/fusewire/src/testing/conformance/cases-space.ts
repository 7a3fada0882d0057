import assert from 'node:assert/strict'
import { type Case, fails, group } from './case.js'
import { pattern, readAt } from './cases-data.js'

const DATA = 3
const HOLE = 4
const KEEP_SIZE = 1
const PUNCH = 2 | KEEP_SIZE
const ZERO = 0x10
const MIB = 1024 ** 2

const holes = group('holes', (add) => {
  add('a file of a hole has a size and no blocks', ['blocks'], async (bench) => {
    await bench.fs.truncate(await bench.file('f'), MIB)
    const stats = await bench.fs.stat(bench.at('f'))
    assert.deepEqual([stats.size, stats.blocks], [MIB, 0])
  })
  add('SEEK_DATA and SEEK_HOLE find the borders', ['posix', 'sparse'], async (bench) => {
    const file = await bench.posix.open(bench.at('f'), 'w+')
    await file.write(pattern(4096), 0, 4096, MIB)
    await file.truncate(2 * MIB)
    assert.equal(await file.lseek(0, DATA), MIB)
    assert.equal(await file.lseek(0, HOLE), 0)
    assert.equal(await file.lseek(MIB, HOLE), MIB + 4096)
    await fails(file.lseek(MIB + 4096, DATA), 'ENXIO')
    await file.close()
  })
  add('the end is a hole, and nothing is beyond it', ['posix', 'sparse'], async (bench) => {
    await bench.file('f', pattern(4096))
    const file = await bench.posix.open(bench.at('f'), 'r')
    assert.equal(await file.lseek(0, HOLE), 4096)
    assert.equal(await file.lseek(4095, HOLE), 4096)
    await fails(file.lseek(4096, DATA), 'ENXIO')
    await fails(file.lseek(4096, HOLE), 'ENXIO')
    await file.close()
  })
  add('lseek counts from the start, the position and the end', ['posix'], async (bench) => {
    await bench.file('f', 'abcdef')
    const file = await bench.posix.open(bench.at('f'), 'r')
    assert.equal(await file.lseek(2, 0), 2)
    assert.equal(await file.lseek(1, 1), 3)
    assert.equal(await file.lseek(-2, 2), 4)
    await fails(file.lseek(-1, 0), 'EINVAL')
    const buffer = Buffer.alloc(2)
    await file.read(buffer, 0, 2, null)
    assert.equal(buffer.toString(), 'ef')
    await file.close()
  })
})

const fallocate = group('fallocate', (add) => {
  add('gives space and grows the file', ['posix', 'fallocate', 'blocks'], async (bench) => {
    await bench.file('f', 'x')
    const file = await bench.posix.open(bench.at('f'), 'r+')
    await file.fallocate(0, 0, MIB)
    const stats = await file.stat()
    assert.equal(stats.size, MIB)
    assert.ok(stats.blocks * 512 >= MIB)
    assert.equal((await readAt(file, 0, 2)).toString('latin1'), 'x\0')
    await file.close()
  })
  add('with KEEP_SIZE the size stays', ['posix', 'fallocate'], async (bench) => {
    await bench.file('f', 'x')
    const file = await bench.posix.open(bench.at('f'), 'r+')
    await file.fallocate(KEEP_SIZE, 0, MIB)
    assert.equal((await file.stat()).size, 1)
    await file.close()
  })
  add('a punched hole is zeroes and frees blocks', ['posix', 'punch', 'blocks'], async (bench) => {
    await bench.file('f', pattern(MIB))
    const file = await bench.posix.open(bench.at('f'), 'r+')
    await readAt(file, 0, MIB)
    await file.fallocate(PUNCH, 8192, 65536)
    const expected = pattern(MIB).fill(0, 8192, 8192 + 65536)
    assert.ok(expected.equals(await readAt(file, 0, MIB)))
    assert.ok((await file.stat()).blocks * 512 <= MIB - 65536)
    await file.close()
  })
  add('a hole that is no whole block is zeroes too', ['posix', 'punch'], async (bench) => {
    await bench.file('f', pattern(20_000))
    const file = await bench.posix.open(bench.at('f'), 'r+')
    await file.fallocate(PUNCH, 5000, 100)
    await file.fallocate(PUNCH, 8000, 1000)
    const expected = pattern(20_000).fill(0, 5000, 5100).fill(0, 8000, 9000)
    assert.ok(expected.equals(await readAt(file, 0, 20_000)))
    await file.close()
  })
  add('a hole beyond the end changes nothing', ['posix', 'punch'], async (bench) => {
    await bench.file('f', pattern(100))
    const file = await bench.posix.open(bench.at('f'), 'r+')
    await file.fallocate(PUNCH, 50, 100_000)
    assert.equal((await file.stat()).size, 100)
    assert.ok(
      pattern(100)
        .fill(0, 50)
        .equals(await readAt(file, 0, 200)),
    )
    await file.close()
  })
  for (const [title, offset, length] of [
    ['an offset below 0', -1, 10],
    ['a length of 0', 0, 0],
  ] as const) {
    add(`${title} is EINVAL`, ['posix', 'fallocate'], async (bench) => {
      const file = await bench.posix.open(await bench.file('f'), 'r+')
      await fails(file.fallocate(0, offset, length), 'EINVAL')
      await file.close()
    })
  }
  add('an unknown mode is EOPNOTSUPP', ['posix', 'fallocate'], async (bench) => {
    const file = await bench.posix.open(await bench.file('f'), 'r+')
    await fails(file.fallocate(0x1000, 0, 10), 'EOPNOTSUPP')
    await fails(file.fallocate(2, 0, 10), 'EOPNOTSUPP')
    await file.close()
  })
  add('of a file that is open to read only is EBADF', ['posix', 'fallocate'], async (bench) => {
    const file = await bench.posix.open(await bench.file('f'), 'r')
    await fails(file.fallocate(0, 0, 10), 'EBADF')
    await file.close()
  })
  add('ZERO_RANGE is zeroes, or EOPNOTSUPP', ['posix', 'fallocate'], async (bench) => {
    await bench.file('f', pattern(10_000))
    const file = await bench.posix.open(bench.at('f'), 'r+')
    let expected = pattern(10_000)
    try {
      await file.fallocate(ZERO, 1000, 5000)
      expected = expected.fill(0, 1000, 6000)
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EOPNOTSUPP')
    }
    assert.ok(expected.equals(await readAt(file, 0, 10_000)))
    await file.close()
  })
})

const copying = group('copy_file_range', (add) => {
  add('copies a part into another file', ['posix', 'copyRange'], async (bench) => {
    await bench.file('f', pattern(100_000))
    const from = await bench.posix.open(bench.at('f'), 'r')
    const to = await bench.posix.open(bench.at('g'), 'w+')
    let done = 0
    while (done < 50_000) {
      const copied = await from.copyFileRange(10_000 + done, to, 5 + done, 50_000 - done)
      assert.ok(copied > 0)
      done += copied
    }
    assert.ok(pattern(50_000, 10_000).equals(await readAt(to, 5, 60_000)))
    await Promise.all([from.close(), to.close()])
  })
  add('ends at the end of the file', ['posix', 'copyRange'], async (bench) => {
    await bench.file('f', 'short')
    const from = await bench.posix.open(bench.at('f'), 'r')
    const to = await bench.posix.open(bench.at('g'), 'w+')
    assert.equal(await from.copyFileRange(2, to, 0, 100), 3)
    assert.equal(await from.copyFileRange(5, to, 0, 100), 0)
    await Promise.all([from.close(), to.close()])
    assert.equal(await bench.text('g'), 'ort')
  })
  add('within one file, not onto itself', ['posix', 'copyRange'], async (bench) => {
    await bench.file('f', pattern(20_000))
    const file = await bench.posix.open(bench.at('f'), 'r+')
    await fails(file.copyFileRange(0, file, 100, 1000), 'EINVAL')
    assert.equal(await file.copyFileRange(0, file, 10_000, 5000), 5000)
    assert.ok(pattern(5000).equals(await readAt(file, 10_000, 5000)))
    await file.close()
  })
})

const filesystem = group('statfs', (add) => {
  add('the numbers fit each other', ['statfs'], async (bench) => {
    const stats = await bench.fs.statfs(bench.directory)
    assert.ok(stats.bsize > 0)
    assert.ok(stats.bfree <= stats.blocks && stats.bavail <= stats.bfree)
    assert.ok(stats.ffree <= stats.files)
  })
})

export const spaceCases: readonly Case[] = [...holes, ...fallocate, ...copying, ...filesystem]
