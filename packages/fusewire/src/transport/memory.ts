import { errno } from '../abi/errno.js'
import type { Slot } from './slot.js'
import { SlotPool, type SlotSizes } from './slot-pool.js'
import type { Sink, Transport } from './transport.js'

/** The other end of a {@link MemoryTransport}: whoever plays the kernel. */
export interface KernelSide {
  /**
   * A reply has been sent. `bytes` is valid during the call only.
   * @returns 0, or the negative errno that the session shall see (-ENOENT: nobody waits for this reply)
   */
  reply(bytes: Uint8Array): number
  /** A notification has been sent; what the kernel makes of it, 0 or a negative errno. */
  notification(bytes: Uint8Array): number | Promise<number>
  /** The session has let go of the connection. */
  closed(): void
}

/** Requests and replies without a kernel and without a descriptor, on any system. */
export class MemoryTransport<S extends Slot> implements Transport<S> {
  readonly pool: SlotPool<S>
  readonly #kernel: KernelSide
  readonly #held: Uint8Array[] = []
  #sink: Sink<S> | null = null
  #paused = false
  #ended = false
  /** The session looks at a request: another one would overwrite its memory. */
  #busy = false

  constructor(kernel: KernelSide, create: () => S, sizes: SlotSizes) {
    this.#kernel = kernel
    this.pool = new SlotPool(create, sizes)
  }

  start(sink: Sink<S>): void {
    this.#sink = sink
    this.#drain()
  }

  /**
   * Delivers one request (copied). 0, -EINVAL when it is larger than the receive memory, -ENODEV after the end.
   * While the session has paused, or is inside of another request, requests wait in order.
   */
  deliver(request: Uint8Array): number {
    if (this.#ended) return -errno.ENODEV
    if (request.length > this.pool.receive.bytes.length) return -errno.EINVAL
    this.#held.push(request.slice())
    this.#drain()
    return 0
  }

  /** Ends the connection from the kernel's side, as umount(2) (ENODEV) or an abort (ECONNABORTED) does. */
  disconnect(error: number = -errno.ENODEV): void {
    if (this.#ended) return
    this.#ended = true
    this.#held.length = 0
    this.#sink?.ended(error)
  }

  send(slot: S, length: number): number {
    if (this.#ended) return -errno.ENOENT
    return this.#kernel.reply(slot.replyBytes.subarray(0, length))
  }

  sendWithBody(slot: S, headLength: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.#ended) return -errno.ENOENT
    return this.#kernel.reply(
      Buffer.concat([slot.replyBytes.subarray(0, headLength), bytes.subarray(start, end)]),
    )
  }

  park(slot: S, keepRequest: boolean, keepReply: boolean): void {
    this.pool.park(slot, keepRequest, keepReply)
  }

  async notify(message: Uint8Array): Promise<number> {
    return this.#ended ? -errno.ENODEV : this.#kernel.notification(message)
  }

  pause(): void {
    this.#paused = true
  }
  resume(): void {
    this.#paused = false
    this.#drain()
  }
  ref(): void {}
  unref(): void {}

  close(): void {
    if (this.#ended) return
    this.#ended = true
    this.#held.length = 0
    this.#kernel.closed()
    this.#sink?.ended(0)
  }

  #drain(): void {
    if (this.#busy || this.#sink === null) return
    while (!this.#paused && !this.#ended) {
      const request = this.#held.shift()
      if (request === undefined) return
      this.#busy = true
      this.#receive(request)
      this.#busy = false
    }
  }

  #receive(request: Uint8Array): void {
    const slot = this.pool.current
    this.pool.receive.bytes.set(request)
    slot.length = request.length
    const length = this.#sink!.receive(slot)
    if (length === 0) return
    const error = this.#kernel.reply(slot.replyBytes.subarray(0, length))
    if (error < 0) this.#sink!.replyFailed(slot, error)
  }
}
