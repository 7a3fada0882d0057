import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { FileSource, NtfsVolume } from '../../src/index.js'
import { withDirectory } from './tools.js'

test('the example of docs/NTFS.md runs and makes what it says', () => {
  const root = fileURLToPath(new URL('../../../../..', import.meta.url))
  const code = /```ts\n([^`]*)```/.exec(readFileSync(join(root, 'docs/NTFS.md'), 'utf8'))?.[1] ?? ''
  withDirectory((directory) => {
    const door = new URL('../../src/index.js', import.meta.url).href
    writeFileSync(join(directory, 'example.mjs'), code.replace('@fusewire/disk', door))
    const ran = spawnSync(process.execPath, ['example.mjs'], { cwd: directory, timeout: 60_000 })
    assert.equal(ran.status, 0, `${ran.stderr}`)
    const source = FileSource.openSync(join(directory, 'ntfs.img'))
    const volume = NtfsVolume.open(source)
    assert.equal(volume.label, 'Data')
    const drivers = volume.lookup(NtfsVolume.ROOT, 'Drivers') as number
    const file = volume.lookup(volume.lookup(drivers, 'net') as number, 'e1000.inf') as number
    assert.equal(volume.readLink(volume.lookup(drivers, 'link') as number), 'net/e1000.inf')
    assert.deepEqual(
      volume.streams(file).map(({ name, size }) => [name, size]),
      [
        ['', 11],
        ['Zone.Identifier', 16],
      ],
    )
    source.closeSync()
  })
})
