import { DiskError } from '../../error.js'
import { AttributeType } from '../layout/attribute.js'
import { SystemRecord } from '../layout/reference.js'
import type { Runlist } from '../layout/runlist.js'
import type { Core } from './core.js'
import type { Inode } from './inode.js'
import { writeJournaled } from './journal.js'
import { flushRecords } from './mft-grow.js'
import { writeClusters } from './nonresident.js'
import { storeInode } from './store.js'

/** Storing a file can change the $MFT or take clusters, which changes others again; more rounds mean a defect. */
const ROUNDS_MAX = 32

/** Copies the first records to $MFTMirr. */
function flushMirror(core: Core): void {
  if (!core.mft.mirrorBehind) return
  core.mft.mirrorBehind = false
  const { recordSize } = core.storage.geometry
  const mirror = core.inode(SystemRecord.MFT_MIRROR).need(AttributeType.DATA)
  for (let number = 0; number < core.mft.mirrored; number++) {
    const { bytes } = core.mft.readRaw(number)
    writeClusters(core, mirror.runs as Runlist, number * recordSize, bytes, 0, recordSize, 'cache')
  }
}

/** Writes the changed pieces of $Bitmap, which itself never changes its place. */
function flushClusters(core: Core): void {
  const data = core.inode(SystemRecord.BITMAP).need(AttributeType.DATA)
  core.clusters.flush((position, bytes) => {
    if (data.value !== null) {
      data.value.set(bytes, position)
      core.touch(core.inode(SystemRecord.BITMAP))
    } else writeClusters(core, data.runs as Runlist, position, bytes, 0, bytes.length, 'cache')
  })
}

/** Writes the cache's changes, all or none of them for whoever opens the volume after a power cut. */
function writeChanges(core: Core): void {
  const { storage } = core
  storage.cache.flush((changes) => {
    writeJournaled(storage, core.journal, changes, (count) => core.clusters.freeRuns(count))
  })
}

/** Writes the cache's changes at once and without a barrier. */
function writePlain(core: Core): void {
  const { cache, source } = core.storage
  cache.flush((changes) => {
    for (const { position, bytes } of changes) source.writeSync(position, bytes)
  })
}

/**
 * Brings all changes to the medium: indexes, files, bitmaps, mirror, then a barrier; then the clusters that are free
 * now may be used again.
 *
 * @param updateNames brings the copies in directory entries up to date.
 * @param discard tells the medium of freed clusters.
 */
export function flushCore(core: Core, updateNames: (inode: Inode) => void, discard: boolean): void {
  if (core.readOnly) return
  for (let round = 0; ; round++) {
    if (round === ROUNDS_MAX) throw new DiskError('EIO', 'the metadata does not come to rest')
    const stale = [...core.stale]
    core.stale.clear()
    for (const inode of stale) updateNames(inode)
    for (const index of [...core.changedIndexes]) index.flush()
    // The $MFT last: all others may make it grow.
    const mft = core.inode(SystemRecord.MFT)
    for (const inode of [...core.dirty]) if (inode !== mft) storeInode(core, inode)
    flushRecords(core)
    if (mft.dirty) storeInode(core, mft)
    flushClusters(core)
    if (core.dirty.size + core.changedIndexes.size + core.stale.size === 0) break
  }
  flushMirror(core)
  writeChanges(core)
  if (core.clusters.hasFreed) {
    const freed = core.clusters.commitFrees()
    flushClusters(core)
    // Without a barrier: a bit that stays set costs a cluster, nothing more.
    writePlain(core)
    if (discard) {
      const { clusterSize } = core.storage.geometry
      for (const { lcn, length } of freed) {
        core.storage.source.discardSync(core.storage.position(lcn), length * clusterSize)
      }
    }
  }
  core.trim()
}
