import { ascii, le16, le32, le64 } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { type BlockSource, readBytesSync } from '../source/source.js'

/** Where the parts of an exFAT volume are, in bytes from its start. Names follow Microsoft's exFAT specification 1.00. */
export interface ExfatGeometry {
  sectorSize: number
  clusterSize: number
  /** Data clusters; they are numbered from 2. */
  clusters: number
  fatStart: number
  dataStart: number
  rootCluster: number
  serial: number
  /** The volume was not unmounted. */
  dirty: boolean
  /** The main boot region is damaged and the backup was taken. */
  fromBackup: boolean
}

/** Sectors of a boot region, the last of which holds the checksum of the others. */
const REGION = 12

export function isExfat(source: BlockSource): boolean {
  return source.size >= 512 && ascii(readBytesSync(source, 3, 8), 0, 8) === 'EXFAT   '
}

/** The sum of the first eleven sectors; the fields that change while mounted are left out. */
function regionSum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i++) {
    if (i === 106 || i === 107 || i === 112) continue
    sum = (((sum << 31) | (sum >>> 1)) + (bytes[i] ?? 0)) >>> 0
  }
  return sum
}

function readRegion(source: BlockSource, sectorSize: number, first: number): Uint8Array {
  const position = first * sectorSize
  if (position + REGION * sectorSize > source.size) {
    throw corrupt('an exFAT boot region', position, 'twelve sectors within the volume', source.size)
  }
  const bytes = readBytesSync(source, position, REGION * sectorSize)
  if (ascii(bytes, 3, 8) !== 'EXFAT   ' || le16(bytes, 510) !== 0xaa55) {
    throw corrupt('an exFAT boot sector', position, 'EXFAT and 55AA', ascii(bytes, 3, 8))
  }
  const sum = regionSum(bytes.subarray(0, (REGION - 1) * sectorSize))
  const stored = le32(bytes, (REGION - 1) * sectorSize)
  if (sum !== stored) throw corrupt('the checksum of an exFAT boot region', position, sum, stored)
  return bytes
}

/** The main region, else the backup behind it, with sectors as the main one says or of any size. */
function findRegion(source: BlockSource): { boot: Uint8Array; fromBackup: boolean } {
  const shift = source.size >= 512 ? (readBytesSync(source, 108, 1)[0] ?? 0) : 0
  let failure: unknown
  for (const size of new Set([shift >= 9 && shift <= 12 ? 2 ** shift : 512, 512, 4096])) {
    for (const first of [0, REGION]) {
      try {
        const boot = readRegion(source, size, first)
        if (boot[108] === Math.log2(size)) return { boot, fromBackup: first !== 0 }
      } catch (error) {
        if (!(error instanceof DiskError)) throw error
        failure ??= error
      }
    }
  }
  throw failure ?? corrupt('the sector size of an exFAT volume', 108, '9..12', shift)
}

/** Reads and checks the boot region. `EUCLEAN` tells the first field that is wrong. */
export function readExfatGeometry(source: BlockSource): ExfatGeometry {
  const { boot, fromBackup } = findRegion(source)
  const sectorShift = boot[108] ?? 0
  const clusterShift = boot[109] ?? 0
  const sectorSize = 2 ** sectorShift
  if (sectorShift < 9 || sectorShift > 12)
    throw corrupt('the sector size of an exFAT volume', 108, '9..12', sectorShift)
  if (clusterShift > 25 - sectorShift) {
    throw corrupt('the cluster size of an exFAT volume', 109, `at most ${25 - sectorShift}`, clusterShift)
  }
  if (le16(boot, 104) >> 8 !== 1) {
    throw new DiskError('ENOTSUP', 'an exFAT revision', {
      position: 104,
      expected: '1.x',
      actual: le16(boot, 104),
    })
  }
  const fats = boot[110] ?? 0
  if (fats !== 1 && fats !== 2) throw corrupt('the number of exFAT tables', 110, '1 or 2', fats)
  const flags = le16(boot, 106)
  const fatLength = le32(boot, 84) * sectorSize
  const active = fats === 2 && (flags & 1) !== 0 ? fatLength : 0
  const clusters = le32(boot, 92)
  const clusterSize = sectorSize * 2 ** clusterShift
  const dataStart = le32(boot, 88) * sectorSize
  const fatStart = le32(boot, 80) * sectorSize + active
  const size = le64(boot, 72, 'the exFAT volume length', 0) * sectorSize
  if (size > source.size) throw corrupt('the exFAT volume length', 72, `at most ${source.size} bytes`, size)
  if (clusters < 1 || dataStart + clusters * clusterSize > size) {
    throw corrupt('the clusters of an exFAT volume', 92, `within ${size} bytes`, clusters)
  }
  if (
    fatLength < (clusters + 2) * 4 ||
    fatStart + fatLength > dataStart ||
    fatStart < 2 * REGION * sectorSize
  ) {
    throw corrupt('the exFAT table', 80, 'between boot regions and data, for all clusters', fatStart)
  }
  const rootCluster = le32(boot, 96)
  if (rootCluster < 2 || rootCluster >= clusters + 2) {
    throw corrupt('the root directory of an exFAT volume', 96, `2..${clusters + 1}`, rootCluster)
  }
  const dirty = (flags & 2) !== 0
  return {
    sectorSize,
    clusterSize,
    clusters,
    fatStart,
    dataStart,
    rootCluster,
    serial: le32(boot, 100),
    dirty,
    fromBackup,
  }
}
