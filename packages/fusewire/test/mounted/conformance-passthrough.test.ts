// The conformance suite on a directory that is passed through, on the real kernel.
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { mount, passthrough } from '../../src/index.js'
import { conformance } from '../../src/testing/index.js'
import { emptyDirectory, hostCapabilities, hostPlace } from '../conformance/host.js'

conformance(
  'passthrough on the real kernel',
  async () => {
    const base = await emptyDirectory()
    const [source, point] = [join(base, 'source'), join(base, 'mnt')]
    await Promise.all([mkdir(source), mkdir(point)])
    const users = process.getuid?.() === 0 ? { allowOther: true, defaultPermissions: true } : {}
    const mounted = await mount(point, passthrough(source), users)
    return hostPlace(point, async () => {
      await mounted[Symbol.asyncDispose]()
      await rm(base, { recursive: true })
    })
  },
  hostCapabilities(),
)
