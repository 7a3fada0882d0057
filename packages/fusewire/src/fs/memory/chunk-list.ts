import type { Chunk } from './chunk.js'

/** The chunks that a file has, by their index in the file. A sparse file has few, however large it is. */
export class ChunkList {
  /** Sorted. In a file without large holes `#indices[i]` is `i`, which makes finding a chunk one comparison. */
  readonly #indices: number[] = []
  readonly #chunks: Chunk[] = []

  get length(): number {
    return this.#chunks.length
  }

  /** The chunk with this index in the file. */
  get(index: number): Chunk | undefined {
    if (this.#indices[index] === index) return this.#chunks[index]
    const position = this.position(index)
    return this.#indices[position] === index ? this.#chunks[position] : undefined
  }

  /** Position of the first chunk whose index is not below `index`. */
  position(index: number): number {
    const indices = this.#indices
    let high = indices.length
    if (high === 0 || (indices[high - 1] ?? 0) < index) return high
    let low = 0
    while (low < high) {
      const middle = (low + high) >> 1
      if ((indices[middle] ?? 0) < index) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Index in the file of the chunk at a position; Infinity behind the last. */
  indexAt(position: number): number {
    return this.#indices[position] ?? Infinity
  }

  chunkAt(position: number): Chunk | undefined {
    return this.#chunks[position]
  }

  insert(index: number, chunk: Chunk): void {
    const position = this.position(index)
    if (position === this.#indices.length) {
      this.#indices.push(index)
      this.#chunks.push(chunk)
    } else {
      this.#indices.splice(position, 0, index)
      this.#chunks.splice(position, 0, chunk)
    }
  }

  /** Drops the chunks at positions `[from, to)`, and their memory. */
  drop(from: number, to: number): void {
    for (let i = from; i < to; i++) this.#chunks[i]?.release()
    this.#indices.splice(from, to - from)
    this.#chunks.splice(from, to - from)
  }
}
