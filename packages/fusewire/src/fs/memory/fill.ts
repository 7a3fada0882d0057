import type { EntryOut, StatfsOut } from '../../api/outs.js'
import type { StatxOut } from '../../api/statx-out.js'
import { BLOCK } from './block-map.js'
import type { Inode } from './inode.js'
import type { Store } from './store.js'

/** STATX_BASIC_STATS | STATX_BTIME of linux/stat.h. */
const STATX_FILLED = 0xfff

/** Writes an entry that leads to the node, which is one reference more on it. */
export function fillEntry(out: EntryOut, node: Inode, timeout: number): void {
  out.nodeId = node.id
  out.generation = node.generation
  out.entryTimeout = timeout
  out.attrTimeout = timeout
  out.attr.assign(node)
  // The kernel never gives back references on the root.
  if (node.parent !== node) node.lookups++
}

export function fillStatx(out: StatxOut, node: Inode): void {
  out.mask = STATX_FILLED
  out.ino = node.id
  out.size = node.size
  out.blocks = node.blocks
  out.blksize = node.blksize
  out.mode = node.mode
  out.nlink = node.nlink
  out.uid = node.uid
  out.gid = node.gid
  out.setRdev((node.rdev >>> 8) & 0xfff, (node.rdev & 0xff) | ((node.rdev >>> 12) & 0xfff00))
  out.setAtime(node.atime, node.atimeNs)
  out.setBtime(node.btime, node.btimeNs)
  out.setCtime(node.ctime, node.ctimeNs)
  out.setMtime(node.mtime, node.mtimeNs)
}

export function fillStatfs(out: StatfsOut, store: Store): void {
  const { space, settings } = store
  const free = Math.max(0, space.blockLimit - space.blocks)
  out.bsize = BLOCK
  out.frsize = BLOCK
  out.blocks = space.blockLimit
  out.bfree = free
  out.bavail = free
  out.files = space.inodeLimit
  out.ffree = Math.max(0, space.inodeLimit - space.inodes)
  out.namelen = settings.nameMax
}
