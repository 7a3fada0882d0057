// The random-operation model check for minutes: FUSEWIRE_SEED starts it elsewhere.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkAllThree } from '../conformance/model-mounted.js'

const FIRST = Number(process.env.FUSEWIRE_SEED ?? Date.now() % 1_000_000)

for (let seed = FIRST; seed < FIRST + 10; seed++) {
  test(`the host, the mount and the simulator are alike, seed ${seed}`, { timeout: 600_000 }, async () => {
    const { succeeded } = await checkAllThree(seed, 1500)
    assert.ok(succeeded > 300, `only ${succeeded} operations succeeded`)
  })
}
