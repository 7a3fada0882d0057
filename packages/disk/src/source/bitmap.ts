/** Bits of one page; a page exists only where a bit is set, so a terabyte disk starts at nothing. */
const PAGE_BITS = 32768

/** A large, mostly empty set of small integers. */
export class SparseBitmap {
  readonly #pages = new Map<number, Uint8Array>()

  has(index: number): boolean {
    const page = this.#pages.get(Math.floor(index / PAGE_BITS))
    if (page === undefined) return false
    const bit = index % PAGE_BITS
    return ((page[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0
  }

  add(index: number): void {
    const key = Math.floor(index / PAGE_BITS)
    let page = this.#pages.get(key)
    if (page === undefined) {
      page = new Uint8Array(PAGE_BITS / 8)
      this.#pages.set(key, page)
    }
    const bit = index % PAGE_BITS
    page[bit >> 3] = (page[bit >> 3] ?? 0) | (1 << (bit & 7))
  }

  clear(): void {
    this.#pages.clear()
  }

  /** How many integers from `index` on (at most `most`, at least 1) are like `index`: all in the set, or all not. */
  run(index: number, most: number): number {
    const state = this.has(index)
    let count = 1
    while (count < most) {
      const next = index + count
      if (!state && next % PAGE_BITS === 0 && !this.#pages.has(next / PAGE_BITS)) {
        count += PAGE_BITS
      } else if (this.has(next) === state) {
        count++
      } else break
    }
    return Math.min(count, most)
  }

  /** Runs of members in ascending order. */
  *runs(): Generator<{ start: number; length: number }> {
    let start = -1
    let end = -1
    for (const key of [...this.#pages.keys()].sort((a, b) => a - b)) {
      for (let bit = 0; bit < PAGE_BITS; bit++) {
        const index = key * PAGE_BITS + bit
        if (!this.has(index)) continue
        if (index !== end) {
          if (start >= 0) yield { start, length: end - start }
          start = index
        }
        end = index + 1
      }
    }
    if (start >= 0) yield { start, length: end - start }
  }
}
