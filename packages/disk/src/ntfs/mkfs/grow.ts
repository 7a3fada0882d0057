import { DiskError } from '../../error.js'
import type { BlockSource } from '../../source/source.js'
import { updateNames } from '../files/names-of.js'
import { AttributeType } from '../layout/attribute.js'
import { BOOT_SECTOR_SIZE, encodeBootSector, type Geometry } from '../layout/boot-sector.js'
import { setU64 } from '../layout/bytes.js'
import { SystemRecord } from '../layout/reference.js'
import { HOLE, Runlist } from '../layout/runlist.js'
import { extendMetadata } from '../volume/allocation.js'
import type { Core } from '../volume/core.js'
import { flushCore } from '../volume/flush.js'
import { writeClusters } from '../volume/nonresident.js'
import { openCore } from '../volume/open.js'
import { readStream } from '../volume/stream.js'

/** Where total sectors stand in the boot sector. */
const TOTAL_SECTORS = 0x28

/** Bits of clusters behind the volume are set; those of new clusters are clear. */
function writeBits(core: Core, total: number, size: number): void {
  const bitmap = core.inode(SystemRecord.BITMAP).need(AttributeType.DATA)
  const before = core.storage.geometry.totalClusters
  const start = Math.floor(before / 8)
  const bytes = new Uint8Array(size - start)
  readStream(core.storage, bitmap, start, bytes, 0, bitmap.dataSize - start, 'cache')
  for (let lcn = before; lcn < size * 8; lcn++) {
    const index = (lcn >> 3) - start
    const mask = 1 << (lcn & 7)
    bytes[index] = lcn < total ? (bytes[index] as number) & ~mask : (bytes[index] as number) | mask
    // Whole bytes at once: a volume may grow by millions of clusters.
    if ((lcn & 7) === 0 && lcn + 8 <= total) {
      const whole = Math.floor((total - lcn) / 8)
      bytes.fill(0, index, index + whole)
      lcn += whole * 8 - 1
    }
  }
  bitmap.dataSize = size
  bitmap.initializedSize = size
  writeClusters(core, bitmap.runs as Runlist, start, bytes, 0, bytes.length, 'cache')
}

function writeBootSectors(source: BlockSource, geometry: Geometry, totalSectors: number): void {
  const boot = new Uint8Array(BOOT_SECTOR_SIZE)
  source.readSync(0, boot)
  // Boot code of Windows stays; only a sector that is not one at all is made anew.
  if (Buffer.from(boot.subarray(3, 7)).toString('latin1') !== 'NTFS') boot.set(encodeBootSector(geometry))
  setU64(boot, TOTAL_SECTORS, totalSectors)
  source.writeSync(totalSectors * geometry.sectorSize, boot)
  source.flushSync()
  source.writeSync(0, boot)
  source.flushSync()
}

/**
 * Makes a volume fill its source, after that has become larger (a partition that was moved or extended). Nothing but
 * the free space changes. A power cut leaves the old size or the new one.
 *
 * @returns clusters that the volume has got; 0 when it fills its source already.
 * @throws `EUCLEAN` for a volume that needs a repair first, `EROFS` for a read-only source.
 */
export function grow(source: BlockSource): number {
  const { core, warnings } = openCore(source)
  if (core.readOnly) {
    if (source.readOnly) throw new DiskError('EROFS', 'growing a volume needs a source that can be written')
    throw new DiskError('EUCLEAN', `the volume cannot grow: ${warnings.join(', ')}`, {
      cure: 'Repair it first',
    })
  }
  const { geometry } = core.storage
  const { clusterSize, sectorSize, totalClusters } = geometry
  const totalSectors = Math.floor(source.size / sectorSize) - 1
  const total = Math.min(0xffff_ffff, Math.floor((totalSectors * sectorSize) / clusterSize))
  if (total <= totalClusters) return 0
  const flush = () => flushCore(core, (inode) => updateNames(core, inode), false)
  const inode = core.inode(SystemRecord.BITMAP)
  const bitmap = inode.need(AttributeType.DATA)
  const size = Math.ceil(total / 64) * 8
  extendMetadata(core, bitmap, core.storage.clusters(size))
  core.touch(inode)
  flush()
  writeBits(core, total, size)
  core.touch(inode)
  core.stale.add(inode)
  const badFile = core.inode(SystemRecord.BAD_CLUSTERS)
  const bad = badFile.need(AttributeType.DATA, '$Bad')
  bad.runs ??= new Runlist()
  bad.runs.append(HOLE, total - bad.runs.clusters)
  bad.allocatedSize = total * clusterSize
  bad.dataSize = total * clusterSize
  core.touch(badFile)
  flush()
  writeBootSectors(source, geometry, totalSectors)
  return total - totalClusters
}
