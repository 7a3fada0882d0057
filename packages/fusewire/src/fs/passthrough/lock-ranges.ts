export const F_RDLCK = 0
export const F_WRLCK = 1
export const F_UNLCK = 2

/** A locked range of bytes, both ends inclusive; `end` Infinity is "to the end". */
export interface Range {
  readonly start: number
  readonly end: number
  readonly type: number
}

/** The ranges that one owner has locked in one file, without overlap. */
export class LockRanges {
  #ranges: Range[] = []

  get empty(): boolean {
    return this.#ranges.length === 0
  }

  /** What was locked there before gives way, as with fcntl(2). */
  set(range: Range): void {
    const kept: Range[] = []
    for (const old of this.#ranges) {
      if (old.end < range.start || old.start > range.end) {
        kept.push(old)
        continue
      }
      if (old.start < range.start) kept.push({ ...old, end: range.start - 1 })
      if (old.end > range.end) kept.push({ ...old, start: range.end + 1 })
    }
    if (range.type !== F_UNLCK) kept.push({ start: range.start, end: range.end, type: range.type })
    this.#ranges = kept
  }

  /** Whether these locks are in the way of another owner's `range`. */
  blocks(range: Range): boolean {
    return this.#ranges.some(
      (own) =>
        own.start <= range.end && own.end >= range.start && (own.type === F_WRLCK || range.type === F_WRLCK),
    )
  }
}
