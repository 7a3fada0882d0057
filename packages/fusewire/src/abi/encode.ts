import { opcodeRow } from './gen/opcodes.js'
import {
  clearInHeader,
  IN_HEADER_SIZE,
  IN_HEADER_WORDS,
  setInHeader_gid,
  setInHeader_len,
  setInHeader_nodeid,
  setInHeader_opcode,
  setInHeader_pid,
  setInHeader_totalExtlen,
  setInHeader_uid,
  setInHeader_unique,
} from './gen/structs.js'
import { type NameEncoding, nameLength, putName } from './names.js'

/**
 * Builds requests as the kernel does: header, in-struct, names, payload, extensions, in this order. The other side of
 * `checkRequest`, for the kernel simulator and for tests. Reused: `reset` points it at a buffer.
 *
 * ```ts
 * const op = writer.begin(Op.READ, unique, 0, nodeid)
 * setReadIn_fh(u, op, fh)
 * setReadIn_size(u, op, 4096)
 * const length = writer.end()
 * ```
 *
 * What does not fit in the buffer throws a RangeError: the caller made the buffer.
 */
export class RequestWriter {
  #u: Uint32Array = new Uint32Array(0)
  #bytes: Uint8Array = new Uint8Array(0)
  #h = 0
  #at = 0
  #extStart = -1

  /** Requests will start at word `word` of `u`; `bytes` is the same memory. */
  reset(u: Uint32Array, bytes: Uint8Array, word: number): void {
    this.#u = u
    this.#bytes = bytes
    this.#h = word
    this.#at = word * 4
    this.#extStart = -1
  }

  /**
   * Starts a request at the place given to `reset`; its in-struct is zeroed.
   *
   * @param inSize Bytes of the in-struct, where an older kernel sends fewer (INIT, SETXATTR).
   * @returns Word of the in-struct, to be filled with the generated setters.
   */
  begin(opcode: number, uniqueLow: number, uniqueHigh: number, nodeid: number, inSize = -1): number {
    const u = this.#u
    const size = inSize >= 0 ? inSize : (opcodeRow(opcode)?.inSize ?? 0)
    const op = this.#h + IN_HEADER_WORDS
    this.#at = this.#h * 4
    this.#extStart = -1
    this.#take(IN_HEADER_SIZE + size)
    clearInHeader(u, this.#h)
    setInHeader_opcode(u, this.#h, opcode)
    setInHeader_unique(u, this.#h, uniqueLow, uniqueHigh)
    setInHeader_nodeid(u, this.#h, nodeid)
    this.#bytes.fill(0, op * 4, op * 4 + size)
    return op
  }

  /** On whose behalf the request is; all 0 unless told. */
  caller(uid: number, gid: number, pid: number): void {
    setInHeader_uid(this.#u, this.#h, uid)
    setInHeader_gid(this.#u, this.#h, gid)
    setInHeader_pid(this.#u, this.#h, pid)
  }

  /** Adds a name and its NUL. Throws a RangeError for a string that has no form in the encoding. */
  name(name: string | Uint8Array, encoding: NameEncoding = 'utf8'): void {
    if (typeof name !== 'string') {
      this.payload(name)
    } else {
      const length = nameLength(name, encoding)
      if (length < 0) throw new RangeError(`${JSON.stringify(name)} has no form in ${encoding}`)
      putName(this.#bytes, this.#take(length), name, encoding)
    }
    this.#bytes[this.#take(1)] = 0
  }

  /** Adds bytes as they are; the in-struct's count is the caller's. */
  payload(data: Uint8Array): void {
    this.#bytes.set(data, this.#take(data.length))
  }

  /** Adds an extension block (`secctxBlock`, `groupsBlock`), after everything else. */
  extension(block: Uint8Array): void {
    if (this.#extStart < 0) this.#extStart = this.#at
    this.payload(block)
  }

  /** Completes the header. @returns The request's length in bytes. */
  end(): number {
    const length = this.#at - this.#h * 4
    setInHeader_len(this.#u, this.#h, length)
    if (this.#extStart >= 0) setInHeader_totalExtlen(this.#u, this.#h, (this.#at - this.#extStart) / 8)
    return length
  }

  /** Reserves `size` bytes and returns where they start. */
  #take(size: number): number {
    const at = this.#at
    if (at + size > this.#bytes.length) {
      throw new RangeError(
        `request of ${at + size - this.#h * 4} bytes or more in a buffer of ${this.#bytes.length}`,
      )
    }
    this.#at = at + size
    return at
  }
}
