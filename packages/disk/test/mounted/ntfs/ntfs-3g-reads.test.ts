import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FormatOptions } from '../../../src/ntfs/mkfs/format.js'
import { Volume } from '../../../src/ntfs/volume.js'
import { FileSource } from '../../../src/source/file.js'
import { MemorySource } from '../../../src/source/memory.js'
import { Model, type ModelDirectory } from '../../ntfs/model.js'
import { Random, seed } from '../../ntfs/random.js'
import { cannotMount, succeed, withDirectory, withNtfs3g } from '../../ntfs/tools.js'

const skip = cannotMount()

/** Compares a mounted directory with the model; named streams are read as `name:stream`. */
function compare(path: string, directory: ModelDirectory): void {
  assert.deepEqual(readdirSync(path).sort(), [...directory.keys()].sort(), `names in ${path}`)
  for (const [name, node] of directory) {
    const child = join(path, name)
    if (node instanceof Map) compare(child, node)
    else {
      assert.equal(statSync(child).size, node.content.length, `size of ${child}`)
      assert.ok(readFileSync(child).equals(node.content), `contents of ${child}`)
      for (const [stream, bytes] of node.streams) {
        assert.ok(readFileSync(`${child}:${stream}`).equals(bytes), `${child}:${stream}`)
      }
    }
  }
}

const GEOMETRIES: FormatOptions[] = [
  { clusterSize: 4096 },
  { clusterSize: 512 },
  { clusterSize: 65536 },
  { clusterSize: 4096, recordSize: 4096 },
]

for (const geometry of GEOMETRIES) {
  test(`ntfs-3g reads what random operations leave: ${JSON.stringify(geometry)}`, { skip }, (t) => {
    const start = seed()
    t.diagnostic(`SEED=${start}`)
    withDirectory((directory) => {
      const image = join(directory, 'image')
      const copy = join(directory, 'copy')
      const source = FileSource.createSync(image, 64 << 20, { lock: false })
      Volume.format(source, geometry)
      const model = new Model(new Random(start))
      for (let round = 0; round < 4; round++) {
        const volume = Volume.open(source)
        for (let step = 0; step < 150; step++) model.step(volume)
        volume.close()
        copyFileSync(image, copy)
        withNtfs3g(copy, 'ro,streams_interface=windows', (mounted) => compare(mounted, model.root))
        assert.match(succeed('ntfsfix', '-n', copy).toString(), /processed successfully/)
      }
      source.closeSync()
    })
  })
}

test('ntfs-3g follows our links and sees our times', { skip }, async () => {
  const source = new MemorySource(32 << 20)
  Volume.format(source)
  const volume = Volume.open(source)
  await volume.fs.mkdir('/d/e', { recursive: true })
  await volume.fs.writeFile('/d/file', 'hello')
  await volume.fs.utimes('/d/file', 1_000_000_000, 1_234_567_890.25)
  const links: [string, string, null | 'junction'][] = [
    ['/to a file', 'd/file', null],
    ['/to a directory', 'd', null],
    ['/d/e/up', '../file', null],
    ['/elsewhere', '/etc/hostname', null],
    ['/junction', '/d', 'junction'],
  ]
  for (const [path, target, type] of links) await volume.fs.symlink(target, path, type)
  volume.close()
  withDirectory((directory) => {
    const image = join(directory, 'image')
    const bytes = new Uint8Array(source.size)
    source.readSync(0, bytes)
    writeFileSync(image, bytes)
    withNtfs3g(image, 'ro', (mounted) => {
      assert.equal(readFileSync(join(mounted, 'to a file'), 'utf8'), 'hello')
      assert.equal(readFileSync(join(mounted, 'd/e/up'), 'utf8'), 'hello')
      assert.deepEqual(readdirSync(join(mounted, 'to a directory')).sort(), ['e', 'file'])
      assert.deepEqual(readdirSync(join(mounted, 'junction')).sort(), ['e', 'file'])
      assert.equal(readlinkSync(join(mounted, 'elsewhere')), '/etc/hostname')
      assert.equal(statSync(join(mounted, 'd/file')).mtimeMs, 1_234_567_890_250)
    })
  })
})
