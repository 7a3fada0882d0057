// The conformance suite on the memory filesystem, on the simulated kernel: in order, and with delays.
import assert from 'node:assert/strict'
import { memory } from '../../src/index.js'
import { CAPABILITIES, type Capabilities, conformance, simulate } from '../../src/testing/index.js'

const everything = Object.fromEntries(Object.keys(CAPABILITIES).map((name) => [name, true])) as Capabilities

for (const delays of [0, 3]) {
  conformance(
    `memory on the simulated kernel, replies ${delays} turns late at most`,
    async () => {
      const files = memory({ uid: 0, gid: 0 })
      const sim = await simulate(files, {
        delays,
        defaultPermissions: true,
        lookups: () => files.usage().lookups,
      })
      const close = async () => {
        assert.deepEqual(await sim.unmount(), { violations: [], held: [], leaked: 0, unanswered: 0 })
      }
      return { fs: sim.fs, posix: sim.fs, as: async (user) => sim.as(user), directory: '', close }
    },
    everything,
  )
}
