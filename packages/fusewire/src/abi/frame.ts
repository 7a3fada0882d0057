import { errno } from './errno.js'
import { Op, opcodeRow } from './gen/opcodes.js'
import {
  IN_HEADER_SIZE,
  IN_HEADER_WORDS,
  inHeader_len,
  inHeader_ok,
  inHeader_opcode,
  inHeader_totalExtlen,
} from './gen/structs.js'
import type { OpcodeRow } from './opcode-row.js'

/** Bytes of one extension unit: `in_header.total_extlen` counts in these. */
const EXT_UNIT = 8
const SLASH = 0x2f

/**
 * Where the parts of one checked request lie. Reused for request after request: a check fills it and makes no garbage.
 *
 * `h` and `op` are word indexes into the `Uint32Array`; all other places are byte offsets into the `Uint8Array` over
 * the same memory. Parts that the request does not have are of length 0.
 */
export class RequestFrame {
  /** The opcode's row; null when the header was not readable or the opcode is unknown. */
  row: OpcodeRow | null = null
  /** Word of `fuse_in_header`. */
  h = 0
  /** Word of the in-struct. */
  op = 0
  /** Bytes of the in-struct that are present. */
  inSize = 0
  /** First name, without its NUL. */
  name1 = 0
  name1Length = 0
  name2 = 0
  name2Length = 0
  /** Data of WRITE, SETXATTR, IOCTL and NOTIFY_REPLY, records of BATCH_FORGET and REMOVEMAPPING. */
  payload = 0
  payloadLength = 0
  /** Extension blocks behind the names of a creation, for `parseExtensions`. May be unaligned. */
  ext = 0
  extLength = 0

  /** Forgets the last request. */
  reset(h: number): void {
    this.row = null
    this.h = h
    this.op = h + IN_HEADER_WORDS
    this.inSize = 0
    this.name1 = this.name1Length = 0
    this.name2 = this.name2Length = 0
    this.payload = this.payloadLength = 0
    this.ext = this.extLength = 0
  }
}

/**
 * Checks a request as read(2) on /dev/fuse delivers it, header and body in one piece. This is the only place that
 * checks: whoever reads a request afterwards trusts `frame`.
 *
 * @param u Words of the buffer.
 * @param bytes The same memory as bytes (`bytes[4 * n]` is the first byte of `u[n]`).
 * @param h Word of the header.
 * @param length Bytes received, header included.
 * @param setxattrExt Whether INIT flag SETXATTR_EXT was negotiated; it doubles `fuse_setxattr_in`.
 * @returns 0, or a negative errno: EPROTO when the frame is malformed, ENOSYS for an unknown opcode, ESTALE for a node
 * id that we cannot have given out (2^53 or more), and the row's `tooLarge` (EOVERFLOW, EFBIG, ENXIO) for another
 * number of 2^53 or more. Never throws and never reads outside of the frame.
 */
export function checkRequest(
  u: Uint32Array,
  bytes: Uint8Array,
  h: number,
  length: number,
  setxattrExt: boolean,
  frame: RequestFrame,
): number {
  frame.reset(h)
  const start = h * 4
  const end = start + length
  if (length < IN_HEADER_SIZE || end > bytes.length || inHeader_len(u, h) !== length) return -errno.EPROTO
  const row = opcodeRow(inHeader_opcode(u, h))
  if (row === undefined) return -errno.ENOSYS
  frame.row = row
  const body = start + IN_HEADER_SIZE
  const inSize = setxattrExt ? row.inSize : row.inSizeMin
  if (row.inOpenEnded) return checkOpenEnded(row, end - body, frame)
  if (end - body < inSize) return -errno.EPROTO
  frame.inSize = inSize
  const error = checkNumbers(u, h, frame.op, row)
  if (error !== 0) return error
  return checkTail(u, bytes, body + inSize, end, frame, row)
}

/**
 * Checks a request as FUSE over io_uring delivers it: header, in-struct and the rest in three places. Parameters and
 * result as in `checkRequest`.
 *
 * @param op Word of the ring entry's `op_in`.
 * @param payload Byte offset of the ring entry's payload buffer, a multiple of 4.
 * @param payloadLength `ring_ent_in_out.payload_sz`.
 */
export function checkRingRequest(
  u: Uint32Array,
  bytes: Uint8Array,
  h: number,
  op: number,
  payload: number,
  payloadLength: number,
  setxattrExt: boolean,
  frame: RequestFrame,
): number {
  frame.reset(h)
  const end = payload + payloadLength
  if ((h + IN_HEADER_WORDS) * 4 > bytes.length || end > bytes.length) return -errno.EPROTO
  const row = opcodeRow(inHeader_opcode(u, h))
  if (row === undefined) return -errno.ENOSYS
  frame.row = row
  const inSize = setxattrExt ? row.inSize : row.inSizeMin
  // NOTIFY_REPLY leaves op_in unused: its struct is the start of the payload.
  const inPayload = row.number === Op.NOTIFY_REPLY ? inSize : 0
  frame.op = inPayload > 0 ? payload >> 2 : op
  if (payloadLength < inPayload || frame.op * 4 + inSize > bytes.length) return -errno.EPROTO
  frame.inSize = inSize
  if (inHeader_len(u, h) !== IN_HEADER_SIZE + inSize - inPayload + payloadLength) return -errno.EPROTO
  const error = checkNumbers(u, h, frame.op, row)
  if (error !== 0) return error
  return checkTail(u, bytes, payload + inPayload, end, frame, row)
}

/** INIT: newer kernels may send more than we know, older ones less. */
function checkOpenEnded(row: OpcodeRow, available: number, frame: RequestFrame): number {
  if (available < row.inSizeMin) return -errno.EPROTO
  frame.inSize = Math.min(available, row.inSize)
  return 0
}

function checkNumbers(u: Uint32Array, h: number, op: number, row: OpcodeRow): number {
  if (!inHeader_ok(u, h)) return -errno.ESTALE
  if (row.inOk !== null && !row.inOk(u, op)) return -errno[row.tooLarge]
  return 0
}

/** Names, payload and extensions from byte `at` to byte `end`; they must fill the space exactly. */
function checkTail(
  u: Uint32Array,
  bytes: Uint8Array,
  at: number,
  end: number,
  frame: RequestFrame,
  row: OpcodeRow,
): number {
  const extLength = inHeader_totalExtlen(u, frame.h) * EXT_UNIT
  const stop = end - extLength
  if (stop < at || (extLength > 0 && !row.extensions)) return -errno.EPROTO
  frame.ext = stop
  frame.extLength = extLength
  let p = at
  if (row.names > 0) {
    const nul = scanName(bytes, p, stop, row.name1 === 'component')
    if (nul < 0) return -errno.EPROTO
    frame.name1 = p
    frame.name1Length = nul - p
    p = nul + 1
  }
  if (row.names > 1) {
    const nul = scanName(bytes, p, stop, row.name2 === 'component')
    if (nul < 0) return -errno.EPROTO
    frame.name2 = p
    frame.name2Length = nul - p
    p = nul + 1
  }
  if (row.payloadIn) {
    frame.payload = p
    frame.payloadLength = stop - p
    if (u[frame.op + row.payloadWord]! * row.payloadUnit !== stop - p) return -errno.EPROTO
    return 0
  }
  return p === stop ? 0 : -errno.EPROTO
}

/**
 * Place of the NUL that ends the name at `from`; -1 if there is none before `end`, or the name is empty or
 * has a forbidden '/'.
 */
function scanName(bytes: Uint8Array, from: number, end: number, component: boolean): number {
  let p = from
  for (; p < end; p++) {
    const byte = bytes[p]
    if (byte === 0) return p === from ? -1 : p
    if (byte === SLASH && component) return -1
  }
  return -1
}
