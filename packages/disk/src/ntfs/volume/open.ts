import { DiskError } from '../../error.js'
import type { BlockSource } from '../../source/source.js'
import { shrinkRoots } from '../index/open-index.js'
import { type Attribute, AttributeType } from '../layout/attribute.js'
import { BOOT_SECTOR_SIZE, type Geometry, parseBootSector } from '../layout/boot-sector.js'
import { type FileTime, fileTimeOfMs } from '../layout/filetime.js'
import { type LogState, logState } from '../layout/log-file.js'
import { SystemRecord } from '../layout/reference.js'
import { parseUpcase, standardUpcase } from '../layout/upcase.js'
import { readVolumeInformation, VolumeFlag, type VolumeInformation } from '../layout/volume-information.js'
import { Clusters } from './clusters.js'
import { Core } from './core.js'
import { loadInode } from './inode-load.js'
import { findHead, replayJournal } from './journal.js'
import { type Mft, openMft } from './mft.js'
import { growMft } from './mft-grow.js'
import { Records } from './records.js'
import { Storage } from './storage.js'
import { readStream, readWhole } from './stream.js'

export interface VolumeOptions {
  /** Default: as the source. A damaged or unclean volume is opened for reading only, unless `force`. */
  readOnly?: boolean
  /** Opens for writing although the volume is dirty, its log is not empty, or a structure is damaged. */
  force?: boolean
  /** The time of changes, default the clock of the machine. A fixed one makes images reproducible. */
  clock?: () => FileTime
  /** Bytes of memory for metadata that could be read again, default 64 MiB. */
  cacheBytes?: number
}

/** What opening a volume has found. */
export interface Opened {
  readonly core: Core
  readonly information: VolumeInformation
  readonly log: LogState
  /** Why the volume is read-only although it was asked for writing, and what else looked wrong. */
  readonly warnings: string[]
}

function readSector(source: BlockSource, position: number): Uint8Array {
  const sector = new Uint8Array(BOOT_SECTOR_SIZE)
  source.readSync(position, sector)
  return sector
}

/** The geometry from the boot sector, or from its backup behind the volume when that is damaged. */
export function readGeometry(source: BlockSource, warnings: string[]): Geometry {
  if (source.size < BOOT_SECTOR_SIZE) {
    throw new DiskError('EUCLEAN', 'no NTFS volume', { expected: 'at least 512 bytes', actual: source.size })
  }
  try {
    return parseBootSector(readSector(source, 0), 0, source.size)
  } catch (error) {
    for (const size of [512, source.blockSize, 4096]) {
      const position = Math.floor(source.size / size) * size - size
      if (position <= 0) continue
      try {
        const geometry = parseBootSector(readSector(source, position), position, source.size)
        warnings.push(
          `the boot sector is damaged, its backup at byte ${position} is used (${(error as Error).message})`,
        )
        return geometry
      } catch {}
    }
    throw error
  }
}

function readLog(mft: Mft, warnings: string[]): LogState {
  try {
    const data = loadInode(mft, SystemRecord.LOG_FILE).need(AttributeType.DATA)
    const first = new Uint8Array(8192)
    readStream(mft.storage, data, 0, first, 0, first.length, 'cache')
    return logState(first)
  } catch (error) {
    warnings.push(`$LogFile cannot be read: ${(error as Error).message}`)
    return 'damaged'
  }
}

function readUpcase(mft: Mft, warnings: string[]): Uint16Array {
  try {
    const data = loadInode(mft, SystemRecord.UPCASE).need(AttributeType.DATA)
    return parseUpcase(readWhole(mft.storage, data, 131072))
  } catch (error) {
    warnings.push(`$UpCase cannot be read, the standard table is used: ${(error as Error).message}`)
    return standardUpcase()
  }
}

/** The version that is written: that of Windows XP and all later ones. */
export function isWritten({ majorVersion, minorVersion }: VolumeInformation): boolean {
  return majorVersion === 3 && minorVersion === 1
}

function readOnlyReasons(information: VolumeInformation, log: LogState): string[] {
  const reasons: string[] = []
  if ((information.flags & VolumeFlag.DIRTY) !== 0) reasons.push('the volume is marked dirty')
  if (log === 'open') reasons.push('$LogFile holds transactions that only Windows can replay')
  if (log === 'damaged') reasons.push('$LogFile is damaged')
  if (!isWritten(information)) {
    reasons.push(`NTFS ${information.majorVersion}.${information.minorVersion} is read, not written`)
  }
  return reasons
}

/** The $MFT has no holes, so it cannot be longer than its clusters: no count that follows from it is out of bounds. */
function checkMft(mft: Mft): void {
  const bytes = (mft.data.runs?.allocated ?? 0) * mft.storage.geometry.clusterSize
  if (mft.data.dataSize <= bytes) return
  throw new DiskError('EUCLEAN', 'size of the $MFT', {
    expected: `at most ${bytes}`,
    actual: mft.data.dataSize,
  })
}

/** The bits of the records that exist; a bitmap may be longer. */
function readRecordBits(mft: Mft, bitmap: Attribute): Uint8Array {
  const bits = new Uint8Array(Math.ceil(mft.recordCount / 64) * 8)
  readStream(mft.storage, bitmap, 0, bits, 0, bits.length, 'cache')
  return bits
}

/** Reads the metadata of a volume that everything else needs. */
export function openCore(source: BlockSource, options: VolumeOptions = {}): Opened {
  const warnings: string[] = []
  const geometry = readGeometry(source, warnings)
  const storage = new Storage(source, geometry, options.cacheBytes)
  const readOnly = (options.readOnly ?? false) || source.readOnly
  if (replayJournal(storage, readOnly)) warnings.push('a flush that was cut off has been finished')
  const mft = openMft(storage, geometry.mftLcn)
  const mftInode = loadInode(mft, SystemRecord.MFT)
  mft.data = mftInode.need(AttributeType.DATA)
  checkMft(mft)
  const volume = loadInode(mft, SystemRecord.VOLUME)
  const information = readVolumeInformation(
    volume.need(AttributeType.VOLUME_INFORMATION).value ?? new Uint8Array(0),
  )
  const log = readLog(mft, warnings)
  const upcase = readUpcase(mft, warnings)
  warnings.push(...readOnlyReasons(information, log))
  const bitmap = loadInode(mft, SystemRecord.BITMAP)
  const bits = readRecordBits(mft, mftInode.need(AttributeType.BITMAP))
  const core = new Core({
    storage,
    mft,
    upcase,
    clusters: new Clusters(storage, bitmap.need(AttributeType.DATA)),
    records: new Records(mft, bits),
    readOnly: readOnly || (warnings.length > 0 && options.force !== true),
    clock: options.clock ?? (() => fileTimeOfMs(Date.now())),
  })
  core.journal = log === 'damaged' ? null : findHead(storage)
  core.adopt(mftInode)
  core.adopt(bitmap)
  core.records.grow = (count) => growMft(core, count)
  core.shrinkRoot = (inode) => shrinkRoots(core, inode)
  return { core, information, log, warnings }
}
