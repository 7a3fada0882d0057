import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { DiskError, type DiskErrorCode } from '../error.js'
import { BaseSource } from './base.js'
import { lockForWriting, type WriterLock } from './lock.js'

export interface FileSourceOptions {
  /** `'r'` (the default) reads only; `'r+'` also writes and takes the writer's lock. */
  mode?: 'r' | 'r+'
  /** Bytes of a logical sector. Default: what Linux tells of a device, else 512. */
  blockSize?: number
  /** False: no lock is taken. For images in folders where no lock file can be made. Default true. */
  lock?: boolean
  /**
   * Frees a range of the file (fallocate(2) with FALLOC_FL_PUNCH_HOLE and KEEP_SIZE), for programs that have a native
   * binding; Node has none, so without it only a discard that reaches the end of the file frees space.
   */
  punchHole?: (fd: number, position: number, length: number) => void
}

/** Bytes of one system call: read(2) and write(2) stop at 0x7ffff000, Node at 2^31 - 1. */
const MOST = 1 << 30

const readLater = promisify(fs.read)
const writeLater = promisify(fs.write)

function failure(error: unknown, syscall: string, path: string, position?: number): DiskError {
  if (error instanceof DiskError) return error
  const found = (error as NodeJS.ErrnoException).code
  const known = [
    'ENOENT',
    'EACCES',
    'EPERM',
    'EBUSY',
    'EROFS',
    'ENOSPC',
    'EFBIG',
    'EISDIR',
    'EEXIST',
    'ENOTDIR',
  ]
  const code = (known.includes(`${found}`) ? found : 'EIO') as DiskErrorCode
  return new DiskError(code, `${syscall} failed (${(error as Error).message}):`, {
    path,
    syscall,
    cause: error,
    ...(position === undefined ? {} : { position }),
  })
}

interface Opened {
  fd: number
  size: number
  blockSize: number
  path: string
  readOnly: boolean
  lock: WriterLock | null
  punchHole: FileSourceOptions['punchHole']
  regular: boolean
}

/** Size of a block device: seeking to its end is not in Node, so the largest readable position is searched. */
function deviceSize(fd: number): number {
  const probe = new Uint8Array(1)
  const readable = (position: number): boolean => {
    try {
      return fs.readSync(fd, probe, 0, 1, position) === 1
    } catch {
      return false
    }
  }
  let low = 0
  let high = 512
  while (high < Number.MAX_SAFE_INTEGER / 2 && readable(high)) {
    low = high
    high *= 2
  }
  // Devices are whole sectors, so positions between them need no question.
  while (high - low > 512) {
    const middle = low + Math.floor((high - low) / 1024) * 512
    if (readable(middle)) low = middle
    else high = middle
  }
  return readable(low) ? high : 0
}

/** Bytes of a logical sector of a block device, as Linux tells it; null elsewhere. */
function deviceSector(rdev: number): number | null {
  // The layout of dev_t in Linux (makedev(3)).
  const major = Math.floor(rdev / 256) & 0xfff
  const minor = (rdev & 0xff) | (Math.floor(rdev / 4096) & 0xfff00)
  for (const folder of ['queue', '../queue']) {
    try {
      return (
        Number(fs.readFileSync(`/sys/dev/block/${major}:${minor}/${folder}/logical_block_size`, 'latin1')) ||
        null
      )
    } catch {
      // A partition has no queue of its own, its disk has; without sysfs neither is there.
    }
  }
  return null
}

/**
 * A disk in a regular file (sparse where the file system below is) or a block device.
 *
 * A writer holds the lock file `IMAGE.lock` (see lock.ts) for a regular file; a device is opened with O_EXCL, which
 * Linux answers with EBUSY while it is mounted or claimed. Readers take no lock.
 */
export class FileSource extends BaseSource {
  readonly #opened: Opened

  private constructor(opened: Opened) {
    super(opened.size, opened.blockSize, opened.readOnly)
    this.#opened = opened
  }

  /** Opens an existing image or device. */
  static openSync(path: string, options: FileSourceOptions = {}): FileSource {
    return FileSource.#openSync(path, options, null)
  }

  /**
   * Makes a new sparse image of `size` bytes, open for writing. `EEXIST` when the file exists, unless `overwrite`.
   */
  static createSync(
    path: string,
    size: number,
    options: Omit<FileSourceOptions, 'mode'> & { overwrite?: boolean } = {},
  ): FileSource {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new DiskError('EINVAL', 'an image size', { expected: 'bytes in 0..2^53-1', actual: size, path })
    }
    return FileSource.#openSync(
      path,
      { ...options, mode: 'r+' },
      { size, overwrite: options.overwrite ?? false },
    )
  }

  static #openSync(
    path: string,
    options: FileSourceOptions,
    create: { size: number; overwrite: boolean } | null,
  ): FileSource {
    const readOnly = (options.mode ?? 'r') === 'r'
    let fd = -1
    let lock: WriterLock | null = null
    try {
      if (create !== null) fs.closeSync(fs.openSync(path, create.overwrite ? 'a' : 'ax'))
      const real = fs.realpathSync(path)
      const device = fs.statSync(real).isBlockDevice()
      if (!readOnly && !device && options.lock !== false) lock = lockForWriting(real)
      const { O_RDONLY, O_RDWR, O_EXCL } = fs.constants
      fd = fs.openSync(real, readOnly ? O_RDONLY : O_RDWR | (device && options.lock !== false ? O_EXCL : 0))
      const stat = fs.fstatSync(fd)
      if (!stat.isFile() && !stat.isBlockDevice()) {
        throw new DiskError(stat.isDirectory() ? 'EISDIR' : 'EINVAL', 'not a file or a block device', {
          path,
        })
      }
      if (create !== null && !device) {
        fs.ftruncateSync(fd, 0)
        fs.ftruncateSync(fd, create.size)
      }
      const size = device ? deviceSize(fd) : (create?.size ?? stat.size)
      const sector = device ? deviceSector(stat.rdev) : null
      const { blockSize = sector ?? 512, punchHole } = options
      return new FileSource({ fd, size, blockSize, path: real, readOnly, lock, punchHole, regular: !device })
    } catch (error) {
      if (fd >= 0) fs.closeSync(fd)
      lock?.release()
      throw failure(error, 'open', path)
    }
  }

  /** The resolved path. */
  get path(): string {
    return this.#opened.path
  }

  /** Bytes that the file takes on its medium (512-byte units of stat(2)); smaller than `size` when sparse. */
  get allocated(): number {
    return fs.fstatSync(this.#opened.fd).blocks * 512
  }

  #ended(position: number): DiskError {
    return new DiskError('EIO', 'the file ended early (was it truncated meanwhile?):', {
      path: this.#opened.path,
      position,
      expected: `${this.size} bytes`,
    })
  }

  protected override doRead(position: number, buffer: Uint8Array, offset: number, length: number): void {
    for (let done = 0; done < length; ) {
      const at = position + done
      let got = 0
      try {
        got = fs.readSync(this.#opened.fd, buffer, offset + done, Math.min(MOST, length - done), at)
      } catch (error) {
        throw failure(error, 'read', this.#opened.path, at)
      }
      if (got === 0) throw this.#ended(at)
      done += got
    }
  }

  protected override async readLater(position: number, buffer: Uint8Array, offset: number, length: number) {
    for (let done = 0; done < length; ) {
      const at = position + done
      const part = Math.min(MOST, length - done)
      const { bytesRead } = await readLater(this.#opened.fd, buffer, offset + done, part, at).catch(
        (error) => {
          throw failure(error, 'read', this.#opened.path, at)
        },
      )
      if (bytesRead === 0) throw this.#ended(at)
      done += bytesRead
    }
  }

  protected override doWrite(position: number, buffer: Uint8Array, offset: number, length: number): void {
    for (let done = 0; done < length; ) {
      const at = position + done
      try {
        done += fs.writeSync(this.#opened.fd, buffer, offset + done, Math.min(MOST, length - done), at)
      } catch (error) {
        throw failure(error, 'write', this.#opened.path, at)
      }
    }
  }

  protected override async writeLater(position: number, buffer: Uint8Array, offset: number, length: number) {
    for (let done = 0; done < length; ) {
      const at = position + done
      const part = Math.min(MOST, length - done)
      const { bytesWritten } = await writeLater(this.#opened.fd, buffer, offset + done, part, at).catch(
        (error) => {
          throw failure(error, 'write', this.#opened.path, at)
        },
      )
      done += bytesWritten
    }
  }

  protected override doFlush(): void {
    try {
      fs.fdatasyncSync(this.#opened.fd)
    } catch (error) {
      throw failure(error, 'flush', this.#opened.path)
    }
  }

  protected override async flushLater(): Promise<void> {
    await promisify(fs.fdatasync)(this.#opened.fd).catch((error) => {
      throw failure(error, 'flush', this.#opened.path)
    })
  }

  protected override doDiscard(position: number, length: number): void {
    const { fd, punchHole, regular, path } = this.#opened
    try {
      if (punchHole !== undefined) punchHole(fd, position, length)
      else if (regular && position + length === this.size) {
        fs.ftruncateSync(fd, position)
        fs.ftruncateSync(fd, this.size)
      }
    } catch (error) {
      throw failure(error, 'discard', path, position)
    }
  }

  protected override doClose(): void {
    try {
      if (!this.readOnly) this.doFlush()
    } finally {
      fs.closeSync(this.#opened.fd)
      this.#opened.lock?.release()
    }
  }

  protected override async closeLater(): Promise<void> {
    try {
      if (!this.readOnly) await this.flushLater()
    } finally {
      fs.closeSync(this.#opened.fd)
      this.#opened.lock?.release()
    }
  }
}
