import { DiskError } from '../../error.js'
import { u16, u32 } from '../layout/bytes.js'
import { encodeRecord, FILE_MAGIC } from '../layout/file-record.js'
import { removeFixups } from '../layout/fixup.js'
import { FIRST_USER_RECORD } from '../layout/reference.js'
import type { Mft } from './mft.js'

/** Records kept for further records of the $MFT itself: the first extent of the $MFT always maps them. */
const MFT_EXTENSION_FIRST = 16

/** A volume can have 2^32 - 1 files. */
const RECORDS_MAX = 0xffff_ffff

/** A record that was free, and what a file in it goes on with. */
export interface FreeRecord {
  readonly number: number
  readonly sequence: number
  readonly fixup: number
}

/** $MFT:$BITMAP: which records are in use. Held as a whole: one bit a file. */
export class Records {
  readonly #mft: Mft
  #bits: Uint8Array
  #cursor = FIRST_USER_RECORD
  #dirtyFrom = Number.POSITIVE_INFINITY
  #dirtyTo = 0
  #free: number | null = null
  /** Records of the last growths that nobody has had yet: their sequence is known without reading them. */
  #freshFrom = 0
  #freshTo = 0
  /** Adds records to the $MFT; set when the volume can be written. */
  grow: (atLeast: number) => void = () => {
    throw new DiskError('EROFS', 'the $MFT of a read-only volume cannot grow')
  }

  constructor(mft: Mft, bits: Uint8Array) {
    this.#mft = mft
    this.#bits = bits
  }

  isUsed(number: number): boolean {
    return ((this.#bits[number >> 3] ?? 0) & (1 << (number & 7))) !== 0
  }

  /** Free records that the $MFT holds now. */
  get free(): number {
    if (this.#free === null) {
      let free = 0
      for (let n = 0; n < this.#mft.recordCount; n++) if (!this.isUsed(n)) free++
      this.#free = free
    }
    return this.#free
  }

  /** The $MFT has got records, from `first` on; their bits are clear. */
  grown(first: number, by: number): void {
    if (this.#free !== null) this.#free += by
    if (this.#freshFrom < this.#freshTo && this.#freshTo === first) this.#freshTo += by
    else {
      this.#freshFrom = first
      this.#freshTo = first + by
    }
  }

  set(number: number, used: boolean): void {
    if (this.isUsed(number) === used) return
    const index = number >> 3
    if (index >= this.#bits.length) {
      const larger = new Uint8Array((Math.floor(index / 8) + 1) * 8)
      larger.set(this.#bits)
      this.#bits = larger
    }
    const mask = 1 << (number & 7)
    const before = this.#bits[index] as number
    this.#bits[index] = used ? before | mask : before & ~mask
    if (this.#free !== null) this.#free += used ? -1 : 1
    this.#dirtyFrom = Math.min(this.#dirtyFrom, index)
    this.#dirtyTo = Math.max(this.#dirtyTo, index + 1)
    if (!used && number >= FIRST_USER_RECORD && number < this.#cursor) this.#cursor = number
  }

  #nextFree(from: number, to: number): number {
    for (let n = from; n < to; ) {
      const byte = this.#bits[n >> 3] ?? 0
      if (byte === 0xff && (n & 7) === 0) n += 8
      else if ((byte & (1 << (n & 7))) === 0) return n
      else n++
    }
    return -1
  }

  #allocate(): number {
    let number = this.#nextFree(this.#cursor, this.#mft.recordCount)
    if (number < 0) {
      const before = this.#mft.recordCount
      if (before >= RECORDS_MAX) throw new DiskError('ENOSPC', 'the volume has as many files as NTFS allows')
      this.grow(before + 1)
      number = this.#nextFree(before, this.#mft.recordCount)
    }
    this.set(number, true)
    this.#cursor = number + 1
    return number
  }

  /** Takes the lowest free record, growing the $MFT when there is none. */
  allocate(): FreeRecord {
    const number = this.#allocate()
    if (number < this.#freshFrom || number >= this.#freshTo) return { number, ...this.#sequenceOf(number) }
    this.#freshFrom = number + 1
    return { number, sequence: 1, fixup: 1 }
  }

  /** Takes a record for a further part of the $MFT itself, which its first extent must map. */
  allocateForMft(): FreeRecord {
    const kept = this.#nextFree(MFT_EXTENSION_FIRST, FIRST_USER_RECORD)
    if (kept < 0) return this.allocate()
    this.set(kept, true)
    return { number: kept, ...this.#sequenceOf(kept) }
  }

  /** The sequence number for the next file in a record: what its last one has left, or 1 on a blank record. */
  #sequenceOf(number: number): { sequence: number; fixup: number } {
    const { bytes } = this.#mft.readRaw(number)
    if (u32(bytes, 0) !== FILE_MAGIC) return { sequence: 1, fixup: 1 }
    const fixup = removeFixups(bytes, 0, 'a free MFT record')
    return { sequence: u16(bytes, 0x10) || 1, fixup }
  }

  /** Writes a free record for a deleted file: not in use, with the sequence for its successor. */
  writeFree(number: number, sequence: number, fixup: number): void {
    this.#mft.writeRaw(number, freeRecord(this.#mft.storage.geometry.recordSize, number, sequence, fixup))
  }

  /** Hands the changed bytes of the bitmap to `write`. */
  flush(write: (position: number, bytes: Uint8Array, size: number) => void): void {
    if (this.#dirtyTo === 0) return
    const from = this.#dirtyFrom
    const bytes = this.#bits.subarray(from, this.#dirtyTo)
    this.#dirtyFrom = Number.POSITIVE_INFINITY
    this.#dirtyTo = 0
    write(from, bytes, this.#bits.length)
  }

  /** Bytes that the bitmap needs: as many as its attribute had, or more since the $MFT grew. */
  get bytes(): number {
    return this.#bits.length
  }
}

/** A formatted record that no file uses. */
export function freeRecord(recordSize: number, number: number, sequence: number, fixup: number): Uint8Array {
  const header = {
    lsn: 0n,
    sequence,
    linkCount: 0,
    flags: 0,
    base: { number: 0, sequence: 0 },
    nextInstance: 0,
    fixup,
  }
  return encodeRecord(recordSize, number, header, [])
}
