import { errno } from '../abi/errno.js'
import { Op } from '../abi/gen/opcodes.js'
import * as abi from '../abi/gen/structs.js'
import type { Call } from './call.js'

/*
 * From a handler's result to the bytes of the reply's body. Each function returns the body's length, or a negative
 * errno with `complaint` set when what the filesystem gave is no answer: the kernel would refuse it with EIO anyway,
 * and the author learns why. Our own output is checked here, once.
 */

/** Why the last reply was refused; read and cleared by the session right after a negative return. */
let complaint: string | null = null

export function takeComplaint(): string | null {
  const text = complaint
  complaint = null
  return text
}

function refuse(text: string): number {
  complaint = text
  return -errno.EIO
}

const S_IFMT = 0o170000
/** File types by the top four bits of a mode: FIFO 1, CHR 2, DIR 4, BLK 6, REG 8, LNK 10, SOCK 12. */
const TYPES = (1 << 1) | (1 << 2) | (1 << 4) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 12)
const SIZE_HIGH_MAX = 0x7fff_ffff
/** Word of the size's upper half in `struct fuse_statx`. */
const STATX_SIZE_HIGH = 11
const NEGATIVE_SIZE = 'the size is negative or above 2^63-1'

export const hasFileType = (mode: number): boolean => (TYPES & (1 << ((mode & S_IFMT) >> 12))) !== 0

function badAttr(c: Call, word: number): string | null {
  const at = c.body + word
  const mode = abi.attr_mode(c.replyWords, at)
  if (!hasFileType(mode)) return `mode 0${mode.toString(8)} has no file type (S_IFREG, S_IFDIR ...)`
  if (c.replyWords[at + 3]! > SIZE_HIGH_MAX) return NEGATIVE_SIZE
  return null
}

/** For operations that answer nothing but success. */
export function nothing(_c: Call, result: number): number {
  return result === 0 ? 0 : refuse(`returned ${result} where 0 or a negative errno is expected`)
}

export function checkedEntry(c: Call, result: number): number {
  if (result !== 0) return nothing(c, result)
  if (c.entryOut_.nodeId === 0) return refuse('answered success without setting out.nodeId')
  if (c.entryOut_.nodeId === 1 && !isDots(c)) return refuse('answered node id 1, which is the root')
  const bad = badAttr(c, abi.ENTRY_OUT_ATTR_WORD)
  return bad === null ? abi.ENTRY_OUT_SIZE : refuse(bad)
}

/** True for the lookups of open_by_handle_at(2), the only ones that may end at the root. */
const isDots = (c: Call): boolean => c.opcode === Op.LOOKUP && (c.name1 === '..' || c.name1 === '.')

export function checkedLookup(c: Call, result: number): number {
  if (result === 0 && c.entryOut_.takeNegative()) return abi.ENTRY_OUT_SIZE
  return checkedEntry(c, result)
}

export function checkedCreate(c: Call, result: number): number {
  const length = checkedEntry(c, result)
  return length < 0 ? length : abi.ENTRY_OUT_SIZE + abi.OPEN_OUT_SIZE
}

export function attr(c: Call, result: number): number {
  if (result !== 0) return nothing(c, result)
  const bad = badAttr(c, abi.ATTR_OUT_ATTR_WORD)
  return bad === null ? abi.ATTR_OUT_SIZE : refuse(bad)
}

export function open(c: Call, result: number): number {
  return result === 0 ? abi.OPEN_OUT_SIZE : nothing(c, result)
}

export function statfs(c: Call, result: number): number {
  return result === 0 ? abi.STATFS_OUT_SIZE : nothing(c, result)
}

export function statx(c: Call, result: number): number {
  if (result !== 0) return nothing(c, result)
  const at = c.body + abi.STATX_OUT_STAT_WORD
  const mode = abi.statx_mode(c.replyWords, at)
  if (!hasFileType(mode)) return refuse(`mode 0${mode.toString(8)} has no file type`)
  if (c.replyWords[at + STATX_SIZE_HIGH]! > SIZE_HIGH_MAX) return refuse(NEGATIVE_SIZE)
  return abi.STATX_OUT_SIZE
}

export function lock(c: Call, result: number): number {
  return result === 0 ? abi.LK_OUT_SIZE : nothing(c, result)
}

/** Bytes in `c.data`, in the reply or beside it. */
export function data(c: Call, result: number): number {
  if (result !== 0) return nothing(c, result)
  if (c.data.overflow) return refuse(`gave ${c.data.length} bytes where ${c.data.limit} were asked for`)
  return c.data.length
}

/** Extended attributes: size 0 asks for the length, a smaller size is ERANGE. */
export function xattr(c: Call, result: number): number {
  const length = data(c, result)
  if (length < 0) return length
  const size = abi.getxattrIn_size(c.words, c.op)
  if (size === 0) {
    c.clear(abi.GETXATTR_OUT_WORDS)
    abi.setGetxattrOut_size(c.replyWords, c.body, length)
    c.data.body = null
    return abi.GETXATTR_OUT_SIZE
  }
  return length > size ? -errno.ERANGE : length
}

export function dir(c: Call, result: number): number {
  return result === 0 ? c.dirLength : nothing(c, result)
}

export function dirPlus(c: Call, result: number): number {
  return result === 0 ? c.dirPlusLength : nothing(c, result)
}

export function writeCount(c: Call, result: number): number {
  const asked = c.frame.payloadLength > 0 ? c.frame.payloadLength : 0xffff_ffff
  if (result > asked) return refuse(`wrote ${result} bytes of ${asked}`)
  c.clear(abi.WRITE_OUT_WORDS)
  abi.setWriteOut_size(c.replyWords, c.body, result)
  return abi.WRITE_OUT_SIZE
}

export function writeCount64(c: Call, result: number): number {
  abi.setCopyFileRangeOut_bytesCopied(c.replyWords, c.body, result)
  return abi.COPY_FILE_RANGE_OUT_SIZE
}

export function lseek(c: Call, result: number): number {
  abi.setLseekOut_offset(c.replyWords, c.body, result)
  return abi.LSEEK_OUT_SIZE
}

export function count(c: Call, result: number): number {
  abi.setBmapOut_block(c.replyWords, c.body, result)
  return abi.BMAP_OUT_SIZE
}

export function poll(c: Call, result: number): number {
  c.clear(abi.POLL_OUT_WORDS)
  abi.setPollOut_revents(c.replyWords, c.body, result)
  return abi.POLL_OUT_SIZE
}

export function ioctl(c: Call, result: number): number {
  if (c.data.overflow) return refuse(`gave ${c.data.length} bytes where ${c.data.limit} were asked for`)
  abi.setIoctlOut_result(c.replyWords, c.body, result)
  return abi.IOCTL_OUT_SIZE + c.data.length
}
