import assert from 'node:assert/strict'
import { test } from 'node:test'
import { check } from '../../src/ntfs/check/check.js'
import { Volume } from '../../src/ntfs/volume.js'
import { MemorySource } from '../../src/source/memory.js'
import { Model } from './model.js'
import { Random, seed } from './random.js'

const GEOMETRIES = [
  { clusterSize: 4096 },
  { clusterSize: 512 },
  { clusterSize: 65536 },
  { clusterSize: 2048, recordSize: 4096 },
  { clusterSize: 4096, sectorSize: 4096 },
]

for (const geometry of GEOMETRIES) {
  test(`random operations leave a sound volume: ${JSON.stringify(geometry)}`, (t) => {
    const start = seed()
    t.diagnostic(`SEED=${start}`)
    const random = new Random(start)
    const source = new MemorySource(64 << 20)
    Volume.format(source, geometry)
    const model = new Model(random)
    let volume = Volume.open(source)
    for (let round = 0; round < 8; round++) {
      const steps: string[] = []
      try {
        for (let step = 0; step < 120; step++) steps.push(model.step(volume))
        model.compare(volume)
        volume.close()
        const result = check(source)
        assert.deepEqual(result.findings, [])
        volume = Volume.open(source)
        model.compare(volume)
      } catch (error) {
        t.diagnostic(steps.slice(-5).join('; '))
        throw error
      }
    }
  })
}
