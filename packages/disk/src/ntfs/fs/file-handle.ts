import { DiskError } from '../../error.js'
import { fileTimeOfMs } from '../layout/filetime.js'
import type { RecordVolume } from '../record-volume.js'
import type { OpenFlags } from './flags.js'
import { setMode, statsOf } from './metadata.js'
import type { BigIntStats, Stats } from './stats.js'

/** What can be written: bytes, or text in an encoding. */
export type Data = string | NodeJS.ArrayBufferView

export type TimeLike = string | number | Date

export function bytesOf(data: Data, encoding: BufferEncoding = 'utf8'): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data, encoding)
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** Seconds (as a number or in a text) or a date, as Node takes them, in milliseconds. */
export function msOf(time: TimeLike): number {
  const ms = time instanceof Date ? time.getTime() : Number(time) * 1000
  if (Number.isFinite(ms)) return ms
  throw new DiskError('EINVAL', 'a time', { expected: 'a date or seconds since 1970', actual: time })
}

interface ReadOptions {
  buffer?: NodeJS.ArrayBufferView
  offset?: number
  length?: number
  position?: number | null
}

/** An open file, with the methods of `fs.promises.FileHandle`. */
export class FileHandle {
  readonly #volume: RecordVolume
  readonly #number: number
  readonly #flags: OpenFlags
  #position = 0
  #open = true

  constructor(volume: RecordVolume, number: number, flags: OpenFlags) {
    this.#volume = volume
    this.#number = number
    this.#flags = flags
    volume.retain(number)
  }

  /** MFT record number: a volume has no file descriptors. */
  get fd(): number {
    return this.#open ? this.#number : -1
  }

  #check(way: 'read' | 'write' | null): void {
    if (!this.#open) throw new DiskError('EBADF', 'the file handle is closed')
    if (way === 'read' && !this.#flags.read) throw new DiskError('EBADF', 'the file is open for writing only')
    if (way === 'write' && !this.#flags.write)
      throw new DiskError('EBADF', 'the file is open for reading only')
  }

  async read<B extends NodeJS.ArrayBufferView>(
    bufferOrOptions?: B | ReadOptions | null,
    offset: number | ReadOptions = 0,
    length?: number,
    position: number | null = null,
  ): Promise<{ bytesRead: number; buffer: B }> {
    if (!ArrayBuffer.isView(bufferOrOptions)) {
      const options: ReadOptions = bufferOrOptions ?? {}
      const buffer = (options.buffer ?? Buffer.alloc(16384)) as B
      return this.read(buffer, options.offset ?? 0, options.length, options.position ?? null)
    }
    if (typeof offset === 'object') {
      const { offset: start = 0, length: count, position: from = null } = offset
      return this.read(bufferOrOptions, start, count, from)
    }
    this.#check('read')
    const bytes = bytesOf(bufferOrOptions)
    const count = length ?? bytes.length - offset
    if (offset < 0 || count < 0 || offset + count > bytes.length) {
      throw new DiskError('EINVAL', 'a part of the buffer', {
        expected: `within 0..${bytes.length}`,
        actual: offset + count,
      })
    }
    const at = position === null || position < 0 ? this.#position : position
    const bytesRead = this.#volume.read(this.#number, at, bytes, offset, count)
    if (position === null || position < 0) this.#position += bytesRead
    return { bytesRead, buffer: bufferOrOptions }
  }

  async write<D extends Data>(
    data: D,
    offsetOrPosition: number | null = null,
    lengthOrEncoding?: number | BufferEncoding | null,
    position: number | null = null,
  ): Promise<{ bytesWritten: number; buffer: D }> {
    this.#check('write')
    if (typeof data === 'string') {
      const bytes = bytesOf(data, (lengthOrEncoding ?? 'utf8') as BufferEncoding)
      this.#put(bytes, 0, bytes.length, offsetOrPosition)
      return { bytesWritten: bytes.length, buffer: data }
    }
    const bytes = bytesOf(data)
    const offset = offsetOrPosition ?? 0
    const length = typeof lengthOrEncoding === 'number' ? lengthOrEncoding : bytes.length - offset
    if (offset < 0 || length < 0 || offset + length > bytes.length) {
      throw new DiskError('EINVAL', 'a part of the buffer', {
        expected: `within 0..${bytes.length}`,
        actual: offset + length,
      })
    }
    this.#put(bytes, offset, length, position)
    return { bytesWritten: length, buffer: data }
  }

  #put(bytes: Uint8Array, offset: number, length: number, position: number | null): void {
    const size = this.#size()
    const at = this.#flags.append ? size : (position ?? this.#position)
    this.#volume.write(this.#number, at, bytes, offset, length)
    if (position === null || this.#flags.append) this.#position = at + length
  }

  async readv<B extends readonly NodeJS.ArrayBufferView[]>(
    buffers: B,
    position: number | null = null,
  ): Promise<{ bytesRead: number; buffers: B }> {
    let bytesRead = 0
    for (const buffer of buffers) {
      const part = await this.read(
        buffer,
        0,
        buffer.byteLength,
        position === null ? null : position + bytesRead,
      )
      bytesRead += part.bytesRead
      if (part.bytesRead < buffer.byteLength) break
    }
    return { bytesRead, buffers }
  }

  async writev<B extends readonly NodeJS.ArrayBufferView[]>(
    buffers: B,
    position: number | null = null,
  ): Promise<{ bytesWritten: number; buffers: B }> {
    let bytesWritten = 0
    for (const buffer of buffers) {
      const at = position === null ? null : position + bytesWritten
      bytesWritten += (await this.write(buffer, 0, buffer.byteLength, at)).bytesWritten
    }
    return { bytesWritten, buffers }
  }

  #size(): number {
    return this.#volume.status(this.#number).dataSize
  }

  /** From the current position to the end. */
  async readFile(
    options?: BufferEncoding | { encoding?: BufferEncoding | null } | null,
  ): Promise<Buffer | string> {
    this.#check('read')
    const bytes = Buffer.alloc(Math.max(0, this.#size() - this.#position))
    this.#position += this.#volume.read(this.#number, this.#position, bytes)
    const encoding = typeof options === 'string' ? options : options?.encoding
    return encoding ? bytes.toString(encoding) : bytes
  }

  async writeFile(
    data: Data,
    options?: BufferEncoding | { encoding?: BufferEncoding | null } | null,
  ): Promise<void> {
    this.#check('write')
    const encoding = typeof options === 'string' ? options : options?.encoding
    const bytes = bytesOf(data, encoding ?? 'utf8')
    this.#put(bytes, 0, bytes.length, null)
  }

  async appendFile(
    data: Data,
    options?: BufferEncoding | { encoding?: BufferEncoding | null } | null,
  ): Promise<void> {
    return this.writeFile(data, options)
  }

  async stat(): Promise<Stats>
  async stat(options: { bigint: true }): Promise<BigIntStats>
  async stat(options?: { bigint?: boolean }): Promise<Stats | BigIntStats> {
    this.#check(null)
    return statsOf(this.#volume, this.#number, options?.bigint === true)
  }

  async truncate(size = 0): Promise<void> {
    this.#check('write')
    this.#volume.truncate(this.#number, Math.max(0, size))
  }

  async utimes(atime: TimeLike, mtime: TimeLike): Promise<void> {
    this.#check(null)
    this.#volume.setTimes(this.#number, {
      accessed: fileTimeOfMs(msOf(atime)),
      modified: fileTimeOfMs(msOf(mtime)),
    })
  }

  async chmod(mode: number): Promise<void> {
    this.#check(null)
    setMode(this.#volume, this.#number, mode)
  }

  /** Accepted without effect: owners are in security descriptors. */
  async chown(_uid: number, _gid: number): Promise<void> {
    this.#check(null)
  }

  async sync(): Promise<void> {
    this.#check(null)
    this.#volume.flush()
  }

  async datasync(): Promise<void> {
    return this.sync()
  }

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    this.#volume.release(this.#number)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
