import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RequestWriter } from '../../src/abi/encode.js'
import { formatRequest } from '../../src/abi/format.js'
import { checkRequest, checkRingRequest, RequestFrame } from '../../src/abi/frame.js'
import { type OPCODES, Op, opcodeRow } from '../../src/abi/gen/opcodes.js'
import * as generated from '../../src/abi/gen/structs.js'
import { camelCase, layoutAll } from '../../src/abi/layout.js'
import { decodeName, NameCache } from '../../src/abi/names.js'
import { STRUCTS } from '../../src/abi/spec/structs.js'
import { place } from './builder.js'
import { loadRecorded, type RecordedRequest } from './recorded.js'

const recorded = loadRecorded()
const layouts = layoutAll(STRUCTS)
const exported = generated as { readonly [name: string]: unknown }
const AT = 5

/** What the generated readers say about one struct: every scalar field, nested ones as `lk.start`. */
function readAll(struct: string, size: number, u: Uint32Array, b: number, prefix = ''): [string, bigint][] {
  return (layouts.get(struct)?.fields ?? []).flatMap((field): [string, bigint][] => {
    if (field.offset + field.size > size || field.count !== null) return []
    if (field.struct !== null) {
      return readAll(field.struct, field.size, u, b + field.offset / 4, `${prefix}${field.name}.`)
    }
    const name = `${camelCase(struct)}_${camelCase(field.name)}`
    const call = (suffix: string) => (exported[name + suffix] as (u: Uint32Array, b: number) => number)(u, b)
    const words = field.scalar === 'id64' || field.scalar === 'u64w'
    const value = words ? (BigInt(call('_hi')) << 32n) | BigInt(call('_lo')) : BigInt(call(''))
    // The recording has the unsigned bytes of times, which we read as signed.
    return [[prefix + field.name, field.scalar === 'time64' ? BigInt.asUintN(64, value) : value]]
  })
}

const places = (frame: RequestFrame): [number, number][] => [
  [frame.op * 4, frame.inSize],
  [frame.name1, frame.name1Length + 1],
  [frame.name2, frame.name2Length + 1],
  [frame.payload, frame.payloadLength],
  [frame.ext, frame.extLength],
]

describe('recorded requests', () => {
  test('cover the opcodes that a kernel without DAX sends', () => {
    const seen = new Set(recorded.map((request) => request.opcode))
    const absent = Object.keys(Op).filter((name) => !seen.has(name))
    assert.deepEqual(absent.sort(), ['CUSE_INIT', 'REMOVEMAPPING', 'SETUPMAPPING'])
  })

  recorded.forEach((request, index) => {
    test(`${index} ${request.mount} ${request.opcode}`, () => {
      const { u, bytes } = place(request.bytes, AT)
      const frame = new RequestFrame()
      assert.equal(checkRequest(u, bytes, AT, request.bytes.length, request.mount === 'modern', frame), 0)
      assert.equal(frame.row?.name, request.opcode)
      checkParts(request, frame, u, bytes)
      checkRing(request)
      assert.deepEqual(rebuild(request, frame.row), request.bytes)
      const line = formatRequest(u, AT, bytes)
      assert(line.startsWith(`${request.opcode} #`), line)
      assert.doesNotMatch(line, /\n|refused|undefined|NaN/)
    })
  })

  /** Every part lies where the frame says, and has the values of the recording. */
  function checkParts(
    request: RecordedRequest,
    frame: RequestFrame,
    u: Uint32Array,
    bytes: Uint8Array,
  ): void {
    const cache = new NameCache()
    const byKind = { name: 1, payload: 3, extensions: 4 } as const
    let names = 0
    for (const part of request.parts) {
      if (part.kind === 'fuse_in_header' || part.kind.endsWith('_in')) {
        const b = part.kind === 'fuse_in_header' ? frame.h : frame.op
        assert.deepEqual(new Map(readAll(part.kind, part.bytes.length, u, b)), part.fields)
        if (part.kind !== 'fuse_in_header') assert.equal(frame.inSize, part.bytes.length)
        continue
      }
      const [start, length] = places(frame)[
        byKind[part.kind as 'name'] + (part.kind === 'name' ? names++ : 0)
      ] ?? [0, 0]
      assert.deepEqual(bytes.slice(start, start + length), part.bytes)
      if (part.kind !== 'name') continue
      assert.equal(cache.decode(bytes, start, length - 1), part.text)
      assert.equal(
        decodeName(bytes, start, length - 1, 'latin1'),
        Buffer.from(part.bytes).toString('latin1').slice(0, -1),
      )
    }
    assert.equal(names, frame.row?.names)
  }

  /** The same request in three pieces, as a ring delivers it. */
  function checkRing(request: RecordedRequest): void {
    const row = opcodeRow(Op[request.opcode as keyof typeof Op])
    if (row === undefined || ['INIT', 'INTERRUPT'].includes(row.name)) return
    const header = request.parts[0]?.bytes ?? new Uint8Array()
    const struct =
      row.in !== null && row.name !== 'NOTIFY_REPLY'
        ? (request.parts[1]?.bytes ?? new Uint8Array())
        : new Uint8Array()
    const payload = request.bytes.subarray(header.length + struct.length)
    const bytes = new Uint8Array(2048)
    bytes.set(header, 0)
    bytes.set(struct, 128)
    bytes.set(payload, 512)
    const u = new Uint32Array(bytes.buffer)
    const frame = new RequestFrame()
    assert.equal(checkRingRequest(u, bytes, 0, 32, 512, payload.length, request.mount === 'modern', frame), 0)
    const kinds = request.parts.filter((part) => part.kind !== 'fuse_in_header' && part.bytes.length > 0)
    const found = places(frame).filter(([, length], i) => length > (i === 1 || i === 2 ? 1 : 0))
    assert.deepEqual(
      found.map(([start, length]) => bytes.slice(start, start + length)),
      kinds.map((part) => part.bytes),
    )
  }

  /** The request written by the request writer from the recorded values. */
  function rebuild(request: RecordedRequest, row: (typeof OPCODES)[number] | null): Uint8Array {
    assert(row)
    const bytes = new Uint8Array(1024).fill(0xee)
    const u = new Uint32Array(bytes.buffer)
    const writer = new RequestWriter()
    writer.reset(u, bytes, AT)
    const header = request.parts[0]?.fields ?? new Map<string, bigint>()
    const number = (name: string) => Number(header.get(name))
    const unique = header.get('unique') ?? 0n
    const struct = request.parts.find((part) => part.kind.endsWith('_in'))
    const size = struct?.bytes.length ?? 0
    const op = writer.begin(
      row.number,
      Number(unique & 0xffffffffn),
      Number(unique >> 32n),
      number('nodeid'),
      size,
    )
    writer.caller(number('uid'), number('gid'), number('pid'))
    if (struct !== undefined) writeAll(struct.kind, struct.fields, u, op)
    for (const part of request.parts) {
      if (part.kind === 'name') writer.name(part.text ?? part.bytes.subarray(0, -1))
      if (part.kind === 'payload') writer.payload(part.bytes)
      if (part.kind === 'extensions') writer.extension(part.bytes)
    }
    const length = writer.end()
    return bytes.slice(AT * 4, AT * 4 + length)
  }

  function writeAll(
    struct: string,
    fields: ReadonlyMap<string, bigint>,
    u: Uint32Array,
    b: number,
    prefix = '',
  ): void {
    for (const field of layouts.get(struct)?.fields ?? []) {
      if (field.struct !== null) {
        writeAll(field.struct, fields, u, b + field.offset / 4, `${prefix}${field.name}.`)
        continue
      }
      const value = fields.get(prefix + field.name)
      if (value === undefined) continue
      const get = `${camelCase(struct)}_${camelCase(field.name)}`
      const set = `set${get.charAt(0).toUpperCase()}${get.slice(1)}`
      const words = field.scalar === 'id64' || field.scalar === 'u64w'
      const call = exported[field.scalar === 'u64w' ? `${set}Words` : set] as (...args: unknown[]) => void
      if (words) call(u, b, Number(value & 0xffffffffn), Number(value >> 32n))
      else call(u, b, Number(field.scalar === 'time64' ? BigInt.asIntN(64, value) : value))
    }
  }
})
