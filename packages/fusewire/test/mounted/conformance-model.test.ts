// The random-operation model check with the real kernel, a few seconds of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkAllThree } from '../conformance/model-mounted.js'

for (const seed of [10, 11, Date.now() % 1_000_000]) {
  test(`the host, the mount and the simulator are alike, seed ${seed}`, { timeout: 120_000 }, async () => {
    const { succeeded } = await checkAllThree(seed, 100)
    assert.ok(succeeded > 20, `only ${succeeded} operations succeeded`)
  })
}
