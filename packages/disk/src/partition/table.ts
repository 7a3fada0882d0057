import { ascii } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { SliceSource } from '../source/slice.js'
import { type BlockSource, readBytesSync } from '../source/source.js'
import { Gpt } from './gpt.js'
import { Mbr } from './mbr.js'
import { readMaster } from './mbr-record.js'
import { protectiveKind } from './protective.js'

function hasGptHeader(disk: BlockSource): boolean {
  return [512, 4096].some(
    (at) => at + 8 <= disk.size && ascii(readBytesSync(disk, at, 8), 0, 8) === 'EFI PART',
  )
}

/**
 * The partition table of a disk: a GPT when sector 0 or a header says so, an MBR, or null for a disk without one (a
 * filesystem over the whole disk, or nothing). A GPT without a whole copy is `EUCLEAN`.
 */
export function readPartitionTable(disk: BlockSource): Gpt | Mbr | null {
  const master = readMaster(disk)
  if (protectiveKind(disk) !== 'none' || (master === null && hasGptHeader(disk))) return Gpt.readSync(disk)
  if (master === null) return null
  try {
    // A GPT whose protective record was overwritten by a tool that knows MBRs only has both; the header decides.
    if (hasGptHeader(disk) && Mbr.readSync(disk).partitions().length === 0) return Gpt.readSync(disk)
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
  }
  return Mbr.readSync(disk)
}

/**
 * A partition as a source of its own. `ENOENT` for a number that does not exist, `EUCLEAN` for a partition that is not
 * within the disk.
 */
export function openPartition(
  disk: BlockSource,
  index: number,
  options: { readOnly?: boolean } = {},
): SliceSource {
  const table = readPartitionTable(disk)
  const part = table?.list().find((one) => one.index === index)
  if (part === undefined) {
    const have = table?.list().map((one) => one.index) ?? []
    const expected = table === null ? 'a disk with a partition table' : `one of ${have.join(', ') || 'none'}`
    throw new DiskError('ENOENT', 'no such partition', { expected, actual: index })
  }
  if (part.size <= 0 || part.start + part.size > disk.size) {
    throw corrupt(`partition ${index}`, part.start, `within ${disk.size} bytes`, `${part.size} bytes`)
  }
  return new SliceSource(disk, part.start, part.size, options)
}
