import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../../src/error.js'
import { check } from '../../src/ntfs/check/check.js'
import { AttributeType } from '../../src/ntfs/layout/attribute.js'
import { openCore } from '../../src/ntfs/volume/open.js'
import { Volume } from '../../src/ntfs/volume.js'
import { MemorySource } from '../../src/source/memory.js'
import { Random, seed } from './random.js'

function isFull(error: unknown): boolean {
  return error instanceof DiskError && error.code === 'ENOSPC'
}

/** Runs until the volume is full; returns how often it went well. */
function untilFull(run: (i: number) => void): number {
  for (let i = 0; i < 1_000_000; i++) {
    try {
      run(i)
    } catch (error) {
      if (isFull(error)) return i
      throw error
    }
  }
  throw new Error('the volume does not get full')
}

test('a volume that contents have filled can be emptied and used again', () => {
  const source = new MemorySource(8 << 20)
  Volume.format(source)
  const volume = Volume.open(source)
  const free = volume.space().freeClusters
  const bytes = new Random(1).bytes(50_000)
  const count = untilFull((i) => volume.write(volume.create(Volume.ROOT, `file ${i}`), 0, bytes))
  assert.ok(count * 50_000 > 0.8 * free * 4096, `${count} files`)
  volume.flush()
  assert.deepEqual(
    check(source).findings.filter(({ what }) => !/dirty/.test(what)),
    [],
  )
  const whole = Buffer.alloc(bytes.length)
  for (let i = 0; i < count; i++) {
    assert.equal(volume.read(volume.lookup(Volume.ROOT, `file ${i}`) as number, 0, whole), bytes.length)
    assert.ok(whole.equals(bytes), `file ${i}`)
  }
  for (const { name } of [...volume.list(Volume.ROOT)]) volume.unlink(Volume.ROOT, name)
  // Clusters of deleted files come back without a flush by the caller.
  const again = untilFull((i) => volume.write(volume.create(Volume.ROOT, `again ${i}`), 0, bytes))
  assert.ok(again >= count - 2, `${again} of ${count}`)
  volume.close()
  assert.deepEqual(check(source).findings, [])
})

test('a volume full of names refuses more of them, and stays sound', () => {
  const source = new MemorySource(3 << 20)
  Volume.format(source)
  const volume = Volume.open(source)
  const count = untilFull((i) =>
    volume.create(Volume.ROOT, `a name that takes a lot of room in its directory ${i}`),
  )
  assert.ok(count > 500, `${count} names`)
  volume.close()
  assert.deepEqual(check(source).findings, [])
  assert.equal([...Volume.open(source).list(Volume.ROOT)].length, count)
})

test('a $MFT in many pieces, with an attribute list of its own', (t) => {
  const start = seed()
  t.diagnostic(`SEED=${start}`)
  const random = new Random(start)
  const source = new MemorySource(24 << 20)
  Volume.format(source, { clusterSize: 512 })
  let volume = Volume.open(source)
  // Single clusters are left free: first files of one cluster everywhere, then every other one removed.
  const fillers: string[] = []
  const directory = volume.mkdir(Volume.ROOT, 'fillers')
  const one = random.bytes(3 * 512)
  untilFull((i) => {
    volume.write(volume.create(directory, `f${i}`), 0, one)
    fillers.push(`f${i}`)
  })
  // The last one may have got its name before the volume was full.
  if (volume.lookup(directory, `f${fillers.length}`) !== null) volume.unlink(directory, `f${fillers.length}`)
  volume.flush()
  for (const name of fillers.filter((_, i) => i % 2 === 0)) volume.unlink(directory, name)
  volume.flush()
  // New records need the $MFT to grow into the gaps.
  const names = volume.mkdir(Volume.ROOT, 'names')
  const made: string[] = []
  for (let i = 0; i < 6000; i++) {
    try {
      volume.create(names, `n${i}`)
      made.push(`n${i}`)
    } catch (error) {
      if (!isFull(error)) throw error
      break
    }
  }
  volume.close()
  const result = check(source)
  assert.deepEqual(result.findings, [])
  const mft = openCore(source, { readOnly: true }).core.inode(0)
  assert.ok((mft.find(AttributeType.DATA)?.runs?.count ?? 0) > 100, 'the $MFT has many runs')
  assert.ok(mft.list !== null, 'the $MFT has an attribute list')
  volume = Volume.open(source)
  const again = volume.lookup(Volume.ROOT, 'names') as number
  assert.deepEqual([...volume.list(again)].map((entry) => entry.name).sort(), made.sort())
  for (const name of made) volume.unlink(again, name)
  volume.close()
  assert.deepEqual(check(source).findings, [])
})
