import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { addon } from '../../src/native/load.js'
import type { MountCalls } from '../../src/native/mount.js'
import type { VfsCalls } from '../../src/native/vfs.js'
import { calls, NEG, runChild, until } from './support.js'

/** The calls of mounting run on the pool; opening a fifo blocks one of its threads for as long as we like. */
const { mount, ...vfs } = addon<{ mount: MountCalls } & VfsCalls>()
const { O_RDONLY, O_RDWR, O_NONBLOCK } = constants

const dir = mkdtempSync(join(tmpdir(), 'fusewire-work-'))
after(() => rmSync(dir, { recursive: true }))
const fifo = join(dir, 'fifo')
assert.equal(spawnSync('mkfifo', [fifo]).status, 0)

const THREADS_MAX = 64

/** Lets every open of the fifo go on that blocks now; the descriptor is to be closed. */
const release = () => openSync(fifo, O_RDWR | O_NONBLOCK)

test('a call runs beside the loop and comes back with its result', async () => {
  assert.equal(await mount.access(join(dir, 'missing'), 0), NEG.ENOENT)
  const results = await Promise.all(Array.from({ length: 500 }, () => mount.access(dir, 0)))
  assert.ok(results.every((result) => result === 0))
  assert.equal(calls.liveCounts().jobs, 0)
  assert.ok(calls.liveCounts().threads <= THREADS_MAX)
})

test('blocked calls fill this pool up to its limit and leave the pool of libuv alone', async () => {
  const opens = Array.from({ length: THREADS_MAX + 10 }, () => mount.open(fifo, O_RDONLY))
  await until(() => calls.liveCounts().threads === THREADS_MAX, 'all threads')
  assert.equal(calls.liveCounts().jobs, THREADS_MAX + 10)
  await Promise.all(Array.from({ length: 20 }, () => stat(dir)))
  const writer = release()
  const fds = await Promise.all(opens)
  assert.ok(fds.every((fd) => fd >= 0))
  for (const fd of [...fds, writer]) closeSync(fd)
  assert.equal(calls.liveCounts().jobs, 0)
})

test('a worker that is terminated while its calls block: waiting ones are dropped, running ones free what they got', async () => {
  const text = `
    const { workerData, parentPort } = require('node:worker_threads')
    const { mount } = require(workerData.addon).loadAddon()
    for (let i = 0; i < ${THREADS_MAX + 10}; i++) mount.open(workerData.fifo, 0)
    parentPort.postMessage('blocked')`
  const loader = new URL('../../src/native/addon.cjs', import.meta.url)
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(text, { eval: true, workerData: { fifo, addon: loader.pathname } })
    await new Promise((resolve) => worker.once('message', resolve))
    await until(() => calls.liveCounts().threads === THREADS_MAX, 'all threads')
    await sleep(20)
    await worker.terminate()
    assert.equal(calls.liveCounts().jobs, THREADS_MAX)
    const writer = release()
    await until(() => calls.liveCounts().jobs === 0, 'the threads to come back')
    assert.equal(calls.liveCounts().environments, 1)
    const open = readdirSync('/proc/self/fd').filter((fd) => linkOf(fd) === fifo)
    assert.deepEqual(open, [String(writer)])
    closeSync(writer)
  }
})

test('blocked calls do not keep the process from its exit', () => {
  const child = runChild(
    `import { addon } from ${JSON.stringify(new URL('../../src/native/load.js', import.meta.url).href)}
    const { mount } = addon()
    for (let i = 0; i < 100; i++) mount.open(${JSON.stringify(fifo)}, 0)
    setTimeout(() => process.exit(calls.liveCounts().jobs), 50)`,
  )
  assert.deepEqual([child.status, child.signal, child.stderr], [100, null, ''])
})

test('data of a call passes through memory of its own: it survives what JavaScript does meanwhile', async () => {
  const path = join(dir, 'data')
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT)
  const out = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251)
  const written = new Promise((done) => vfs.vfsWriteAsync(fd, out, 10, 65_000, 5, done))
  out.fill(255)
  assert.equal(await written, 65_000)
  const back = new Uint8Array(70_000)
  const read = new Promise((done) => vfs.vfsReadAsync(fd, back, 20, 66_000, 0, done))
  assert.ok(back.every((byte) => byte === 0))
  assert.equal(await read, 65_005)
  const expected = (index: number) => (index < 25 || index >= 65_025 ? 0 : (index - 15) % 251)
  assert.ok(back.every((byte, index) => byte === expected(index)))
  const gone = new Promise((done) => vfs.vfsReadAsync(fd, back, 0, 100, 0, done))
  structuredClone(back, { transfer: [back.buffer as ArrayBuffer] })
  assert.equal(await gone, NEG.EFAULT)
  closeSync(fd)
})

test('idle threads end', async () => {
  await mount.access(dir, 0)
  assert.ok(calls.liveCounts().threads > 0)
  await until(() => calls.liveCounts().threads === 0, 'the threads to end')
})

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
