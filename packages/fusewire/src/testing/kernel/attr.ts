import * as abi from '../../abi/gen/structs.js'
import { S_IF } from '../../api/constants.js'

/** `fuse_attr` as the kernel keeps it in an inode. Times are nanoseconds since 1970. */
export interface Attr {
  ino: bigint
  size: number
  blocks: number
  atime: bigint
  mtime: bigint
  ctime: bigint
  mode: number
  nlink: number
  uid: number
  gid: number
  rdev: number
  blksize: number
}

const SECOND = 1_000_000_000n

const time = (seconds: number, nanoseconds: number): bigint => BigInt(seconds) * SECOND + BigInt(nanoseconds)

const id64 = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low)

/** Reads `fuse_attr` at word `b`. */
export function readAttr(u: Uint32Array, b: number): Attr {
  return {
    ino: id64(abi.attr_ino_lo(u, b), abi.attr_ino_hi(u, b)),
    size: abi.attr_size(u, b),
    blocks: abi.attr_blocks(u, b),
    atime: time(abi.attr_atime(u, b), abi.attr_atimensec(u, b)),
    mtime: time(abi.attr_mtime(u, b), abi.attr_mtimensec(u, b)),
    ctime: time(abi.attr_ctime(u, b), abi.attr_ctimensec(u, b)),
    mode: abi.attr_mode(u, b) & 0xffff,
    nlink: abi.attr_nlink(u, b),
    uid: abi.attr_uid(u, b),
    gid: abi.attr_gid(u, b),
    rdev: abi.attr_rdev(u, b),
    blksize: abi.attr_blksize(u, b),
  }
}

const sxTime = (u: Uint32Array, b: number): bigint => time(abi.sxTime_tvSec(u, b), abi.sxTime_tvNsec(u, b))

/** STATX_BTIME of linux/stat.h. */
export const STATX_BTIME = 0x800
/** STATX_BASIC_STATS and STATX_BTIME: what libuv asks for. */
export const STATX_ALL = 0xfff

/** Reads `fuse_statx` at word `b`; `btime` is undefined when its bit is not in the mask. */
export function readStatx(u: Uint32Array, b: number): { attr: Attr; btime: bigint | undefined } {
  const major = abi.statx_rdevMajor(u, b)
  const minor = abi.statx_rdevMinor(u, b)
  const attr: Attr = {
    ino: id64(abi.statx_ino_lo(u, b), abi.statx_ino_hi(u, b)),
    size: abi.statx_size(u, b),
    blocks: abi.statx_blocks(u, b),
    atime: sxTime(u, b + abi.STATX_ATIME_WORD),
    mtime: sxTime(u, b + abi.STATX_MTIME_WORD),
    ctime: sxTime(u, b + abi.STATX_CTIME_WORD),
    mode: abi.statx_mode(u, b),
    nlink: abi.statx_nlink(u, b),
    uid: abi.statx_uid(u, b),
    gid: abi.statx_gid(u, b),
    rdev: encodeDevice(major, minor),
    blksize: abi.statx_blksize(u, b),
  }
  const known = (abi.statx_mask(u, b) & STATX_BTIME) !== 0
  return { attr, btime: known ? sxTime(u, b + abi.STATX_BTIME_WORD) : undefined }
}

/** The kernel's `new_encode_dev`: 12 bits of major, 20 bits of minor. */
export const encodeDevice = (major: number, minor: number): number =>
  ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0

/** What stat(2) shows of an encoded device: glibc's `makedev`. */
export const deviceOf = (rdev: number): number => {
  const major = (rdev >>> 8) & 0xfff
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)
  return ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & 0xff00) << 12)
}

const KNOWN_TYPES: readonly number[] = [
  S_IF.FIFO,
  S_IF.CHR,
  S_IF.DIR,
  S_IF.BLK,
  S_IF.REG,
  S_IF.LNK,
  S_IF.SOCK,
]

/** Whether the kernel refuses these attributes (`fuse_invalid_attr`): no file type, or a size above 2^63-1. */
export function invalidAttr(u: Uint32Array, b: number): string | null {
  const mode = abi.attr_mode(u, b)
  return invalidMode(mode) ?? (u[b + 3]! > 0x7fff_ffff ? 'the size is above 2^63-1' : null)
}

/** The same for `fuse_statx`, whose size lies elsewhere. */
export function invalidStatx(u: Uint32Array, b: number): string | null {
  return invalidMode(abi.statx_mode(u, b)) ?? (u[b + 11]! > 0x7fff_ffff ? 'the size is above 2^63-1' : null)
}

function invalidMode(mode: number): string | null {
  return KNOWN_TYPES.includes(mode & S_IF.MT) ? null : `mode 0${mode.toString(8)} has no file type`
}

export const isType = (attr: Attr, type: number): boolean => (attr.mode & S_IF.MT) === type
