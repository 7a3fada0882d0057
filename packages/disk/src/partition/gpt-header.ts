import { crc32 } from 'node:zlib'
import {
  ascii,
  guidText,
  isZero,
  le32,
  le64,
  le64big,
  putAscii,
  putGuid,
  putLe32,
  putLe64,
} from '../bytes.js'
import { corrupt } from '../error.js'
import { type BlockSource, readBytesSync } from '../source/source.js'

/** UEFI 2.10, 5.3.2: the fields up to the table's CRC; the rest of the sector is zero. */
export const HEADER_SIZE = 92
export const ENTRY_SIZE = 128
/** Bytes of the table of entries that are accepted; 16 KiB are usual. */
const TABLE_LIMIT = 1 << 20

export interface GptHeader {
  /** Where this header is, and where the other one is. */
  lba: number
  otherLba: number
  firstUsable: number
  lastUsable: number
  guid: string
  tableLba: number
  /** Slots in the table, and bytes of each. */
  slots: number
  entrySize: number
}

export interface GptEntry {
  type: string
  guid: string
  firstLba: number
  lastLba: number
  attributes: bigint
  name: string
}

/** CRC-32 as UEFI uses it (ISO 3309), the four bytes at `zeroed` taken as zeros. */
function headerCrc(bytes: Uint8Array, size: number): number {
  const copy = bytes.slice(0, size)
  copy.fill(0, 16, 20)
  return crc32(copy)
}

function checkLayout(header: GptHeader, sector: number, disk: number, position: number): void {
  const { slots, entrySize, tableLba, firstUsable, lastUsable } = header
  if (entrySize < ENTRY_SIZE || entrySize > 4096 || (entrySize & (entrySize - 1)) !== 0) {
    throw corrupt('the GPT entry size', position + 84, '128 times a power of two up to 4096', entrySize)
  }
  if (slots < 1 || slots * entrySize > TABLE_LIMIT) {
    throw corrupt('the number of GPT entries', position + 80, `1..${TABLE_LIMIT / entrySize}`, slots)
  }
  if (tableLba < 2 || tableLba * sector + slots * entrySize > disk) {
    throw corrupt(
      'the position of the GPT entries',
      position + 72,
      'within the disk, after sector 1',
      tableLba,
    )
  }
  if (firstUsable > lastUsable) {
    throw corrupt(
      'the usable sectors of the GPT',
      position + 40,
      'first <= last',
      `${firstUsable}..${lastUsable}`,
    )
  }
  // A table inside the partitions' room would be written over their content.
  const tableEnd = (header.lba === 1 ? tableLba : 2) + Math.ceil((slots * entrySize) / sector)
  if (tableEnd > firstUsable) {
    throw corrupt('the first usable sector of the GPT', position + 40, `at least ${tableEnd}`, firstUsable)
  }
}

/** Reads and checks one header and its entries; throws `EUCLEAN` when any of it is wrong. */
export function readGptCopy(
  source: BlockSource,
  lba: number,
  sector: number,
): { header: GptHeader; table: Uint8Array } {
  const position = lba * sector
  if (position + sector > source.size)
    throw corrupt('a GPT header', position, 'a sector within the disk', source.size)
  const bytes = readBytesSync(source, position, sector)
  if (ascii(bytes, 0, 8) !== 'EFI PART')
    throw corrupt('a GPT header', position, 'EFI PART', bytes.subarray(0, 8))
  const size = le32(bytes, 12)
  if (le32(bytes, 8) !== 0x10000 || size < HEADER_SIZE || size > sector) {
    throw corrupt('the GPT revision and header size', position + 8, `1.0 and ${HEADER_SIZE}..${sector}`, size)
  }
  const crc = headerCrc(bytes, size)
  if (crc !== le32(bytes, 16)) throw corrupt('the CRC of a GPT header', position + 16, crc, le32(bytes, 16))
  const header: GptHeader = {
    lba: le64(bytes, 24, 'the GPT header position', position),
    otherLba: le64(bytes, 32, 'the position of the other GPT header', position),
    firstUsable: le64(bytes, 40, 'the first usable sector', position),
    lastUsable: le64(bytes, 48, 'the last usable sector', position),
    guid: guidText(bytes, 56),
    tableLba: le64(bytes, 72, 'the position of the GPT entries', position),
    slots: le32(bytes, 80),
    entrySize: le32(bytes, 84),
  }
  if (header.lba !== lba) throw corrupt('the GPT header position', position + 24, lba, header.lba)
  checkLayout(header, sector, source.size, position)
  const table = readBytesSync(source, header.tableLba * sector, header.slots * header.entrySize)
  if (crc32(table) !== le32(bytes, 88)) {
    throw corrupt('the CRC of the GPT entries', position + 88, crc32(table), le32(bytes, 88))
  }
  return { header, table }
}

export function encodeGptHeader(header: GptHeader, table: Uint8Array, sector: number): Uint8Array {
  const bytes = new Uint8Array(sector)
  putAscii(bytes, 0, 'EFI PART')
  putLe32(bytes, 8, 0x10000)
  putLe32(bytes, 12, HEADER_SIZE)
  putLe64(bytes, 24, header.lba)
  putLe64(bytes, 32, header.otherLba)
  putLe64(bytes, 40, header.firstUsable)
  putLe64(bytes, 48, header.lastUsable)
  putGuid(bytes, 56, header.guid)
  putLe64(bytes, 72, header.tableLba)
  putLe32(bytes, 80, header.slots)
  putLe32(bytes, 84, header.entrySize)
  putLe32(bytes, 88, crc32(table))
  putLe32(bytes, 16, headerCrc(bytes, HEADER_SIZE))
  return bytes
}

/** One entry, null for an empty slot. Names are UTF-16 up to the first NUL. */
export function decodeGptEntry(bytes: Uint8Array, position: number): GptEntry | null {
  if (isZero(bytes.subarray(0, 16))) return null
  const name = Buffer.from(bytes.subarray(56, 128)).toString('utf16le')
  const end = name.indexOf('\0')
  return {
    type: guidText(bytes, 0),
    guid: guidText(bytes, 16),
    firstLba: le64(bytes, 32, 'the first sector of a partition', position),
    lastLba: le64(bytes, 40, 'the last sector of a partition', position),
    attributes: le64big(bytes, 48),
    name: end < 0 ? name : name.slice(0, end),
  }
}

/** Writes an entry into its slot; bytes beyond the known 128 stay. */
export function encodeGptEntry(entry: GptEntry, bytes: Uint8Array): void {
  putGuid(bytes, 0, entry.type)
  putGuid(bytes, 16, entry.guid)
  putLe64(bytes, 32, entry.firstLba)
  putLe64(bytes, 40, entry.lastLba)
  putLe64(bytes, 48, entry.attributes)
  bytes.fill(0, 56, 128)
  bytes.set(Buffer.from(entry.name, 'utf16le'), 56)
}
