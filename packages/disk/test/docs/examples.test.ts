import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { detectVolume, FatVolume, openImageSync, openPartition, readPartitionTable } from '../../src/index.js'
import { scratch } from '../support/tools.js'

const dir = scratch('docs')

it('the example of docs/DISK-IMAGES.md runs and makes what it says', async () => {
  const root = fileURLToPath(new URL('../../../../..', import.meta.url))
  const page = fs.readFileSync(join(root, 'docs/DISK-IMAGES.md'), 'utf8')
  const code = /```ts\n([^`]*)```/.exec(page)?.[1] ?? ''
  assert.match(code, /formatFat32Sync/)
  const door = new URL('../../src/index.js', import.meta.url).href
  fs.writeFileSync(join(dir, 'example.mjs'), code.replace('@fusewire/disk', door))
  const ran = spawnSync(process.execPath, ['example.mjs'], { cwd: dir, timeout: 60_000 })
  assert.equal(ran.status, 0, `${ran.stderr}`)
  const disk = openImageSync(join(dir, 'disk.img'))
  assert.deepEqual(
    readPartitionTable(disk)
      ?.list()
      .map((part) => [part.typeName, part.size / 2 ** 20]),
    [
      ['esp', 100],
      ['msr', 16],
      ['data', 8074],
    ],
  )
  const esp = openPartition(disk, 1)
  assert.equal(detectVolume(esp), 'fat')
  assert.equal(await FatVolume.openSync(esp).fs.readFile('/EFI/Boot/readme.txt', 'utf8'), 'hello\n')
  disk.closeSync()
})
