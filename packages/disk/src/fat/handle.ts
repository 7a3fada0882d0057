import { DiskError } from '../error.js'
import { bytesOf, type Data, msOf, type TimeLike } from '../ntfs/fs/file-handle.js'
import type { OpenFlags } from '../ntfs/fs/flags.js'
import type { BigIntStats, Stats } from '../ntfs/fs/stats.js'
import { statsOf } from './stats.js'
import type { TreeVolume } from './tree.js'

export interface EncodingOption {
  encoding?: BufferEncoding | null
}

/** As `fs.readFile` of Node: 2 GiB. */
const LARGEST_READ = 2 ** 31 - 1

/** All bytes of a file from `from` on. A size that its clusters do not have costs an error before it costs memory. */
export function readWhole<N>(volume: TreeVolume<N>, node: N, from: number): Buffer {
  const left = Math.max(0, volume.info(node).size - from)
  if (left > LARGEST_READ) {
    throw new DiskError('EFBIG', 'a file read at once', {
      expected: `at most ${LARGEST_READ} bytes`,
      actual: left,
      cure: 'Open it and read it in parts',
    })
  }
  volume.read(node, from, new Uint8Array(1), 0, 1)
  const bytes = Buffer.alloc(left)
  volume.read(node, from, bytes, 0, left)
  return bytes
}

/** An open file, shaped as `fs.promises.FileHandle`. It stays usable when its name changes or goes. */
export class VolumeHandle<N> {
  readonly #volume: TreeVolume<N>
  readonly #node: N
  readonly #flags: OpenFlags
  #position = 0
  #open = true

  constructor(volume: TreeVolume<N>, node: N, flags: OpenFlags) {
    this.#volume = volume
    this.#node = node
    this.#flags = flags
    volume.retain(node)
  }

  #check(write: boolean): void {
    const asked = write ? this.#flags.write : this.#flags.read
    if (this.#open && asked) return
    const what = this.#open ? `not open for ${write ? 'writing' : 'reading'}` : 'the file is closed'
    throw new DiskError('EBADF', what, { syscall: write ? 'write' : 'read' })
  }

  /** Reads at `position`, or where the last read or write ended when it is null. */
  async read<B extends Uint8Array>(
    buffer: B,
    offset = 0,
    length = buffer.length - offset,
    position: number | null = null,
  ): Promise<{ bytesRead: number; buffer: B }> {
    this.#check(false)
    const from = position ?? this.#position
    const bytesRead = this.#volume.read(
      this.#node,
      from,
      buffer,
      offset,
      Math.min(length, buffer.length - offset),
    )
    if (position === null) this.#position = from + bytesRead
    return { bytesRead, buffer }
  }

  async write<B extends Uint8Array>(
    buffer: B,
    offset = 0,
    length = buffer.length - offset,
    position: number | null = null,
  ): Promise<{ bytesWritten: number; buffer: B }> {
    this.#check(true)
    const { append } = this.#flags
    const from = append ? this.#volume.info(this.#node).size : (position ?? this.#position)
    const part = Math.min(length, buffer.length - offset)
    this.#volume.write(this.#node, from, buffer, offset, part)
    if (position === null || append) this.#position = from + part
    return { bytesWritten: part, buffer }
  }

  async readFile(options?: BufferEncoding | EncodingOption | null): Promise<Buffer | string> {
    this.#check(false)
    const encoding = typeof options === 'string' ? options : options?.encoding
    const bytes = readWhole(this.#volume, this.#node, this.#position)
    this.#position += bytes.length
    return encoding ? bytes.toString(encoding) : bytes
  }

  async writeFile(data: Data, options?: BufferEncoding | EncodingOption | null): Promise<void> {
    const encoding = (typeof options === 'string' ? options : options?.encoding) ?? 'utf8'
    await this.write(bytesOf(data, encoding))
  }

  async appendFile(data: Data, options?: BufferEncoding | EncodingOption | null): Promise<void> {
    await this.writeFile(data, options)
  }

  async truncate(size = 0): Promise<void> {
    this.#check(true)
    this.#volume.truncate(this.#node, size)
  }

  stat(options: { bigint: true }): Promise<BigIntStats>
  stat(options?: { bigint?: false }): Promise<Stats>
  async stat(options: { bigint?: boolean } = {}): Promise<Stats | BigIntStats> {
    if (!this.#open) this.#check(false)
    return statsOf(this.#volume.info(this.#node), this.#volume.clusterSize, options.bigint === true)
  }

  async utimes(atime: TimeLike, mtime: TimeLike): Promise<void> {
    this.#volume.setTimes(this.#node, msOf(atime), msOf(mtime))
  }

  async sync(): Promise<void> {
    this.#volume.sync()
  }

  async datasync(): Promise<void> {
    this.#volume.sync()
  }

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    this.#volume.release(this.#node)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
