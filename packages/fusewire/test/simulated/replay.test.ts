// Recorded connections, replayed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Request, Result } from '../../src/api/request.js'
import { MemoryFileSystem as Memory } from '../../src/fs/memory/filesystem.js'
import { type MemoryFileSystem, memory } from '../../src/index.js'
import { replay, simulate, type TraceRecord } from '../../src/testing/index.js'

async function recorded(files: MemoryFileSystem): Promise<TraceRecord[]> {
  const trace: TraceRecord[] = []
  const sim = await simulate(files, { record: (record) => trace.push(record) })
  const { fs } = sim
  await fs.mkdir('/d')
  await fs.writeFile('/d/f', 'content')
  await fs.symlink('f', '/d/s')
  await fs.rename('/d/f', '/d/g')
  await assert.rejects(fs.stat('/d/none'))
  await fs.readdir('/d')
  assert.equal((await fs.readFile('/d/g')).toString(), 'content')
  await sim.unmount()
  return trace
}

const options = { uid: 0, gid: 0, size: '1G' }

test('a recorded connection gives the same replies once more', async () => {
  const trace = await recorded(memory(options))
  assert.ok(trace.filter(({ kind }) => kind === 'reply').length > 15)
  assert.equal(await replay(trace, memory(options)), null)
})

test('the first reply that differs is shown', async () => {
  class Other extends Memory {
    override read(
      req: Request,
      id: number,
      handle: number,
      offset: number,
      size: number,
      out: never,
    ): Result {
      return size > 0 ? super.read(req, id, handle, offset + 1, size, out) : 0
    }
  }
  const difference = await replay(await recorded(memory(options)), new Other(options))
  assert.match(difference?.request ?? 'none', /READ/)
  assert.notEqual(difference?.recorded, difference?.now)
})

test('a reply that does not come is a difference', async () => {
  class Silent extends Memory {
    override readlink(): Result {
      return new Promise(() => {})
    }
    override rename(): Result {
      return new Promise(() => {})
    }
  }
  const difference = await replay(await recorded(memory(options)), new Silent(options), { timeout: 50 })
  assert.match(difference?.request ?? 'none', /RENAME/)
  assert.equal(difference?.now, 'no reply')
})
