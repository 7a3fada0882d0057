import { DiskError } from '../error.js'
import { SparseBitmap } from './bitmap.js'
import { MappedSource, type Piece } from './mapped.js'
import { MemorySource } from './memory.js'
import type { BlockSource } from './source.js'

export interface OverlaySourceOptions {
  /**
   * Takes the changes: any writable source of at least the base's size, best a sparse one. Default: memory. Which of
   * its bytes count is known to this object only, so a later session cannot go on with it.
   */
  top?: BlockSource
  /** Bytes of the unit that is copied up, a power of two and a multiple of the base's sectors. Default 4096. */
  granule?: number
  /** Close base and top with the overlay. Default true. */
  ownsBase?: boolean
}

/** A writable view of a source that stays untouched: what is written goes to a second source. */
export class OverlaySource extends MappedSource {
  readonly #base: BlockSource
  readonly #top: BlockSource
  readonly #granule: number
  readonly #changed = new SparseBitmap()
  readonly #ownsBase: boolean

  constructor(base: BlockSource, options: OverlaySourceOptions = {}) {
    super(base.size, base.blockSize, false)
    const granule = options.granule ?? Math.max(4096, base.blockSize)
    if (granule < base.blockSize || granule > 1 << 20 || (granule & (granule - 1)) !== 0) {
      const expected = `a power of two in ${base.blockSize}..1048576`
      throw new DiskError('EINVAL', 'an overlay granule', { expected, actual: granule })
    }
    const top = options.top ?? new MemorySource(base.size, { blockSize: base.blockSize })
    if (top.readOnly || top.size < base.size) {
      throw new DiskError('EINVAL', 'the source for the changes must be writable and as large as the base', {
        expected: base.size,
        actual: top.readOnly ? 'read-only' : top.size,
      })
    }
    this.#base = base
    this.#top = top
    this.#granule = granule
    this.#ownsBase = options.ownsBase ?? true
  }

  /** The byte ranges that differ from the base by writing (whole granules), ascending. */
  *changes(): Generator<{ position: number; length: number }> {
    for (const { start, length } of this.#changed.runs()) {
      const position = start * this.#granule
      yield { position, length: Math.min(length * this.#granule, this.size - position) }
    }
  }

  /** Forgets every change. */
  revert(): void {
    for (const { position, length } of this.changes()) this.#top.discardSync(position, length)
    this.#changed.clear()
  }

  protected override locate(position: number, length: number): Piece {
    const index = Math.floor(position / this.#granule)
    const last = Math.floor((position + length - 1) / this.#granule)
    const count = this.#changed.run(index, last - index + 1)
    const end = Math.min(position + length, (index + count) * this.#granule)
    return { length: end - position, from: this.#changed.has(index) ? this.#top : this.#base, at: position }
  }

  /** Copies a granule up that a write will cover in part only. Synchronous, so that no other write comes between. */
  #copyUp(index: number): void {
    if (this.#changed.has(index)) return
    const position = index * this.#granule
    const bytes = new Uint8Array(Math.min(this.#granule, this.size - position))
    this.#base.readSync(position, bytes)
    this.#top.writeSync(position, bytes)
    this.#changed.add(index)
  }

  #copyUpEdges(position: number, length: number): void {
    const end = position + length
    if (position % this.#granule !== 0) this.#copyUp(Math.floor(position / this.#granule))
    if (end % this.#granule !== 0 && end !== this.size) this.#copyUp(Math.floor(end / this.#granule))
  }

  #mark(position: number, length: number): void {
    const last = Math.floor((position + length - 1) / this.#granule)
    for (let index = Math.floor(position / this.#granule); index <= last; index++) this.#changed.add(index)
  }

  protected override doWrite(position: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#copyUpEdges(position, length)
    this.#top.writeSync(position, buffer, offset, length)
    this.#mark(position, length)
  }

  protected override async writeLater(position: number, buffer: Uint8Array, offset: number, length: number) {
    this.#copyUpEdges(position, length)
    await this.#top.write(position, buffer, offset, length)
    this.#mark(position, length)
  }

  protected override doFlush(): void {
    this.#top.flushSync()
  }

  protected override flushLater(): Promise<void> {
    return this.#top.flush()
  }

  /** Frees space in the top only; a range that was never written stays as the base has it. */
  protected override doDiscard(position: number, length: number): void {
    for (let done = 0; done < length; ) {
      const piece = this.locate(position + done, length - done)
      if (piece.from === this.#top) this.#top.discardSync(piece.at, piece.length)
      done += piece.length
    }
  }

  protected override doClose(): void {
    if (!this.#ownsBase) return
    this.#top.closeSync()
    this.#base.closeSync()
  }

  protected override async closeLater(): Promise<void> {
    if (!this.#ownsBase) return
    await this.#top.close()
    await this.#base.close()
  }
}
