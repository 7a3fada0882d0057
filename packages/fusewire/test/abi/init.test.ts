import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { InitFlag } from '../../src/abi/gen/flags.js'
import {
  type InitReply,
  initReplySize,
  initRequestSize,
  initVersion,
  parseInit,
  parseInitReply,
  writeInitReply,
  writeInitRequest,
  writeInitRetry,
} from '../../src/abi/init.js'
import { Bytes } from './builder.js'

const EXT = InitFlag.INIT_EXT.mask
const AT = 3

const place = (message: Uint8Array): Uint32Array => {
  const bytes = new Uint8Array(AT * 4 + 80).fill(0xa5)
  bytes.set(message, AT * 4)
  return new Uint32Array(bytes.buffer)
}

const request = (minor: number, flags: number, flags2: number): Uint8Array =>
  new Bytes().u32(7, minor, 131072, flags, flags2, ...new Array<number>(11).fill(0)).done()

const REPLY: InitReply = {
  minor: 45,
  maxReadahead: 131072,
  flags: 0x73000020,
  flags2: 0x7d,
  maxBackground: 64,
  congestionThreshold: 48,
  maxWrite: 1 << 20,
  timeGran: 1,
  maxPages: 256,
  mapAlignment: 12,
  maxStackDepth: 2,
  requestTimeout: 60,
}

/** `fuse_init_out` byte by byte, for a kernel of this minor. */
function expectedReply(minor: number): Uint8Array {
  const since = (first: number, value: number): number => (minor >= first ? value : 0)
  return new Bytes()
    .u32(
      7,
      Math.min(minor, 45),
      REPLY.maxReadahead,
      since(36, EXT) === 0 ? REPLY.flags : (REPLY.flags | EXT) >>> 0,
    )
    .u16(since(13, 64), since(13, 48))
    .u32(REPLY.maxWrite, REPLY.timeGran)
    .u16(since(28, 256), since(31, 12))
    .u32(since(36, 0x7d), since(40, 2))
    .u16(since(43, 60), ...new Array<number>(11).fill(0))
    .done()
    .subarray(0, minor < 5 ? 8 : minor < 23 ? 24 : 64)
}

describe('INIT request', () => {
  test('every size: what is missing is 0', () => {
    const u = place(request(45, (EXT | 0x21) >>> 0, 0x7fd))
    const full = { major: 7, minor: 45, maxReadahead: 131072, flags: (EXT | 0x21) >>> 0, flags2: 0x7fd }
    assert.deepEqual(parseInit(u, AT, 64), full)
    assert.deepEqual(parseInit(u, AT, 20), full)
    assert.deepEqual(parseInit(u, AT, 16), { ...full, flags2: 0 })
    assert.deepEqual(parseInit(u, AT, 8), { major: 7, minor: 45, maxReadahead: 0, flags: 0, flags2: 0 })
  })

  test('flags2 counts only with INIT_EXT', () => {
    assert.equal(parseInit(place(request(45, 0x21, 0x7fd)), AT, 64).flags2, 0)
  })

  test('a kernel of each minor: written and read', () => {
    for (let minor = 0; minor <= 60; minor++) {
      const u = new Uint32Array(32).fill(0xa5a5a5a5)
      const sent = { major: 7, minor, maxReadahead: 4096, flags: EXT, flags2: 5 }
      const size = writeInitRequest(u, AT, sent)
      assert.equal(size, minor < 6 ? 8 : minor < 36 ? 16 : 64)
      assert.equal(size, initRequestSize(minor))
      assert(u.subarray(AT + size / 4).every((word) => word === 0xa5a5a5a5))
      const got = parseInit(u, AT, size)
      assert.deepEqual(got, {
        major: 7,
        minor,
        maxReadahead: minor < 6 ? 0 : 4096,
        flags: minor < 6 ? 0 : EXT,
        flags2: minor < 36 ? 0 : 5,
      })
    }
  })

  test('versions', () => {
    const version = (major: number, minor: number) =>
      initVersion({ major, minor, maxReadahead: 0, flags: 0, flags2: 0 })
    for (let minor = 0; minor < 31; minor++) assert.equal(version(7, minor), 'refuse')
    for (let minor = 31; minor < 100; minor++) assert.equal(version(7, minor), 'negotiate')
    assert.equal(version(6, 45), 'refuse')
    assert.equal(version(8, 0), 'retry')
  })
})

describe('INIT reply', () => {
  for (let minor = 0; minor <= 46; minor++) {
    test(`to a kernel of 7.${minor}`, () => {
      const u = place(new Uint8Array(64).fill(0x5a))
      const size = writeInitReply(u, AT, REPLY, minor)
      const bytes = new Uint8Array(u.buffer)
      assert.equal(size, initReplySize(minor))
      assert.deepEqual(bytes.slice(AT * 4, AT * 4 + size), expectedReply(minor))
      assert(bytes.subarray(AT * 4 + size, AT * 4 + 64).every((byte) => byte === 0x5a))
      const read = parseInitReply(u, AT, size)
      assert.equal(read.minor, Math.min(minor, 45))
      assert.equal(read.flags2, minor >= 36 ? REPLY.flags2 : 0)
      assert.equal(read.requestTimeout, minor >= 43 ? REPLY.requestTimeout : 0)
    })
  }

  test('INIT_EXT is set exactly when flags2 is used', () => {
    const u = new Uint32Array(32)
    writeInitReply(u, 0, { ...REPLY, flags: 0x20, flags2: 0 }, 45)
    assert.equal(u[3], 0x20)
    writeInitReply(u, 0, { ...REPLY, flags: 0x20, flags2: 1 }, 45)
    assert.equal(u[3], (0x20 | EXT) >>> 0)
    assert.equal(u[8], 1)
  })

  test('a newer major version gets ours and nothing else', () => {
    const u = new Uint32Array(32).fill(0xa5a5a5a5)
    assert.equal(writeInitRetry(u, 2), 64)
    assert.deepEqual([...u.subarray(2, 18)], [7, 45, ...new Array<number>(14).fill(0)])
    assert.equal(u[18], 0xa5a5a5a5)
  })

  test('every reply survives writing and reading', () => {
    const u16 = fc.nat(0xffff)
    const u32 = fc.nat(0xffffffff)
    const replies = fc.record({
      minor: fc.integer({ min: 31, max: 45 }),
      maxReadahead: u32,
      flags: u32.map((flags) => (flags | EXT) >>> 0),
      flags2: u32,
      maxBackground: u16,
      congestionThreshold: u16,
      maxWrite: u32,
      timeGran: u32,
      maxPages: u16,
      mapAlignment: u16,
      maxStackDepth: u32,
      requestTimeout: u16,
    })
    fc.assert(
      fc.property(replies, (reply) => {
        const u = new Uint32Array(32)
        const size = writeInitReply(u, 1, reply, 45)
        assert.deepEqual(parseInitReply(u, 1, size), { major: 7, ...reply })
      }),
    )
  })

  test('a short reply counts as zeroes', () => {
    const u = place(expectedReply(45))
    assert.deepEqual(
      { ...parseInitReply(u, AT, 24), major: 0 },
      {
        ...{ major: 0, minor: 45, maxReadahead: 131072, flags: (REPLY.flags | EXT) >>> 0, flags2: 0 },
        ...{ maxBackground: 64, congestionThreshold: 48, maxWrite: 1 << 20 },
        ...{ timeGran: 0, maxPages: 0, mapAlignment: 0, maxStackDepth: 0, requestTimeout: 0 },
      },
    )
    assert.equal(parseInitReply(u, AT, 8).maxWrite, 0)
  })
})
