import { corrupt, DiskError } from '../../error.js'
import { type Attribute, AttributeType } from '../layout/attribute.js'
import { type FileRecord, isBlank, RecordFlag, readRecord } from '../layout/file-record.js'
import { HOLE } from '../layout/runlist.js'
import type { Storage } from './storage.js'

/** Records that $MFTMirr repeats at least; in larger clusters it has room for more, which not every writer keeps current. */
export const MIRRORED_RECORDS = 4

/** Finds MFT records on the volume. Their place is the $DATA of record 0, which is read first of all. */
export class Mft {
  readonly storage: Storage
  /** $MFT:$DATA. */
  data: Attribute
  /** One of the records that $MFTMirr repeats was written. */
  mirrorBehind = false

  constructor(storage: Storage, data: Attribute) {
    this.storage = storage
    this.data = data
  }

  /** Records that the $MFT has room for. */
  get recordCount(): number {
    return Math.floor(this.data.dataSize / this.storage.geometry.recordSize)
  }

  /** Records that $MFTMirr repeats: four, or as many as fill its first cluster. */
  get mirrored(): number {
    const { clusterSize, recordSize } = this.storage.geometry
    return Math.min(this.recordCount, Math.max(MIRRORED_RECORDS, Math.floor(clusterSize / recordSize)))
  }

  /** Byte position of a record on the volume. */
  position(number: number): number {
    const { clusterSize, recordSize } = this.storage.geometry
    const offset = number * recordSize
    const run = this.data.runs?.from(Math.floor(offset / clusterSize))
    if (run === null || run === undefined || run.lcn === HOLE) {
      throw new DiskError('EUCLEAN', `MFT record ${number} lies outside of the $MFT`, {
        expected: `0..${this.recordCount - 1}`,
        actual: number,
      })
    }
    return this.storage.position(run.lcn) + (offset % clusterSize)
  }

  /** The bytes of a record as they are on the disk, and their position. */
  readRaw(number: number): { bytes: Uint8Array; position: number } {
    if (!(number >= 0 && number < this.recordCount)) {
      throw new DiskError('EUCLEAN', `MFT record ${number} lies outside of the $MFT`, {
        expected: `0..${this.recordCount - 1}`,
        actual: number,
      })
    }
    const { recordSize, clusterSize } = this.storage.geometry
    const position = this.position(number)
    const cache = this.storage.cache
    if (recordSize <= clusterSize) return { bytes: cache.read(position, recordSize), position }
    // Clusters smaller than a record need not lie beside each other.
    const bytes = new Uint8Array(recordSize)
    const perRecord = recordSize / clusterSize
    for (let i = 0; i < perRecord; i++) {
      bytes.set(cache.read(this.#clusterPosition(number * perRecord + i), clusterSize), i * clusterSize)
    }
    return { bytes, position }
  }

  #clusterPosition(vcn: number): number {
    const run = this.data.runs?.from(vcn)
    if (run === null || run === undefined || run.lcn === HOLE) {
      throw new DiskError('EUCLEAN', `cluster ${vcn} of the $MFT is not on the volume`)
    }
    return this.storage.position(run.lcn)
  }

  /** Writes a record that is encoded with its fixups. */
  writeRaw(number: number, bytes: Uint8Array): void {
    const { recordSize, clusterSize } = this.storage.geometry
    if (number < this.mirrored) this.mirrorBehind = true
    if (recordSize <= clusterSize) {
      this.storage.cache.write(this.position(number), bytes)
      return
    }
    const perRecord = recordSize / clusterSize
    for (let i = 0; i < perRecord; i++) {
      const part = bytes.subarray(i * clusterSize, (i + 1) * clusterSize)
      this.storage.cache.write(this.#clusterPosition(number * perRecord + i), part)
    }
  }

  /** A record in use; `EUCLEAN` when it is damaged or free. */
  read(number: number): { record: FileRecord; position: number } {
    const { bytes, position } = this.readRaw(number)
    if (isBlank(bytes)) throw corrupt(`MFT record ${number}`, position, 'a FILE record', 'a blank record')
    const record = readRecord(bytes, this.storage.limits, position)
    if ((record.header.flags & RecordFlag.IN_USE) === 0) {
      throw corrupt(`MFT record ${number}`, position + 0x16, 'a record in use', 'a free one')
    }
    return { record, position }
  }
}

/** Reads record 0 where the boot sector says, and makes the $MFT readable as far as that record maps it. */
export function openMft(storage: Storage, lcn: number): Mft {
  const position = storage.position(lcn)
  const bytes = storage.cache.read(position, storage.geometry.recordSize)
  const record = readRecord(bytes, storage.limits, position)
  for (const { attribute, lowestVcn } of record.extents) {
    if (attribute.type !== AttributeType.DATA || attribute.name !== '' || lowestVcn !== 0) continue
    if (attribute.runs === null || attribute.runs.from(0)?.lcn !== lcn) break
    return new Mft(storage, attribute)
  }
  throw corrupt('$DATA of the $MFT', position, `a first run at cluster ${lcn}`, 'another one or none')
}
