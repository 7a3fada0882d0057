import { LOCK_TYPE } from './constants.js'

/** One lock, held or asked for: a byte range of fcntl(2), or the whole file of flock(2). */
export interface LockRecord {
  /** First byte. */
  start: number
  /** Last byte, inclusive; `Infinity` for the end of the file wherever it comes to be. */
  end: number
  /** `F_RDLCK`, `F_WRLCK`, `F_UNLCK`. */
  type: number
  pid: number
  /** The two halves of the opaque owner. */
  ownerLow: number
  ownerHigh: number
  /** The open file through which it was asked for. */
  handle: number
}

export const sameOwner = (a: LockRecord, b: LockRecord): boolean =>
  a.ownerLow === b.ownerLow && a.ownerHigh === b.ownerHigh

const overlap = (a: LockRecord, b: LockRecord): boolean => a.start <= b.end && b.start <= a.end

const touch = (a: LockRecord, b: LockRecord): boolean => a.start <= b.end + 1 && b.start <= a.end + 1

/**
 * The locks held on one file, of one kind (POSIX or BSD). Locks of one owner never overlap, and neighbours of the
 * same type are one lock.
 */
export class LockList {
  #held: LockRecord[] = []

  get size(): number {
    return this.#held.length
  }

  /** The locks of others that are in the way of `wanted`. */
  *conflicts(wanted: LockRecord): Generator<LockRecord> {
    if (wanted.type === LOCK_TYPE.UNLCK) return
    for (const held of this.#held) {
      if (sameOwner(held, wanted) || !overlap(held, wanted)) continue
      if (held.type === LOCK_TYPE.WRLCK || wanted.type === LOCK_TYPE.WRLCK) yield held
    }
  }

  /** The first lock in the way, or null. */
  conflict(wanted: LockRecord): LockRecord | null {
    for (const held of this.conflicts(wanted)) return held
    return null
  }

  /** True when the owner of `wanted` holds a lock of just this type and range. */
  holds(wanted: LockRecord): boolean {
    return this.#held.some(
      (held) =>
        sameOwner(held, wanted) &&
        held.type === wanted.type &&
        held.start === wanted.start &&
        held.end === wanted.end,
    )
  }

  /**
   * Sets, changes or (F_UNLCK) removes the owner's lock on the range: what the owner held there before is split or
   * swallowed. Nothing may be in the way.
   */
  apply(wanted: LockRecord): void {
    const merged: LockRecord = { ...wanted }
    const next: LockRecord[] = []
    for (const held of this.#held) {
      if (!sameOwner(held, wanted)) {
        next.push(held)
      } else if (held.type === merged.type && touch(held, merged)) {
        merged.start = Math.min(merged.start, held.start)
        merged.end = Math.max(merged.end, held.end)
      } else if (overlap(held, merged)) {
        if (held.start < merged.start) next.push({ ...held, end: merged.start - 1 })
        if (held.end > merged.end) next.push({ ...held, start: merged.end + 1 })
      } else {
        next.push(held)
      }
    }
    if (merged.type !== LOCK_TYPE.UNLCK) next.push(merged)
    this.#held = next
  }

  /** Drops the locks that `gone` picks; answers whether there were any. */
  drop(gone: (held: LockRecord) => boolean): boolean {
    const kept = this.#held.filter((held) => !gone(held))
    const dropped = kept.length < this.#held.length
    this.#held = kept
    return dropped
  }

  [Symbol.iterator](): Iterator<LockRecord> {
    return this.#held[Symbol.iterator]()
  }
}
