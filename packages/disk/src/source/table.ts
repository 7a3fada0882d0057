import { Lru } from '../lru.js'
import { type BlockSource, readBytesSync } from './source.js'

const PAGE = 65536
/** 4 MiB of pages: a table of any length costs no more. */
const PAGES = 64

/** A table on disk of which the parts used last are kept. Entries must not cross 64 KiB of the table. */
export class PagedTable {
  readonly #file: BlockSource
  readonly #position: number
  readonly #length: number
  readonly #pages = new Lru<number, Uint8Array>(PAGES)

  constructor(file: BlockSource, position: number, length: number) {
    this.#file = file
    this.#position = position
    this.#length = length
  }

  /** Byte position in the file of the table's byte `at`. */
  position(at: number): number {
    return this.#position + at
  }

  /** The page with the table's byte `at`, and where in it that byte is. */
  page(at: number): { bytes: Uint8Array; at: number } {
    const index = Math.floor(at / PAGE)
    let bytes = this.#pages.get(index)
    if (bytes === undefined) {
      const start = index * PAGE
      bytes = readBytesSync(this.#file, this.#position + start, Math.min(PAGE, this.#length - start))
      this.#pages.set(index, bytes)
    }
    return { bytes, at: at - index * PAGE }
  }
}
