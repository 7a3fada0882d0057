import assert from 'node:assert/strict'
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { DiskError } from '../../src/error.js'
import { check } from '../../src/ntfs/check/check.js'
import { Volume } from '../../src/ntfs/volume.js'
import { FileSource } from '../../src/source/file.js'
import { MemorySource } from '../../src/source/memory.js'
import { Random } from './random.js'
import { missing, succeed, withDirectory } from './tools.js'

/** The contents of a source in a larger one. */
function enlarged(small: MemorySource, size: number): MemorySource {
  const bytes = new Uint8Array(small.size)
  small.readSync(0, bytes)
  const large = new MemorySource(size)
  large.writeSync(0, bytes)
  return large
}

describe('grow', () => {
  for (const [from, to, clusterSize] of [
    [8, 9, 4096],
    [8, 300, 4096],
    [5, 1000, 512],
    [20, 21.3, 65536],
  ] as const) {
    test(`from ${from} to ${to} MiB, clusters of ${clusterSize}`, () => {
      const small = new MemorySource(from * 2 ** 20)
      Volume.format(small, { clusterSize })
      const bytes = new Random(2).bytes(500_000)
      const first = Volume.open(small)
      first.write(first.create(Volume.ROOT, 'file'), 0, bytes)
      const { freeClusters, totalClusters } = first.space()
      first.close()
      const large = enlarged(small, Math.floor((to * 2 ** 20) / 512) * 512)
      const got = Volume.grow(large)
      assert.equal(got, Math.floor((large.size - 512) / clusterSize) - totalClusters)
      assert.deepEqual(check(large).findings, [])
      const volume = Volume.open(large)
      const grownBitmap =
        Math.ceil((totalClusters + got) / 8 / clusterSize) - Math.ceil(totalClusters / 8 / clusterSize)
      assert.equal(volume.space().freeClusters, freeClusters + got - grownBitmap)
      const read = Buffer.alloc(bytes.length)
      volume.read(volume.lookup(Volume.ROOT, 'file') as number, 0, read)
      assert.ok(read.equals(bytes))
      const more = new Random(4).bytes(Math.floor(got * clusterSize * 0.9))
      volume.write(volume.create(Volume.ROOT, 'more'), 0, more)
      volume.close()
      assert.deepEqual(check(large).findings, [])
      assert.equal(Volume.grow(large), 0)
    })
  }

  test('of a volume of mkntfs, which ntfsfix and ntfsresize accept', {
    skip: missing('mkntfs', 'ntfsfix', 'ntfsresize'),
  }, () => {
    withDirectory((directory) => {
      const image = join(directory, 'image')
      FileSource.createSync(image, 20 << 20, { lock: false }).closeSync()
      succeed('mkntfs', '-F', '-Q', '-q', image)
      truncateSync(image, 200 << 20)
      const source = FileSource.openSync(image, { mode: 'r+', lock: false })
      Volume.grow(source)
      assert.deepEqual(check(source).findings, [])
      source.closeSync()
      assert.match(succeed('ntfsfix', '-n', image).toString(), /processed successfully/)
      const info = succeed('ntfsresize', '--info', '--force', '--no-progress-bar', image).toString()
      assert.match(info, /Current volume size: 2097\d+ bytes/)
    })
  })

  test('is refused on a dirty volume', () => {
    const small = new MemorySource(8 << 20)
    Volume.format(small)
    const volume = Volume.open(small)
    volume.create(Volume.ROOT, 'x')
    volume.flush()
    assert.throws(
      () => Volume.grow(enlarged(small, 16 << 20)),
      (error: DiskError) => error.code === 'EUCLEAN' && /dirty/.test(error.message),
    )
  })
})
