import { S_IF } from '../../api/constants.js'
import { type Attr, isType } from './attr.js'
import { PageCache } from './page-cache.js'
import { RwLock } from './rw-lock.js'

/** Never: an expiry that has passed. */
const EXPIRED = Number.NEGATIVE_INFINITY

/** One entry of a directory that the kernel has cached: `inode` null is the known absence of a name. */
export class Dentry {
  readonly parent: Inode
  readonly name: string
  readonly inode: Inode | null
  /** Virtual time in seconds up to which the name needs no asking. */
  until = EXPIRED
  epoch: number

  constructor(parent: Inode, name: string, inode: Inode | null, epoch: number) {
    this.parent = parent
    this.name = name
    this.inode = inode
    this.epoch = epoch
  }
}

/** A listing that the kernel keeps (FOPEN_CACHE_DIR). */
export interface CachedListing {
  readonly entries: DirectoryEntry[]
  complete: boolean
  readonly mtime: bigint
  readonly version: number
}

/** One record of READDIR. `name` is bytes, one character each. */
export interface DirectoryEntry {
  readonly name: string
  readonly ino: bigint
  readonly type: number
  /** Position behind it, as two words. */
  readonly next: readonly [number, number]
}

/** A node that the kernel knows. */
export class Inode {
  readonly nodeid: number
  readonly generation: number
  /** References that the kernel owes the filesystem a FORGET for. */
  lookups = 0
  attr: Attr
  btime: bigint | null = null
  /** Virtual time in seconds up to which `attr` needs no asking. */
  attrUntil = EXPIRED
  attrVersion = 0
  /** Times or blocks have changed by a read or write: the next stat(2) asks, though `attr` will do for everything else. */
  staleStat = false
  /** The filesystem gave its id to something else: every use is EIO. */
  bad = false
  /** Open files and directories. */
  opens = 0
  readonly pages: PageCache
  readonly children = new Map<string, Dentry>()
  /** The names that lead here and are cached. */
  readonly aliases = new Set<Dentry>()
  listing: CachedListing | null = null
  /** Grows with each change of the directory that this kernel made. */
  version = 0
  /** Set when a name of a READDIRPLUS was used: the next listing asks for attributes again. */
  advisePlus = false
  target: string | null = null
  readonly lock = new RwLock()

  constructor(nodeid: number, generation: number, attr: Attr) {
    this.nodeid = nodeid
    this.generation = generation
    this.attr = attr
    this.pages = new PageCache()
  }

  get isDirectory(): boolean {
    return isType(this.attr, S_IF.DIR)
  }
  get isFile(): boolean {
    return isType(this.attr, S_IF.REG)
  }
  get isLink(): boolean {
    return isType(this.attr, S_IF.LNK)
  }

  /** Attributes must be asked for at the next use. */
  expire(): void {
    this.attrUntil = EXPIRED
  }
}
