import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { errno } from '../../src/abi/errno.js'
import { checkRequest, checkRingRequest, RequestFrame } from '../../src/abi/frame.js'
import { OPCODES, Op, opcodeRow } from '../../src/abi/gen/opcodes.js'
import { Bytes, place, request } from './builder.js'

const frame = new RequestFrame()

function check(message: Uint8Array, { at = 3, setxattrExt = true, length = message.length } = {}): number {
  const { u, bytes } = place(message, at)
  return checkRequest(u, bytes, at, length, setxattrExt, frame)
}

const text = (message: Uint8Array, from: number, length: number, at = 3): string =>
  Buffer.from(message.subarray(from - at * 4, from - at * 4 + length)).toString()

describe('checkRequest', () => {
  test('opcodeRow finds every opcode and nothing else', () => {
    for (const row of OPCODES) assert.equal(opcodeRow(row.number), row)
    for (const number of [0, 7, 19, 54, 63, 64, 4095, 4097, 436207616, 0xffffffff])
      assert.equal(opcodeRow(number), undefined)
    assert.equal(OPCODES.length, 52)
  })

  test('names, struct and payload of each shape', () => {
    const lookup = request(Op.LOOKUP, new Bytes().name('hello'))
    assert.equal(check(lookup), 0)
    assert.equal(frame.row?.name, 'LOOKUP')
    assert.equal(text(lookup, frame.name1, frame.name1Length), 'hello')

    const rename = request(Op.RENAME2, new Bytes().u64(9).u32(1, 0).name('old').name('neu'))
    assert.equal(check(rename), 0)
    assert.equal(frame.op, 13)
    assert.equal(text(rename, frame.name1, frame.name1Length), 'old')
    assert.equal(text(rename, frame.name2, frame.name2Length), 'neu')

    const write = request(Op.WRITE, new Bytes().u64(1, 0).u32(3, 0).u64(0).u32(0, 0).u8(7, 8, 9))
    assert.equal(check(write), 0)
    assert.equal(frame.payload, 12 + 80)
    assert.equal(frame.payloadLength, 3)

    const setxattr = request(Op.SETXATTR, new Bytes().u32(2, 0, 0, 0).name('user.a/b').u8(1, 2))
    assert.equal(check(setxattr), 0)
    assert.equal(text(setxattr, frame.name1, frame.name1Length), 'user.a/b')
    assert.equal(frame.payloadLength, 2)
    assert.equal(check(setxattr, { setxattrExt: false }), -errno.EPROTO)

    const short = request(Op.SETXATTR, new Bytes().u32(2, 0).name('user.a').u8(1, 2))
    assert.equal(check(short, { setxattrExt: false }), 0)
    assert.equal(frame.inSize, 8)
    assert.equal(text(short, frame.name1, frame.name1Length), 'user.a')
    assert.equal(check(short), -errno.EPROTO)

    const ioctl = request(Op.IOCTL, new Bytes().u64(1).u32(0, 5).u64(0n).u32(4, 8).u32(1))
    assert.equal(check(ioctl), 0)
    assert.equal(frame.payloadLength, 4)

    const forget = request(Op.BATCH_FORGET, new Bytes().u32(2, 0).u64(5, 1, 6, 2))
    assert.equal(check(forget), 0)
    assert.equal(frame.payloadLength, 32)
    const wrong = request(Op.BATCH_FORGET, new Bytes().u32(0x10000002, 0).u64(5, 1, 6, 2))
    assert.equal(check(wrong), -errno.EPROTO)

    const tmpfile = request(Op.TMPFILE, new Bytes().u32(0, 0, 0, 0).name('/'))
    assert.equal(check(tmpfile), 0)
    assert.equal(text(tmpfile, frame.name1, frame.name1Length), '/')
  })

  test('symlink: a target may have slashes, a name may not', () => {
    const good = request(Op.SYMLINK, new Bytes().name('link').name('/a/b'))
    assert.equal(check(good), 0)
    assert.equal(text(good, frame.name2, frame.name2Length), '/a/b')
    assert.equal(check(request(Op.SYMLINK, new Bytes().name('l/ink').name('/a/b'))), -errno.EPROTO)
    assert.equal(check(request(Op.SYMLINK, new Bytes().name('link').name(''))), -errno.EPROTO)
    assert.equal(check(request(Op.SYMLINK, new Bytes().name('').name('x'))), -errno.EPROTO)
  })

  test('extensions lie at the end and only behind creations', () => {
    const groups = new Bytes().u32(16, 32, 1, 555)
    const body = new Bytes().u32(0o755, 0).name('sub').bytes(groups.done())
    const mkdir = request(Op.MKDIR, body, { extlen: 2 })
    assert.equal(check(mkdir), 0)
    assert.equal(frame.extLength, 16)
    assert.equal(frame.ext, 12 + 40 + 8 + 4)
    assert.equal(check(request(Op.MKDIR, body, { extlen: 1 })), -errno.EPROTO)
    assert.equal(check(request(Op.MKDIR, body, { extlen: 3 })), -errno.EPROTO)
    assert.equal(check(request(Op.MKDIR, body, { extlen: 0xffff })), -errno.EPROTO)
    assert.equal(
      check(request(Op.UNLINK, new Bytes().name('abcdefg').bytes(groups.done()), { extlen: 2 })),
      -errno.EPROTO,
    )
  })

  test('numbers of 2^53 and more are refused with the errno of their operation', () => {
    const big = 1n << 53n
    const read = (fh: bigint, offset: bigint) =>
      request(Op.READ, new Bytes().u64(fh, offset).u32(1, 0).u64(~0n).u32(0, 0))
    assert.equal(check(read(big - 1n, big - 1n)), 0)
    assert.equal(check(read(0n, big)), -errno.EOVERFLOW)
    assert.equal(check(read(big, 0n)), -errno.EOVERFLOW)
    const write = new Bytes().u64(1, big).u32(0, 0).u64(0).u32(0, 0)
    assert.equal(check(request(Op.WRITE, write)), -errno.EFBIG)
    assert.equal(check(request(Op.LSEEK, new Bytes().u64(1, 2n ** 62n).u32(3, 0))), -errno.ENXIO)
    assert.equal(check(request(Op.GETATTR, new Bytes().u32(0, 0).u64(0), { nodeid: big })), -errno.ESTALE)
    const lock = (start: bigint) => new Bytes().u64(1, ~0n, start, 2n ** 63n - 1n).u32(1, 5, 0, 0)
    assert.equal(check(request(Op.SETLK, lock(0n))), 0)
    assert.equal(check(request(Op.SETLK, lock(big))), -errno.EOVERFLOW)
  })

  test('a position in a directory may use all 64 bits', () => {
    const body = new Bytes()
      .u64(1, 2n ** 63n + 5n)
      .u32(4096, 0)
      .u64(0)
      .u32(0, 0)
    for (const opcode of [Op.READDIR, Op.READDIRPLUS]) assert.equal(check(request(opcode, body)), 0)
    assert.equal(check(request(Op.READ, body)), -errno.EOVERFLOW)
  })

  test('SETATTR takes times before 1970', () => {
    const body = new Bytes()
      .u32(0x10, 0)
      .u64(0, 0, 0, -1n, -(2n ** 40n), 0)
      .u32(0, 0, 0, 0, 0, 0, 0, 0)
    assert.equal(check(request(Op.SETATTR, body)), 0)
  })

  test('a length that is not what was received', () => {
    const lookup = request(Op.LOOKUP, new Bytes().name('hello'))
    for (let length = 0; length < lookup.length; length++)
      assert.equal(check(lookup, { length }), -errno.EPROTO)
    assert.equal(check(lookup, { length: lookup.length + 1 }), -errno.EPROTO)
    assert.equal(check(lookup, { length: 1 << 30 }), -errno.EPROTO)
    assert.equal(check(request(99)), -errno.ENOSYS)
    assert.equal(frame.row, null)
  })

  test('INIT of every size', () => {
    const init = (size: number) =>
      request(
        Op.INIT,
        new Bytes()
          .u32(7, 31, ...new Array<number>(20).fill(0))
          .done()
          .subarray(0, size),
      )
    assert.equal(check(init(4)), -errno.EPROTO)
    for (const size of [8, 16, 64, 80]) {
      assert.equal(check(init(size)), 0)
      assert.equal(frame.inSize, Math.min(size, 64))
    }
  })
})

describe('checkRingRequest', () => {
  const PAYLOAD = 512

  function ring(message: Uint8Array, inSize: number, inPayload = false): number {
    const bytes = new Uint8Array(2048).fill(0xa5)
    bytes.set(message.subarray(0, 40), 0)
    bytes.set(message.subarray(40, 40 + inSize), 128)
    const rest = message.subarray(40 + (inPayload ? 0 : inSize))
    bytes.set(rest, PAYLOAD)
    return checkRingRequest(new Uint32Array(bytes.buffer), bytes, 0, 32, PAYLOAD, rest.length, true, frame)
  }

  test('the three places of a request', () => {
    assert.equal(ring(request(Op.LOOKUP, new Bytes().name('hello')), 0), 0)
    assert.equal(frame.name1, PAYLOAD)
    assert.equal(frame.name1Length, 5)
    const write = request(Op.WRITE, new Bytes().u64(1, 0).u32(3, 0).u64(0).u32(0, 0).u8(7, 8, 9))
    assert.equal(ring(write, 40), 0)
    assert.equal(frame.op, 32)
    assert.equal(frame.payload, PAYLOAD)
    assert.equal(frame.payloadLength, 3)
    assert.equal(ring(write.subarray(0, -1), 40), -errno.EPROTO)
    assert.equal(ring(request(99), 0), -errno.ENOSYS)
  })

  test('NOTIFY_REPLY has its struct in the payload', () => {
    const reply = request(Op.NOTIFY_REPLY, new Bytes().u64(0, 8192).u32(2, 0).u64(0, 0).u8(1, 2))
    assert.equal(ring(reply, 0, true), 0)
    assert.equal(frame.op, PAYLOAD / 4)
    assert.equal(frame.payload, PAYLOAD + 40)
    assert.equal(frame.payloadLength, 2)
    assert.equal(ring(reply.subarray(0, 60), 0, true), -errno.EPROTO)
  })

  test('places outside of the buffer', () => {
    const bytes = new Uint8Array(256)
    const u = new Uint32Array(bytes.buffer)
    assert.equal(checkRingRequest(u, bytes, 60, 0, 0, 0, true, frame), -errno.EPROTO)
    assert.equal(checkRingRequest(u, bytes, 0, 32, 200, 57, true, frame), -errno.EPROTO)
    u[0] = 80
    u[1] = Op.READ
    assert.equal(checkRingRequest(u, bytes, 0, 60, 128, 0, true, frame), -errno.EPROTO)
    assert.equal(checkRingRequest(u, bytes, 0, 32, 128, 0, true, frame), 0)
  })
})
