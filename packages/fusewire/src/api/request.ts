import * as abi from '../abi/gen/structs.js'
import type { RequestArea } from './area.js'

/**
 * What a handler returns: a number (0 or a count on success, a negative errno otherwise), a promise of one, or the
 * {@link Reply} that {@link Request.defer} gave. A thrown error is an errno too (see `errnoOf`).
 */
export type Result = number | PromiseLike<number> | Reply

/** The right to answer one request later, once. */
export interface Reply {
  /**
   * Answers the request with what a handler would have returned. The second call, or one after the mount has
   * ended, changes nothing: it is counted and logged, and returns false.
   */
  send(result: number): boolean
  /** Answers with the errno of an error. */
  fail(error: unknown): boolean
  readonly answered: boolean
}

/** What the session does for a request on demand. */
export interface RequestHost {
  signal(): AbortSignal
  defer(): Reply
}

/**
 * Who asks, and the lesser fields of the request. The object belongs to one request from its handler's call until its
 * answer; afterwards it serves another one, so keep copies of what is needed, not the object.
 */
export class Request {
  readonly #area: RequestArea
  readonly #host: RequestHost
  /** `open(2)` flags of the open file in read, write, release; 0 elsewhere. */
  fileFlags = 0
  /** `read_flags`, `write_flags`, `release_flags`, `ioctl` flags, `setxattr_flags`, `poll` flags; 0 elsewhere. */
  ioFlags = 0
  /** The caller's umask in mknod, mkdir, create and tmpfile (already applied unless DONT_MASK was negotiated). */
  umask = 0
  /** True when {@link lockOwner} means something. */
  hasLockOwner = false
  /** The two halves of the opaque owner of POSIX locks; equal halves mean the same owner. */
  lockOwnerLow = 0
  lockOwnerHigh = 0

  constructor(area: RequestArea, host: RequestHost) {
    this.#area = area
    this.#host = host
  }

  /** User id of the calling process; 0xffffffff where an idmapped mount hides it. */
  get uid(): number {
    return abi.inHeader_uid(this.#area.words, this.#area.header)
  }
  /** Group id of the calling process. */
  get gid(): number {
    return abi.inHeader_gid(this.#area.words, this.#area.header)
  }
  /** Process (thread) id of the caller in the pid namespace of the mounter; 0 when it is not visible there. */
  get pid(): number {
    return abi.inHeader_pid(this.#area.words, this.#area.header)
  }
  /**
   * The two halves of a readdir's or readdirplus's `offset`, exactly: positions of foreign filesystems use all 64 bits
   * (ext4's are hashes), where the number is rounded above 2^53.
   */
  get cookieLow(): number {
    return abi.readIn_offset_lo(this.#area.words, this.#area.op)
  }
  get cookieHigh(): number {
    return abi.readIn_offset_hi(this.#area.words, this.#area.op)
  }
  get opcode(): number {
    return abi.inHeader_opcode(this.#area.words, this.#area.header)
  }
  /** The request's number, for messages. */
  get unique(): bigint {
    const { words, header } = this.#area
    return (
      (BigInt(abi.inHeader_unique_hi(words, header)) << 32n) | BigInt(abi.inHeader_unique_lo(words, header))
    )
  }
  /** The opaque owner of POSIX locks as one string, usable as a key. */
  get lockOwner(): string {
    return `${this.lockOwnerHigh.toString(16)}:${this.lockOwnerLow.toString(16)}`
  }

  /**
   * Aborted when the calling process is interrupted (a signal, Ctrl-C) or the mount ends. Made on demand. A handler
   * that stops early answers `-EINTR`; it may also ignore the signal.
   */
  get signal(): AbortSignal {
    return this.#host.signal()
  }

  /** Takes the answer out of the handler's return value: return the {@link Reply} and send it once, later. */
  defer(): Reply {
    return this.#host.defer()
  }
}
