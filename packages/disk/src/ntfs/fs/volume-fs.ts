import { constants } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { DiskError } from '../../error.js'
import { fileTimeOfMs } from '../layout/filetime.js'
import type { RecordVolume } from '../record-volume.js'
import { type ReadStreamOptions, readStream, writeStream } from './byte-streams.js'
import { type Data, FileHandle, msOf, type TimeLike } from './file-handle.js'
import { openFlags } from './flags.js'
import { newLink, type SymlinkType } from './links.js'
import { setMode, statsOf } from './metadata.js'
import { existing, named, type PathLike, type Place, resolve, textOf } from './paths.js'
import type { BigIntStats, Dirent, Stats } from './stats.js'
import { copyContents, dirents, removeTree } from './tree.js'

type EncodingOption = BufferEncoding | { encoding?: BufferEncoding | null; flag?: string | number } | null

function encodingOf(options: EncodingOption | undefined): BufferEncoding | null {
  return (typeof options === 'string' ? options : options?.encoding) ?? null
}

function flagOf(options: EncodingOption | undefined, normal: string): string | number {
  return (typeof options === 'object' ? options?.flag : undefined) ?? normal
}

/** Letters of a name that `mkdtemp` makes up, and how often it tries. */
const RANDOM_LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const RANDOM_TRIES = 100

/**
 * The methods of `node:fs/promises` on the files of a volume. Paths count from the volume's root; owners and
 * permissions other than "read-only" are accepted and forgotten. Errors are `DiskError` with the codes of POSIX.
 */
export class VolumeFs {
  readonly constants: typeof constants = constants
  readonly #volume: RecordVolume

  constructor(volume: RecordVolume) {
    this.#volume = volume
  }

  /** MFT record number of a path, for the methods of the volume that take one (streams, attributes, descriptors). */
  async number(path: PathLike, follow = true): Promise<number> {
    return named('open', path, () => existing(this.#volume, path, follow).number)
  }

  async access(path: PathLike, mode: number = constants.F_OK): Promise<void> {
    named('access', path, () => {
      existing(this.#volume, path, true)
      if ((mode & constants.W_OK) === 0 || !this.#volume.readOnly) return
      throw new DiskError('EROFS', 'the volume is open for reading only')
    })
  }

  async open(path: PathLike, flags: string | number = 'r', _mode?: number): Promise<FileHandle> {
    return named('open', path, () => {
      const asked = openFlags(flags)
      const place = resolve(this.#volume, path, !asked.noFollow && !(asked.create && asked.exclusive))
      const number = this.#openPlace(place, asked.create, asked.exclusive)
      const status = this.#volume.status(number)
      if (asked.noFollow && status.type === 'symlink') throw new DiskError('ELOOP', 'the file is a link')
      if (status.directory && asked.write) throw new DiskError('EISDIR', 'a directory cannot be written')
      if (asked.directory && !status.directory) throw new DiskError('ENOTDIR', 'the file is not a directory')
      if (asked.write && this.#volume.readOnly)
        throw new DiskError('EROFS', 'the volume is open for reading only')
      if (asked.truncate && asked.write && status.dataSize > 0) this.#volume.truncate(number, 0)
      return new FileHandle(this.#volume, number, asked)
    })
  }

  #openPlace(place: Place, create: boolean, exclusive: boolean): number {
    if (place.number !== null) {
      if (create && exclusive) throw new DiskError('EEXIST', 'the file exists')
      return place.number
    }
    if (!create) throw new DiskError('ENOENT', `no file '${place.name}'`)
    if (place.directory) throw new DiskError('EISDIR', `'${place.name}/' names a directory`)
    return this.#volume.create(place.parent, place.name)
  }

  async readFile(path: PathLike, options?: EncodingOption): Promise<Buffer | string> {
    const handle = await this.open(path, flagOf(options, 'r'))
    try {
      return await handle.readFile(encodingOf(options) === null ? null : { encoding: encodingOf(options) })
    } finally {
      await handle.close()
    }
  }

  async writeFile(path: PathLike, data: Data, options?: EncodingOption): Promise<void> {
    const handle = await this.open(path, flagOf(options, 'w'))
    try {
      await handle.writeFile(data, { encoding: encodingOf(options) })
    } finally {
      await handle.close()
    }
  }

  async appendFile(path: PathLike, data: Data, options?: EncodingOption): Promise<void> {
    await this.writeFile(path, data, { encoding: encodingOf(options), flag: flagOf(options, 'a') })
  }

  async stat(path: PathLike): Promise<Stats>
  async stat(path: PathLike, options: { bigint: true }): Promise<BigIntStats>
  async stat(path: PathLike, options?: { bigint?: boolean }): Promise<Stats | BigIntStats>
  async stat(path: PathLike, options?: { bigint?: boolean }): Promise<Stats | BigIntStats> {
    return named('stat', path, () => {
      return statsOf(this.#volume, existing(this.#volume, path, true).number, options?.bigint === true)
    })
  }

  async lstat(path: PathLike): Promise<Stats>
  async lstat(path: PathLike, options: { bigint: true }): Promise<BigIntStats>
  async lstat(path: PathLike, options?: { bigint?: boolean }): Promise<Stats | BigIntStats>
  async lstat(path: PathLike, options?: { bigint?: boolean }): Promise<Stats | BigIntStats> {
    return named('lstat', path, () => {
      return statsOf(this.#volume, existing(this.#volume, path, false).number, options?.bigint === true)
    })
  }

  async readdir(
    path: PathLike,
    options?: { recursive?: boolean; withFileTypes?: false } | BufferEncoding | null,
  ): Promise<string[]>
  async readdir(path: PathLike, options: { recursive?: boolean; withFileTypes: true }): Promise<Dirent[]>
  async readdir(
    path: PathLike,
    options?: { recursive?: boolean; withFileTypes?: boolean } | BufferEncoding | null,
  ): Promise<string[] | Dirent[]> {
    const asked = typeof options === 'object' ? options : null
    const base = textOf(path)
    const entries = named('readdir', path, () => [...this.#entries(path, asked?.recursive === true)])
    if (asked?.withFileTypes === true) return entries
    return entries.map((entry) => {
      const below = entry.parentPath.slice(base.replace(/\/$/, '').length + 1)
      return below === '' ? entry.name : `${below}/${entry.name}`
    })
  }

  #entries(path: PathLike, recursive: boolean): Generator<Dirent> {
    const { number } = existing(this.#volume, path, true)
    if (!this.#volume.status(number).directory) throw new DiskError('ENOTDIR', 'the file is not a directory')
    return dirents(this.#volume, number, textOf(path), recursive)
  }

  /** The entries of a directory one by one; large directories are not held in memory. */
  async opendir(path: PathLike, options?: { recursive?: boolean }): Promise<AsyncIterable<Dirent>> {
    const entries = named('opendir', path, () => this.#entries(path, options?.recursive === true))
    return (async function* () {
      yield* entries
    })()
  }

  async mkdir(
    path: PathLike,
    options?: { recursive?: boolean; mode?: number } | number,
  ): Promise<string | undefined> {
    return named('mkdir', path, () => {
      if (typeof options === 'object' && options.recursive === true) return this.#mkdirs(textOf(path))
      const place = resolve(this.#volume, path, true)
      if (place.number !== null) throw new DiskError('EEXIST', 'the file exists')
      this.#volume.mkdir(place.parent, place.name)
      return undefined
    })
  }

  /** Makes what is missing of a path; returns the first directory that it made. */
  #mkdirs(path: string): string | undefined {
    let first: string | undefined
    let done = path.startsWith('/') ? '/' : ''
    for (const name of path.split('/').filter((part) => part !== '')) {
      done += `${done === '' || done.endsWith('/') ? '' : '/'}${name}`
      const place = resolve(this.#volume, done, true)
      if (place.number === null) {
        this.#volume.mkdir(place.parent, place.name)
        first ??= done
      } else if (!this.#volume.status(place.number).directory)
        throw new DiskError('ENOTDIR', `'${name}' is not a directory`)
    }
    return first
  }

  async mkdtemp(prefix: string): Promise<string> {
    for (let tries = 0; tries < RANDOM_TRIES; tries++) {
      let name = prefix
      for (let i = 0; i < 6; i++) name += RANDOM_LETTERS[Math.floor(Math.random() * RANDOM_LETTERS.length)]
      if (resolve(this.#volume, name, false).number !== null) continue
      await this.mkdir(name)
      return name
    }
    throw new DiskError('EEXIST', 'no free name', { path: prefix, syscall: 'mkdtemp' })
  }

  async rmdir(path: PathLike): Promise<void> {
    named('rmdir', path, () => {
      const { parent, name, number } = existing(this.#volume, path, false)
      if (this.#volume.status(number).type === 'symlink') throw new DiskError('ENOTDIR', 'the file is a link')
      this.#volume.rmdir(parent, name)
    })
  }

  async unlink(path: PathLike): Promise<void> {
    named('unlink', path, () => {
      const { parent, name, number } = existing(this.#volume, path, false)
      const { directory, type } = this.#volume.status(number)
      // Junctions and Windows' links to directories are directories on the volume, and links for POSIX.
      if (directory && type === 'symlink') this.#volume.rmdir(parent, name)
      else this.#volume.unlink(parent, name)
    })
  }

  async rm(path: PathLike, options: { recursive?: boolean; force?: boolean } = {}): Promise<void> {
    named('rm', path, () => {
      const { parent, name, number } = resolve(this.#volume, path, false)
      if (number === null) {
        if (options.force === true) return
        throw new DiskError('ENOENT', `no file '${name}'`)
      }
      if (this.#volume.status(number).type === 'directory' && options.recursive !== true) {
        throw new DiskError('EISDIR', 'a directory needs the option recursive')
      }
      removeTree(this.#volume, parent, name)
    })
  }

  async rename(from: PathLike, to: PathLike): Promise<void> {
    named('rename', from, () => {
      const old = existing(this.#volume, from, false)
      const target = resolve(this.#volume, to, false)
      this.#volume.rename(old.parent, old.name, target.parent, target.name)
    })
  }

  async link(from: PathLike, to: PathLike): Promise<void> {
    named('link', from, () => {
      const { number } = existing(this.#volume, from, false)
      const target = resolve(this.#volume, to, false)
      this.#volume.link(number, target.parent, target.name)
    })
  }

  /**
   * Makes a link. Relative targets become Windows links (`type` 'dir' for one to a directory; by default what stands
   * there now decides), 'junction' a junction, others WSL links.
   */
  async symlink(target: PathLike, path: PathLike, type: SymlinkType = null): Promise<void> {
    named('symlink', path, () => {
      const text = textOf(target)
      const place = resolve(this.#volume, path, false)
      if (place.number !== null) throw new DiskError('EEXIST', 'the file exists')
      const directory = type === 'dir' || (type === null && this.#leadsToDirectory(place, text))
      const link = newLink(text, type, directory)
      this.#volume.createReparsePoint(place.parent, place.name, link.value, link.directory)
    })
  }

  #leadsToDirectory(place: Place, target: string): boolean {
    try {
      const base = place.path.slice(0, place.path.length - place.name.length)
      const { number } = resolve(this.#volume, target.startsWith('/') ? target : base + target, true)
      return number !== null && this.#volume.status(number).directory
    } catch {
      return false
    }
  }

  async readlink(path: PathLike): Promise<string> {
    return named('readlink', path, () => {
      const target = this.#volume.readLink(existing(this.#volume, path, false).number)
      if (target === null) throw new DiskError('EINVAL', 'the file is no link')
      return target
    })
  }

  async realpath(path: PathLike): Promise<string> {
    return named('realpath', path, () => existing(this.#volume, path, true).path)
  }

  async truncate(path: PathLike, size = 0): Promise<void> {
    named('truncate', path, () => this.#volume.truncate(existing(this.#volume, path, true).number, size))
  }

  #setTimes(path: PathLike, follow: boolean, atime: TimeLike, mtime: TimeLike): void {
    this.#volume.setTimes(existing(this.#volume, path, follow).number, {
      accessed: fileTimeOfMs(msOf(atime)),
      modified: fileTimeOfMs(msOf(mtime)),
    })
  }

  async utimes(path: PathLike, atime: TimeLike, mtime: TimeLike): Promise<void> {
    named('utimes', path, () => this.#setTimes(path, true, atime, mtime))
  }

  async lutimes(path: PathLike, atime: TimeLike, mtime: TimeLike): Promise<void> {
    named('lutimes', path, () => this.#setTimes(path, false, atime, mtime))
  }

  async chmod(path: PathLike, mode: number): Promise<void> {
    named('chmod', path, () => setMode(this.#volume, existing(this.#volume, path, true).number, mode))
  }

  /** Accepted without effect: owners are in security descriptors. */
  async chown(path: PathLike, _uid: number, _gid: number): Promise<void> {
    named('chown', path, () => existing(this.#volume, path, true))
  }

  async lchown(path: PathLike, _uid: number, _gid: number): Promise<void> {
    named('lchown', path, () => existing(this.#volume, path, false))
  }

  async copyFile(from: PathLike, to: PathLike, mode = 0): Promise<void> {
    named('copyfile', from, () => {
      const source = existing(this.#volume, from, true).number
      if (this.#volume.status(source).directory) throw new DiskError('EISDIR', 'the file is a directory')
      const target = resolve(this.#volume, to, true)
      if (target.number === source) return
      const number = this.#openPlace(target, true, (mode & constants.COPYFILE_EXCL) !== 0)
      copyContents(this.#volume, source, number)
    })
  }

  async statfs(path: PathLike): Promise<{
    type: number
    bsize: number
    blocks: number
    bfree: number
    bavail: number
    files: number
    ffree: number
  }> {
    named('statfs', path, () => existing(this.#volume, path, true))
    const { clusterSize, totalClusters, freeClusters, files } = this.#volume.space()
    // Every record needs a place in the $MFT, so the free clusters limit the files.
    const room = Math.floor((freeClusters * clusterSize) / this.#volume.geometry.recordSize)
    // The magic number is that of NTFS_SB_MAGIC in linux/magic.h.
    return {
      type: 0x5346544e,
      bsize: clusterSize,
      blocks: totalClusters,
      bfree: freeClusters,
      bavail: freeClusters,
      files: files + room,
      ffree: room,
    }
  }

  /** The bytes of a file from `start` to `end` (inclusive) as a stream. */
  createReadStream(path: PathLike, options: ReadStreamOptions = {}): Readable {
    return readStream(() => this.open(path, 'r'), options)
  }

  /** A stream whose bytes become a file's, from `start` on. */
  createWriteStream(path: PathLike, options: { flags?: string; start?: number } = {}): Writable {
    const flags = options.flags ?? 'w'
    return writeStream(this.open(path, flags), flags.startsWith('a') ? null : (options.start ?? 0))
  }
}
