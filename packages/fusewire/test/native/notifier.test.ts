import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Notifier } from '../../src/native/dev.js'
import { calls, NEG, receive, runChild, sockets, until } from './support.js'

const dir = mkdtempSync(join(tmpdir(), 'fusewire-notifier-'))
after(() => rmSync(dir, { recursive: true }))

/**
 * A blocking descriptor: writes into it stop after the 64 KiB of a pipe (pipe(7)), as writes of notifications stop on
 * a lock in the kernel.
 */
function blockingPipe(): number {
  const path = join(dir, `pipe-${process.hrtime.bigint()}`)
  const made = spawnSync('mkfifo', [path])
  assert.equal(made.status, 0)
  return openSync(path, constants.O_RDWR)
}

const PIPE_BYTES = 65536

function start(fd: number, onDone: (id: number, result: number) => void): Notifier {
  const notifier = calls.notifierStart(fd, onDone)
  assert.equal(typeof notifier, 'object', `notifierStart: ${String(notifier)}`)
  return notifier as Notifier
}

test('messages are written in order and each result comes back with its id', async () => {
  const [device, kernel] = sockets()
  const done: [number, number][] = []
  const notifier = start(device, (id, result) => done.push([id, result]))
  const message = new Uint8Array(2)
  for (let id = 0; id < 100; id++) {
    message[0] = id // copied at once: the next turn of this loop overwrites it
    assert.equal(calls.notifierSend(notifier, message, id + 2 ** 40), 0)
  }
  await until(() => done.length === 100, 'all results')
  for (let id = 0; id < 100; id++) {
    assert.deepEqual(done[id], [id + 2 ** 40, 0])
    assert.deepEqual([...receive(kernel)!], [id, 0])
  }
  assert.equal(calls.notifierStop(notifier), 0)
  assert.equal(calls.notifierSend(notifier, message, 1), NEG.EBADF)
  assert.equal(calls.notifierStop(notifier), 0)
  calls.closeFd(device)
  calls.closeFd(kernel)
})

test('the errno of a refused message is its result, and the next one is written', async () => {
  const [device, kernel] = sockets()
  const done: [number, number][] = []
  const notifier = start(device, (id, result) => done.push([id, result]))
  assert.equal(calls.notifierSend(notifier, new Uint8Array(4 << 20), 1), 0) // too long for a socket
  assert.equal(calls.notifierSend(notifier, Uint8Array.of(5), 2), 0)
  await until(() => done.length === 2, 'two results')
  assert.deepEqual(done, [
    [1, NEG.EMSGSIZE],
    [2, 0],
  ])
  assert.deepEqual([...receive(kernel)!], [5])
  calls.notifierStop(notifier)
  calls.closeFd(device)
  calls.closeFd(kernel)
})

test('it keeps a duplicate of the descriptor until it is stopped, and no longer', async () => {
  const [device, kernel] = sockets()
  const done: number[] = []
  const notifier = start(device, (_, result) => done.push(result))
  calls.closeFd(device)
  calls.notifierSend(notifier, Uint8Array.of(5), 1)
  await until(() => done.length === 1, 'the result')
  assert.deepEqual(done, [0])
  assert.deepEqual([...receive(kernel)!], [5])
  assert.equal(calls.notifierStop(notifier), 0)
  assert.equal(calls.writeOne(kernel, Uint8Array.of(1), 0, 1), NEG.EPIPE)
  calls.closeFd(kernel)
})

test('the queue is bounded by count', async () => {
  const fd = blockingPipe()
  let done = 0
  const notifier = start(fd, () => done++)
  calls.notifierSend(notifier, new Uint8Array(PIPE_BYTES), 0)
  await until(() => done === 1, 'the pipe to be full')
  let accepted = 0
  while (calls.notifierSend(notifier, Uint8Array.of(1), accepted) === 0) accepted++
  assert.equal(accepted, 4096)
  assert.equal(calls.notifierSend(notifier, Uint8Array.of(1), 0), NEG.EAGAIN)
  drain(fd, PIPE_BYTES + 4096)
  await until(() => done === 4097, 'all results')
  assert.equal(calls.notifierSend(notifier, Uint8Array.of(1), 0), 0)
  calls.notifierStop(notifier)
  closeSync(fd)
})

test('the queue is bounded by bytes; a single message of any size is taken when nothing waits', async () => {
  const fd = blockingPipe()
  const done: number[] = []
  const notifier = start(fd, (id) => done.push(id))
  const mebibyte = new Uint8Array(1 << 20)
  assert.equal(calls.notifierSend(notifier, new Uint8Array(9 << 20), 1), 0)
  assert.equal(calls.notifierSend(notifier, Uint8Array.of(1), 2), NEG.EAGAIN)
  drain(fd, 9 << 20)
  await until(() => done.length === 1, 'the large message')
  let accepted = 0
  while (calls.notifierSend(notifier, mebibyte, accepted) === 0) accepted++
  assert.equal(accepted, 8)
  drain(fd, 8 << 20)
  await until(() => done.length === 9, 'all results')
  calls.notifierStop(notifier)
  closeSync(fd)
})

test('a stop does not wait for a thread that sits in the kernel; that thread ends when the kernel lets it go', async () => {
  const fd = blockingPipe()
  await until(() => calls.liveCounts().threads === 0, 'the threads of earlier tests to end')
  const done: number[] = []
  const notifier = start(fd, (id) => done.push(id))
  calls.notifierSend(notifier, new Uint8Array(PIPE_BYTES + 1), 1)
  calls.notifierSend(notifier, new Uint8Array(1), 2)
  await until(() => threadIsBlocked(), 'the thread to sit in write')
  assert.equal(calls.notifierStop(notifier), NEG.EBUSY)
  await turn()
  assert.equal(calls.liveCounts().threads, 1)
  drain(fd, PIPE_BYTES + 1)
  await until(() => calls.liveCounts().threads === 0, 'the thread to end')
  assert.deepEqual(done, [])
  closeSync(fd)
})

test('a stop inside of onDone is the last call', async () => {
  const [device, kernel] = sockets()
  const done: number[] = []
  const notifier: Notifier = start(device, (id) => {
    done.push(id)
    calls.notifierStop(notifier)
  })
  for (let id = 0; id < 50; id++) calls.notifierSend(notifier, Uint8Array.of(id), id)
  await until(() => done.length > 0, 'the first result')
  for (let i = 0; i < 20; i++) await turn()
  assert.deepEqual(done, [0])
  calls.closeFd(device)
  calls.closeFd(kernel)
})

test('neither a notifier nor its thread in the kernel keeps the process from its end', () => {
  const fd = blockingPipe()
  const path = `/proc/${process.pid}/fd/${fd}`
  for (const end of ['', 'process.exit(7)']) {
    const child = runChild(`
      import { openSync } from 'node:fs'
      import { setTimeout as sleep } from 'node:timers/promises'
      const n = calls.notifierStart(openSync(${JSON.stringify(path)}, 'r+'), () => {})
      calls.notifierSend(n, new Uint8Array(${PIPE_BYTES + 1}), 1)
      await sleep(50)
      console.log(JSON.stringify(calls.liveCounts()))
      ${end}`)
    assert.equal(child.stderr, '')
    assert.deepEqual([child.status, child.signal], [end ? 7 : 0, null])
    assert.equal(JSON.parse(child.stdout).threads, 1)
    drain(fd, PIPE_BYTES)
  }
  closeSync(fd)
})

/** Reads that many bytes; blocks until the notifier has written them, a test that hangs here is ended by the runner. */
function drain(fd: number, bytes: number): void {
  const buffer = new Uint8Array(1 << 20)
  for (let left = bytes; left > 0; ) left -= readSync(fd, buffer, 0, Math.min(left, buffer.length), null)
}

/** Whether a thread of this process sleeps in pipe_write. */
function threadIsBlocked(): boolean {
  return readdirSync('/proc/self/task').some((tid) => {
    try {
      return readFileSync(`/proc/self/task/${tid}/wchan`, 'utf8').includes('pipe_w')
    } catch {
      return false
    }
  })
}
