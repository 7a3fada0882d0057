import { errno } from '../../api/errors.js'
import { LOCK_TYPE } from './constants.js'
import { closesCircle, type Wish } from './lock-circle.js'
import { LockList, type LockRecord, sameOwner } from './lock-list.js'

/** Somebody who waits for a lock. */
interface Waiter extends Wish {
  readonly locks: NodeLocks
  readonly finish: (result: number) => void
}

/** The locks of one file: of fcntl(2), of flock(2) (they do not see each other), and who waits for one. */
export class NodeLocks {
  readonly posix = new LockList()
  readonly flock = new LockList()
  readonly waiters: Waiter[] = []

  get isEmpty(): boolean {
    return this.posix.size === 0 && this.flock.size === 0 && this.waiters.length === 0
  }
}

/**
 * Grants locks, lets wait, wakes, and finds circles of owners that wait for each other. One for each filesystem:
 * a circle may lead through several files.
 */
export class LockManager {
  /** Everyone who waits for a POSIX lock, on whatever file. */
  readonly #waiting = new Set<Waiter>()

  /**
   * Sets or removes a lock of fcntl(2). Answers 0, -EAGAIN (in the way, and `wait` false), -EDEADLK; or, when it
   * has to wait, a promise of 0, -EDEADLK, or -EINTR once the signal aborts.
   */
  setPosix(
    locks: NodeLocks,
    wanted: LockRecord,
    wait: boolean,
    signal: () => AbortSignal,
  ): number | Promise<number> {
    if (locks.posix.conflict(wanted) !== null) {
      if (!wait) return -errno.EAGAIN
      if (closesCircle(this.#waiting, locks.posix, wanted)) return -errno.EDEADLK
      return this.#wait(locks, locks.posix, { ...wanted }, signal())
    }
    locks.posix.apply(wanted)
    this.wake(locks)
    return 0
  }

  /**
   * Sets or removes a lock of flock(2); as {@link setPosix}, without the search for circles (the owners are open
   * files, which wait for nothing). Changing the type gives the old lock up first, as flock(2) says.
   */
  setFlock(
    locks: NodeLocks,
    wanted: LockRecord,
    wait: boolean,
    signal: () => AbortSignal,
  ): number | Promise<number> {
    if (locks.flock.holds(wanted)) return 0
    if (locks.flock.drop((held) => sameOwner(held, wanted))) this.wake(locks)
    if (wanted.type === LOCK_TYPE.UNLCK) return 0
    if (locks.flock.conflict(wanted) === null) {
      locks.flock.apply(wanted)
      return 0
    }
    return wait ? this.#wait(locks, locks.flock, { ...wanted }, signal()) : -errno.EAGAIN
  }

  /** Drops all POSIX locks of an owner on the file: close(2) of any descriptor does. */
  dropOwner(locks: NodeLocks, ownerLow: number, ownerHigh: number): void {
    const isGone = (held: LockRecord): boolean => held.ownerLow === ownerLow && held.ownerHigh === ownerHigh
    if (locks.posix.drop(isGone)) this.wake(locks)
  }

  /**
   * Drops every lock that was asked for through an open file that is no more. For the locks of flock(2) and for open
   * file description locks this is where they end: the kernel sends no unlock for them.
   */
  dropHandle(locks: NodeLocks, handle: number): void {
    const isGone = (held: LockRecord): boolean => held.handle === handle
    const posix = locks.posix.drop(isGone)
    const flock = locks.flock.drop(isGone)
    if (posix || flock) this.wake(locks)
  }

  /** Grants what can be granted now, first come first served, until nothing changes any more. */
  wake(locks: NodeLocks): void {
    for (let i = 0; i < locks.waiters.length; ) {
      const waiter = locks.waiters[i]
      if (waiter === undefined) return
      if (waiter.list.conflict(waiter.wanted) !== null) {
        i++
        continue
      }
      waiter.list.apply(waiter.wanted)
      waiter.finish(0)
      // A lock that replaced a stronger one of the same owner may have let others in.
      i = 0
    }
    // Those who still wait may wait for somebody else now.
    for (const waiter of [...locks.waiters]) {
      if (this.#waiting.has(waiter) && closesCircle(this.#waiting, waiter.list, waiter.wanted))
        waiter.finish(-errno.EDEADLK)
    }
  }

  #wait(locks: NodeLocks, list: LockList, wanted: LockRecord, signal: AbortSignal): number | Promise<number> {
    if (signal.aborted) return -errno.EINTR
    return new Promise((resolve) => {
      const onAbort = (): void => waiter.finish(-errno.EINTR)
      const waiter: Waiter = {
        locks,
        list,
        wanted,
        finish: (result) => {
          signal.removeEventListener('abort', onAbort)
          locks.waiters.splice(locks.waiters.indexOf(waiter), 1)
          this.#waiting.delete(waiter)
          resolve(result)
        },
      }
      locks.waiters.push(waiter)
      if (list === locks.posix) this.#waiting.add(waiter)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}
