import { Memory, OUT_HEADER_BYTES, type Slot, SMALL_REQUEST_BYTES } from './slot.js'

/** Big buffers kept for reuse; more than this many idle ones are left to the garbage collector. */
const IDLE_MEMORY_MAX = 8
/** Idle slots kept for reuse; one costs about 2 KiB. */
const IDLE_SLOTS_MAX = 1024

export interface SlotSizes {
  /** Bytes of the largest request, header included: the kernel demands max(8192, 80 + max_write). */
  request: number
  /** Bytes of the largest reply body: READ and READDIR of max_pages, or a 64 KiB extended attribute. */
  replyBody: number
}

/**
 * The memory of a transport: one current slot over one shared receive buffer and one shared reply buffer, and more of
 * both for requests that wait. Memory is bounded by the session's limit on requests in flight; untouched pages of a
 * big buffer cost nothing, as the system hands them out zeroed on first use.
 */
export class SlotPool<S extends Slot> {
  readonly #create: () => S
  readonly #sizes: SlotSizes
  readonly #idleSlots: S[] = []
  readonly #idleReceive: Memory[] = []
  readonly #idleReply: Memory[] = []
  #receive: Memory
  #reply: Memory
  current: S

  constructor(create: () => S, sizes: SlotSizes) {
    this.#create = create
    this.#sizes = sizes
    this.#receive = new Memory(sizes.request)
    this.#reply = new Memory(sizes.replyBody + OUT_HEADER_BYTES)
    this.current = create()
    this.current.share(this.#receive, this.#reply)
  }

  /** The memory that the next request is to be read into. */
  get receive(): Memory {
    return this.#receive
  }

  /** The memory that the next immediate reply is built in. */
  get reply(): Memory {
    return this.#reply
  }

  /**
   * Gives the current request memory of its own, because its answer comes later, and makes another slot current.
   * @param keepRequest somebody holds a view of the request's payload: the receive buffer stays with the request
   * @param keepReply the reply may become large: the reply buffer stays with the request
   */
  park(slot: S, keepRequest: boolean, keepReply: boolean): void {
    if (keepRequest || slot.length > SMALL_REQUEST_BYTES) {
      slot.receive = this.#receive
      this.#receive = this.#idleReceive.pop() ?? new Memory(this.#sizes.request)
    } else slot.copyRequest()
    if (keepReply || slot.replyPinned) {
      slot.reply = this.#reply
      this.#reply = this.#idleReply.pop() ?? new Memory(this.#sizes.replyBody + OUT_HEADER_BYTES)
    } else slot.copyReply()
    this.current = this.#idleSlots.pop() ?? this.#create()
    this.current.share(this.#receive, this.#reply)
  }

  /** Takes back a parked slot whose request has been answered and whose handler has settled. */
  release(slot: S): void {
    if (slot.receive !== null && this.#idleReceive.length < IDLE_MEMORY_MAX)
      this.#idleReceive.push(slot.receive)
    if (slot.reply !== null && this.#idleReply.length < IDLE_MEMORY_MAX) this.#idleReply.push(slot.reply)
    slot.receive = null
    slot.reply = null
    if (this.#idleSlots.length < IDLE_SLOTS_MAX) this.#idleSlots.push(slot)
  }
}
