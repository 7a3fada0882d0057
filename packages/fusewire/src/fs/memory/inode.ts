import type { NodeAttributes } from '../../api/attr.js'
import type { Clock } from '../common/clock.js'
import { S } from '../common/constants.js'
import type { NodeLocks } from '../common/locks.js'
import type { TableNode } from '../common/node-table.js'
import { BLOCK } from './block-map.js'
import type { Content } from './content.js'
import type { Directory } from './directory.js'
import type { Account } from './space.js'

/** Bytes of extended attributes or a link target that an inode holds without taking a block (as ext4's inodes do). */
const INLINE_BYTES = 256
/** What a directory shows as its size as long as its names take no more. */
const DIRECTORY_BYTES = BLOCK

/** One node, of any type. Plain fields only: lookup, getattr and read touch nothing else. */
export class Inode implements TableNode, NodeAttributes {
  id = 0
  generation = 0
  lookups = 0
  /** Open files on the node that the kernel told us of. */
  opens = 0
  nlink = 0
  mode: number
  uid: number
  gid: number
  rdev = 0
  atime = 0
  atimeNs = 0
  mtime = 0
  mtimeNs = 0
  ctime = 0
  ctimeNs = 0
  btime = 0
  btimeNs = 0
  account: Account
  /** Regular files. */
  content: Content | null = null
  /** Directories. */
  directory: Directory | null = null
  /** Directories: the directory they are in; the root is in itself. null once removed. */
  parent: Inode | null = null
  /** Symbolic links. */
  target: Uint8Array | null = null
  xattrs: Map<string, Uint8Array> | null = null
  xattrBytes = 0
  /** Blocks taken by names, link target and extended attributes. */
  extraBlocks = 0
  locks: NodeLocks | null = null
  /** Made by O_TMPFILE without O_EXCL: may get its first name by link(2). */
  linkable = false
  /** Grows whenever the content changes. */
  version = 0

  constructor(mode: number, uid: number, gid: number, account: Account, clock: Clock) {
    this.mode = mode
    this.uid = uid
    this.gid = gid
    this.account = account
    this.atime = this.mtime = this.ctime = this.btime = clock.seconds
    this.atimeNs = this.mtimeNs = this.ctimeNs = this.btimeNs = clock.nanoseconds
  }

  get isDirectory(): boolean {
    return this.directory !== null
  }

  get type(): number {
    return this.mode & S.IFMT
  }

  /** Size in bytes as stat(2) shows it. */
  get size(): number {
    if (this.content !== null) return this.content.size
    if (this.directory !== null) return Math.max(DIRECTORY_BYTES, blocksFor(this.directory.bytes) * BLOCK)
    return this.target?.length ?? 0
  }

  /** Blocks of `BLOCK` bytes that the node takes. */
  get heldBlocks(): number {
    return (this.content?.blocks ?? 0) + this.extraBlocks
  }

  /** The same as stat(2) counts it, in units of 512 bytes. */
  get blocks(): number {
    return this.heldBlocks * (BLOCK / 512)
  }

  get ino(): number {
    return this.id
  }

  get blksize(): number {
    return BLOCK
  }

  /** True when neither a name nor the kernel nor an open file holds the node. */
  get isUnused(): boolean {
    return this.nlink === 0 && this.lookups === 0 && this.opens === 0
  }

  /**
   * Pays for `more` bytes of names, target or attributes besides those there are (negative: fewer). 0, -ENOSPC or
   * -EDQUOT, then nothing has changed.
   */
  takeExtra(more: number): number {
    const bytes = (this.directory?.bytes ?? 0) + this.xattrBytes + (this.target?.length ?? 0) + more
    const blocks = blocksFor(bytes)
    const result = this.account.takeBlocks(blocks - this.extraBlocks)
    if (result === 0) this.extraBlocks = blocks
    return result
  }
}

function blocksFor(bytes: number): number {
  return bytes <= INLINE_BYTES ? 0 : Math.ceil(bytes / BLOCK)
}
