import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Notifier } from '../../src/native/dev.js'
import {
  MiniServer,
  mountBlocker,
  NOTIFY_INVAL_ENTRY,
  NOTIFY_INVAL_INODE,
  OP,
  run,
} from '../native/mini-server.js'
import { calls, NEG, until } from '../native/support.js'

const skip = mountBlocker() ?? false

describe('the device of the real kernel', { skip }, () => {
  let server: MiniServer
  beforeEach(() => {
    server = new MiniServer()
  })
  afterEach(() => server.close())

  const cat = async () => (await run('cat', `${server.dir}/f`)).stdout

  it('serves requests that are answered within the call', async () => {
    server.serve()
    for (let i = 0; i < 20; i++) assert.equal(await cat(), server.content.toString())
    assert.ok(server.opcodes.length > 60)
    assert.deepEqual([server.ends, server.writeErrors], [[], []])
  })

  it('serves requests that are answered later, by each of the writing calls', async () => {
    let turn = 0
    server.answer = (opcode) => {
      const length = server.usual(opcode)
      if (length === 0) return 0
      const bytes = new Uint8Array(server.reply.buffer.slice(0, length))
      const way = turn++ % 3
      setImmediate(() => {
        let put: number
        if (way === 0) put = calls.writeOne(server.fd, bytes, 0, length)
        else if (way === 1) put = calls.writeTwo(server.fd, bytes, 0, 16, bytes, 16, length - 16)
        else {
          const parts = [bytes.subarray(0, 3), bytes.subarray(3, 16), bytes.subarray(16)]
          put = calls.writeDevice(server.fd, parts, 3)
        }
        assert.equal(put, length)
      })
      return 0
    }
    server.serve()
    for (let i = 0; i < 10; i++) assert.equal(await cat(), server.content.toString())
  })

  it('serves many clients at once', async () => {
    server.serve()
    const outputs = await Promise.all(Array.from({ length: 16 }, cat))
    assert.ok(outputs.every((output) => output === server.content.toString()))
  })

  it('ends with ENODEV at umount, running or paused', async () => {
    server.serve()
    await cat()
    await run('umount', '-i', server.dir)
    await until(() => server.ends.length > 0, 'the end')
    assert.deepEqual(server.ends, [NEG.ENODEV])
    const second = new MiniServer().serve()
    try {
      await until(() => second.opcodes.includes(OP.INIT), 'the handshake')
      calls.pumpPause(second.pump!)
      await sleep(10)
      await run('umount', '-i', '-l', second.dir)
      await until(() => second.ends.length > 0, 'the end of the paused one')
      assert.deepEqual(second.ends, [NEG.ENODEV])
    } finally {
      second.close()
    }
  })

  it('a paused pump leaves requests with the kernel until it resumes', async () => {
    server.serve()
    await cat()
    calls.pumpPause(server.pump!)
    const seen = server.opcodes.length
    const output = cat()
    await sleep(100)
    assert.equal(server.opcodes.length, seen)
    calls.pumpResume(server.pump!)
    assert.equal(await output, server.content.toString())
  })

  it('a receive buffer that is too small ends with EINVAL', async () => {
    const ends: number[] = []
    const small = new Uint8Array(8191)
    const pump = calls.pumpStart(
      server.fd,
      small,
      small,
      () => 0,
      (error) => ends.push(error),
    )
    assert.equal(typeof pump, 'object')
    await until(() => ends.length > 0, 'the end')
    assert.deepEqual(ends, [NEG.EINVAL])
  })

  it('a descriptor that is not mounted ends with EPERM', async () => {
    const fd = calls.openDevice('/dev/fuse')
    const ends: number[] = []
    const rx = new Uint8Array(8192)
    calls.pumpStart(
      fd,
      rx,
      rx,
      () => 0,
      (error) => ends.push(error),
    )
    await until(() => ends.length > 0, 'the end')
    assert.deepEqual(ends, [NEG.EPERM])
    assert.equal(calls.readDevice(fd, rx, 0, 8192), NEG.EPERM)
    calls.closeFd(fd)
  })

  it('a reply that the kernel refuses is reported, and the pump goes on', async () => {
    let spoil = true
    server.answer = (opcode) => {
      if (opcode !== OP.GETATTR || !spoil) return null
      spoil = false
      const length = server.usual(opcode)
      const right = new Uint8Array(server.reply.buffer.slice(0, length))
      server.reply[2]! += 2 ** 20 // nobody asked this
      setImmediate(() => calls.writeOne(server.fd, right, 0, length))
      return length
    }
    server.serve()
    assert.equal(await cat(), server.content.toString())
    assert.equal(spoil, false)
    assert.deepEqual(server.writeErrors, [NEG.ENOENT])
  })

  it('a clone reads from the same queue and answers what it read', async () => {
    server.serve()
    await cat()
    const clone = calls.cloneDevice(server.fd, '/dev/fuse')
    assert.ok(clone >= 0, `cloneDevice: ${clone}`)
    calls.pumpPause(server.pump!)
    const writeErrors: number[] = []
    const pump = calls.pumpStart(
      clone,
      server.rx,
      server.reply,
      () => server.onRequest(),
      () => {},
      (error) => writeErrors.push(error),
    )
    assert.equal(await cat(), server.content.toString())
    assert.deepEqual(writeErrors, [])
    assert.equal(calls.cloneDevice(clone, '/dev/null'), NEG.ENOTTY)
    if (typeof pump !== 'number') calls.pumpStop(pump)
    calls.closeFd(clone)
  })
})

describe('notifications on the real kernel', { skip }, () => {
  let server: MiniServer
  let notifier: Notifier
  const results: [number, number][] = []
  beforeEach(() => {
    server = new MiniServer()
    results.length = 0
    notifier = calls.notifierStart(server.fd, (id, result) => results.push([id, result])) as Notifier
  })
  afterEach(() => {
    calls.notifierStop(notifier)
    server.close()
  })

  /** fuse_out_header with unique 0 and the code as its error, then the struct. */
  function message(code: number, words: number[], name = ''): Uint8Array {
    const tail = Buffer.from(name ? `${name}\0` : '', 'latin1')
    const length = 16 + words.length * 4 + tail.length
    const head = Uint32Array.from([length, code, 0, 0, ...words])
    return Buffer.concat([new Uint8Array(head.buffer), tail])
  }

  it('brings back what the kernel says to each', async () => {
    server.serve()
    await run('cat', `${server.dir}/f`)
    calls.notifierSend(notifier, message(NOTIFY_INVAL_INODE, [2, 0, 0, 0, 0, 0]), 1)
    calls.notifierSend(notifier, message(NOTIFY_INVAL_INODE, [99, 0, 0, 0, 0, 0]), 2)
    calls.notifierSend(notifier, message(NOTIFY_INVAL_INODE, [2, 0]), 3)
    calls.notifierSend(notifier, message(NOTIFY_INVAL_ENTRY, [1, 0, 1, 0], 'f'), 4)
    await until(() => results.length === 4, 'four results')
    assert.deepEqual(results, [
      [1, 0],
      [2, NEG.ENOENT],
      [3, NEG.EINVAL],
      [4, 0],
    ])
  })

  it('one that waits for a lock of a caller who waits for us neither stops the loop nor a stop', async () => {
    server.serve()
    await run('cat', `${server.dir}/f`)
    let held: Uint8Array | null = null
    server.answer = (opcode) => {
      if (opcode !== OP.LOOKUP || held !== null) return null
      // Without FUSE_PARALLEL_DIROPS the kernel holds the directory's lock during a lookup.
      held = new Uint8Array(server.reply.buffer.slice(0, server.usual(opcode)))
      return 0
    }
    const missing = run('stat', `${server.dir}/missing`).then(
      () => 'found',
      () => 'not found',
    )
    await until(() => held !== null, 'the lookup')
    calls.notifierSend(notifier, message(NOTIFY_INVAL_ENTRY, [1, 0, 7, 0], 'missing'), 1)
    await sleep(100)
    assert.deepEqual(results, [])
    assert.equal(calls.notifierStop(notifier), NEG.EBUSY)
    assert.equal(calls.writeOne(server.fd, held!, 0, 16), 16)
    assert.equal(await missing, 'not found')
    await until(() => calls.liveCounts().threads === 0, 'the thread to end')
    assert.deepEqual(results, [])
  })
})
