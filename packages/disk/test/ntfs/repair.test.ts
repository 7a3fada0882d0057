import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DiskError } from '../../src/error.js'
import { check } from '../../src/ntfs/check/check.js'
import { Volume } from '../../src/ntfs/volume.js'
import { MemorySource } from '../../src/source/memory.js'
import { Random } from './random.js'

const SIZE = 16 << 20

interface Made {
  readonly image: Buffer
  readonly contents: Map<string, Buffer>
  readonly directory: number
  readonly geometry: {
    readonly clusterSize: number
    readonly mftLcn: number
    readonly recordSize: number
    readonly mirrorLcn: number
  }
}

function make(): Made {
  const random = new Random(7)
  const source = new MemorySource(SIZE)
  const geometry = Volume.format(source)
  const volume = Volume.open(source, { journal: false })
  const directory = volume.mkdir(Volume.ROOT, 'directory')
  const contents = new Map<string, Buffer>()
  for (let i = 0; i < 200; i++) {
    const bytes = Buffer.from(random.bytes(random.below(6000)))
    volume.write(volume.create(directory, `file number ${i}`), 0, bytes)
    contents.set(`file number ${i}`, bytes)
  }
  volume.close()
  assert.deepEqual(check(source).findings, [])
  const image = Buffer.alloc(SIZE)
  source.readSync(0, image)
  return { image, contents, directory, geometry }
}

function recordAt({ geometry }: Made, number: number): number {
  return geometry.mftLcn * geometry.clusterSize + number * geometry.recordSize
}

/** Where index blocks of the directory stand. */
function indexBlocks(image: Buffer): number[] {
  const found: number[] = []
  for (let at = 0; at < image.length; at += 4096) {
    if (image.toString('latin1', at, at + 4) === 'INDX' && image.includes('file number', at, 'utf16le'))
      found.push(at)
  }
  return found
}

function contentsOf(volume: Volume, directory: number): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (const entry of volume.list(directory)) {
    const bytes = Buffer.alloc(volume.status(entry.reference.number).dataSize)
    volume.read(entry.reference.number, 0, bytes)
    found.set(entry.name, bytes)
  }
  return found
}

/** Damages a volume; the check must find it and the repair must mend it without loss. */
function mends(name: string, damage: (image: Buffer, made: Made) => void): void {
  test(name, () => {
    const made = make()
    damage(made.image, made)
    const source = MemorySource.from(made.image)
    assert.ok(check(source).count > 0, 'the damage is found')
    const result = Volume.repair(source)
    assert.ok(result.repaired.length > 0)
    assert.deepEqual(result.check.findings, [])
    const volume = Volume.open(source)
    assert.equal(volume.readOnly, false)
    assert.deepEqual(contentsOf(volume, made.directory), made.contents)
    volume.create(made.directory, 'after the repair')
    volume.close()
    assert.deepEqual(check(source).findings, [])
  })
}

describe('repair', () => {
  mends('clusters marked wrongly', (image) => {
    const at = findBitmap(Volume.open(MemorySource.from(image)), image)
    image[at + 2] = 0
    image[at + 500] = 0xff
  })

  mends('an index block that is gone', (image) => {
    const [first = 0] = indexBlocks(image)
    image.fill(0, first, first + 4096)
  })

  mends('an index with two entries in the wrong order', (image) => {
    const at = indexBlocks(image)[1] as number
    const name = image.indexOf(Buffer.from('file number', 'utf16le'), at)
    image.write('zzzz', name, 'utf16le')
  })

  mends('a mirror that differs', (image, { geometry }) => {
    image.fill(0, geometry.mirrorLcn * geometry.clusterSize, geometry.mirrorLcn * geometry.clusterSize + 1024)
  })

  mends('a boot sector that is gone', (image) => image.fill(0, 0, 512))

  mends('a backup boot sector that is gone', (image) => image.fill(0, SIZE - 512, SIZE))

  mends('a wrong link count', (image, made) => {
    image[recordAt(made, made.directory + 1) + 0x12] = 9
  })

  mends('the dirty mark', (image, made) => {
    const record = image.subarray(recordAt(made, 3), recordAt(made, 4))
    const information = record.indexOf(Buffer.from([0x70, 0, 0, 0]))
    record[information + 0x18 + 10] = 1
  })

  test('a damaged record costs its file only', () => {
    const made = make()
    const lost = made.directory + 5
    made.image.fill(0xee, recordAt(made, lost) + 0x40, recordAt(made, lost) + 0x100)
    const source = MemorySource.from(made.image)
    const result = Volume.repair(source)
    assert.deepEqual(result.check.findings, [])
    const found = contentsOf(Volume.open(source), made.directory)
    assert.equal(found.size, made.contents.size - 1)
    for (const [name, bytes] of found) assert.ok(made.contents.get(name)?.equals(bytes), name)
  })

  test('files of a directory that is gone are in found.000', () => {
    const made = make()
    made.image.fill(0xee, recordAt(made, made.directory) + 0x40, recordAt(made, made.directory) + 0x100)
    const source = MemorySource.from(made.image)
    const result = Volume.repair(source)
    assert.deepEqual(result.check.findings, [])
    const volume = Volume.open(source)
    const found = contentsOf(volume, volume.lookup(Volume.ROOT, 'found.000') as number)
    assert.deepEqual(
      [...found.values()].map((bytes) => bytes.toString('hex')).sort(),
      [...made.contents.values()].map((bytes) => bytes.toString('hex')).sort(),
    )
  })

  test('a volume whose own files are damaged is left alone', () => {
    const made = make()
    made.image.fill(0xee, recordAt(made, 9) + 0x40, recordAt(made, 9) + 0x100)
    const before = Buffer.from(made.image)
    const source = MemorySource.from(made.image)
    assert.throws(
      () => Volume.repair(source),
      (error: DiskError) => error.code === 'EUCLEAN',
    )
    const after = Buffer.alloc(SIZE)
    source.readSync(0, after)
    assert.ok(after.equals(before))
  })
})

/** Position of $Bitmap: its contents are read by the volume and searched in the image. */
function findBitmap(volume: Volume, image: Buffer): number {
  const bytes = Buffer.alloc(volume.streams(6)[0]?.size ?? 0)
  volume.read(6, 0, bytes)
  return image.indexOf(bytes)
}
