import { CONSTANT_TABLE, INIT_FLAG_TABLE } from '../src/abi/spec/flags.js'
import { IOCTL_TABLE, IOCTL_TYPE } from '../src/abi/spec/ioctl.js'
import { NOTIFY_TABLE } from '../src/abi/spec/notify.js'
import { OPCODE_TABLE } from '../src/abi/spec/opcodes.js'
import { ioctlNumber } from './emit-flags.js'
import type { CConstant } from './emit-layout-c.js'

/** Sets whose C names are not in linux/fuse.h. */
const ELSEWHERE = new Set(['O', 'O_ARM64', 'DT', 'LOCK_TYPE', 'RENAME_FLAG'])

/**
 * Sets that are enumerations in C, which the preprocessor cannot ask for: first minor whose header has all.
 */
const ENUM_SINCE: { readonly [set: string]: number } = { EXT_TYPE: 39, URING_CMD: 42 }

const sets = Object.entries(CONSTANT_TABLE)
  .filter(([name]) => !ELSEWHERE.has(name))
  .flatMap(([name, set]) =>
    Object.entries(set.values).map(([key, value]) => ({
      name: set.prefix + key,
      value: BigInt(value),
      since: ENUM_SINCE[name] ?? null,
    })),
  )

/** Numbers of linux/fuse.h that the generated C file compares. */
export const C_CONSTANTS: readonly CConstant[] = [
  ...Object.entries(OPCODE_TABLE).map(([name, spec]) => ({
    name: name === 'CUSE_INIT' ? name : `FUSE_${name}`,
    value: BigInt(spec.number),
    // SETUPMAPPING and REMOVEMAPPING came later than their minor.
    since: spec.since === 31 ? 32 : spec.since,
  })),
  ...Object.entries(NOTIFY_TABLE).map(([name, spec]) => ({
    name: `FUSE_NOTIFY_${name}`,
    value: BigInt(spec.code),
    since: spec.since,
  })),
  ...Object.entries(INIT_FLAG_TABLE).map(([name, spec]) => ({
    name: `FUSE_${name}`,
    value: 1n << BigInt(spec.bit),
    since: null,
  })),
  ...sets,
  ...Object.entries(IOCTL_TABLE).map(([name, spec]) => ({
    name: `FUSE_DEV_IOC_${name}`,
    value: BigInt(ioctlNumber(spec, IOCTL_TYPE)),
    since: null,
  })),
]
