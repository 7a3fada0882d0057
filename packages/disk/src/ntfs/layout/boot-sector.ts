import { corrupt } from '../../error.js'
import { big64, setBig64, setU16, setU32, setU64, u16, u32, u64 } from './bytes.js'

/** What a boot sector says about a volume. All lengths are bytes unless the name says otherwise. */
export interface Geometry {
  readonly sectorSize: number
  readonly clusterSize: number
  /** Sectors of the volume: the container's sectors less the one of the backup boot sector. */
  readonly totalSectors: number
  /** Whole clusters of the volume. */
  readonly totalClusters: number
  readonly mftLcn: number
  readonly mirrorLcn: number
  readonly recordSize: number
  readonly indexBlockSize: number
  readonly serial: bigint
  /** For the BIOS: sectors before the partition, its sectors per track and heads. */
  readonly hiddenSectors: number
  readonly sectorsPerTrack: number
  readonly heads: number
}

/** Bytes of the $Boot file, of which the boot sector is the first 512. */
export const BOOT_FILE_SIZE = 8192
export const BOOT_SECTOR_SIZE = 512

/** Windows 10 (since 1703) formats up to 2 MiB; nothing larger exists. */
const CLUSTER_SIZE_MAX = 2 * 1024 * 1024
const CLUSTER_SIZE_MIN = 256
/** NTFS-3G also accepts sectors of 256 bytes; disks have 512 to 4096. */
const SECTOR_SIZE_MIN = 256
const SECTOR_SIZE_MAX = 4096
/** Record and index block sizes that make sense: fixups need whole strides, the USA must lie in the first one. */
const BLOCK_SIZE_MIN = 512
const BLOCK_SIZE_MAX = 65536

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(Math.log2(n))
}

function inRange(n: number, low: number, high: number): boolean {
  return n >= low && n <= high && isPowerOfTwo(n)
}

/** Record and index block sizes: positive counts clusters, negative is minus the logarithm of the bytes. */
function codedSize(code: number, clusterSize: number): number {
  const signed = (code << 24) >> 24
  return signed > 0 ? signed * clusterSize : 2 ** -signed
}

function encodeSize(bytes: number, clusterSize: number): number {
  return bytes >= clusterSize ? bytes / clusterSize : -Math.log2(bytes) & 0xff
}

function sectorsPerCluster(code: number): number {
  return code > 0x80 ? 2 ** (256 - code) : code
}

/**
 * Reads and checks one boot sector.
 *
 * @param sourceSize bytes of the container, which must hold all sectors that are named.
 * @throws `EUCLEAN` with the position of the first field that no reader would accept.
 */
export function parseBootSector(b: Uint8Array, position: number, sourceSize: number): Geometry {
  const fail = (what: string, at: number, expected: unknown, actual: unknown) => {
    throw corrupt(`${what} in the boot sector`, position + at, expected, actual)
  }
  const name = String.fromCharCode(...b.subarray(3, 11))
  if (name !== 'NTFS    ') fail('signature', 3, 'NTFS    ', name.replace(/[^ -~]/g, '.'))
  const sectorSize = u16(b, 0x0b)
  if (!inRange(sectorSize, SECTOR_SIZE_MIN, SECTOR_SIZE_MAX))
    fail('bytes per sector', 0x0b, '256..4096', sectorSize)
  const clusterSize = sectorSize * sectorsPerCluster(b[0x0d] as number)
  if (!inRange(clusterSize, CLUSTER_SIZE_MIN, CLUSTER_SIZE_MAX)) {
    fail('sectors per cluster', 0x0d, 'clusters up to 2 MiB', b[0x0d])
  }
  const totalSectors = u64(b, 0x28)
  const totalClusters = Math.floor((totalSectors * sectorSize) / clusterSize)
  if (totalSectors * sectorSize > sourceSize || totalClusters < 1) {
    fail('total sectors', 0x28, `1..${Math.floor(sourceSize / sectorSize)}`, totalSectors)
  }
  const mftLcn = u64(b, 0x30)
  if (mftLcn < 1 || mftLcn >= totalClusters) fail('$MFT cluster', 0x30, `1..${totalClusters - 1}`, mftLcn)
  const mirrorLcn = u64(b, 0x38)
  if (mirrorLcn < 1 || mirrorLcn >= totalClusters) {
    fail('$MFTMirr cluster', 0x38, `1..${totalClusters - 1}`, mirrorLcn)
  }
  const recordSize = codedSize(b[0x40] as number, clusterSize)
  if (!inRange(recordSize, BLOCK_SIZE_MIN, BLOCK_SIZE_MAX))
    fail('MFT record size', 0x40, '512..65536', recordSize)
  const indexBlockSize = codedSize(b[0x44] as number, clusterSize)
  if (!inRange(indexBlockSize, BLOCK_SIZE_MIN, CLUSTER_SIZE_MAX)) {
    fail('index block size', 0x44, '512..2097152', indexBlockSize)
  }
  return {
    sectorSize,
    clusterSize,
    totalSectors,
    totalClusters,
    mftLcn,
    mirrorLcn,
    recordSize,
    indexBlockSize,
    serial: big64(b, 0x48),
    hiddenSectors: u32(b, 0x1c),
    sectorsPerTrack: u16(b, 0x18),
    heads: u16(b, 0x1a),
  }
}

/** One boot sector with no boot code: a BIOS that jumps to it halts (`hlt`, `jmp` back to it) instead of running on. */
export function encodeBootSector(g: Geometry): Uint8Array {
  const b = new Uint8Array(BOOT_SECTOR_SIZE)
  b.set([0xeb, 0x52, 0x90])
  b.set(Buffer.from('NTFS    ', 'latin1'), 3)
  setU16(b, 0x0b, g.sectorSize)
  const perCluster = g.clusterSize / g.sectorSize
  b[0x0d] = perCluster > 0x80 ? 256 - Math.log2(perCluster) : perCluster
  b[0x15] = 0xf8
  setU16(b, 0x18, g.sectorsPerTrack)
  setU16(b, 0x1a, g.heads)
  setU32(b, 0x1c, g.hiddenSectors)
  setU32(b, 0x24, 0x0080_0080)
  setU64(b, 0x28, g.totalSectors)
  setU64(b, 0x30, g.mftLcn)
  setU64(b, 0x38, g.mirrorLcn)
  b[0x40] = encodeSize(g.recordSize, g.clusterSize)
  b[0x44] = encodeSize(g.indexBlockSize, g.clusterSize)
  setBig64(b, 0x48, g.serial)
  b.set([0xfa, 0xf4, 0xeb, 0xfd], 0x54)
  setU16(b, 0x1fe, 0xaa55)
  return b
}
