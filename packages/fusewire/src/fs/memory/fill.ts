import type { Attr } from '../../api/attr.js'
import type { EntryOut, StatfsOut } from '../../api/outs.js'
import type { StatxOut } from '../../api/statx-out.js'
import { BLOCK } from './block-map.js'
import type { Inode } from './inode.js'
import type { Store } from './store.js'

/** stat(2) counts blocks of 512 bytes. */
const STAT_BLOCKS = BLOCK / 512
/** STATX_BASIC_STATS | STATX_BTIME of linux/stat.h. */
const STATX_FILLED = 0xfff

/** Writes the node's attributes into a reply. */
export function fillAttr(attr: Attr, node: Inode): void {
  attr.ino = node.id
  attr.size = node.size
  attr.blocks = node.blocks * STAT_BLOCKS
  attr.mode = node.mode
  attr.nlink = node.nlink
  attr.uid = node.uid
  attr.gid = node.gid
  attr.rdev = node.rdev
  attr.blksize = BLOCK
  attr.setAtime(node.atime, node.atimeNs)
  attr.setMtime(node.mtime, node.mtimeNs)
  attr.setCtime(node.ctime, node.ctimeNs)
}

/** Writes an entry that leads to the node, which is one reference more on it. */
export function fillEntry(out: EntryOut, node: Inode, timeout: number): void {
  out.nodeId = node.id
  out.generation = node.generation
  out.entryTimeout = timeout
  out.attrTimeout = timeout
  fillAttr(out.attr, node)
  node.lookups++
}

export function fillStatx(out: StatxOut, node: Inode): void {
  out.mask = STATX_FILLED
  out.ino = node.id
  out.size = node.size
  out.blocks = node.blocks * STAT_BLOCKS
  out.blksize = BLOCK
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
