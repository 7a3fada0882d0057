import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { errno } from '../../src/abi/errno.js'
import { ExtensionBlocks, groupsBlock, secctxBlock } from '../../src/abi/ext.js'
import { Bytes } from './builder.js'

const blocks = new ExtensionBlocks()

function parse(message: Uint8Array, offset = 0): { result: number; bytes: Uint8Array } {
  const bytes = new Uint8Array(offset + message.length + 16).fill(0xff)
  bytes.set(message, offset)
  return { result: blocks.parse(bytes, offset, message.length), bytes }
}

const text = (bytes: Uint8Array, start: number, length: number): string =>
  Buffer.from(bytes.subarray(start, start + length)).toString('latin1')

/** One context `security.selinux` = `label` by hand. */
const selinux = (label: string): Uint8Array => {
  const body = new Bytes().u32(label.length, 0).name('security.selinux').bytes(Buffer.from(label)).pad(8)
  return new Bytes()
    .u32(8 + body.length, 1)
    .bytes(body.done())
    .done()
}

describe('extension blocks', () => {
  test('as Linux 6.18 sends them', () => {
    const both = Uint8Array.from(Buffer.from('080000000000000010000000200000000100' + '00002b020000', 'hex'))
    assert.equal(parse(both).result, 0)
    assert.deepEqual([blocks.secctxCount, blocks.groupCount, blocks.group(0)], [0, 1, 555])
    assert.deepEqual(both, Uint8Array.from([...secctxBlock([]), ...groupsBlock([555])]))
  })

  test('at any alignment', () => {
    const message = Uint8Array.from([...selinux('a_label'), ...groupsBlock([0xfffffffe, 1, 2])])
    for (let offset = 0; offset < 9; offset++) {
      const { result, bytes } = parse(message, offset)
      assert.equal(result, 0)
      assert.equal(blocks.secctxCount, 1)
      assert.equal(text(bytes, blocks.secctxName(0), blocks.secctxNameLength(0)), 'security.selinux')
      assert.equal(text(bytes, blocks.secctxValue(0), blocks.secctxValueLength(0)), 'a_label')
      assert.deepEqual([0, 1, 2].map(blocks.group), [0xfffffffe, 1, 2])
    }
  })

  test('none is no error; unknown types are passed over', () => {
    assert.equal(parse(new Uint8Array(0)).result, 0)
    assert.deepEqual([blocks.secctxCount, blocks.groupCount], [0, -1])
    const unknown = new Bytes().u32(24, 77).u64(1, 2).done()
    assert.equal(parse(Uint8Array.from([...unknown, ...groupsBlock([])])).result, 0)
    assert.equal(blocks.groupCount, 0)
  })

  test('a block written is read again', () => {
    const context = fc.record({
      name: fc.uint8Array({ minLength: 1, maxLength: 20, min: 1 }),
      value: fc.uint8Array({ maxLength: 30 }),
    })
    const property = fc.property(
      fc.array(context, { maxLength: 31 }),
      fc.array(fc.nat(0xffffffff), { maxLength: 40 }),
      fc.nat(7),
      (contexts, groups, offset) => {
        const { result, bytes } = parse(
          Uint8Array.from([...secctxBlock(contexts), ...groupsBlock(groups)]),
          offset,
        )
        assert.equal(result, 0)
        const got = contexts.map((_unused, i) => ({
          name: bytes.slice(blocks.secctxName(i), blocks.secctxName(i) + blocks.secctxNameLength(i)),
          value: bytes.slice(blocks.secctxValue(i), blocks.secctxValue(i) + blocks.secctxValueLength(i)),
        }))
        assert.deepEqual(
          got,
          contexts.map((c) => ({ ...c })),
        )
        assert.deepEqual(
          groups.map((_unused, i) => blocks.group(i)),
          groups,
        )
        assert.deepEqual([blocks.secctxCount, blocks.groupCount], [contexts.length, groups.length])
      },
    )
    fc.assert(property)
  })

  test('sizes that lead out of their block', () => {
    const bad: Uint8Array[] = [
      new Bytes().u32(0, 0).done(),
      new Bytes().u32(4, 0).done(),
      new Bytes().u32(9, 0).u64(0).done(),
      new Bytes().u32(12, 77, 0).u32(8, 0).done(),
      new Bytes().u32(24, 0).u64(0).done(),
      new Bytes().u32(0xfffffff8, 32).u64(0).done(),
      new Bytes().u32(8, 1).done(),
      new Bytes().u32(16, 1).u32(0, 0).done(),
      new Bytes().u32(24, 1).u32(0, 0).u8(65, 65, 65, 65, 65, 65, 65, 65).done(),
      new Bytes().u32(24, 1).u32(7, 0).u8(65, 0, 1, 1, 1, 1, 1, 1).done(),
      new Bytes().u32(24, 1).u32(0xffffffff, 0).u8(65, 0, 1, 1, 1, 1, 1, 1).done(),
      new Bytes().u32(24, 2).u32(1, 0).u8(65, 0, 1, 0, 0, 0, 0, 0).done(),
      new Bytes().u32(8, 32).done(),
      new Bytes().u32(16, 32).u32(2, 1).done(),
      new Bytes().u32(16, 32).u32(0xffffffff, 1).done(),
      Uint8Array.from([...groupsBlock([1]), ...groupsBlock([1])]),
      Uint8Array.from([...secctxBlock([]), ...secctxBlock([])]),
      new Uint8Array(7),
    ]
    for (const message of bad) {
      const hex = Buffer.from(message).toString('hex')
      assert.equal(parse(message).result, -errno.EPROTO, hex)
    }
    assert.equal(blocks.parse(new Uint8Array(8), 0, 16), -errno.EPROTO)
  })

  test('every truncation of good blocks is an error or fewer blocks', () => {
    const message = Uint8Array.from([...selinux('label'), ...groupsBlock([1, 2, 3])])
    const first = selinux('label').length
    for (let length = 0; length < message.length; length++) {
      const { result } = parse(message.subarray(0, length))
      assert.equal(result, length === 0 || length === first ? 0 : -errno.EPROTO, String(length))
    }
  })
})
