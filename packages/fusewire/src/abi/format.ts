import { DirentReader } from './dirent.js'
import { errnoName } from './errno.js'
import { ExtensionBlocks } from './ext.js'
import { big, formatStruct, quote, structSize } from './format-values.js'
import { checkRequest, RequestFrame } from './frame.js'
import { EXT_TYPE } from './gen/flags.js'
import { Op, opcodeRow } from './gen/opcodes.js'
import {
  FORGET_ONE_SIZE,
  forgetOne_nlookup,
  forgetOne_nodeid,
  IN_HEADER_SIZE,
  inHeader_gid,
  inHeader_len,
  inHeader_opcode,
  inHeader_pid,
  inHeader_uid,
  OUT_HEADER_SIZE,
  outHeader_error,
  outHeader_len,
} from './gen/structs.js'
import type { OpcodeRow } from './opcode-row.js'
import { NOTIFY_TABLE, type NotifySpec } from './spec/notify.js'

/** Records and names of one message that a line shows at most. */
const LIST_SHOWN = 8

/**
 * One line for a request, with flag names: `READ #6 node=2 uid=1000 gid=1000 pid=77 fh=1 offset=0 size=4096 ...`.
 * Takes any bytes: what is not a proper request is shown as far as it can be read. For traces, not for speed.
 *
 * @param b Word of the header.
 * @param bytes The memory of `u` as bytes; the request ends where its header says, or where `bytes` ends.
 */
export function formatRequest(u: Uint32Array, b: number, bytes: Uint8Array): string {
  const start = b * 4
  const available = bytes.length - start
  if (available < IN_HEADER_SIZE) return `request of ${Math.max(available, 0)} bytes: shorter than its header`
  const frame = new RequestFrame()
  const length = inHeader_len(u, b)
  let error = checkRequest(u, bytes, b, length, true, frame)
  // Whether SETXATTR_EXT was negotiated shows in the request only by which form fits.
  if (error !== 0 && frame.row?.number === Op.SETXATTR)
    error = checkRequest(u, bytes, b, length, false, frame)
  return formatFrame(u, bytes, frame, error)
}

/**
 * The same line for a request that was checked already, wherever its parts lie.
 *
 * @param error What the check returned: what it refused is shown as far as it can be read.
 */
export function formatFrame(u: Uint32Array, bytes: Uint8Array, frame: RequestFrame, error = 0): string {
  const h = frame.h
  const name = frame.row?.name ?? opcodeRow(inHeader_opcode(u, h))?.name ?? `opcode ${inHeader_opcode(u, h)}`
  let line = `${name} ${formatUnique(u, h + 2)} node=${big(u[h + 4]!, u[h + 5]!)}`
  line += ` uid=${inHeader_uid(u, h)} gid=${inHeader_gid(u, h)} pid=${inHeader_pid(u, h)}`
  if (frame.row !== null && frame.inSize > 0 && frame.row.in !== null) {
    line += formatStruct(frame.row.in, u, frame.op, frame.inSize)
  }
  if (error === 0) return line + formatTail(u, bytes, frame)
  return `${line} (refused: ${errnoName(error)}, len ${inHeader_len(u, h)})`
}

/** `#6`, with a mark when the kernel sent the request again (bit 63). */
function formatUnique(u: Uint32Array, word: number): string {
  const high = u[word + 1]!
  const text = `#${big(u[word]!, high & 0x7fff_ffff)}`
  return high >>> 31 === 1 ? `${text}(resent)` : text
}

function formatTail(u: Uint32Array, bytes: Uint8Array, frame: RequestFrame): string {
  let text = ''
  const row = frame.row!
  if (row.names > 0) text += ` name=${quote(bytes, frame.name1, frame.name1Length)}`
  if (row.names > 1) {
    text += ` ${row.name2 === 'target' ? 'target' : 'newname'}=${quote(bytes, frame.name2, frame.name2Length)}`
  }
  if (row.number === Op.BATCH_FORGET) text += formatForgets(u, frame)
  else if (row.payloadIn) text += ` data=${frame.payloadLength} bytes`
  if (frame.extLength > 0) text += formatExtensions(bytes, frame)
  return text
}

function formatForgets(u: Uint32Array, frame: RequestFrame): string {
  const count = frame.payloadLength / FORGET_ONE_SIZE
  const shown: string[] = []
  for (let i = 0; i < Math.min(count, LIST_SHOWN); i++) {
    const one = (frame.payload >> 2) + i * (FORGET_ONE_SIZE / 4)
    shown.push(`${forgetOne_nodeid(u, one)}:-${forgetOne_nlookup(u, one)}`)
  }
  return ` nodes=[${shown.join(' ')}${count > LIST_SHOWN ? ' ...' : ''}]`
}

function formatExtensions(bytes: Uint8Array, frame: RequestFrame): string {
  const blocks = new ExtensionBlocks()
  if (blocks.parse(bytes, frame.ext, frame.extLength) !== 0) return ` extensions=${frame.extLength} bad bytes`
  let text = ''
  for (let i = 0; i < Math.min(blocks.secctxCount, EXT_TYPE.MAX_NR_SECCTX); i++) {
    const name = quote(bytes, blocks.secctxName(i), blocks.secctxNameLength(i))
    text += ` secctx=${name}:${quote(bytes, blocks.secctxValue(i), blocks.secctxValueLength(i))}`
  }
  if (blocks.groupCount >= 0) {
    const shown = Array.from({ length: Math.min(blocks.groupCount, LIST_SHOWN) }, (_unused, i) =>
      blocks.group(i),
    )
    text += ` groups=[${shown.join(' ')}${blocks.groupCount > LIST_SHOWN ? ' ...' : ''}]`
  }
  return text
}

/** What a reply alone does not tell. */
export interface ReplyContext {
  /** The request was GETXATTR or LISTXATTR with size 0: the reply is a size. */
  readonly sizeZero?: boolean
  /** The data behind the reply's struct, where it does not lie behind it in memory. */
  readonly payload?: Uint8Array
}

/**
 * One line for a reply or notification: `READ #6 -> data=512 bytes`, `LOOKUP #4 -> ENOENT`. Takes any bytes.
 *
 * @param b Word of `fuse_out_header`.
 * @param opcode Opcode of the request that is answered.
 */
export function formatReply(
  u: Uint32Array,
  b: number,
  bytes: Uint8Array,
  opcode: number,
  context: ReplyContext = {},
): string {
  const available = bytes.length - b * 4
  if (available < OUT_HEADER_SIZE) return `reply of ${Math.max(available, 0)} bytes: shorter than its header`
  if (u[b + 2] === 0 && u[b + 3] === 0) return formatNotify(u, b, bytes)
  const row = opcodeRow(opcode)
  const head = `${row?.name ?? `opcode ${opcode}`} ${formatUnique(u, b + 2)} ->`
  const error = outHeader_error(u, b)
  if (error !== 0) return `${head} ${errnoName(error)}`
  const body = outHeader_len(u, b) - OUT_HEADER_SIZE
  if (body < 0) return `${head} bad length ${outHeader_len(u, b)}`
  if (body === 0) return `${head} ok`
  if (row === undefined) return `${head} ${body} bytes`
  const here = Math.min(body, available - OUT_HEADER_SIZE)
  return head + formatBody(row, u, bytes, b + OUT_HEADER_SIZE / 4, body, here, context)
}

/** `body`: bytes that the header promises; `here`: how many of them lie behind it. */
function formatBody(
  row: OpcodeRow,
  u: Uint32Array,
  bytes: Uint8Array,
  b: number,
  body: number,
  here: number,
  context: ReplyContext,
): string {
  if (row.number === Op.INIT) return formatStruct('fuse_init_out', u, b, here)
  if (context.sizeZero === true && row.outIfSizeZero !== null)
    return formatStruct(row.outIfSizeZero, u, b, here)
  if (here < row.outSize) return ` ${body} bytes, ${row.outSize} expected`
  let text = ''
  let at = b
  for (const struct of [row.out, row.out2]) {
    if (struct === null) continue
    text += formatStruct(struct, u, at, structSize(struct))
    at += structSize(struct) / 4
  }
  const rest = body - row.outSize
  if (rest <= 0 && !row.payloadOut) return text
  if (!row.payloadOut) return `${text} and ${rest} bytes too many`
  const from = b * 4 + row.outSize
  return text + formatPayload(row, context.payload ?? bytes.subarray(from, from + rest), rest)
}

function formatPayload(row: OpcodeRow, data: Uint8Array, length: number): string {
  const here = Math.min(length, data.length)
  switch (row.number) {
    case Op.READLINK:
      return ` target=${quote(data, 0, here)}`
    case Op.READDIR:
    case Op.READDIRPLUS:
      return formatDirents(data.subarray(0, here), row.number === Op.READDIRPLUS, length)
    default:
      return ` data=${length} bytes`
  }
}

function formatDirents(data: Uint8Array, plus: boolean, length: number): string {
  // The records are read as words: they may lie anywhere in `data`.
  const bytes = new Uint8Array((data.length + 7) & ~7)
  bytes.set(data)
  const reader = new DirentReader()
  reader.reset(new Uint32Array(bytes.buffer), bytes, 0, data.length, plus, 4095)
  const names: string[] = []
  let count = 0
  let result = reader.next()
  for (; result === 1; result = reader.next()) {
    if (count++ < LIST_SHOWN) names.push(quote(bytes, reader.name, reader.nameLength))
  }
  const bad = result < 0 ? ' then a bad record' : ''
  return ` ${count} entries in ${length} bytes: ${names.join(' ')}${count > LIST_SHOWN ? ' ...' : ''}${bad}`
}

const NOTIFY_ROWS: readonly (readonly [string, NotifySpec])[] = Object.entries(NOTIFY_TABLE)

/** Notifications have unique 0 and their code in place of the error. */
function formatNotify(u: Uint32Array, b: number, bytes: Uint8Array): string {
  const code = outHeader_error(u, b)
  const entry = NOTIFY_ROWS.find(([, spec]) => spec.code === code)
  if (entry === undefined) return `notify ${code}`
  const [name, spec] = entry
  const start = b * 4 + OUT_HEADER_SIZE
  const end = Math.min(b * 4 + outHeader_len(u, b), bytes.length)
  let text = `notify ${name}`
  if (spec.struct === null) return text
  const size = structSize(spec.struct)
  if (end - start < size) return `${text} (cut)`
  text += formatStruct(spec.struct, u, start >> 2, size)
  const rest = end - start - size
  if (spec.tail === 'name') return `${text} name=${quote(bytes, start + size, Math.max(rest - 1, 0))}`
  return spec.tail === undefined ? text : `${text} ${spec.tail}=${rest} bytes`
}
