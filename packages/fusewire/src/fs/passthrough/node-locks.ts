import { errno } from '../../api/errors.js'
import type { Reply } from '../../api/request.js'
import type { LockRanges, Range } from './lock-ranges.js'

const EAGAIN = -errno.EAGAIN
/** A lock held outside of the mount gives no sign when it goes: it is tried again after so many milliseconds. */
const RETRY_FIRST = 1
const RETRY_LAST = 32

/** One owner of POSIX locks in one file. Its locks belong to an open file description of its own. */
export interface Owner {
  readonly fd: number
  readonly pid: number
  readonly ranges: LockRanges
}

interface Waiter {
  /** null for a BSD lock, which takes no part in deadlock detection. */
  readonly owner: string | null
  readonly range: Range
  readonly attempt: () => number
  readonly settle: (result: number) => void
}

/** The locks of one file: who holds POSIX locks through the mount, and who waits for locks of either kind. */
export class NodeLocks {
  readonly owners = new Map<string, Owner>()
  readonly #waiters = new Set<Waiter>()
  #timer: NodeJS.Timeout | null = null
  #delay = RETRY_FIRST

  get empty(): boolean {
    return this.owners.size === 0 && this.#waiters.size === 0
  }

  /** The owners whose locks through the mount are in the way of `owner`'s wish. */
  *blockers(owner: string, range: Range): Generator<string> {
    for (const [key, other] of this.owners) if (key !== owner && other.ranges.blocks(range)) yield key
  }

  /** What the owner waits for in this file. */
  wishOf(owner: string): Range | undefined {
    for (const waiter of this.#waiters) if (waiter.owner === owner) return waiter.range
    return undefined
  }

  /** Answers `reply` when `attempt` no longer says EAGAIN, or with EINTR when `signal` aborts. */
  wait(owner: string | null, range: Range, attempt: () => number, reply: Reply, signal: AbortSignal): void {
    const waiter: Waiter = {
      owner,
      range,
      attempt,
      settle: (result) => {
        this.#waiters.delete(waiter)
        signal.removeEventListener('abort', interrupt)
        reply.send(result)
      },
    }
    const interrupt = (): void => waiter.settle(-errno.EINTR)
    if (signal.aborted) {
      reply.send(-errno.EINTR)
      return
    }
    signal.addEventListener('abort', interrupt)
    this.#waiters.add(waiter)
    this.#delay = RETRY_FIRST
    this.#schedule()
  }

  /** Something was unlocked: those who wait try again, in the order in which they came. */
  wake(): void {
    for (const waiter of [...this.#waiters]) {
      if (!this.#waiters.has(waiter)) continue
      const result = waiter.attempt()
      if (result !== EAGAIN) waiter.settle(result)
    }
  }

  #schedule(): void {
    if (this.#timer !== null || this.#waiters.size === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#delay = Math.min(this.#delay * 2, RETRY_LAST)
      this.wake()
      this.#schedule()
    }, this.#delay)
    // The request that waits keeps the mount alive, not its clock.
    this.#timer.unref()
  }

  /** The file is forgotten, or the mount has ended. */
  close(closeFd: (fd: number) => void): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    for (const waiter of [...this.#waiters]) waiter.settle(-errno.EINTR)
    for (const owner of this.owners.values()) closeFd(owner.fd)
    this.owners.clear()
  }
}
