import { BLOCK, BlockMap, MAP_BLOCKS } from './block-map.js'
import { giveMemory, takeMemory } from './chunk-memory.js'

/**
 * Bytes of a file that one piece of memory holds. As large as the largest ordinary read (1 MiB), so that an aligned
 * read is answered from one place without a copy.
 */
export const CHUNK = BLOCK * MAP_BLOCKS

/** Below this, a growing chunk doubles; from here on it takes its full size at once. */
const DOUBLING_LIMIT = 65536
/** Smallest memory of a chunk: typed arrays up to here lie on the JavaScript heap and cost nothing beside it. */
const SMALLEST = 64

const EMPTY = new Uint8Array(0)

/**
 * One chunk of a file: its memory may be shorter than {@link CHUNK} (what lies behind it is zero), and bytes of
 * blocks that are holes are always zero.
 */
export class Chunk {
  bytes: Uint8Array
  readonly map = new BlockMap()

  /** @throws RangeError when the machine has no memory left */
  constructor(capacity: number) {
    this.bytes = takeMemory(capacity, CHUNK)
  }

  /** Makes room for the first `end` bytes. @throws RangeError when the machine has no memory left */
  grow(end: number): void {
    const old = this.bytes
    if (end <= old.length) return
    const capacity = old.length < DOUBLING_LIMIT ? Math.max(capacityFor(end), old.length * 2) : CHUNK
    const grown = takeMemory(capacity, CHUNK)
    grown.set(old)
    giveMemory(old, CHUNK)
    this.bytes = grown
  }

  /** Gives memory back when far less than it holds is needed. */
  shrink(end: number): void {
    const capacity = capacityFor(end)
    if (capacity * 4 > this.bytes.length) return
    const old = this.bytes
    this.bytes = old.slice(0, capacity)
    giveMemory(old, CHUNK)
  }

  /** Gives the memory back; the chunk holds nothing any more. */
  release(): void {
    giveMemory(this.bytes, CHUNK)
    this.bytes = EMPTY
  }

  /** Makes the bytes `[from, to)` zero, and blocks wholly inside holes; answers how many blocks that freed. */
  punch(from: number, to: number): number {
    if (from < this.bytes.length) this.bytes.fill(0, from, to)
    const first = Math.ceil(from / BLOCK)
    const last = Math.floor(to / BLOCK)
    return first < last ? this.map.clear(first, last) : 0
  }
}

/** Memory for a chunk whose first `end` bytes are needed. */
export function capacityFor(end: number): number {
  if (end > DOUBLING_LIMIT * 2) return CHUNK
  return end <= SMALLEST ? SMALLEST : 2 ** (32 - Math.clz32(end - 1))
}
