import { corrupt } from '../../error.js'
import { setU16, u16 } from './bytes.js'

/** Plain bytes of a chunk; only the last one of a unit may have fewer. */
const CHUNK = 4096
/** Chunk header: bit 15 compressed, bits 14 to 12 the number 3, below them the chunk's bytes (with header) less 3. */
const COMPRESSED = 0x8000
const SIGNATURE = 0x3000
const SIZE_MASK = 0x0fff

/** Shortest phrase that is worth its two bytes. */
const PHRASE_MIN = 3

/**
 * Bits of a phrase that hold its length: 12 at the start of a chunk, and one less each time the possible distance
 * needs one more bit.
 */
function lengthBits(done: number): number {
  let bits = 12
  for (let reach = 16; done > reach; reach *= 2) bits--
  return bits
}

function expandChunk(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  base: number,
  position: number,
): number {
  const limit = Math.min(to.length, base + CHUNK)
  let o = base
  let bits = 12
  let reach = 16
  for (let i = start; i < end; ) {
    const tags = from[i++] as number
    for (let bit = 0; bit < 8 && i < end; bit++) {
      if ((tags & (1 << bit)) === 0) {
        if (o >= limit) throw corrupt('LZNT1 chunk', position + i, `at most ${CHUNK} plain bytes`, 'more')
        to[o++] = from[i++] as number
        continue
      }
      if (i + 2 > end) throw corrupt('LZNT1 phrase', position + i, 'two bytes', 'the end of the chunk')
      while (o - base > reach) {
        bits--
        reach *= 2
      }
      const phrase = u16(from, i)
      const length = (phrase & ((1 << bits) - 1)) + PHRASE_MIN
      const distance = (phrase >> bits) + 1
      if (distance > o - base) throw corrupt('LZNT1 distance', position + i, `1..${o - base}`, distance)
      if (o + length > limit) throw corrupt('LZNT1 length', position + i, `at most ${limit - o}`, length)
      for (let n = 0; n < length; n++, o++) to[o] = to[o - distance] as number
      i += 2
    }
  }
  return o
}

/**
 * Expands the chunks of one compression unit. What the input does not fill of `to` becomes zero.
 *
 * @param position byte position of `from` in its stream, for errors.
 */
export function lznt1Decompress(from: Uint8Array, to: Uint8Array, position: number): void {
  let i = 0
  let o = 0
  while (o < to.length && i + 2 <= from.length) {
    const header = u16(from, i)
    if (header === 0) break
    const size = (header & SIZE_MASK) + 1
    const start = i + 2
    const end = start + size
    if (end > from.length)
      throw corrupt('LZNT1 chunk size', position + i, `at most ${from.length - start}`, size)
    const chunkStart = o
    if ((header & COMPRESSED) !== 0) o = expandChunk(from, start, end, to, o, position)
    else {
      const part = Math.min(size, to.length - o, CHUNK)
      to.set(from.subarray(start, start + part), o)
      o += part
    }
    // A short chunk is only followed by zeros up to the chunk's border.
    if (o < chunkStart + CHUNK) {
      const border = Math.min(chunkStart + CHUNK, to.length)
      to.fill(0, o, border)
      o = border
    }
    i = end
  }
  to.fill(0, o)
}

/** Slots of the table that remembers where three bytes were seen last. */
const HASH_SIZE = 4096
const heads = new Int16Array(HASH_SIZE)

function hash(b: Uint8Array, i: number): number {
  const three = ((b[i] as number) << 16) | ((b[i + 1] as number) << 8) | (b[i + 2] as number)
  return (Math.imul(three, 0x9e37_79b1) >>> 20) & (HASH_SIZE - 1)
}

/** Length of the equal bytes at two places of a chunk. */
function match(b: Uint8Array, earlier: number, i: number, most: number): number {
  let n = 0
  while (n < most && b[earlier + n] === b[i + n]) n++
  return n
}

/** Compresses one chunk behind its header; returns the end in `to`, or -1 when it does not get smaller. */
function compressChunk(from: Uint8Array, start: number, end: number, to: Uint8Array, base: number): number {
  const limit = base + (end - start)
  heads.fill(-1)
  let o = base
  for (let i = start; i < end; ) {
    const tagAt = o++
    let tags = 0
    for (let bit = 0; bit < 8 && i < end; bit++) {
      if (o + 2 > limit) return -1
      let length = 0
      let distance = 0
      if (i + PHRASE_MIN <= end) {
        const slot = hash(from, i)
        const earlier = heads[slot] as number
        heads[slot] = i - start
        if (earlier >= 0) {
          const most = Math.min(end - i, (1 << lengthBits(i - start)) - 1 + PHRASE_MIN)
          length = match(from, start + earlier, i, most)
          distance = i - start - earlier
        }
      }
      if (length >= PHRASE_MIN) {
        setU16(to, o, ((distance - 1) << lengthBits(i - start)) | (length - PHRASE_MIN))
        o += 2
        tags |= 1 << bit
        i += length
      } else to[o++] = from[i++] as number
    }
    to[tagAt] = tags
  }
  return o
}

/**
 * Compresses a unit.
 *
 * @param most bytes that the result may have.
 * @returns the bytes, or null when they would be more than `most`.
 */
export function lznt1Compress(from: Uint8Array, most: number): Uint8Array | null {
  const to = new Uint8Array(from.length + 2 * Math.ceil(from.length / CHUNK) + 2)
  let o = 0
  for (let start = 0; start < from.length; start += CHUNK) {
    const end = Math.min(start + CHUNK, from.length)
    const done = compressChunk(from, start, end, to, o + 2)
    if (done < 0) {
      setU16(to, o, SIGNATURE | (end - start - 1))
      to.set(from.subarray(start, end), o + 2)
      o += 2 + end - start
    } else {
      setU16(to, o, COMPRESSED | SIGNATURE | (done - o - 3))
      o = done
    }
    if (o > most) return null
  }
  return to.slice(0, o)
}
