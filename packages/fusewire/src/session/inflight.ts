import type { Call } from './call.js'
import type { DispatchRow } from './dispatch.js'

/** A request that waits for a free place, with what is needed to run it. */
export interface Queued {
  readonly call: Call
  readonly row: DispatchRow
}

/**
 * The requests whose answer is still owed: those whose handler waits, by `unique`, and those that wait for a place.
 *
 * The limit is on handlers, not on reading: interrupts and forgets must be read even when every place is taken, or a
 * hung handler could never be interrupted. Requests that wait for a place hold memory of their own; beyond
 * `QUEUE_MAX` of them reading stops, which is when more than 65,536 threads wait for this mount.
 */
export class Inflight {
  readonly #waiting = new Map<number, Call>()
  readonly #limit: number
  #queue: (Queued | null)[] = []
  #head = 0
  #running = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** True when another handler may start. */
  get hasRoom(): boolean {
    return this.#running < this.#limit
  }
  /** Requests without an answer, queued ones included. */
  get size(): number {
    return this.#waiting.size
  }
  get queued(): number {
    return this.#queue.length - this.#head
  }
  get full(): boolean {
    return this.queued >= QUEUE_MAX
  }

  add(call: Call): void {
    this.#waiting.set(call.key, call)
  }
  remove(call: Call): void {
    this.#waiting.delete(call.key)
  }
  find(key: number): Call | undefined {
    return this.#waiting.get(key)
  }
  calls(): Iterable<Call> {
    return this.#waiting.values()
  }

  /** A handler occupies a place from its first wait until it settles, even when its caller was answered before. */
  enter(): void {
    this.#running++
  }
  leave(): void {
    this.#running--
  }

  enqueue(call: Call, row: DispatchRow): void {
    this.#queue.push({ call, row })
  }

  /** The next request to run that still has a caller. */
  dequeue(): Queued | null {
    while (this.#head < this.#queue.length) {
      const next = this.#queue[this.#head]!
      this.#queue[this.#head++] = null
      if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head)
        this.#head = 0
      }
      if (next !== null) return next
    }
    return null
  }

  clear(): Call[] {
    const calls = [...this.#waiting.values()]
    this.#waiting.clear()
    return calls
  }
}

/** Each queued request of ordinary size holds 1.5 KiB: 96 MiB at the most. */
const QUEUE_MAX = 65536
