import type { Slot } from './slot.js'
import type { SlotPool } from './slot-pool.js'

/** What a transport tells the session. Nothing here throws. */
export interface Sink<S extends Slot> {
  /**
   * One request lies in `slot` (`slot.length` bytes). Returns how many bytes of the slot's reply memory are to be
   * sent now; 0 when the reply was sent already, comes later, or never.
   */
  receive(slot: S): number
  /** The reply that `receive` returned could not be sent (a negative errno): the kernel never saw it. */
  replyFailed(slot: S, error: number): void
  /** No request will come any more: 0 after {@link Transport.close}, else the negative errno (ENODEV: unmounted). */
  ended(error: number): void
}

/** Moves requests in and replies out; fills slots, knows nothing of what is in them. */
export interface Transport<S extends Slot> {
  readonly pool: SlotPool<S>
  /** Begins to deliver requests. */
  start(sink: Sink<S>): void
  /** Sends `length` bytes of the slot's reply memory. Returns 0 or a negative errno (ENOENT: nobody waits any more). */
  send(slot: S, length: number): number
  /** Sends `headLength` bytes of the slot's reply memory and `bytes[start, end)` behind them, as one reply. */
  sendWithBody(slot: S, headLength: number, bytes: Uint8Array, start: number, end: number): number
  /** Gives the slot's request memory of its own (see `SlotPool.park`). */
  park(slot: S, keepRequest: boolean, keepReply: boolean): void
  /** Sends a notification, resolving with 0 or a negative errno. May wait long: the kernel takes locks for some. */
  notify(message: Uint8Array): Promise<number>
  /** Stops and resumes taking requests (back-pressure). */
  pause(): void
  resume(): void
  /** Whether a waiting transport keeps the process alive. */
  ref(): void
  unref(): void
  /** Stops; `Sink.ended(0)` follows unless the transport had ended. The descriptor is closed. Idempotent. */
  close(): void
}
