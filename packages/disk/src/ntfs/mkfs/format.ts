import { randomBytes } from 'node:crypto'
import { DiskError } from '../../error.js'
import type { BlockSource } from '../../source/source.js'
import { updateNames } from '../files/names-of.js'
import { shrinkRoots } from '../index/open-index.js'
import { Attribute, AttributeType } from '../layout/attribute.js'
import { BOOT_FILE_SIZE, BOOT_SECTOR_SIZE, encodeBootSector, type Geometry } from '../layout/boot-sector.js'
import { big64 } from '../layout/bytes.js'
import { type FileTime, fileTimeOfMs } from '../layout/filetime.js'
import { FIRST_USER_RECORD, SystemRecord } from '../layout/reference.js'
import { Runlist } from '../layout/runlist.js'
import { standardUpcase } from '../layout/upcase.js'
import { addAttribute } from '../volume/attributes.js'
import { Clusters } from '../volume/clusters.js'
import { Core } from '../volume/core.js'
import { flushCore } from '../volume/flush.js'
import type { Inode } from '../volume/inode.js'
import { Mft, MIRRORED_RECORDS } from '../volume/mft.js'
import { growMft } from '../volume/mft-grow.js'
import { freeRecord, Records } from '../volume/records.js'
import { Storage } from '../volume/storage.js'
import { type GeometryOptions, logFileSize, planGeometry } from './geometry.js'
import {
  addRuns,
  attachSystemName,
  makeAttributeDefinitions,
  makeBadClusters,
  makeBoot,
  makeExtend,
  makeReserved,
  makeRoot,
  makeSecure,
  makeUpcase,
  makeVolumeFile,
  systemInode,
} from './system-files.js'

export interface FormatOptions extends GeometryOptions {
  /** Up to 128 UTF-16 units; default none. */
  label?: string
  /** The time of all files, default now. */
  time?: FileTime
  /** Writes zeros over the whole volume first. Default false: only what a new volume needs is written. */
  full?: boolean
  /** True when the source reads as zeros everywhere, as a new sparse file does: spares writing them again. */
  zeroed?: boolean
}

/** UTF-16 units of a label: $AttrDef allows 256 bytes. */
const LABEL_MAX = 128

/** Records that a new volume uses. */
const RECORDS = 27

/** Bytes of one write when areas are filled. */
const FILL = 1 << 20

function fill(source: BlockSource, position: number, length: number, value: number): void {
  const bytes = new Uint8Array(Math.min(FILL, length)).fill(value)
  for (let done = 0; done < length; done += bytes.length) {
    source.writeSync(position + done, bytes, 0, Math.min(bytes.length, length - done))
  }
}

function streamOf(storage: Storage, lcn: number, clusters: number, size: number): Attribute {
  const attribute = new Attribute(AttributeType.DATA, '', null)
  attribute.runs = Runlist.of(lcn, clusters)
  attribute.allocatedSize = clusters * storage.geometry.clusterSize
  attribute.dataSize = size
  attribute.initializedSize = size
  return attribute
}

/** The parts of an empty volume that everything else stands on: $MFT and $Bitmap, not yet written. */
class Foundation {
  readonly core: Core
  readonly #bootClusters: number
  readonly #mftClusters: number
  readonly #bitmapLcn: number
  readonly #bitmapData: Attribute

  constructor(source: BlockSource, geometry: Geometry, time: FileTime, zeroed: boolean) {
    const storage = new Storage(source, geometry)
    const { clusterSize, recordSize, totalClusters, mftLcn } = geometry
    this.#bootClusters = storage.clusters(BOOT_FILE_SIZE)
    this.#mftClusters = storage.clusters(Math.ceil((RECORDS * recordSize) / clusterSize) * clusterSize)
    const mftSize = Math.max(RECORDS * recordSize, clusterSize)
    const bitmapSize = Math.ceil(totalClusters / 64) * 8
    this.#bitmapLcn = mftLcn + Math.max(this.#mftClusters, Math.floor(totalClusters / 8))
    const bitmapClusters = storage.clusters(bitmapSize)
    if (!zeroed) fill(source, storage.position(this.#bitmapLcn), bitmapClusters * clusterSize, 0)
    this.#bitmapData = streamOf(storage, this.#bitmapLcn, bitmapClusters, bitmapSize)
    const mft = new Mft(storage, streamOf(storage, mftLcn, this.#mftClusters, mftSize))
    this.core = new Core({
      storage,
      mft,
      upcase: standardUpcase(),
      clusters: new Clusters(storage, this.#bitmapData),
      records: new Records(mft, new Uint8Array(8)),
      readOnly: false,
      clock: () => time,
    })
    this.core.records.grow = (count) => growMft(this.core, count)
    this.core.shrinkRoot = (inode) => shrinkRoots(this.core, inode)
    this.#reserve(bitmapSize, bitmapClusters)
    for (let number = 0; number < mft.recordCount; number++) {
      const sequence = number < FIRST_USER_RECORD ? Math.max(1, number) : 1
      mft.writeRaw(number, freeRecord(recordSize, number, sequence, 1))
    }
  }

  #reserve(bitmapSize: number, bitmapClusters: number): void {
    const { clusters, storage } = this.core
    const { totalClusters, mftLcn } = storage.geometry
    clusters.reserve(0, this.#bootClusters)
    clusters.reserve(mftLcn, this.#mftClusters)
    clusters.reserve(this.#bitmapLcn, bitmapClusters)
    clusters.reserve(totalClusters, bitmapSize * 8 - totalClusters)
  }

  /** The files that describe what was laid out above, and the mirror and the log in the middle of the volume. */
  makeFiles(label: string): void {
    const { core } = this
    const { storage } = core
    const { recordSize, clusterSize, mirrorLcn, totalSectors, sectorSize } = storage.geometry
    const mirrorSize = Math.max(MIRRORED_RECORDS * recordSize, clusterSize)
    const mirrorClusters = storage.clusters(mirrorSize)
    core.clusters.reserve(mirrorLcn, mirrorClusters)
    core.storage.cache.write(storage.position(mirrorLcn), new Uint8Array(mirrorClusters * clusterSize))
    const logSize = Math.floor(logFileSize(totalSectors * sectorSize) / clusterSize) * clusterSize
    const log = core.clusters.allocate(storage.clusters(logSize), mirrorLcn + mirrorClusters)
    const logRuns = new Runlist()
    for (const { lcn, length } of log) {
      logRuns.append(lcn, length)
      fill(storage.source, storage.position(lcn), length * clusterSize, 0xff)
    }
    const mft = systemInode(core, { number: SystemRecord.MFT })
    const data = core.mft.data
    core.mft.data = addRuns(core, mft, '', data.runs as Runlist, data.dataSize)
    this.#addRecordBitmap(core)
    const root = makeRoot(core)
    attachSystemName(core, mft, root, '$MFT')
    this.#addStream(
      SystemRecord.MFT_MIRROR,
      root,
      '$MFTMirr',
      Runlist.of(mirrorLcn, mirrorClusters),
      mirrorSize,
    )
    this.#addStream(SystemRecord.LOG_FILE, root, '$LogFile', logRuns, logSize)
    makeVolumeFile(core, root, label)
    makeAttributeDefinitions(core, root)
    const bitmap = this.#bitmapData
    this.#addStream(SystemRecord.BITMAP, root, '$Bitmap', bitmap.runs as Runlist, bitmap.dataSize)
    makeBoot(core, root, this.#bootClusters)
    makeBadClusters(core, root)
    makeUpcase(core, root)
    makeSecure(core, root)
    makeExtend(core, root)
    makeReserved(core)
  }

  #addStream(number: number, root: Inode, name: string, runs: Runlist, size: number): void {
    const inode = systemInode(this.core, { number })
    addRuns(this.core, inode, '', runs, size)
    attachSystemName(this.core, inode, root, name)
  }

  /** $MFT:$BITMAP, on the cluster between $Boot and $MFT. */
  #addRecordBitmap(core: Core): void {
    const mft = core.inode(SystemRecord.MFT)
    const bitmap = new Attribute(AttributeType.BITMAP, '', new Uint8Array(8))
    addAttribute(core, mft, bitmap)
    core.clusters.reserve(this.#bootClusters, 1)
    const runs = Runlist.of(this.#bootClusters, 1)
    bitmap.value = null
    bitmap.runs = runs
    bitmap.allocatedSize = core.storage.geometry.clusterSize
    core.storage.cache.write(core.storage.position(this.#bootClusters), new Uint8Array(8))
  }
}

/**
 * Makes an empty NTFS 3.1 volume that fills a source: the files, the descriptors and the places that mkntfs chooses.
 * With a fixed serial and time the result is the same byte for byte.
 *
 * @throws `EINVAL` for impossible options or a source below 1 MiB.
 */
export function format(source: BlockSource, options: FormatOptions = {}): Geometry {
  const label = options.label ?? ''
  if (label.length > LABEL_MAX) {
    throw new DiskError('EINVAL', 'a volume label', {
      expected: `at most ${LABEL_MAX} UTF-16 units`,
      actual: label.length,
    })
  }
  const serial = options.serial ?? big64(randomBytes(8), 0)
  const geometry = planGeometry(source.size, source.blockSize, options, serial)
  if (options.full === true) fill(source, 0, source.size, 0)
  const time = options.time ?? fileTimeOfMs(Date.now())
  const foundation = new Foundation(source, geometry, time, options.full === true || options.zeroed === true)
  foundation.makeFiles(label)
  flushCore(foundation.core, (inode) => updateNames(foundation.core, inode), false)
  const boot = encodeBootSector(geometry)
  const backup = new Uint8Array(geometry.sectorSize)
  backup.set(boot.subarray(0, BOOT_SECTOR_SIZE))
  source.writeSync(geometry.totalSectors * geometry.sectorSize, backup)
  // The first sector last: a volume that was not finished is not taken for one.
  source.writeSync(0, boot)
  source.flushSync()
  return geometry
}
