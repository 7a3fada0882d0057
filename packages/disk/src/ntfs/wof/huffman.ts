import { DiskError } from '../../error.js'

/**
 * Canonical Huffman codes as one flat table: the next `tableBits` bits give the symbol and its length. Codes of the
 * formats here have at most 16 bits, so the table has at most 65536 entries.
 */
export class HuffmanTable {
  readonly tableBits: number
  /** Symbol in the upper bits, length in the lower five; 0 where no code leads. */
  readonly #entries: Uint32Array

  /** @param lengths bits of each symbol's code, 0 for a symbol that does not occur. */
  constructor(lengths: Uint8Array, tableBits: number) {
    this.tableBits = tableBits
    this.#entries = new Uint32Array(1 << tableBits)
    let next = 0
    for (let length = 1; length <= tableBits; length++) {
      const span = 1 << (tableBits - length)
      for (let symbol = 0; symbol < lengths.length; symbol++) {
        if (lengths[symbol] !== length) continue
        if (next + span > this.#entries.length) throw new DiskError('EUCLEAN', 'Huffman codes that overlap')
        this.#entries.fill((symbol << 5) | length, next, next + span)
        next += span
      }
    }
  }

  /** Symbol and length for the next bits of the input. */
  lookup(bits: number): number {
    const entry = this.#entries[bits] as number
    if (entry === 0) throw new DiskError('EUCLEAN', 'a Huffman code that leads nowhere')
    return entry
  }
}

/**
 * Bits of a stream of 16-bit little-endian words, the highest bit first. Behind the end it gives zeros: a decoder may
 * look ahead further than it uses.
 */
export class BitReader {
  readonly #b: Uint8Array
  /** Byte position of the next word. */
  position: number
  #bits = 0
  #count = 0

  constructor(b: Uint8Array, position: number) {
    this.#b = b
    this.position = position
  }

  #fill(): void {
    while (this.#count <= 16) {
      const word = (this.#b[this.position] ?? 0) | ((this.#b[this.position + 1] ?? 0) << 8)
      this.position += 2
      this.#bits = (this.#bits | (word << (16 - this.#count))) >>> 0
      this.#count += 16
    }
  }

  /** The next `n` (1 to 16) bits, still unread. */
  peek(n: number): number {
    if (this.#count < n) this.#fill()
    return this.#bits >>> (32 - n)
  }

  drop(n: number): void {
    this.#bits = (this.#bits << n) >>> 0
    this.#count -= n
  }

  read(n: number): number {
    if (n === 0) return 0
    const value = this.peek(n)
    this.drop(n)
    return value
  }

  symbol(table: HuffmanTable): number {
    const entry = table.lookup(this.peek(table.tableBits))
    this.drop(entry & 31)
    return entry >>> 5
  }

  byte(): number {
    const value = this.#b[this.position]
    if (value === undefined) throw new DiskError('EUCLEAN', 'compressed data that ends early')
    this.position++
    return value
  }

  /** Goes to the next word and gives back those that were loaded ahead; at the border of a word it skips one. */
  align(): void {
    this.position -= 2 * (this.#count >> 4)
    if (this.#count % 16 === 0) this.position += 2
    this.#bits = 0
    this.#count = 0
  }
}

/** Copies a match; it may reach into what it writes. */
export function copyMatch(to: Uint8Array, o: number, distance: number, length: number): void {
  if (distance < 1 || distance > o || o + length > to.length) {
    throw new DiskError('EUCLEAN', 'a match outside of its chunk', { expected: `1..${o}`, actual: distance })
  }
  for (let i = o; i < o + length; i++) to[i] = to[i - distance] as number
}
