import { constants } from 'node:fs'
import { DiskError, type DiskErrorCode } from '../error.js'
import { bytesOf, type Data, msOf, type TimeLike } from '../ntfs/fs/file-handle.js'
import { type OpenFlags, openFlags } from '../ntfs/fs/flags.js'
import type { BigIntStats, Dirent, Stats } from '../ntfs/fs/stats.js'
import { type EncodingOption, readWhole, VolumeHandle } from './handle.js'
import { direntOf, statsOf } from './stats.js'
import type { TreeVolume } from './tree.js'

/** The parts of a path; '.', '..' and doubled slashes resolved, as the root is the top there is. */
function split(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}

type ReadOptions = BufferEncoding | (EncodingOption & { flag?: string }) | null
type WriteOptions = BufferEncoding | (EncodingOption & { flag?: string; mode?: number }) | null

const encodingOf = (options: ReadOptions | WriteOptions | undefined) =>
  (typeof options === 'string' ? options : options?.encoding) ?? undefined

/**
 * The files of a volume, shaped as `node:fs/promises`: paths with '/', absolute from the volume's root. Errors are
 * `DiskError` with POSIX codes, `path` and `syscall`. The work is done at once, without waiting: the promises are for
 * the shape.
 */
export class VolumePromises<N> {
  readonly constants = constants
  readonly #volume: TreeVolume<N>

  constructor(volume: TreeVolume<N>) {
    this.#volume = volume
  }

  /** Runs one operation; errors from below get the path and the name of the call. */
  #do<T>(syscall: string, path: string, work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof DiskError) || error.path === path) throw error
      const what = error.message.replace(`${error.code}: `, '').replace(/:? '.*'$|:$/, '')
      throw new DiskError(error.code as DiskErrorCode, `${syscall}: ${what}:`, {
        path,
        syscall,
        cause: error,
      })
    }
  }

  #directory(node: N): boolean {
    return this.#volume.info(node).directory
  }

  #walk(parts: string[]): N {
    let node = this.#volume.root
    for (const part of parts) {
      if (!this.#directory(node)) throw new DiskError('ENOTDIR', 'not a directory')
      const next = this.#volume.lookup(node, part)
      if (next === null) throw new DiskError('ENOENT', 'no such file or directory')
      node = next
    }
    return node
  }

  /** The directory that holds the last part of a path, and that part. */
  #place(path: string): { dir: N; name: string } {
    const parts = split(path)
    const name = parts.pop()
    if (name === undefined) throw new DiskError('EBUSY', 'the root directory cannot be changed')
    const dir = this.#walk(parts)
    if (!this.#directory(dir)) throw new DiskError('ENOTDIR', 'not a directory')
    return { dir, name }
  }

  stat(path: string, options: { bigint: true }): Promise<BigIntStats>
  stat(path: string, options?: { bigint?: false }): Promise<Stats>
  async stat(path: string, options: { bigint?: boolean } = {}): Promise<Stats | BigIntStats> {
    return this.#do('stat', path, () => {
      const info = this.#volume.info(this.#walk(split(path)))
      return statsOf(info, this.#volume.clusterSize, options.bigint === true)
    })
  }

  /** There are no symbolic links here. */
  lstat(path: string, options: { bigint: true }): Promise<BigIntStats>
  lstat(path: string, options?: { bigint?: false }): Promise<Stats>
  lstat(path: string, options: { bigint?: boolean } = {}): Promise<Stats | BigIntStats> {
    return options.bigint === true ? this.stat(path, { bigint: true }) : this.stat(path)
  }

  async access(path: string, mode: number = constants.F_OK): Promise<void> {
    this.#do('access', path, () => {
      const { readOnly } = this.#volume.info(this.#walk(split(path)))
      if ((mode & constants.W_OK) === 0) return
      if (this.#volume.readOnly) throw new DiskError('EROFS', 'the volume is open read-only')
      if (readOnly) throw new DiskError('EACCES', 'the file is marked read-only')
    })
  }

  async realpath(path: string): Promise<string> {
    await this.stat(path)
    return `/${split(path).join('/')}`
  }

  readdir(path: string, options: { withFileTypes: true; recursive?: boolean }): Promise<Dirent[]>
  readdir(
    path: string,
    options?: { withFileTypes?: false; recursive?: boolean } | BufferEncoding,
  ): Promise<string[]>
  async readdir(
    path: string,
    options?: { withFileTypes?: boolean; recursive?: boolean } | BufferEncoding,
  ): Promise<string[] | Dirent[]> {
    const { withFileTypes = false, recursive = false } = typeof options === 'string' ? {} : (options ?? {})
    return this.#do('scandir', path, () => {
      const found: { name: string; entry: Dirent }[] = []
      const visit = (dir: N, shown: string, prefix: string, depth: number) => {
        // A damaged volume may hold itself; no path has more parts than this.
        if (depth > 1024) throw new DiskError('ELOOP', 'directories nested too deeply')
        for (const { name, node } of this.#volume.list(dir)) {
          const directory = this.#directory(node)
          found.push({ name: prefix + name, entry: direntOf(name, shown, directory) })
          if (recursive && directory)
            visit(node, `${shown.replace(/\/$/, '')}/${name}`, `${prefix}${name}/`, depth + 1)
        }
      }
      const top = this.#walk(split(path))
      if (!this.#directory(top)) throw new DiskError('ENOTDIR', 'not a directory')
      visit(top, path, '', 0)
      return withFileTypes ? found.map(({ entry }) => entry) : found.map(({ name }) => name)
    })
  }

  /** An async iterator over a directory, as `fs.promises.opendir` gives. */
  async *opendir(path: string): AsyncGenerator<Dirent> {
    yield* await this.readdir(path, { withFileTypes: true })
  }

  async open(path: string, flags: string | number = 'r', _mode?: number): Promise<VolumeHandle<N>> {
    return this.#do('open', path, () => this.#open(path, openFlags(flags)))
  }

  #open(path: string, flags: OpenFlags): VolumeHandle<N> {
    const writes = flags.write || flags.truncate
    let node: N
    if (!flags.create) node = this.#walk(split(path))
    else {
      const { dir, name } = this.#place(path)
      const found = this.#volume.lookup(dir, name)
      if (found !== null && flags.exclusive) throw new DiskError('EEXIST', 'the file exists')
      node = found ?? this.#volume.create(dir, name, false)
    }
    const { directory, readOnly } = this.#volume.info(node)
    if (directory && writes) throw new DiskError('EISDIR', 'is a directory')
    if (writes && this.#volume.readOnly) throw new DiskError('EROFS', 'the volume is open read-only')
    if (writes && readOnly) throw new DiskError('EACCES', 'the file is marked read-only')
    if (!directory && flags.directory) throw new DiskError('ENOTDIR', 'not a directory')
    if (flags.truncate) this.#volume.truncate(node, 0)
    return new VolumeHandle(this.#volume, node, flags)
  }

  readFile(
    path: string,
    options: BufferEncoding | { encoding: BufferEncoding; flag?: string },
  ): Promise<string>
  readFile(path: string, options?: { encoding?: null; flag?: string } | null): Promise<Buffer>
  async readFile(path: string, options?: ReadOptions): Promise<Buffer | string> {
    return this.#do('open', path, () => {
      const node = this.#walk(split(path))
      if (this.#directory(node)) throw new DiskError('EISDIR', 'is a directory')
      const bytes = readWhole(this.#volume, node, 0)
      const encoding = encodingOf(options)
      return encoding === undefined ? bytes : bytes.toString(encoding)
    })
  }

  async #put(path: string, data: Data, options: WriteOptions | undefined, flag: string): Promise<void> {
    const flags = (typeof options === 'object' ? options?.flag : undefined) ?? flag
    const handle = await this.open(path, flags)
    try {
      await handle.write(bytesOf(data, encodingOf(options)))
    } finally {
      await handle.close()
    }
  }

  async writeFile(path: string, data: Data, options?: WriteOptions): Promise<void> {
    await this.#put(path, data, options, 'w')
  }

  async appendFile(path: string, data: Data, options?: WriteOptions): Promise<void> {
    await this.#put(path, data, options, 'a')
  }

  async copyFile(from: string, to: string, mode = 0): Promise<void> {
    const flag = (mode & constants.COPYFILE_EXCL) !== 0 ? 'wx' : 'w'
    await this.writeFile(to, await this.readFile(from), { flag })
  }

  async mkdir(
    path: string,
    options?: { recursive?: boolean; mode?: number } | number,
  ): Promise<string | undefined> {
    const recursive = typeof options === 'object' && options.recursive === true
    return this.#do('mkdir', path, () => {
      if (!recursive) {
        const { dir, name } = this.#place(path)
        this.#volume.create(dir, name, true)
        return undefined
      }
      let first: string | undefined
      let node = this.#volume.root
      const parts = split(path)
      for (const [i, part] of parts.entries()) {
        const next = this.#volume.lookup(node, part)
        if (next === null) first ??= `/${parts.slice(0, i + 1).join('/')}`
        node = next ?? this.#volume.create(node, part, true)
        if (!this.#directory(node))
          throw new DiskError(i === parts.length - 1 ? 'EEXIST' : 'ENOTDIR', 'not a directory')
      }
      return first
    })
  }

  #remove(syscall: string, path: string, wanted: 'file' | 'directory'): void {
    this.#do(syscall, path, () => {
      const { dir, name } = this.#place(path)
      const node = this.#volume.lookup(dir, name)
      if (node === null) throw new DiskError('ENOENT', 'no such file or directory')
      const directory = this.#directory(node)
      if (wanted === 'file' && directory) throw new DiskError('EISDIR', 'is a directory')
      if (wanted === 'directory' && !directory) throw new DiskError('ENOTDIR', 'not a directory')
      this.#volume.remove(dir, name)
    })
  }

  async unlink(path: string): Promise<void> {
    this.#remove('unlink', path, 'file')
  }

  async rmdir(path: string): Promise<void> {
    this.#remove('rmdir', path, 'directory')
  }

  async rm(path: string, options: { recursive?: boolean; force?: boolean } = {}): Promise<void> {
    const empty = (dir: N, depth: number) => {
      if (depth > 1024) throw new DiskError('ELOOP', 'directories nested too deeply')
      for (const { name, node } of this.#volume.list(dir)) {
        if (this.#directory(node)) empty(node, depth + 1)
        this.#volume.remove(dir, name)
      }
    }
    try {
      this.#do('rm', path, () => {
        const { dir, name } = this.#place(path)
        const node = this.#walk(split(path))
        if (this.#directory(node)) {
          if (options.recursive !== true) throw new DiskError('EISDIR', 'is a directory')
          empty(node, 0)
        }
        this.#volume.remove(dir, name)
      })
    } catch (error) {
      if (options.force !== true || !(error instanceof DiskError) || error.code !== 'ENOENT') throw error
    }
  }

  async rename(from: string, to: string): Promise<void> {
    this.#do('rename', from, () => {
      const source = this.#place(from)
      const target = this.#place(to)
      this.#volume.rename(source.dir, source.name, target.dir, target.name)
    })
  }

  async truncate(path: string, size = 0): Promise<void> {
    this.#do('truncate', path, () => this.#volume.truncate(this.#walk(split(path)), size))
  }

  async utimes(path: string, atime: TimeLike, mtime: TimeLike): Promise<void> {
    this.#do('utimes', path, () => this.#volume.setTimes(this.#walk(split(path)), msOf(atime), msOf(mtime)))
  }

  /** Only the owner's write bit counts: it is the read-only attribute. */
  async chmod(path: string, mode: number): Promise<void> {
    this.#do('chmod', path, () => this.#volume.setReadOnly(this.#walk(split(path)), (mode & 0o200) === 0))
  }

  async statfs(_path = '/') {
    return this.#volume.space()
  }
}
