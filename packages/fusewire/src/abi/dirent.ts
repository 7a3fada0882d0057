import { errno } from './errno.js'
import { PROTOCOL } from './gen/flags.js'
import {
  clearEntryOut,
  DIRENT_WORDS,
  DIRENTPLUS_DIRENT_WORD,
  dirent_namelen,
  dirent_off,
  dirent_type,
  setDirent_ino,
  setDirent_inoWords,
  setDirent_namelen,
  setDirent_off,
  setDirent_offWords,
  setDirent_type,
} from './gen/structs.js'
import { type NameEncoding, nameLength, putName } from './names.js'

const SLASH = 0x2f

/**
 * Longest name in bytes that kernels before 6.18 accept (FUSE_NAME_MAX); newer ones accept 4095 with large
 * requests.
 */
export const DIRENT_NAME_MAX = 1024

/** Bytes of a READDIR record with a name of `length` bytes: records are padded to 8. */
export const direntSize = (length: number): number => (PROTOCOL.NAME_OFFSET + length + 7) & ~7

/** Bytes of a READDIRPLUS record with a name of `length` bytes. */
export const direntplusSize = (length: number): number => (PROTOCOL.NAME_OFFSET_DIRENTPLUS + length + 7) & ~7

/** A name that cannot be an entry of a directory. `code` is the errno name, as on Node's errors. */
export class DirentNameError extends Error {
  readonly code: 'EINVAL' | 'EILSEQ' | 'ENAMETOOLONG'

  constructor(code: 'EINVAL' | 'EILSEQ' | 'ENAMETOOLONG', message: string) {
    super(`${code}: ${message}`)
    this.name = 'DirentNameError'
    this.code = code
  }
}

/**
 * Writes the records of a READDIR or READDIRPLUS reply. Reused: `reset` points it at the reply's bytes. Every `add`
 * returns false and writes nothing when the record does not fit: the reply is then full, and the kernel asks again
 * from the `off` of the last record that it got.
 *
 * A name that is empty, has '/' or NUL, or is too long throws a `DirentNameError`: the kernel answers such a record by
 * failing the whole listing with EIO.
 */
export class DirentWriter {
  #u: Uint32Array = new Uint32Array(0)
  #bytes: Uint8Array = new Uint8Array(0)
  #start = 0
  #at = 0
  #end = 0
  #entry = -1
  #nameMax = DIRENT_NAME_MAX

  /**
   * @param u Words of the buffer.
   * @param bytes The same memory as bytes.
   * @param word First word of the reply's data.
   * @param size Bytes to fill at most: the request's `size`, or less.
   * @param nameMax Longest name in bytes.
   */
  reset(u: Uint32Array, bytes: Uint8Array, word: number, size: number, nameMax = DIRENT_NAME_MAX): void {
    this.#u = u
    this.#bytes = bytes
    this.#start = this.#at = word * 4
    this.#end = Math.min(this.#start + size, bytes.length)
    this.#entry = -1
    this.#nameMax = nameMax
  }

  /** Bytes written so far: the length of the reply's data. */
  get used(): number {
    return this.#at - this.#start
  }

  /** Counts `bytes` of whole records in, which somebody else wrote behind the last one. */
  advance(bytes: number): void {
    this.#at += bytes
  }

  /**
   * Word of the `fuse_entry_out` of the last `addPlus`, zeroed, for the caller to fill; node id 0 means "no
   * attributes".
   */
  get entry(): number {
    return this.#entry
  }

  /**
   * A record of READDIR.
   *
   * @param ino Inode number for the application; not a node id.
   * @param type File type, one of `DT`.
   * @param off Position of the next record: opaque, not 0.
   */
  add(name: string, ino: number, type: number, off: number, encoding: NameEncoding = 'utf8'): boolean {
    const length = this.#checkedLength(name, encoding)
    if (!this.#fits(direntSize(length))) return false
    this.#header(0, length, type)
    setDirent_ino(this.#u, this.#at >> 2, ino)
    setDirent_off(this.#u, this.#at >> 2, off)
    this.#putName(PROTOCOL.NAME_OFFSET, name, length, encoding)
    return true
  }

  /** A record of READDIRPLUS. After it, fill the `fuse_entry_out` at word `entry`. */
  addPlus(name: string, ino: number, type: number, off: number, encoding: NameEncoding = 'utf8'): boolean {
    const length = this.#checkedLength(name, encoding)
    if (!this.#fits(direntplusSize(length))) return false
    this.#plusHeader(length, type)
    const dirent = this.#entry + DIRENTPLUS_DIRENT_WORD
    setDirent_ino(this.#u, dirent, ino)
    setDirent_off(this.#u, dirent, off)
    this.#putName(PROTOCOL.NAME_OFFSET_DIRENTPLUS, name, length, encoding)
    return true
  }

  /** As `add`, with the name as bytes and inode number and position as words, for foreign 64-bit values. */
  addBytes(
    name: Uint8Array,
    inoLow: number,
    inoHigh: number,
    type: number,
    offLow: number,
    offHigh: number,
    plus = false,
  ): boolean {
    this.#checkBytes(name)
    const nameOffset = plus ? PROTOCOL.NAME_OFFSET_DIRENTPLUS : PROTOCOL.NAME_OFFSET
    if (!this.#fits((nameOffset + name.length + 7) & ~7)) return false
    if (plus) this.#plusHeader(name.length, type)
    else this.#header(0, name.length, type)
    const dirent = (this.#at >> 2) + (plus ? DIRENTPLUS_DIRENT_WORD : 0)
    setDirent_inoWords(this.#u, dirent, inoLow, inoHigh)
    setDirent_offWords(this.#u, dirent, offLow, offHigh)
    this.#clearPadding(nameOffset + name.length)
    this.#bytes.set(name, this.#at + nameOffset)
    this.#at += (nameOffset + name.length + 7) & ~7
    return true
  }

  /** Takes back all records behind the first `used` bytes, for an entry that vanished while it was added. */
  undo(used: number): void {
    if (used < 0 || used > this.used) throw new RangeError(`undo to ${used} of ${this.used} bytes`)
    this.#at = this.#start + used
    this.#entry = -1
  }

  #fits(size: number): boolean {
    return this.#at + size <= this.#end
  }

  #header(offset: number, length: number, type: number): void {
    const word = (this.#at >> 2) + offset
    setDirent_namelen(this.#u, word, length)
    setDirent_type(this.#u, word, type)
  }

  #plusHeader(length: number, type: number): void {
    this.#entry = this.#at >> 2
    clearEntryOut(this.#u, this.#entry)
    this.#header(DIRENTPLUS_DIRENT_WORD, length, type)
  }

  #putName(offset: number, name: string, length: number, encoding: NameEncoding): void {
    this.#clearPadding(offset + length)
    putName(this.#bytes, this.#at + offset, name, encoding)
    this.#at += (offset + length + 7) & ~7
  }

  /**
   * The bytes between the name and the next record belong to the reply: do not leak old content of the
   * buffer.
   */
  #clearPadding(length: number): void {
    const stop = this.#at + ((length + 7) & ~7)
    for (let p = this.#at + length; p < stop; p++) this.#bytes[p] = 0
  }

  #checkedLength(name: string, encoding: NameEncoding): number {
    const length = nameLength(name, encoding)
    if (length < 0) throw new DirentNameError('EILSEQ', `${JSON.stringify(name)} has no form in ${encoding}`)
    if (length === 0) throw new DirentNameError('EINVAL', 'a directory entry has an empty name')
    if (length > this.#nameMax) throw tooLong(length, this.#nameMax)
    for (let i = 0; i < name.length; i++) {
      const unit = name.charCodeAt(i)
      if (unit === SLASH || unit === 0) throw forbidden(JSON.stringify(name))
    }
    return length
  }

  #checkBytes(name: Uint8Array): void {
    if (name.length === 0) throw new DirentNameError('EINVAL', 'a directory entry has an empty name')
    if (name.length > this.#nameMax) throw tooLong(name.length, this.#nameMax)
    for (let i = 0; i < name.length; i++) {
      if (name[i] === SLASH || name[i] === 0) throw forbidden(`of ${name.length} bytes`)
    }
  }
}

const tooLong = (length: number, max: number): DirentNameError =>
  new DirentNameError('ENAMETOOLONG', `a directory entry's name has ${length} bytes, more than ${max}`)

const forbidden = (name: string): DirentNameError =>
  new DirentNameError('EINVAL', `directory entry ${name} has '/' or NUL in its name`)

/**
 * Reads the records of a READDIR or READDIRPLUS reply as the kernel does; for the kernel simulator and for traces.
 * After `next` returned 1 the properties describe one record.
 */
export class DirentReader {
  /** Word of the record's `fuse_entry_out`; -1 in a READDIR reply. */
  entry = -1
  /** Word of the record's `fuse_dirent`. */
  dirent = 0
  /** Byte offset and length of the name. */
  name = 0
  nameLength = 0
  type = 0
  /**
   * Where the next request has to go on (rounded above 2^53: use `dirent_off_lo` and `_hi` for foreign
   * positions).
   */
  off = 0

  #u: Uint32Array = new Uint32Array(0)
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #end = 0
  #plus = false
  #nameMax = DIRENT_NAME_MAX

  reset(
    u: Uint32Array,
    bytes: Uint8Array,
    word: number,
    length: number,
    plus: boolean,
    nameMax = DIRENT_NAME_MAX,
  ): void {
    this.#u = u
    this.#bytes = bytes
    this.#at = word * 4
    this.#end = Math.min(this.#at + length, bytes.length)
    this.#plus = plus
    this.#nameMax = nameMax
  }

  /**
   * 1: the properties hold the next record. 0: end (a cut last record is ignored). -EIO: bad name, the
   * listing fails.
   */
  next(): number {
    const header = this.#plus ? PROTOCOL.NAME_OFFSET_DIRENTPLUS : PROTOCOL.NAME_OFFSET
    if (this.#at + header > this.#end) return 0
    const word = this.#at >> 2
    this.entry = this.#plus ? word : -1
    this.dirent = this.#plus ? word + DIRENTPLUS_DIRENT_WORD : word
    const length = dirent_namelen(this.#u, this.dirent)
    if (length === 0 || length > this.#nameMax) return -errno.EIO
    const size = (header + length + 7) & ~7
    if (this.#at + size > this.#end) return 0
    this.name = (this.dirent + DIRENT_WORDS) * 4
    this.nameLength = length
    for (let p = this.name; p < this.name + length; p++) if (this.#bytes[p] === SLASH) return -errno.EIO
    this.type = dirent_type(this.#u, this.dirent)
    this.off = dirent_off(this.#u, this.dirent)
    this.#at += size
    return 1
  }
}
