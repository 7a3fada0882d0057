import type { Inode } from './inode.js'

/** Offset that leads to ".." and the one that leads to the first name; cookies of names are above. */
export const DOT_COOKIE = 1
export const DOTDOT_COOKIE = 2

/** Bytes that a name takes besides its characters, for the size of a directory and the space it costs. */
const ENTRY_BYTES = 24

/** One name in a directory. */
export interface Entry {
  readonly name: string
  /** Where reading goes on behind this name. Given once, never again in this directory. */
  readonly cookie: number
  /** null once the name is gone. */
  node: Inode | null
}

/**
 * The names of a directory. They are listed in the order in which they came; a name's cookie is its place in that
 * order for good, so that listing in pieces shows every name that stays exactly once, whatever comes and goes
 * meanwhile, and needs no copy of the list.
 */
export class Directory {
  readonly #byName = new Map<string, Entry>()
  /** By cookie. Names that went stay until they are more than the others, so that removing costs constant time. */
  #order: Entry[] = []
  #gone = 0
  #lastCookie = DOTDOT_COOKIE
  /** Bytes of all entries. */
  bytes = 0

  get size(): number {
    return this.#byName.size
  }

  get(name: string): Entry | undefined {
    return this.#byName.get(name)
  }

  static bytesOf(name: string): number {
    return ENTRY_BYTES + name.length
  }

  add(name: string, node: Inode): void {
    const entry: Entry = { name, cookie: ++this.#lastCookie, node }
    this.#byName.set(name, entry)
    this.#order.push(entry)
    this.bytes += Directory.bytesOf(name)
  }

  remove(entry: Entry): void {
    this.#byName.delete(entry.name)
    entry.node = null
    this.bytes -= Directory.bytesOf(entry.name)
    if (++this.#gone > this.#byName.size) {
      this.#order = this.#order.filter((kept) => kept.node !== null)
      this.#gone = 0
    }
  }

  /** Where in the list the first name behind `cookie` stands. Positions are valid until the next change. */
  positionAfter(cookie: number): number {
    let low = 0
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#order[middle]?.cookie ?? 0) <= cookie) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The entry at a position, maybe one that is gone (`node` null); undefined at the end. */
  at(position: number): Entry | undefined {
    return this.#order[position]
  }

  /** Names that are there now, in order. */
  *[Symbol.iterator](): Generator<Entry> {
    for (const entry of this.#order) if (entry.node !== null) yield entry
  }
}
