import { le16, le32, putLe16, putLe32 } from '../bytes.js'
import { type BlockSource, readBytesSync } from '../source/source.js'

/** Partition entries of a master boot record begin here; code before, and the disk signature at 440, are not ours. */
const ENTRIES = 446
const BOOT_CODE = 440

/** The entries of type EE and of others in a sector 0 that is a master boot record; null when it is none. */
function count(record: Uint8Array): { protective: number; others: number } | null {
  if (le16(record, 510) !== 0xaa55) return null
  let protective = 0
  let others = 0
  for (let at = ENTRIES; at < 510; at += 16) {
    if (record[at + 4] === 0xee) protective++
    else if (record[at + 4] !== 0 && le32(record, at + 12) !== 0) others++
  }
  return { protective, others }
}

/** What sector 0 says: a protective record, a hybrid one (others beside type EE), or neither. */
export function protectiveKind(source: BlockSource): 'protective' | 'hybrid' | 'none' {
  const found = source.size < 512 ? null : count(readBytesSync(source, 0, 512))
  if (found === null || found.protective === 0) return 'none'
  return found.others === 0 ? 'protective' : 'hybrid'
}

/** Writes the protective record (UEFI 2.10, 5.2.3): one partition of type EE over the disk. Boot code stays. */
export function writeProtective(source: BlockSource, sector: number): void {
  const record = readBytesSync(source, 0, sector)
  record.fill(0, BOOT_CODE)
  const sectors = Math.floor(source.size / sector) - 1
  record.set([0, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], ENTRIES)
  putLe32(record, ENTRIES + 8, 1)
  putLe32(record, ENTRIES + 12, Math.min(sectors, 0xffff_ffff))
  putLe16(record, 510, 0xaa55)
  source.writeSync(0, record)
}
