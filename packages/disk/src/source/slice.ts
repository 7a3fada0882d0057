import { BaseSource } from './base.js'
import { type BlockSource, checkRange } from './source.js'

export interface SliceSourceOptions {
  /** True refuses writes even where the whole can be written. */
  readOnly?: boolean
  /** Close the whole with the slice. Default false: several slices may share one disk. */
  ownsBase?: boolean
}

/** A part of another source under its own positions: a partition. */
export class SliceSource extends BaseSource {
  readonly #base: BlockSource
  readonly #start: number
  readonly #ownsBase: boolean

  /**
   * @param start byte position of the part in `base`.
   * @param size bytes.
   */
  constructor(base: BlockSource, start: number, size: number, options: SliceSourceOptions = {}) {
    checkRange(base, start, size, 'slice')
    super(size, base.blockSize, options.readOnly === true || base.readOnly)
    this.#base = base
    this.#start = start
    this.#ownsBase = options.ownsBase ?? false
  }

  /** Byte position of this part in the whole, which NTFS and FAT write into their boot sectors as hidden sectors. */
  get start(): number {
    return this.#start
  }

  protected override doRead(position: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#base.readSync(this.#start + position, buffer, offset, length)
  }

  protected override readLater(
    position: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): Promise<void> {
    return this.#base.read(this.#start + position, buffer, offset, length)
  }

  protected override doWrite(position: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#base.writeSync(this.#start + position, buffer, offset, length)
  }

  protected override writeLater(
    position: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): Promise<void> {
    return this.#base.write(this.#start + position, buffer, offset, length)
  }

  protected override doFlush(): void {
    this.#base.flushSync()
  }

  protected override flushLater(): Promise<void> {
    return this.#base.flush()
  }

  protected override doDiscard(position: number, length: number): void {
    this.#base.discardSync(this.#start + position, length)
  }

  protected override discardLater(position: number, length: number): Promise<void> {
    return this.#base.discard(this.#start + position, length)
  }

  protected override doClose(): void {
    if (this.#ownsBase) this.#base.closeSync()
    else if (!this.readOnly) this.#base.flushSync()
  }

  protected override async closeLater(): Promise<void> {
    if (this.#ownsBase) await this.#base.close()
    else if (!this.readOnly) await this.#base.flush()
  }
}
