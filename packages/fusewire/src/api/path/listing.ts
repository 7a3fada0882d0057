import { DT } from '../constants.js'
import type { DirOut } from '../dir-out.js'
import { isHiddenName } from './hidden.js'
import type { DirentLike } from './path-filesystem.js'
import { direntType } from './stats.js'

type Entries = Iterable<DirentLike> | AsyncIterable<DirentLike>

/**
 * One open directory. What `readdir` gave is pulled as far as it is asked for and kept, so that positions stay valid
 * while the directory changes; a rewind reads the directory again.
 */
export class Listing {
  readonly #read: () => PromiseLike<Entries> | Entries
  readonly #seen: DirentLike[] = []
  #source: Iterator<DirentLike> | AsyncIterator<DirentLike> | null = null
  #ended = false

  constructor(read: () => PromiseLike<Entries> | Entries) {
    this.#read = read
  }

  /** Fills an answer from `offset` on: 0 and 1 are "." and "..". `ino` gives the inode number of a name, 0 unknown. */
  async fill(
    offset: number,
    out: DirOut,
    self: number,
    parent: number,
    ino: (name: string) => number,
  ): Promise<number> {
    if (offset === 0) this.#rewind()
    let at = offset
    if (at === 0 && out.add('.', self, DT.DIR, 1)) at = 1
    if (at === 1 && out.add('..', parent, DT.DIR, 2)) at = 2
    while (at >= 2) {
      const entry = await this.#entry(at - 2)
      if (entry === undefined) break
      const name = typeof entry === 'string' ? entry : entry.name
      // A listed name needs an inode number that is not 0; the kernel's own use of it is only to show it.
      if (!isHiddenName(name) && !out.add(name, ino(name) || UNKNOWN_INO, direntType(entry), at + 1)) break
      at++
    }
    return 0
  }

  async #entry(index: number): Promise<DirentLike | undefined> {
    while (this.#seen.length <= index && !this.#ended) {
      this.#source ??= iterator(await this.#read())
      const next = await this.#source.next()
      if (next.done) this.#ended = true
      else if (!isDot(next.value)) this.#seen.push(next.value)
    }
    return this.#seen[index]
  }

  #rewind(): void {
    void this.close()
    this.#seen.length = 0
    this.#source = null
    this.#ended = false
  }

  /** Lets an unfinished iterator clean up. */
  async close(): Promise<void> {
    const source = this.#source
    if (source !== null && !this.#ended) await source.return?.()
  }
}

/** FUSE_UNKNOWN_INO of libfuse: "not known", shown by readdir(3) until stat(2) tells. */
const UNKNOWN_INO = 0xffff_ffff

function iterator(entries: Entries): Iterator<DirentLike> | AsyncIterator<DirentLike> {
  if (Symbol.asyncIterator in entries) return entries[Symbol.asyncIterator]()
  return entries[Symbol.iterator]()
}

const isDot = (entry: DirentLike): boolean => {
  const name = typeof entry === 'string' ? entry : entry.name
  return name === '.' || name === '..'
}
