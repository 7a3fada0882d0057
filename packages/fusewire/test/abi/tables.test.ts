import assert from 'node:assert/strict'
import { constants as osConstants } from 'node:os'
import { describe, test } from 'node:test'
import { type ErrnoName, errno, errnoName } from '../../src/abi/errno.js'
import * as flags from '../../src/abi/gen/flags.js'
import { OPCODES, Op } from '../../src/abi/gen/opcodes.js'
import { CONSTANT_TABLE } from '../../src/abi/spec/flags.js'
import { NOTIFY_TABLE, type NotifySpec } from '../../src/abi/spec/notify.js'
import { STRUCTS } from '../../src/abi/spec/structs.js'
import { minorOf, type ReferencePart, reference } from './reference.js'

const short = (name: string): string => name.replace(/^FUSE_/, '')

describe('opcodes', () => {
  test('the numbers are those of the reference', () => {
    const expected = Object.entries(reference.opcodes).map(
      ([name, row]) => [short(name), row.number] as const,
    )
    assert.deepEqual({ ...Op }, Object.fromEntries(expected))
    assert.deepEqual(
      OPCODES.map((row) => [row.name, row.number]),
      expected.toSorted((a, b) => a[1] - b[1]),
    )
  })

  for (const [name, expected] of Object.entries(reference.opcodes)) {
    test(`${name}: request and reply`, () => {
      const row = OPCODES.find((r) => r.number === expected.number)
      assert(row)
      const parts = (kind: string): ReferencePart[] => expected.request.filter((part) => part.kind === kind)
      const struct = parts('struct')[0]
      assert.equal(row.since, minorOf(expected.since))
      assert.equal(row.in, struct?.struct ?? null)
      assert.equal(row.inSize, struct?.struct === undefined ? 0 : reference.structs[struct.struct]?.size)
      assert.equal(row.names, parts('cstring').length)
      assert.equal(row.name1 !== null, row.names > 0)
      assert.equal(row.name2 !== null, row.names > 1)
      assert.equal(row.payloadIn, parts('bytes').length + parts('array').length > 0)
      assert.equal(row.extensions, parts('extensions').length > 0)
      assert.equal(row.reply, !expected.noReply)
      // Structs that are smaller on kernels of minor 31 and later; others only shrank for older ones.
      const variants = ['SETXATTR', 'INIT'].includes(row.name) ? struct?.variants : undefined
      assert.equal(row.inSizeMin, variants === undefined ? row.inSize : Math.min(...variants))
      checkPayloadCount(row.payloadWord, row.payloadUnit, [...parts('bytes'), ...parts('array')][0])
      checkReply(row, expected.reply ?? [])
    })
  }

  function checkPayloadCount(word: number, unit: number, part: ReferencePart | undefined): void {
    if (part === undefined) {
      assert.deepEqual([word, unit], [-1, 0])
      return
    }
    const [struct, field] = (part.length ?? part.count ?? '').split('.')
    const offset = reference.structs[struct ?? '']?.fields.find((f) => f.name === field)?.offset
    assert.equal(word, (offset ?? Number.NaN) / 4)
    assert.equal(unit, part.kind === 'array' ? reference.structs[part.struct ?? '']?.size : 1)
  }

  function checkReply(row: (typeof OPCODES)[number], reply: readonly ReferencePart[]): void {
    const structs = reply.filter((part) => part.kind === 'struct').map((part) => part.struct ?? '')
    assert.deepEqual([row.out, row.out2], [structs[0] ?? null, structs[1] ?? null])
    const size = structs.reduce((sum, name) => sum + (reference.structs[name]?.size ?? Number.NaN), 0)
    assert.equal(row.outSize, size)
    const choices = reply.flatMap((part) => part.choices ?? [])
    assert.equal(
      row.outIfSizeZero,
      choices.find((c) => c.when.endsWith('size == 0'))?.parts[0]?.struct ?? null,
    )
    assert.equal(
      row.payloadOut,
      reply.some((part) => part.kind !== 'struct'),
    )
  }
})

describe('flags and numbers', () => {
  test('INIT flags', () => {
    const expected = Object.entries(reference.initFlags)
    assert.deepEqual(Object.keys(flags.InitFlag).sort(), expected.map(([name]) => short(name)).sort())
    for (const [name, flag] of expected) {
      const ours = flags.InitFlag[short(name) as keyof typeof flags.InitFlag]
      assert.equal(ours.name, short(flag.aliasOf ?? name))
      assert.equal(ours.word, flag.word === 'flags' ? 0 : 1)
      assert.equal(BigInt(ours.mask) << (ours.word === 0 ? 0n : 32n), BigInt(flag.mask))
      assert.equal(ours.since, minorOf(flag.since))
    }
    assert.equal(flags.INIT_FLAGS.length, expected.filter(([, flag]) => flag.aliasOf === undefined).length)
  })

  /**
   * Groups of the reference, the sets of ours that hold them, and C names that are second names or limits.
   */
  const GROUPS: readonly (readonly [string, keyof typeof CONSTANT_TABLE, ...string[]])[] = [
    ['fopen', 'FOPEN'],
    ['fattr', 'FATTR'],
    ['openFlags', 'OPEN_FLAG'],
    ['writeFlags', 'WRITE_FLAG', 'FUSE_WRITE_KILL_PRIV'],
    ['readFlags', 'READ_FLAG'],
    ['releaseFlags', 'RELEASE_FLAG'],
    ['getattrFlags', 'GETATTR_FLAG'],
    ['setxattrFlags', 'SETXATTR_FLAG'],
    ['ioctlFlags', 'IOCTL_FLAG', 'FUSE_IOCTL_MAX_IOV'],
    ['pollFlags', 'POLL_FLAG'],
    ['lkFlags', 'LK_FLAG'],
    ['fsyncFlags', 'FSYNC_FLAG'],
    ['attrFlags', 'ATTR_FLAG'],
    ['notifyInvalEntryFlags', 'NOTIFY_INVAL_ENTRY_FLAG'],
    ['cuseFlags', 'CUSE_FLAG'],
    ['setupmappingFlags', 'SETUPMAPPING_FLAG'],
    ['extTypes', 'EXT_TYPE'],
    ['renameFlags', 'RENAME_FLAG'],
    ['direntTypes', 'DT'],
    ['lockTypes', 'LOCK_TYPE'],
  ]

  for (const [group, set, ...elsewhere] of GROUPS) {
    test(`${set}: the numbers are those of the reference`, () => {
      const expected = Object.entries(reference.constants[group] ?? {}).filter(
        ([name]) => !elsewhere.includes(name),
      )
      const prefix = CONSTANT_TABLE[set].prefix
      assert.deepEqual(
        Object.entries(flags.FLAG_SETS[set]).map(([name, value]) => [prefix + name, value]),
        expected,
      )
    })
  }

  test('every group of the reference is compared', () => {
    const others = ['protocol', 'uniqueBits', 'compatSizes', 'limits', 'dirent']
    assert.deepEqual(
      Object.keys(reference.constants).sort(),
      [...GROUPS.map(([group]) => group), ...others].sort(),
    )
  })

  test('versions, limits and sizes', () => {
    const { protocol, compatSizes, limits } = reference.constants
    const expected = Object.entries({ ...protocol, ...compatSizes, ...limits }).map(([name, value]) => [
      short(name),
      value,
    ])
    assert.deepEqual({ ...flags.PROTOCOL }, Object.fromEntries(expected))
  })

  test('ioctls and ring commands', () => {
    const expected = Object.entries(reference.ioctls).map(([name, row]) => [
      name.replace('FUSE_DEV_IOC_', ''),
      row.value,
    ])
    assert.deepEqual({ ...flags.IOCTL }, Object.fromEntries(expected))
    const commands = Object.entries(reference.uring.commands).map(([n, v]) => [
      n.replace('FUSE_IO_URING_CMD_', ''),
      v,
    ])
    assert.deepEqual({ ...flags.URING_CMD }, Object.fromEntries(commands))
  })

  test('notify codes and their bodies', () => {
    const expected = Object.entries(reference.notify.codes)
    const codes = expected.map(([name, row]) => [name.replace('FUSE_NOTIFY_', ''), row.code])
    assert.deepEqual({ ...flags.NotifyCode }, Object.fromEntries(codes))
    const tails = { cstring: 'name', bytes: 'data', array: 'nodeids' } as const
    for (const [name, row] of expected) {
      const ours: NotifySpec = NOTIFY_TABLE[name.replace('FUSE_NOTIFY_', '') as keyof typeof NOTIFY_TABLE]
      assert.equal(ours.since, minorOf(row.since))
      assert.equal(ours.struct, row.body[0]?.struct ?? null)
      const tail = row.body[1]?.kind
      assert.equal(ours.tail, tail === undefined ? undefined : tails[tail as keyof typeof tails])
    }
  })

  test('every flag table that a struct names exists', () => {
    for (const [name, struct] of Object.entries(STRUCTS)) {
      for (const [field, spec] of Object.entries(struct.fields)) {
        const set = typeof spec === 'string' ? undefined : (spec as { flags?: string }).flags
        if (set === undefined || set === 'INIT_FLAGS' || set === 'INIT_FLAGS2') continue
        assert(set in flags.FLAG_SETS, `${name}.${field}: no flags ${set}`)
      }
    }
  })
})

describe('errno', () => {
  test('agrees with Node.js and has a name for every number up to 133', () => {
    if (process.platform === 'linux') {
      for (const [name, value] of Object.entries(osConstants.errno))
        assert.equal(errno[name as ErrnoName], value, name)
    }
    // 41 and 58 are the places of the aliases EWOULDBLOCK and EDEADLOCK on other machines.
    for (let n = 1; n <= 133; n++) assert.equal(/^E/.test(errnoName(n)), n !== 41 && n !== 58, String(n))
  })

  test('errnoName', () => {
    assert.equal(errnoName(-2), 'ENOENT')
    assert.equal(errnoName(11), 'EAGAIN')
    assert.equal(errnoName(95), 'EOPNOTSUPP')
    assert.equal(errnoName(0), 'OK')
    assert.equal(errnoName(-511), '-511')
  })
})
