import { DiskError } from '../../error.js'
import { BOOT_FILE_SIZE, type Geometry } from '../layout/boot-sector.js'

/** Where and how a volume is made; all lengths are bytes. */
export interface GeometryOptions {
  /** Default: the source's block size. 512, 1024, 2048 or 4096. */
  sectorSize?: number
  /** A power of two from the sector size (at least 512) to 2 MiB; default as Windows chooses by size. */
  clusterSize?: number
  /** 1024, or 4096 as on disks with 4096-byte sectors; default by sector size. */
  recordSize?: number
  /** First sector of the partition on its disk. With heads and sectors per track, a BIOS can boot from the volume. */
  partitionStart?: number
  /** Default 255. */
  heads?: number
  /** Default 63. */
  sectorsPerTrack?: number
  /** Default random. */
  serial?: bigint
}

const MIB = 1024 * 1024
const TIB = 1024 * 1024 * MIB

/** mkntfs and Windows refuse less than 1 MiB, of which the backup boot sector is no part. */
const VOLUME_MIN = MIB
const CLUSTER_MAX = 2 * MIB
/** Windows counts clusters in 32 bits. */
const CLUSTERS_MAX = 0xffff_ffff

function defaultClusterSize(bytes: number, sectorSize: number): number {
  let size = Math.max(4096, sectorSize)
  // 4 KiB up to 16 TiB, then doubled with the volume.
  for (let limit = 16 * TIB; bytes > limit && size < CLUSTER_MAX; limit *= 2) size *= 2
  return size
}

function checkPower(what: string, value: number, low: number, high: number): void {
  if (value >= low && value <= high && Number.isInteger(Math.log2(value))) return
  throw new DiskError('EINVAL', what, { expected: `a power of two in ${low}..${high}`, actual: value })
}

function checkCount(what: string, value: number, high: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= high) return
  throw new DiskError('EINVAL', what, { expected: `0..${high}`, actual: value })
}

/** The geometry of a new volume that fills a container of `size` bytes. */
export function planGeometry(
  size: number,
  blockSize: number,
  options: GeometryOptions,
  serial: bigint,
): Geometry {
  const sectorSize = options.sectorSize ?? blockSize
  checkPower('a sector size', sectorSize, 512, 4096)
  const totalSectors = Math.floor(size / sectorSize) - 1
  const bytes = totalSectors * sectorSize
  if (bytes < VOLUME_MIN) {
    throw new DiskError('EINVAL', 'size of an NTFS volume', {
      expected: `at least ${VOLUME_MIN + sectorSize} bytes`,
      actual: size,
    })
  }
  const clusterSize = options.clusterSize ?? defaultClusterSize(bytes, sectorSize)
  checkPower('a cluster size', clusterSize, sectorSize, CLUSTER_MAX)
  const recordSize = options.recordSize ?? Math.max(1024, sectorSize)
  checkPower('an MFT record size', recordSize, Math.max(1024, sectorSize), 4096)
  const totalClusters = Math.floor(bytes / clusterSize)
  if (totalClusters > CLUSTERS_MAX) {
    throw new DiskError('EINVAL', 'clusters of the volume', {
      expected: `at most ${CLUSTERS_MAX}`,
      actual: totalClusters,
      cure: 'Choose larger clusters',
    })
  }
  const { partitionStart = 0, heads = 255, sectorsPerTrack = 63 } = options
  checkCount('a partition start', partitionStart, 0xffff_ffff)
  checkCount('heads', heads, 0xffff)
  checkCount('sectors per track', sectorsPerTrack, 0xffff)
  return {
    sectorSize,
    clusterSize,
    totalSectors,
    totalClusters,
    // Behind $Boot and a cluster for the bitmap of the records, where mkntfs puts it too.
    mftLcn: Math.max(Math.ceil(16384 / clusterSize), Math.ceil(BOOT_FILE_SIZE / clusterSize) + 1),
    mirrorLcn: Math.floor(totalClusters / 2),
    recordSize,
    indexBlockSize: Math.max(4096, sectorSize),
    serial,
    hiddenSectors: partitionStart,
    sectorsPerTrack,
    heads,
  }
}

/** Bytes of $LogFile, as mkntfs chooses them. */
export function logFileSize(bytes: number): number {
  if (bytes < 2 * MIB) return 256 * 1024
  if (bytes < 4_000_000) return 512 * 1024
  if (bytes <= 200 * MIB) return 2 * MIB
  if (bytes < 12 * 1024 * MIB) return Math.floor(bytes / 200)
  return 64 * MIB
}
