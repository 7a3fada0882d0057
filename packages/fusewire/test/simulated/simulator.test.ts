// The kernel simulator on the memory filesystem: caches, counts, permissions, delays, interrupts, notifications.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type MemoryOptions, memory } from '../../src/index.js'
import { type SimulatorOptions, simulate } from '../../src/testing/index.js'

async function start(memoryOptions: MemoryOptions = {}, options: SimulatorOptions = {}) {
  const files = memory({ mode: 0o777, uid: 0, gid: 0, ...memoryOptions })
  const sim = await simulate(files, { lookups: () => files.usage().lookups, ...options })
  return { files, sim, fs: sim.fs }
}

/** Unmounts; nothing may be held, leaked, refused or unanswered. */
async function clean(sim: Awaited<ReturnType<typeof start>>['sim']): Promise<void> {
  assert.deepEqual(await sim.unmount(), { violations: [], held: [], leaked: 0, unanswered: 0 })
}

const code = (name: string) => (error: unknown) => (error as NodeJS.ErrnoException).code === name

describe('the kernel simulator', () => {
  test('an error has what errors of node:fs have', async () => {
    const { sim, fs } = await start()
    await assert.rejects(fs.open('/none/x'), {
      code: 'ENOENT',
      errno: -2,
      syscall: 'open',
      path: '/none/x',
      message: "ENOENT: no such file or directory, open '/none/x'",
    })
    await clean(sim)
  })

  test('names and attributes are asked for once as long as they are valid', async () => {
    const { sim, fs } = await start({ timeout: 10 })
    await fs.writeFile('/a', 'x')
    await fs.stat('/a')
    const [lookups, stats] = [sim.sent('LOOKUP'), sim.sent('GETATTR') + sim.sent('STATX')]
    for (let i = 0; i < 5; i++) await fs.stat('/a')
    assert.deepEqual([sim.sent('LOOKUP'), sim.sent('GETATTR') + sim.sent('STATX')], [lookups, stats])
    sim.advance(11)
    await fs.stat('/a')
    assert.equal(sim.sent('LOOKUP'), lookups + 1)
    await clean(sim)
  })

  test('every reference is given back after many names in delays and disorder', async () => {
    for (const seed of [1, 2, 3]) {
      const { sim, fs } = await start({}, { seed, delays: 4 })
      await fs.mkdir('/d')
      const names = Array.from({ length: 90 }, (_, i) => `/d/${i}`)
      await Promise.all(names.map((name) => fs.writeFile(name, name)))
      assert.equal((await fs.readdir('/d')).length, 90)
      await Promise.all(names.map(async (name, i) => (i % 3 === 0 ? fs.unlink(name) : fs.stat(name))))
      await sim.dropCaches()
      assert.deepEqual(
        sim.nodes.map(({ node }) => node),
        [1],
        'only the root is known',
      )
      assert.equal((await fs.readdir('/d')).length, 60)
      assert.ok(sim.sent('BATCH_FORGET') > 0)
      await clean(sim)
    }
  })

  test('an open file lives on without a name, and its node until it is closed', async () => {
    const { sim, fs, files } = await start()
    const file = await fs.open('/a', 'w+')
    await file.writeFile('kept')
    await fs.unlink('/a')
    await sim.dropCaches()
    const buffer = Buffer.alloc(10)
    assert.equal((await file.read(buffer, 0, 10, 0)).bytesRead, 4)
    assert.equal((await file.stat()).nlink, 0)
    await file.close()
    await sim.settled()
    assert.equal(files.usage().inodes, 1)
    await clean(sim)
  })

  test('permissions as default_permissions checks them', async () => {
    const { sim, fs } = await start({}, { defaultPermissions: true })
    await fs.writeFile('/secret', 'x', { mode: 0o600 })
    await fs.mkdir('/sticky')
    await fs.chmod('/sticky', 0o1777)
    const user = sim.as({ uid: 100, gid: 100 })
    const other = sim.as({ uid: 200, gid: 200, groups: [100] })
    await assert.rejects(user.readFile('/secret'), code('EACCES'))
    await user.writeFile('/sticky/mine', 'm', { mode: 0o640 })
    assert.equal((await user.stat('/sticky/mine')).uid, 100)
    await assert.rejects(other.unlink('/sticky/mine'), code('EPERM'))
    assert.equal((await other.readFile('/sticky/mine')).toString(), 'm')
    await assert.rejects(other.chmod('/sticky/mine', 0o777), code('EPERM'))
    await clean(sim)
  })

  test('forty links are followed, not forty-one', async () => {
    const { sim, fs } = await start()
    await fs.writeFile('/0', 'end')
    for (let i = 1; i <= 41; i++) await fs.symlink(`${i - 1}`, `/${i}`)
    assert.equal((await fs.readFile('/40')).toString(), 'end')
    await assert.rejects(fs.readFile('/41'), code('ELOOP'))
    await fs.symlink('self', '/self')
    await assert.rejects(fs.stat('/self'), code('ELOOP'))
    await clean(sim)
  })

  test('a waiting lock is interrupted', async () => {
    const { sim, fs } = await start()
    const one = await fs.open('/a', 'w+')
    const other = await sim.as({}).open('/a', 'r+')
    await one.lock({ type: 'write' })
    const abort = new AbortController()
    const waiting = other.lock({ type: 'write' }, { wait: true, signal: abort.signal })
    setImmediate(() => abort.abort())
    await assert.rejects(waiting, code('EINTR'))
    assert.equal(sim.stats().interrupts, 1)
    const later = other.lock({ type: 'write' }, { wait: true })
    await one.lock({ type: 'unlock' })
    await later
    await Promise.all([one.close(), other.close()])
    await clean(sim)
  })
})
