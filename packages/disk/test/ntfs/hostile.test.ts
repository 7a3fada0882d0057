import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../../src/error.js'
import { check } from '../../src/ntfs/check/check.js'
import { Volume } from '../../src/ntfs/volume.js'
import { MemorySource } from '../../src/source/memory.js'
import { Random, seed } from './random.js'

/** Damaged copies per test; HOSTILE_RUNS asks for more. */
const RUNS = Number(process.env.HOSTILE_RUNS ?? 25)

const SIZE = 4 << 20

/** Most bytes that are read of one stream: a damaged size may be near 2^53. */
const READ_MAX = 1 << 20

/** A small volume with everything in it: long runlists, an attribute list, a deep index, holes, links, streams. */
function makeVolume(random: Random): Buffer {
  const source = new MemorySource(SIZE)
  Volume.format(source, { clusterSize: 512 })
  const volume = Volume.open(source)
  const directory = volume.mkdir(Volume.ROOT, 'directory')
  for (let i = 0; i < 150; i++) volume.create(directory, `a name that is not short ${i}`)
  const files = [0, 1].map((i) => volume.create(Volume.ROOT, `file${i}`))
  for (let i = 0; i < 300; i++) for (const file of files) volume.write(file, i * 512, random.bytes(512))
  const sparse = volume.create(Volume.ROOT, 'sparse')
  volume.write(sparse, 100_000, random.bytes(100))
  const packed = volume.create(Volume.ROOT, 'packed')
  volume.setCompressed(packed, true)
  volume.write(packed, 0, random.bytes(60_000, true))
  volume.createStream(packed, 'stream')
  volume.write(packed, 0, random.bytes(50), 0, 50, 'stream')
  volume.link(packed, directory, 'second name')
  volume.createReparsePoint(
    Volume.ROOT,
    'link',
    Uint8Array.from([0x1d, 0, 0, 0xa0, 5, 0, 0, 0, 2, 0, 0, 0, 97]),
  )
  volume.close()
  assert.deepEqual(check(source).findings, [])
  const bytes = Buffer.alloc(SIZE)
  source.readSync(0, bytes)
  return bytes
}

function readStreams(volume: Volume, number: number): void {
  const buffer = new Uint8Array(READ_MAX)
  for (const { name } of volume.streams(number)) volume.read(number, 0, buffer, 0, READ_MAX, name)
  volume.reparsePoint(number)
  volume.securityDescriptor(number)
}

/** Reads all there is. Every damage may cost an error of ours, and only that. */
function readEverything(source: MemorySource): void {
  tolerate(() => {
    const volume = Volume.open(source, { readOnly: true })
    const seen = new Set<number>()
    const visit = (number: number) => {
      if (seen.has(number)) return
      seen.add(number)
      tolerate(() => readStreams(volume, number))
      tolerate(() => {
        if (!volume.status(number).directory) return
        for (const entry of volume.list(number)) {
          tolerate(() => volume.lookup(number, entry.name))
          visit(entry.reference.number)
        }
      })
    }
    visit(Volume.ROOT)
    for (let number = 0; number < 40; number++) tolerate(() => readStreams(volume, number))
  })
  tolerate(() => check(source))
}

function tolerate(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
  }
}

/** Changes things on a damaged volume that was forced open; what comes of it must stay inside of the volume. */
function changeThings(source: MemorySource, random: Random): void {
  tolerate(() => {
    const volume = Volume.open(source, { force: true })
    for (let i = 0; i < 12; i++) {
      tolerate(() => volume.write(volume.create(Volume.ROOT, `new ${i}`), 0, random.bytes(2000)))
      tolerate(() =>
        volume.unlink(Volume.ROOT, random.pick(['file0', 'file1', 'sparse', 'packed', `new ${i}`])),
      )
      tolerate(() => volume.rename(Volume.ROOT, 'directory', Volume.ROOT, `directory ${i}`))
    }
    volume.close()
  })
}

/** Bytes of the image that are metadata: boot sector, MFT, mirror, and the index blocks. */
function targets(image: Buffer): number[] {
  const places: number[] = []
  for (let at = 0; at < image.length; at += 512) {
    const magic = image.toString('latin1', at, at + 4)
    if (at === 0 || magic === 'FILE' || magic === 'INDX') places.push(at, at + 512)
  }
  return places
}

const KINDS: [string, (image: Buffer, at: number, random: Random) => void][] = [
  ['one bit', (image, at, random) => (image[at] = (image[at] as number) ^ (1 << random.below(8)))],
  ['one byte', (image, at, random) => (image[at] = random.below(256))],
  [
    'an extreme word',
    (image, at, random) => image.writeUInt32LE(random.pick([0, 1, 0x7fffffff, 0xffffffff]), at & ~3),
  ],
  [
    'a value near 2^63',
    (image, at, random) => image.writeBigUInt64LE(2n ** 63n - BigInt(random.below(3)), at & ~7),
  ],
  ['a sector of noise', (image, at, random) => image.set(random.bytes(512), at & ~511)],
]

for (const [name, damage] of KINDS) {
  test(`damage by ${name} costs an error at most`, (t) => {
    const start = seed()
    t.diagnostic(`SEED=${start}`)
    const random = new Random(start)
    const clean = makeVolume(random)
    const places = targets(clean)
    for (let run = 0; run < RUNS; run++) {
      const image = Buffer.from(clean)
      const times = 1 + random.below(4)
      for (let i = 0; i < times; i++) damage(image, random.pick(places) + random.below(505), random)
      const source = MemorySource.from(image)
      readEverything(source)
      if (run % 4 === 0) changeThings(source, random)
      if (run % 4 === 1) tolerate(() => Volume.repair(source))
    }
  })
}

test('a truncated image costs an error at most', (t) => {
  const start = seed()
  t.diagnostic(`SEED=${start}`)
  const clean = makeVolume(new Random(start))
  for (let size = 0; size < SIZE; size += 65536 + 512)
    readEverything(MemorySource.from(clean.subarray(0, size)))
})

test('a damaged boot sector is replaced by its backup, and the volume is read-only', () => {
  const clean = makeVolume(new Random(1))
  clean.fill(0, 0, 512)
  const volume = Volume.open(MemorySource.from(clean))
  assert.equal(volume.readOnly, true)
  assert.match(volume.warnings.join(), /backup/)
  assert.ok(volume.lookup(Volume.ROOT, 'file0') !== null)
  assert.throws(
    () => volume.create(Volume.ROOT, 'x'),
    (error: DiskError) => error.code === 'EROFS',
  )
})
