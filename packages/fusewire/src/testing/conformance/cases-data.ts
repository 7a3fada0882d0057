import assert from 'node:assert/strict'
import type { HandleShape } from '../posix-fs.js'
import { type Case, fails, group } from './case.js'

/** Bytes that tell their own place. */
export function pattern(length: number, start = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = ((start + i) * 31 + ((start + i) >> 8)) & 0xff
  return bytes
}

export async function readAt(file: HandleShape, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}

const SIZES = [0, 1, 511, 4095, 4096, 4097, 65536, 131072, 131073, 1048576, 1048577, 3000000]

const whole = group('data: whole files', (add) => {
  for (const size of SIZES) {
    add(`${size} bytes come back`, [], async (bench) => {
      const data = pattern(size)
      await bench.file('f', data)
      assert.ok(data.equals(await bench.fs.readFile(bench.at('f'))))
      assert.equal((await bench.fs.stat(bench.at('f'))).size, size)
    })
  }
  add('a copy is equal', [], async (bench) => {
    const data = pattern(300_000)
    await bench.fs.copyFile(await bench.file('f', data), bench.at('g'))
    assert.ok(data.equals(await bench.fs.readFile(bench.at('g'))))
  })
  add('appended pieces follow each other', [], async (bench) => {
    for (let i = 0; i < 20; i++) await bench.fs.appendFile(bench.at('f'), `${i},`)
    assert.equal(await bench.text('f'), `${Array.from({ length: 20 }, (_, i) => i).join(',')},`)
  })
})

const positions = group('data: positions', (add) => {
  for (const [offset, length] of [
    [0, 1],
    [4095, 2],
    [4096, 4096],
    [100, 70_000],
    [131_071, 2],
    [199_990, 10],
  ] as const) {
    add(`${length} bytes at ${offset} are read`, [], async (bench) => {
      const file = await bench.fs.open(await bench.file('f', pattern(200_000)), 'r')
      assert.ok(pattern(length, offset).equals(await readAt(file, offset, length)))
      await file.close()
    })
    add(`${length} bytes at ${offset} are written, the others stay`, [], async (bench) => {
      const data = pattern(200_000)
      const file = await bench.fs.open(await bench.file('f', data), 'r+')
      const news = Buffer.alloc(length, 0xaa)
      assert.equal((await file.write(news, 0, length, offset)).bytesWritten, length)
      await file.close()
      news.copy(data, offset)
      assert.ok(data.equals(await bench.fs.readFile(bench.at('f'))))
    })
  }
  add('a read at the end gives nothing, across it a part', [], async (bench) => {
    const file = await bench.fs.open(await bench.file('f', pattern(5000)), 'r')
    assert.equal((await readAt(file, 5000, 10)).length, 0)
    assert.equal((await readAt(file, 1_000_000, 10)).length, 0)
    assert.ok(pattern(10, 4990).equals(await readAt(file, 4990, 100)))
    await file.close()
  })
  add('a read of no bytes gives none', [], async (bench) => {
    const file = await bench.fs.open(await bench.file('f', 'x'), 'r')
    assert.equal((await file.read(Buffer.alloc(1), 0, 0, 0)).bytesRead, 0)
    await file.close()
  })
  add('a write beyond the end leaves zeroes between', [], async (bench) => {
    const file = await bench.fs.open(await bench.file('f', 'head'), 'r+')
    await file.write(Buffer.from('tail'), 0, 4, 10_000)
    await file.close()
    const data = await bench.fs.readFile(bench.at('f'))
    assert.equal(data.length, 10_004)
    assert.equal(data.toString('utf8', 0, 4), 'head')
    assert.ok(data.subarray(4, 10_000).every((byte) => byte === 0))
    assert.equal(data.toString('utf8', 10_000), 'tail')
  })
  add('reads and writes without a position move it', [], async (bench) => {
    const file = await bench.fs.open(bench.at('f'), 'w+')
    await file.write(Buffer.from('abc'), 0, 3, null)
    await file.write(Buffer.from('def'), 0, 3, null)
    await file.write(Buffer.from('X'), 0, 1, 0)
    await file.write(Buffer.from('ghi'), 0, 3, null)
    await file.close()
    assert.equal(await bench.text('f'), 'Xbcdefghi')
  })
  add('O_APPEND writes at the end, whatever the position', [], async (bench) => {
    await bench.file('f', 'start')
    const file = await bench.fs.open(bench.at('f'), 'a+')
    await file.write(Buffer.from('-one'), 0, 4, 0)
    await bench.fs.appendFile(bench.at('f'), '-two')
    await file.write(Buffer.from('-three'), 0, 6, null)
    assert.equal((await readAt(file, 0, 5)).toString(), 'start')
    await file.close()
    assert.equal(await bench.text('f'), 'start-one-two-three')
  })
  add('appends of two handles do not overwrite each other', [], async (bench) => {
    const handles = await Promise.all([bench.fs.open(bench.at('f'), 'a'), bench.fs.open(bench.at('f'), 'a')])
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        handles[i % 2]!.write(Buffer.from(`${i % 10}`.repeat(100)), 0, 100, null),
      ),
    )
    await Promise.all(handles.map((file) => file.close()))
    const text = await bench.text('f')
    assert.equal(text.length, 4000)
    for (let i = 0; i < 4000; i += 100) assert.match(text.slice(i, i + 100), /^(\d)\1*$/)
  })
  add('pieces written side by side all arrive', [], async (bench) => {
    const file = await bench.fs.open(bench.at('f'), 'w+')
    const data = pattern(256 * 1000)
    await Promise.all(
      Array.from({ length: 256 }, (_, i) =>
        file.write(data, ((i * 37) % 256) * 1000, 1000, ((i * 37) % 256) * 1000),
      ),
    )
    assert.ok(data.equals(await readAt(file, 0, data.length)))
    await file.close()
  })
  add('fsync and fdatasync succeed, and what was written stays', [], async (bench) => {
    const file = await bench.fs.open(bench.at('f'), 'w')
    await file.writeFile('synced')
    await file.sync()
    await file.datasync()
    await file.close()
    assert.equal(await bench.text('f'), 'synced')
  })
})

const truncation = group('data: truncation', (add) => {
  for (const size of [0, 1, 4095, 4096, 4097, 9999]) {
    add(`10000 bytes to ${size}`, [], async (bench) => {
      await bench.fs.truncate(await bench.file('f', pattern(10_000)), size)
      assert.ok(pattern(size).equals(await bench.fs.readFile(bench.at('f'))))
    })
    add(`${size} bytes to 10000: zeroes follow`, [], async (bench) => {
      await bench.fs.truncate(await bench.file('f', pattern(size)), 10_000)
      const expected = Buffer.alloc(10_000)
      pattern(size).copy(expected)
      assert.ok(expected.equals(await bench.fs.readFile(bench.at('f'))))
    })
  }
  add('what was cut off does not come back', [], async (bench) => {
    const path = await bench.file('f', pattern(8192))
    const file = await bench.fs.open(path, 'r+')
    await readAt(file, 0, 8192)
    await file.truncate(100)
    await file.truncate(8192)
    const data = await readAt(file, 0, 8192)
    await file.close()
    assert.ok(pattern(100).equals(data.subarray(0, 100)))
    assert.ok(data.subarray(100).every((byte) => byte === 0))
  })
  add('a write behind a truncation has zeroes before it', [], async (bench) => {
    const file = await bench.fs.open(await bench.file('f', pattern(8192)), 'r+')
    await file.truncate(10)
    await file.write(Buffer.from('x'), 0, 1, 5000)
    const data = await readAt(file, 0, 8192)
    await file.close()
    assert.equal(data.length, 5001)
    assert.ok(data.subarray(10, 5000).every((byte) => byte === 0))
  })
  add('of a directory is EISDIR', [], async (bench) =>
    fails(bench.fs.truncate(await bench.dir('d'), 0), 'EISDIR'),
  )
  add('through a link', ['symlinks'], async (bench) => {
    await bench.file('f', 'content')
    await bench.fs.symlink('f', bench.at('l'))
    await bench.fs.truncate(bench.at('l'), 3)
    assert.equal(await bench.text('f'), 'con')
  })
})

const BIG = 5 * 1024 ** 3 + 123

const big = group('data: beyond 4 GiB', (add) => {
  add('a write and a read at 5 GiB', ['bigFiles'], async (bench) => {
    const file = await bench.fs.open(bench.at('f'), 'w+')
    await file.write(Buffer.from('far'), 0, 3, BIG)
    assert.equal((await readAt(file, BIG, 10)).toString(), 'far')
    assert.equal((await readAt(file, BIG - 2 ** 32, 3)).toString('latin1'), '\0\0\0')
    assert.equal((await file.stat()).size, BIG + 3)
    await file.close()
  })
  add('a truncation to 8 TiB and back', ['bigFiles'], async (bench) => {
    await bench.fs.truncate(await bench.file('f', 'x'), 8 * 1024 ** 4)
    assert.equal((await bench.fs.stat(bench.at('f'))).size, 8 * 1024 ** 4)
    await bench.fs.truncate(bench.at('f'), 1)
    assert.equal(await bench.text('f'), 'x')
  })
})

export const dataCases: readonly Case[] = [...whole, ...positions, ...truncation, ...big]
