import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  DirentNameError,
  DirentReader,
  DirentWriter,
  direntplusSize,
  direntSize,
} from '../../src/abi/dirent.js'
import { errno } from '../../src/abi/errno.js'
import * as s from '../../src/abi/gen/structs.js'
import { Bytes } from './builder.js'

const WORD = 4
const FILL = 0xa5

function buffer(size: number) {
  const bytes = new Uint8Array(WORD * 4 + ((size + 7) & ~7) + 16).fill(FILL)
  return { u: new Uint32Array(bytes.buffer), bytes }
}

/** A record by hand. */
const dirent = (name: string, ino: number | bigint, off: number | bigint, type: number): Bytes =>
  new Bytes().u64(ino, off).u32(Buffer.byteLength(name), type).bytes(Buffer.from(name)).pad(8)

describe('DirentWriter', () => {
  test('READDIR records byte by byte', () => {
    const { u, bytes } = buffer(200)
    const writer = new DirentWriter()
    writer.reset(u, bytes, WORD, 200)
    assert(writer.add('.', 1, 4, 1))
    assert(writer.add('caf\u00e9-name', 2 ** 40 + 7, 8, 2 ** 45))
    assert(writer.addBytes(Uint8Array.of(0x66, 0xff), 0xfffffff1, 0xffffffff, 10, 0xfffffff2, 0x7fffffff))
    const last = new Bytes().u64(0xfffffffffffffff1n, 0x7ffffffffffffff2n).u32(2, 10).u8(0x66, 0xff).pad(8)
    const expected = [dirent('.', 1, 1, 4), dirent('caf\u00e9-name', 2 ** 40 + 7, 2 ** 45, 8), last].flatMap(
      (b) => [...b.done()],
    )
    assert.equal(writer.used, expected.length)
    assert.deepEqual([...bytes.subarray(WORD * 4, WORD * 4 + writer.used)], expected)
    assert(bytes.subarray(WORD * 4 + writer.used).every((byte) => byte === FILL))
  })

  test('READDIRPLUS records: the entry is zeroed for the caller', () => {
    const { u, bytes } = buffer(400)
    const writer = new DirentWriter()
    writer.reset(u, bytes, WORD, 400)
    assert(writer.addPlus('.', 1, 4, 1))
    assert.equal(writer.entry, WORD)
    assert(writer.addPlus('file', 9, 8, 2))
    s.setEntryOut_nodeid(u, writer.entry, 33)
    s.setAttr_mode(u, writer.entry + s.ENTRY_OUT_ATTR_WORD, 0o100644)
    const entry = new Bytes()
      .u64(33, 0, 0, 0)
      .u32(0, 0)
      .u64(0, 0, 0, 0, 0, 0)
      .u32(0, 0, 0, 0o100644, 0, 0, 0, 0, 0, 0)
    const expected = [
      ...new Uint8Array(128),
      ...dirent('.', 1, 1, 4).done(),
      ...entry.done(),
      ...dirent('file', 9, 2, 8).done(),
    ]
    assert.deepEqual([...bytes.subarray(WORD * 4, WORD * 4 + writer.used)], expected)
  })

  test('says no when the record does not fit, and writes nothing', () => {
    const size = direntSize(5) + direntSize(9)
    for (const plus of [false, true]) {
      const room = plus ? direntplusSize(5) + direntplusSize(9) : size
      const { u, bytes } = buffer(room)
      const writer = new DirentWriter()
      writer.reset(u, bytes, WORD, room - 1)
      const add = (name: string) => (plus ? writer.addPlus(name, 1, 8, 1) : writer.add(name, 1, 8, 1))
      assert(add('five5'))
      const before = bytes.slice()
      assert.equal(add('nine99999'), false)
      assert.equal(writer.addBytes(new Uint8Array(9).fill(65), 1, 0, 8, 1, 0, plus), false)
      assert.deepEqual(bytes, before)
      writer.reset(u, bytes, WORD, room)
      assert(add('five5') && add('nine99999'))
      assert.equal(add('x'), false)
      assert.equal(writer.used, room)
    }
  })

  test('a size beyond the buffer is cut to it', () => {
    const { u, bytes } = buffer(64)
    const writer = new DirentWriter()
    writer.reset(u, bytes, WORD, 1 << 20)
    let count = 0
    while (writer.add('abc', 1, 8, 1)) count++
    assert.equal(count, Math.floor((bytes.length - WORD * 4) / 32))
  })

  test('refuses names that would fail the whole listing', () => {
    const { u, bytes } = buffer(4096)
    const writer = new DirentWriter()
    const code = (name: string | Uint8Array, expected: string) =>
      assert.throws(
        () => (typeof name === 'string' ? writer.add(name, 1, 8, 1) : writer.addBytes(name, 1, 0, 8, 1, 0)),
        (error) => error instanceof DirentNameError && error.code === expected,
      )
    writer.reset(u, bytes, WORD, 4096)
    for (const name of ['', 'a/b', '/', 'a\0b']) code(name, 'EINVAL')
    for (const name of ['', 'a/b', '\0']) code(Uint8Array.from(Buffer.from(name)), 'EINVAL')
    code('\ud800', 'EILSEQ')
    code('x'.repeat(1025), 'ENAMETOOLONG')
    code('\u20ac'.repeat(342), 'ENAMETOOLONG')
    code(new Uint8Array(1025).fill(65), 'ENAMETOOLONG')
    assert.equal(writer.used, 0)
    assert(writer.add('x'.repeat(1024), 1, 8, 1))
    writer.reset(u, bytes, WORD, 4096, 255)
    code('x'.repeat(256), 'ENAMETOOLONG')
  })

  test('advance counts records of others in', () => {
    const { u, bytes } = buffer(200)
    const writer = new DirentWriter()
    writer.reset(u, bytes, WORD, 200)
    const foreign = dirent('native', 3, 3, 8).done()
    bytes.set(foreign, WORD * 4)
    writer.advance(foreign.length)
    assert(writer.add('next', 4, 8, 4))
    const expected = [...foreign, ...dirent('next', 4, 4, 8).done()]
    assert.deepEqual([...bytes.subarray(WORD * 4, WORD * 4 + writer.used)], expected)
  })

  test('undo takes records back', () => {
    const { u, bytes } = buffer(200)
    const writer = new DirentWriter()
    writer.reset(u, bytes, WORD, 200)
    writer.add('a', 1, 8, 1)
    const used = writer.used
    writer.add('b', 1, 8, 2)
    writer.undo(used)
    assert.equal(writer.used, used)
    assert.throws(() => writer.undo(used + 1), RangeError)
    assert.throws(() => writer.undo(-1), RangeError)
  })
})

describe('DirentReader', () => {
  const record = fc.record({
    name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((n) => !/[/\0]/.test(n)),
    ino: fc.maxSafeNat(),
    off: fc.maxSafeNat(),
    type: fc.constantFrom(1, 2, 4, 6, 8, 10, 12),
  })

  for (const plus of [false, true]) {
    test(`reads what was written, plus ${plus}`, () => {
      fc.assert(
        fc.property(fc.array(record, { maxLength: 20 }), fc.nat(4000), (records, size) => {
          const { u, bytes } = buffer(size)
          const writer = new DirentWriter()
          writer.reset(u, bytes, WORD, size)
          const fit = records.filter((r) =>
            plus ? writer.addPlus(r.name, r.ino, r.type, r.off) : writer.add(r.name, r.ino, r.type, r.off),
          )
          assert(writer.used <= size)
          const reader = new DirentReader()
          reader.reset(u, bytes, WORD, writer.used, plus)
          for (const r of fit) {
            assert.equal(reader.next(), 1)
            const name = Buffer.from(bytes.subarray(reader.name, reader.name + reader.nameLength)).toString()
            const got = { name, ino: s.dirent_ino(u, reader.dirent), off: reader.off, type: reader.type }
            assert.deepEqual(got, { ...r })
            assert.equal(reader.entry, plus ? reader.dirent - 32 : -1)
          }
          assert.equal(reader.next(), 0)
        }),
      )
    })
  }

  test('a cut last record is ignored, a bad name is EIO', () => {
    const good = dirent('abc', 1, 1, 8).done()
    const read = (message: Uint8Array, length = message.length): number[] => {
      const { u, bytes } = buffer(message.length)
      bytes.set(message, WORD * 4)
      const reader = new DirentReader()
      reader.reset(u, bytes, WORD, length, false)
      const results = [reader.next()]
      while (results.at(-1) === 1) results.push(reader.next())
      return results
    }
    for (let length = 0; length < 32; length++) assert.deepEqual(read(good, length), [0])
    assert.deepEqual(read(good), [1, 0])
    assert.deepEqual(read(Uint8Array.from([...good, ...good]), 63), [1, 0])
    assert.deepEqual(read(new Bytes().u64(1, 1).u32(0, 8).u64(0).done()), [-errno.EIO])
    assert.deepEqual(read(dirent('a/c', 1, 1, 8).done()), [-errno.EIO])
    assert.deepEqual(read(new Bytes().u64(1, 1).u32(0xfffffff0, 8).u64(0).done()), [-errno.EIO])
  })
})
