import * as abi from '../abi/gen/structs.js'
import type { ReplyArea } from './area.js'
import { Attr, restNanoseconds, wholeSeconds } from './attr.js'

/** Answer of getattr and setattr (`struct fuse_attr_out`). */
export class AttrOut {
  readonly #area: ReplyArea
  readonly attr: Attr

  constructor(area: ReplyArea) {
    this.#area = area
    this.attr = new Attr(area, abi.ATTR_OUT_ATTR_WORD)
  }

  /** Seconds (fractions count) for which the kernel may answer stat(2) itself. The session presets its default. */
  set attrTimeout(seconds: number) {
    const { replyWords, body } = this.#area
    abi.setAttrOut_attrValid(replyWords, body, wholeSeconds(seconds))
    abi.setAttrOut_attrValidNsec(replyWords, body, restNanoseconds(seconds))
  }
}

/**
 * Answer of everything that names a node: lookup, mknod, mkdir, symlink, link, create, tmpfile, and each record of
 * readdirplus (`struct fuse_entry_out`). A successful answer gives the kernel one more reference on the node (its
 * lookup count), to be given back by `forget`.
 */
export class EntryOut {
  readonly #area: ReplyArea
  readonly attr: Attr
  #word: number

  constructor(area: ReplyArea, word = 0) {
    this.#area = area
    this.#word = word
    this.attr = new Attr(area, word + abi.ENTRY_OUT_ATTR_WORD)
  }

  /** Moves the object over another record of the same reply. */
  moveTo(word: number): void {
    this.#word = word
    this.attr.word = word + abi.ENTRY_OUT_ATTR_WORD
  }

  get #at(): number {
    return this.#area.body + this.#word
  }

  /** The node's id, 2..2^53-1 (1 is the root), unique among the nodes that the kernel knows of. */
  get nodeId(): number {
    return abi.entryOut_nodeid(this.#area.replyWords, this.#at)
  }
  set nodeId(value: number) {
    abi.setEntryOut_nodeid(this.#area.replyWords, this.#at, value)
  }

  /** To be changed when a node id is used again for another node; the kernel keeps 32 bits of it. */
  set generation(value: number) {
    abi.setEntryOut_generation(this.#area.replyWords, this.#at, value)
  }

  /** Seconds for which the kernel may take the name as leading to this node without asking. */
  set entryTimeout(seconds: number) {
    abi.setEntryOut_entryValid(this.#area.replyWords, this.#at, wholeSeconds(seconds))
    abi.setEntryOut_entryValidNsec(this.#area.replyWords, this.#at, restNanoseconds(seconds))
  }

  /** Seconds for which the kernel may answer stat(2) itself. */
  set attrTimeout(seconds: number) {
    abi.setEntryOut_attrValid(this.#area.replyWords, this.#at, wholeSeconds(seconds))
    abi.setEntryOut_attrValidNsec(this.#area.replyWords, this.#at, restNanoseconds(seconds))
  }

  /**
   * Says that the name does not exist and that the kernel may remember this for so many seconds. An answer of
   * `-ENOENT` says the same without the memory.
   */
  negative(seconds: number): void {
    this.nodeId = 0
    this.entryTimeout = seconds
    this.attr.mode = 0
    abi.setEntryOut_generation(this.#area.replyWords, this.#at, NEGATIVE_MARK)
  }

  /** True when {@link negative} was called; the session clears the mark before the reply leaves. */
  takeNegative(): boolean {
    const marked =
      this.nodeId === 0 && abi.entryOut_generation(this.#area.replyWords, this.#at) === NEGATIVE_MARK
    if (marked) this.generation = 0
    return marked
  }
}

/** A generation no filesystem uses together with node id 0: tells a meant negative entry from a forgotten one. */
const NEGATIVE_MARK = 0x6e65_6761

/** Answer of open and opendir (`struct fuse_open_out`). */
export class OpenOut {
  readonly #area: ReplyArea
  readonly #word: number

  constructor(area: ReplyArea, word = 0) {
    this.#area = area
    this.#word = word
  }

  /** The handle that comes back with every call on this open file, 0..2^53-1. */
  set handle(value: number) {
    abi.setOpenOut_fh(this.#area.replyWords, this.#area.body + this.#word, value)
  }
  get handle(): number {
    return abi.openOut_fh(this.#area.replyWords, this.#area.body + this.#word)
  }

  /** FOPEN_* flags: how the kernel may cache and pass I/O on this open file. */
  set flags(value: number) {
    abi.setOpenOut_openFlags(this.#area.replyWords, this.#area.body + this.#word, value)
  }
  get flags(): number {
    return abi.openOut_openFlags(this.#area.replyWords, this.#area.body + this.#word)
  }
}

/** Answer of create and tmpfile: an entry and an open file. */
export class CreateOut {
  readonly entry: EntryOut
  readonly open: OpenOut

  constructor(area: ReplyArea) {
    this.entry = new EntryOut(area, 0)
    this.open = new OpenOut(area, abi.ENTRY_OUT_WORDS)
  }
}

/** Answer of statfs (`struct fuse_kstatfs`). Counts are up to 2^53-1. */
export class StatfsOut {
  readonly #area: ReplyArea

  constructor(area: ReplyArea) {
    this.#area = area
  }

  get #at(): number {
    return this.#area.body + abi.STATFS_OUT_ST_WORD
  }
  /** The words that the numbers lie in, for code that fills them in one piece. */
  get words(): Uint32Array {
    return this.#area.replyWords
  }
  /** Word index of `struct fuse_kstatfs` in {@link words}. */
  get index(): number {
    return this.#at
  }
  /** Size of the filesystem in units of {@link frsize}. */
  set blocks(value: number) {
    abi.setKstatfs_blocks(this.#area.replyWords, this.#at, value)
  }
  set bfree(value: number) {
    abi.setKstatfs_bfree(this.#area.replyWords, this.#at, value)
  }
  /** Free blocks that an ordinary user may still take. */
  set bavail(value: number) {
    abi.setKstatfs_bavail(this.#area.replyWords, this.#at, value)
  }
  /** Number of inodes. */
  set files(value: number) {
    abi.setKstatfs_files(this.#area.replyWords, this.#at, value)
  }
  set ffree(value: number) {
    abi.setKstatfs_ffree(this.#area.replyWords, this.#at, value)
  }
  /** Preferred size of I/O in bytes. */
  set bsize(value: number) {
    abi.setKstatfs_bsize(this.#area.replyWords, this.#at, value)
  }
  /** The longest name, in bytes. */
  set namelen(value: number) {
    abi.setKstatfs_namelen(this.#area.replyWords, this.#at, value)
  }
  /** The unit of the block counts, in bytes. */
  set frsize(value: number) {
    abi.setKstatfs_frsize(this.#area.replyWords, this.#at, value)
  }
}

/** A byte-range lock as fcntl(2) and flock(2) know it (`struct fuse_file_lock`). */
export interface Lock {
  /** First byte. */
  start: number
  /** Last byte, inclusive; `Infinity` for "to the end, however far the file grows" (the kernel's OFFSET_MAX). */
  end: number
  /** `F_RDLCK` 0, `F_WRLCK` 1, `F_UNLCK` 2. */
  type: number
  pid: number
}

const OFFSET_MAX_HIGH = 0x7fff_ffff

/** Answer of getlk: the lock that is in the way, or type `F_UNLCK` when none is. */
export class LockOut {
  readonly #area: ReplyArea

  constructor(area: ReplyArea) {
    this.#area = area
  }

  set(lock: Lock): void {
    const { replyWords, body } = this.#area
    replyWords[body] = lock.start >>> 0
    replyWords[body + 1] = Math.floor(lock.start / 0x1_0000_0000)
    replyWords[body + 2] = lock.end === Infinity ? 0xffff_ffff : lock.end >>> 0
    replyWords[body + 3] = lock.end === Infinity ? OFFSET_MAX_HIGH : Math.floor(lock.end / 0x1_0000_0000)
    replyWords[body + 4] = lock.type
    replyWords[body + 5] = lock.pid
  }
}
