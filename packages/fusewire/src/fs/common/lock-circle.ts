import { type LockList, type LockRecord, sameOwner } from './lock-list.js'

/** A lock that somebody waits for, and the list of those that are in its way. */
export interface Wish {
  readonly list: LockList
  readonly wanted: LockRecord
}

/** True when somebody in the way of `wanted` waits, maybe through others, for the owner of `wanted`. */
export function closesCircle(waiting: Iterable<Wish>, list: LockList, wanted: LockRecord): boolean {
  const pending: LockRecord[] = [...list.conflicts(wanted)]
  const seen: LockRecord[] = []
  for (let blocker = pending.pop(); blocker !== undefined; blocker = pending.pop()) {
    const current = blocker
    if (seen.some((other) => sameOwner(other, current))) continue
    seen.push(current)
    for (const waiter of waiting) {
      if (!sameOwner(waiter.wanted, current)) continue
      for (const next of waiter.list.conflicts(waiter.wanted)) {
        if (sameOwner(next, wanted)) return true
        pending.push(next)
      }
    }
  }
  return false
}
