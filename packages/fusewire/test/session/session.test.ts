import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { errno } from '../../src/abi/errno.js'
import { OPCODES, Op } from '../../src/abi/gen/opcodes.js'
import * as abi from '../../src/abi/gen/structs.js'
import {
  type DataOut,
  type DirOut,
  type EntryOut,
  FileSystem,
  FsError,
  type Reply,
  type Request,
  type Result,
} from '../../src/api/index.js'
import { HANDLED, SESSION_OPCODES } from '../../src/session/dispatch.js'
import { BODY, Wire } from './wire.js'

class Empty extends FileSystem {}

/** Answers lookups by a function, so that each test says in one line what the handler does. */
class Lookup extends FileSystem {
  readonly forgotten: [number, number][] = []
  readonly #answer: (req: Request, name: string, out: EntryOut) => unknown
  constructor(answer: (req: Request, name: string, out: EntryOut) => unknown) {
    super()
    this.#answer = answer
  }
  override lookup(req: Request, _parent: number, name: string, out: EntryOut): Result {
    return this.#answer(req, name, out) as Result
  }
  override forget(node: number, count: number): void {
    this.forgotten.push([node, count])
  }
}

/** Success, after the effects of its arguments. */
const ok = (..._effects: unknown[]): number => 0

function entry(out: EntryOut, node: number, mode: number): number {
  out.nodeId = node
  out.attr.mode = mode
  return 0
}

const file = (out: EntryOut, node = 2): number => entry(out, node, 0o100644)

describe('dispatch', () => {
  it('knows what to do with every opcode of the protocol', () => {
    const known = new Set([...HANDLED, ...SESSION_OPCODES])
    assert.deepEqual(
      OPCODES.map((row) => row.name).filter((name) => !known.has(name)),
      [],
    )
    assert.equal(OPCODES.length, 52)
  })

  it('answers ENOSYS for every operation that the filesystem lacks', () => {
    const wire = Wire.start(new Empty())
    for (const row of OPCODES) {
      if (SESSION_OPCODES.has(row.name)) continue
      const names = row.names === 0 ? [] : row.names === 1 ? [row.name === 'TMPFILE' ? '/' : 'a'] : ['a', 'b']
      const reply = wire.call({ opcode: row.number, names })
      const quiet = row.number === Op.RELEASE || row.number === Op.RELEASEDIR
      assert.equal(reply?.error, quiet ? 0 : -errno.ENOSYS, row.name)
    }
    assert.deepEqual(wire.log, [])
  })

  it('answers an unknown opcode with ENOSYS and a malformed request with EIO and a log line', () => {
    const wire = Wire.start(new Empty())
    assert.equal(wire.call({ opcode: 60 })?.error, -errno.ENOSYS)
    assert.equal(wire.call({ opcode: Op.LOOKUP, payload: Buffer.from('no NUL') })?.error, -errno.EIO)
    assert.match(wire.log.join(), /LOOKUP.*malformed/)
  })

  it('refuses names that are no UTF-8 with EILSEQ, and gives every byte in latin1', () => {
    const names: string[] = []
    const answer = (_req: Request, name: string): number => {
      names.push(name)
      return -errno.ENOENT
    }
    const payload = Buffer.from([0xff, 0x62, 0])
    const utf8 = Wire.start(new Lookup(answer))
    assert.equal(utf8.call({ opcode: Op.LOOKUP, payload })?.error, -errno.EILSEQ)
    class Bytes extends Lookup {
      override readonly nameEncoding = 'latin1'
    }
    const latin1 = Wire.start(new Bytes(answer))
    assert.equal(latin1.call({ opcode: Op.LOOKUP, payload })?.error, -errno.ENOENT)
    assert.deepEqual(names, ['\xffb'])
  })
})

describe('answers', () => {
  it('writes the entry with the default timeouts', () => {
    const wire = Wire.start(new Lookup((_req, _name, out) => file(out, 77)), {
      entryTimeout: 1.5,
      attrTimeout: 2,
    })
    const reply = wire.lookup('x')
    assert.ok(reply)
    assert.equal(reply.error, 0)
    assert.equal(reply.bytes.length, 16 + abi.ENTRY_OUT_SIZE)
    assert.equal(abi.entryOut_nodeid(reply.words, BODY), 77)
    assert.equal(abi.entryOut_entryValid(reply.words, BODY), 1)
    assert.equal(abi.entryOut_entryValidNsec(reply.words, BODY), 5e8)
    assert.equal(abi.entryOut_attrValid(reply.words, BODY), 2)
  })

  it('tells a negative entry from a forgotten node id', () => {
    const negative = Wire.start(new Lookup((_req, _name, out) => ok(out.negative(3))))
    const reply = negative.lookup('x')
    assert.equal(reply?.error, 0)
    assert.equal(abi.entryOut_nodeid(reply.words, BODY), 0)
    assert.equal(abi.entryOut_generation(reply.words, BODY), 0)
    assert.equal(abi.entryOut_entryValid(reply.words, BODY), 3)
    const forgotten = Wire.start(new Lookup(() => 0))
    assert.equal(forgotten.lookup('x')?.error, -errno.EIO)
    assert.match(forgotten.log.join(), /without setting out.nodeId/)
  })

  const wrong: [string, (out: EntryOut) => unknown, RegExp][] = [
    ['a mode without a type', (out) => entry(out, 2, 0o644), /no file type/],
    ['node id 1', (out) => entry(out, 1, 0o100644), /root/],
    [
      'a size of 2^70',
      (out) => {
        file(out)
        out.attr.size = 2 ** 70
      },
      /above 2\^63-1/,
    ],
    [
      'a negative size',
      (out) => {
        file(out)
        out.attr.setSize(-1n)
      },
      /negative/,
    ],
  ]
  for (const [what, fill, line] of wrong) {
    it(`refuses ${what} with EIO, a log line, and the reference taken back`, () => {
      const fs = new Lookup((_req, _name, out) => ok(fill(out)))
      const wire = Wire.start(fs)
      assert.equal(wire.lookup('x')?.error, -errno.EIO)
      assert.match(wire.log.join(), line)
      assert.equal(wire.session.stats().badReplies, 1)
      if (what !== 'node id 1') assert.deepEqual(fs.forgotten, [[2, 1]])
    })
  }

  it('carries 64-bit inode numbers and sizes up to 2^63-1', () => {
    const wire = Wire.start(
      new Lookup((_req, _name, out) => {
        file(out)
        out.attr.setIno(0xfedc_ba98_7654_3210n)
        out.attr.setSize(2n ** 63n - 1n)
        return 0
      }),
    )
    const reply = wire.lookup('x')
    const at = 16 + abi.ENTRY_OUT_ATTR_WORD * 4
    assert.equal(reply?.bytes.readBigUInt64LE(at), 0xfedc_ba98_7654_3210n)
    assert.equal(reply.bytes.readBigInt64LE(at + 8), 2n ** 63n - 1n)
  })

  it('carries negative times', () => {
    const wire = Wire.start(
      new Lookup((_req, _name, out) => ok(file(out), out.attr.setTimes(-1.5, -86400_000, 0.25))),
    )
    const reply = wire.lookup('x')
    const at = 16 + abi.ENTRY_OUT_ATTR_WORD * 4
    assert.equal(reply?.bytes.readBigInt64LE(at + 24), -1n)
    assert.equal(reply.bytes.readUInt32LE(at + 48), 998_500_000)
    assert.equal(reply.bytes.readBigInt64LE(at + 32), -86400n)
  })
})

describe('errors', () => {
  const cases: [string, unknown, number][] = [
    ['a Node error', Object.assign(new Error('x'), { code: 'EACCES' }), errno.EACCES],
    ['an FsError', new FsError('ENOTEMPTY'), errno.ENOTEMPTY],
    ['an errno number', Object.assign(new Error('x'), { errno: -28 }), errno.ENOSPC],
    ['a thrown number', -errno.EDQUOT, errno.EDQUOT],
    ['an abort', new DOMException('x', 'AbortError'), errno.EINTR],
  ]
  for (const [what, thrown, expected] of cases) {
    it(`maps ${what}, thrown or rejected`, async () => {
      const sync = Wire.start(
        new Lookup(() => {
          throw thrown
        }),
      )
      assert.equal(sync.lookup('x')?.error, -expected)
      const later = Wire.start(new Lookup(() => Promise.reject(thrown)))
      const unique = later.send({ opcode: Op.LOOKUP, names: ['x'] })
      assert.equal((await later.wait(unique)).error, -expected)
      assert.deepEqual([...sync.log, ...later.log], [])
    })
  }

  it('answers EIO to an unknown error, with one log line that has the stack', () => {
    const wire = Wire.start(
      new Lookup(() => {
        throw new TypeError('a bug of mine')
      }),
    )
    assert.equal(wire.lookup('x')?.error, -errno.EIO)
    assert.equal(wire.log.length, 1)
    assert.match(wire.log[0]!, /LOOKUP.*a bug of mine[\s\S]*session\.test/)
    assert.equal(wire.lookup('y')?.error, -errno.EIO)
  })

  for (const bad of [undefined, null, 'text', Number.NaN, 1.5, -512, {}]) {
    it(`answers EIO to a handler that gives ${String(bad)}`, async () => {
      const sync = Wire.start(new Lookup(() => bad))
      assert.equal(sync.lookup('x')?.error, -errno.EIO)
      const later = Wire.start(new Lookup(async () => bad))
      const unique = later.send({ opcode: Op.LOOKUP, names: ['x'] })
      assert.equal((await later.wait(unique)).error, -errno.EIO)
      assert.equal(later.log.length, 1)
    })
  }
})

describe('one reply', () => {
  it('takes a deferred reply once, and reports the second', async () => {
    let reply: Reply | undefined
    const wire = Wire.start(
      new Lookup((req, _name, out) => {
        file(out)
        reply = req.defer()
        return reply
      }),
    )
    const unique = wire.send({ opcode: Op.LOOKUP, names: ['x'] })
    assert.equal(wire.session.stats().inFlight, 1)
    assert.equal(reply?.send(0), true)
    assert.equal((await wire.wait(unique)).error, 0)
    assert.equal(reply.send(0), false)
    assert.equal(reply.answered, true)
    assert.equal(wire.replies.filter((r) => r.unique === unique).length, 1)
    assert.match(wire.log.join(), /LOOKUP was answered a second time/)
    assert.equal(wire.session.stats().inFlight, 0)
  })

  it('takes a reply sent inside the handler, and reports a returned one beside it', () => {
    const quiet = Wire.start(
      new Lookup((req, _name, out) => {
        file(out)
        req.defer().send(0)
        return undefined
      }),
    )
    assert.equal(quiet.lookup('x')?.error, 0)
    assert.deepEqual(quiet.log, [])
    const twice = Wire.start(
      new Lookup((req, _name, out) => {
        file(out)
        req.defer().send(-errno.EPERM)
        return 0
      }),
    )
    assert.equal(twice.lookup('x')?.error, -errno.EPERM)
    assert.equal(twice.session.stats().lateReplies, 1)
  })

  it('answers early and lets the handler go on', async () => {
    let finish: () => void = () => {}
    const wire = Wire.start(
      new Lookup(async (req, _name, out) => {
        file(out)
        req.defer().send(0)
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        return undefined
      }),
    )
    const unique = wire.send({ opcode: Op.LOOKUP, names: ['x'] })
    assert.equal((await wire.wait(unique)).error, 0)
    finish()
    await new Promise(setImmediate)
    assert.deepEqual(wire.log, [])
    assert.equal(wire.replies.filter((r) => r.unique === unique).length, 1)
  })

  it('answers EIO when a promise settles without the deferred reply', async () => {
    const wire = Wire.start(
      new Lookup(async (req) => {
        req.defer()
      }),
    )
    const unique = wire.send({ opcode: Op.LOOKUP, names: ['x'] })
    assert.equal((await wire.wait(unique)).error, -errno.EIO)
    assert.match(wire.log.join(), /ended without an answer/)
  })

  it('does not mistake a late reply for one to the next request of the same slot', async () => {
    const replies: Reply[] = []
    const wire = Wire.start(
      new Lookup((req, _name, out) => {
        file(out)
        const reply = req.defer()
        replies.push(reply)
        return reply
      }),
    )
    wire.send({ opcode: Op.LOOKUP, names: ['a'] })
    replies[0]!.send(0)
    const second = wire.send({ opcode: Op.LOOKUP, names: ['b'] })
    assert.equal(replies[0]!.send(-errno.EPERM), false)
    replies[1]!.send(0)
    assert.equal((await wire.wait(second)).error, 0)
  })

  it('takes back what a reply gave that the kernel never got', () => {
    const fs = new Lookup((_req, _name, out) => file(out, 9))
    const wire = Wire.start(fs)
    wire.replyResult = -errno.ENOENT
    wire.lookup('x')
    assert.deepEqual(fs.forgotten, [[9, 1]])
  })
})

describe('data', () => {
  class Data extends FileSystem {
    readonly #fill: (out: DataOut) => unknown
    constructor(fill: (out: DataOut) => unknown) {
      super()
      this.#fill = fill
    }
    override read(_r: Request, _n: number, _h: number, _o: number, _s: number, out: DataOut): Result {
      return this.#fill(out) as Result
    }
    override getxattr(_r: Request, _n: number, _name: string, _size: number, out: DataOut): Result {
      return this.#fill(out) as Result
    }
  }
  const read = (wire: Wire, size: number) =>
    wire.send({ opcode: Op.READ, node: 2, fill: (words, op) => abi.setReadIn_size(words, op, size) })
  const text = (reply: { bytes: Buffer }) => reply.bytes.subarray(16).toString('latin1')

  const source = Buffer.from('0123456789')
  const ways: [string, (out: DataOut) => unknown][] = [
    ['copy', (out) => ok(out.copy(source, 0, 4), out.copy(source, 4, 8))],
    ['reference', (out) => ok(out.reference(source, 0, 8))],
    ['buffer', (out) => ok(out.buffer(8).set(source.subarray(0, 8)))],
    ['text', (out) => ok(out.text('01234567'))],
    ['copy after a wait', async (out) => ok(await null, out.copy(source, 0, 8))],
    [
      'buffer before a wait',
      async (out) => {
        const view = out.buffer(8)
        await null
        view.set(source.subarray(0, 8))
        return 0
      },
    ],
    ['reference after a wait', async (out) => ok(await null, out.reference(source, 0, 8))],
  ]
  for (const [what, fill] of ways) {
    it(`sends what was put by ${what}`, async () => {
      const wire = Wire.start(new Data(fill))
      const reply = await wire.wait(read(wire, 8))
      assert.equal(reply.error, 0)
      assert.equal(text(reply), '01234567')
    })
  }

  it('keeps requests that wait apart from those that come meanwhile', async () => {
    const gates: (() => void)[] = []
    const wire = Wire.start(
      new Data(async (out) => {
        const index = gates.length
        const view = out.buffer(4)
        await new Promise<void>((resolve) => gates.push(resolve))
        view.fill(0x30 + index)
        return 0
      }),
    )
    const uniques = [0, 1, 2, 3, 4].map(() => read(wire, 4))
    for (const gate of gates.reverse()) gate()
    const texts = await Promise.all(uniques.map(async (unique) => text(await wire.wait(unique))))
    assert.deepEqual(texts, ['0000', '1111', '2222', '3333', '4444'])
  })

  it('keeps referenced bytes out of a listing that is just as long', async () => {
    const bytes = new Uint8Array(abi.DIRENT_SIZE + 8).fill(0x41)
    class Both extends Data {
      override readdir(_r: Request, _n: number, _h: number, _o: number, out: DirOut): Result {
        return ok(out.add('8 bytes.', 3, 8, 1))
      }
    }
    const wire = Wire.start(new Both((out) => ok(out.reference(bytes))))
    assert.deepEqual((await wire.wait(read(wire, bytes.length))).bytes.subarray(16), Buffer.from(bytes))
    const fill = (words: Uint32Array, op: number): void => abi.setReadIn_size(words, op, 4096)
    const reply = wire.call({ opcode: Op.READDIR, node: 1, fill })
    assert.equal(reply?.bytes.length, 16 + bytes.length)
    assert.equal(reply?.bytes.subarray(-8).toString(), '8 bytes.')
  })

  it('refuses more data than was asked for', async () => {
    const wire = Wire.start(new Data((out) => ok(out.copy(source))))
    assert.equal((await wire.wait(read(wire, 8))).error, -errno.EIO)
    assert.match(wire.log.join(), /10 bytes where 8/)
  })

  it('answers sizes and ERANGE of extended attributes by itself', () => {
    for (const put of [(out: DataOut) => out.copy(source), (out: DataOut) => out.reference(source)]) {
      const wire = Wire.start(new Data((out) => ok(put(out))))
      const ask = (size: number) =>
        wire.call({
          opcode: Op.GETXATTR,
          names: ['user.x'],
          fill: (w, op) => abi.setGetxattrIn_size(w, op, size),
        })
      const size = ask(0)
      assert.equal(size?.bytes.length, 24)
      assert.equal(abi.getxattrOut_size(size.words, BODY), 10)
      assert.equal(ask(9)?.error, -errno.ERANGE)
      assert.equal(text(ask(10)!), '0123456789')
      assert.equal(text(ask(64)!), '0123456789')
    }
  })
})
