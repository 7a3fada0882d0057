/** Bytes of `fuse_out_header`; the reply's body lies behind it. */
export const OUT_HEADER_BYTES = 16
const OUT_HEADER_WORDS = 4
const IN_HEADER_WORDS = 10

/**
 * A waiting request of up to this size is copied out of the receive buffer, so that the big buffer goes back to the
 * reader at once. Every request without payload and with names below about 900 bytes fits.
 */
export const SMALL_REQUEST_BYTES = 1024
/** The largest reply without payload is `fuse_statx_out`, 288 bytes behind its header. */
const SMALL_REPLY_BYTES = 512

/** One piece of memory, seen as bytes and as words. */
export class Memory {
  readonly bytes: Buffer
  readonly words: Uint32Array

  constructor(size: number) {
    const memory = new ArrayBuffer((size + 7) & ~7)
    this.bytes = Buffer.from(memory)
    this.words = new Uint32Array(memory)
  }
}

/**
 * The place of one request from its arrival to its reply. A request that is answered at once lives in the pool's
 * shared receive and reply memory; one that waits is moved into memory of its own ({@link SlotPool.park}). Whoever
 * looks at the request therefore asks the slot for `words` and `bytes` each time.
 */
export class Slot {
  words: Uint32Array
  bytes: Buffer
  header = 0
  op = IN_HEADER_WORDS
  /** Bytes of the request, header included. */
  length = 0

  replyWords: Uint32Array
  replyBytes: Buffer
  body = OUT_HEADER_WORDS
  bodyLimit = 0
  /** True when somebody holds a view of the reply memory. */
  replyPinned = false

  /** Big memory that this slot took away from the pool, to be given back at its release. */
  receive: Memory | null = null
  reply: Memory | null = null
  #smallRequest: Memory | null = null
  #smallReply: Memory | null = null

  constructor() {
    this.words = NOTHING.words
    this.bytes = NOTHING.bytes
    this.replyWords = NOTHING.words
    this.replyBytes = NOTHING.bytes
  }

  pinReply(): void {
    this.replyPinned = true
  }

  /** Lays the slot over the pool's shared memory for the next request. */
  share(receive: Memory, reply: Memory): void {
    this.words = receive.words
    this.bytes = receive.bytes
    this.replyWords = reply.words
    this.replyBytes = reply.bytes
    this.bodyLimit = reply.bytes.length - OUT_HEADER_BYTES
    this.replyPinned = false
  }

  /** Moves the request into the slot's small memory. */
  copyRequest(): void {
    this.#smallRequest ??= new Memory(SMALL_REQUEST_BYTES)
    this.#smallRequest.words.set(this.words.subarray(0, (this.length + 3) >> 2))
    this.words = this.#smallRequest.words
    this.bytes = this.#smallRequest.bytes
  }

  /** Moves what has been built of a small reply into the slot's small memory. */
  copyReply(): void {
    this.#smallReply ??= new Memory(SMALL_REPLY_BYTES)
    this.#smallReply.words.set(this.replyWords.subarray(0, SMALL_REPLY_BYTES / 4))
    this.replyWords = this.#smallReply.words
    this.replyBytes = this.#smallReply.bytes
    this.bodyLimit = SMALL_REPLY_BYTES - OUT_HEADER_BYTES
  }

  /**
   * Writes `fuse_out_header`.
   * @param length bytes of the whole reply
   * @param error 0 or a negative errno
   */
  putHeader(length: number, error: number): void {
    const reply = this.replyWords
    reply[0] = length
    reply[1] = error
    reply[2] = this.words[this.header + 2]!
    reply[3] = this.words[this.header + 3]!
  }
}

const NOTHING = new Memory(0)
