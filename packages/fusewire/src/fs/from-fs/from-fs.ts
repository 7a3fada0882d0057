import { O } from '../../api/constants.js'
import { FsError } from '../../api/errors.js'
import {
  type DirentLike,
  type PathContext,
  PathFileSystem,
  type StatfsLike,
  type StatsLike,
} from '../../api/path/path-filesystem.js'
import type { FileHandleLike, FsPromisesLike } from './shape.js'

export interface FromFsOptions {
  /** The directory of the object that becomes the mount's root. Default "/". */
  root?: string
}

/** What each method needs of the object; without it the method does not exist and the kernel hears ENOSYS. */
const NEEDS = {
  readlink: ['readlink'],
  mkdir: ['mkdir'],
  rmdir: ['rmdir'],
  unlink: ['unlink'],
  rename: ['rename'],
  link: ['link'],
  symlink: ['symlink'],
  statfs: ['statfs'],
  utimes: ['lutimes', 'utimes'],
  chown: ['lchown', 'chown'],
  chmod: ['chmod'],
} as const satisfies Partial<Record<keyof PathFileSystem, readonly (keyof FsPromisesLike)[]>>

/**
 * Mounts any object shaped as `node:fs/promises`.
 *
 * ```ts
 * await mount('./mnt', fromFs(memfs.promises))
 * await mount('./mnt', fromFs(await import('node:fs/promises'), { root: '/srv/data' }))
 * ```
 *
 * With `node:fs/promises` the root must not lie inside of the mount: its calls would wait for each other. For a real
 * directory `passthrough()` is faster and complete.
 */
export const fromFs = (fs: FsPromisesLike, options: FromFsOptions = {}): PathFileSystem =>
  new FromFs(fs, options)

class FromFs extends PathFileSystem {
  readonly #fs: Required<FsPromisesLike>
  readonly #root: string

  constructor(fs: FsPromisesLike, options: FromFsOptions) {
    super()
    this.#fs = fs as Required<FsPromisesLike>
    this.#root = (options.root ?? '/').replace(/\/+$/, '')
    for (const [method, needs] of Object.entries(NEEDS)) {
      if (!needs.some((name) => typeof fs[name] === 'function')) {
        Object.defineProperty(this, method, { value: undefined })
      }
    }
  }

  override async stat(path: string, handle: unknown): Promise<StatsLike> {
    const open = handle as FileHandleLike | undefined
    if (open?.stat !== undefined) return open.stat({ bigint: true })
    const stat = this.#fs.lstat ?? this.#fs.stat
    return stat.call(this.#fs, this.#at(path), { bigint: true })
  }

  override readdir(path: string): Promise<readonly DirentLike[]> {
    return this.#fs.readdir(this.#at(path), { withFileTypes: true })
  }

  override async readlink(path: string): Promise<string> {
    const target = await this.#fs.readlink(this.#at(path))
    return typeof target === 'string' ? target : Buffer.from(target).toString()
  }

  override async mkdir(path: string, mode: number, context: PathContext): Promise<void> {
    await this.#fs.mkdir(this.#at(path), { mode })
    await this.#asAsked(path, mode, context)
  }

  override rmdir(path: string): Promise<unknown> {
    return this.#fs.rmdir(this.#at(path))
  }
  override unlink(path: string): Promise<unknown> {
    return this.#fs.unlink(this.#at(path))
  }
  override async rename(from: string, to: string, flags: number): Promise<unknown> {
    if (flags !== 0) throw new FsError('EINVAL', `rename flags ${flags} have no place in node:fs`)
    return this.#fs.rename(this.#at(from), this.#at(to))
  }
  override link(existing: string, path: string): Promise<unknown> {
    return this.#fs.link(this.#at(existing), this.#at(path))
  }
  override async symlink(target: string, path: string, context: PathContext): Promise<void> {
    await this.#fs.symlink(target, this.#at(path))
    await this.#give(path, context)
  }
  override chmod(path: string, mode: number, handle: unknown): Promise<unknown> {
    const open = handle as FileHandleLike | undefined
    return open?.chmod === undefined ? this.#fs.chmod(this.#at(path), mode) : open.chmod(mode)
  }
  override chown(path: string, uid: number, gid: number): Promise<unknown> {
    const chown = this.#fs.lchown ?? this.#fs.chown
    return chown.call(this.#fs, this.#at(path), uid, gid)
  }

  override async truncate(path: string, size: number, handle: unknown): Promise<void> {
    const open = handle as FileHandleLike | undefined
    if (open?.truncate !== undefined) {
      await open.truncate(size)
      return
    }
    if (typeof this.#fs.truncate === 'function') {
      await this.#fs.truncate(this.#at(path), size)
      return
    }
    const file = await this.#fs.open(this.#at(path), O.RDWR)
    try {
      if (file.truncate === undefined)
        throw new FsError('ENOSYS', 'the object has neither truncate nor FileHandle.truncate')
      await file.truncate(size)
    } finally {
      await file.close()
    }
  }

  override async utimes(path: string, atime: Date | undefined, mtime: Date | undefined): Promise<unknown> {
    const utimes = this.#fs.lutimes ?? this.#fs.utimes
    // node:fs knows no UTIME_OMIT: the one that stays is read and written back.
    const now = atime === undefined || mtime === undefined ? await this.#times(path) : undefined
    return utimes.call(this.#fs, this.#at(path), atime ?? now!.atime, mtime ?? now!.mtime)
  }

  override open(path: string, flags: number): Promise<unknown> {
    return this.#fs.open(this.#at(path), flags & KEPT_FLAGS)
  }

  override async create(path: string, flags: number, mode: number, context: PathContext): Promise<unknown> {
    const asked = (flags & (KEPT_FLAGS | O.EXCL)) | O.CREAT
    const file = await this.#fs.open(this.#at(path), asked, mode)
    try {
      await this.#asAsked(path, mode, context)
    } catch (error) {
      await file.close()
      throw error
    }
    return file
  }

  override async read(_path: string, handle: unknown, buffer: Uint8Array, position: number): Promise<number> {
    const file = handle as FileHandleLike
    // A short read is the end of the file for the kernel, so a read goes on until it is.
    let done = 0
    while (done < buffer.length) {
      const { bytesRead } = await file.read(buffer, done, buffer.length - done, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  }

  override async write(_path: string, handle: unknown, data: Uint8Array, position: number): Promise<number> {
    const file = handle as FileHandleLike
    if (file.write === undefined) throw new FsError('EROFS', 'the object has no FileHandle.write')
    let done = 0
    while (done < data.length) {
      const { bytesWritten } = await file.write(data, done, data.length - done, position + done)
      done += bytesWritten
    }
    return done
  }

  override async fsync(_path: string, handle: unknown, datasync: boolean): Promise<void> {
    const file = handle as FileHandleLike
    await (datasync ? (file.datasync ?? file.sync) : file.sync)?.call(file)
  }

  override async release(_path: string, handle: unknown): Promise<void> {
    await (handle as FileHandleLike | undefined)?.close()
  }

  override statfs(path: string): Promise<StatfsLike> {
    return this.#fs.statfs(this.#at(path))
  }

  #at(path: string): string {
    return this.#root === '' ? path : path === '/' ? this.#root : this.#root + path
  }

  /**
   * Gives the new name its owner, and makes up for what this process's own umask took (node:fs applies it a second
   * time) and for the set-id bits that a change of owner takes.
   */
  async #asAsked(path: string, mode: number, context: PathContext): Promise<void> {
    await this.#give(path, context)
    if (typeof this.#fs.chmod !== 'function') return
    const stats = await this.stat(path, undefined)
    const missing = mode & 0o7777 & ~Number(stats.mode)
    if (missing !== 0) await this.#fs.chmod(this.#at(path), (Number(stats.mode) | missing) & 0o7777)
  }

  /** Root serves other users: what they make is theirs. */
  async #give(path: string, { uid, gid }: PathContext): Promise<void> {
    const chown = this.#fs.lchown ?? this.#fs.chown
    if (process.getuid?.() === 0 && uid !== 0 && typeof chown === 'function') {
      await chown.call(this.#fs, this.#at(path), uid, gid)
    }
  }

  async #times(path: string): Promise<{ atime: Date; mtime: Date }> {
    const stats = await this.stat(path, undefined)
    const time = (ms: number | bigint | undefined, date: Date | undefined): Date =>
      date ?? new Date(Number(ms ?? 0))
    return { atime: time(stats.atimeMs, stats.atime), mtime: time(stats.mtimeMs, stats.mtime) }
  }
}

/** Flags that mean something to an open of an existing file; the kernel appends by offsets, so O_APPEND must go. */
const KEPT_FLAGS = O.WRONLY | O.RDWR | O.TRUNC | O.DSYNC | O.SYNC
