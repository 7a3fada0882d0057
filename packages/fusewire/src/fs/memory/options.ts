import { totalmem } from 'node:os'
import { BLOCK } from './block-map.js'
import type { UserLimits } from './space.js'

/** A number of bytes, or a string of a number and a unit: K, M, G, T, P (powers of 1024), a lone number is bytes. */
export type Bytes = number | string

/** Limits of one user's nodes; what is left out is unlimited. Going beyond is EDQUOT. */
export interface Quota {
  size?: Bytes
  inodes?: number
}

export interface MemoryOptions {
  /** What all files together may hold, in whole blocks of 4096 bytes; beyond it is ENOSPC. Default: half the RAM. */
  size?: Bytes
  /** How many inodes there may be; beyond it is ENOSPC. Default: one for each block of `size`. */
  inodes?: number
  /** The longest name in bytes, 1..4095; beyond it is ENAMETOOLONG. Default 255. */
  nameMax?: number
  /** The largest file in bytes, up to 2^53-1 (the default); beyond it is EFBIG. */
  fileSizeMax?: Bytes
  /** How many names a file may have, and how many subdirectories (less two) a directory; beyond it is EMLINK. */
  linkMax?: number
  /** Limits by user id. */
  quotas?: Readonly<Record<number, Quota>>
  /** Limits of every user but root who has none in `quotas`. */
  userQuota?: Quota
  /** Owner and mode of the root directory. Default: the user of this process, 0o755. */
  uid?: number
  gid?: number
  mode?: number
  /**
   * `relatime` (default) records a read that comes after a change or a day after the last one; `noatime` none, and
   * lets the kernel keep what it has cached of a file across every open.
   */
  atime?: 'relatime' | 'noatime'
  /**
   * Who keeps the locks of fcntl(2) and flock(2): this filesystem (default), or the kernel alone. The kernel's are
   * quicker, and opening and closing a file then needs no request at all.
   */
  locks?: 'filesystem' | 'kernel'
  /** Let the kernel gather writes before it sends them. Default false. */
  writeback?: boolean
  /** Seconds for which the kernel may keep names and attributes. Default: for good, nobody else changes them. */
  timeout?: number
}

/** The options with every default and unit resolved. */
export interface Settings {
  readonly blockLimit: number
  readonly inodeLimit: number
  readonly nameMax: number
  readonly fileSizeMax: number
  readonly linkMax: number
  readonly limitsOf: ((uid: number) => UserLimits | undefined) | null
  readonly uid: number
  readonly gid: number
  readonly mode: number
  readonly relatime: boolean
  readonly kernelLocks: boolean
  readonly writeback: boolean
  readonly timeout: number
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  P: 2 ** 50,
}
/** The longest name that the kernel lets through (`fs/fuse`, FUSE_NAME_MAX of 4096 with the NUL). */
const NAME_LIMIT = 4095
/** Link counts are 32 bits, signed in older programs. */
const LINK_LIMIT = 2 ** 31 - 1
/** Thirty years: longer than any mount. */
const FOR_GOOD = 1e9

/** Resolves the options. @throws RangeError, TypeError for a value that makes no sense, saying which */
export function settingsOf(options: MemoryOptions): Settings {
  const known: Record<keyof MemoryOptions, true> = {
    size: true,
    inodes: true,
    nameMax: true,
    fileSizeMax: true,
    linkMax: true,
    quotas: true,
    userQuota: true,
    uid: true,
    gid: true,
    mode: true,
    atime: true,
    locks: true,
    writeback: true,
    timeout: true,
  }
  for (const name of Object.keys(options)) {
    if (!(name in known))
      throw new TypeError(`memory(): unknown option "${name}"; known: ${Object.keys(known).join(', ')}`)
  }
  const blockLimit = Math.floor(bytesOf('size', options.size ?? totalmem() / 2) / BLOCK)
  const timeout = options.timeout ?? FOR_GOOD
  if (!(timeout >= 0)) throw new RangeError(`memory(): timeout is ${timeout}; give seconds from 0 on`)
  return {
    blockLimit,
    inodeLimit: whole('inodes', options.inodes ?? Math.max(1, blockLimit), 1, Number.MAX_SAFE_INTEGER),
    nameMax: whole('nameMax', options.nameMax ?? 255, 1, NAME_LIMIT),
    fileSizeMax: bytesOf('fileSizeMax', options.fileSizeMax ?? Number.MAX_SAFE_INTEGER),
    linkMax: whole('linkMax', options.linkMax ?? LINK_LIMIT, 2, LINK_LIMIT),
    limitsOf: limitsFrom(options),
    uid: whole('uid', options.uid ?? process.getuid?.() ?? 0, 0, 0xffff_fffe),
    gid: whole('gid', options.gid ?? process.getgid?.() ?? 0, 0, 0xffff_fffe),
    mode: whole('mode', options.mode ?? 0o755, 0, 0o7777),
    relatime: oneOf('atime', options.atime ?? 'relatime', ['relatime', 'noatime']) === 'relatime',
    kernelLocks: oneOf('locks', options.locks ?? 'filesystem', ['filesystem', 'kernel']) === 'kernel',
    writeback: options.writeback === true,
    timeout,
  }
}

/** Reads a number of bytes. @throws RangeError when it is none */
export function bytesOf(name: string, value: Bytes): number {
  let bytes = Number.NaN
  if (typeof value === 'number') {
    bytes = Math.floor(value)
  } else {
    const found = /^(\d+(?:\.\d+)?)\s*([KMGTP]?)(?:i?B)?$/i.exec(value.trim())
    if (found !== null)
      bytes = Math.floor(Number(found[1]) * (UNITS[(found[2] ?? '').toUpperCase()] ?? Number.NaN))
  }
  if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(
      `memory(): ${name} is ${JSON.stringify(value)}; give bytes up to 2^53-1, such as 1048576 or "512M"`,
    )
  }
  return bytes
}

function whole(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new RangeError(`memory(): ${name} is ${value}; give a whole number from ${least} to ${most}`)
}

function oneOf<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value
  throw new TypeError(`memory(): ${name} is ${JSON.stringify(value)}; give one of ${choices.join(', ')}`)
}

function limitsFrom(options: MemoryOptions): Settings['limitsOf'] {
  const { quotas, userQuota } = options
  if (quotas === undefined && userQuota === undefined) return null
  const byUser = new Map<number, UserLimits>()
  for (const [uid, quota] of Object.entries(quotas ?? {}))
    byUser.set(Number(uid), limits(`quotas[${uid}]`, quota))
  const others = userQuota === undefined ? undefined : limits('userQuota', userQuota)
  return (uid) => byUser.get(uid) ?? (uid === 0 ? undefined : others)
}

function limits(name: string, quota: Quota): UserLimits {
  return {
    blocks: quota.size === undefined ? Infinity : Math.floor(bytesOf(`${name}.size`, quota.size) / BLOCK),
    inodes:
      quota.inodes === undefined
        ? Infinity
        : whole(`${name}.inodes`, quota.inodes, 0, Number.MAX_SAFE_INTEGER),
  }
}
