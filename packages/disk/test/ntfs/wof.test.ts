import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { DiskError } from '../../src/error.js'
import { Volume } from '../../src/ntfs/volume.js'
import { lzxDecompress } from '../../src/ntfs/wof/lzx.js'
import { xpressDecompress } from '../../src/ntfs/wof/xpress.js'
import { MemorySource } from '../../src/source/memory.js'
import { Random, seed } from './random.js'
import { missing, succeed, withDirectory } from './tools.js'

/** Number of the algorithm in the reparse point, and what wimlib is asked for. */
const FORMS: [string, number, string, number][] = [
  ['XPRESS 4K', 0, 'xpress', 4096],
  ['LZX', 1, 'lzx', 32768],
  ['XPRESS 8K', 2, 'xpress', 8192],
  ['XPRESS 16K', 3, 'xpress', 16384],
]

/** The compressed bytes of a file, from a WIM archive: its resources have the form of WOF streams. */
function compress(plain: Uint8Array, codec: string, chunk: number): Buffer {
  return withDirectory((directory) => {
    const source = join(directory, 'source')
    const archive = join(directory, 'archive')
    mkdirSync(source)
    writeFileSync(join(source, 'file'), plain)
    succeed('wimlib-imagex', 'capture', source, archive, `--compress=${codec}`, `--chunk-size=${chunk}`)
    const text = succeed('wimlib-imagex', 'info', archive, '--blobs').toString()
    for (const block of text.split(/\n\n+/)) {
      const number = (label: string) => Number(block.match(new RegExp(`${label} += (\\d+)`))?.[1] ?? -1)
      if (number('Uncompressed size') !== plain.length || !/Compressed/.test(block)) continue
      const at = number('Raw offset in WIM') >= 0 ? number('Raw offset in WIM') : number('Offset in WIM')
      const size =
        number('Raw compressed size') >= 0 ? number('Raw compressed size') : number('Compressed size')
      return readFileSync(archive).subarray(at, at + size)
    }
    throw new Error(`the archive does not list the file:\n${text}`)
  })
}

/** A file as Windows packs it: a hole, the stream, the reparse point. */
function pack(volume: Volume, name: string, size: number, packed: Uint8Array, algorithm: number): number {
  const number = volume.create(Volume.ROOT, name)
  volume.truncate(number, size)
  volume.createStream(number, 'WofCompressedData')
  volume.write(number, 0, packed, 0, packed.length, 'WofCompressedData')
  const value = Buffer.alloc(24)
  value.writeUInt32LE(0x80000017, 0)
  value.writeUInt16LE(16, 4)
  value.writeUInt32LE(1, 8)
  value.writeUInt32LE(2, 12)
  value.writeUInt32LE(1, 16)
  value.writeUInt32LE(algorithm, 20)
  volume.setReparsePoint(number, value)
  return number
}

/** Texts, code with calls, noise and repetition. */
function plain(random: Random): Buffer {
  const calls = Buffer.alloc(60_000, 0x90)
  for (let i = 0; i < calls.length - 10; i += 5 + random.below(40)) {
    calls[i] = 0xe8
    calls.writeInt32LE(random.below(20_000_000) - 5_000_000, i + 1)
  }
  const words = Array.from({ length: 9000 }, () =>
    random.pick(['alpha', 'beta', 'gamma', 'delta', 'etc']),
  ).join(' ')
  return Buffer.concat([
    Buffer.from(words),
    calls,
    random.bytes(40_000),
    Buffer.alloc(100_000, 7),
    random.bytes(70_001, true),
  ])
}

describe('files that WOF has compressed', () => {
  for (const [name, algorithm, codec, chunk] of FORMS) {
    test(`${name} reads as wimlib has compressed it`, { skip: missing('wimlib-imagex') }, (t) => {
      const start = seed()
      t.diagnostic(`SEED=${start}`)
      const bytes = plain(new Random(start))
      const source = new MemorySource(16 << 20)
      Volume.format(source)
      const volume = Volume.open(source)
      const packed = compress(bytes, codec, chunk)
      assert.ok(packed.length < bytes.length)
      const number = pack(volume, 'file', bytes.length, packed, algorithm)
      const all = Buffer.alloc(bytes.length)
      assert.equal(volume.read(number, 0, all), bytes.length)
      assert.ok(all.equals(bytes))
      const part = Buffer.alloc(5000)
      assert.equal(volume.read(number, 33_333, part), 5000)
      assert.ok(part.equals(bytes.subarray(33_333, 38_333)))
      assert.throws(
        () => volume.write(number, 0, part),
        (error: DiskError) => error.code === 'ENOTSUP',
      )
      assert.equal(volume.status(number).type, 'file')
    })
  }

  test('noise costs an error at most', (t) => {
    const start = seed()
    t.diagnostic(`SEED=${start}`)
    const random = new Random(start)
    for (let run = 0; run < 300; run++) {
      const noise = random.bytes(300 + random.below(3000), run % 2 === 0)
      for (const decompress of [xpressDecompress, lzxDecompress]) {
        try {
          decompress(noise, new Uint8Array(32768))
        } catch (error) {
          if (!(error instanceof DiskError)) throw error
        }
      }
    }
  })
})
