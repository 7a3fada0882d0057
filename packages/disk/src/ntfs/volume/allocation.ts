import { DiskError } from '../../error.js'
import { type Attribute, AttributeFlag, AttributeType, COMPRESSION_UNIT } from '../layout/attribute.js'
import { HOLE, type Run, Runlist } from '../layout/runlist.js'
import { FileAttribute } from '../layout/standard-information.js'
import type { Core } from './core.js'
import type { Inode } from './inode.js'

/**
 * Clusters of a compression unit. Holes are cut at its borders only: readers that treat every sparse unit as LZNT1
 * (7-Zip, GRUB) return wrong bytes for others.
 */
export const UNIT_CLUSTERS = 2 ** COMPRESSION_UNIT

/** Most clusters that an append takes ahead, in bytes: long runs for streams that are written piece by piece. */
const AHEAD_MAX = 64 * 1024 * 1024

/** Most bytes of one write of zeros. */
const ZEROS = new Uint8Array(1 << 20)

/** Where a stream's next cluster should lie. */
function hint(attribute: Attribute): number | null {
  return attribute.runs?.tail ?? null
}

function inUnits(attribute: Attribute): boolean {
  return attribute.sparse || attribute.compressed
}

/** Clusters for a size: whole units where holes are allowed. */
export function clustersFor(core: Core, attribute: Attribute, size: number): number {
  const clusters = core.storage.clusters(size)
  return inUnits(attribute) ? Math.ceil(clusters / UNIT_CLUSTERS) * UNIT_CLUSTERS : clusters
}

function runsOf(attribute: Attribute): Runlist {
  attribute.runs ??= new Runlist()
  return attribute.runs
}

function setAllocated(core: Core, attribute: Attribute): void {
  attribute.allocatedSize = runsOf(attribute).clusters * core.storage.geometry.clusterSize
}

/** Takes clusters for contents of files: some stay free for metadata. `ENOSPC` with nothing taken. */
export function takeClusters(core: Core, count: number, near: number | null): Run[] {
  const { clusters } = core
  if (!clusters.hasRoom(count + clusters.metadataReserve)) {
    throw new DiskError('ENOSPC', `no ${count} free clusters on the volume`, { actual: clusters.freeNow })
  }
  return clusters.allocate(count, near)
}

/** Adds clusters up to `clusters` in all. */
export function extendRuns(core: Core, attribute: Attribute, clusters: number): void {
  if (attribute.type === AttributeType.DATA) extendBy(core, attribute, clusters, takeClusters)
  else extendMetadata(core, attribute, clusters)
}

/** As `extendRuns`, for metadata: may take what is kept back from contents. */
export function extendMetadata(core: Core, attribute: Attribute, clusters: number): void {
  extendBy(core, attribute, clusters, (_, count, near) => core.clusters.allocate(count, near))
}

function extendBy(core: Core, attribute: Attribute, clusters: number, take: typeof takeClusters): void {
  const runs = runsOf(attribute)
  if (clusters > runs.clusters) {
    for (const run of take(core, clusters - runs.clusters, hint(attribute))) runs.append(run.lcn, run.length)
  }
  setAllocated(core, attribute)
}

/** Adds a hole up to `clusters` in all. */
export function extendHole(core: Core, attribute: Attribute, clusters: number): void {
  const runs = runsOf(attribute)
  runs.append(HOLE, clusters - runs.clusters)
  setAllocated(core, attribute)
}

/** As `extendRuns`, and takes room for further appends when there is plenty. */
export function extendAhead(core: Core, attribute: Attribute, clusters: number): void {
  const have = runsOf(attribute).clusters
  const most = Math.floor(AHEAD_MAX / core.storage.geometry.clusterSize)
  const ahead = Math.min(have, most)
  if (ahead > 0 && core.clusters.hasRoom(16 * (clusters - have + ahead))) {
    extendRuns(core, attribute, clusters + ahead)
  } else extendRuns(core, attribute, clusters)
}

/** Gives back the clusters behind `clusters`. */
export function cutRuns(core: Core, attribute: Attribute, clusters: number): void {
  core.clusters.release(runsOf(attribute).truncate(clusters))
  setAllocated(core, attribute)
}

/** Makes an attribute one that may have holes. Its clusters grow to whole units. */
export function makeSparse(core: Core, inode: Inode, attribute: Attribute): void {
  if (inUnits(attribute)) return
  attribute.flags |= AttributeFlag.SPARSE
  attribute.compressionUnit = COMPRESSION_UNIT
  const short = runsOf(attribute).clusters % UNIT_CLUSTERS
  if (short > 0) extendRuns(core, attribute, runsOf(attribute).clusters + UNIT_CLUSTERS - short)
  setAllocated(core, attribute)
  if (attribute.type === AttributeType.DATA && attribute.name === '') {
    inode.standardInformation.attributes |= FileAttribute.SPARSE_FILE
  }
  core.touch(inode)
}

/** Writes zeros over clusters that lie on the disk. */
export function writeZeros(core: Core, attribute: Attribute, from: number, to: number): void {
  const { clusterSize } = core.storage.geometry
  const runs = runsOf(attribute)
  for (let at = from; at < to; ) {
    const run = runs.from(Math.floor(at / clusterSize))
    if (run === null) return
    const inside = at % clusterSize
    const part = Math.min(
      run.length * clusterSize - inside,
      to - at,
      run.lcn === HOLE ? to - at : ZEROS.length,
    )
    if (run.lcn !== HOLE) {
      core.storage.source.writeSync(core.storage.position(run.lcn) + inside, ZEROS, 0, part)
    }
    at += part
  }
}

/**
 * Fills the holes that bytes [from, to) touch, by whole units, with zeros.
 *
 * @param written the caller writes [from, to) itself: zeros are spared there.
 */
export function fillHoles(
  core: Core,
  attribute: Attribute,
  from: number,
  to: number,
  written: boolean,
): void {
  const { clusterSize } = core.storage.geometry
  const runs = runsOf(attribute)
  const first = Math.floor(from / clusterSize / UNIT_CLUSTERS) * UNIT_CLUSTERS
  const end = Math.min(runs.clusters, Math.ceil(to / clusterSize / UNIT_CLUSTERS) * UNIT_CLUSTERS)
  for (let vcn = first; vcn < end; ) {
    const run = runs.from(vcn)
    if (run === null) return
    const length = Math.min(run.length, end - vcn)
    if (run.lcn === HOLE) {
      const before = vcn > 0 ? runs.from(vcn - 1) : null
      const near = before !== null && before.lcn !== HOLE ? before.lcn + 1 : hint(attribute)
      let at = vcn
      for (const taken of takeClusters(core, length, near)) {
        runs.replace(at, taken.lcn, taken.length)
        at += taken.length
      }
      // The hole may begin behind `from` or end before `to`: only its own clusters are zeroed.
      const start = vcn * clusterSize
      const behind = start + length * clusterSize
      const inside = (position: number) => Math.max(start, Math.min(behind, position))
      writeZeros(core, attribute, start, written ? inside(from) : behind)
      if (written) writeZeros(core, attribute, inside(to), behind)
    }
    vcn += length
  }
}

/** Gives back all clusters of an attribute. */
export function releaseRuns(core: Core, attribute: Attribute): void {
  if (attribute.runs === null) return
  for (const run of attribute.runs) {
    if (run.lcn === HOLE) continue
    core.storage.cache.forget(core.storage.position(run.lcn), run.length * core.storage.geometry.clusterSize)
  }
  cutRuns(core, attribute, 0)
}
