import { DiskError } from '../../error.js'
import type { FileTime } from '../layout/filetime.js'
import type { Reference } from '../layout/reference.js'
import { fold } from '../layout/upcase.js'
import type { Clusters } from './clusters.js'
import type { Inode } from './inode.js'
import { loadInode } from './inode-load.js'
import type { Mft } from './mft.js'
import type { Records } from './records.js'
import type { Storage } from './storage.js'

/** Something that keeps changes in memory until the flush: an index tree. */
export interface Flushable {
  flush(): void
}

/** Inodes kept in memory although nobody has them open. */
const INODES_MAX = 20_000

/** What the parts of an open volume share: where bytes lie, who allocates, and which files are in memory. */
export class Core {
  readonly storage: Storage
  readonly mft: Mft
  readonly upcase: Uint16Array
  readonly clusters: Clusters
  readonly records: Records
  readOnly: boolean
  /** The time of every change; a fixed one makes images reproducible. */
  readonly clock: () => FileTime
  /** Inodes to lay out and write. */
  readonly dirty = new Set<Inode>()
  /** Inodes whose copies in directory entries are behind. */
  readonly stale = new Set<Inode>()
  readonly changedIndexes = new Set<Flushable>()
  /** Called before the first change, to mark the volume. */
  beforeChange: (() => void) | null = null
  /** Moves entries out of an index root that has grown too large for its record; false when it cannot shrink. */
  shrinkRoot: (inode: Inode) => boolean = () => false
  /** Byte position of the journal's head; null: flushes are not journaled. */
  journal: number | null = null
  readonly #inodes = new Map<number, Inode>()

  constructor(parts: {
    storage: Storage
    mft: Mft
    upcase: Uint16Array
    clusters: Clusters
    records: Records
    readOnly: boolean
    clock: () => FileTime
  }) {
    this.storage = parts.storage
    this.mft = parts.mft
    this.upcase = parts.upcase
    this.clusters = parts.clusters
    this.records = parts.records
    this.readOnly = parts.readOnly
    this.clock = parts.clock
  }

  fold(name: string): string {
    return fold(name, this.upcase)
  }

  /** The file in an MFT record. */
  inode(number: number): Inode {
    const known = this.#inodes.get(number)
    if (known !== undefined) return known
    const inode = loadInode(this.mft, number)
    this.#inodes.set(number, inode)
    return inode
  }

  /** The file that a reference names; `EUCLEAN` when its record belongs to a newer file. */
  open(reference: Reference): Inode {
    const inode = this.inode(reference.number)
    if (reference.sequence === 0 || reference.sequence === inode.sequence) return inode
    throw new DiskError('EUCLEAN', `sequence of MFT record ${reference.number}`, {
      expected: reference.sequence,
      actual: inode.sequence,
    })
  }

  /** Puts an inode that was not read from the disk into memory. */
  adopt(inode: Inode): void {
    this.#inodes.set(inode.number, inode)
  }

  forget(inode: Inode): void {
    this.#inodes.delete(inode.number)
    this.dirty.delete(inode)
    this.stale.delete(inode)
  }

  /** An inode has changed. */
  touch(inode: Inode): void {
    if (inode.freed) return
    inode.dirty = true
    this.dirty.add(inode)
  }

  /** Refuses changes on a read-only volume (`EROFS`), and marks the volume before the first one. */
  change(): void {
    if (this.readOnly) {
      throw new DiskError('EROFS', 'the volume is open for reading only', {
        cure: 'Open it for writing; a damaged volume needs a repair first',
      })
    }
    const first = this.beforeChange
    if (first === null) return
    this.beforeChange = null
    first()
  }

  /** True when so much waits in memory that a flush is due. */
  get full(): boolean {
    return this.dirty.size > INODES_MAX || this.storage.cache.dirtyBytes > 256 * 1024 * 1024
  }

  /** Drops inodes that nobody needs. Only between operations: nothing may hold one without `opens`. */
  trim(): void {
    if (this.#inodes.size <= INODES_MAX) return
    let left = this.#inodes.size - (INODES_MAX >> 1)
    for (const [number, inode] of this.#inodes) {
      if (left <= 0) return
      if (inode.opens > 0 || inode.dirty || number < 24 || this.stale.has(inode)) continue
      this.#inodes.delete(number)
      left--
    }
  }
}
