import { DiskError } from '../../error.js'
import type { Attribute } from '../layout/attribute.js'
import { HOLE, type Runlist } from '../layout/runlist.js'
import {
  clustersFor,
  extendRuns,
  fillHoles,
  makeSparse,
  UNIT_CLUSTERS,
  writeZeros,
} from '../volume/allocation.js'
import type { Core } from '../volume/core.js'
import { attributeRoom } from '../volume/fit.js'
import type { Inode } from '../volume/inode.js'
import { makeNonResident } from '../volume/nonresident.js'
import { truncateStream, writeStream } from '../volume/stream-write.js'
import { markModified } from './create.js'
import { streamOf } from './streams.js'

/** Bytes of zeros that are written at once through compression. */
const PIECE = 1 << 20

function checkRange(position: number, length: number): void {
  if (Number.isSafeInteger(position + length) && position >= 0 && length > 0) return
  throw new DiskError('EINVAL', 'a range of a file', {
    expected: 'at least a byte',
    actual: `${position}+${length}`,
  })
}

/**
 * Takes clusters for a range, so that writing there cannot fail for want of room. The range reads as before, its new
 * part as zeros.
 *
 * @param keepSize the file's size stays; clusters behind it are given back when the file is closed.
 * @throws `ENOSPC`; `ENOTSUP` for a compressed stream, whose need is not known before it is written.
 */
export function allocateRange(
  core: Core,
  inode: Inode,
  stream: string,
  position: number,
  length: number,
  keepSize: boolean,
): void {
  checkRange(position, length)
  const attribute = streamOf(inode, stream)
  if (attribute.compressed || attribute.encrypted) {
    throw new DiskError(
      'ENOTSUP',
      `${attribute.label} is ${attribute.compressed ? 'compressed' : 'encrypted'}`,
    )
  }
  core.change()
  const end = position + length
  if (attribute.resident && end > attributeRoom(core.storage.geometry.recordSize))
    makeNonResident(core, inode, attribute)
  if (attribute.runs !== null) {
    const have = attribute.runs.clusters * core.storage.geometry.clusterSize
    if (attribute.sparse) fillHoles(core, attribute, position, Math.min(end, have), false)
    const need = clustersFor(core, attribute, end)
    if (need > attribute.runs.clusters) extendRuns(core, attribute, need)
  }
  if (!keepSize && end > attribute.dataSize) {
    if (attribute.runs === null) truncateStream(core, inode, attribute, end)
    else attribute.dataSize = end
  }
  core.touch(inode)
  markModified(core, inode)
}

/** Zeroes bytes that lie on clusters; those behind the initialised size read as zeros anyway. */
function zeroPart(core: Core, attribute: Attribute, from: number, to: number): void {
  const end = Math.min(to, attribute.initializedSize)
  if (from < end) writeZeros(core, attribute, from, end)
}

function punchClusters(core: Core, inode: Inode, attribute: Attribute, from: number, to: number): void {
  const unit = UNIT_CLUSTERS * core.storage.geometry.clusterSize
  const first = Math.ceil(from / unit) * unit
  const end = Math.floor(to / unit) * unit
  if (end <= first) {
    zeroPart(core, attribute, from, to)
    return
  }
  makeSparse(core, inode, attribute)
  zeroPart(core, attribute, from, first)
  zeroPart(core, attribute, end, to)
  const runs = attribute.runs as Runlist
  const { clusterSize } = core.storage.geometry
  core.clusters.release(runs.replace(first / clusterSize, HOLE, (end - first) / clusterSize))
}

/**
 * Makes a range read as zeros and gives back the clusters of whole units of 16 in it. The size stays; what lies behind
 * it is not touched.
 */
export function punchHole(core: Core, inode: Inode, stream: string, position: number, length: number): void {
  checkRange(position, length)
  const attribute = streamOf(inode, stream)
  if (attribute.encrypted) throw new DiskError('ENOTSUP', `${attribute.label} is encrypted`)
  core.change()
  const end = Math.min(position + length, attribute.dataSize)
  if (position < end) {
    if (attribute.value !== null) attribute.value.fill(0, position, end)
    else if (attribute.compressed) {
      const zeros = new Uint8Array(Math.min(PIECE, end - position))
      for (let at = position; at < end; at += zeros.length) {
        writeStream(core, inode, attribute, at, zeros, 0, Math.min(zeros.length, end - at))
      }
    } else punchClusters(core, inode, attribute, position, end)
  }
  core.touch(inode)
  markModified(core, inode)
}

/** A part of a stream that is data, or a hole, throughout. */
export interface Extent {
  readonly position: number
  readonly length: number
  readonly hole: boolean
}

/** The parts of a stream in order, neighbours of one kind joined: what lseek(2) with SEEK_DATA and SEEK_HOLE asks. */
export function extentsOf(core: Core, inode: Inode, stream: string): Extent[] {
  const attribute = streamOf(inode, stream)
  const { dataSize, runs } = attribute
  if (dataSize === 0) return []
  if (runs === null || attribute.compressed) return [{ position: 0, length: dataSize, hole: false }]
  const { clusterSize } = core.storage.geometry
  const extents: Extent[] = []
  for (const run of runs) {
    const position = run.vcn * clusterSize
    const length = Math.min(run.length * clusterSize, dataSize - position)
    if (length <= 0) break
    const hole = run.lcn === HOLE
    const last = extents[extents.length - 1]
    if (last?.hole === hole) extents[extents.length - 1] = { ...last, length: last.length + length }
    else extents.push({ position, length, hole })
  }
  return extents
}
