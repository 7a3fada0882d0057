import { DiskError } from '../error.js'
import type { BlockSource } from '../source/source.js'
import { isHibernated } from './files/hibernation.js'
import { setVolumeInformation } from './files/metadata.js'
import { updateNames } from './files/names-of.js'
import { AttributeType } from './layout/attribute.js'
import type { Geometry } from './layout/boot-sector.js'
import { utf16, utf16Bytes } from './layout/bytes.js'
import type { FileTime } from './layout/filetime.js'
import type { LogState } from './layout/log-file.js'
import { SystemRecord } from './layout/reference.js'
import { encodeVolumeInformation, VolumeFlag, type VolumeInformation } from './layout/volume-information.js'
import type { OpenOptions, VolumeSpace } from './options.js'
import type { Core } from './volume/core.js'
import { flushCore } from './volume/flush.js'
import type { Inode } from './volume/inode.js'
import { emptyLog } from './volume/log.js'
import { openCore } from './volume/open.js'
import { setWhole } from './volume/stream-write.js'

/** The volume as a whole: how it was found, its label, its space, and its way from the first change to the close. */
export class OpenVolume {
  readonly warnings: readonly string[]
  /** State of $LogFile when the volume was opened. */
  readonly log: LogState
  protected readonly core: Core
  protected readonly options: OpenOptions
  #information: VolumeInformation
  #closed = false

  constructor(source: BlockSource, options: OpenOptions) {
    const { core, information, log, warnings } = openCore(source, options)
    this.core = core
    this.options = options
    this.#information = information
    this.log = log
    if (isHibernated(core)) {
      this.warnings = [
        ...warnings,
        'Windows is hibernated on this volume (hiberfil.sys): it would overwrite changes',
      ]
      if (options.force !== true) core.readOnly = true
    } else this.warnings = warnings
    if (options.journal === false) core.journal = null
    if (!core.readOnly) core.beforeChange = () => this.#markDirty()
  }

  get geometry(): Geometry {
    return this.core.storage.geometry
  }

  /** The time that a change gets now, 100 ns since 1601. */
  now(): FileTime {
    return this.core.clock()
  }

  get readOnly(): boolean {
    return this.core.readOnly
  }

  /** Version and flags of $Volume as they were at the opening. */
  get information(): VolumeInformation {
    return this.#information
  }

  get label(): string {
    const value = this.core.inode(SystemRecord.VOLUME).find(AttributeType.VOLUME_NAME)?.value
    return value === null || value === undefined ? '' : utf16(value, 0, value.length >> 1)
  }

  set label(label: string) {
    if (label.length > 128) {
      throw new DiskError('EINVAL', 'a volume label', {
        expected: 'at most 128 UTF-16 units',
        actual: label.length,
      })
    }
    this.core.change()
    const inode = this.core.inode(SystemRecord.VOLUME)
    setWhole(this.core, inode, inode.need(AttributeType.VOLUME_NAME), utf16Bytes(label))
  }

  #markDirty(): void {
    const core = this.core
    if (this.log !== 'empty') emptyLog(core)
    const flags = this.#information.flags | VolumeFlag.DIRTY
    setVolumeInformation(core, encodeVolumeInformation({ ...this.#information, flags }))
    this.flush()
  }

  protected inode(number: number): Inode {
    if (this.#closed) throw new DiskError('EBADF', 'the volume is closed')
    this.core.trim()
    return this.core.inode(number)
  }

  /** Room for an operation on metadata, also when contents have filled the volume. */
  protected makeRoom(clusters: number): void {
    const core = this.core
    if (core.readOnly) return
    if (core.full) this.flush()
    const need = clusters + core.clusters.metadataReserve
    if (core.clusters.hasFreed && !core.clusters.hasRoom(need)) this.flush()
  }

  protected makeRoomForName(): void {
    this.makeRoom(0)
    const { clusters, readOnly } = this.core
    if (readOnly || clusters.hasRoom(clusters.metadataReserve >> 1)) return
    throw new DiskError('ENOSPC', 'no clusters are free for metadata', { actual: clusters.freeNow })
  }

  space(): VolumeSpace {
    const { clusters, mft, records } = this.core
    return {
      clusterSize: this.geometry.clusterSize,
      totalClusters: clusters.total,
      freeClusters: clusters.free,
      files: mft.recordCount - records.free,
    }
  }

  /** Brings all changes to the source, durably. */
  flush(): void {
    flushCore(this.core, (inode) => updateNames(this.core, inode), this.options.discard === true)
  }

  /** Flushes and marks the volume clean. The source stays open. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const core = this.core
    if (core.readOnly || core.beforeChange !== null) return
    this.flush()
    setVolumeInformation(core, encodeVolumeInformation(this.#information))
    this.flush()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
