import { DirentWriter } from '../abi/dirent.js'
import type { NameEncoding } from '../abi/names.js'
import type { ReplyArea } from './area.js'
import { EntryOut } from './outs.js'

/** PATH_MAX - 1: the longest name that a kernel with MAX_PAGES takes. */
const NAME_MAX = 4095

/** What readdir and readdirplus share: the room, and the records put so far. */
class Records {
  protected readonly area: ReplyArea
  protected readonly writer = new DirentWriter()
  protected encoding: NameEncoding = 'utf8'
  /** Bytes that the caller has room for. */
  limit = 0

  constructor(area: ReplyArea) {
    this.area = area
  }

  /** Bytes of the records put so far. */
  get length(): number {
    return this.writer.used
  }

  /** The reply's memory, for code that writes whole records itself from byte {@link start} on. */
  get bytes(): Uint8Array {
    return this.area.replyBytes
  }
  /** Where in {@link bytes} the next record begins. */
  get start(): number {
    return this.area.body * 4 + this.writer.used
  }
  /** Counts in `bytes` bytes of records that were written at {@link start}, each padded to 8 bytes. */
  wrote(bytes: number): void {
    this.writer.advance(bytes)
  }

  /** Used by the session before the filesystem sees the object. */
  reset(limit: number, encoding: NameEncoding): void {
    this.limit = Math.min(limit, this.area.bodyLimit)
    this.encoding = encoding
    // A request whose reply may be large keeps its reply memory while it waits, so the writer may hold on to it.
    const { replyWords, replyBytes, body } = this.area
    this.writer.reset(replyWords, replyBytes, body, this.limit, NAME_MAX)
  }
}

/** The records of a directory, as many as the caller has room for (readdir). */
export class DirOut extends Records {
  /**
   * Adds one name; false when it does not fit any more: then stop, the kernel asks again with the `next` of the last
   * record that fitted. A name that is empty, too long, or has "/" or NUL throws, and the call fails.
   * @param name the name, 1..4095 bytes: a string in the filesystem's encoding, or bytes
   * @param ino inode number for `d_ino`
   * @param type `DT_*`: FIFO 1, CHR 2, DIR 4, BLK 6, REG 8, LNK 10, SOCK 12; 0 for unknown
   * @param next the offset with which reading goes on behind this record: opaque, 1..2^53-1, stable while names come and go
   */
  add(name: string | Uint8Array, ino: number, type: number, next: number): boolean {
    if (typeof name === 'string') return this.writer.add(name, ino, type, next, this.encoding)
    return this.writer.addBytes(name, ino >>> 0, high(ino), type, next >>> 0, high(next))
  }

  /** As {@link add}, with 64-bit inode number and position as two words each, for foreign values. */
  addWords(
    name: Uint8Array,
    inoLow: number,
    inoHigh: number,
    type: number,
    nextLow: number,
    nextHigh: number,
  ): boolean {
    return this.writer.addBytes(name, inoLow, inoHigh, type, nextLow, nextHigh)
  }
}

/** The records of a directory with each node's attributes (readdirplus): one lookup a record. */
export class DirPlusOut extends Records {
  readonly #entry: EntryOut
  #entryTimeout = 0
  #attrTimeout = 0

  constructor(area: ReplyArea) {
    super(area)
    this.#entry = new EntryOut(area)
  }

  /** The reply's words, over the same memory as {@link bytes}. */
  get words(): Uint32Array {
    return this.area.replyWords
  }

  /** An entry object moved over the `fuse_entry_out` at `word` of {@link words}, its lifetimes preset. */
  entryAt(word: number): EntryOut {
    return this.#preset(word)
  }

  timeouts(entry: number, attr: number): void {
    this.#entryTimeout = entry
    this.#attrTimeout = attr
  }

  /**
   * Adds one name and gives its entry to be filled; null when it does not fit any more. An entry whose `nodeId` stays
   * 0 is a name without attributes. Each filled entry counts as one lookup of its node, except "." and "..".
   * Parameters as for {@link DirOut.add}.
   */
  add(name: string | Uint8Array, ino: number, type: number, next: number): EntryOut | null {
    const added =
      typeof name === 'string'
        ? this.writer.addPlus(name, ino, type, next, this.encoding)
        : this.writer.addBytes(name, ino >>> 0, high(ino), type, next >>> 0, high(next), true)
    return added ? this.#preset(this.writer.entry) : null
  }

  /** As {@link add}, with 64-bit inode number and position as two words each, for foreign values. */
  addWords(
    name: Uint8Array,
    inoLow: number,
    inoHigh: number,
    type: number,
    nextLow: number,
    nextHigh: number,
  ): EntryOut | null {
    return this.writer.addBytes(name, inoLow, inoHigh, type, nextLow, nextHigh, true)
      ? this.#preset(this.writer.entry)
      : null
  }

  #preset(word: number): EntryOut {
    const entry = this.#entry
    entry.moveTo(word - this.area.body)
    if (this.#entryTimeout > 0) entry.entryTimeout = this.#entryTimeout
    if (this.#attrTimeout > 0) entry.attrTimeout = this.#attrTimeout
    return entry
  }
}

const high = (value: number): number => Math.floor(value / 0x1_0000_0000)
