import { AttributeType } from '../layout/attribute.js'
import { SystemRecord } from '../layout/reference.js'
import { extendMetadata } from './allocation.js'
import type { Core } from './core.js'
import { freeRecord } from './records.js'
import { writeStream } from './stream-write.js'

/** Least and most records of one growth; between them the $MFT grows by an eighth. */
const GROWTH_MIN = 64
const GROWTH_MAX = 4096

/** Adds records to the $MFT, formatted and free, so that it has at least `count`. */
export function growMft(core: Core, count: number): void {
  const { recordSize, clusterSize } = core.storage.geometry
  const before = core.mft.recordCount
  const preferred = Math.min(GROWTH_MAX, Math.max(GROWTH_MIN, before >> 3, count - before))
  const inode = core.inode(SystemRecord.MFT)
  const data = core.mft.data
  // Whole clusters; with clusters smaller than a record, whole records.
  const unit = Math.max(recordSize, clusterSize)
  const sizeFor = (growth: number) => Math.ceil(((before + growth) * recordSize) / unit) * unit
  const { clusters } = core
  // On a full volume only what is needed now: what is kept back is for this.
  const room = clusters.hasRoom(
    sizeFor(preferred) / clusterSize - (data.runs?.clusters ?? 0) + clusters.metadataReserve,
  )
  const target = sizeFor(room ? preferred : count - before)
  extendMetadata(core, data, target / clusterSize)
  data.dataSize = target
  data.initializedSize = target
  const after = core.mft.recordCount
  for (let number = before; number < after; number++) {
    core.mft.writeRaw(number, freeRecord(recordSize, number, 1, 1))
  }
  core.records.grown(before, after - before)
  core.touch(inode)
}

/** Writes the changed part of $MFT:$BITMAP, which grows with the $MFT. */
export function flushRecords(core: Core): void {
  const inode = core.inode(SystemRecord.MFT)
  const bitmap = inode.need(AttributeType.BITMAP)
  core.records.flush((position, bytes, size) => {
    writeStream(core, inode, bitmap, position, bytes)
    if (bitmap.dataSize < size) {
      writeStream(core, inode, bitmap, bitmap.dataSize, new Uint8Array(size - bitmap.dataSize))
    }
  })
}
