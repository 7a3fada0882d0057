import type { DataOut } from '../../api/data-out.js'
import { errno } from '../../api/errors.js'
import { IntervalSet } from '../common/intervals.js'
import { BLOCK, MAP_BLOCKS } from './block-map.js'
import { CHUNK, Chunk, capacityFor } from './chunk.js'
import { ChunkList } from './chunk-list.js'
import type { Account } from './space.js'

/** What a hole is read from. Untouched memory: the kernel backs it with its page of zeros. */
const ZEROS = new Uint8Array(CHUNK)

/**
 * The bytes of a regular file, sparse: only written blocks take memory, blocks set aside by fallocate take space but
 * no memory, everything else is a hole. Every block counts against the owner's account. Bytes behind the end of the
 * file are zero, whatever is allocated there.
 */
export class Content {
  size = 0
  /** Blocks that hold data. */
  #written = 0
  /** Blocks set aside without data (unwritten), by number; none of them holds data. */
  #reserved: IntervalSet | null = null
  readonly #chunks = new ChunkList()
  account: Account

  constructor(account: Account) {
    this.account = account
  }

  /** Blocks that count against the account. */
  get blocks(): number {
    return this.#written + (this.#reserved?.total ?? 0)
  }

  /** Puts up to `size` bytes from `offset` into the reply, fewer at the end of the file. */
  read(offset: number, size: number, out: DataOut): void {
    const length = Math.min(size, this.size - offset)
    if (length <= 0) return
    const index = Math.floor(offset / CHUNK)
    const at = offset - index * CHUNK
    if (at + length <= CHUNK) {
      const chunk = this.#chunks.get(index)
      const bytes = chunk === undefined ? ZEROS : chunk.bytes
      const start = chunk === undefined ? 0 : at
      if (start + length <= bytes.length) {
        out.reference(bytes, start, start + length)
        return
      }
    }
    this.#gather(offset, length, out)
  }

  /** A read that no single piece of memory can answer. */
  #gather(offset: number, length: number, out: DataOut): void {
    for (let done = 0; done < length; ) {
      const index = Math.floor((offset + done) / CHUNK)
      const at = offset + done - index * CHUNK
      const part = Math.min(length - done, CHUNK - at)
      const bytes = this.#chunks.get(index)?.bytes
      const kept = bytes === undefined ? 0 : Math.max(0, Math.min(part, bytes.length - at))
      if (bytes !== undefined && kept > 0) out.copy(bytes, at, at + kept)
      if (kept < part) out.zeros(part - kept)
      done += part
    }
  }

  /**
   * Writes `data[start, end)` at `offset`. Answers the number of bytes written, fewer than given when space ran out
   * on the way, or -ENOSPC, -EDQUOT.
   */
  write(offset: number, data: Uint8Array, start = 0, end = data.length): number {
    const length = end - start
    let done = 0
    while (done < length) {
      const index = Math.floor((offset + done) / CHUNK)
      const at = offset + done - index * CHUNK
      const part = Math.min(length - done, CHUNK - at)
      const chunk = this.#chunkFor(index, at + part)
      const granted = chunk === null ? -errno.ENOSPC : this.#claim(chunk, index, at, part)
      if (chunk === null || granted < 0) {
        if (done === 0) return granted
        break
      }
      const whole = granted === data.length && start + done === 0
      chunk.bytes.set(whole ? data : data.subarray(start + done, start + done + granted), at)
      done += granted
      if (granted < part) break
    }
    if (done > 0 && offset + done > this.size) this.size = offset + done
    return done
  }

  /** The chunk with memory for its first `end` bytes; null when the machine has no memory for it. */
  #chunkFor(index: number, end: number): Chunk | null {
    const chunk = this.#chunks.get(index)
    try {
      if (chunk !== undefined) {
        chunk.grow(end)
        return chunk
      }
      // Only a file's first chunk starts small: a file that has a second one is large anyway.
      const made = new Chunk(index === 0 ? capacityFor(end) : CHUNK)
      this.#chunks.insert(index, made)
      return made
    } catch {
      return null
    }
  }

  /**
   * Makes the blocks under `[at, at + length)` of a chunk data and pays for those that nobody paid for yet.
   * Answers how many bytes may be written, or why none.
   */
  #claim(chunk: Chunk, index: number, at: number, length: number): number {
    const from = Math.floor(at / BLOCK)
    const base = index * MAP_BLOCKS
    let to = Math.ceil((at + length) / BLOCK)
    if (chunk.map.count(from, to) === to - from) return length
    const result = this.account.takeBlocks(this.#missingIn(chunk, base, from, to))
    if (result < 0) {
      to = this.#affordable(chunk, base, from, to)
      if (to === from) {
        if (chunk.map.size === 0) this.#dropEmpty(index)
        return result
      }
      this.account.takeBlocks(this.#missingIn(chunk, base, from, to))
    }
    this.#reserved?.delete(base + from, base + to)
    this.#written += chunk.map.set(from, to)
    return Math.min(length, to * BLOCK - at)
  }

  /** Blocks of `[from, to)` of a chunk that are neither data nor set aside. */
  #missingIn(chunk: Chunk, base: number, from: number, to: number): number {
    return to - from - chunk.map.count(from, to) - (this.#reserved?.count(base + from, base + to) ?? 0)
  }

  /** How far from `from` on the account still pays. */
  #affordable(chunk: Chunk, base: number, from: number, to: number): number {
    let left = this.account.blocksLeft
    let block = from
    for (; block < to; block++) {
      const missing = this.#missingIn(chunk, base, block, block + 1)
      if (missing > left) break
      left -= missing
    }
    return block
  }

  #dropEmpty(index: number): void {
    const position = this.#chunks.position(index)
    if (this.#chunks.indexAt(position) === index) this.#chunks.drop(position, position + 1)
  }

  /** Sets the size; what is cut off is gone, what is added is a hole. */
  truncate(size: number): void {
    if (size < this.size || this.#reserved !== null) this.#cut(size)
    this.size = size
  }

  #cut(size: number): void {
    const index = Math.floor(size / CHUNK)
    const at = size - index * CHUNK
    const last = this.#chunks.get(index)
    let freed = 0
    if (last !== undefined) {
      freed += last.punch(at, CHUNK)
      if (last.map.size > 0) last.shrink(at)
    }
    const keep = this.#chunks.position(last !== undefined && last.map.size > 0 ? index + 1 : index)
    for (let i = keep; i < this.#chunks.length; i++) freed += this.#chunks.chunkAt(i)?.map.size ?? 0
    this.#chunks.drop(keep, this.#chunks.length)
    this.#written -= freed
    this.account.takeBlocks(-freed - this.#unreserve(Math.ceil(size / BLOCK), Infinity))
  }

  /** Takes blocks `[from, to)` out of those set aside; answers how many. */
  #unreserve(from: number, to: number): number {
    const reserved = this.#reserved
    if (reserved === null) return 0
    const gone = reserved.delete(from, to)
    if (reserved.total === 0) this.#reserved = null
    return gone
  }

  /** Makes `[start, end)` a hole as far as whole blocks go, and zero at its edges. */
  punch(start: number, end: number): void {
    const freed = this.#clear(start, end)
    const first = Math.ceil(start / BLOCK)
    const last = Math.floor(end / BLOCK)
    this.account.takeBlocks(-freed - (first < last ? this.#unreserve(first, last) : 0))
  }

  /** Makes `[start, end)` zero; answers how many blocks of data that freed, not yet given back to the account. */
  #clear(start: number, end: number): number {
    let freed = 0
    let position = this.#chunks.position(Math.floor(start / CHUNK))
    for (; this.#chunks.indexAt(position) * CHUNK < end; position++) {
      const base = this.#chunks.indexAt(position) * CHUNK
      const from = Math.max(0, start - base)
      freed += this.#chunks.chunkAt(position)?.punch(from, Math.min(CHUNK, end - base)) ?? 0
    }
    if (freed > 0) this.#dropHoles(Math.floor(start / CHUNK), position)
    this.#written -= freed
    return freed
  }

  /** Drops chunks without data, from the chunk `index` up to `position`. */
  #dropHoles(index: number, position: number): void {
    const chunks = this.#chunks
    const isEmpty = (at: number): boolean => chunks.indexAt(at) >= index && chunks.chunkAt(at)?.map.size === 0
    for (let end = position; end > 0 && chunks.indexAt(end - 1) >= index; ) {
      let start = end
      while (start > 0 && isEmpty(start - 1)) start--
      if (start < end) chunks.drop(start, end)
      end = start - 1
    }
  }

  /**
   * Sets every block of `[start, end)` aside that is a hole. 0, -ENOSPC or -EDQUOT, then nothing has changed.
   * The size stays.
   */
  reserve(start: number, end: number): number {
    const from = Math.floor(start / BLOCK)
    const to = Math.ceil(end / BLOCK)
    const written = this.#writtenIn(from, to)
    const missing = to - from - written - (this.#reserved?.count(from, to) ?? 0)
    const result = this.account.takeBlocks(missing)
    if (result < 0) return result
    this.#reserveHoles(from, to)
    return 0
  }

  /** Makes `[start, end)` zero and sets it aside (FALLOC_FL_ZERO_RANGE). 0, -ENOSPC or -EDQUOT. The size stays. */
  zero(start: number, end: number): number {
    const result = this.reserve(start, end)
    if (result < 0) return result
    // What was data becomes set aside: paid already, so nothing is given back.
    this.#clear(start, end)
    this.#reserveHoles(Math.floor(start / BLOCK), Math.ceil(end / BLOCK))
    return 0
  }

  #writtenIn(from: number, to: number): number {
    let sum = 0
    let position = this.#chunks.position(Math.floor(from / MAP_BLOCKS))
    for (; this.#chunks.indexAt(position) * MAP_BLOCKS < to; position++) {
      const base = this.#chunks.indexAt(position) * MAP_BLOCKS
      const map = this.#chunks.chunkAt(position)?.map
      sum += map?.count(Math.max(0, from - base), Math.min(MAP_BLOCKS, to - base)) ?? 0
    }
    return sum
  }

  /** Sets the holes of the blocks `[from, to)` aside without asking the account. */
  #reserveHoles(from: number, to: number): void {
    this.#reserved ??= new IntervalSet()
    for (let block = from; block < to; ) {
      const hole = this.#nextBlock(block, false)
      const data = Math.min(to, this.#nextBlock(hole, true))
      this.#reserved.add(Math.min(hole, to), data)
      block = Math.max(data, hole)
    }
    if (this.#reserved.total === 0) this.#reserved = null
  }

  /** The first block from `block` on that is data (`data` true; Infinity when none follows) or a hole. */
  #nextBlock(block: number, data: boolean): number {
    let index = Math.floor(block / MAP_BLOCKS)
    let from = block - index * MAP_BLOCKS
    let position = this.#chunks.position(index)
    for (;;) {
      const found = this.#chunks.indexAt(position)
      if (found !== index) {
        if (!data) return index * MAP_BLOCKS + from
        if (found === Infinity) return Infinity
        index = found
        from = 0
      }
      const next = this.#chunks.chunkAt(position)?.map.next(from, data) ?? MAP_BLOCKS
      if (next < MAP_BLOCKS) return index * MAP_BLOCKS + next
      index++
      from = 0
      position++
    }
  }

  /** SEEK_DATA and SEEK_HOLE: the next offset of data, or of a hole (the end of the file is one). -ENXIO behind it. */
  seek(offset: number, data: boolean): number {
    if (offset >= this.size) return -errno.ENXIO
    const found = Math.max(offset, this.#nextBlock(Math.floor(offset / BLOCK), data) * BLOCK)
    if (found < this.size) return found
    return data ? -errno.ENXIO : this.size
  }

  /** Memory that holds data from `offset` on, for {@link copyRange}: calls `use` with a piece of at most `length` bytes. */
  piece(
    offset: number,
    length: number,
    use: (bytes: Uint8Array, start: number, end: number) => number,
  ): number {
    const index = Math.floor(offset / CHUNK)
    const at = offset - index * CHUNK
    const bytes = this.#chunks.get(index)?.bytes ?? ZEROS
    if (at >= bytes.length) return use(ZEROS, 0, Math.min(length, CHUNK - at))
    return use(bytes, at, Math.min(at + length, bytes.length))
  }

  /** Gives all space back. */
  release(): void {
    this.account.takeBlocks(-this.blocks)
    this.#chunks.drop(0, this.#chunks.length)
    this.#written = 0
    this.#reserved = null
    this.size = 0
  }
}
