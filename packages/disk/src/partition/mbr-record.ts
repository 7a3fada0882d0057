import { le16, le32, putLe16, putLe32 } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { type BlockSource, readBytesSync } from '../source/source.js'

/** A primary or logical partition. */
export interface MbrPartition {
  /** 1 to 4 for primary ones, from 5 on for logical ones, in the order of their chain. */
  index: number
  /** System id. */
  type: number
  /** The BIOS shall boot from it. */
  active: boolean
  firstLba: number
  sectors: number
  /** Sector of the extended boot record that names a logical partition; null for a primary one. */
  recordLba: number | null
}

/** One of the four entries of a record. */
export interface RawEntry {
  status: number
  type: number
  lba: number
  sectors: number
}

export const ENTRIES = 446
/** The geometry that CHS fields are written in; systems ignore them but for a test that they are not zero. */
const HEADS = 255
const TRACK = 63
/** Logical partitions that are read: no system shows more than this (Linux ends at 256 partitions of a disk). */
const LOGICAL_LIMIT = 256

export const isExtended = (type: number): boolean => type === 0x05 || type === 0x0f || type === 0x85

export function readEntries(record: Uint8Array): RawEntry[] {
  return [0, 1, 2, 3].map((i) => {
    const at = ENTRIES + i * 16
    return {
      status: record[at] ?? 0,
      type: record[at + 4] ?? 0,
      lba: le32(record, at + 8),
      sectors: le32(record, at + 12),
    }
  })
}

/** Cylinder, head and sector of a position, or the last that the field can tell. */
function chs(lba: number): [number, number, number] {
  const cylinder = Math.floor(lba / (HEADS * TRACK))
  if (cylinder > 1023) return [HEADS - 1, 0xff, 0xff]
  const head = Math.floor(lba / TRACK) % HEADS
  return [head, (((cylinder >> 8) & 3) << 6) | ((lba % TRACK) + 1), cylinder & 255]
}

/** Writes entry `slot`; `base` is the disk's sector that the entry's own position counts from. */
export function writeEntry(record: Uint8Array, slot: number, entry: RawEntry | null, base = 0): void {
  const at = ENTRIES + slot * 16
  record.fill(0, at, at + 16)
  if (entry === null) return
  record[at] = entry.status
  record.set(chs(base + entry.lba), at + 1)
  record[at + 4] = entry.type
  record.set(chs(base + entry.lba + entry.sectors - 1), at + 5)
  putLe32(record, at + 8, entry.lba)
  putLe32(record, at + 12, entry.sectors)
}

export function sign(record: Uint8Array): void {
  putLe16(record, 510, 0xaa55)
}

/** Sector 0 of `disk` if it is a master boot record and not a filesystem's boot sector; null otherwise. */
export function readMaster(disk: BlockSource): Uint8Array | null {
  if (disk.size < 512) return null
  const record = readBytesSync(disk, 0, 512)
  if (le16(record, 510) !== 0xaa55) return null
  // NTFS, exFAT and FAT boot sectors carry the same signature; their code is where the entries would be.
  const name = Buffer.from(record.subarray(3, 11)).toString('latin1')
  if (name === 'NTFS    ' || name === 'EXFAT   ' || name === '-FVE-FS-') return null
  const entries = readEntries(record)
  if (entries.some((entry) => entry.status !== 0 && entry.status !== 0x80)) return null
  const fat =
    record[0] === 0xeb || record[0] === 0xe9
      ? (record[21] ?? 0) >= 0xf0 && le16(record, 11) % 512 === 0
      : false
  if (fat && le16(record, 11) !== 0 && entries.every((entry) => entry.sectors === 0)) return null
  return record
}

/** Follows the chain of extended boot records. A loop or a record outside ends it with a problem, not an error. */
export function readLogical(
  disk: BlockSource,
  extended: { firstLba: number; sectors: number },
  sector: number,
  problems: string[],
): MbrPartition[] {
  const found: MbrPartition[] = []
  const seen = new Set<number>()
  for (let lba = extended.firstLba; ; ) {
    if (seen.has(lba) || seen.size >= LOGICAL_LIMIT) {
      problems.push(
        seen.has(lba)
          ? `the chain of logical partitions loops at sector ${lba}`
          : 'too many logical partitions',
      )
      break
    }
    seen.add(lba)
    if ((lba + 1) * sector > disk.size) {
      problems.push(`an extended boot record at sector ${lba} is outside of the disk`)
      break
    }
    const record = readBytesSync(disk, lba * sector, 512)
    if (le16(record, 510) !== 0xaa55) {
      problems.push(`the extended boot record at sector ${lba} has no signature 55AA`)
      break
    }
    const entries = readEntries(record)
    const data = entries.find((entry) => entry.type !== 0 && entry.sectors !== 0 && !isExtended(entry.type))
    if (data !== undefined) {
      const { type, sectors, status } = data
      const index = found.length + 5
      found.push({ index, type, active: status === 0x80, firstLba: lba + data.lba, sectors, recordLba: lba })
    }
    const link = entries.find((entry) => isExtended(entry.type) && entry.sectors !== 0)
    if (link === undefined) break
    lba = extended.firstLba + link.lba
  }
  return found
}

/** Values that an entry of 32 bits cannot hold. */
export function checkReach(first: number, sectors: number): void {
  if (first <= 0xffff_ffff && sectors <= 0xffff_ffff) return
  throw new DiskError('EFBIG', 'a partition beyond what an MBR can tell (2^32 sectors)', {
    expected: 'sectors below 2^32',
    actual: first + sectors,
    cure: 'Use a GPT',
  })
}

export function notMaster(): DiskError {
  return corrupt('a master boot record', 510, 'the signature 55AA and four entries', 'something else')
}
