import { direntBytes, writeDirent } from '../abi/dirent.js'
import * as abi from '../abi/gen/structs.js'
import type { ReplyArea } from './area.js'
import { EntryOut } from './outs.js'

/** The records of a directory, as many as the caller has room for (readdir). */
export class DirOut {
  readonly #area: ReplyArea
  limit = 0
  length = 0

  constructor(area: ReplyArea) {
    this.#area = area
  }

  reset(limit: number): void {
    this.limit = Math.min(limit, this.#area.bodyLimit)
    this.length = 0
  }

  /**
   * Adds one name; false when it does not fit any more (then stop: the kernel asks again with the `offset` of the
   * last record that fitted).
   * @param name the name's bytes, 1..4095, without "/" and NUL
   * @param ino inode number for `d_ino`
   * @param type `DT_*`
   * @param next the offset with which reading goes on behind this record: opaque, above 0, stable while names come and go
   */
  add(name: Uint8Array, ino: number, type: number, next: number): boolean {
    const bytes = direntBytes(name.length)
    if (this.length + bytes > this.limit) return false
    writeDirent(this.#area.replyWords, this.#area.replyBytes, this.#area.body * 4 + this.length, ino, next, type, name)
    this.length += bytes
    return true
  }
}

const ENTRY_BYTES = abi.ENTRY_OUT_SIZE

/** The records of a directory with each node's attributes (readdirplus): one lookup a record. */
export class DirPlusOut {
  readonly #area: ReplyArea
  readonly #entry: EntryOut
  #defaultEntryTimeout = 0
  #defaultAttrTimeout = 0
  limit = 0
  length = 0

  constructor(area: ReplyArea) {
    this.#area = area
    this.#entry = new EntryOut(area)
  }

  reset(limit: number, entryTimeout: number, attrTimeout: number): void {
    this.limit = Math.min(limit, this.#area.bodyLimit)
    this.length = 0
    this.#defaultEntryTimeout = entryTimeout
    this.#defaultAttrTimeout = attrTimeout
  }

  /**
   * Adds one name and gives its entry to be filled; null when it does not fit any more. An entry whose `nodeId` stays
   * 0 is a name without attributes. Each filled entry counts as one lookup of its node, except "." and "..".
   * Parameters as for {@link DirOut.add}.
   */
  add(name: Uint8Array, ino: number, type: number, next: number): EntryOut | null {
    const bytes = ENTRY_BYTES + direntBytes(name.length)
    if (this.length + bytes > this.limit) return null
    const { replyWords, replyBytes, body } = this.#area
    const at = body * 4 + this.length
    replyWords.fill(0, at / 4, (at + ENTRY_BYTES) / 4)
    writeDirent(replyWords, replyBytes, at + ENTRY_BYTES, ino, next, type, name)
    this.#entry.moveTo(this.length / 4)
    this.#entry.entryTimeout = this.#defaultEntryTimeout
    this.#entry.attrTimeout = this.#defaultAttrTimeout
    this.length += bytes
    return this.#entry
  }
}
