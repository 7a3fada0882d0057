import { corrupt, DiskError } from '../../error.js'
import { u32, u64 } from '../layout/bytes.js'
import { type ReparsePoint, ReparseTag } from '../layout/reparse-point.js'
import { lzxDecompress } from './lzx.js'
import { xpressDecompress } from './xpress.js'

/** The stream with the compressed bytes; the file's own $DATA is one hole. */
export const WOF_STREAM = 'WofCompressedData'

/** WOF_EXTERNAL_INFO.Provider: the file is compressed for itself; 1 would be a WIM archive elsewhere. */
const PROVIDER_FILE = 2

interface Algorithm {
  /** Plain bytes of a chunk. */
  readonly chunk: number
  readonly decompress: (from: Uint8Array, to: Uint8Array) => void
}

/** FILE_PROVIDER_EXTERNAL_INFO_V1.Algorithm. */
const ALGORITHMS: readonly Algorithm[] = [
  { chunk: 4096, decompress: xpressDecompress },
  { chunk: 32768, decompress: lzxDecompress },
  { chunk: 8192, decompress: xpressDecompress },
  { chunk: 16384, decompress: xpressDecompress },
]

/** How a file is compressed, or null when it is not by WOF. `ENOTSUP` for what cannot be read here. */
export function wofAlgorithm(point: ReparsePoint): Algorithm | null {
  if (point.tag !== ReparseTag.WOF) return null
  const { data } = point
  const provider = data.length >= 16 ? u32(data, 4) : 0
  const algorithm = ALGORITHMS[data.length >= 16 ? u32(data, 12) : ALGORITHMS.length]
  if (provider === PROVIDER_FILE && algorithm !== undefined) return algorithm
  throw new DiskError('ENOTSUP', 'a file of a WOF provider that is not known', {
    expected: PROVIDER_FILE,
    actual: provider,
  })
}

/** Reads bytes of the compressed stream; returns how many. */
export type ReadPacked = (position: number, buffer: Uint8Array) => number

/** Plain bytes of a WOF-compressed file. Chunk offsets stand in front of the chunks: u32, or u64 from 4 GiB on. */
export class WofFile {
  readonly #algorithm: Algorithm
  readonly #size: number
  readonly #packedSize: number
  readonly #read: ReadPacked
  readonly #chunks: number
  readonly #width: number

  constructor(algorithm: Algorithm, size: number, packedSize: number, read: ReadPacked) {
    this.#algorithm = algorithm
    this.#size = size
    this.#packedSize = packedSize
    this.#read = read
    this.#chunks = Math.ceil(size / algorithm.chunk)
    this.#width = size > 0xffff_ffff ? 8 : 4
  }

  /** Where a chunk begins in the compressed stream; the first one follows the table, which does not list it. */
  #start(index: number): number {
    const table = (this.#chunks - 1) * this.#width
    if (index === 0) return table
    if (index === this.#chunks) return this.#packedSize
    const entry = new Uint8Array(this.#width)
    this.#read((index - 1) * this.#width, entry)
    return table + (this.#width === 4 ? u32(entry, 0) : u64(entry, 0))
  }

  #chunk(index: number): Uint8Array {
    const { chunk, decompress } = this.#algorithm
    const start = this.#start(index)
    const end = this.#start(index + 1)
    const plain = new Uint8Array(Math.min(chunk, this.#size - index * chunk))
    const length = end - start
    if (!(length > 0 && length <= plain.length && end <= this.#packedSize)) {
      throw corrupt('length of a WOF chunk', start, `1..${plain.length}`, length)
    }
    const packed = new Uint8Array(length)
    if (this.#read(start, packed) !== length) throw corrupt('a WOF chunk ends early', start, length, 'less')
    // A chunk that would not get smaller is stored as it is.
    if (length === plain.length) return packed
    decompress(packed, plain)
    return plain
  }

  /** Fills `buffer[offset, offset + length)`; returns how many bytes there were. */
  read(position: number, buffer: Uint8Array, offset: number, length: number): number {
    const count = Math.min(length, this.#size - position)
    const { chunk } = this.#algorithm
    for (let done = 0; done < count; ) {
      const at = position + done
      const inside = at % chunk
      const plain = this.#chunk(Math.floor(at / chunk))
      const part = Math.min(plain.length - inside, count - done)
      buffer.set(plain.subarray(inside, inside + part), offset + done)
      done += part
    }
    return Math.max(0, count)
  }
}
