import { RequestFrame } from '../abi/frame.js'
import * as abi from '../abi/gen/structs.js'
import type { NameEncoding } from '../abi/names.js'
import { DataOut } from '../api/data-out.js'
import { DirOut, DirPlusOut } from '../api/dir-out.js'
import { AttrOut, CreateOut, EntryOut, type Lock, LockOut, OpenOut, StatfsOut } from '../api/outs.js'
import { type Reply, Request, type RequestHost } from '../api/request.js'
import { SetattrIn } from '../api/setattr-in.js'
import { StatxOut } from '../api/statx-out.js'
import { Slot } from '../transport/slot.js'
import type { Deferred } from './deferred.js'

/** What a call needs of its session when its handler asks for something unusual. */
export interface CallHost {
  /** Default lifetimes of names and attributes in the kernel's caches, seconds. */
  readonly entryTimeout: number
  readonly attrTimeout: number
  readonly nameEncoding: NameEncoding
  signalOf(call: Call): AbortSignal
  deferredOf(call: Call): Deferred
}

/**
 * One request on its way through the session: its slot, what the frame check found, and the objects that its handler
 * sees. Calls are reused with their slots; `serial` tells one use from the next.
 */
export class Call extends Slot implements RequestHost {
  readonly #host: CallHost
  readonly frame = new RequestFrame()
  readonly request = new Request(this, this)
  readonly data = new DataOut(this)
  readonly attrOut_ = new AttrOut(this)
  readonly entryOut_ = new EntryOut(this)
  readonly openOut_ = new OpenOut(this)
  readonly setattrIn = new SetattrIn(this)
  readonly lock: Lock = { start: 0, end: 0, type: 0, pid: 0 }
  #create: CreateOut | null = null
  #dir: DirOut | null = null
  #dirPlus: DirPlusOut | null = null
  #statfs: StatfsOut | null = null
  #statx: StatxOut | null = null
  #lockOut: LockOut | null = null

  /** The request's names as the filesystem's encoding gives them. */
  name1 = ''
  name2 = ''

  /** Grows with every use, so that a reply kept too long is told from the slot's next request. */
  serial = 0
  /** The reply has left (or must not leave any more); the handler may still be running. */
  answered = false
  /** Moved into memory of its own, waiting for its handler. */
  parked = false
  /** The handler's promise has not settled: its objects may still be written to. */
  handlerRuns = false
  interrupted = false
  controller: AbortController | null = null
  deferred: Deferred | null = null
  /** The handler is on the stack: what it sends is kept until it returns. */
  onStack = false
  /** Waits for a handler's place, in the session's queue. */
  queued = false
  /** Occupies a handler's place. */
  counted = false

  constructor(host: CallHost) {
    super()
    this.#host = host
  }

  /** Makes the call ready for the request that now lies in its memory. */
  begin(): void {
    this.serial++
    this.answered = false
    this.parked = false
    this.handlerRuns = false
    this.interrupted = false
    this.onStack = false
    this.queued = false
    this.counted = false
    this.controller = null
    this.deferred = null
    // Else a listing as long as the bytes referenced last would be sent as those.
    this.data.body = null
    const request = this.request
    request.fileFlags = 0
    request.ioFlags = 0
    request.umask = 0
    request.hasLockOwner = false
  }

  signal(): AbortSignal {
    return this.#host.signalOf(this)
  }
  defer(): Reply {
    return this.#host.deferredOf(this)
  }

  get opcode(): number {
    return this.words[this.header + 1]!
  }
  get node(): number {
    return abi.inHeader_nodeid(this.words, this.header)
  }
  /** `unique` as a map key: the resend bit (63) does not make it another request. */
  get key(): number {
    return (
      abi.inHeader_unique_lo(this.words, this.header) +
      (abi.inHeader_unique_hi(this.words, this.header) & 0x1f_ffff) * 0x1_0000_0000
    )
  }

  /** A view of the payload. The same view serves equal requests, so a stream of writes makes no garbage. */
  payload(): Uint8Array {
    const { payload: payloadStart, payloadLength } = this.frame
    const last = this.#payload
    if (
      last !== null &&
      last.buffer === this.bytes.buffer &&
      last.byteOffset === this.bytes.byteOffset + payloadStart &&
      last.length === payloadLength
    ) {
      return last
    }
    const view = new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + payloadStart, payloadLength)
    this.#payload = view
    return view
  }
  #payload: Uint8Array | null = null

  setLockOwner(low: number, high: number): void {
    this.request.hasLockOwner = true
    this.request.lockOwnerLow = low
    this.request.lockOwnerHigh = high
  }

  /** Clears `words` words of the reply's body. A loop: for these lengths it is quicker than a call of `fill`. */
  clear(words: number): void {
    const { replyWords, body } = this
    for (let i = body; i < body + words; i++) replyWords[i] = 0
  }

  entryOut(): EntryOut {
    this.clear(abi.ENTRY_OUT_WORDS)
    this.#presetEntry()
    return this.entryOut_
  }
  attrOut(): AttrOut {
    this.clear(abi.ATTR_OUT_WORDS)
    if (this.#host.attrTimeout > 0) this.attrOut_.attrTimeout = this.#host.attrTimeout
    return this.attrOut_
  }
  openOut(): OpenOut {
    this.clear(abi.OPEN_OUT_WORDS)
    return this.openOut_
  }
  createOut(): CreateOut {
    this.clear(abi.ENTRY_OUT_WORDS + abi.OPEN_OUT_WORDS)
    this.#presetEntry()
    this.#create ??= new CreateOut(this)
    return this.#create
  }
  statfsOut(): StatfsOut {
    this.clear(abi.STATFS_OUT_WORDS)
    this.#statfs ??= new StatfsOut(this)
    return this.#statfs
  }
  statxOut(): StatxOut {
    this.clear(abi.STATX_OUT_WORDS)
    this.#statx ??= new StatxOut(this)
    if (this.#host.attrTimeout > 0) this.#statx.attrTimeout = this.#host.attrTimeout
    return this.#statx
  }
  lockOut(): LockOut {
    this.clear(abi.LK_OUT_WORDS)
    this.#lockOut ??= new LockOut(this)
    return this.#lockOut
  }
  dataOut(limit: number): DataOut {
    this.data.reset(limit)
    return this.data
  }
  dirOut(limit: number): DirOut {
    this.#dir ??= new DirOut(this)
    this.#dir.reset(limit, this.#host.nameEncoding)
    return this.#dir
  }
  dirPlusOut(limit: number): DirPlusOut {
    this.#dirPlus ??= new DirPlusOut(this)
    this.#dirPlus.reset(limit, this.#host.nameEncoding)
    this.#dirPlus.timeouts(this.#host.entryTimeout, this.#host.attrTimeout)
    return this.#dirPlus
  }
  /** Bytes of directory records that the handler has put. */
  get dirLength(): number {
    return this.#dir?.length ?? 0
  }
  get dirPlusLength(): number {
    return this.#dirPlus?.length ?? 0
  }

  #presetEntry(): void {
    if (this.#host.entryTimeout > 0) this.entryOut_.entryTimeout = this.#host.entryTimeout
    if (this.#host.attrTimeout > 0) this.entryOut_.attrTimeout = this.#host.attrTimeout
  }
}
