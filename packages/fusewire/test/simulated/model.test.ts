// The random-operation model check without a mount: the host's filesystem, and memory on the simulated kernel.
import assert from 'node:assert/strict'
import * as nodeFs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Request, Result } from '../../src/api/request.js'
import { MemoryFileSystem } from '../../src/fs/memory/filesystem.js'
import { type FsShape, ModelError, type ModelTarget, modelCheck, simulate } from '../../src/testing/index.js'

const umask = process.umask()

describe('the model check', () => {
  let directory: string
  let host: ModelTarget
  before(async () => {
    directory = await nodeFs.mkdtemp(join(tmpdir(), 'fusewire-model-'))
    host = { name: 'the host', fs: nodeFs as unknown as FsShape, directory }
  })
  after(() => nodeFs.rm(directory, { recursive: true, force: true }))

  async function against(files: MemoryFileSystem, seed: number, steps: number, delays = 0) {
    const sim = await simulate(files, { umask, delays, seed, lookups: () => files.usage().lookups })
    const target = { name: 'the simulator', fs: sim.fs, directory: '' }
    try {
      return await modelCheck({ seed, steps, targets: [host, target] })
    } finally {
      const { leaked, held, violations } = await sim.unmount()
      assert.deepEqual({ leaked, held, violations }, { leaked: 0, held: [], violations: [] })
    }
  }

  for (const seed of [1, 2, 3, Date.now() % 1_000_000]) {
    test(`memory on the simulator is like the host, seed ${seed}`, { timeout: 60_000 }, async () => {
      const { steps, succeeded } = await against(new MemoryFileSystem(), seed, 150, seed % 3)
      assert.equal(steps, 150)
      assert.ok(succeeded > 30, `only ${succeeded} operations succeeded`)
    })
  }

  test('a filesystem that is wrong is found, in few operations', { timeout: 60_000 }, async () => {
    class LosesAppended extends MemoryFileSystem {
      override write(req: Request, id: number, handle: number, offset: number, data: Uint8Array): Result {
        return offset > 0 && data.length === 10 ? data.length : super.write(req, id, handle, offset, data)
      }
    }
    await assert.rejects(against(new LosesAppended(), 4, 500), (error) => {
      assert.ok(error instanceof ModelError)
      assert.match(error.message, /^seed 4, step \d+: .*the host says/)
      assert.ok(error.operations.length <= 12, `${error.operations.length} operations`)
      return true
    })
  })
})
