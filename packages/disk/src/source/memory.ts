import { isZero } from '../bytes.js'
import { BaseSource } from './base.js'

export interface MemorySourceOptions {
  /** Bytes of a logical sector, default 512. */
  blockSize?: number
  readOnly?: boolean
}

/** Bytes of one piece of a sparse memory source: small enough that a scattered volume stays small. */
const CHUNK = 65536

/** A disk in memory. Memory is taken for the 64 KiB pieces that hold more than zeros, so terabytes of zeros cost nothing. */
export class MemorySource extends BaseSource {
  readonly #chunks = new Map<number, Uint8Array>()

  /** @param size bytes. */
  constructor(size: number, options: MemorySourceOptions = {}) {
    super(size, options.blockSize ?? 512, options.readOnly ?? false)
  }

  /** A source with a copy of `bytes`. */
  static from(bytes: Uint8Array, options: MemorySourceOptions = {}): MemorySource {
    const source = new MemorySource(bytes.length, options)
    if (bytes.length > 0) source.doWrite(0, bytes, 0, bytes.length)
    return source
  }

  /** Bytes of memory that are in use for content. */
  get allocated(): number {
    return this.#chunks.size * CHUNK
  }

  protected override doRead(position: number, buffer: Uint8Array, offset: number, length: number): void {
    for (let done = 0; done < length; ) {
      const at = position + done
      const inside = at % CHUNK
      const part = Math.min(CHUNK - inside, length - done)
      const chunk = this.#chunks.get(Math.floor(at / CHUNK))
      if (chunk === undefined) buffer.fill(0, offset + done, offset + done + part)
      else buffer.set(chunk.subarray(inside, inside + part), offset + done)
      done += part
    }
  }

  protected override doWrite(position: number, buffer: Uint8Array, offset: number, length: number): void {
    for (let done = 0; done < length; ) {
      const at = position + done
      const inside = at % CHUNK
      const part = Math.min(CHUNK - inside, length - done)
      const index = Math.floor(at / CHUNK)
      let chunk = this.#chunks.get(index)
      if (chunk === undefined) {
        if (isZero(buffer.subarray(offset + done, offset + done + part))) {
          done += part
          continue
        }
        chunk = new Uint8Array(CHUNK)
        this.#chunks.set(index, chunk)
      }
      chunk.set(buffer.subarray(offset + done, offset + done + part), inside)
      done += part
    }
  }

  /** Whole pieces are freed, the rest is zeroed: a discarded range always reads as zeros here. */
  protected override doDiscard(position: number, length: number): void {
    const end = position + length
    const first = Math.floor(position / CHUNK)
    const count = Math.ceil(end / CHUNK) - first
    const touched =
      count < this.#chunks.size ? Array.from({ length: count }, (_, i) => first + i) : this.#chunks.keys()
    for (const index of touched) {
      const chunk = this.#chunks.get(index)
      const start = index * CHUNK
      if (chunk === undefined || start >= end || start + CHUNK <= position) continue
      if (start >= position && start + CHUNK <= end) this.#chunks.delete(index)
      else chunk.fill(0, Math.max(0, position - start), Math.min(CHUNK, end - start))
    }
  }

  protected override doClose(): void {
    this.#chunks.clear()
  }
}
