import { DiskError } from '../../error.js'
import { type Attribute, AttributeType, COMPRESSION_UNIT } from '../layout/attribute.js'
import { HOLE, Runlist } from '../layout/runlist.js'
import { clustersFor, extendRuns, releaseRuns } from './allocation.js'
import type { Core } from './core.js'
import type { Inode } from './inode.js'
import type { Way } from './stream.js'

/** Contents of user files go beside the cache; everything else is metadata. */
export function wayOf(inode: Inode, attribute: Attribute): Way {
  return attribute.type === AttributeType.DATA && inode.number >= 24 ? 'source' : 'cache'
}

/** Writes into clusters that exist; the range must lie inside of the runs and touch no hole. */
export function writeClusters(
  core: Core,
  runs: Runlist,
  position: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  way: Way,
): void {
  const { clusterSize } = core.storage.geometry
  for (let done = 0; done < length; ) {
    const at = position + done
    const inside = at % clusterSize
    const run = runs.from(Math.floor(at / clusterSize))
    if (run === null || run.lcn === HOLE) throw new DiskError('EUCLEAN', 'a write to a part without clusters')
    const part = Math.min(run.length * clusterSize - inside, length - done)
    const target = core.storage.position(run.lcn) + inside
    if (way === 'source') core.storage.source.writeSync(target, buffer, offset + done, part)
    else core.storage.cache.write(target, buffer.subarray(offset + done, offset + done + part))
    done += part
  }
}

/** Moves a resident value to clusters. */
export function makeNonResident(core: Core, inode: Inode, attribute: Attribute): void {
  const value = attribute.value
  if (value === null) return
  attribute.runs = new Runlist()
  if (attribute.compressed) attribute.compressionUnit = COMPRESSION_UNIT
  extendRuns(core, attribute, clustersFor(core, attribute, value.length))
  attribute.value = null
  attribute.dataSize = value.length
  attribute.initializedSize = value.length
  attribute.indexed = 0
  writeClusters(core, attribute.runs, 0, value, 0, value.length, wayOf(inode, attribute))
  // Its names carry the allocated size, which has become that of the clusters.
  if (attribute.type === AttributeType.DATA && attribute.name === '') core.stale.add(inode)
  core.touch(inode)
}

/** Makes an attribute an empty resident one. */
export function makeEmpty(core: Core, inode: Inode, attribute: Attribute): void {
  releaseRuns(core, attribute)
  attribute.runs = null
  attribute.allocatedSize = 0
  attribute.setValue(new Uint8Array(0))
  core.touch(inode)
}
