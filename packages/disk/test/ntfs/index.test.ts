import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { check } from '../../src/ntfs/check/check.js'
import { fold, standardUpcase } from '../../src/ntfs/layout/upcase.js'
import { Volume } from '../../src/ntfs/volume.js'
import { MemorySource } from '../../src/source/memory.js'
import { Random, seed } from './random.js'

/** The order of a directory, written down a second time: folded units, shorter first, then plain units. */
function inOrder(names: Iterable<string>): string[] {
  const upcase = standardUpcase()
  const units = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return [...names].sort((a, b) => units(fold(a, upcase), fold(b, upcase)) || units(a, b))
}

function name(random: Random, i: number): string {
  const length = random.below(random.pick([8, 40, 240]))
  return `${random.pick(['a', 'A', 'z', '\u00e4', '\u00c4', '_', '\u0178', '~'])}${'q'.repeat(length)}${i}`
}

describe('a directory', () => {
  for (const clusterSize of [512, 4096, 65536]) {
    test(`keeps its order through random additions and removals, clusters of ${clusterSize}`, (t) => {
      const start = seed()
      t.diagnostic(`SEED=${start}`)
      const random = new Random(start)
      const source = new MemorySource(64 << 20)
      Volume.format(source, { clusterSize })
      let volume = Volume.open(source, { journal: false })
      const directory = volume.mkdir(Volume.ROOT, 'directory')
      const present = new Set<string>()
      // It grows, holds, and shrinks to nothing.
      for (const chance of [0.9, 0.5, 0.2, 0]) {
        for (let i = 0; i < 900; i++) {
          if (random.next() < chance || (present.size === 0 && chance > 0)) {
            const added = name(random, i)
            if (present.has(added)) continue
            volume.create(directory, added)
            present.add(added)
          } else if (present.size > 0) {
            const removed = random.pick([...present])
            volume.unlink(directory, removed)
            present.delete(removed)
          }
        }
        if (chance === 0) for (const left of present) volume.unlink(directory, left)
        if (chance === 0) present.clear()
        volume.close()
        assert.deepEqual(check(source).findings, [])
        volume = Volume.open(source, { journal: false })
        assert.deepEqual(
          [...volume.list(directory)].map((entry) => entry.name),
          inOrder(present),
        )
        for (const found of present) assert.ok(volume.lookup(directory, found) !== null, found)
      }
      volume.rmdir(Volume.ROOT, 'directory')
      volume.close()
      assert.deepEqual(check(source).findings, [])
    })
  }

  test('is found without case when asked for, and continues behind a name', () => {
    const source = new MemorySource(16 << 20)
    Volume.format(source)
    let volume = Volume.open(source)
    const number = volume.create(Volume.ROOT, 'ReadMe \u00e4')
    for (let i = 0; i < 100; i++) volume.create(Volume.ROOT, `other ${i}`)
    assert.equal(volume.lookup(Volume.ROOT, 'README \u00c4'), null)
    volume.close()
    volume = Volume.open(source, { ignoreCase: true })
    assert.equal(volume.lookup(Volume.ROOT, 'README \u00c4'), number)
    assert.throws(() => volume.create(Volume.ROOT, 'readme \u00e4'), { code: 'EEXIST' })
    volume.rename(Volume.ROOT, 'README \u00c4', Volume.ROOT, 'README \u00c4')
    assert.deepEqual(
      [...volume.list(Volume.ROOT, 'other 98')].map((entry) => entry.name),
      ['other 99', 'README \u00c4'],
    )
    volume.close()
    assert.deepEqual(check(source).findings, [])
  })

  test('of 20,000 names is listed in order and deleted', () => {
    const source = new MemorySource(256 << 20)
    Volume.format(source)
    const volume = Volume.open(source, { journal: false })
    const directory = volume.mkdir(Volume.ROOT, 'large')
    for (let i = 0; i < 20_000; i++) volume.create(directory, `${(i * 7919) % 20_000}`)
    volume.flush()
    let before = ''
    let count = 0
    for (const { name: found } of volume.list(directory)) {
      assert.ok(before < found, `${before} before ${found}`)
      before = found
      count++
    }
    assert.equal(count, 20_000)
    for (let i = 0; i < 20_000; i++) volume.unlink(directory, `${i}`)
    volume.close()
    assert.deepEqual(check(source).findings, [])
  })
})
