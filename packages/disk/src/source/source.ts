import { DiskError } from '../error.js'

/**
 * A row of bytes with a fixed size: a file, a device, a partition, an overlay, an image format.
 *
 * Positions and lengths are bytes, 0 <= position <= position + length <= size, and need no alignment. A read fills
 * the whole range or fails; so does a write. Every operation has a synchronous and a promise form with equal
 * results. A caller does not run two operations over the same bytes at the same time unless both are reads.
 *
 * Order: writes may reach the medium in any order until `flush`; what was written before a `flush` that returned is
 * durable, and is so before anything written after it (a barrier).
 *
 * Errors are `DiskError`: `EINVAL` range, `EROFS` write to a read-only source, `EBADF` closed, `EIO` medium,
 * `EUCLEAN` a broken image, `ENOSPC` no room below.
 */
export interface BlockSource {
  /** Bytes. Never changes while open. */
  readonly size: number
  /**
   * Bytes of a logical sector: the unit below which a write costs a read of the medium, a power of two, at least
   * 512. Partition tables and filesystems count in it.
   */
  readonly blockSize: number
  readonly readOnly: boolean
  /** Fills `buffer[offset, offset + length)` from `position`; the defaults take the whole buffer. */
  readSync(position: number, buffer: Uint8Array, offset?: number, length?: number): void
  read(position: number, buffer: Uint8Array, offset?: number, length?: number): Promise<void>
  /** Writes `buffer[offset, offset + length)`. The promise form needs the buffer unchanged until it settles. */
  writeSync(position: number, buffer: Uint8Array, offset?: number, length?: number): void
  write(position: number, buffer: Uint8Array, offset?: number, length?: number): Promise<void>
  flushSync(): void
  flush(): Promise<void>
  /**
   * Tells that nobody needs these bytes any more. Advice: afterwards each byte of the range reads as zero or as
   * something that it held before (not always the last thing, where a cache had not written that yet), and space
   * below may be freed.
   */
  discardSync(position: number, length: number): void
  discard(position: number, length: number): Promise<void>
  /** Flushes what is unwritten and lets go of everything it owns. A second close does nothing. */
  closeSync(): void
  close(): Promise<void>
}

/** What the range checks need to know of a source. */
export interface Extent {
  readonly size: number
  readonly readOnly: boolean
}

/** Refuses a range outside of the source with `EINVAL`. */
export function checkRange(source: Extent, position: number, length: number, syscall: string): void {
  if (Number.isSafeInteger(position) && Number.isSafeInteger(length)) {
    if (position >= 0 && length >= 0 && position + length <= source.size) return
  }
  throw new DiskError('EINVAL', `${syscall} of ${length} bytes outside of the source`, {
    position,
    expected: `a range within 0..${source.size}`,
    actual: `${position}..${position + length}`,
    syscall,
  })
}

/** Refuses a buffer part that does not exist, then the range as `checkRange`. */
export function checkTransfer(
  source: Extent,
  position: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  syscall: string,
): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= buffer.length)) {
    throw new DiskError('EINVAL', `${syscall} with a part outside of the buffer`, {
      position,
      expected: `a part within 0..${buffer.length}`,
      actual: `${offset}..${offset + length}`,
      syscall,
    })
  }
  checkRange(source, position, length, syscall)
}

/** Refuses to change a read-only source with `EROFS`. */
export function checkWritable(source: Extent, position: number, syscall: string): void {
  if (!source.readOnly) return
  throw new DiskError('EROFS', `${syscall} to a read-only source`, {
    position,
    syscall,
    cure: 'Open it for writing, or put an OverlaySource over it',
  })
}

/** Refuses a block size that no disk has. */
export function checkBlockSize(blockSize: number): void {
  if (blockSize >= 512 && blockSize <= 65536 && (blockSize & (blockSize - 1)) === 0) return
  throw new DiskError('EINVAL', 'a block size', {
    expected: 'a power of two in 512..65536',
    actual: blockSize,
  })
}

/** A new buffer with `length` bytes from `position`. */
export function readBytesSync(source: BlockSource, position: number, length: number): Uint8Array {
  checkRange(source, position, length, 'read')
  const bytes = new Uint8Array(length)
  source.readSync(position, bytes, 0, length)
  return bytes
}
