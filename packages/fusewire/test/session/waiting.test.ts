import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { errno } from '../../src/abi/errno.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import * as abi from '../../src/abi/gen/structs.js'
import { type EntryOut, FileSystem, type Lock, type Request, type Result } from '../../src/api/index.js'
import { Wire } from './wire.js'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Bytes of the array buffers that something still refers to. V8 counts freed ones off after a turn, or two collections. */
async function retainedBuffers(): Promise<number> {
  collectGarbage()
  await turn()
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

/** A filesystem whose lookups wait until the test lets them go. */
class Gate extends FileSystem {
  readonly waiting = new Map<string, (result: number) => void>()
  readonly signals = new Map<string, AbortSignal>()
  readonly began: string[] = []
  readonly forgotten: number[] = []
  watchSignals = true

  override lookup(req: Request, _parent: number, name: string, out: EntryOut): Result {
    this.began.push(name)
    if (this.watchSignals) this.signals.set(name, req.signal)
    return new Promise((resolve) => {
      this.waiting.set(name, (result) => {
        out.nodeId = 5
        out.attr.mode = 0o100644
        resolve(result)
      })
    })
  }
  override forget(node: number): void {
    this.forgotten.push(node)
  }
  override setlk(req: Request, _n: number, _h: number, _lock: Lock, wait: boolean): Result {
    if (!wait) return 0
    return new Promise((resolve) => {
      req.signal.addEventListener('abort', () => resolve(-errno.EINTR))
    })
  }
}

const ask = (wire: Wire, name: string, pid = 0) => wire.send({ opcode: Op.LOOKUP, names: [name], pid })
const turn = () => new Promise(setImmediate)

describe('interrupts', () => {
  it('abort the signal of the request, and a handler that stops answers EINTR', async () => {
    const fs = new Gate()
    const wire = Wire.start(fs)
    const unique = ask(wire, 'a')
    const other = ask(wire, 'b')
    wire.interrupt(unique)
    assert.equal(fs.signals.get('a')?.aborted, true)
    assert.equal(fs.signals.get('b')?.aborted, false)
    fs.waiting.get('a')!(-errno.EINTR)
    assert.equal((await wire.wait(unique)).error, -errno.EINTR)
    fs.waiting.get('b')!(0)
    assert.equal((await wire.wait(other)).error, 0)
    assert.equal(wire.session.stats().interrupts, 1)
  })

  it('end a request whose handler never settles, and drop what it does later', async () => {
    const fs = new Gate()
    const wire = Wire.start(fs, { interruptGrace: 0 })
    const unique = ask(wire, 'a')
    wire.interrupt(unique)
    assert.equal((await wire.wait(unique)).error, -errno.EINTR)
    assert.equal(wire.session.stats().inFlight, 0)
    fs.waiting.get('a')!(0)
    await turn()
    assert.equal(wire.replies.filter((reply) => reply.unique === unique).length, 1)
    assert.deepEqual(fs.forgotten, [5], 'the reference that the late success gave is taken back')
    assert.equal(wire.session.stats().lateReplies, 1)
  })

  it('give a signal that is made after the interrupt as aborted', async () => {
    let signal: AbortSignal | undefined
    class Late extends FileSystem {
      override async lookup(req: Request): Promise<number> {
        await turn()
        signal = req.signal
        return -errno.EINTR
      }
    }
    const wire = Wire.start(new Late())
    const unique = ask(wire, 'a')
    wire.interrupt(unique)
    await wire.wait(unique)
    assert.equal(signal?.aborted, true)
  })

  it('that come after the answer do nothing', () => {
    const wire = Wire.start(new Gate())
    wire.interrupt(4711)
    assert.deepEqual(wire.log, [])
  })

  it('are left to the handler when only harmless signals are pending', async (t) => {
    const child = spawn('sh', ['-c', 'trap "" URG; exec sleep 60'], { stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    await once(child, 'spawn')
    const fs = new Gate()
    const wire = Wire.start(fs, { interruptGrace: 0 })
    const unique = ask(wire, 'a', child.pid)
    // Nothing is pending for this process, so the interrupt counts: the other half of the rule.
    wire.interrupt(unique)
    assert.equal((await wire.wait(unique)).error, -errno.EINTR)
  })
})

describe('the limit on handlers', () => {
  it('queues what is too much, in order, and runs it when a place is free', async () => {
    const fs = new Gate()
    const wire = Wire.start(fs, { maxInFlight: 2 })
    const uniques = ['a', 'b', 'c', 'd'].map((name) => ask(wire, name))
    assert.deepEqual(fs.began, ['a', 'b'])
    assert.equal(wire.session.stats().queued, 2)
    fs.waiting.get('b')!(0)
    await wire.wait(uniques[1]!)
    assert.deepEqual(fs.began, ['a', 'b', 'c'])
    fs.waiting.get('a')!(0)
    fs.waiting.get('c')!(0)
    await wire.wait(uniques[2]!)
    await turn()
    fs.waiting.get('d')!(0)
    assert.equal((await wire.wait(uniques[3]!)).error, 0)
    assert.equal(wire.session.stats().queued, 0)
  })

  it('lets a queued request be interrupted before it began', async () => {
    const fs = new Gate()
    const wire = Wire.start(fs, { maxInFlight: 1, interruptGrace: 60 })
    const first = ask(wire, 'a')
    const second = ask(wire, 'b')
    wire.interrupt(second)
    assert.equal((await wire.wait(second)).error, -errno.EINTR)
    fs.waiting.get('a')!(0)
    await wire.wait(first)
    await turn()
    assert.deepEqual(fs.began, ['a'])
    const third = ask(wire, 'c')
    fs.waiting.get('c')!(0)
    assert.equal((await wire.wait(third)).error, 0)
  })

  it('keeps the memory of a queued request that was answered early until its handler is done', async () => {
    class Early extends Gate {
      override lookup(req: Request, parent: number, name: string, out: EntryOut): Result {
        const later = super.lookup(req, parent, name, out)
        if (name === 'early') req.defer().send(-errno.EPERM)
        return later
      }
    }
    const fs = new Early()
    const wire = Wire.start(fs, { maxInFlight: 1 })
    const first = ask(wire, 'first')
    const early = ask(wire, 'early')
    fs.waiting.get('first')!(0)
    await wire.wait(first)
    assert.equal((await wire.wait(early)).error, -errno.EPERM)
    const names = ['c', 'd', 'e', 'f']
    fs.waiting.get('early')!(0)
    const uniques = names.map((name) => ask(wire, name))
    await turn()
    for (const name of names) {
      fs.waiting.get(name)?.(0)
      await turn()
    }
    const answered = wire.replies.filter(({ error }) => error === 0).map(({ unique }) => unique)
    for (const unique of uniques) assert.ok(answered.includes(unique), `request ${unique} was answered`)
    assert.equal(wire.session.stats().inFlight, 0)
  })

  it('does not count waits for locks, which others must end', async () => {
    const fs = new Gate()
    const wire = Wire.start(fs, { maxInFlight: 1 })
    const waits = [1, 2, 3].map(() => wire.send({ opcode: Op.SETLKW, node: 2 }))
    assert.equal(wire.call({ opcode: Op.SETLK, node: 2 })?.error, 0)
    for (const unique of waits) {
      wire.interrupt(unique)
      assert.equal((await wire.wait(unique)).error, -errno.EINTR)
    }
    assert.equal(wire.session.stats().inFlight, 0)
  })

  it('keeps memory bounded while a thousand requests wait', async () => {
    const fs = new Gate()
    fs.watchSignals = false
    const wire = Wire.start(fs, { maxInFlight: 100 })
    const before = await retainedBuffers()
    const uniques = Array.from({ length: 1000 }, (_, i) => ask(wire, `n${i}`))
    const grown = (await retainedBuffers()) - before
    assert.ok(grown < 4 * 1024 * 1024, `${grown} bytes for 1000 requests`)
    for (const [i, unique] of uniques.entries()) {
      fs.waiting.get(`n${i}`)!(0)
      await wire.wait(unique)
      await turn()
    }
  })
})

describe('the end of the mount', () => {
  it('aborts every signal, drops late answers, and tells the filesystem once', async () => {
    let destroyed = 0
    class Ending extends Gate {
      override destroy(): void {
        destroyed++
      }
    }
    const fs = new Ending()
    const wire = Wire.start(fs)
    ask(wire, 'a')
    wire.transport.disconnect()
    await wire.session.closed
    assert.equal(fs.signals.get('a')?.aborted, true)
    fs.waiting.get('a')!(0)
    await turn()
    wire.transport.close()
    assert.equal(destroyed, 1)
    assert.deepEqual(fs.forgotten, [], 'at the end all references are void')
    assert.equal(wire.session.stats().inFlight, 0)
  })

  it('answers everybody who waits before it closes by itself', async () => {
    const fs = new Gate()
    const wire = Wire.start(fs, { maxInFlight: 1 })
    const uniques = [ask(wire, 'a'), ask(wire, 'b')]
    wire.session.close()
    for (const unique of uniques) assert.equal((await wire.wait(unique)).error, -errno.ECONNABORTED)
    assert.equal(fs.signals.get('a')?.aborted, true)
    assert.deepEqual(fs.began, ['a'], 'a queued request is not begun any more')
    await wire.session.closed
    assert.equal(wire.isClosed, true)
  })

  it('resolves closed although destroy throws', async () => {
    class Bad extends FileSystem {
      override destroy(): void {
        throw new Error('cannot end')
      }
    }
    const wire = Wire.start(new Bad())
    wire.transport.close()
    await wire.session.closed
    assert.equal(wire.isClosed, true)
    assert.match(wire.log.join(), /destroy.*cannot end/)
  })
})

describe('lookup counts', () => {
  it('come out even after a million lookups and forgets', () => {
    const counts = new Map<number, number>()
    class Counting extends FileSystem {
      override lookup(_req: Request, _parent: number, name: string, out: EntryOut): number {
        const node = 2 + Number(name)
        counts.set(node, (counts.get(node) ?? 0) + 1)
        out.nodeId = node
        out.attr.mode = 0o100644
        return 0
      }
      override forget(node: number, count: number): void {
        const left = counts.get(node)! - count
        if (left === 0) counts.delete(node)
        else counts.set(node, left)
      }
    }
    const wire = Wire.start(new Counting())
    const rounds = 10_000
    const names = 100
    for (let i = 0; i < rounds; i++) {
      for (let n = 0; n < names; n++) ask(wire, String(n))
      wire.replies.length = 0
    }
    assert.equal(counts.size, names)
    const batch = Buffer.alloc((names - 1) * abi.FORGET_ONE_SIZE)
    for (let n = 1; n < names; n++) {
      batch.writeBigUInt64LE(BigInt(n + 2), (n - 1) * abi.FORGET_ONE_SIZE)
      batch.writeBigUInt64LE(BigInt(rounds), (n - 1) * abi.FORGET_ONE_SIZE + 8)
    }
    wire.send({ opcode: Op.FORGET, node: 2, fill: (words, op) => abi.setForgetIn_nlookup(words, op, rounds) })
    wire.send({
      opcode: Op.BATCH_FORGET,
      fill: (words, op) => abi.setBatchForgetIn_count(words, op, names - 1),
      payload: batch,
    })
    assert.equal(counts.size, 0)
  })
})
