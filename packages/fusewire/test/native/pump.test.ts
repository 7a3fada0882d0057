import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Pump } from '../../src/native/dev.js'
import { calls, NEG, receive, send, sockets, until } from './support.js'

interface Fixture {
  /** The descriptor that the pump reads, and its peer. */
  device: number
  kernel: number
  rx: Uint8Array
  reply: Uint8Array
  requests: number[]
  ends: number[]
  writeErrors: number[]
  pump: Pump
  close(): void
}

/** A pump whose requests are answered by `answer`; by default nothing is answered. */
function start(answer: (bytes: number, f: Fixture) => number = () => 0): Fixture {
  const [device, kernel] = sockets()
  const f: Fixture = {
    device,
    kernel,
    rx: new Uint8Array(8192),
    reply: new Uint8Array(64),
    requests: [],
    ends: [],
    writeErrors: [],
    pump: undefined as never,
    close() {
      calls.pumpStop(f.pump)
      calls.closeFd(device)
      calls.closeFd(kernel)
    },
  }
  const onRequest = (bytes: number) => {
    f.requests.push(f.rx[0]!)
    return answer(bytes, f)
  }
  const pump = calls.pumpStart(
    device,
    f.rx,
    f.reply,
    onRequest,
    (error) => f.ends.push(error),
    (error) => f.writeErrors.push(error),
  )
  assert.equal(typeof pump, 'object', `pumpStart: ${String(pump)}`)
  f.pump = pump as Pump
  return f
}

test('each message is one call with its length; a positive result is written from the reply buffer', async () => {
  const lengths: number[] = []
  const f = start((bytes, { rx, reply }) => {
    lengths.push(bytes)
    reply.set([rx[0]!, 100, 101])
    return bytes
  })
  send(f.kernel, Uint8Array.of(1))
  send(f.kernel, Uint8Array.of(2, 0, 0))
  await until(() => f.requests.length === 2, 'two requests')
  assert.deepEqual(lengths, [1, 3])
  assert.deepEqual([...receive(f.kernel)!], [1])
  assert.deepEqual([...receive(f.kernel)!], [2, 100, 101])
  assert.equal(receive(f.kernel), null)
  assert.deepEqual([f.ends, f.writeErrors], [[], []])
  f.close()
})

test('ten thousand messages arrive in order, while timers and other sockets stay alive', async () => {
  let timers = 0
  const timer = setInterval(() => timers++, 1)
  const f = start((_, { reply, rx }) => {
    reply[0] = rx[0]!
    return 1
  })
  const answers: number[] = []
  const TOTAL = 10_000
  for (let sent = 0; answers.length < TOTAL; ) {
    const left = TOTAL - sent
    for (let i = 0; i < Math.min(left, 100); i++) send(f.kernel, Uint8Array.of(sent++ & 0xff))
    while (answers.length < sent) {
      const answer = receive(f.kernel)
      if (answer === null) await turn()
      else answers.push(answer[0]!)
    }
  }
  clearInterval(timer)
  assert.ok(answers.every((value, index) => value === (index & 0xff)))
  assert.ok(timers > 0)
  f.close()
})

test('a wake-up serves 64 requests at most, so a flood does not stop the loop', async () => {
  const batches: number[] = []
  let current = 0
  // The socket never runs empty: each request is followed by another one.
  const f = start((_, { kernel }) => {
    current++
    send(kernel, Uint8Array.of(1))
    return 0
  })
  for (let i = 0; i < 100; i++) send(f.kernel, Uint8Array.of(1))
  while (batches.reduce((sum, n) => sum + n, 0) < 2000) {
    await turn()
    batches.push(current)
    current = 0
  }
  assert.ok(Math.max(...batches) <= 64, `batches: ${batches}`)
  assert.ok(Math.max(...batches) > 1, 'a full queue is served in batches')
  f.close()
})

test('promise reactions and nextTick callbacks of a request run', async () => {
  const order: string[] = []
  const f = start((_, { device }) => {
    Promise.resolve().then(() => {
      order.push('reaction')
      send(device, Uint8Array.of(9))
    })
    process.nextTick(() => order.push('tick'))
    return 0
  })
  send(f.kernel, Uint8Array.of(1))
  await until(() => order.length === 2, 'both callbacks')
  assert.deepEqual(order, ['tick', 'reaction'])
  assert.deepEqual([...receive(f.kernel)!], [9])
  f.close()
})

test('both buffers can be swapped inside of onRequest', async () => {
  const rx2 = new Uint8Array(8192)
  const reply2 = Uint8Array.of(77, 78)
  const f = start((_, { pump }) => {
    if (f.requests.length > 1) return 1
    assert.equal(calls.pumpSetRx(pump, rx2), 0)
    assert.equal(calls.pumpSetReply(pump, reply2), 0)
    return 2 // from the new reply buffer
  })
  send(f.kernel, Uint8Array.of(5))
  send(f.kernel, Uint8Array.of(6))
  await until(() => f.requests.length === 2, 'two requests')
  assert.deepEqual([f.rx[0], rx2[0]], [5, 6])
  assert.deepEqual([...receive(f.kernel)!], [77, 78])
  assert.deepEqual([...receive(f.kernel)!], [77])
  f.close()
})

test('a paused pump reads nothing and goes on where it stopped', async () => {
  const f = start((_, { pump }) => calls.pumpPause(pump))
  for (const id of [1, 2, 3]) send(f.kernel, Uint8Array.of(id))
  await until(() => f.requests.length > 0, 'the first request')
  for (let i = 0; i < 20; i++) await turn()
  assert.deepEqual(f.requests, [1])
  for (const expected of [2, 3]) {
    assert.equal(calls.pumpResume(f.pump), 0)
    assert.equal(calls.pumpResume(f.pump), 0)
    await until(() => f.requests.length === expected, `request ${expected}`)
  }
  assert.deepEqual(f.requests, [1, 2, 3])
  assert.deepEqual(f.ends, [])
  f.close()
})

test('a paused pump keeps what the peer sent before its end for later', async () => {
  const f = start()
  calls.pumpPause(f.pump)
  send(f.kernel, Uint8Array.of(8))
  await turn()
  calls.closeFd(f.kernel)
  for (let i = 0; i < 20; i++) await turn()
  assert.deepEqual([f.requests, f.ends], [[], []])
  calls.pumpResume(f.pump)
  await until(() => f.ends.length > 0, 'the end')
  assert.deepEqual([f.requests, f.ends], [[8], [0]])
  calls.closeFd(f.device)
})

test('the end is told once, after the last request, and every later call says EBADF', async () => {
  const f = start()
  for (let id = 1; id <= 5; id++) send(f.kernel, Uint8Array.of(id))
  calls.closeFd(f.kernel)
  await until(() => f.ends.length > 0, 'the end')
  await turn()
  assert.deepEqual([f.requests, f.ends], [[1, 2, 3, 4, 5], [0]])
  assert.equal(calls.pumpSetRx(f.pump, f.rx), NEG.EBADF)
  assert.equal(calls.pumpSetReply(f.pump, f.rx), NEG.EBADF)
  assert.equal(calls.pumpPause(f.pump), NEG.EBADF)
  assert.equal(calls.pumpResume(f.pump), NEG.EBADF)
  assert.equal(calls.pumpRef(f.pump), 0)
  assert.equal(calls.pumpUnref(f.pump), 0)
  assert.equal(calls.pumpStop(f.pump), 0)
  assert.equal(calls.pumpStop(f.pump), 0)
  calls.closeFd(f.device)
})

test('a stop inside of onRequest ends it: nothing more is read or written, and the descriptor may be closed', async () => {
  const f = start((_, { pump, device }) => {
    calls.pumpStop(pump)
    assert.equal(calls.closeFd(device), 0)
    return 1
  })
  send(f.kernel, Uint8Array.of(1))
  send(f.kernel, Uint8Array.of(2))
  await until(() => f.requests.length > 0, 'the first request')
  for (let i = 0; i < 20; i++) await turn()
  assert.deepEqual([f.requests, f.ends], [[1], []])
  assert.throws(() => receive(f.kernel)) // -ECONNRESET: the peer was closed with a message unread
  calls.closeFd(f.kernel)
})

test('one descriptor has one pump at a time; after its stop it may have another', () => {
  const f = start()
  const again = () =>
    calls.pumpStart(
      f.device,
      f.rx,
      f.reply,
      () => 0,
      () => {},
    )
  assert.equal(again(), NEG.EEXIST)
  calls.pumpStop(f.pump)
  const second = again()
  assert.equal(typeof second, 'object')
  calls.pumpStop(second as Pump)
  f.close()
})

test('what cannot be polled is refused', () => {
  const none = new Uint8Array(1)
  const regular = calls.openDevice('/proc/self/comm')
  assert.ok(regular >= 0)
  const result = calls.pumpStart(
    regular,
    none,
    none,
    () => 0,
    () => {},
  )
  assert.equal(result, NEG.EPERM)
  calls.closeFd(regular)
})

test('a refused reply is reported and the pump goes on', async () => {
  const f = start((bytes) => (bytes === 2 ? 65 : 1))
  send(f.kernel, Uint8Array.of(1, 1)) // answered with more than the reply buffer holds
  send(f.kernel, Uint8Array.of(2))
  await until(() => f.requests.length === 2, 'two requests')
  assert.deepEqual(f.writeErrors, [NEG.EINVAL])
  assert.equal(receive(f.kernel)!.length, 1)
  f.close()
})

test('the errno of a failed write reaches onWriteError', async () => {
  const errors: number[] = []
  const [device, kernel] = sockets()
  const pump = calls.pumpStart(
    device,
    new Uint8Array(8192),
    new Uint8Array(4 << 20),
    () => 4 << 20,
    () => {},
    (error) => errors.push(error),
  ) as Pump
  send(kernel, Uint8Array.of(1))
  await until(() => errors.length > 0, 'the error')
  assert.deepEqual(errors, [NEG.EMSGSIZE])
  calls.pumpStop(pump)
  calls.closeFd(device)
  calls.closeFd(kernel)
})

test('an exception in onRequest, or a result that is no number, costs that request only', async () => {
  const results: unknown[] = [undefined, '1', 1]
  const f = start(() => {
    const id = f.requests.length
    if (id === 1) throw new Error('thrown by the handler')
    return results[id - 2] as number
  })
  const uncaught: Error[] = []
  const listener = (error: Error) => uncaught.push(error)
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', listener)
  try {
    for (let id = 1; id <= 4; id++) send(f.kernel, Uint8Array.of(id))
    await until(() => f.requests.length === 4, 'four requests')
  } finally {
    process.off('uncaughtException', listener)
    for (const other of others) process.on('uncaughtException', other)
  }
  assert.deepEqual(
    uncaught.map(({ message }) => message),
    [
      'thrown by the handler',
      'onRequest: expected to return a number',
      'onRequest: expected to return a number',
    ],
  )
  assert.equal(receive(f.kernel)!.length, 1)
  f.close()
})

test('a receive buffer whose memory was given away ends the pump, a reply buffer costs the reply', async () => {
  const f = start((_, { reply }) => {
    structuredClone(reply, { transfer: [reply.buffer as ArrayBuffer] })
    return 1
  })
  send(f.kernel, Uint8Array.of(1))
  await until(() => f.writeErrors.length > 0, 'the write error')
  assert.deepEqual(f.writeErrors, [NEG.EINVAL])
  structuredClone(f.rx, { transfer: [f.rx.buffer as ArrayBuffer] })
  send(f.kernel, Uint8Array.of(2))
  await until(() => f.ends.length > 0, 'the end')
  assert.deepEqual(f.ends, [NEG.EFAULT])
  f.close()
})

test('two pumps on the two ends of a pair serve each other', async () => {
  const [a, b] = sockets()
  let exchanged = 0
  const stopped = new EventTarget()
  const ping = (fd: number) => {
    const rx = new Uint8Array(8192)
    const reply = new Uint8Array(8192)
    const onRequest = (bytes: number) => {
      reply.set(rx.subarray(0, bytes))
      if (++exchanged < 1000) return bytes
      stopped.dispatchEvent(new Event('done'))
      return 0
    }
    return calls.pumpStart(fd, rx, reply, onRequest, () => {}) as Pump
  }
  const pumps = [ping(a), ping(b)]
  const done = once(stopped, 'done')
  send(a, new Uint8Array(5000))
  await done
  assert.equal(exchanged, 1000)
  for (const pump of pumps) calls.pumpStop(pump)
  calls.closeFd(a)
  calls.closeFd(b)
})
