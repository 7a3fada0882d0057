import { errno } from '../../api/errors.js'
import type { Reply } from '../../api/request.js'
import type { Wish } from '../common/lock-circle.js'
import { LockList, type LockRecord } from '../common/lock-list.js'

const EAGAIN = -errno.EAGAIN
/** A lock held outside of the mount gives no sign when it goes: it is tried again after so many milliseconds. */
const RETRY_FIRST = 1
const RETRY_LAST = 32

interface Waiter extends Wish {
  readonly attempt: () => number
  readonly settle: (result: number) => void
}

/** The locks of one file: who holds POSIX locks through the mount, and who waits for locks of either kind. */
export class NodeLocks {
  /** POSIX locks held through the mount. */
  readonly posix = new LockList()
  /** The descriptor that bears an owner's POSIX locks on the backing file, by the owner. */
  readonly owners = new Map<string, number>()
  /** Stands for the BSD locks, which take no part in the search for circles. */
  readonly #bsd = new LockList()
  readonly #waiters = new Set<Waiter>()
  #timer: NodeJS.Timeout | null = null
  #delay = RETRY_FIRST

  get isEmpty(): boolean {
    return this.owners.size === 0 && this.#waiters.size === 0
  }
  get waiting(): Iterable<Wish> {
    return this.#waiters
  }

  /** Answers `reply` when `attempt` no longer says EAGAIN, or with EINTR when `signal` aborts. */
  wait(wanted: LockRecord, isFlock: boolean, attempt: () => number, reply: Reply, signal: AbortSignal): void {
    const interrupt = (): void => waiter.settle(-errno.EINTR)
    const waiter: Waiter = {
      list: isFlock ? this.#bsd : this.posix,
      wanted,
      attempt,
      settle: (result) => {
        this.#waiters.delete(waiter)
        signal.removeEventListener('abort', interrupt)
        reply.send(result)
      },
    }
    this.#waiters.add(waiter)
    if (signal.aborted) {
      interrupt()
      return
    }
    signal.addEventListener('abort', interrupt)
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

  /** The mount has ended. */
  close(closeFd: (fd: number) => void): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    for (const waiter of [...this.#waiters]) waiter.settle(-errno.EINTR)
    for (const fd of this.owners.values()) closeFd(fd)
    this.owners.clear()
  }
}
