import { DiskError } from '../error.js'
import { BaseSource } from './base.js'
import type { BlockSource } from './source.js'

export interface CacheSourceOptions {
  /** Bytes of content kept at most, default 32 MiB. Unwritten content counts. */
  limit?: number
  /** Bytes of one cache block, a power of two in 512..1 MiB, default 16 KiB. */
  unit?: number
  /** Close the source below with the cache. Default true. */
  ownsBase?: boolean
}

interface Block {
  readonly index: number
  readonly data: Uint8Array
  /** 0 = clean, otherwise the epoch of its unwritten bytes. */
  epoch: number
}

/** Bytes of one write to the source below when neighbours are written together. */
const LARGEST_WRITE = 1 << 20
/** From here on one call below costs less than copies and blocks: 1 MiB writes are four times as fast. */
const LARGE_TRANSFER = 65535

/**
 * A write-back cache with a bounded size.
 *
 * Writes stay in memory until `flush`, until room is needed, or until the order demands it. Order: `barrier()` ends
 * an epoch. Blocks are written below epoch by epoch, with a flush of the source below between two epochs, so that
 * after a crash at any moment nothing written after a barrier is on the medium unless all that was written before it
 * is. Within an epoch blocks go out in ascending positions, neighbours together.
 *
 * The promise forms fetch what is missing without blocking and do everything else, which is memory work and write(2)
 * into the page cache, at once: so the state never changes halfway through an operation.
 */
export class CacheSource extends BaseSource {
  readonly #base: BlockSource
  readonly #unit: number
  readonly #most: number
  readonly #ownsBase: boolean
  /** In the order of last use: a Map keeps insertion order. */
  readonly #blocks = new Map<number, Block>()
  /** Unwritten blocks of each epoch; epochs ascend in insertion order. */
  readonly #dirty = new Map<number, Set<Block>>()
  #epoch = 1
  /** The epoch whose writes below are not flushed there yet; 0 = none. */
  #written = 0
  /** Counts writes to the source below, so that a fetch that took long can see that it is stale. */
  #generation = 0

  constructor(base: BlockSource, options: CacheSourceOptions = {}) {
    super(base.size, base.blockSize, base.readOnly)
    const unit = options.unit ?? 16384
    const limit = options.limit ?? 32 << 20
    if (!(unit >= 512 && unit <= 1 << 20 && (unit & (unit - 1)) === 0)) {
      throw new DiskError('EINVAL', 'a cache unit', {
        expected: 'a power of two in 512..1048576',
        actual: unit,
      })
    }
    if (!(Number.isSafeInteger(limit) && limit >= 4 * unit)) {
      throw new DiskError('EINVAL', 'a cache limit', {
        expected: `at least four units, ${4 * unit}`,
        actual: limit,
      })
    }
    this.#base = base
    this.#unit = unit
    this.#most = Math.floor(limit / unit)
    this.#ownsBase = options.ownsBase ?? true
  }

  /** Bytes of content in memory, and how many of them are not written below yet. */
  get usage(): { cached: number; unwritten: number } {
    let blocks = 0
    for (const set of this.#dirty.values()) blocks += set.size
    return { cached: this.#blocks.size * this.#unit, unwritten: blocks * this.#unit }
  }

  /** Ends an epoch: what is written from now on reaches the medium only after all that was written before. */
  barrier(): void {
    if (this.#dirty.has(this.#epoch) || this.#written === this.#epoch) this.#epoch++
  }

  #touch(block: Block): void {
    this.#blocks.delete(block.index)
    this.#blocks.set(block.index, block)
  }

  #unwrittenOldest(): number | undefined {
    for (const epoch of this.#dirty.keys()) return epoch
    return undefined
  }

  /** Before bytes of `epoch` go below: everything of earlier epochs must be durable there. */
  #settleBefore(epoch: number): void {
    if (this.#written !== 0 && this.#written < epoch) {
      this.#base.flushSync()
      this.#written = 0
    }
  }

  /** Writes all blocks of the oldest epoch below. A failure leaves what was not written as it was. */
  #writeOldest(): void {
    const epoch = this.#unwrittenOldest()
    const set = epoch === undefined ? undefined : this.#dirty.get(epoch)
    if (epoch === undefined || set === undefined) return
    this.#settleBefore(epoch)
    const blocks = [...set].sort((a, b) => a.index - b.index)
    for (let first = 0; first < blocks.length; ) {
      let count = 1
      const start = (blocks[first] as Block).index
      while (blocks[first + count]?.index === start + count && (count + 1) * this.#unit <= LARGEST_WRITE)
        count++
      const run = blocks.slice(first, first + count)
      this.#writeRun(run)
      this.#written = epoch
      for (const block of run) {
        block.epoch = 0
        set.delete(block)
      }
      first += count
    }
    this.#dirty.delete(epoch)
  }

  #writeRun(run: Block[]): void {
    const position = (run[0] as Block).index * this.#unit
    const length = Math.min(run.length * this.#unit, this.size - position)
    this.#generation++
    if (run.length === 1) {
      this.#base.writeSync(position, (run[0] as Block).data, 0, length)
      return
    }
    const joined = new Uint8Array(run.length * this.#unit)
    for (const [i, block] of run.entries()) joined.set(block.data, i * this.#unit)
    this.#base.writeSync(position, joined, 0, length)
  }

  #makeRoom(): void {
    while (this.#blocks.size >= this.#most) {
      let victim: Block | undefined
      // Looks at the least recently used quarter only: when all of that is unwritten, writing pays.
      let looked = 0
      for (const block of this.#blocks.values()) {
        if (block.epoch === 0) {
          victim = block
          break
        }
        if (++looked > this.#most / 4) break
      }
      if (victim !== undefined) this.#blocks.delete(victim.index)
      else this.#writeOldest()
    }
  }

  /** The cached block; read from below unless the caller will overwrite all of it. */
  #block(index: number, whole: boolean): Block {
    const found = this.#blocks.get(index)
    if (found !== undefined) {
      this.#touch(found)
      return found
    }
    this.#makeRoom()
    const block: Block = { index, data: new Uint8Array(this.#unit), epoch: 0 }
    const position = index * this.#unit
    if (!whole) this.#base.readSync(position, block.data, 0, Math.min(this.#unit, this.size - position))
    this.#blocks.set(index, block)
    return block
  }

  #markDirty(block: Block): void {
    if (block.epoch === this.#epoch) return
    block.epoch = this.#epoch
    let set = this.#dirty.get(this.#epoch)
    if (set === undefined) {
      set = new Set()
      this.#dirty.set(this.#epoch, set)
    }
    set.add(block)
  }

  /** A transfer larger than this goes past the cache: it would only push everything else out. */
  get #large(): number {
    return Math.min((this.#most * this.#unit) / 4, LARGE_TRANSFER)
  }

  *#parts(position: number, length: number) {
    for (let done = 0; done < length; ) {
      const index = Math.floor((position + done) / this.#unit)
      const inside = position + done - index * this.#unit
      const part = Math.min(this.#unit - inside, length - done)
      yield { index, inside, part, done }
      done += part
    }
  }

  protected override doRead(position: number, buffer: Uint8Array, offset: number, length: number): void {
    const past = length > this.#large
    if (past) this.#base.readSync(position, buffer, offset, length)
    for (const { index, inside, part, done } of this.#parts(position, length)) {
      const block = past ? this.#blocks.get(index) : this.#block(index, false)
      if (block === undefined) continue
      buffer.set(block.data.subarray(inside, inside + part), offset + done)
    }
  }

  protected override async readLater(position: number, buffer: Uint8Array, offset: number, length: number) {
    if (length > this.#large) {
      const generation = this.#generation
      await this.#base.read(position, buffer, offset, length)
      if (generation === this.#generation) {
        for (const { index, inside, part, done } of this.#parts(position, length)) {
          const block = this.#blocks.get(index)
          if (block !== undefined) buffer.set(block.data.subarray(inside, inside + part), offset + done)
        }
        return
      }
    } else await this.#fetch(position, length)
    this.doRead(position, buffer, offset, length)
  }

  /** Brings missing blocks in with one read; what became stale meanwhile is dropped and fetched again by the caller. */
  async #fetch(position: number, length: number): Promise<void> {
    const missing = [...this.#parts(position, length)].filter(({ index }) => !this.#blocks.has(index))
    const first = missing[0]?.index
    const last = missing[missing.length - 1]?.index
    if (first === undefined || last === undefined) return
    const start = first * this.#unit
    const bytes = new Uint8Array(Math.min((last + 1) * this.#unit, this.size) - start)
    const generation = this.#generation
    await this.#base.read(start, bytes)
    for (const { index } of missing) {
      if (generation !== this.#generation) return
      if (this.#blocks.has(index)) continue
      this.#makeRoom()
      if (generation !== this.#generation) return
      const data = new Uint8Array(this.#unit)
      data.set(bytes.subarray((index - first) * this.#unit, (index - first + 1) * this.#unit))
      this.#blocks.set(index, { index, data, epoch: 0 })
    }
  }

  protected override doWrite(position: number, buffer: Uint8Array, offset: number, length: number): void {
    if (length > this.#large && this.#writePast(position, buffer, offset, length)) return
    for (const { index, inside, part, done } of this.#parts(position, length)) {
      const whole = part === this.#unit || (inside === 0 && index * this.#unit + part === this.size)
      let block = this.#block(index, whole)
      // Older bytes of this block must go out before newer ones may replace them.
      while (block.epoch !== 0 && block.epoch !== this.#epoch) this.#writeOldest()
      block = this.#block(index, whole)
      this.#markDirty(block)
      block.data.set(buffer.subarray(offset + done, offset + done + part), inside)
    }
  }

  /** Writes a large range straight below; false when unwritten blocks of an earlier epoch forbid it. */
  #writePast(position: number, buffer: Uint8Array, offset: number, length: number): boolean {
    const oldest = this.#unwrittenOldest()
    if (oldest !== undefined && oldest !== this.#epoch) return false
    this.#settleBefore(this.#epoch)
    this.#generation++
    this.#written = this.#epoch
    this.#base.writeSync(position, buffer, offset, length)
    for (const { index, inside, part, done } of this.#parts(position, length)) {
      const block = this.#blocks.get(index)
      block?.data.set(buffer.subarray(offset + done, offset + done + part), inside)
    }
    return true
  }

  #writeAll(): void {
    while (this.#dirty.size > 0) this.#writeOldest()
  }

  protected override doFlush(): void {
    this.#writeAll()
    this.#base.flushSync()
    this.#written = 0
  }

  protected override async flushLater(): Promise<void> {
    this.#writeAll()
    const generation = this.#generation
    await this.#base.flush()
    if (generation === this.#generation) this.#written = 0
  }

  /**
   * Unwritten bytes of the range need not be written any more, except where a block holds others too. A discard keeps
   * its place in the order, because what made the range free may be unwritten itself.
   */
  protected override doDiscard(position: number, length: number): void {
    while ((this.#unwrittenOldest() ?? this.#epoch) < this.#epoch) this.#writeOldest()
    this.#settleBefore(this.#epoch)
    const first = Math.ceil(position / this.#unit)
    const end = Math.floor((position + length) / this.#unit)
    for (const block of [...this.#blocks.values()]) {
      if (block.index < first || block.index >= end) continue
      this.#dirty.get(block.epoch)?.delete(block)
      this.#blocks.delete(block.index)
    }
    if (this.#dirty.get(this.#epoch)?.size === 0) this.#dirty.delete(this.#epoch)
    this.#generation++
    this.#written = this.#epoch
    this.#base.discardSync(position, length)
  }

  protected override doClose(): void {
    try {
      if (!this.readOnly) this.doFlush()
    } finally {
      if (this.#ownsBase) this.#base.closeSync()
      this.#blocks.clear()
      this.#dirty.clear()
    }
  }

  protected override async closeLater(): Promise<void> {
    try {
      if (!this.readOnly) await this.flushLater()
    } finally {
      if (this.#ownsBase) await this.#base.close()
      this.#blocks.clear()
      this.#dirty.clear()
    }
  }
}
