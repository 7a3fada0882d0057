import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { check } from '../../src/ntfs/check/check.js'
import { FileAttribute } from '../../src/ntfs/layout/standard-information.js'
import { Volume } from '../../src/ntfs/volume.js'
import { MemorySource } from '../../src/source/memory.js'
import { Random } from './random.js'

function make(): { volume: Volume; source: MemorySource } {
  const source = new MemorySource(32 << 20)
  Volume.format(source)
  return { volume: Volume.open(source, { discard: true }), source }
}

describe('space of a file', () => {
  test('a punched hole is on the boundaries of units and frees its clusters', () => {
    const { volume, source } = make()
    const bytes = new Random(3).bytes(1_000_000)
    const file = volume.create(Volume.ROOT, 'file')
    volume.write(file, 0, bytes)
    volume.flush()
    const free = volume.space().freeClusters
    volume.punch(file, 100_000, 500_000)
    bytes.fill(0, 100_000, 600_000)
    assert.deepEqual(volume.extents(file), [
      { position: 0, length: 131_072, hole: false },
      { position: 131_072, length: 458_752, hole: true },
      { position: 589_824, length: 410_176, hole: false },
    ])
    const read = Buffer.alloc(bytes.length)
    volume.read(file, 0, read)
    assert.ok(read.equals(bytes))
    assert.ok((volume.status(file).attributes & FileAttribute.SPARSE_FILE) !== 0)
    volume.flush()
    // The last unit of a file with holes is whole.
    assert.equal(volume.space().freeClusters, free + 112 - 11)
    volume.close()
    assert.deepEqual(check(source).findings, [])
  })

  test('room taken ahead is used by writes, and given back at the end', () => {
    const { volume, source } = make()
    const file = volume.create(Volume.ROOT, 'file')
    volume.retain(file)
    volume.allocate(file, 0, 4_000_000, true)
    assert.equal(volume.status(file).dataSize, 0)
    assert.equal(volume.status(file).allocatedSize, 4_001_792)
    const { freeClusters } = volume.space()
    volume.write(file, 0, new Uint8Array(100_000).fill(1))
    assert.equal(volume.space().freeClusters, freeClusters)
    volume.release(file)
    assert.equal(volume.status(file).allocatedSize, 102_400)
    volume.allocate(file, 0, 300_000)
    assert.equal(volume.status(file).dataSize, 300_000)
    const read = new Uint8Array(300_000)
    volume.read(file, 0, read)
    assert.equal(read.indexOf(0), 100_000)
    assert.ok(read.subarray(100_000).every((byte) => byte === 0))
    volume.close()
    assert.deepEqual(check(source).findings, [])
  })

  test('with discard, freed clusters leave the image', () => {
    const { volume, source } = make()
    const file = volume.create(Volume.ROOT, 'file')
    volume.write(file, 0, new Random(1).bytes(8_000_000))
    volume.flush()
    const before = source.allocated
    volume.unlink(Volume.ROOT, 'file')
    volume.flush()
    assert.ok(source.allocated <= before - 7_000_000, `${before} ${source.allocated}`)
    volume.close()
    assert.deepEqual(check(source).findings, [])
  })
})
