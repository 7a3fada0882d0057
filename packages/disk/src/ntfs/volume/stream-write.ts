import { DiskError } from '../../error.js'
import { type Attribute, AttributeFlag, AttributeType } from '../layout/attribute.js'
import type { Runlist } from '../layout/runlist.js'
import { FileAttribute } from '../layout/standard-information.js'
import {
  clustersFor,
  cutRuns,
  extendAhead,
  extendHole,
  extendRuns,
  fillHoles,
  makeSparse,
  UNIT_CLUSTERS,
  writeZeros,
} from './allocation.js'
import { writeCompressed, zeroTail } from './compressed-write.js'
import type { Core } from './core.js'
import { attributeRoom, fitInode } from './fit.js'
import type { Inode } from './inode.js'
import { makeEmpty, makeNonResident, wayOf, writeClusters } from './nonresident.js'

/** Largest stream: what a JavaScript number counts exactly, far above the 256 TiB that Windows supports. */
const SIZE_MAX = Number.MAX_SAFE_INTEGER - 2 ** 32

function checkSize(attribute: Attribute, size: number): void {
  if (attribute.encrypted) throw new DiskError('ENOTSUP', `${attribute.label} is encrypted`)
  if (size >= 0 && size <= SIZE_MAX) return
  throw new DiskError('EFBIG', `size of ${attribute.label}`, {
    expected: `at most ${SIZE_MAX}`,
    actual: size,
  })
}

/** Makes room in a resident attribute, or moves it to clusters; returns the value while it is resident. */
function growResident(core: Core, inode: Inode, attribute: Attribute, size: number): Uint8Array | null {
  const value = attribute.value
  if (value === null) return null
  if (size > attributeRoom(core.storage.geometry.recordSize)) {
    makeNonResident(core, inode, attribute)
    return null
  }
  if (size > value.length) {
    const larger = new Uint8Array(size)
    larger.set(value)
    attribute.setValue(larger)
    fitInode(core, inode)
  }
  return attribute.value
}

/** Makes clusters for the bytes up to `size`; a gap of a unit or more in front of `from` becomes a hole. */
function extendFor(core: Core, inode: Inode, attribute: Attribute, from: number, size: number): void {
  const { clusterSize } = core.storage.geometry
  const have = attribute.runs?.clusters ?? 0
  const holeStart = Math.ceil(have / UNIT_CLUSTERS) * UNIT_CLUSTERS
  const holeEnd = Math.floor(from / clusterSize / UNIT_CLUSTERS) * UNIT_CLUSTERS
  const user = wayOf(inode, attribute) === 'source'
  if (user && holeEnd > holeStart) {
    makeSparse(core, inode, attribute)
    extendRuns(core, attribute, holeStart)
    extendHole(core, attribute, holeEnd)
  }
  const need = clustersFor(core, attribute, size)
  if (need <= (attribute.runs?.clusters ?? 0)) return
  if (user && inode.opens > 0 && !attribute.sparse) extendAhead(core, attribute, need)
  else extendRuns(core, attribute, need)
}

/**
 * Writes bytes of a stream, which grows as needed. Bytes between its old end and `position` become zeros.
 *
 * @throws `ENOSPC`, `EFBIG`; `ENOTSUP` for an encrypted stream.
 */
export function writeStream(
  core: Core,
  inode: Inode,
  attribute: Attribute,
  position: number,
  buffer: Uint8Array,
  offset = 0,
  length = buffer.length - offset,
): void {
  const end = position + length
  checkSize(attribute, end)
  if (length === 0) return
  const value = growResident(core, inode, attribute, Math.max(end, attribute.dataSize))
  if (value !== null) {
    value.set(buffer.subarray(offset, offset + length), position)
    core.touch(inode)
    return
  }
  if (attribute.compressed) {
    writeCompressed(core, attribute, position, buffer, offset, length)
    attribute.dataSize = Math.max(attribute.dataSize, end)
    // A gap is a hole or was zeroed when the stream was cut, so all of it is initialised.
    attribute.initializedSize = attribute.dataSize
  } else {
    if (end > attribute.allocatedSize) extendFor(core, inode, attribute, position, end)
    if (attribute.sparse) fillHoles(core, attribute, position, end, true)
    const way = wayOf(inode, attribute)
    const runs = attribute.runs as Runlist
    const gap = position - attribute.initializedSize
    if (gap > 0 && way === 'source') writeZeros(core, attribute, attribute.initializedSize, position)
    else if (gap > 0) writeClusters(core, runs, attribute.initializedSize, new Uint8Array(gap), 0, gap, way)
    writeClusters(core, runs, position, buffer, offset, length, way)
    attribute.dataSize = Math.max(attribute.dataSize, end)
    attribute.initializedSize = Math.max(attribute.initializedSize, end)
  }
  core.touch(inode)
}

function growTo(core: Core, inode: Inode, attribute: Attribute, size: number): void {
  if (growResident(core, inode, attribute, size) !== null) return
  if (attribute.compressed) {
    extendHole(core, attribute, clustersFor(core, attribute, size))
    attribute.initializedSize = size
  } else {
    extendFor(core, inode, attribute, size, size)
  }
  attribute.dataSize = size
}

function shrinkTo(core: Core, inode: Inode, attribute: Attribute, size: number): void {
  if (attribute.value !== null) {
    attribute.setValue(attribute.value.slice(0, size))
    return
  }
  if (size === 0 && !attribute.compressed && attribute.type === AttributeType.DATA) {
    makeEmpty(core, inode, attribute)
    attribute.flags &= ~AttributeFlag.SPARSE
    attribute.compressionUnit = 0
    if (attribute.name === '') inode.standardInformation.attributes &= ~FileAttribute.SPARSE_FILE
    return
  }
  cutRuns(core, attribute, clustersFor(core, attribute, size))
  attribute.dataSize = size
  attribute.initializedSize = Math.min(attribute.initializedSize, size)
  if (attribute.compressed) zeroTail(core, attribute, size)
}

/** Sets the size of a stream; new bytes are zeros. Large extensions become holes. */
export function truncateStream(core: Core, inode: Inode, attribute: Attribute, size: number): void {
  checkSize(attribute, size)
  if (size > attribute.dataSize) growTo(core, inode, attribute, size)
  else if (size < attribute.dataSize) shrinkTo(core, inode, attribute, size)
  core.touch(inode)
}

/** Gives back clusters that were taken ahead of the stream's end. */
export function trimStream(core: Core, inode: Inode, attribute: Attribute): void {
  if (attribute.runs === null) return
  const need = clustersFor(core, attribute, attribute.dataSize)
  if (attribute.runs.clusters <= need) return
  cutRuns(core, attribute, need)
  core.touch(inode)
}

/** Replaces all bytes of a metadata attribute. */
export function setWhole(core: Core, inode: Inode, attribute: Attribute, bytes: Uint8Array): void {
  if (attribute.value !== null && bytes.length <= attributeRoom(core.storage.geometry.recordSize)) {
    attribute.setValue(bytes.slice())
    core.touch(inode)
    fitInode(core, inode)
    return
  }
  truncateStream(core, inode, attribute, bytes.length)
  writeStream(core, inode, attribute, 0, bytes)
}
