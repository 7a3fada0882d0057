import { isGuid } from '../bytes.js'
import { DiskError } from '../error.js'

/** Partition start and size are multiples of this many bytes unless asked for otherwise, as on all systems since 2008. */
export const ALIGNMENT = 1 << 20

/** Type GUIDs of GPT partitions by the names that are taken in their place. */
export const GPT_TYPES = {
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  msr: 'E3C9E316-0B5C-4DB8-817D-F92DF00215AE',
  /** Windows basic data: NTFS, exFAT, FAT. */
  data: 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7',
  'windows-recovery': 'DE94BBA4-06D1-4D40-A16A-BFD50179D6AC',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
  'linux-swap': '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
  'linux-lvm': 'E6D6D379-F507-44C2-A23C-238F2A3DF928',
  'linux-raid': 'A19D880F-05FC-4D3B-A006-743F0F84911E',
  'bios-boot': '21686148-6449-6E6F-744E-656564454649',
} as const

/** Attribute bits of a GPT partition (UEFI 2.10 table 5.8; 60 to 63 are Windows' for basic data). */
export const GPT_ATTRIBUTES = {
  required: 1n << 0n,
  noBlockIo: 1n << 1n,
  legacyBoot: 1n << 2n,
  readOnly: 1n << 60n,
  shadowCopy: 1n << 61n,
  hidden: 1n << 62n,
  noAutomount: 1n << 63n,
} as const

/** System ids of MBR partitions by the names that are taken in their place. */
export const MBR_TYPES = {
  fat12: 0x01,
  fat16: 0x06,
  ntfs: 0x07,
  exfat: 0x07,
  'fat32-chs': 0x0b,
  fat32: 0x0c,
  'fat16-lba': 0x0e,
  extended: 0x0f,
  'extended-chs': 0x05,
  'windows-recovery': 0x27,
  'linux-swap': 0x82,
  linux: 0x83,
  'linux-lvm': 0x8e,
  gpt: 0xee,
  esp: 0xef,
  'linux-raid': 0xfd,
} as const

/** What both kinds of table tell of a partition. */
export interface PartitionInfo {
  /** The number that systems show: the slot of a GPT from 1; 1 to 4 in an MBR, logical ones from 5. */
  index: number
  /** Byte position and bytes. */
  start: number
  size: number
  /** Type GUID in upper case, or the MBR system id as two hex digits. */
  type: string
  /** The name of the type where it has one here. */
  typeName: string | null
  /** GPT only. */
  name: string | null
  guid: string | null
}

/** Resolves a GUID or one of the names above. */
export function gptType(type: string): string {
  const known = (GPT_TYPES as Record<string, string>)[type.toLowerCase()]
  if (known !== undefined) return known
  if (isGuid(type)) return type.toUpperCase()
  const expected = `a GUID or one of ${Object.keys(GPT_TYPES).join(', ')}`
  throw new DiskError('EINVAL', 'a partition type', { expected, actual: type })
}

/** Resolves a system id or one of the names above. */
export function mbrType(type: number | string): number {
  const known = typeof type === 'number' ? type : (MBR_TYPES as Record<string, number>)[type.toLowerCase()]
  if (known !== undefined && Number.isInteger(known) && known > 0 && known < 256) return known
  const expected = `1..255 or one of ${Object.keys(MBR_TYPES).join(', ')}`
  throw new DiskError('EINVAL', 'a partition type', { expected, actual: type })
}

export function gptTypeName(guid: string): string | null {
  return Object.entries(GPT_TYPES).find(([, known]) => known === guid)?.[0] ?? null
}

export function mbrTypeName(type: number): string | null {
  return Object.entries(MBR_TYPES).find(([, known]) => known === type)?.[0] ?? null
}

/** A run of sectors, the last included. */
export interface Sectors {
  first: number
  last: number
}

/** What `all` has left between `used` runs, ascending. */
export function freeSectors(all: Sectors, used: Sectors[]): Sectors[] {
  const free: Sectors[] = []
  let next = all.first
  for (const { first, last } of [...used].sort((a, b) => a.first - b.first)) {
    if (first > next) free.push({ first: next, last: Math.min(first - 1, all.last) })
    next = Math.max(next, last + 1)
  }
  if (next <= all.last) free.push({ first: next, last: all.last })
  return free.filter((run) => run.first <= run.last)
}

export interface Place {
  /** Byte position; default: the first aligned place that is large enough. */
  start?: number
  /** Bytes, rounded up to sectors; or `rest`: all of the largest free place, rounded down to the alignment. */
  size: number | 'rest'
  /** Bytes, default 1 MiB; a given `start` only has to be a whole sector. */
  alignment?: number
}

function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}

function noRoom(what: string, free: Sectors[], sector: number): DiskError {
  const largest = Math.max(0, ...free.map((run) => (run.last - run.first + 1) * sector))
  return new DiskError('ENOSPC', what, {
    expected: `at most ${largest} bytes`,
    cure: 'Make it smaller or the disk larger',
  })
}

/** Chooses sectors for a new partition out of free runs. `EINVAL` for bad numbers, `ENOSPC` when nothing fits. */
export function placePartition(free: Sectors[], place: Place, sector: number): Sectors {
  const alignment = place.alignment ?? ALIGNMENT
  const { start, size } = place
  if (!Number.isInteger(alignment / sector) || alignment <= 0) {
    throw new DiskError('EINVAL', 'an alignment', { expected: `a multiple of ${sector}`, actual: alignment })
  }
  if (size !== 'rest' && !(Number.isSafeInteger(size) && size > 0)) {
    throw new DiskError('EINVAL', 'a partition size', { expected: `bytes, or 'rest'`, actual: size })
  }
  if (start !== undefined && !(Number.isSafeInteger(start / sector) && start >= 0)) {
    throw new DiskError('EINVAL', 'a partition start', { expected: `a multiple of ${sector}`, actual: start })
  }
  const unit = alignment / sector
  const usable = free
    .map((run) => ({ first: alignUp(run.first, unit), last: run.last, from: run.first }))
    .map((run) => (start === undefined ? run : { ...run, first: start / sector }))
    .filter((run) => run.first >= run.from && run.first <= run.last)
  if (size === 'rest') {
    const largest = usable.sort((a, b) => b.last - b.first - (a.last - a.first) || a.first - b.first)[0]
    if (largest === undefined) throw noRoom('no free place for a partition', free, sector)
    const end = Math.floor((largest.last + 1) / unit) * unit
    return { first: largest.first, last: end > largest.first ? end - 1 : largest.last }
  }
  const count = Math.ceil(size / sector)
  const fits = usable.find((run) => run.last - run.first + 1 >= count)
  if (fits === undefined) throw noRoom(`no free place for a partition of ${size} bytes`, free, sector)
  return { first: fits.first, last: fits.first + count - 1 }
}
