import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import * as generated from '../../src/abi/gen/structs.js'
import { camelCase, layoutAll, upperCase } from '../../src/abi/layout.js'
import { STRUCTS } from '../../src/abi/spec/structs.js'
import type { ScalarType, StructSpec } from '../../src/abi/spec/types.js'
import { minorOf, type ReferenceField, reference } from './reference.js'

type Accessor = (u: Uint32Array, b: number, ...values: number[]) => number
type Exports = { readonly [name: string]: unknown }

const exported = generated as Exports
const layouts = layoutAll(STRUCTS)

function accessor(name: string): Accessor {
  const found = exported[name]
  assert.equal(typeof found, 'function', `${name} is not generated`)
  return found as Accessor
}

/** The C types that a policy of the tables may stand for. */
const C_TYPES: { readonly [type in ScalarType]: readonly string[] } = {
  u8: ['u8'],
  u16: ['u16'],
  u32: ['u32'],
  i32: ['i32'],
  u64: ['u64'],
  id64: ['u64'],
  u64w: ['u64'],
  i64: ['i64'],
  time64: ['u64'],
}

const names = (struct: string, field: string) => {
  const get = `${camelCase(struct)}_${camelCase(field)}`
  return { get, set: `set${get.charAt(0).toUpperCase()}${get.slice(1)}` }
}

const BASE = 3
const FILL = 0xa5

function buffer(size: number): { u: Uint32Array; bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(((BASE * 4 + size + 16 + 7) & ~7) >>> 0).fill(FILL)
  return { u: new Uint32Array(bytes.buffer), bytes, view: new DataView(bytes.buffer) }
}

/**
 * Writes with the generated setter, and checks the bytes, that no other byte changed, and what the getter
 * says.
 */
function checkNumber(struct: string, size: number, field: ReferenceField, value: number): void {
  const { get, set } = names(struct, field.name)
  const { u, bytes, view } = buffer(size)
  accessor(set)(u, BASE, value)
  const at = BASE * 4 + field.offset
  const expected = new Uint8Array(field.size)
  let rest = BigInt.asUintN(field.size * 8, BigInt(value))
  for (let i = 0; i < field.size; i++, rest >>= 8n) expected[i] = Number(rest & 0xffn)
  assert.deepEqual(bytes.subarray(at, at + field.size), expected, `${set}(${value})`)
  bytes.forEach((byte, i) => {
    if (i < at || i >= at + field.size) assert.equal(byte, FILL, `${set} changed byte ${i - BASE * 4}`)
  })
  assert.equal(accessor(get)(u, BASE), value, get)
  assert.equal(view.byteLength, bytes.length)
}

const SAMPLES: { readonly [type: string]: readonly number[] } = {
  u8: [0, 1, 0x80, 0xff],
  u16: [0, 1, 0x1234, 0xffff],
  u32: [0, 1, 0x12345678, 0x80000000, 0xffffffff],
  i32: [0, 1, -1, -2147483648, 2147483647],
  u64: [0, 1, 0xffffffff, 0x100000000, 0x123456789abcd, Number.MAX_SAFE_INTEGER],
  i64: [0, 1, -1, -0x100000000, 0x123456789abcd, Number.MIN_SAFE_INTEGER, -(2 ** 63), 1_700_000_000],
}

describe('generated structs', () => {
  test('the tables have the structs of the reference and no other', () => {
    assert.deepEqual(Object.keys(STRUCTS).sort(), Object.keys(reference.structs).sort())
  })

  for (const [name, expected] of Object.entries(reference.structs)) {
    const layout = layouts.get(name)
    assert(layout)

    test(`${name}: layout`, () => {
      assert.equal(layout.size, expected.size)
      assert.equal(layout.since, minorOf(expected.since))
      assert.equal(exported[`${upperCase(name)}_SIZE`], expected.size)
      assert.equal(exported[`${upperCase(name)}_WORDS`], expected.size / 4)
      assert.deepEqual(
        layout.fields.map((f) => [f.name, f.offset, f.size, f.struct, f.count]),
        expected.fields.map((f) => [f.name, f.offset, f.size, f.struct ?? null, f.count ?? null]),
      )
      expected.fields.forEach((field, i) => {
        const ours = layout.fields[i]
        assert(ours)
        assert.equal(ours.since, Math.max(minorOf(field.since), layout.since), `${name}.${field.name} since`)
        if (ours.scalar !== null)
          assert(C_TYPES[ours.scalar].includes(field.type), `${name}.${field.name} type`)
        else assert.equal(field.type, ours.struct === null ? 'bytes' : 'struct')
      })
    })

    test(`${name}: round trip of every field`, () => {
      for (const field of expected.fields) {
        const { get, set } = names(name, field.name)
        const ours = layout.fields.find((f) => f.name === field.name)
        assert(ours)
        if (field.count !== undefined || field.type === 'struct') {
          assert.equal(exported[`${upperCase(name)}_${upperCase(field.name)}_WORD`], field.offset >> 2)
          continue
        }
        const signed = ours.scalar === 'time64' ? 'i64' : field.type
        if (ours.scalar !== 'id64')
          for (const value of SAMPLES[signed] ?? []) checkNumber(name, expected.size, field, value)
        if (ours.scalar === 'id64' || ours.words) {
          const { u, bytes } = buffer(expected.size)
          accessor(ours.scalar === 'id64' ? set : `${set}Words`)(u, BASE, 0x89abcdef, 0xfedcba98)
          assert.equal(accessor(`${get}_lo`)(u, BASE), 0x89abcdef)
          assert.equal(accessor(`${get}_hi`)(u, BASE), 0xfedcba98)
          const at = BASE * 4 + field.offset
          assert.equal(Buffer.from(bytes.buffer, at, 8).readBigUInt64LE(), 0xfedcba9889abcdefn)
          assert.equal(bytes.filter((byte) => byte === FILL).length, bytes.length - 8)
          if (ours.scalar === 'id64') {
            assert.equal(
              (accessor(`${get}_big`) as unknown as (u: Uint32Array, b: number) => bigint)(u, BASE),
              0xfedcba9889abcdefn,
            )
          }
        }
      }
    })

    test(`${name}: clear zeroes exactly the struct`, () => {
      const { u, bytes } = buffer(expected.size)
      const camel = camelCase(name)
      accessor(`clear${camel.charAt(0).toUpperCase()}${camel.slice(1)}`)(u, BASE)
      bytes.forEach((byte, i) => {
        const inside = i >= BASE * 4 && i < BASE * 4 + expected.size
        assert.equal(byte, inside ? 0 : FILL, `byte ${i - BASE * 4}`)
      })
    })
  }

  test('2^63-1 survives reading and writing where it is a time', () => {
    const u = Uint32Array.of(0, 0, 0, 0, 0, 0, 0xffffffff, 0x7fffffff, 0, 0, 0, 0)
    const value = generated.attr_atime(u, 0)
    assert.equal(value, 2 ** 63)
    u[6] = u[7] = 0
    generated.setAttr_atime(u, 0, value)
    assert.deepEqual([u[6], u[7]], [0xffffffff, 0x7fffffff])
  })

  test('random numbers keep their value in every 64-bit form', () => {
    const u = new Uint32Array(32)
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeNat(), (signed, natural) => {
        generated.setSetattrIn_mtime(u, 1, signed)
        generated.setReadIn_offset(u, 11, natural)
        generated.setAttr_ino(u, 9, natural)
        assert.equal(generated.attr_ino(u, 9), natural)
        generated.setNotifyInvalInodeOut_off(u, 20, signed)
        assert.equal(generated.setattrIn_mtime(u, 1), signed)
        assert.equal(generated.notifyInvalInodeOut_off(u, 20), signed)
      }),
    )
  })

  test('the checks of requests look at the high word of every number', () => {
    const inStructs = Object.keys(STRUCTS).filter((name) => /_in(_header)?$|_one$/.test(name))
    assert(inStructs.length > 30)
    for (const name of inStructs) {
      const ok = accessor(`${camelCase(name)}_ok`) as unknown as (u: Uint32Array, b: number) => boolean
      const size = reference.structs[name]?.size ?? 0
      for (const { offset, checked } of longFields(name)) {
        const u = new Uint32Array(BASE + Math.ceil(size / 4) + 4)
        u[BASE + offset / 4 + 1] = 0x1fffff
        assert.equal(ok(u, BASE), true, `${name}+${offset} below 2^53`)
        for (const high of [0x200000, 0x80000000, 0xffffffff]) {
          u[BASE + offset / 4 + 1] = high
          assert.equal(ok(u, BASE), !checked, `${name}+${offset} with high word ${high}`)
        }
      }
    }
  })

  /**
   * 64-bit fields of a struct, nested ones included, and whether a number of 2^53 or more must be refused.
   */
  function longFields(name: string, base = 0): { offset: number; checked: boolean }[] {
    return (layouts.get(name)?.fields ?? []).flatMap((field) => {
      if (field.struct !== null) return longFields(field.struct, base + field.offset)
      if (field.size !== 8 || field.count !== null) return []
      return [{ offset: base + field.offset, checked: field.scalar === 'u64' }]
    })
  }
})

describe('layout', () => {
  const lay = (fields: StructSpec['fields']) => layoutAll({ fuse_x: { fields } })

  test('refuses hidden padding and unknown structs', () => {
    assert.throws(() => lay({ a: 'u32', b: 'u64' }), /fuse_x\.b: hidden padding at offset 4/)
    assert.throws(() => lay({ a: 'u64', b: 'u32' }), /fuse_x: hidden padding at its end/)
    assert.throws(() => lay({ a: 'fuse_nothing' }), /fuse_nothing is used but not in the tables/)
  })
})
