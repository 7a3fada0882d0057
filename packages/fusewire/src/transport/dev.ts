import { errno } from '../abi/errno.js'
import { type DeviceCalls, deviceCalls, type Notifier, type Pump } from '../native/dev.js'
import type { Slot } from './slot.js'
import { SlotPool, type SlotSizes } from './slot-pool.js'
import type { Sink, Transport } from './transport.js'

/**
 * Requests and replies through a `/dev/fuse` descriptor on the event loop. The addon's pump reads each request straight
 * into the pool's receive memory and writes an immediate reply from its reply memory: one crossing and two system
 * calls a request. Owns the descriptor.
 */
export class DevTransport<S extends Slot> implements Transport<S> {
  readonly pool: SlotPool<S>
  readonly #fd: number
  readonly #calls: DeviceCalls = deviceCalls()
  readonly #done = new Map<number, (result: number) => void>()
  #sink: Sink<S> | null = null
  #pump: Pump | null = null
  #notifier: Notifier | null = null
  #lastNotification = 0
  #closed = false

  constructor(fd: number, create: () => S, sizes: SlotSizes) {
    this.#fd = fd
    this.pool = new SlotPool(create, sizes)
  }

  start(sink: Sink<S>): void {
    this.#sink = sink
    const pump = this.#calls.pumpStart(
      this.#fd,
      this.pool.receive.bytes,
      this.pool.reply.bytes,
      this.#onRequest,
      (error) => this.#end(error),
      (error) => sink.replyFailed(this.pool.current, error),
    )
    if (typeof pump === 'number')
      throw new Error(`the FUSE descriptor ${this.#fd} cannot be polled (errno ${-pump})`)
    this.#pump = pump
  }

  readonly #onRequest = (bytes: number): number => {
    const slot = this.pool.current
    slot.length = bytes
    return this.#sink!.receive(slot)
  }

  send(slot: S, length: number): number {
    if (this.#closed) return -errno.ENODEV
    return this.#calls.writeOne(this.#fd, slot.replyBytes, 0, length)
  }

  sendWithBody(slot: S, headLength: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.#closed) return -errno.ENODEV
    return this.#calls.writeTwo(this.#fd, slot.replyBytes, 0, headLength, bytes, start, end - start)
  }

  park(slot: S, keepRequest: boolean, keepReply: boolean): void {
    const { receive, reply } = this.pool
    this.pool.park(slot, keepRequest, keepReply)
    if (this.#pump === null) return
    if (this.pool.receive !== receive) this.#calls.pumpSetRx(this.#pump, this.pool.receive.bytes)
    if (this.pool.reply !== reply) this.#calls.pumpSetReply(this.#pump, this.pool.reply.bytes)
  }

  notify(message: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.resolve(-errno.ENODEV)
    const notifier = this.#startNotifier()
    if (typeof notifier === 'number') return Promise.resolve(notifier)
    const id = ++this.#lastNotification
    const queued = this.#calls.notifierSend(notifier, message, id)
    if (queued < 0) return Promise.resolve(queued)
    return new Promise((resolve) => this.#done.set(id, resolve))
  }

  pause(): void {
    if (this.#pump !== null) this.#calls.pumpPause(this.#pump)
  }
  resume(): void {
    if (this.#pump !== null) this.#calls.pumpResume(this.#pump)
  }
  ref(): void {
    if (this.#pump !== null) this.#calls.pumpRef(this.#pump)
  }
  unref(): void {
    if (this.#pump !== null) this.#calls.pumpUnref(this.#pump)
  }

  close(): void {
    this.#end(0)
  }

  #startNotifier(): Notifier | number {
    if (this.#notifier !== null) return this.#notifier
    const started = this.#calls.notifierStart(this.#fd, (id, result) => {
      const resolve = this.#done.get(id)
      this.#done.delete(id)
      resolve?.(result)
    })
    if (typeof started !== 'number') this.#notifier = started
    return started
  }

  /** The connection has ended, or shall end: closing the last descriptor aborts it. */
  #end(error: number): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#pump !== null) this.#calls.pumpStop(this.#pump)
    if (this.#notifier !== null) this.#calls.notifierStop(this.#notifier)
    this.#calls.closeFd(this.#fd)
    for (const resolve of this.#done.values()) resolve(-errno.ENODEV)
    this.#done.clear()
    this.#sink?.ended(error)
  }
}
