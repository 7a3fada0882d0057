import { dataBytes, nanoseconds, timeChange } from './kernel/arguments.js'
import { stat } from './kernel/attributes.js'
import { ioctl, poll } from './kernel/device.js'
import { describeError, fail } from './kernel/errors.js'
import { read, withoutSetId, write } from './kernel/file-io.js'
import { copyFileRange, fallocate, fsync, lseek } from './kernel/file-space.js'
import type { Kernel } from './kernel/kernel.js'
import { getLock, type LockFound, type LockOptions, type LockRange, setLock } from './kernel/lock.js'
import { close, type OpenFile } from './kernel/open.js'
import { type Change, setattr } from './kernel/setattr.js'
import { BigStats, Stats } from './kernel/stats.js'
import type { BigStatsShape, PosixHandle, StatsShape, Time, TimeSpec } from './posix-fs.js'

/** Bytes that readFile asks for at once where the size does not tell the end. */
const READ_STEP = 65536

/** An open file of the simulator, in the shape of `fs.promises.FileHandle`, with the calls that it has not. */
export class SimulatedHandle implements PosixHandle, AsyncDisposable {
  readonly #kernel: Kernel
  readonly #file: OpenFile

  constructor(kernel: Kernel, file: OpenFile) {
    this.#kernel = kernel
    this.#file = file
  }

  /** The kernel's open file; for the simulator's own use. */
  get file(): OpenFile {
    return this.#file
  }
  /** A number for it, as a descriptor's. */
  get fd(): number {
    return this.#file.id
  }

  async read(
    buffer: Uint8Array,
    offset = 0,
    length = buffer.length - offset,
    position: number | null = null,
    signal?: AbortSignal,
  ): Promise<{ bytesRead: number; buffer: Uint8Array }> {
    // As node:fs, which makes no call then.
    if (length === 0) return { bytesRead: 0, buffer }
    return this.#call('read', async (k, file) => {
      const at = this.#at(file, position)
      const data = await read(k, file, at, length, signal)
      buffer.set(data, offset)
      if (position === null) file.position = at + data.length
      return { bytesRead: data.length, buffer }
    })
  }

  async write(
    data: Uint8Array | string,
    offset: number | null = null,
    length?: number | string,
    position: number | null = null,
    signal?: AbortSignal,
  ): Promise<{ bytesWritten: number; buffer: Uint8Array }> {
    const bytes = dataBytes(data)
    const start = typeof data === 'string' ? 0 : (offset ?? 0)
    const count = typeof length === 'number' ? length : bytes.length - start
    const where = typeof data === 'string' ? offset : position
    if (bytes.length === 0) return { bytesWritten: 0, buffer: bytes }
    return this.#call('write', async (k, file) => {
      const at = this.#at(file, where)
      const { written, end } = await write(k, file, at, bytes.subarray(start, start + count), signal)
      if (where === null) file.position = end
      return { bytesWritten: written, buffer: bytes }
    })
  }

  stat(): Promise<StatsShape>
  stat(options: { bigint: true }): Promise<BigStatsShape>
  stat(options?: { bigint?: boolean }): Promise<StatsShape | BigStatsShape> {
    return this.#call('fstat', async (k, file) => {
      await stat(k, file.caller, file.inode, file.use)
      const { attr, btime } = file.inode
      const birth = btime ?? attr.ctime
      return options?.bigint === true ? new BigStats(attr, birth) : new Stats(attr, birth)
    })
  }

  truncate(length = 0): Promise<void> {
    return this.#call('ftruncate', (k, file) => {
      if (!file.writable || !file.inode.isFile || length < 0) throw fail('EINVAL')
      return setattr(k, file.caller, file.inode, { size: length }, file.use)
    })
  }
  sync(): Promise<void> {
    return this.#call('fsync', (k, file) => fsync(k, file, false))
  }
  datasync(): Promise<void> {
    return this.#call('fdatasync', (k, file) => fsync(k, file, true))
  }
  chmod(mode: number): Promise<void> {
    return this.#change('fchmod', { mode: mode & 0o7777 })
  }
  chown(uid: number, gid: number): Promise<void> {
    return this.#call('fchown', (k, file) =>
      setattr(k, file.caller, file.inode, ownerChange(k, file, uid, gid)),
    )
  }
  utimes(atime: Time, mtime: Time): Promise<void> {
    return this.#change('futime', { atime: nanoseconds(atime), mtime: nanoseconds(mtime) })
  }
  futimens(atime: TimeSpec, mtime: TimeSpec): Promise<void> {
    if (atime === 'omit' && mtime === 'omit') return Promise.resolve()
    return this.#change('futimens', timeChange(atime, mtime))
  }

  /** Everything from the position on. */
  async readFile(): Promise<Buffer> {
    const parts: Buffer[] = []
    for (;;) {
      const part = Buffer.alloc(READ_STEP)
      const { bytesRead } = await this.read(part, 0, READ_STEP, null)
      if (bytesRead === 0) return Buffer.concat(parts)
      parts.push(part.subarray(0, bytesRead))
    }
  }
  async writeFile(data: Uint8Array | string): Promise<void> {
    const bytes = dataBytes(data)
    for (let done = 0; done < bytes.length; ) {
      done += (await this.write(bytes, done, bytes.length - done, null)).bytesWritten
    }
  }
  appendFile(data: Uint8Array | string): Promise<void> {
    return this.writeFile(data)
  }

  fallocate(mode: number, offset: number, length: number): Promise<void> {
    return this.#call('fallocate', (k, file) => fallocate(k, file, mode, offset, length))
  }
  lseek(offset: number, whence: number): Promise<number> {
    return this.#call('lseek', (k, file) => lseek(k, file, offset, whence))
  }
  copyFileRange(offset: number, to: PosixHandle, toOffset: number, length: number): Promise<number> {
    return this.#call('copy_file_range', (k, file) => {
      if (!(to instanceof SimulatedHandle) || to.#kernel !== k) throw fail('EXDEV')
      return copyFileRange(k, file, offset, to.#file, toOffset, length)
    })
  }
  lock(range: LockRange, options: LockOptions = {}): Promise<void> {
    return this.#call('fcntl', (k, file) => setLock(k, file, range, options))
  }
  getLock(range: LockRange, options: LockOptions = {}): Promise<LockFound | null> {
    return this.#call('fcntl', (k, file) => getLock(k, file, range, options))
  }
  /** poll(2) of this file: the events that are ready; waits for one until `signal` aborts, when it is given. */
  poll(events: number, signal?: AbortSignal): Promise<number> {
    return this.#call('poll', (k, file) => poll(k, file, events, signal))
  }
  /** ioctl(2) whose command says how many bytes go in and out. */
  ioctl(command: number, input: Uint8Array = new Uint8Array(0)): Promise<{ result: number; output: Buffer }> {
    return this.#call('ioctl', (k, file) => ioctl(k, file, command, input))
  }

  async close(): Promise<void> {
    try {
      await close(this.#kernel, this.#file)
    } catch (thrown) {
      throw describeError(thrown, 'close')
    }
  }
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#file.closed) await this.close()
  }

  #change(syscall: string, change: Change): Promise<void> {
    return this.#call(syscall, (k, file) => setattr(k, file.caller, file.inode, change))
  }

  #at(file: OpenFile, position: number | null): number {
    if (position === null || position < 0) return file.position
    if (!file.seekable) throw fail('ESPIPE')
    return position
  }

  async #call<T>(syscall: string, run: (k: Kernel, file: OpenFile) => Promise<T>): Promise<T> {
    try {
      if (this.#file.closed) throw fail('EBADF')
      return await run(this.#kernel, this.#file)
    } catch (thrown) {
      throw describeError(thrown, syscall)
    }
  }
}

/** chown(2): an id of -1 stays; set-id bits go, by SETATTR where no KILLPRIV was agreed on. */
export function ownerChange(k: Kernel, { inode }: Pick<OpenFile, 'inode'>, uid: number, gid: number): Change {
  const change: Change = { ...(uid === -1 ? {} : { uid }), ...(gid === -1 ? {} : { gid }) }
  const mode = withoutSetId(inode.attr.mode)
  const killed = mode !== inode.attr.mode && !inode.isDirectory
  if (killed && !k.has('HANDLE_KILLPRIV') && !k.has('HANDLE_KILLPRIV_V2')) change.mode = mode & 0o7777
  return change
}
