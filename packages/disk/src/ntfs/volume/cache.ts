import type { BlockSource } from '../../source/source.js'

/** Bytes of a page, and of the unit in which changes are remembered (the least a disk writes). */
const PAGE = 65536
const SECTOR = 512
/** Most bytes of one write of a flush. */
const WRITE_MAX = 1 << 20

/** Bytes that a flush brings to the medium. */
export interface Change {
  readonly position: number
  readonly bytes: Uint8Array
}

interface Page {
  readonly bytes: Uint8Array
  /** One flag per sector; null while nothing is changed. */
  dirty: Uint8Array | null
}

/**
 * Write-back cache for metadata: MFT records, index blocks, bitmaps. File contents pass beside it, so every byte
 * position must belong to one side only: `forget` hands clusters over when they are freed.
 *
 * Nothing reaches the source before `flush`; until then the medium keeps the state of the flush before.
 */
export class MetadataCache {
  readonly #source: BlockSource
  readonly #pages = new Map<number, Page>()
  readonly #pagesMax: number
  #dirtyPages = 0

  /** @param bytesMax memory for clean pages; changed ones stay until the flush. */
  constructor(source: BlockSource, bytesMax: number) {
    this.#source = source
    this.#pagesMax = Math.max(4, Math.floor(bytesMax / PAGE))
  }

  /** Bytes of the pages that wait for a flush. */
  get dirtyBytes(): number {
    return this.#dirtyPages * PAGE
  }

  #page(index: number): Page {
    const found = this.#pages.get(index)
    if (found !== undefined) return found
    if (this.#pages.size - this.#dirtyPages >= this.#pagesMax) this.#evict()
    const start = index * PAGE
    const bytes = new Uint8Array(Math.min(PAGE, this.#source.size - start))
    this.#source.readSync(start, bytes)
    const page = { bytes, dirty: null }
    this.#pages.set(index, page)
    return page
  }

  /** Drops a quarter of the clean pages, the oldest first. */
  #evict(): void {
    let left = this.#pagesMax >> 2
    for (const [index, page] of this.#pages) {
      if (left === 0) return
      if (page.dirty !== null) continue
      this.#pages.delete(index)
      left--
    }
  }

  read(position: number, length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const at = position + done
      const inside = at % PAGE
      const part = Math.min(PAGE - inside, length - done)
      const page = this.#page(Math.floor(at / PAGE))
      if (inside === 0 && part === PAGE) out.set(page.bytes, done)
      else out.set(page.bytes.subarray(inside, inside + part), done)
      done += part
    }
    return out
  }

  /** Changes bytes; whole 512-byte sectors around them are written by the next flush. */
  write(position: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = position + done
      const inside = at % PAGE
      const part = Math.min(PAGE - inside, bytes.length - done)
      const page = this.#page(Math.floor(at / PAGE))
      page.bytes.set(bytes.subarray(done, done + part), inside)
      if (page.dirty === null) {
        page.dirty = new Uint8Array(PAGE / SECTOR)
        this.#dirtyPages++
      }
      page.dirty.fill(1, Math.floor(inside / SECTOR), Math.ceil((inside + part) / SECTOR))
      done += part
    }
  }

  /** Forgets changes and contents of freed clusters: somebody else writes there from now on. */
  forget(position: number, length: number): void {
    const first = Math.floor(position / PAGE)
    const last = Math.floor((position + length - 1) / PAGE)
    if (last - first > this.#pages.size) {
      for (const index of [...this.#pages.keys()]) {
        if (index >= first && index <= last) this.#forgetIn(index, position, length)
      }
      return
    }
    for (let index = first; index <= last; index++) this.#forgetIn(index, position, length)
  }

  #forgetIn(index: number, position: number, length: number): void {
    const page = this.#pages.get(index)
    if (page === undefined) return
    const start = Math.max(0, position - index * PAGE)
    const end = Math.min(PAGE, position + length - index * PAGE)
    if (page.dirty !== null) page.dirty.fill(0, Math.ceil(start / SECTOR), Math.floor(end / SECTOR))
    else if (start === 0 && end === PAGE) this.#pages.delete(index)
  }

  /**
   * Hands all changes to `write`, in the order of their position and neighbours joined, and takes them for written.
   * The bytes belong to the cache: `write` uses them at once.
   */
  flush(write: (changes: readonly Change[]) => void): void {
    const indexes: number[] = []
    for (const [index, page] of this.#pages) if (page.dirty !== null) indexes.push(index)
    indexes.sort((a, b) => a - b)
    const gathered = new Gathering()
    for (const index of indexes) {
      const page = this.#pages.get(index) as Page
      const dirty = page.dirty as Uint8Array
      for (let sector = dirty.indexOf(1); sector >= 0; ) {
        let end = dirty.indexOf(0, sector)
        if (end < 0) end = dirty.length
        const to = Math.min(end * SECTOR, page.bytes.length)
        gathered.add(index * PAGE + sector * SECTOR, page.bytes.subarray(sector * SECTOR, to))
        sector = dirty.indexOf(1, end)
      }
    }
    write(gathered.end())
    for (const index of indexes) (this.#pages.get(index) as Page).dirty = null
    this.#dirtyPages = 0
    if (this.#pages.size > this.#pagesMax) this.#evict()
  }
}

/** Joins changes that follow each other on the disk. */
class Gathering {
  readonly #changes: Change[] = []
  #parts: Uint8Array[] = []
  #position = 0
  #length = 0

  add(position: number, bytes: Uint8Array): void {
    if (position !== this.#position + this.#length || this.#length + bytes.length > WRITE_MAX) {
      this.#close()
      this.#position = position
    }
    this.#parts.push(bytes)
    this.#length += bytes.length
  }

  #close(): void {
    const only = this.#parts[0]
    if (only !== undefined) {
      const bytes = this.#parts.length === 1 ? only : Buffer.concat(this.#parts, this.#length)
      this.#changes.push({ position: this.#position, bytes })
    }
    this.#parts = []
    this.#length = 0
  }

  end(): readonly Change[] {
    this.#close()
    return this.#changes
  }
}
