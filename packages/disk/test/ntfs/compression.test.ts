import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { DiskError } from '../../src/error.js'
import { check } from '../../src/ntfs/check/check.js'
import { FileAttribute } from '../../src/ntfs/layout/standard-information.js'
import { Volume } from '../../src/ntfs/volume.js'
import { MemorySource } from '../../src/source/memory.js'
import { Random, seed } from './random.js'
import { missing, succeed, withDirectory } from './tools.js'

const SIZE_MAX = 500_000

/** Random changes of a compressed file; returns what it must contain. */
function change(volume: Volume, number: number, random: Random, steps: number): Buffer {
  let content = Buffer.alloc(0)
  for (let step = 0; step < steps; step++) {
    const at = random.below(random.next() < 0.3 ? content.length + 1 : SIZE_MAX)
    const kind = random.below(10)
    if (kind < 6) {
      const bytes = random.bytes(random.below(Math.min(150_000, SIZE_MAX - at) + 1), random.next() < 0.7)
      volume.write(number, at, bytes)
      if (bytes.length > 0) {
        const longer = Buffer.alloc(Math.max(content.length, at + bytes.length))
        longer.set(content)
        longer.set(bytes, at)
        content = longer
      }
    } else if (kind < 8) {
      volume.truncate(number, at)
      const cut = Buffer.alloc(at)
      cut.set(content.subarray(0, at))
      content = cut
    } else {
      const length = 1 + random.below(200_000)
      volume.punch(number, at, length)
      content.fill(0, Math.min(at, content.length), Math.min(at + length, content.length))
    }
    const read = Buffer.alloc(content.length)
    assert.equal(volume.read(number, 0, read), content.length)
    assert.ok(read.equals(content), `after step ${step}`)
  }
  return content
}

describe('compressed files', () => {
  for (const clusterSize of [512, 2048, 4096]) {
    test(`keep their contents through random changes, clusters of ${clusterSize}`, {
      skip: missing('ntfscat'),
    }, (t) => {
      const start = seed()
      t.diagnostic(`SEED=${start}`)
      const random = new Random(start)
      const source = new MemorySource(32 << 20)
      Volume.format(source, { clusterSize })
      const volume = Volume.open(source)
      const number = volume.create(Volume.ROOT, 'packed')
      volume.setCompressed(number, true)
      const content = change(volume, number, random, 40)
      volume.close()
      assert.deepEqual(check(source).findings, [])
      withDirectory((directory) => {
        const image = join(directory, 'image')
        const bytes = new Uint8Array(source.size)
        source.readSync(0, bytes)
        writeFileSync(image, bytes)
        assert.ok(succeed('ntfscat', image, 'packed').equals(content), 'ntfscat')
      })
    })
  }

  test('are recoded both ways', () => {
    const source = new MemorySource(32 << 20)
    Volume.format(source)
    const volume = Volume.open(source)
    const bytes = new Random(5).bytes(1_300_000, true)
    const number = volume.create(Volume.ROOT, 'file')
    volume.write(number, 0, bytes)
    const plain = volume.status(number).allocatedSize
    volume.setCompressed(number, true)
    assert.ok(volume.status(number).allocatedSize < plain / 2)
    assert.ok((volume.status(number).attributes & FileAttribute.COMPRESSED) !== 0)
    const read = Buffer.alloc(bytes.length)
    volume.read(number, 0, read)
    assert.ok(read.equals(bytes))
    volume.setCompressed(number, false)
    assert.equal(volume.status(number).allocatedSize, plain)
    read.fill(0)
    volume.read(number, 0, read)
    assert.ok(read.equals(bytes))
    volume.close()
    assert.deepEqual(check(source).findings, [])
  })

  test('are refused with clusters above 4 KiB', () => {
    const source = new MemorySource(32 << 20)
    Volume.format(source, { clusterSize: 8192 })
    const volume = Volume.open(source)
    const number = volume.create(Volume.ROOT, 'file')
    assert.throws(
      () => volume.setCompressed(number, true),
      (error: DiskError) => error.code === 'ENOTSUP',
    )
  })
})
