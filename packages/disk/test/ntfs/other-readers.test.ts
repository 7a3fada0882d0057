import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { FormatOptions } from '../../src/ntfs/mkfs/format.js'
import { Volume } from '../../src/ntfs/volume.js'
import { FileSource } from '../../src/source/file.js'
import { Random, seed } from './random.js'
import { missing, run, succeed } from './tools.js'

/** Every form of content that our writer makes, by path. */
function fill(volume: Volume, random: Random): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const add = (path: string, parent: number, name: string, bytes: Uint8Array) => {
    const number = volume.create(parent, name)
    volume.write(number, 0, bytes)
    files.set(path, bytes)
    return number
  }
  add('empty', Volume.ROOT, 'empty', new Uint8Array(0))
  add('resident', Volume.ROOT, 'resident', random.bytes(500))
  add('clusters', Volume.ROOT, 'clusters', random.bytes(300_000))
  const large = volume.mkdir(Volume.ROOT, 'large')
  for (let i = 0; i < 600; i++) add(`large/Name ${i}`, large, `Name ${i}`, random.bytes(random.below(60)))
  for (let i = 0; i < 600; i += 3) {
    volume.unlink(large, `Name ${i}`)
    files.delete(`large/Name ${i}`)
  }
  const pieces = [0, 1].map((i) => volume.create(Volume.ROOT, `pieces${i}`))
  const contents = pieces.map(() => random.bytes(700 * 4096))
  for (let at = 0; at < 700 * 4096; at += 4096) {
    for (const [i, number] of pieces.entries()) volume.write(number, at, contents[i] as Uint8Array, at, 4096)
  }
  for (const [i, bytes] of contents.entries()) files.set(`pieces${i}`, bytes)
  const holes = new Uint8Array(2_000_000)
  const sparse = volume.create(Volume.ROOT, 'sparse')
  for (const at of [100, 500_000, 1_999_000]) {
    const bytes = random.bytes(1000)
    holes.set(bytes, at)
    volume.write(sparse, at, bytes)
  }
  files.set('sparse', holes)
  if (volume.geometry.clusterSize <= 4096) {
    const packed = volume.create(Volume.ROOT, 'packed')
    const bytes = Buffer.concat([random.bytes(200_000, true), Buffer.alloc(150_000), random.bytes(70_000)])
    volume.setCompressed(packed, true)
    volume.write(packed, 0, bytes)
    files.set('packed', bytes)
  }
  volume.link(volume.lookup(Volume.ROOT, 'resident') as number, large, 'second')
  files.set('large/second', files.get('resident') as Uint8Array)
  return files
}

const GEOMETRIES: FormatOptions[] = [{ clusterSize: 4096 }, { clusterSize: 1024 }, { clusterSize: 65536 }]

for (const geometry of GEOMETRIES) {
  describe(`other readers agree: ${JSON.stringify(geometry)}`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'fusewire-ntfs-readers-'))
    const image = join(directory, 'image')
    const numbers = new Map<string, number>()
    let files = new Map<string, Uint8Array>()

    before((t) => {
      const start = seed()
      if ('diagnostic' in t) t.diagnostic(`SEED=${start}`)
      const source = FileSource.createSync(image, 96 << 20, { lock: false })
      Volume.format(source, geometry)
      const volume = Volume.open(source)
      files = fill(volume, new Random(start))
      for (const path of files.keys()) {
        let number = Volume.ROOT
        for (const name of path.split('/')) number = volume.lookup(number, name) as number
        numbers.set(path, number)
      }
      volume.close()
      source.closeSync()
    })

    after(() => rmSync(directory, { recursive: true, force: true }))

    test('7-Zip extracts every file', { skip: missing('7z') }, () => {
      const target = join(directory, '7z')
      mkdirSync(target)
      succeed('7z', 'x', '-y', '-bd', `-o${target}`, image)
      for (const [path, bytes] of files) assert.ok(readFileSync(join(target, path)).equals(bytes), path)
    })

    test('The Sleuth Kit lists and reads every file', { skip: missing('fls', 'icat') }, () => {
      const listed = new Set<string>()
      for (const line of succeed('fls', '-r', '-p', '-F', '-u', image).toString().split('\n')) {
        const path = line.split('\t')[1]
        if (path !== undefined && !path.startsWith('$')) listed.add(path)
      }
      assert.deepEqual([...listed].sort(), [...files.keys()].sort())
      for (const [path, bytes] of files) {
        if (path.startsWith('large/') && !path.endsWith('7')) continue
        // Attribute 128 is $DATA; The Sleuth Kit takes the unnamed one.
        assert.ok(succeed('icat', image, `${numbers.get(path)}`).equals(bytes), path)
      }
    })

    test('ntfscat reads every file, ntfsinfo every attribute', {
      skip: missing('ntfscat', 'ntfsinfo'),
    }, () => {
      for (const [path, bytes] of files) {
        if (path.startsWith('large/') && !path.endsWith('3')) continue
        assert.ok(succeed('ntfscat', image, path).equals(bytes), path)
        const { status, stderr } = run('ntfsinfo', '-v', '-F', path, image)
        assert.equal(status, 0, `${path}: ${stderr}`)
      }
    })
  })
}
