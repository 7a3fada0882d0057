import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DirentReader } from '../../src/abi/dirent.js'
import { errno } from '../../src/abi/errno.js'
import { ExtensionBlocks } from '../../src/abi/ext.js'
import { eachForget } from '../../src/abi/forget.js'
import { formatFrame, formatReply, formatRequest } from '../../src/abi/format.js'
import { checkRequest, checkRingRequest, RequestFrame } from '../../src/abi/frame.js'
import { OPCODES, Op } from '../../src/abi/gen/opcodes.js'
import * as generated from '../../src/abi/gen/structs.js'
import { parseInit, parseInitReply } from '../../src/abi/init.js'
import { camelCase, layoutAll } from '../../src/abi/layout.js'
import { decodeName, NameCache } from '../../src/abi/names.js'
import { replyBodyMax, replyBodyMin } from '../../src/abi/reply.js'
import { STRUCTS } from '../../src/abi/spec/structs.js'
import { Bytes, place, request } from './builder.js'
import { loadRecorded } from './recorded.js'

/** What a check may answer. */
const ANSWERS = new Set([
  0,
  -errno.EPROTO,
  -errno.ENOSYS,
  -errno.ESTALE,
  -errno.EOVERFLOW,
  -errno.EFBIG,
  -errno.ENXIO,
])
const AT = 2
/** A run of random inputs ends after this many milliseconds, however slow the machine. */
const TIME_MAX = 4000

const layouts = layoutAll(STRUCTS)
const exported = generated as { readonly [name: string]: unknown }
const cache = new NameCache('utf8', 64)

type Reader = (u: Uint32Array, b: number) => number

/** All generated readers of a struct, nested ones included, with their word offset. */
function readersOf(struct: string, size: number, base = 0): [Reader, number][] {
  return (layouts.get(struct)?.fields ?? []).flatMap((field): [Reader, number][] => {
    if (field.offset + field.size > size || field.count !== null) return []
    if (field.struct !== null) return readersOf(field.struct, field.size, base + field.offset / 4)
    const name = `${camelCase(struct)}_${camelCase(field.name)}`
    const forms =
      field.scalar === 'id64' ? ['_lo', '_hi'] : field.scalar === 'u64w' ? ['', '_lo', '_hi'] : ['']
    return forms.map((form) => [exported[name + form] as Reader, base])
  })
}

const readers = new Map(
  OPCODES.map((row) => [row.number, row.in === null ? [] : readersOf(row.in, row.inSizeMin)]),
)

/**
 * The buffers that hold nothing but the message: a read outside of it gives undefined, and so NaN or a
 * throw.
 */
function exact(message: Uint8Array, before = AT): { u: Uint32Array; bytes: Uint8Array } {
  const { u, bytes } = place(message, before, 0)
  return { u, bytes: bytes.subarray(0, before * 4 + message.length) }
}

const frame = new RequestFrame()
const blocks = new ExtensionBlocks()

/** Runs everything that reads a request, and asserts that all of it stays inside of `message`. */
function consume(message: Uint8Array, setxattrExt: boolean): number {
  const { u, bytes } = exact(message)
  const result = checkRequest(u, bytes, AT, message.length, setxattrExt, frame)
  assert(ANSWERS.has(result), `answer ${result}`)
  const line = formatRequest(u, AT, bytes)
  assert.doesNotMatch(line, /undefined|NaN|\n/, line)
  if (result === 0) readAll(u, bytes, AT * 4 + message.length)
  return result
}

function readAll(u: Uint32Array, bytes: Uint8Array, end: number): void {
  const row = frame.row
  assert(row)
  inside(frame.op * 4, frame.inSize, end)
  inside(frame.name1, frame.name1Length, end)
  inside(frame.name2, frame.name2Length, end)
  inside(frame.payload, frame.payloadLength, end)
  inside(frame.ext, frame.extLength, end)
  if (!row.inOpenEnded && frame.inSize === row.inSize) {
    for (const [read, base] of readers.get(row.number) ?? []) {
      const value = read(u, frame.op + base)
      assert(Number.isFinite(value), `${read.name} is ${value}`)
    }
  }
  for (const [start, length, count] of [
    [frame.name1, frame.name1Length, 1],
    [frame.name2, frame.name2Length, 2],
  ] as const) {
    if (row.names < count) continue
    assert(length > 0)
    assert.equal(bytes.subarray(start, start + length).includes(0), false)
    assert.equal(bytes[start + length], 0)
    assert.equal(cache.decode(bytes, start, length), decodeName(bytes, start, length, 'utf8'))
  }
  readSpecial(u, bytes, end)
}

function readSpecial(u: Uint32Array, bytes: Uint8Array, end: number): void {
  if (frame.row?.number === Op.INIT) {
    for (const value of Object.values(parseInit(u, frame.op, frame.inSize))) assert(Number.isInteger(value))
  } else if (frame.row?.number === Op.BATCH_FORGET || frame.row?.number === Op.FORGET) {
    eachForget(u, frame, (nodeid, nlookup) =>
      assert(Number.isSafeInteger(nodeid) && Number.isSafeInteger(nlookup)),
    )
  }
  if (frame.row !== null) assert(replyBodyMin(frame.row, u, frame.op) <= replyBodyMax(frame.row, u, frame.op))
  if (blocks.parse(bytes, frame.ext, frame.extLength) !== 0) return
  for (let i = 0; i < blocks.secctxCount; i++) {
    inside(blocks.secctxName(i), blocks.secctxNameLength(i), end)
    inside(blocks.secctxValue(i), blocks.secctxValueLength(i), end)
  }
  for (let i = 0; i < blocks.groupCount; i++) assert(Number.isInteger(blocks.group(i)))
}

/** Parts of length 0 are not there. */
function inside(start: number, length: number, end: number): void {
  if (length === 0) return
  assert(
    start >= AT * 4 && length >= 0 && start + length <= end,
    `${start}+${length} is outside of ${AT * 4}..${end}`,
  )
}

/** Everything that reads a reply. */
function consumeReply(message: Uint8Array, opcode: number): void {
  const { u, bytes } = exact(message)
  for (const sizeZero of [false, true]) {
    const line = formatReply(u, AT, bytes, opcode, { sizeZero })
    assert.doesNotMatch(line, /undefined|NaN|\n/, line)
  }
  const padded = new Uint8Array((message.length + 7) & ~7)
  padded.set(message)
  const words = new Uint32Array(padded.buffer)
  for (const plus of [false, true]) {
    const reader = new DirentReader()
    reader.reset(words, padded.subarray(0, message.length), 0, message.length, plus)
    let records = 0
    for (let result = reader.next(); result !== 0; result = reader.next(), records++) {
      if (result < 0) break
      assert(reader.name + reader.nameLength <= message.length && reader.nameLength > 0)
      assert(Number.isFinite(reader.off) && Number.isInteger(reader.type))
    }
    assert(records <= message.length / 32)
  }
  if (message.length >= 64) assert(Number.isInteger(parseInitReply(u, AT, 64).requestTimeout))
}

/** One good request of every opcode; the bodies hold small numbers so that the counts in them fit. */
const samples = OPCODES.map((row) => {
  const body = new Bytes().bytes(new Uint8Array(row.inSize))
  if (row.name1 !== null) body.name(row.name1 === 'anonymous' ? '/' : 'name')
  if (row.name2 !== null) body.name('other')
  const payload = row.payloadUnit * 3
  const message = request(row.number, body.bytes(new Uint8Array(payload)))
  if (row.payloadWord >= 0) message[40 + row.payloadWord * 4] = 3
  return { row, message }
})

const recorded = loadRecorded()

describe('no input makes the readers fail', () => {
  test('a request of every opcode is accepted whole, refused at every shorter and the next longer length', () => {
    for (const { row, message } of samples) {
      assert.equal(consume(message, true), 0)
      for (let length = 0; length < message.length; length++) {
        const cut = message.slice(0, length)
        if (length >= 40) cut[0] = length
        const enough = row.inOpenEnded && length >= 40 + row.inSizeMin
        assert.equal(consume(cut, true), enough ? 0 : -errno.EPROTO, `${row.name} of ${length} bytes`)
      }
      const longer = Uint8Array.from([...message, 1])
      longer[0] = longer.length
      assert.equal(consume(longer, true), row.inOpenEnded ? 0 : -errno.EPROTO, `${row.name} and one byte`)
    }
  })

  test('every truncation of the recorded requests', () => {
    for (const { bytes, mount } of recorded) {
      for (let length = 0; length <= bytes.length; length++) {
        const ext = mount === 'modern'
        // Once with the old length in the header, and once with one that fits.
        const cut = bytes.slice(0, length)
        assert.equal(consume(cut, ext), length === bytes.length ? 0 : -errno.EPROTO)
        if (length < 4) continue
        new DataView(cut.buffer).setUint32(0, length, true)
        consume(cut, ext)
      }
    }
  })

  test('every single-bit flip of the recorded requests', () => {
    const counts = new Map<number, number>()
    for (const { bytes, mount } of recorded) {
      const flipped = bytes.slice()
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        const result = consume(flipped, mount === 'modern')
        counts.set(result, (counts.get(result) ?? 0) + 1)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
      }
      assert.deepEqual(flipped, bytes)
    }
    // Flips in numbers stay good requests, flips in lengths and NULs do not, and each kind of answer occurs.
    assert.deepEqual([...counts.keys()].sort(), [...ANSWERS].sort())
  })

  const opcode = fc.oneof(fc.constantFrom(...OPCODES.map((row) => row.number)), fc.nat(0xffffffff))
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .array(fc.constantFrom(0, 0, 0, 0, 1, 2, 8, 16, 32, 0x2f, 0x41, 0xff), { maxLength: 160 })
      .map((a) => Uint8Array.from(a)),
  )

  test('random bodies behind good headers', () => {
    fc.assert(
      fc.property(opcode, body, fc.nat(4), fc.boolean(), (number, bytes, extlen, ext) => {
        consume(request(number, bytes, { extlen }), ext)
      }),
      { numRuns: 20_000, interruptAfterTimeLimit: TIME_MAX },
    )
  })

  test('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), opcode, (bytes, ext, number) => {
        consume(bytes, ext)
        consumeReply(bytes, number)
      }),
      { numRuns: 5000, interruptAfterTimeLimit: TIME_MAX },
    )
  })

  test('random bodies behind good reply headers', () => {
    fc.assert(
      fc.property(
        opcode,
        body,
        fc.constantFrom(0, 0, -2, 1, 3, 6, 9, -600),
        fc.nat(2),
        (number, bytes, error, unique) => {
          const length = 16 + bytes.length
          consumeReply(new Bytes().u32(length, error).u64(unique).bytes(bytes).done(), number)
          consumeReply(
            new Bytes()
              .u32(length + 5, error)
              .u64(unique)
              .bytes(bytes)
              .done(),
            number,
          )
        },
      ),
      { numRuns: 5000, interruptAfterTimeLimit: TIME_MAX },
    )
  })

  test('random places of a ring request', () => {
    const bytes = new Uint8Array(1024)
    const u = new Uint32Array(bytes.buffer)
    const where = fc.nat(300)
    fc.assert(
      fc.property(
        opcode,
        body,
        where,
        where,
        where,
        fc.nat(1200),
        fc.boolean(),
        (number, data, h, op, payload, length, fits) => {
          bytes.fill(0)
          bytes.set(
            data.subarray(0, 1024 - Math.min(payload * 4, 1000)).subarray(0, 24),
            Math.min(payload * 4, 1000),
          )
          if (h < 246) {
            u.set(new Uint32Array(request(number).buffer), h)
            if (fits) u[h] = 40 + length + (OPCODES.find((row) => row.number === number)?.inSize ?? 0)
          }
          const result = checkRingRequest(u, bytes, h, op, payload * 4, length, true, frame)
          assert(ANSWERS.has(result))
          if (h * 4 + 40 <= bytes.length)
            assert.doesNotMatch(formatFrame(u, bytes, frame, result), /undefined|NaN/)
          if (result !== 0) return
          for (const [start, size] of [
            [frame.op * 4, frame.inSize],
            [frame.name1, frame.name1Length],
            [frame.payload, frame.payloadLength],
            [frame.ext, frame.extLength],
          ] as const) {
            assert(start >= 0 && size >= 0 && start + size <= bytes.length)
          }
        },
      ),
      { numRuns: 5000, interruptAfterTimeLimit: TIME_MAX },
    )
  })
})
