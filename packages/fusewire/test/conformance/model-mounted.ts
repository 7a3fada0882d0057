import * as nodeFs from 'node:fs/promises'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memory, mount } from '../../src/index.js'
import { type FsShape, type ModelSummary, modelCheck, simulate } from '../../src/testing/index.js'

/** The same operations on the host's filesystem, on memory on the real kernel, and on memory on the simulated one. */
export async function checkAllThree(seed: number, steps: number): Promise<ModelSummary> {
  const base = await mkdtemp(join(tmpdir(), 'fusewire-model-'))
  const [plain, point] = [join(base, 'host'), join(base, 'mnt')]
  await Promise.all([nodeFs.mkdir(plain), nodeFs.mkdir(point)])
  const fs = nodeFs as unknown as FsShape
  try {
    await using _mounted = await mount(point, memory())
    await using sim = await simulate(memory(), { umask: process.umask(), seed, delays: 2 })
    return await modelCheck({
      seed,
      steps,
      targets: [
        { name: 'the host', fs, directory: plain },
        { name: 'the mount', fs, directory: point },
        { name: 'the simulator', fs: sim.fs, directory: '' },
      ],
    })
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}
