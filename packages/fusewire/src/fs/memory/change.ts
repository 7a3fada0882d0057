import { errno } from '../../api/errors.js'
import type { SetattrIn } from '../../api/setattr-in.js'
import { FATTR } from '../common/constants.js'
import type { Inode } from './inode.js'
import { killCapability, killSetId } from './set-id.js'
import type { Store } from './store.js'
import { touchChanged, touchModified } from './times.js'
import { setMode } from './xattr.js'

const OWNER = FATTR.UID | FATTR.GID

/** setattr: chown, chmod, truncate, utimensat, in this order. 0 or a negative errno, then nothing has changed. */
export function changeAttributes(store: Store, node: Inode, change: SetattrIn): number {
  const { valid } = change
  store.clock.tick()
  const refused = cannotChange(store, node, change)
  if (refused < 0) return refused
  if ((valid & FATTR.UID) !== 0) {
    const result = store.changeOwner(node, change.uid)
    if (result < 0) return result
  }
  if ((valid & FATTR.GID) !== 0) node.gid = change.gid
  // Every chown takes set-id bits, also root's; a truncation only when the kernel says so.
  if ((valid & OWNER) !== 0 || change.killSuidgid) killSetId(node)
  if ((valid & (OWNER | FATTR.SIZE)) !== 0 && !node.isDirectory) killCapability(node)
  if ((valid & FATTR.MODE) !== 0) setMode(node, change.mode)
  if ((valid & FATTR.SIZE) !== 0) {
    node.content?.truncate(change.size)
    touchModified(node, store.clock)
  } else {
    touchChanged(node, store.clock)
  }
  setTimes(store, node, change)
  return 0
}

function cannotChange(store: Store, node: Inode, change: SetattrIn): number {
  if ((change.valid & FATTR.SIZE) === 0) return 0
  if (node.content === null) return node.isDirectory ? -errno.EISDIR : -errno.EINVAL
  return change.size > store.settings.fileSizeMax ? -errno.EFBIG : 0
}

function setTimes(store: Store, node: Inode, change: SetattrIn): void {
  const { valid } = change
  if ((valid & FATTR.ATIME) !== 0) {
    const now = (valid & FATTR.ATIME_NOW) !== 0
    node.atime = now ? store.clock.seconds : change.atime
    node.atimeNs = now ? store.clock.nanoseconds : change.atimensec
  }
  if ((valid & FATTR.MTIME) !== 0) {
    const now = (valid & FATTR.MTIME_NOW) !== 0
    node.mtime = now ? store.clock.seconds : change.mtime
    node.mtimeNs = now ? store.clock.nanoseconds : change.mtimensec
  }
  // With the writeback cache the kernel knows best when a regular file changed.
  if ((valid & FATTR.CTIME) !== 0) {
    node.ctime = change.ctime
    node.ctimeNs = change.ctimensec
  }
}
