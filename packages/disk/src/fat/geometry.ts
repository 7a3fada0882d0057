import { ascii, le16, le32 } from '../bytes.js'
import { corrupt } from '../error.js'
import { type BlockSource, readBytesSync } from '../source/source.js'

/** Where the parts of a FAT volume are, in bytes from its start. Names follow Microsoft's FAT specification 1.03. */
export interface FatGeometry {
  bits: 12 | 16 | 32
  sectorSize: number
  clusterSize: number
  /** Data clusters; they are numbered from 2. */
  clusters: number
  fatStart: number
  fatSize: number
  fatCount: number
  /** FAT32 without mirroring: the only table that counts; otherwise null. */
  activeFat: number | null
  /** FAT12 and FAT16 have a root directory of fixed size; null on FAT32. */
  rootStart: number
  rootSize: number | null
  /** First cluster of the root directory, 0 on FAT12 and FAT16. */
  rootCluster: number
  dataStart: number
  /** Byte position of the FSInfo sector of FAT32, null without one. */
  fsInfo: number | null
  serial: number
  /** Label of the boot sector; the entry in the root directory is the one that counts. */
  bootLabel: string
}

/** Above these counts of clusters a volume is FAT16, FAT32 (specification, section 3.5). */
const FAT12_CLUSTERS = 4085
const FAT16_CLUSTERS = 65525
const FAT32_CLUSTERS = 0x0fff_fff5

/** FAT32 may name one table as the only one that counts; otherwise all are kept equal. */
function activeFat(boot: Uint8Array, fatCount: number): number | null {
  const flags = le16(boot, 40)
  if ((flags & 0x80) === 0) return null
  const active = flags & 0x0f
  if (active >= fatCount) throw corrupt('the active FAT', 40, `below ${fatCount}`, active)
  return active
}

function rootClusterOf(boot: Uint8Array, clusters: number): number {
  const cluster = le32(boot, 44)
  if (cluster >= 2 && cluster < clusters + 2 && le16(boot, 17) === 0) return cluster
  throw corrupt('the root directory of a FAT32 volume', 44, `cluster 2..${clusters + 1}`, cluster)
}

function checkPowers(sector: number, perCluster: number): void {
  if (![512, 1024, 2048, 4096].includes(sector)) {
    throw corrupt('the bytes per sector of a FAT volume', 11, '512, 1024, 2048 or 4096', sector)
  }
  if (perCluster === 0 || (perCluster & (perCluster - 1)) !== 0) {
    throw corrupt('the sectors per cluster of a FAT volume', 13, 'a power of two', perCluster)
  }
}

/** True when sector 0 looks like one of a FAT volume; the fields are checked by `readFatGeometry`. */
export function isFat(source: BlockSource): boolean {
  if (source.size < 512) return false
  const boot = readBytesSync(source, 0, 512)
  const jump = boot[0] === 0xeb || boot[0] === 0xe9
  const [sector, media, fats] = [le16(boot, 11), boot[21] ?? 0, boot[16] ?? 0]
  return (
    jump &&
    le16(boot, 510) === 0xaa55 &&
    [512, 1024, 2048, 4096].includes(sector) &&
    media >= 0xf0 &&
    fats > 0
  )
}

/** Reads and checks the boot sector. `EUCLEAN` tells the first field that is wrong. */
export function readFatGeometry(source: BlockSource): FatGeometry {
  if (source.size < 512) throw corrupt('a FAT boot sector', 0, 'at least 512 bytes', source.size)
  const boot = readBytesSync(source, 0, 512)
  if (le16(boot, 510) !== 0xaa55)
    throw corrupt('the signature of a FAT boot sector', 510, 0xaa55, le16(boot, 510))
  const sectorSize = le16(boot, 11)
  const perCluster = boot[13] ?? 0
  checkPowers(sectorSize, perCluster)
  const reserved = le16(boot, 14)
  const fatCount = boot[16] ?? 0
  if (reserved === 0) throw corrupt('the reserved sectors of a FAT volume', 14, 'at least 1', 0)
  if (fatCount < 1 || fatCount > 4) throw corrupt('the number of FATs', 16, '1..4', fatCount)
  const rootEntries = le16(boot, 17)
  const total = le16(boot, 19) || le32(boot, 32)
  const fatSectors = le16(boot, 22) || le32(boot, 36)
  const fatStart = reserved * sectorSize
  const fatSize = fatSectors * sectorSize
  const rootStart = fatStart + fatCount * fatSize
  const rootSize = Math.ceil((rootEntries * 32) / sectorSize) * sectorSize
  const dataStart = rootStart + rootSize
  const clusterSize = perCluster * sectorSize
  const clusters = Math.floor((total * sectorSize - dataStart) / clusterSize)
  if (fatSectors === 0 || clusters < 1)
    throw corrupt('the sectors of a FAT volume', 32, 'room for data', total)
  if (total * sectorSize > source.size) {
    throw corrupt('the sectors of a FAT volume', 32, `at most ${Math.floor(source.size / sectorSize)}`, total)
  }
  const wide = le16(boot, 22) === 0
  const bits = wide ? 32 : clusters < FAT12_CLUSTERS ? 12 : 16
  if (clusters > FAT32_CLUSTERS || (!wide && clusters >= FAT16_CLUSTERS)) {
    throw corrupt('the clusters of a FAT volume', 13, `fewer for FAT${bits}`, clusters)
  }
  if (Math.ceil(((clusters + 2) * bits) / 8) > fatSize) {
    throw corrupt('the sectors per FAT', wide ? 36 : 22, `a table for ${clusters} clusters`, fatSectors)
  }
  const info = wide ? le16(boot, 48) : 0
  const extra = wide ? 64 : 36
  return {
    bits,
    sectorSize,
    clusterSize,
    clusters,
    fatStart,
    fatSize,
    fatCount,
    activeFat: wide ? activeFat(boot, fatCount) : null,
    rootStart,
    rootSize: wide ? null : rootSize,
    rootCluster: wide ? rootClusterOf(boot, clusters) : 0,
    dataStart,
    fsInfo: info === 0 || info === 0xffff || info >= reserved ? null : info * sectorSize,
    serial: le32(boot, extra + 3),
    bootLabel: ascii(boot, extra + 7, 11).trimEnd(),
  }
}
