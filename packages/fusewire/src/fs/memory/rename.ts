import { errno } from '../../api/errors.js'
import type { Request } from '../../api/request.js'
import { RENAME_FLAG, S } from '../common/constants.js'
import { badName, dropLink } from './create.js'
import { Directory, type Entry } from './directory.js'
import type { Inode } from './inode.js'
import type { Store } from './store.js'
import { touchChanged, touchModified } from './times.js'

/** Both ends of a rename, looked up. */
interface Move {
  readonly from: Inode
  readonly entry: Entry
  readonly node: Inode
  readonly to: Inode
  readonly newName: string
  /** What the new name names now. */
  readonly target: Entry | undefined
  readonly victim: Inode | null
}

/** rename(2), renameat2(2). 0 or a negative errno, then nothing has changed. */
export function rename(
  store: Store,
  req: Request,
  from: Inode,
  name: string,
  to: Inode,
  newName: string,
  flags: number,
): number {
  const bad = badName(store, newName)
  if (bad < 0) return bad
  const entry = from.directory?.get(name)
  const node = entry?.node
  if (entry === undefined || node === null || node === undefined) return -errno.ENOENT
  const target = to.directory?.get(newName)
  const move: Move = { from, entry, node, to, newName, target, victim: target?.node ?? null }
  store.clock.tick()
  if ((flags & RENAME_FLAG.EXCHANGE) !== 0) {
    if ((flags & (RENAME_FLAG.NOREPLACE | RENAME_FLAG.WHITEOUT)) !== 0) return -errno.EINVAL
    return exchange(store, move)
  }
  if (target !== undefined && (flags & RENAME_FLAG.NOREPLACE) !== 0) return -errno.EEXIST
  if (move.victim === node) return 0
  const refused = cannotMove(store, move)
  if (refused < 0) return refused
  return carryOut(store, req, move, (flags & RENAME_FLAG.WHITEOUT) !== 0)
}

/** True when `node` is `ancestor` or lies below it. */
function isWithin(node: Inode, ancestor: Inode): boolean {
  for (let at: Inode | null = node; at !== null; at = at.parent) {
    if (at === ancestor) return true
    if (at.parent === at) return false
  }
  return false
}

function cannotMove(store: Store, move: Move): number {
  const { from, node, to, victim } = move
  if (node.isDirectory && isWithin(to, node)) return -errno.EINVAL
  if (victim !== null) {
    if (node.isDirectory && !victim.isDirectory) return -errno.ENOTDIR
    if (!node.isDirectory && victim.isDirectory) return -errno.EISDIR
    if (victim.directory !== null && victim.directory.size > 0) return -errno.ENOTEMPTY
  }
  const oneMore = node.isDirectory && from !== to && !victim?.isDirectory
  return oneMore && to.nlink >= store.settings.linkMax ? -errno.EMLINK : 0
}

function carryOut(store: Store, req: Request, move: Move, whiteout: boolean): number {
  const { from, entry, node, to, newName, target, victim } = move
  let left: Inode | null = null
  if (whiteout) {
    // What overlay filesystems leave behind: a character device 0:0.
    const made = store.make(S.IFCHR, req.uid, req.gid)
    if (typeof made === 'number') return made
    made.nlink = 1
    left = made
  }
  if (target === undefined) {
    const result = to.takeExtra(Directory.bytesOf(newName))
    if (result < 0) {
      if (left !== null) {
        left.nlink = 0
        store.releaseUnused(left)
      }
      return result
    }
    to.directory?.add(newName, node)
  } else {
    target.node = node
  }
  if (left !== null) {
    entry.node = left
  } else {
    from.takeExtra(-Directory.bytesOf(entry.name))
    from.directory?.remove(entry)
  }
  settle(node, from, to)
  if (victim !== null) dropLink(store, to, victim)
  touchModified(from, store.clock)
  touchModified(to, store.clock)
  touchChanged(node, store.clock)
  return 0
}

/** Keeps ".." and the link counts of the directories right after `node` went from one to another. */
function settle(node: Inode, from: Inode, to: Inode): void {
  if (!node.isDirectory) return
  node.parent = to
  from.nlink--
  to.nlink++
}

function exchange(store: Store, move: Move): number {
  const { from, entry, node, to, target, victim } = move
  if (target === undefined || victim === null) return -errno.ENOENT
  if (node.isDirectory && isWithin(to, node)) return -errno.EINVAL
  if (victim.isDirectory && isWithin(from, victim)) return -errno.EINVAL
  const { linkMax } = store.settings
  if (from !== to && node.isDirectory !== victim.isDirectory) {
    if ((node.isDirectory ? to : from).nlink >= linkMax) return -errno.EMLINK
  }
  entry.node = victim
  target.node = node
  settle(node, from, to)
  settle(victim, to, from)
  touchModified(from, store.clock)
  touchModified(to, store.clock)
  touchChanged(node, store.clock)
  touchChanged(victim, store.clock)
  return 0
}
