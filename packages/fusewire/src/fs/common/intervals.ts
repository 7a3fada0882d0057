/**
 * A set of whole numbers kept as sorted, disjoint, non-adjacent ranges `[start, end)`. Ranges may reach 2^53-1.
 */
export class IntervalSet {
  /** start, end, start, end ... */
  #bounds: number[] = []
  #total = 0

  /** How many numbers are in the set. */
  get total(): number {
    return this.#total
  }

  /** How many numbers of `[start, end)` are in the set. */
  count(start: number, end: number): number {
    let sum = 0
    for (let i = this.#firstEndingAfter(start); i < this.#bounds.length; i += 2) {
      const from = Math.max(start, this.#at(i))
      const to = Math.min(end, this.#at(i + 1))
      if (from >= to) break
      sum += to - from
    }
    return sum
  }

  /** Adds `[start, end)`. */
  add(start: number, end: number): void {
    if (start >= end) return
    // A range that only touches is joined too, hence `start - 1`.
    const first = this.#firstEndingAfter(start - 1)
    let last = first
    let from = start
    let to = end
    let had = 0
    while (last < this.#bounds.length && this.#at(last) <= end) {
      from = Math.min(from, this.#at(last))
      to = Math.max(to, this.#at(last + 1))
      had += this.#at(last + 1) - this.#at(last)
      last += 2
    }
    this.#bounds.splice(first, last - first, from, to)
    this.#total += to - from - had
  }

  /** Takes `[start, end)` out; answers how many numbers went. */
  delete(start: number, end: number): number {
    if (start >= end) return 0
    const first = this.#firstEndingAfter(start)
    const rest: number[] = []
    let last = first
    let gone = 0
    while (last < this.#bounds.length && this.#at(last) < end) {
      const from = this.#at(last)
      const to = this.#at(last + 1)
      if (from < start) rest.push(from, start)
      if (to > end) rest.push(end, to)
      gone += Math.min(to, end) - Math.max(from, start)
      last += 2
    }
    if (last > first) this.#bounds.splice(first, last - first, ...rest)
    this.#total -= gone
    return gone
  }

  *[Symbol.iterator](): Generator<readonly [start: number, end: number]> {
    for (let i = 0; i < this.#bounds.length; i += 2) yield [this.#at(i), this.#at(i + 1)]
  }

  #at(index: number): number {
    return this.#bounds[index] ?? 0
  }

  /** Index of the first range whose end is behind `position`. */
  #firstEndingAfter(position: number): number {
    let low = 0
    let high = this.#bounds.length / 2
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#at(middle * 2 + 1) > position) high = middle
      else low = middle + 1
    }
    return low * 2
  }
}
