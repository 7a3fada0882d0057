import { DiskError } from '../../error.js'
import { copyMatch, HuffmanTable } from './huffman.js'

/** Bytes of the code lengths: 512 symbols of 4 bits. */
const TABLE = 256
const SYMBOLS = 512
const CODE_BITS = 15
const MATCH_MIN = 3

function readLengths(b: Uint8Array): Uint8Array {
  const lengths = new Uint8Array(SYMBOLS)
  for (let i = 0; i < TABLE; i++) {
    lengths[2 * i] = (b[i] as number) & 15
    lengths[2 * i + 1] = (b[i] as number) >> 4
  }
  return lengths
}

/**
 * Expands one chunk of XPRESS with Huffman codes ([MS-XCA] 2.2). Bits come in 16-bit words, of which two are loaded
 * ahead; long matches take single bytes from behind the words that are loaded.
 */
export function xpressDecompress(from: Uint8Array, to: Uint8Array): void {
  if (from.length < TABLE + 4)
    throw new DiskError('EUCLEAN', 'an XPRESS chunk that is too short', { actual: from.length })
  const table = new HuffmanTable(readLengths(from), CODE_BITS)
  let position = TABLE
  const word = () => {
    const value = (from[position] ?? 0) | ((from[position + 1] ?? 0) << 8)
    position += 2
    return value
  }
  let bits = ((word() << 16) | word()) >>> 0
  let extra = 16
  const drop = (n: number) => {
    bits = (bits << n) >>> 0
    extra -= n
    if (extra < 0) {
      bits = (bits | (word() << -extra)) >>> 0
      extra += 16
    }
  }
  const byte = () => {
    const value = from[position++]
    if (value === undefined) throw new DiskError('EUCLEAN', 'an XPRESS chunk that ends early')
    return value
  }
  for (let o = 0; o < to.length; ) {
    const entry = table.lookup(bits >>> (32 - CODE_BITS))
    drop(entry & 31)
    const symbol = entry >>> 5
    if (symbol < 256) {
      to[o++] = symbol
      continue
    }
    let length = symbol & 15
    const offsetBits = (symbol >> 4) & 15
    if (length === 15) {
      length += byte()
      if (length === 15 + 255) {
        // A chunk is far shorter than what would need the 32-bit form, which a zero here announces.
        length = byte() | (byte() << 8)
        if (length < 15)
          throw new DiskError('EUCLEAN', 'an XPRESS match length', {
            expected: 'at least 15',
            actual: length,
          })
      }
    }
    length += MATCH_MIN
    const distance = (1 << offsetBits) + (offsetBits === 0 ? 0 : bits >>> (32 - offsetBits))
    if (offsetBits > 0) drop(offsetBits)
    copyMatch(to, o, distance, length)
    o += length
  }
}
