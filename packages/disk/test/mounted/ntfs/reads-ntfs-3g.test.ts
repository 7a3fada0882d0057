import assert from 'node:assert/strict'
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { check } from '../../../src/ntfs/check/check.js'
import { FileAttribute } from '../../../src/ntfs/layout/standard-information.js'
import { Volume } from '../../../src/ntfs/volume.js'
import { FileSource } from '../../../src/source/file.js'
import { Random, seed } from '../../ntfs/random.js'
import { cannotMount, succeed, withDirectory, withNtfs3g } from '../../ntfs/tools.js'

const skip = cannotMount()

function withImage(directory: string, use: (volume: Volume, source: FileSource) => void): void {
  const source = FileSource.openSync(join(directory, 'image'))
  try {
    use(Volume.open(source), source)
  } finally {
    source.closeSync()
  }
}

function makeImage(directory: string, ...options: string[]): string {
  const image = join(directory, 'image')
  writeFileSync(image, '')
  truncateSync(image, 64 << 20)
  succeed('mkntfs', '-F', '-Q', '-q', ...options, image)
  return image
}

function contents(volume: Volume, number: number, stream = ''): Buffer {
  const size = volume.streams(number).find((found) => found.name === stream)?.size ?? 0
  const bytes = Buffer.alloc(size)
  assert.equal(volume.read(number, 0, bytes, 0, size, stream), size)
  return bytes
}

test('files of every form that ntfs-3g writes', { skip }, (t) => {
  const start = seed()
  t.diagnostic(`SEED=${start}`)
  const random = new Random(start)
  const files = new Map<string, Uint8Array>([
    ['empty', new Uint8Array(0)],
    ['resident', random.bytes(300)],
    ['clusters', random.bytes(100_000)],
    ['\u00fcn\u00ef\u4e2d\ud83d\ude00', random.bytes(10)],
    ['n'.repeat(255), random.bytes(20)],
  ])
  withDirectory((directory) => {
    const image = makeImage(directory, '-L', 'By mkntfs')
    withNtfs3g(image, 'streams_interface=windows,compression', (mounted) => {
      for (const [name, bytes] of files) writeFileSync(join(mounted, name), bytes)
      writeFileSync(join(mounted, 'resident:stream'), 'in a stream')
      linkSync(join(mounted, 'clusters'), join(mounted, 'linked'))
      writeFileSync(join(mounted, 'sparse'), '')
      truncateSync(join(mounted, 'sparse'), 3_000_000)
      symlinkSync('resident', join(mounted, 'link'))
    })
    withImage(directory, (volume, source) => {
      assert.equal(volume.label, 'By mkntfs')
      assert.deepEqual(check(source).findings, [])
      for (const [name, bytes] of files) {
        const number = volume.lookup(Volume.ROOT, name)
        assert.ok(number !== null, name)
        assert.ok(contents(volume, number).equals(bytes), name)
      }
      const resident = volume.lookup(Volume.ROOT, 'resident') as number
      assert.equal(contents(volume, resident, 'stream').toString(), 'in a stream')
      const linked = volume.lookup(Volume.ROOT, 'linked') as number
      assert.equal(linked, volume.lookup(Volume.ROOT, 'clusters'))
      assert.equal(volume.status(linked).links, 2)
      assert.equal(volume.readLink(volume.lookup(Volume.ROOT, 'link') as number), 'resident')
      const sparse = volume.lookup(Volume.ROOT, 'sparse') as number
      assert.ok(contents(volume, sparse).equals(Buffer.alloc(3_000_000)))
      assert.ok((volume.status(sparse).attributes & FileAttribute.SPARSE_FILE) !== 0)
    })
  })
})

test('compressed files that ntfs-3g writes', { skip }, (t) => {
  const start = seed()
  t.diagnostic(`SEED=${start}`)
  const random = new Random(start)
  const dull = random.bytes(500_000, true)
  const mixed = Buffer.concat([random.bytes(70_000), Buffer.alloc(200_000), random.bytes(90_000, true)])
  withDirectory((directory) => {
    const image = makeImage(directory)
    // Files in a compressed directory are compressed; ntfs-3g takes the flag from there.
    const source = FileSource.openSync(image, { mode: 'r+', lock: false })
    const volume = Volume.open(source)
    const parent = volume.mkdir(Volume.ROOT, 'packed')
    volume.setCompressed(parent, true)
    volume.close()
    source.closeSync()
    withNtfs3g(image, 'compression', (mounted) => {
      writeFileSync(join(mounted, 'packed', 'dull'), dull)
      writeFileSync(join(mounted, 'packed', 'mixed'), mixed)
    })
    withImage(directory, (read) => {
      const packed = read.lookup(Volume.ROOT, 'packed') as number
      for (const [name, bytes] of [
        ['dull', dull],
        ['mixed', mixed],
      ] as const) {
        const number = read.lookup(packed, name) as number
        assert.ok((read.status(number).attributes & FileAttribute.COMPRESSED) !== 0, name)
        assert.ok(read.status(number).allocatedSize < bytes.length, `${name} takes less than its size`)
        assert.ok(contents(read, number).equals(bytes), name)
      }
    })
  })
})

test('a large directory after many changes', { skip }, () => {
  withDirectory((directory) => {
    const image = makeImage(directory)
    const expected: string[] = []
    withNtfs3g(image, 'rw', (mounted) => {
      const below = join(mounted, 'below')
      mkdirSync(below)
      for (let i = 0; i < 3000; i++) writeFileSync(join(below, `name ${i} ${'y'.repeat(i % 60)}`), '')
      for (let i = 0; i < 3000; i++) {
        const name = `name ${i} ${'y'.repeat(i % 60)}`
        if (i % 3 === 0) rmSync(join(below, name))
        else if (i % 3 === 1) renameSync(join(below, name), join(below, `Other ${i}`))
        if (i % 3 > 0) expected.push(i % 3 === 1 ? `Other ${i}` : name)
      }
    })
    withImage(directory, (volume, source) => {
      const below = volume.lookup(Volume.ROOT, 'below') as number
      assert.deepEqual([...volume.list(below)].map((entry) => entry.name).sort(), expected.sort())
      for (const name of expected) assert.ok(volume.lookup(below, name) !== null, name)
      assert.deepEqual(check(source).findings, [])
    })
  })
})

test('a file in thousands of pieces', { skip }, (t) => {
  const start = seed()
  t.diagnostic(`SEED=${start}`)
  const random = new Random(start)
  const pieces = 3000
  const parts = Array.from({ length: 2 }, () => Array.from({ length: pieces }, () => random.bytes(4096)))
  withDirectory((directory) => {
    const image = makeImage(directory)
    withNtfs3g(image, 'rw', (mounted) => {
      // Two files that grow in turns get a run per piece, and so attribute lists.
      for (let i = 0; i < pieces; i++) {
        for (const [file, part] of parts.entries()) {
          writeFileSync(join(mounted, `f${file}`), part[i] as Uint8Array, { flag: 'a' })
        }
      }
      assert.equal(readFileSync(join(mounted, 'f0')).length, pieces * 4096)
    })
    withImage(directory, (volume, source) => {
      for (const [file, part] of parts.entries()) {
        const number = volume.lookup(Volume.ROOT, `f${file}`) as number
        assert.ok(contents(volume, number).equals(Buffer.concat(part)), `f${file}`)
      }
      assert.deepEqual(check(source).findings, [])
    })
  })
})

test('writes into holes that ntfs-3g has cut at any cluster', { skip }, (t) => {
  const start = seed()
  t.diagnostic(`SEED=${start}`)
  const random = new Random(start)
  const expected = Buffer.alloc(1_500_000)
  withDirectory((directory) => {
    const image = makeImage(directory)
    withNtfs3g(image, 'rw', (mounted) => {
      const file = openSync(join(mounted, 'sparse'), 'w')
      ftruncateSync(file, expected.length)
      for (let i = 0; i < 40; i++) {
        const bytes = random.bytes(1 + random.below(9000))
        const at = random.below(expected.length - bytes.length)
        writeSync(file, bytes, 0, bytes.length, at)
        expected.set(bytes, at)
      }
      closeSync(file)
    })
    const source = FileSource.openSync(image, { mode: 'r+', lock: false })
    const volume = Volume.open(source)
    const number = volume.lookup(Volume.ROOT, 'sparse') as number
    assert.ok(contents(volume, number).equals(expected), 'as ntfs-3g has written it')
    for (let i = 0; i < 60; i++) {
      const bytes = random.bytes(1 + random.below(30_000))
      const at = random.below(expected.length - bytes.length)
      if (i % 3 === 0) {
        volume.punch(number, at, bytes.length)
        expected.fill(0, at, at + bytes.length)
      } else if (i % 3 === 1) volume.allocate(number, at, bytes.length)
      else {
        volume.write(number, at, bytes)
        expected.set(bytes, at)
      }
      assert.ok(contents(volume, number).equals(expected), `after change ${i}`)
    }
    volume.close()
    source.closeSync()
    withNtfs3g(image, 'ro', (mounted) => assert.ok(readFileSync(join(mounted, 'sparse')).equals(expected)))
    withImage(directory, (_, read) => assert.deepEqual(check(read).findings, []))
  })
})
