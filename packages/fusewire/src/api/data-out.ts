import type { ReplyArea } from './area.js'

/**
 * Bytes as an answer: read, readlink, getxattr, listxattr, ioctl. Either copied into the reply ({@link copy},
 * {@link text}), filled in place ({@link buffer}), or sent from the filesystem's own memory ({@link reference}).
 * Several copies are put one behind the other. More bytes than were asked for are refused with EIO, as the kernel
 * would do.
 */
export class DataOut {
  readonly #area: ReplyArea
  /** Bytes that the caller has room for. */
  limit = 0
  /** Bytes put so far. May be lowered after {@link buffer} when fewer were filled. */
  length = 0
  /** Memory to be sent after the reply's header instead of bytes of the reply, with its range; null when unused. */
  body: Uint8Array | null = null
  bodyStart = 0
  /** Bytes of the reply's body before the data: the fixed struct of ioctl; 0 elsewhere. */
  headroom = 0

  constructor(area: ReplyArea) {
    this.#area = area
  }

  /** The reply's memory, for code that fills it itself from byte {@link start} on and then sets {@link length}. */
  get bytes(): Uint8Array {
    return this.#area.replyBytes
  }
  /** Where in {@link bytes} the next byte goes. */
  get start(): number {
    return this.#at
  }
  /** Bytes that may be filled from {@link start} on. */
  get room(): number {
    return Math.min(this.limit, this.#area.bodyLimit - this.headroom) - this.length
  }

  /** Used by the session before the filesystem sees the object. */
  reset(limit: number): void {
    this.limit = limit
    this.length = 0
    this.body = null
    this.headroom = 0
  }

  /** True when what was put is more than the caller asked for. */
  get overflow(): boolean {
    return this.length > this.limit
  }

  /** Puts a copy of `source[start, end)`. */
  copy(source: Uint8Array, start = 0, end = source.length): void {
    const length = Math.max(0, end - start)
    if (this.#fits(length)) {
      const part = start === 0 && end === source.length ? source : source.subarray(start, end)
      this.#area.replyBytes.set(part, this.#at)
    }
    this.length += length
  }

  /** Puts the text in UTF-8, or byte for byte when `encoding` is `latin1`. */
  text(value: string, encoding: 'utf8' | 'latin1' = 'utf8'): void {
    this.copy(Buffer.from(value, encoding))
  }

  /** Puts `length` zero bytes. */
  zeros(length: number): void {
    if (this.#fits(length)) {
      const at = this.#at
      this.#area.replyBytes.fill(0, at, at + length)
    }
    this.length += length
  }

  /**
   * A place of `length` bytes inside the reply to be filled, valid until the call is answered. Sets
   * {@link length} to it; lower {@link length} when fewer bytes were filled. The bytes are not cleared.
   * At most {@link limit} bytes are given.
   */
  buffer(length: number = this.limit - this.length): Uint8Array {
    const room = Math.min(
      length,
      this.limit - this.length,
      this.#area.bodyLimit - this.headroom - this.length,
    )
    const at = this.#at
    this.#area.pinReply()
    this.length += room
    return this.#area.replyBytes.subarray(at, at + room)
  }

  /**
   * Sends `source[start, end)` from where it lies, without a copy. It must stay unchanged until the call is
   * answered, which for a handler that returns a number is at once. Cannot be mixed with the other ways.
   */
  reference(source: Uint8Array, start = 0, end = source.length): void {
    this.body = source
    this.bodyStart = start
    this.length = Math.max(0, end - start)
  }

  /** Byte index in the reply memory of the next byte to be put. */
  get #at(): number {
    return this.#area.body * 4 + this.headroom + this.length
  }

  #fits(length: number): boolean {
    return this.length + length <= this.limit && this.headroom + this.length + length <= this.#area.bodyLimit
  }
}
