import { DiskError } from '../../error.js'
import { setU32, u32 } from '../layout/bytes.js'
import { BitReader, copyMatch, HuffmanTable } from './huffman.js'

/** Window of WOF and WIM: 32 KiB, which needs 30 position slots. */
const WINDOW = 32768
const SLOTS = 30
const MAIN_SYMBOLS = 256 + 8 * SLOTS
const LENGTH_SYMBOLS = 249
const PRE_SYMBOLS = 20
const ALIGNED_SYMBOLS = 8
const MATCH_MIN = 2
const MAIN_BITS = 16
const PRE_BITS = 15
const ALIGNED_BITS = 7

const Block = { VERBATIM: 1, ALIGNED: 2, UNCOMPRESSED: 3 } as const

/** The size that call targets are translated for, since the real one is not known when a chunk is made. */
const TRANSLATION_SIZE = 12_000_000

/** Bits behind a slot, and the first distance (plus 2) of each slot. */
const FOOTER_BITS: number[] = []
const SLOT_BASE: number[] = []
for (let slot = 0, base = 0; slot < SLOTS; slot++) {
  const bits = slot < 4 ? 0 : (slot >> 1) - 1
  FOOTER_BITS.push(bits)
  SLOT_BASE.push(base)
  base += 2 ** bits
}

/** Reads code lengths, which are stored as differences to those of the block before. */
function readLengths(input: BitReader, lengths: Uint8Array, from: number, to: number): void {
  const preLengths = new Uint8Array(PRE_SYMBOLS)
  for (let i = 0; i < PRE_SYMBOLS; i++) preLengths[i] = input.read(4)
  const pre = new HuffmanTable(preLengths, PRE_BITS)
  const changed = (symbol: number, i: number) => ((lengths[i] as number) - symbol + 17) % 17
  for (let i = from; i < to; ) {
    const symbol = input.symbol(pre)
    if (symbol < 17) {
      lengths[i] = changed(symbol, i)
      i++
      continue
    }
    let run: number
    let value = 0
    if (symbol === 17) run = 4 + input.read(4)
    else if (symbol === 18) run = 20 + input.read(5)
    else {
      run = 4 + input.read(1)
      const next = input.symbol(pre)
      if (next > 16) throw new DiskError('EUCLEAN', 'LZX code lengths', { expected: '0..16', actual: next })
      value = changed(next, i)
    }
    // A run may end behind the table; what is behind is ignored.
    const end = Math.min(to, i + run)
    lengths.fill(value, i, end)
    i = end
  }
}

/** What lasts from block to block of a chunk. */
class Decoder {
  readonly #input: BitReader
  readonly #to: Uint8Array
  readonly #mainLengths = new Uint8Array(MAIN_SYMBOLS)
  readonly #lengthLengths = new Uint8Array(LENGTH_SYMBOLS)
  #recent: [number, number, number] = [1, 1, 1]
  #o = 0

  constructor(from: Uint8Array, to: Uint8Array) {
    this.#input = new BitReader(from, 0)
    this.#to = to
  }

  run(): void {
    while (this.#o < this.#to.length) this.#block()
  }

  #block(): void {
    const input = this.#input
    const type = input.read(3)
    const size = input.read(1) === 1 ? WINDOW : input.read(16)
    const end = this.#o + size
    if (size === 0 || end > this.#to.length) {
      throw new DiskError('EUCLEAN', 'size of an LZX block', {
        expected: `1..${this.#to.length - this.#o}`,
        actual: size,
      })
    }
    if (type === Block.UNCOMPRESSED) this.#plain(end)
    else if (type === Block.VERBATIM || type === Block.ALIGNED) this.#coded(type === Block.ALIGNED, end)
    else throw new DiskError('EUCLEAN', 'type of an LZX block', { expected: '1..3', actual: type })
  }

  #plain(end: number): void {
    const input = this.#input
    input.align()
    const word = () =>
      (input.byte() | (input.byte() << 8) | (input.byte() << 16) | (input.byte() << 24)) >>> 0
    this.#recent = [word(), word(), word()]
    const size = end - this.#o
    while (this.#o < end) this.#to[this.#o++] = input.byte()
    if (size % 2 === 1) input.position++
  }

  #coded(aligned: boolean, end: number): void {
    const input = this.#input
    let alignedTable: HuffmanTable | null = null
    if (aligned) {
      const lengths = new Uint8Array(ALIGNED_SYMBOLS)
      for (let i = 0; i < ALIGNED_SYMBOLS; i++) lengths[i] = input.read(3)
      alignedTable = new HuffmanTable(lengths, ALIGNED_BITS)
    }
    readLengths(input, this.#mainLengths, 0, 256)
    readLengths(input, this.#mainLengths, 256, MAIN_SYMBOLS)
    const main = new HuffmanTable(this.#mainLengths, MAIN_BITS)
    readLengths(input, this.#lengthLengths, 0, LENGTH_SYMBOLS)
    const lengths = new HuffmanTable(this.#lengthLengths, MAIN_BITS)
    while (this.#o < end) {
      const symbol = input.symbol(main)
      if (symbol < 256) {
        this.#to[this.#o++] = symbol
        continue
      }
      let length = (symbol - 256) & 7
      if (length === 7) length += input.symbol(lengths)
      length += MATCH_MIN
      const distance = this.#distance((symbol - 256) >> 3, alignedTable)
      if (this.#o + length > end)
        throw new DiskError('EUCLEAN', 'an LZX match behind its block', { actual: length })
      copyMatch(this.#to, this.#o, distance, length)
      this.#o += length
    }
  }

  /** The first three slots are the last three distances; using one brings it to the front. */
  #distance(slot: number, aligned: HuffmanTable | null): number {
    const recent = this.#recent
    if (slot < 3) {
      const distance = recent[slot] as number
      recent[slot] = recent[0]
      recent[0] = distance
      return distance
    }
    const bits = FOOTER_BITS[slot] as number
    let footer: number
    if (aligned !== null && bits >= 3) {
      footer = this.#input.read(bits - 3) * 8
      footer += this.#input.symbol(aligned)
    } else footer = this.#input.read(bits)
    const distance = (SLOT_BASE[slot] as number) + footer - 2
    this.#recent = [distance, recent[0], recent[1]]
    return distance
  }
}

/** Takes back the translation of x86 call targets (opcode e8) from absolute to relative. */
function untranslate(b: Uint8Array): void {
  for (let i = 0; i < b.length - 10; i++) {
    if (b[i] !== 0xe8) continue
    const absolute = u32(b, i + 1) | 0
    if (absolute >= -i && absolute < TRANSLATION_SIZE) {
      setU32(b, i + 1, absolute >= 0 ? absolute - i : absolute + TRANSLATION_SIZE)
    }
    i += 4
  }
}

/** Expands one chunk of LZX as WIM files and WOF have it. */
export function lzxDecompress(from: Uint8Array, to: Uint8Array): void {
  new Decoder(from, to).run()
  untranslate(to)
}
