import { DiskError } from '../../error.js'
import type { Attribute } from '../layout/attribute.js'
import type { Run } from '../layout/runlist.js'
import type { Storage } from './storage.js'
import { readStream } from './stream.js'

/** Bytes of $Bitmap that are held as one piece: the bits of 262144 clusters. */
const PIECE = 32768
const PIECE_BITS = PIECE * 8

/** Bytes (at least 64 clusters, at most 1/64 of the volume) that contents leave for metadata. */
const METADATA_RESERVE = 256 * 1024

/** Set bits of every byte. */
const BITS = new Uint8Array(256)
for (let i = 1; i < 256; i++) BITS[i] = (BITS[i >> 1] as number) + (i & 1)

interface Piece {
  readonly bytes: Uint8Array
  free: number
  dirty: boolean
}

/**
 * $Bitmap: which clusters are in use. Pieces are read when they are first needed.
 *
 * Freed clusters stay set until `commitFrees`, which is called once the records that had them are on the disk: what
 * the medium's last flush describes is never overwritten by new contents.
 */
export class Clusters {
  readonly #storage: Storage
  readonly #bitmap: Attribute
  readonly #pieces: (Piece | undefined)[] = []
  readonly total: number
  #freed: Run[] = []
  #freedCount = 0
  #free: number | null = null
  /** Where the next search starts. */
  #cursor: number
  /** First cluster behind the MFT zone, which data leaves free for the $MFT as long as there is other room. */
  readonly zoneStart: number
  readonly zoneEnd: number

  constructor(storage: Storage, bitmap: Attribute) {
    this.#storage = storage
    this.#bitmap = bitmap
    this.total = storage.geometry.totalClusters
    this.zoneStart = storage.geometry.mftLcn
    this.zoneEnd = Math.min(this.total, this.zoneStart + Math.floor(this.total / 8))
    this.#cursor = this.zoneEnd
    if (bitmap.dataSize * 8 < this.total) {
      throw new DiskError('EUCLEAN', 'size of $Bitmap', {
        expected: Math.ceil(this.total / 8),
        actual: bitmap.dataSize,
      })
    }
  }

  #piece(index: number): Piece {
    const found = this.#pieces[index]
    if (found !== undefined) return found
    const start = index * PIECE
    const length = Math.min(PIECE, this.#bitmap.dataSize - start)
    const bytes = new Uint8Array(length)
    readStream(this.#storage, this.#bitmap, start, bytes, 0, length, 'cache')
    let used = 0
    for (let i = 0; i < length; i++) used += BITS[bytes[i] as number] as number
    const piece = { bytes, free: length * 8 - used, dirty: false }
    this.#pieces[index] = piece
    return piece
  }

  /** Clusters kept for metadata when data fills the volume: a name can always be added or removed. */
  get metadataReserve(): number {
    const clusters = Math.ceil(METADATA_RESERVE / this.#storage.geometry.clusterSize)
    return Math.min(Math.max(64, clusters), this.total >> 6)
  }

  /** Free clusters with those that the next flush gives back. */
  get free(): number {
    return this.freeNow + this.#freedCount
  }

  /** True when `count` clusters can be taken now. Reads no more of the bitmap than it needs. */
  hasRoom(count: number): boolean {
    if (this.#free !== null) return this.#free >= count
    let free = 0
    const pieces = Math.ceil(this.total / PIECE_BITS)
    // From the end of the MFT zone on, where data goes first; the last piece has bits behind the volume.
    const first = Math.floor(this.zoneEnd / PIECE_BITS)
    for (let i = 0; i < pieces - 1 && free < count; i++) free += this.#piece((first + i) % (pieces - 1)).free
    return free >= count || this.freeNow >= count
  }

  /** Clusters that can be taken now; the first call reads the whole bitmap. */
  get freeNow(): number {
    if (this.#free === null) {
      let free = 0
      const count = Math.ceil(this.total / PIECE_BITS)
      for (let i = 0; i < count; i++) free += this.#piece(i).free
      // Bits behind the last cluster are set by every writer; a volume where they are not has that much less.
      this.#free = Math.max(0, free - this.#clearTail())
    }
    return this.#free
  }

  #clearTail(): number {
    let clear = 0
    const end = Math.min(this.#bitmap.dataSize * 8, Math.ceil(this.total / PIECE_BITS) * PIECE_BITS)
    for (let lcn = this.total; lcn < end; lcn++) if (!this.isUsed(lcn)) clear++
    return clear
  }

  isUsed(lcn: number): boolean {
    const piece = this.#piece(Math.floor(lcn / PIECE_BITS))
    const bit = lcn % PIECE_BITS
    return ((piece.bytes[bit >> 3] as number) & (1 << (bit & 7))) !== 0
  }

  /** Sets or clears bits; counts only those that change. */
  #put(lcn: number, length: number, used: boolean): void {
    for (let at = lcn; at < lcn + length; ) {
      const piece = this.#piece(Math.floor(at / PIECE_BITS))
      const bit = at % PIECE_BITS
      const index = bit >> 3
      const count = Math.min(8 - (bit & 7), lcn + length - at)
      const mask = ((1 << count) - 1) << (bit & 7)
      const before = piece.bytes[index] as number
      const after = used ? before | mask : before & ~mask
      if (after !== before) {
        piece.bytes[index] = after
        piece.dirty = true
        const change = (BITS[before] as number) - (BITS[after] as number)
        piece.free += change
        if (this.#free !== null) this.#free += change
      }
      at += count
    }
  }

  /** First free cluster in [from, to), or -1. */
  #nextFree(from: number, to: number): number {
    for (let lcn = from; lcn < to; ) {
      const index = Math.floor(lcn / PIECE_BITS)
      const piece = this.#piece(index)
      if (piece.free === 0) {
        lcn = (index + 1) * PIECE_BITS
        continue
      }
      const bit = lcn % PIECE_BITS
      const byte = piece.bytes[bit >> 3] as number
      if (byte === 0xff) lcn += 8 - (bit & 7)
      else if ((byte & (1 << (bit & 7))) === 0) return lcn
      else lcn++
    }
    return -1
  }

  /** Free clusters from `lcn` on without a gap, at most `most`. */
  #freeLength(lcn: number, to: number, most: number): number {
    const end = Math.min(to, lcn + most)
    let at = lcn
    while (at < end) {
      const bit = at % PIECE_BITS
      const byte = this.#piece(Math.floor(at / PIECE_BITS)).bytes[bit >> 3] as number
      if (byte === 0 && (bit & 7) === 0 && at + 8 <= end) at += 8
      else if ((byte & (1 << (bit & 7))) === 0) at++
      else break
    }
    return at - lcn
  }

  /** Best run in [from, to): the first that has `count` clusters, else the longest one. */
  #search(from: number, to: number, count: number): Run | null {
    let best: Run | null = null
    for (let lcn = this.#nextFree(from, to); lcn >= 0; ) {
      const length = this.#freeLength(lcn, to, count)
      if (length >= count) return { vcn: 0, lcn, length }
      if (best === null || length > best.length) best = { vcn: 0, lcn, length }
      lcn = this.#nextFree(lcn + length, to)
    }
    return best
  }

  /** One run of at most `count` clusters for data, or null on a full volume. */
  #findRun(count: number): Run | null {
    const { zoneStart, zoneEnd, total } = this
    const cursor = this.#cursor
    const areas: [number, number][] = [
      [cursor, total],
      [zoneEnd, cursor],
      [0, zoneStart],
    ]
    let best: Run | null = null
    for (const [from, to] of areas) {
      const found = from < to ? this.#search(from, to, count) : null
      if (found === null) continue
      if (found.length >= count) return found
      if (best === null || found.length > best.length) best = found
    }
    return best ?? this.#search(zoneStart, zoneEnd, count)
  }

  /**
   * Takes `count` clusters, in as few runs as there are.
   *
   * @param hint cluster from which a stream would continue; taken first when it is free.
   * @throws `ENOSPC` with nothing taken.
   */
  allocate(count: number, hint: number | null): Run[] {
    const runs: Run[] = []
    let left = count
    if (hint !== null && hint > 0 && hint < this.total) {
      const length = this.#freeLength(hint, this.total, left)
      if (length > 0) left -= this.#take(runs, { vcn: 0, lcn: hint, length })
    }
    while (left > 0) {
      const run = this.#findRun(left)
      if (run === null) {
        for (const { lcn, length } of runs) this.#put(lcn, length, false)
        throw new DiskError('ENOSPC', `no ${count} free clusters on the volume`, { actual: count - left })
      }
      left -= this.#take(runs, run)
      this.#cursor = run.lcn + run.length < this.total ? run.lcn + run.length : this.zoneEnd
    }
    return runs
  }

  /** Free clusters without taking them, outside of the MFT zone first; null when there are not so many. */
  freeRuns(count: number): Run[] | null {
    const runs: Run[] = []
    let left = count
    for (const [from, to] of [
      [this.zoneEnd, this.total],
      [0, this.zoneEnd],
    ] as const) {
      for (let lcn = this.#nextFree(from, to); lcn >= 0 && left > 0; ) {
        const length = this.#freeLength(lcn, to, left)
        runs.push({ vcn: 0, lcn, length })
        left -= length
        lcn = this.#nextFree(lcn + length, to)
      }
    }
    return left > 0 ? null : runs
  }

  #take(runs: Run[], run: Run): number {
    this.#put(run.lcn, run.length, true)
    runs.push(run)
    return run.length
  }

  /** Makes the bitmap say exactly what `bits` says; returns how many clusters that changes. */
  replace(bits: Uint8Array): number {
    let changed = 0
    for (let lcn = 0; lcn < this.total; lcn += 8) {
      const piece = this.#piece(Math.floor(lcn / PIECE_BITS))
      const index = (lcn % PIECE_BITS) >> 3
      const wanted = bits[lcn >> 3] as number
      const inside = this.total - lcn >= 8 ? 0xff : (1 << (this.total - lcn)) - 1
      const difference = ((piece.bytes[index] as number) ^ wanted) & inside
      if (difference === 0) continue
      changed += BITS[difference] as number
      piece.bytes[index] = (piece.bytes[index] as number) ^ difference
      piece.dirty = true
      piece.free += (BITS[difference & ~wanted] as number) - (BITS[difference & wanted] as number)
      this.#free = null
    }
    return changed
  }

  /** Marks clusters that are known to be in use. */
  reserve(lcn: number, length: number): void {
    this.#put(lcn, length, true)
  }

  /** Gives clusters back after the next flush. */
  release(runs: readonly Run[]): void {
    for (const run of runs) {
      this.#freed.push(run)
      this.#freedCount += run.length
    }
  }

  get hasFreed(): boolean {
    return this.#freed.length > 0
  }

  /** Clears the bits of released clusters; returns them, so that the medium can forget them too. */
  commitFrees(): Run[] {
    const freed = this.#freed
    for (const { lcn, length } of freed) this.#put(lcn, length, false)
    this.#freed = []
    this.#freedCount = 0
    return freed
  }

  /** Hands every changed piece to `write` with its byte position in $Bitmap. */
  flush(write: (position: number, bytes: Uint8Array) => void): void {
    this.#pieces.forEach((piece, index) => {
      if (piece === undefined || !piece.dirty) return
      write(index * PIECE, piece.bytes)
      piece.dirty = false
    })
  }
}
