import { DiskError } from '../error.js'
import { BaseSource } from './base.js'
import type { BlockSource } from './source.js'

/**
 * Where the bytes from a position on are: `length` of them at `at` in `from`, which is a source, bytes in memory, or
 * null for zeros.
 */
export interface Piece {
  length: number
  from: BlockSource | Uint8Array | null
  at: number
}

/**
 * A source whose bytes lie in pieces elsewhere: overlays and image formats. A subclass answers `locate`; neighbouring
 * pieces become one request below. Tables are read synchronously (they are small and cached), content is not.
 */
export abstract class MappedSource extends BaseSource {
  /** The piece at `position`, of at least one byte; a longer one than `length` is cut. */
  protected abstract locate(position: number, length: number): Piece

  /** An image format can be read only; an overlay overrides this. */
  protected override doWrite(position: number, _buffer: Uint8Array, _offset: number, _length: number): void {
    throw new DiskError('EROFS', 'write to an image format that can only be read', {
      position,
      syscall: 'write',
    })
  }

  *#pieces(position: number, length: number): Generator<{ piece: Piece; done: number }> {
    let last: Piece | null = null
    let lastDone = 0
    for (let done = 0; done < length; ) {
      const piece = this.locate(position + done, length - done)
      const part = Math.min(piece.length, length - done)
      if (
        last !== null &&
        last.from === piece.from &&
        (piece.from === null || last.at + last.length === piece.at)
      ) {
        last.length += part
      } else {
        if (last !== null) yield { piece: last, done: lastDone }
        last = { length: part, from: piece.from, at: piece.at }
        lastDone = done
      }
      done += part
    }
    if (last !== null) yield { piece: last, done: lastDone }
  }

  protected override doRead(position: number, buffer: Uint8Array, offset: number, length: number): void {
    for (const { piece, done } of this.#pieces(position, length)) {
      if (!fill(piece, buffer, offset + done))
        source(piece).readSync(piece.at, buffer, offset + done, piece.length)
    }
  }

  protected override async readLater(position: number, buffer: Uint8Array, offset: number, length: number) {
    for (const { piece, done } of this.#pieces(position, length)) {
      if (!fill(piece, buffer, offset + done))
        await source(piece).read(piece.at, buffer, offset + done, piece.length)
    }
  }
}

/** Serves a piece that needs no source below; false when it does. */
function fill(piece: Piece, buffer: Uint8Array, offset: number): boolean {
  const { from, at, length } = piece
  if (from === null) buffer.fill(0, offset, offset + length)
  else if (from instanceof Uint8Array) buffer.set(from.subarray(at, at + length), offset)
  else return false
  return true
}

function source(piece: Piece): BlockSource {
  return piece.from as BlockSource
}
