import * as zlib from 'node:zlib'
import { be32, be64big } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { Lru } from '../lru.js'
import { MappedSource, type Piece } from './mapped.js'
import { type Qcow2Header, readQcow2Header } from './qcow2-header.js'
import { type BlockSource, readBytesSync } from './source.js'

export interface Qcow2SourceOptions {
  /** The content under this image, when its header names a backing file. It may be smaller than this image. */
  backing?: BlockSource
  /** The content, when the header says that it lies in an external data file. */
  data?: BlockSource
}

/** Bits 9 to 55 of a table entry: a position in the file. */
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n
const COMPRESSED = 1n << 62n
/** Bytes of L2 tables, and of decompressed clusters, that are kept. */
const CACHE_BYTES = 8 << 20

/**
 * Reads a qcow2 image (versions 2 and 3) of QEMU: sparse and compressed clusters (deflate), subclusters, backing files, external data files. Snapshots are not looked into. Encryption
 * and zstd compression: `ENOTSUP`.
 */
export class Qcow2Source extends MappedSource {
  readonly header: Qcow2Header
  readonly #file: BlockSource
  readonly #backing: BlockSource | null
  readonly #data: BlockSource
  readonly #cluster: number
  readonly #l1: Uint8Array
  readonly #l2: Lru<number, Uint8Array>
  readonly #unpacked: Lru<bigint, Uint8Array>

  constructor(file: BlockSource, options: Qcow2SourceOptions = {}) {
    const header = readQcow2Header(file)
    super(header.size, 512, true)
    if (header.backingFile !== null && options.backing === undefined) {
      throw new DiskError('EINVAL', `the image needs its backing file '${header.backingFile}'`, {
        cure: 'Open it by path with openImageSync, or pass options.backing',
      })
    }
    if (header.externalData && options.data === undefined) {
      throw new DiskError('EINVAL', `the image needs its data file '${header.dataFile ?? ''}'`, {
        cure: 'Open it by path with openImageSync, or pass options.data',
      })
    }
    this.header = header
    this.#file = file
    this.#backing = header.backingFile === null ? null : (options.backing ?? null)
    this.#data = header.externalData ? (options.data as BlockSource) : file
    this.#cluster = 2 ** header.clusterBits
    this.#l1 = readBytesSync(file, header.l1Offset, header.l1Size * 8)
    this.#l2 = new Lru(Math.max(4, CACHE_BYTES / this.#cluster))
    this.#unpacked = new Lru(Math.max(2, CACHE_BYTES / this.#cluster))
  }

  #table(index: number): Uint8Array | null {
    const offset = Number(be64big(this.#l1, index * 8) & OFFSET_MASK)
    if (offset === 0) return null
    const cached = this.#l2.get(offset)
    if (cached !== undefined) return cached
    const where = this.header.l1Offset + index * 8
    if (offset % this.#cluster !== 0 || offset + this.#cluster > this.#file.size) {
      throw corrupt('a qcow2 L1 entry', where, 'an L2 table within the file', offset)
    }
    const table = readBytesSync(this.#file, offset, this.#cluster)
    this.#l2.set(offset, table)
    return table
  }

  protected override locate(position: number, length: number): Piece {
    const cluster = Math.floor(position / this.#cluster)
    const inside = position - cluster * this.#cluster
    const most = Math.min(length, this.#cluster - inside)
    const entrySize = this.header.extendedL2 ? 16 : 8
    const perTable = this.#cluster / entrySize
    const l1Index = Math.floor(cluster / perTable)
    const table = this.#table(l1Index)
    if (table === null) return this.#below(position, most)
    const slot = (cluster % perTable) * entrySize
    const entry = be64big(table, slot)
    if ((entry & COMPRESSED) !== 0n) return { length: most, from: this.#unpack(entry, position), at: inside }
    if (this.header.extendedL2) return this.#subcluster(entry, table, slot, position, inside, most)
    // Bit 0 means "reads as zeros" since version 3; version 2 reserves it.
    if (this.header.version === 3 && (entry & 1n) !== 0n) return { length: most, from: null, at: 0 }
    return this.#host(entry, position, inside, most)
  }

  /** Content at its host position, or the backing file where the entry holds none. */
  #host(entry: bigint, position: number, inside: number, most: number): Piece {
    const offset = Number(entry & OFFSET_MASK)
    // With a data file position 0 is a cluster like any other; the entry then has its "used once" bit set.
    if (offset === 0 && !(this.header.externalData && (entry & (1n << 63n)) !== 0n))
      return this.#below(position, most)
    if (offset % this.#cluster !== 0 || offset >= this.#data.size) {
      throw corrupt(
        `the qcow2 L2 entry of guest byte ${position}`,
        offset,
        `a cluster within the file`,
        offset,
      )
    }
    const left = this.#data.size - offset - inside
    // The last cluster of a file may be cut; what is missing reads as zeros.
    if (left <= 0) return { length: most, from: null, at: 0 }
    return { length: Math.min(most, left), from: this.#data, at: offset + inside }
  }

  /** An extended entry: 32 subclusters, the low half of the second word says "allocated", the high half "zeros". */
  #subcluster(
    entry: bigint,
    table: Uint8Array,
    slot: number,
    position: number,
    inside: number,
    most: number,
  ): Piece {
    const bytes = this.#cluster / 32
    const number = Math.floor(inside / bytes)
    const part = Math.min(most, (number + 1) * bytes - inside)
    const bit = 2 ** number
    const zeros = Math.floor(be32(table, slot + 8) / bit) % 2 === 1
    const allocated = Math.floor(be32(table, slot + 12) / bit) % 2 === 1
    if (zeros && allocated) {
      throw corrupt(`a qcow2 subcluster of guest byte ${position}`, slot, 'allocated or zeros', 'both')
    }
    if (zeros) return { length: part, from: null, at: 0 }
    return allocated ? this.#host(entry, position, inside, part) : this.#below(position, part)
  }

  #below(position: number, most: number): Piece {
    if (this.#backing === null || position >= this.#backing.size) return { length: most, from: null, at: 0 }
    return { length: Math.min(most, this.#backing.size - position), from: this.#backing, at: position }
  }

  /** A compressed entry: the low `x` bits are a byte position, the next ones the number of further 512-byte sectors. */
  #unpack(entry: bigint, position: number): Uint8Array {
    const cached = this.#unpacked.get(entry)
    if (cached !== undefined) return cached
    const x = BigInt(62 - (this.header.clusterBits - 8))
    const offset = Number(entry & ((1n << x) - 1n))
    const sectors = Number((entry & (COMPRESSED - 1n)) >> x) + 1
    const length = Math.min(sectors * 512 - (offset % 512), this.#file.size - offset)
    if (length <= 0)
      throw corrupt(`the compressed cluster of guest byte ${position}`, offset, 'within the file', offset)
    const bytes = this.#inflate(readBytesSync(this.#file, offset, length), offset, position)
    this.#unpacked.set(entry, bytes)
    return bytes
  }

  #inflate(packed: Uint8Array, offset: number, position: number): Uint8Array {
    let bytes: Uint8Array
    try {
      // The stream ends before the last sector does; SYNC_FLUSH takes input that is cut at a sector's end too.
      const finishFlush = zlib.constants.Z_SYNC_FLUSH
      bytes = zlib.inflateRawSync(packed, { maxOutputLength: this.#cluster, finishFlush })
    } catch (error) {
      const what = `the compressed cluster of guest byte ${position} (${(error as Error).message})`
      throw corrupt(what, offset, 'deflate data', packed.subarray(0, 16))
    }
    if (bytes.length === this.#cluster) return bytes
    throw corrupt(`the compressed cluster of guest byte ${position}`, offset, this.#cluster, bytes.length)
  }

  protected override doClose(): void {
    this.#file.closeSync()
    this.#backing?.closeSync()
    if (this.#data !== this.#file) this.#data.closeSync()
  }
}
