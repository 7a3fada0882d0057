import { le16, le32, le64 } from '../bytes.js'
import { corrupt } from '../error.js'
import { fromDos } from './time.js'

const ENTRY = 32
/** Entry types, section 6.2 of the specification; the highest bit is "in use". */
const TYPE = {
  end: 0x00,
  bitmap: 0x81,
  upcase: 0x82,
  label: 0x83,
  file: 0x85,
  stream: 0xc0,
  name: 0xc1,
} as const

/** Where bytes are: a run of clusters without table entries, or a chain in the table. */
export interface ExfatExtent {
  firstCluster: number
  contiguous: boolean
  /** Bytes; null for the root directory, whose chain tells its end. */
  length: number | null
}

export interface ExfatFile extends ExfatExtent {
  name: string
  attributes: number
  /** Bytes from the start that were written; what follows reads as zeros. */
  validLength: number
  length: number
  created: number
  modified: number
  accessed: number
  /** Position of its first entry on the volume, in units of 32 bytes. */
  ino: number
}

/** What a directory's entries tell; the last three are in the root only. */
export interface ExfatListing {
  files: ExfatFile[]
  label: string
  bitmap: ExfatExtent | null
  upcase: (ExfatExtent & { checksum: number }) | null
}

/** A timestamp with its hundredths and its offset from UTC in quarters of an hour (bit 7: the offset is known). */
function time(bytes: Uint8Array, at: number, hundredths: number, offset: number): number {
  const value = le32(bytes, at)
  const local = fromDos(value >>> 16, value & 0xffff, hundredths)
  const quarters = (offset & 0x80) !== 0 ? ((offset & 0x7f) << 25) >> 25 : 0
  return local === 0 ? 0 : local - quarters * 900_000
}

/** The checksum over an entry set, its own field left out. */
function setSum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i++) {
    if (i !== 2 && i !== 3) sum = (((sum & 1) << 15) + (sum >> 1) + (bytes[i] ?? 0)) & 0xffff
  }
  return sum
}

function utf16(bytes: Uint8Array, at: number, units: number): string {
  let text = ''
  for (let i = 0; i < units; i++) text += String.fromCharCode(le16(bytes, at + i * 2))
  return text
}

function extent(bytes: Uint8Array, at: number, position: number): ExfatExtent & { length: number } {
  const length = le64(bytes, at + 24, 'an exFAT data length', position)
  return { firstCluster: le32(bytes, at + 20), contiguous: ((bytes[at + 1] ?? 0) & 2) !== 0, length }
}

/** One file's entry set: the file entry, its stream, and its name in parts of 15 units. */
function parseSet(set: Uint8Array, position: number): ExfatFile {
  const sum = setSum(set)
  if (sum !== le16(set, 2))
    throw corrupt('the checksum of an exFAT entry set', position + 2, sum, le16(set, 2))
  if (set[ENTRY] !== TYPE.stream)
    throw corrupt('an exFAT stream entry', position + ENTRY, TYPE.stream, set[ENTRY])
  const units = set[ENTRY + 3] ?? 0
  let name = ''
  for (let at = 2 * ENTRY; at < set.length && name.length < units; at += ENTRY) {
    if (set[at] !== TYPE.name) break
    name += utf16(set, at + 2, Math.min(15, units - name.length))
  }
  if (
    name.length !== units ||
    units === 0 ||
    name.includes('/') ||
    name.includes('\0') ||
    /^\.\.?$/.test(name)
  ) {
    throw corrupt('an exFAT name', position + ENTRY + 3, `${units} units without '/' and NUL`, name)
  }
  const data = extent(set, ENTRY, position + ENTRY)
  const validLength = le64(set, ENTRY + 8, 'an exFAT valid length', position + ENTRY)
  if (validLength > data.length)
    throw corrupt('an exFAT valid length', position + ENTRY + 8, data.length, validLength)
  return {
    ...data,
    name,
    attributes: le16(set, 4),
    validLength,
    created: time(set, 8, set[20] ?? 0, set[22] ?? 0),
    modified: time(set, 12, set[21] ?? 0, set[23] ?? 0),
    accessed: time(set, 16, 0, set[24] ?? 0),
    ino: position / ENTRY,
  }
}

/**
 * Reads a directory. `EUCLEAN` for a set that is not whole.
 *
 * @param bytes its clusters, in order.
 * @param place byte position on the volume of a byte of it.
 */
export function parseExfatDirectory(bytes: Uint8Array, place: (at: number) => number): ExfatListing {
  const listing: ExfatListing = { files: [], label: '', bitmap: null, upcase: null }
  for (let at = 0; at + ENTRY <= bytes.length; at += ENTRY) {
    const type = bytes[at]
    if (type === TYPE.end) break
    if (type === TYPE.label) listing.label = utf16(bytes, at + 2, Math.min(11, bytes[at + 1] ?? 0))
    else if (type === TYPE.bitmap) listing.bitmap ??= { ...extent(bytes, at, place(at)), contiguous: false }
    else if (type === TYPE.upcase) {
      listing.upcase ??= { ...extent(bytes, at, place(at)), contiguous: false, checksum: le32(bytes, at + 4) }
    } else if (type === TYPE.file) {
      const count = bytes[at + 1] ?? 0
      const end = at + (count + 1) * ENTRY
      if (count < 2 || end > bytes.length)
        throw corrupt('an exFAT entry set', place(at) + 1, '2..18 within', count)
      listing.files.push(parseSet(bytes.subarray(at, end), place(at)))
      at = end - ENTRY
    }
  }
  return listing
}

/** The mapping of UTF-16 units to upper case: 0xFFFF and a count stand for that many units that map to themselves. */
export function parseUpcase(bytes: Uint8Array, checksum: number, position: number): Uint16Array {
  let sum = 0
  for (const byte of bytes) sum = (((sum << 31) | (sum >>> 1)) + byte) >>> 0
  if (sum !== checksum) throw corrupt('the checksum of the exFAT up-case table', position, checksum, sum)
  const map = Uint16Array.from({ length: 65536 }, (_, unit) => unit)
  let unit = 0
  for (let at = 0; at + 2 <= bytes.length && unit < 65536; at += 2) {
    const value = le16(bytes, at)
    if (value === 0xffff && at + 4 <= bytes.length) {
      at += 2
      unit += le16(bytes, at)
    } else map[unit++] = value
  }
  return map
}
