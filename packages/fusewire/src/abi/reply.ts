import { PROTOCOL } from './gen/flags.js'
import { Op } from './gen/opcodes.js'
import {
  GETXATTR_OUT_SIZE,
  getxattrIn_size,
  IOCTL_IOVEC_SIZE,
  ioctlIn_outSize,
  readIn_size,
} from './gen/structs.js'
import type { OpcodeRow } from './opcode-row.js'

/** Longest target of a symlink in bytes: PATH_MAX of linux/limits.h without the NUL, which is not sent. */
export const READLINK_MAX = 4095

/**
 * Largest body in bytes of a successful reply to the request whose in-struct is at word `op`. A longer one makes the
 * kernel fail the request with EIO and the write(2) with EINVAL.
 */
export function replyBodyMax(row: OpcodeRow, u: Uint32Array, op: number): number {
  if (!row.payloadOut) return row.outSize
  switch (row.number) {
    case Op.READ:
    case Op.READDIR:
    case Op.READDIRPLUS:
      return readIn_size(u, op)
    case Op.GETXATTR:
    case Op.LISTXATTR:
      return getxattrIn_size(u, op) === 0 ? GETXATTR_OUT_SIZE : getxattrIn_size(u, op)
    case Op.READLINK:
      return READLINK_MAX
    case Op.IOCTL:
      return row.outSize + Math.max(ioctlIn_outSize(u, op), PROTOCOL.IOCTL_MAX_IOV * IOCTL_IOVEC_SIZE)
    case Op.CUSE_INIT:
      return row.outSize + PROTOCOL.CUSE_INIT_INFO_MAX
    default:
      return row.outSize
  }
}

/** Smallest body in bytes of a successful reply to the same request: everything but a variable last part. */
export function replyBodyMin(row: OpcodeRow, u: Uint32Array, op: number): number {
  if (row.number === Op.INIT) return PROTOCOL.COMPAT_INIT_OUT_SIZE
  if (row.outIfSizeZero !== null && getxattrIn_size(u, op) === 0) return GETXATTR_OUT_SIZE
  return row.outSize
}
