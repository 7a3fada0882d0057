// The nine notifications, on the simulated kernel: what each of them changes there.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { POLL } from '../../src/api/constants.js'
import type { Request, Result } from '../../src/api/request.js'
import { MemoryFileSystem } from '../../src/fs/memory/filesystem.js'
import { simulate } from '../../src/testing/index.js'

async function start(files = new MemoryFileSystem({ uid: 0, gid: 0 })) {
  const sim = await simulate(files, { lookups: () => files.usage().lookups })
  const node = async (path: string): Promise<number> => (await sim.fs.stat(path)).ino
  const end = async (): Promise<void> => {
    assert.deepEqual(await sim.unmount(), { violations: [], held: [], leaked: 0, unanswered: 0 })
  }
  return { sim, fs: sim.fs, node, end, notify: sim.notify }
}

const code = (name: string) => (error: unknown) => (error as NodeJS.ErrnoException).code === name

describe('notifications', () => {
  test('INVAL_INODE drops attributes, and pages where it says so', async () => {
    const { sim, fs, node, end, notify } = await start()
    await fs.writeFile('/f', Buffer.alloc(8192, 1))
    const id = await node('/f')
    const file = await fs.open('/f', 'r')
    const buffer = Buffer.alloc(8192)
    const read = async (): Promise<number> => {
      const before = sim.sent('READ')
      await file.read(buffer, 0, 8192, 0)
      return sim.sent('READ') - before
    }
    await read()
    assert.equal(await read(), 0, 'cached')
    await notify.invalInode(id, -1)
    assert.equal(await read(), 0, 'attributes only')
    await notify.invalInode(id)
    assert.equal(await read(), 1, 'pages too')
    await assert.rejects(notify.invalInode(4711), code('ENOENT'))
    await file.close()
    await end()
  })

  test('INVAL_ENTRY drops a name and its node, EXPIRE_ONLY asks again', async () => {
    const { sim, fs, end, notify } = await start()
    await fs.writeFile('/f', '')
    await fs.stat('/f')
    const [lookups, forgets] = [sim.sent('LOOKUP'), sim.sent('FORGET')]
    await notify.invalEntry(1, 'f', { expireOnly: true })
    await fs.stat('/f')
    assert.deepEqual([sim.sent('LOOKUP'), sim.sent('FORGET')], [lookups + 1, forgets])
    await notify.invalEntry(1, 'f')
    assert.equal(sim.sent('FORGET'), forgets + 1)
    await assert.rejects(notify.invalEntry(1, 'f'), code('ENOENT'))
    await end()
  })

  test('DELETE drops a name that leads to that node only', async () => {
    const { fs, node, end, notify } = await start()
    await fs.writeFile('/f', '')
    await assert.rejects(notify.delete(1, 4711, 'f'), code('ENOENT'))
    await notify.delete(1, await node('/f'), 'f')
    await assert.rejects(notify.delete(1, 2, 'f'), code('ENOENT'))
    await fs.stat('/f')
    await end()
  })

  test('STORE puts pages into the cache, RETRIEVE takes them out', async () => {
    const { sim, fs, node, end, notify } = await start()
    await fs.writeFile('/f', Buffer.alloc(10_000, 1))
    const id = await node('/f')
    await sim.dropCaches()
    await fs.stat('/f')
    const file = await fs.open('/f', 'r')
    assert.equal((await notify.retrieve(id, 0, 10_000)).length, 0, 'nothing is cached')
    await notify.store(id, 0, Buffer.alloc(4096, 7))
    assert.deepEqual(await notify.retrieve(id, 0, 10_000), new Uint8Array(4096).fill(7))
    const buffer = Buffer.alloc(100)
    const reads = sim.sent('READ')
    await file.read(buffer, 0, 100, 0)
    assert.deepEqual([buffer[0], sim.sent('READ')], [7, reads])
    await file.close()
    await end()
  })

  test('INC_EPOCH makes every name be asked for again', async () => {
    const { sim, fs, end, notify } = await start()
    await fs.mkdir('/d')
    await fs.writeFile('/d/f', '')
    await fs.stat('/d/f')
    const before = sim.sent('LOOKUP')
    await notify.incEpoch()
    await fs.stat('/d/f')
    assert.equal(sim.sent('LOOKUP'), before + 2)
    await end()
  })

  test('PRUNE drops unused nodes and leaves those in use', async () => {
    const { sim, fs, node, end, notify } = await start()
    await fs.writeFile('/unused', '')
    await fs.writeFile('/open', '')
    const ids = [await node('/unused'), await node('/open')]
    const file = await fs.open('/open', 'r')
    await notify.prune([...ids, 4711])
    const known = sim.nodes.map((one) => one.node)
    assert.deepEqual(
      ids.map((id) => known.includes(id)),
      [false, true],
    )
    await file.close()
    await end()
  })

  test('POLL wakes who waits', async () => {
    class Waits extends MemoryFileSystem {
      isReady = false
      wake: { low: number; high: number } | undefined
      override poll(_r: Request, _n: number, _h: number, _e: number, wake: typeof this.wake): Result {
        this.wake = wake ?? this.wake
        return this.isReady ? POLL.IN : 0
      }
      tell(): void {
        this.isReady = true
        void this.notify?.poll(this.wake!)
      }
    }
    const files = new Waits({ uid: 0, gid: 0 })
    const { fs, end } = await start(files)
    const file = await fs.open('/f', 'w+')
    const waiting = file.poll(POLL.IN, new AbortController().signal)
    setImmediate(() => files.tell())
    assert.equal(await waiting, POLL.IN)
    files.isReady = false
    const abort = new AbortController()
    setImmediate(() => abort.abort())
    assert.equal(await file.poll(POLL.IN, abort.signal), 0)
    await file.close()
    await end()
  })

  test('RESEND sends what is unanswered once more, and one answer ends it', async () => {
    class Late extends MemoryFileSystem {
      readonly answers: (() => void)[] = []
      override async mkdir(...args: Parameters<MemoryFileSystem['mkdir']>): Promise<number> {
        await new Promise<void>((resolve) => this.answers.push(resolve))
        return super.mkdir(...args) as number
      }
    }
    const files = new Late({ uid: 0, gid: 0 })
    const { sim, fs, notify } = await start(files)
    const made = fs.mkdir('/d')
    while (files.answers.length < 1) await new Promise((resolve) => setImmediate(resolve))
    await notify.resend()
    assert.equal(files.answers.length, 2, 'the filesystem has it twice')
    files.answers[1]!()
    await made
    files.answers[0]!()
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok((await fs.stat('/d')).isDirectory())
    assert.deepEqual((await sim.unmount()).violations, [])
  })
})
