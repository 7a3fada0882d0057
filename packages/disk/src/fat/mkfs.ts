import { le32, putAscii, putLe16, putLe32 } from '../bytes.js'
import { DiskError } from '../error.js'
import { type RandomBytes, systemRandom } from '../random.js'
import { SliceSource } from '../source/slice.js'
import type { BlockSource } from '../source/source.js'
import { ATTR, writeEntry } from './dirent.js'

export interface FatFormatOptions {
  /** At most 11 characters of ASCII, kept in upper case; default none. */
  label?: string
  /** Volume serial number; default random. */
  serial?: number
  random?: RandomBytes
  /** Bytes of a cluster, default by the volume's size as Windows chooses. */
  clusterSize?: number
  /** Bytes before the volume on its disk; default: the start of a SliceSource, else 0. */
  partitionStart?: number
  /** The label's time, milliseconds since 1970; default the present. */
  time?: number
}

const FATS = 2
/** Fewest clusters that make a FAT32; a margin of 16 as specification 3.5 recommends. */
const FEWEST = 65525 + 16
/** Sectors before the tables: boot sector, FSInfo, third boot sector, and their copies from sector 6. */
const RESERVED = 32
const BACKUP = 6

/** Windows' default cluster sizes for FAT32, by the bytes of the volume up to which they hold. */
const CLUSTER_SIZES: [number, number][] = [
  [260 * 2 ** 20, 512],
  [8 * 2 ** 30, 4096],
  [16 * 2 ** 30, 8192],
  [32 * 2 ** 30, 16384],
  [Number.POSITIVE_INFINITY, 32768],
]

interface Layout {
  sector: number
  perCluster: number
  sectors: number
  reserved: number
  fatSectors: number
  clusters: number
}

function layout(source: BlockSource, options: FatFormatOptions): Layout {
  const sector = source.blockSize
  const usual = CLUSTER_SIZES.find(([size]) => source.size <= size)?.[1] ?? 32768
  const clusterSize = options.clusterSize ?? Math.max(sector, usual)
  const perCluster = clusterSize / sector
  if (
    sector > 4096 ||
    !Number.isInteger(Math.log2(perCluster)) ||
    perCluster < 1 ||
    perCluster > 128 ||
    clusterSize > 65536
  ) {
    throw new DiskError('EINVAL', 'a FAT32 cluster size', {
      expected: `${sector} times a power of two, up to 65536`,
      actual: clusterSize,
    })
  }
  const sectors = Math.min(Math.floor(source.size / sector), 0xffff_ffff)
  // Each table takes sectors from the clusters that it describes, so the size is found by trying.
  let fatSectors = 1
  let reserved = RESERVED
  let clusters = 0
  for (let round = 0; round < 64; round++) {
    // The content begins at a whole cluster, and at 4 KiB for disks with large physical sectors.
    const unit = Math.max(perCluster, 4096 / sector)
    reserved = RESERVED + ((unit - ((RESERVED + FATS * fatSectors) % unit)) % unit)
    clusters = Math.floor((sectors - reserved - FATS * fatSectors) / perCluster)
    const needed = Math.ceil(((Math.max(clusters, 0) + 2) * 4) / sector)
    if (needed <= fatSectors) break
    fatSectors = needed
  }
  if (clusters < FEWEST) {
    throw new DiskError('ENOSPC', 'the volume is too small for FAT32', {
      expected: `at least ${FEWEST} clusters of ${clusterSize} bytes`,
      actual: Math.max(0, clusters),
      cure: 'Make it larger or its clusters smaller; 34 MiB are enough with clusters of 512 bytes',
    })
  }
  if (clusters > 0x0fff_fff0) {
    throw new DiskError('EFBIG', 'too many clusters for FAT32', { expected: 0x0fff_fff0, actual: clusters })
  }
  return { sector, perCluster, sectors, reserved, fatSectors, clusters }
}

function labelBytes(label: string): string {
  const upper = label.toUpperCase()
  if (/^[A-Z0-9 !#$%&'()\-@^_`{}~]{0,11}$/.test(upper) && !upper.startsWith(' ')) return upper.padEnd(11)
  const expected = 'at most 11 letters, digits, blanks or marks of ASCII'
  throw new DiskError('EINVAL', 'a FAT volume label', { expected, actual: label })
}

function bootSector(at: Layout, serial: number, hidden: number, label: string): Uint8Array {
  const boot = new Uint8Array(at.sector)
  boot.set([0xeb, 0x58, 0x90])
  // The name that Windows writes: some firmware looks for it.
  putAscii(boot, 3, 'MSWIN4.1')
  putLe16(boot, 11, at.sector)
  boot[13] = at.perCluster
  putLe16(boot, 14, at.reserved)
  boot[16] = FATS
  boot[21] = 0xf8
  // 63 sectors per track and 255 heads: the geometry that every BIOS assumes.
  putLe16(boot, 24, 63)
  putLe16(boot, 26, 255)
  putLe32(boot, 28, hidden)
  putLe32(boot, 32, at.sectors)
  putLe32(boot, 36, at.fatSectors)
  putLe32(boot, 44, 2)
  putLe16(boot, 48, 1)
  putLe16(boot, 50, BACKUP)
  boot[64] = 0x80
  boot[66] = 0x29
  putLe32(boot, 67, serial)
  putAscii(boot, 71, label.trim() === '' ? 'NO NAME    ' : label)
  putAscii(boot, 82, 'FAT32   ')
  // int 18h tells the BIOS to try the next device; then stand still.
  boot.set([0xcd, 0x18, 0xf4, 0xeb, 0xfd], 90)
  putLe16(boot, 510, 0xaa55)
  return boot
}

function infoSector(at: Layout): Uint8Array {
  const info = new Uint8Array(at.sector)
  putAscii(info, 0, 'RRaA')
  putAscii(info, 484, 'rrAa')
  putLe32(info, 488, at.clusters - 1)
  putLe32(info, 492, 3)
  putLe16(info, 510, 0xaa55)
  return info
}

/**
 * Makes an empty FAT32 volume over the whole source, as an EFI system partition needs it. What lies outside of the
 * boot sectors, the tables and the root directory stays as it is. `ENOSPC` below 65541 clusters.
 */
export function formatFat32Sync(source: BlockSource, options: FatFormatOptions = {}): void {
  const at = layout(source, options)
  const label = labelBytes(options.label ?? '')
  const serial = options.serial ?? le32((options.random ?? systemRandom)(4), 0)
  const start = options.partitionStart ?? (source instanceof SliceSource ? source.start : 0)
  const boot = bootSector(at, serial, Math.floor(start / at.sector) >>> 0, label)
  const zeros = new Uint8Array(1 << 20)
  const end = (at.reserved + FATS * at.fatSectors + at.perCluster) * at.sector
  for (let done = 0; done < end; done += zeros.length)
    source.writeSync(done, zeros, 0, Math.min(zeros.length, end - done))
  const third = new Uint8Array(at.sector)
  putLe16(third, 510, 0xaa55)
  for (const copy of [0, BACKUP]) {
    for (const [i, bytes] of [boot, infoSector(at), third].entries())
      source.writeSync((copy + i) * at.sector, bytes)
  }
  const head = new Uint8Array(12)
  putLe32(head, 0, 0x0fff_fff8)
  putLe32(head, 4, 0x0fff_ffff)
  putLe32(head, 8, 0x0fff_ffff)
  for (let fat = 0; fat < FATS; fat++) source.writeSync((at.reserved + fat * at.fatSectors) * at.sector, head)
  if (label.trim() !== '') {
    const entry = new Uint8Array(32)
    const modified = options.time ?? Date.now()
    writeEntry(entry, 0, {
      attributes: ATTR.label,
      firstCluster: 0,
      size: 0,
      created: 0,
      accessed: 0,
      modified,
    })
    entry.fill(0, 13, 20)
    putAscii(entry, 0, label)
    source.writeSync((at.reserved + FATS * at.fatSectors) * at.sector, entry)
  }
  source.flushSync()
}
