import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { NotifyCode, URING_CMD } from '../../src/abi/gen/flags.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import { layoutAll, type StructLayout } from '../../src/abi/layout.js'
import { NOTIFY_TABLE } from '../../src/abi/spec/notify.js'
import { OPCODE_TABLE } from '../../src/abi/spec/opcodes.js'
import { STRUCTS } from '../../src/abi/spec/structs.js'
import { Btf, type BtfMember, type BtfStruct } from './btf.js'

// FUSE is built into the kernel, or a module with type information of its own, which builds upon vmlinux'.
const PATH = '/sys/kernel/btf/vmlinux'

function load(): Btf | string {
  if (!existsSync(PATH)) return `no ${PATH}: the kernel has no type information (CONFIG_DEBUG_INFO_BTF)`
  const btf = new Btf(readFileSync(PATH))
  return btf.structs.has('fuse_in_header')
    ? btf
    : `${PATH} does not describe FUSE: it is a module or not built`
}

const btf = load()
const skip = typeof btf === 'string' ? btf : false
const layouts = layoutAll(STRUCTS)

/**
 * Structs of CUSE and DAX, which kernels without these lack, and one that the kernel uses only through
 * sizeof.
 */
const MAY_LACK = new Set([
  'cuse_init_in',
  'cuse_init_out',
  'fuse_setupmapping_in',
  'fuse_removemapping_in',
  'fuse_removemapping_one',
  'fuse_rename_in',
])

describe("the running kernel's types", { skip }, () => {
  if (typeof btf === 'string') return
  const opcodes = btf.enums.get('fuse_opcode') ?? new Map<string, number>()

  /** The newest minor that the kernel certainly speaks, by the opcodes and notifications that it knows. */
  const minor = Math.max(
    ...Object.entries(OPCODE_TABLE).map(([name, row]) => (opcodes.has(`FUSE_${name}`) ? row.since : 0)),
    ...Object.entries(NOTIFY_TABLE).map(([name, row]) =>
      btf.enums.get('fuse_notify_code')?.has(`FUSE_NOTIFY_${name}`) ? row.since : 0,
    ),
  )

  for (const layout of layouts.values()) {
    const found = btf.structs.get(layout.name)
    test(`struct ${layout.name}`, { skip: skipStruct(layout, found) }, () => {
      assert(found)
      if (layout.fields.every((field) => field.since <= minor)) assert.equal(found.size, layout.size)
      for (const field of layout.fields) {
        if (field.since > minor) continue
        const member: BtfMember | undefined = found.members.find((m) => m.name === field.name)
        assert(member, `${layout.name} has no ${field.name}`)
        assert.deepEqual(
          [member.offset, member.size],
          [field.offset, field.size],
          `${layout.name}.${field.name}`,
        )
      }
    })
  }

  function skipStruct(layout: StructLayout, found: BtfStruct | undefined): string | false {
    if (found !== undefined) return false
    if (layout.since > minor) return `the kernel speaks 7.${minor}, the struct is of 7.${layout.since}`
    return MAY_LACK.has(layout.name) ? 'not built into this kernel' : false
  }

  test('opcodes', () => {
    for (const [name, number] of opcodes) {
      if (/RESERVED/.test(name)) continue
      assert.equal(Op[name.replace(/^FUSE_/, '') as keyof typeof Op], number, name)
    }
    assert(opcodes.size > 40)
  })

  test('notify codes and ring commands', () => {
    for (const [name, number] of btf.enums.get('fuse_notify_code') ?? []) {
      if (name === 'FUSE_NOTIFY_CODE_MAX') continue
      assert.equal(NotifyCode[name.replace(/^FUSE_NOTIFY_/, '') as keyof typeof NotifyCode], number, name)
    }
    for (const [name, number] of btf.enums.get('fuse_uring_cmd') ?? []) {
      assert.equal(URING_CMD[name.replace(/^FUSE_IO_URING_CMD_/, '') as keyof typeof URING_CMD], number, name)
    }
  })
})

test('BTF: bytes that are something else are refused', () => {
  assert.throws(() => new Btf(new Uint8Array(64)), /not BTF/)
})
