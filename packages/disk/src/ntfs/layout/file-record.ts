import { corrupt } from '../../error.js'
import { END_OF_ATTRIBUTES } from './attribute.js'
import { type AttributeExtent, readAttribute } from './attribute-record.js'
import { align8, big64, setBig64, setU16, setU32, u16, u32 } from './bytes.js'
import { applyFixups, fixupCount, removeFixups } from './fixup.js'
import type { MappingLimits } from './mapping-pairs.js'
import { type Reference, readReference, writeReference } from './reference.js'

/** Flags of a FILE record. */
export const RecordFlag = { IN_USE: 1, DIRECTORY: 2, EXTEND: 4, VIEW_INDEX: 8 } as const

/** Where the update sequence array of a record stands since Windows XP. */
const USA_OFFSET = 0x30
/** Least header: before Windows XP the array stood at 0x2a and no record number was stored. */
const HEADER_MIN = 0x2a

/** "FILE" */
export const FILE_MAGIC = 0x454c_4946
const BAAD_MAGIC = 0x4441_4142

/** The header of a FILE record. */
export interface RecordHeader {
  lsn: bigint
  sequence: number
  linkCount: number
  flags: number
  /** `number` 0 and `sequence` 0 for a base record. */
  base: Reference
  nextInstance: number
  /** The update sequence number that was on the disk. */
  fixup: number
}

/** A FILE record with its attributes. */
export interface FileRecord {
  readonly header: RecordHeader
  readonly extents: AttributeExtent[]
}

/** True for a record that was never formatted: Windows leaves most of the first 256 as zeros. */
export function isBlank(b: Uint8Array): boolean {
  return u32(b, 0) === 0
}

/** Bytes of a record before its first attribute. */
export function recordHeaderSize(recordSize: number): number {
  return align8(USA_OFFSET + 2 * fixupCount(recordSize))
}

/** Checks the magic number, takes the fixups off in place, and reads the header. */
export function readRecordHeader(b: Uint8Array, position: number): RecordHeader {
  const magic = u32(b, 0)
  if (magic !== FILE_MAGIC) {
    const why =
      magic === BAAD_MAGIC ? 'signature of an MFT record (marked as damaged)' : 'signature of an MFT record'
    throw corrupt(
      why,
      position,
      'FILE',
      Buffer.from(b.subarray(0, 4))
        .toString('latin1')
        .replace(/[^ -~]/g, '.'),
    )
  }
  const fixup = removeFixups(b, position, 'an MFT record')
  return {
    lsn: big64(b, 8),
    sequence: u16(b, 0x10),
    linkCount: u16(b, 0x12),
    flags: u16(b, 0x16),
    base: readReference(b, 0x20),
    nextInstance: u16(b, 0x28),
    fixup,
  }
}

/** Reads a record from its bytes on the disk; `b` is changed (its fixups are taken off). */
export function readRecord(b: Uint8Array, limits: MappingLimits, position: number): FileRecord {
  const header = readRecordHeader(b, position)
  const used = u32(b, 0x18)
  const first = u16(b, 0x14)
  if (used > b.length || used < HEADER_MIN) {
    throw corrupt('bytes in use of an MFT record', position + 0x18, `${HEADER_MIN}..${b.length}`, used)
  }
  if (first < HEADER_MIN || first % 8 !== 0 || first > used) {
    throw corrupt('first attribute of an MFT record', position + 0x14, `a multiple of 8 below ${used}`, first)
  }
  const extents: AttributeExtent[] = []
  for (let o = first; o + 4 <= used && u32(b, o) !== END_OF_ATTRIBUTES; ) {
    const extent = readAttribute(b, o, used, limits, position)
    extents.push(extent)
    o += extent.length
  }
  return { header, extents }
}

/** Largest record of the format (see boot-sector.ts). */
const scratch = new Uint8Array(65536)

/**
 * Writes a record with its header, attribute records in order, end mark and fixups. The result is valid until the next
 * call: records are written by the thousand, and their memory would be most of what is thrown away.
 */
export function encodeRecord(
  recordSize: number,
  number: number,
  header: RecordHeader,
  attributes: readonly Uint8Array[],
): Uint8Array {
  const b = scratch.subarray(0, recordSize)
  b.fill(0)
  setU32(b, 0, FILE_MAGIC)
  setBig64(b, 8, header.lsn)
  setU16(b, 0x10, header.sequence)
  setU16(b, 0x12, header.linkCount)
  const first = recordHeaderSize(recordSize)
  setU16(b, 0x14, first)
  setU16(b, 0x16, header.flags)
  setU32(b, 0x1c, recordSize)
  writeReference(b, 0x20, header.base)
  setU16(b, 0x28, header.nextInstance)
  setU32(b, 0x2c, number)
  let o = first
  for (const bytes of attributes) {
    b.set(bytes, o)
    o += bytes.length
  }
  setU32(b, o, END_OF_ATTRIBUTES)
  setU32(b, 0x18, o + 8)
  applyFixups(b, USA_OFFSET, header.fixup)
  return b
}
