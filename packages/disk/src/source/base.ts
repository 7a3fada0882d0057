import { DiskError } from '../error.js'
import { type BlockSource, checkBlockSize, checkRange, checkTransfer, checkWritable } from './source.js'

/**
 * The checks that every source shares, and promise forms made of the synchronous ones. A subclass implements the
 * `do...` methods, which are only called with checked ranges of at least one byte; a subclass whose medium can wait
 * without blocking overrides the `...Later` ones too.
 */
export abstract class BaseSource implements BlockSource {
  readonly size: number
  readonly blockSize: number
  readonly readOnly: boolean
  #closed = false

  constructor(size: number, blockSize: number, readOnly: boolean) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new DiskError('EINVAL', 'a source size', { expected: 'bytes in 0..2^53-1', actual: size })
    }
    checkBlockSize(blockSize)
    this.size = size
    this.blockSize = blockSize
    this.readOnly = readOnly
  }

  protected abstract doRead(position: number, buffer: Uint8Array, offset: number, length: number): void
  protected abstract doWrite(position: number, buffer: Uint8Array, offset: number, length: number): void
  protected doFlush(): void {}
  protected doDiscard(_position: number, _length: number): void {}
  protected doClose(): void {}

  protected async readLater(
    position: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): Promise<void> {
    this.doRead(position, buffer, offset, length)
  }

  protected async writeLater(
    position: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): Promise<void> {
    this.doWrite(position, buffer, offset, length)
  }

  protected async flushLater(): Promise<void> {
    this.doFlush()
  }

  protected async discardLater(position: number, length: number): Promise<void> {
    this.doDiscard(position, length)
  }

  protected async closeLater(): Promise<void> {
    this.doClose()
  }

  #checkOpen(syscall: string): void {
    if (this.#closed) throw new DiskError('EBADF', `${syscall} on a closed source`, { syscall })
  }

  #checkRead(position: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#checkOpen('read')
    checkTransfer(this, position, buffer, offset, length, 'read')
  }

  #checkWrite(position: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#checkOpen('write')
    checkTransfer(this, position, buffer, offset, length, 'write')
    checkWritable(this, position, 'write')
  }

  #checkDiscard(position: number, length: number): void {
    this.#checkOpen('discard')
    checkRange(this, position, length, 'discard')
    checkWritable(this, position, 'discard')
  }

  readSync(position: number, buffer: Uint8Array, offset = 0, length = buffer.length - offset): void {
    this.#checkRead(position, buffer, offset, length)
    if (length > 0) this.doRead(position, buffer, offset, length)
  }

  async read(
    position: number,
    buffer: Uint8Array,
    offset = 0,
    length = buffer.length - offset,
  ): Promise<void> {
    this.#checkRead(position, buffer, offset, length)
    if (length > 0) await this.readLater(position, buffer, offset, length)
  }

  writeSync(position: number, buffer: Uint8Array, offset = 0, length = buffer.length - offset): void {
    this.#checkWrite(position, buffer, offset, length)
    if (length > 0) this.doWrite(position, buffer, offset, length)
  }

  async write(
    position: number,
    buffer: Uint8Array,
    offset = 0,
    length = buffer.length - offset,
  ): Promise<void> {
    this.#checkWrite(position, buffer, offset, length)
    if (length > 0) await this.writeLater(position, buffer, offset, length)
  }

  flushSync(): void {
    this.#checkOpen('flush')
    if (!this.readOnly) this.doFlush()
  }

  async flush(): Promise<void> {
    this.#checkOpen('flush')
    if (!this.readOnly) await this.flushLater()
  }

  discardSync(position: number, length: number): void {
    this.#checkDiscard(position, length)
    if (length > 0) this.doDiscard(position, length)
  }

  async discard(position: number, length: number): Promise<void> {
    this.#checkDiscard(position, length)
    if (length > 0) await this.discardLater(position, length)
  }

  closeSync(): void {
    if (this.#closed) return
    this.#closed = true
    this.doClose()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.closeLater()
  }

  [Symbol.dispose](): void {
    this.closeSync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
