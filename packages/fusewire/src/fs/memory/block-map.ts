/** Unit of allocation, of holes and of the size limit, in bytes. */
export const BLOCK = 4096
/** Blocks that one {@link BlockMap} knows: those of one chunk. */
export const MAP_BLOCKS = 256
const WORDS = MAP_BLOCKS / 32

/** Which blocks of one chunk hold data. */
export class BlockMap {
  /** Small enough to lie on the JavaScript heap (V8 keeps typed arrays up to 64 bytes there). */
  readonly #words = new Uint32Array(WORDS)
  /** Blocks that hold data. */
  size = 0

  /** How many of `[from, to)` hold data. */
  count(from: number, to: number): number {
    if (this.size === 0) return 0
    let sum = 0
    for (let word = from >> 5; word < WORDS && word * 32 < to; word++) {
      sum += ones((this.#words[word] ?? 0) & maskOf(word, from, to))
    }
    return sum
  }

  has(block: number): boolean {
    return ((this.#words[block >> 5] ?? 0) & (1 << (block & 31))) !== 0
  }

  /** Marks `[from, to)` as data; answers how many were not before. */
  set(from: number, to: number): number {
    let added = 0
    for (let word = from >> 5; word < WORDS && word * 32 < to; word++) {
      const mask = maskOf(word, from, to)
      const before = this.#words[word] ?? 0
      added += ones(mask & ~before)
      this.#words[word] = before | mask
    }
    this.size += added
    return added
  }

  /** Marks `[from, to)` as holes; answers how many were data before. */
  clear(from: number, to: number): number {
    let gone = 0
    for (let word = from >> 5; word < WORDS && word * 32 < to; word++) {
      const mask = maskOf(word, from, to)
      const before = this.#words[word] ?? 0
      gone += ones(mask & before)
      this.#words[word] = before & ~mask
    }
    this.size -= gone
    return gone
  }

  /** The first block from `from` on that holds data (`data` true) or is a hole; {@link MAP_BLOCKS} when none. */
  next(from: number, data: boolean): number {
    for (let word = from >> 5; word < WORDS; word++) {
      const bits = data ? (this.#words[word] ?? 0) : ~(this.#words[word] ?? 0)
      const wanted = bits & maskOf(word, from, MAP_BLOCKS)
      if (wanted !== 0) return word * 32 + 31 - Math.clz32(wanted & -wanted)
    }
    return MAP_BLOCKS
  }
}

/** The bits of `word` that stand for blocks of `[from, to)`. */
function maskOf(word: number, from: number, to: number): number {
  const low = from - word * 32
  const high = to - word * 32
  const upTo = high >= 32 ? -1 : (1 << high) - 1
  return low <= 0 ? upTo : upTo & (-1 << low)
}

/** How many bits are set. */
function ones(bits: number): number {
  let x = bits - ((bits >>> 1) & 0x5555_5555)
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333)
  return Math.imul((x + (x >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}
