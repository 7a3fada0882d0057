import { AttributeType } from '../layout/attribute.js'
import { SystemRecord } from '../layout/reference.js'
import { HOLE, type Runlist } from '../layout/runlist.js'
import type { Core } from './core.js'

/** Bytes of one write. */
const PIECE = 1 << 20

/**
 * Fills $LogFile with 0xff, the state "no log". Windows starts a new one; a log that was written before our changes
 * must not be replayed over them.
 */
export function emptyLog(core: Core): void {
  const { storage } = core
  const runs = core.inode(SystemRecord.LOG_FILE).need(AttributeType.DATA).runs as Runlist
  const { clusterSize } = storage.geometry
  const ones = new Uint8Array(PIECE).fill(0xff)
  for (const { lcn, length } of runs) {
    if (lcn === HOLE) continue
    for (let done = 0; done < length * clusterSize; done += PIECE) {
      const part = Math.min(PIECE, length * clusterSize - done)
      storage.source.writeSync(storage.position(lcn) + done, ones, 0, part)
    }
    storage.cache.forget(storage.position(lcn), length * clusterSize)
  }
  storage.source.flushSync()
}
