import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeName, isUtf8, NameCache, nameLength, putName } from '../../src/abi/names.js'

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))

describe('names', () => {
  test('validity and text of any bytes are those of TextDecoder', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const reference = (bytes: Uint8Array): string | null => {
      try {
        return strict.decode(bytes)
      } catch {
        return null
      }
    }
    const nearly = fc.tuple(fc.string({ unit: 'binary' }), fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
      const bytes = bytesOf(text)
      if (bytes.length > 0) bytes[at % bytes.length] = byte
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 12 }), nearly), fc.nat(5), (bytes, offset) => {
        const padded = new Uint8Array(bytes.length + offset + 3).fill(0x80)
        padded.set(bytes, offset)
        const expected = reference(bytes)
        assert.equal(isUtf8(padded, offset, bytes.length), expected !== null)
        assert.equal(decodeName(padded, offset, bytes.length, 'utf8'), expected)
      }),
      { numRuns: 2000 },
    )
  })

  test('limits of UTF-8', () => {
    for (const bad of [
      'c0af',
      'c1bf',
      'e08080',
      'e09fbf',
      'eda080',
      'edbfbf',
      'f08080af',
      'f4908080',
      'f8888080',
      '80',
      'ff',
      'c3',
      'e282',
      'f09f98',
    ]) {
      const bytes = Uint8Array.from(Buffer.from(bad, 'hex'))
      assert.equal(isUtf8(bytes, 0, bytes.length), false, bad)
    }
    for (const good of [
      '7f',
      'c280',
      'dfbf',
      'e0a080',
      'ed9fbf',
      'ee8080',
      'efbfbf',
      'f0908080',
      'f48fbfbf',
    ]) {
      const bytes = Uint8Array.from(Buffer.from(good, 'hex'))
      assert.equal(isUtf8(bytes, 0, bytes.length), true, good)
    }
  })

  test('a byte order mark is part of the name', () => {
    const bytes = bytesOf('\ufeffa')
    assert.equal(decodeName(bytes, 0, bytes.length, 'utf8'), '\ufeffa')
  })

  test('latin1 gives every byte string a name, and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        const name = decodeName(bytes, 0, bytes.length, 'latin1')
        assert(name !== null)
        assert.equal(nameLength(name, 'latin1'), bytes.length)
        const back = new Uint8Array(bytes.length)
        putName(back, 0, name, 'latin1')
        assert.deepEqual(back, bytes)
      }),
    )
    assert.equal(nameLength('\u0100', 'latin1'), -1)
  })

  test('putName writes what Buffer writes, and no byte more', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const expected = Buffer.from(name)
        assert.equal(nameLength(name, 'utf8'), expected.length)
        const bytes = new Uint8Array(expected.length + 2).fill(0xa5)
        putName(bytes, 1, name, 'utf8')
        assert.deepEqual(bytes, Uint8Array.from([0xa5, ...expected, 0xa5]))
      }),
    )
  })

  test('a lone surrogate has no bytes', () => {
    for (const name of ['\ud800', 'a\udc00', '\ud83d\ud83d\ude00', '\ude00\ud83d'])
      assert.equal(nameLength(name, 'utf8'), -1)
    assert.equal(nameLength('\u{1f600}', 'utf8'), 4)
  })
})

describe('NameCache', () => {
  test('gives the same answers as decoding, with names that push each other out', () => {
    const cache = new NameCache('utf8', 4)
    const pool = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 3 }),
        fc.string().map(bytesOf),
        fc.uint8Array({ minLength: 60, maxLength: 70 }),
      ),
    )
    fc.assert(
      fc.property(pool, fc.array(fc.nat(), { maxLength: 60 }), (names, order) => {
        for (const pick of order) {
          const bytes = names[pick % Math.max(names.length, 1)] ?? new Uint8Array()
          assert.equal(cache.decode(bytes, 0, bytes.length), decodeName(bytes, 0, bytes.length, 'utf8'))
        }
      }),
    )
  })

  test('returns the very string again', () => {
    const cache = new NameCache()
    const bytes = bytesOf('xx-some-name-xx')
    const first = cache.decode(bytes, 3, 9)
    assert.equal(first, 'some-name')
    bytes.copyWithin(4, 3, 12)
    assert.equal(cache.decode(bytes, 4, 9), first)
    assert.equal(cache.decode(bytes, 4, 8), 'some-nam')
  })

  test('an invalid name is null each time and takes no entry', () => {
    const cache = new NameCache('utf8', 1)
    const good = bytesOf('good')
    const bad = Uint8Array.of(0x61, 0xff)
    assert.equal(cache.decode(good, 0, 4), 'good')
    assert.equal(cache.decode(bad, 0, 2), null)
    assert.equal(cache.decode(bad, 0, 2), null)
    assert.equal(cache.decode(good, 0, 4), 'good')
  })

  test('the number of entries is a power of two', () => {
    assert.throws(() => new NameCache('utf8', 3), RangeError)
    assert.throws(() => new NameCache('utf8', 0), RangeError)
  })
})
