/** Bytes of a page. */
export const PAGE = 4096

/** The cached pages of one file. Every page that is here is up to date. */
export class PageCache {
  readonly #pages = new Map<number, Buffer>()

  get size(): number {
    return this.#pages.size
  }

  has(index: number): boolean {
    return this.#pages.has(index)
  }

  page(index: number): Buffer | undefined {
    return this.#pages.get(index)
  }

  /** Puts what was read from `offset` (a page's start) on; the rest of the last page is zeroes. */
  fill(offset: number, data: Uint8Array, pages: number): void {
    for (let i = 0; i < pages; i++) {
      const page = Buffer.alloc(PAGE)
      page.set(data.subarray(i * PAGE, Math.min((i + 1) * PAGE, data.length)))
      this.#pages.set(offset / PAGE + i, page)
    }
  }

  /**
   * Writes through: pages that are cached take the bytes, pages that are covered whole become cached. `end` is the
   * file's size after the write, because a last page up to the end is covered whole too.
   */
  write(offset: number, data: Uint8Array, end: number): void {
    for (let at = offset; at < offset + data.length; ) {
      const index = Math.floor(at / PAGE)
      const from = at - index * PAGE
      const part = data.subarray(at - offset, at - offset + PAGE - from)
      const known = this.#pages.get(index)
      if (known !== undefined) known.set(part, from)
      else if (from === 0 && (part.length === PAGE || at + part.length >= end))
        this.fill(index * PAGE, part, 1)
      at += part.length
    }
  }

  read(offset: number, target: Uint8Array): void {
    for (let at = offset; at < offset + target.length; ) {
      const index = Math.floor(at / PAGE)
      const from = at - index * PAGE
      const length = Math.min(PAGE - from, offset + target.length - at)
      const page = this.#pages.get(index)
      if (page === undefined) throw new Error(`page ${index} is not cached`)
      target.set(page.subarray(from, from + length), at - offset)
      at += length
    }
  }

  /** Drops the pages that `offset` to `end` touches. */
  drop(offset = 0, end = Number.POSITIVE_INFINITY): void {
    const first = Math.floor(offset / PAGE)
    for (const index of [...this.#pages.keys()]) {
      if (index >= first && index * PAGE < end) this.#pages.delete(index)
    }
  }

  /** The file ends at `size` now: later pages go, the rest of the last one is zeroes. */
  truncate(size: number): void {
    this.drop(Math.ceil(size / PAGE) * PAGE)
    if (size % PAGE !== 0) this.#pages.get(Math.floor(size / PAGE))?.fill(0, size % PAGE)
  }

  /** Contiguous cached bytes from `offset` on, at most `limit`: what NOTIFY_RETRIEVE gives back. */
  contiguous(offset: number, limit: number): number {
    let end = offset
    while (end < offset + limit && this.#pages.has(Math.floor(end / PAGE))) {
      end = (Math.floor(end / PAGE) + 1) * PAGE
    }
    return Math.min(end, offset + limit) - offset
  }
}
