import type { Lock, LockOut } from '../../api/outs.js'
import type { Request } from '../../api/request.js'
import { LOCK_TYPE } from '../common/constants.js'
import type { LockRecord } from '../common/lock-list.js'
import { NodeLocks } from '../common/locks.js'
import type { Inode } from './inode.js'
import type { Store } from './store.js'

const recordOf = (req: Request, handle: number, lock: Lock): LockRecord => ({
  start: lock.start,
  end: lock.end,
  type: lock.type,
  pid: lock.pid,
  ownerLow: req.lockOwnerLow,
  ownerHigh: req.lockOwnerHigh,
  handle,
})

/** F_GETLK: the first lock in the way. */
export function getLock(node: Inode, req: Request, handle: number, lock: Lock, out: LockOut): number {
  const found = node.locks?.posix.conflict(recordOf(req, handle, lock)) ?? null
  out.set(found ?? { start: lock.start, end: lock.end, type: LOCK_TYPE.UNLCK, pid: 0 })
  return 0
}

/** F_SETLK, F_SETLKW, flock(2). */
export function setLock(
  store: Store,
  node: Inode,
  req: Request,
  handle: number,
  lock: Lock,
  wait: boolean,
  flock: boolean,
): number | Promise<number> {
  if (node.locks === null) {
    if (lock.type === LOCK_TYPE.UNLCK) return 0
    node.locks = new NodeLocks()
  }
  const wanted = recordOf(req, handle, lock)
  const signal = (): AbortSignal => req.signal
  const result = flock
    ? store.locks.setFlock(node.locks, wanted, wait, signal)
    : store.locks.setPosix(node.locks, wanted, wait, signal)
  dropEmpty(node)
  return result
}

/** A descriptor was closed: the POSIX locks of its process on this file go. */
export function releaseOwner(store: Store, node: Inode, req: Request): void {
  if (node.locks === null) return
  store.locks.dropOwner(node.locks, req.lockOwnerLow, req.lockOwnerHigh)
  dropEmpty(node)
}

/** The open file is no more. */
export function releaseHandle(store: Store, node: Inode, handle: number): void {
  if (node.locks === null) return
  store.locks.dropHandle(node.locks, handle)
  dropEmpty(node)
}

function dropEmpty(node: Inode): void {
  if (node.locks?.isEmpty) node.locks = null
}
