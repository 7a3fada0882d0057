// The conformance suite on the memory filesystem, on the real kernel.
import { rm } from 'node:fs/promises'
import { memory, mount } from '../../src/index.js'
import { conformance } from '../../src/testing/index.js'
import { emptyDirectory, hostCapabilities, hostPlace } from '../conformance/host.js'

conformance(
  'memory on the real kernel',
  async () => {
    const directory = await emptyDirectory()
    const users = process.getuid?.() === 0 ? { allowOther: true, defaultPermissions: true } : {}
    const mounted = await mount(directory, memory(), users)
    return hostPlace(directory, async () => {
      await mounted[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    })
  },
  hostCapabilities(),
)
