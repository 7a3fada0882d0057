import { O, RENAME_FLAG } from '../abi/gen/flags.js'
import { ownerChange, SimulatedHandle } from './file-handle.js'
import {
  dataBytes,
  nanoseconds,
  openFlags,
  pathBytes,
  shownPath,
  textOf,
  timeChange,
} from './kernel/arguments.js'
import { encodeDevice } from './kernel/attr.js'
import { stat } from './kernel/attributes.js'
import { type Caller, isPrivileged } from './kernel/caller.js'
import { type Statfs, statfs } from './kernel/device.js'
import { listStart, readEntries } from './kernel/directory.js'
import * as entries from './kernel/entries.js'
import { describeError, fail, SystemError } from './kernel/errors.js'
import type { DirectoryEntry, Inode } from './kernel/inode.js'
import type { Kernel } from './kernel/kernel.js'
import { readLink } from './kernel/link.js'
import { walk, walkToParent } from './kernel/lookup.js'
import { close, open, openDirectory } from './kernel/open.js'
import { access, MAY, permit } from './kernel/permission.js'
import { type Change, setattr } from './kernel/setattr.js'
import { BigStats, Dirent, Stats } from './kernel/stats.js'
import * as xattr from './kernel/xattr.js'
import type {
  BigStatsShape,
  DirentShape,
  DirShape,
  PathLike,
  PosixFs,
  PosixHandle,
  StatfsShape,
  StatsShape,
  Time,
  TimeSpec,
} from './posix-fs.js'

/** A directory that has been removed may answer ENOENT; for readdir(3) of libc that is the end. */
function endOfRemoved(thrown: unknown): DirectoryEntry[] {
  if (thrown instanceof SystemError && thrown.code === 'ENOENT') return []
  throw thrown
}

/**
 * The simulated mount as one caller sees it: an object in the shape of `node:fs/promises`, with the system calls that
 * Node.js has not. "/" is the root of the mount. Errors are as Node's: `code`, `errno`, `syscall`, `path`.
 */
export class SimulatedFs implements PosixFs {
  readonly #k: Kernel
  readonly #caller: Caller

  constructor(kernel: Kernel, caller: Caller) {
    this.#k = kernel
    this.#caller = caller
  }

  stat(path: PathLike): Promise<StatsShape>
  stat(path: PathLike, options: { bigint: true }): Promise<BigStatsShape>
  stat(path: PathLike, options?: { bigint?: boolean }): Promise<StatsShape | BigStatsShape> {
    return this.#stat('stat', path, true, options?.bigint === true)
  }
  lstat(path: PathLike): Promise<StatsShape>
  lstat(path: PathLike, options: { bigint: true }): Promise<BigStatsShape>
  lstat(path: PathLike, options?: { bigint?: boolean }): Promise<StatsShape | BigStatsShape> {
    return this.#stat('lstat', path, false, options?.bigint === true)
  }
  statfs(path: PathLike): Promise<StatfsShape & Statfs> {
    return this.#at('statfs', path, true, (inode) => statfs(this.#k, this.#caller, inode))
  }
  access(path: PathLike, mode = 0): Promise<void> {
    return this.#at('access', path, true, (inode) => access(this.#k, this.#caller, inode, mode & 7))
  }

  readdir(path: PathLike): Promise<string[]>
  readdir(path: PathLike, options: { withFileTypes: true }): Promise<DirentShape[]>
  readdir(path: PathLike, options: { encoding: 'buffer' }): Promise<Buffer[]>
  async readdir(
    path: PathLike,
    options: { withFileTypes?: boolean; encoding?: string } = {},
  ): Promise<string[] | DirentShape[] | Buffer[]> {
    const found = await this.#at('scandir', path, true, (inode) => this.#list(inode))
    if (options.withFileTypes === true)
      return found.map((entry) => new Dirent(textOf(entry.name), entry.type))
    const names = found.map((entry) => Buffer.from(entry.name, 'latin1'))
    return options.encoding === 'buffer' ? names : names.map((name) => name.toString())
  }

  /** A listing read piece by piece; `bufferSize` entries of it are taken at a time (at most what a request gives). */
  async opendir(path: PathLike): Promise<DirShape> {
    const file = await this.#at('opendir', path, true, async (inode) => {
      if (!inode.isDirectory) throw fail('ENOTDIR')
      await permit(this.#k, this.#caller, inode, MAY.READ)
      return openDirectory(this.#k, this.#caller, inode)
    })
    const position = listStart()
    let ahead: DirectoryEntry[] = []
    const read = async (): Promise<DirentShape | null> => {
      for (;;) {
        const next = ahead.shift()
        if (next === undefined) {
          ahead = await readEntries(this.#k, file, position).catch(endOfRemoved)
          if (ahead.length === 0) return null
        } else if (next.name !== '.' && next.name !== '..') return new Dirent(textOf(next.name), next.type)
      }
    }
    return { read, close: () => close(this.#k, file) }
  }

  mkdir(path: PathLike, mode: number | { mode?: number } = 0o777): Promise<void> {
    const bits = typeof mode === 'number' ? mode : (mode.mode ?? 0o777)
    return this.#parent('mkdir', path, (parent) => entries.mkdir(this.#k, this.#caller, parent, bits))
  }
  mknod(path: PathLike, mode: number, rdev = 0): Promise<void> {
    const device = encodeDevice((rdev >>> 8) & 0xfff, (rdev & 0xff) | ((rdev >>> 12) & 0xfff00))
    return this.#parent('mknod', path, (parent) => entries.mknod(this.#k, this.#caller, parent, mode, device))
  }
  rmdir(path: PathLike): Promise<void> {
    return this.#parent('rmdir', path, (parent) => entries.remove(this.#k, this.#caller, parent, true))
  }
  unlink(path: PathLike): Promise<void> {
    return this.#parent('unlink', path, (parent) => entries.remove(this.#k, this.#caller, parent, false))
  }
  symlink(target: PathLike, path: PathLike): Promise<void> {
    const bytes = pathBytes(target)
    return this.#parent('symlink', path, (parent) => entries.symlink(this.#k, this.#caller, bytes, parent))
  }
  rename(from: PathLike, to: PathLike): Promise<void> {
    return this.renameat2(from, to, 0)
  }
  /** renameat2(2); `flags`: NOREPLACE 1, EXCHANGE 2, WHITEOUT 4. */
  renameat2(from: PathLike, to: PathLike, flags: number): Promise<void> {
    return this.#pair('rename', from, to, async () => {
      const source = await walkToParent(this.#k, this.#caller, pathBytes(from))
      const target = await walkToParent(this.#k, this.#caller, pathBytes(to))
      if ((flags & RENAME_FLAG.WHITEOUT) !== 0 && !isPrivileged(this.#caller)) throw fail('EPERM')
      await entries.rename(this.#k, this.#caller, source, target, flags)
    })
  }
  link(existing: PathLike, path: PathLike): Promise<void> {
    return this.#pair('link', existing, path, async () => {
      const inode = await walk(this.#k, this.#caller, pathBytes(existing), false)
      await this.#linkTo(inode, path)
    })
  }
  linkHandle(handle: PosixHandle, path: PathLike): Promise<void> {
    return this.#call('link', path, () => this.#linkTo((handle as SimulatedHandle).file.inode, path))
  }
  readlink(path: PathLike): Promise<string>
  readlink(path: PathLike, options: { encoding: 'buffer' }): Promise<Buffer>
  readlink(path: PathLike, options?: { encoding?: string }): Promise<string | Buffer> {
    return this.#at('readlink', path, false, async (inode) => {
      if (!inode.isLink) throw fail('EINVAL')
      const target = Buffer.from(await readLink(this.#k, this.#caller, inode), 'latin1')
      return options?.encoding === 'buffer' ? target : target.toString()
    })
  }

  chmod(path: PathLike, mode: number): Promise<void> {
    return this.#change('chmod', path, true, { mode: mode & 0o7777 })
  }
  chown(path: PathLike, uid: number, gid: number): Promise<void> {
    return this.#chown('chown', path, true, uid, gid)
  }
  lchown(path: PathLike, uid: number, gid: number): Promise<void> {
    return this.#chown('lchown', path, false, uid, gid)
  }
  truncate(path: PathLike, length = 0): Promise<void> {
    return this.#at('truncate', path, true, async (inode) => {
      if (inode.isDirectory) throw fail('EISDIR')
      if (!inode.isFile || length < 0) throw fail('EINVAL')
      await permit(this.#k, this.#caller, inode, MAY.WRITE)
      await setattr(this.#k, this.#caller, inode, { size: length })
    })
  }
  utimes(path: PathLike, atime: Time, mtime: Time): Promise<void> {
    return this.#change('utime', path, true, { atime: nanoseconds(atime), mtime: nanoseconds(mtime) })
  }
  lutimes(path: PathLike, atime: Time, mtime: Time): Promise<void> {
    return this.#change('lutime', path, false, { atime: nanoseconds(atime), mtime: nanoseconds(mtime) })
  }
  async utimensat(path: PathLike, atime: TimeSpec, mtime: TimeSpec, follow = true): Promise<void> {
    if (atime === 'omit' && mtime === 'omit') return
    await this.#change('utimensat', path, follow, timeChange(atime, mtime))
  }

  open(path: PathLike, flags: string | number = 'r', mode = 0o666): Promise<SimulatedHandle> {
    const bits = openFlags(flags)
    return this.#call('open', path, async () => {
      return new SimulatedHandle(this.#k, await open(this.#k, this.#caller, pathBytes(path), bits, mode))
    })
  }
  tmpfile(directory: PathLike, flags: number, mode: number): Promise<SimulatedHandle> {
    return this.open(directory, flags | O.TMPFILE, mode)
  }
  async readFile(path: PathLike): Promise<Buffer>
  async readFile(path: PathLike, encoding: BufferEncoding): Promise<string>
  async readFile(path: PathLike, encoding?: BufferEncoding): Promise<Buffer | string> {
    await using file = await this.open(path, 'r')
    const data = await file.readFile()
    return encoding === undefined ? data : data.toString(encoding)
  }
  async writeFile(
    path: PathLike,
    data: Uint8Array | string,
    options: { mode?: number; flag?: string } = {},
  ): Promise<void> {
    const file = await this.open(path, options.flag ?? 'w', options.mode)
    try {
      await file.writeFile(data)
    } finally {
      await file.close()
    }
  }
  appendFile(path: PathLike, data: Uint8Array | string): Promise<void> {
    return this.writeFile(path, dataBytes(data), { flag: 'a' })
  }
  async copyFile(from: PathLike, to: PathLike): Promise<void> {
    await using source = await this.open(from, 'r')
    const { mode } = await source.stat()
    await this.writeFile(to, await source.readFile(), { mode: mode & 0o7777 })
  }

  getxattr(path: PathLike, name: string, follow = true): Promise<Buffer> {
    return this.#at('getxattr', path, follow, async (inode) => {
      await this.#mayXattr(inode, name, MAY.READ)
      return xattr.getXattr(this.#k, this.#caller, inode, pathBytes(name))
    })
  }
  setxattr(path: PathLike, name: string, value: Uint8Array, flags = 0, follow = true): Promise<void> {
    return this.#at('setxattr', path, follow, async (inode) => {
      await this.#mayXattr(inode, name, MAY.WRITE)
      await xattr.setXattr(this.#k, this.#caller, inode, pathBytes(name), value, flags)
    })
  }
  async listxattr(path: PathLike, follow = true): Promise<string[]> {
    const names = await this.#at('listxattr', path, follow, (inode) => {
      return xattr.listXattr(this.#k, this.#caller, inode)
    })
    return names.map(textOf)
  }
  removexattr(path: PathLike, name: string, follow = true): Promise<void> {
    return this.#at('removexattr', path, follow, async (inode) => {
      await this.#mayXattr(inode, name, MAY.WRITE)
      await xattr.removeXattr(this.#k, this.#caller, inode, pathBytes(name))
    })
  }

  /** `xattr_permission`: which names are for whom, and on what. */
  async #mayXattr(inode: Inode, name: string, mask: number): Promise<void> {
    const root = isPrivileged(this.#caller)
    if (name.startsWith('trusted.') && !root) throw fail(mask === MAY.WRITE ? 'EPERM' : 'ENODATA')
    if (name.startsWith('user.')) {
      if (!inode.isFile && !inode.isDirectory) throw fail(mask === MAY.WRITE ? 'EPERM' : 'ENODATA')
      const sticky = inode.isDirectory && (inode.attr.mode & 0o1000) !== 0
      if (sticky && mask === MAY.WRITE && !root && this.#caller.uid !== inode.attr.uid) throw fail('EPERM')
      await permit(this.#k, this.#caller, inode, mask)
    }
  }

  async #list(inode: Inode): Promise<DirectoryEntry[]> {
    if (!inode.isDirectory) throw fail('ENOTDIR')
    await permit(this.#k, this.#caller, inode, MAY.READ)
    const file = await openDirectory(this.#k, this.#caller, inode)
    try {
      const all: DirectoryEntry[] = []
      const position = listStart()
      for (;;) {
        const some = await readEntries(this.#k, file, position)
        if (some.length === 0) return all
        all.push(...some.filter(({ name }) => name !== '.' && name !== '..'))
      }
    } finally {
      await close(this.#k, file)
    }
  }

  #stat(syscall: string, path: PathLike, follow: boolean, big: boolean): Promise<Stats | BigStats> {
    return this.#at(syscall, path, follow, async (inode) => {
      await stat(this.#k, this.#caller, inode)
      const birth = inode.btime ?? inode.attr.ctime
      return big ? new BigStats(inode.attr, birth) : new Stats(inode.attr, birth)
    })
  }

  #change(syscall: string, path: PathLike, follow: boolean, change: Change): Promise<void> {
    return this.#at(syscall, path, follow, (inode) => setattr(this.#k, this.#caller, inode, change))
  }
  #chown(syscall: string, path: PathLike, follow: boolean, uid: number, gid: number): Promise<void> {
    return this.#at(syscall, path, follow, (inode) => {
      return setattr(this.#k, this.#caller, inode, ownerChange(this.#k, { inode }, uid, gid))
    })
  }

  async #linkTo(inode: Inode, path: PathLike): Promise<void> {
    const parent = await walkToParent(this.#k, this.#caller, pathBytes(path))
    await entries.link(this.#k, this.#caller, inode, parent)
  }

  #at<T>(syscall: string, path: PathLike, follow: boolean, run: (inode: Inode) => Promise<T>): Promise<T> {
    return this.#call(syscall, path, async () => {
      return run(await walk(this.#k, this.#caller, pathBytes(path), follow))
    })
  }
  #parent<T>(
    syscall: string,
    path: PathLike,
    run: (parent: Awaited<ReturnType<typeof walkToParent>>) => Promise<T>,
  ) {
    return this.#call(syscall, path, async () => {
      return run(await walkToParent(this.#k, this.#caller, pathBytes(path)))
    })
  }

  async #pair<T>(syscall: string, from: PathLike, to: PathLike, run: () => Promise<T>): Promise<T> {
    try {
      return await this.#k.enter(run)
    } catch (thrown) {
      throw describeError(thrown, syscall, shownPath(from), shownPath(to))
    }
  }
  async #call<T>(syscall: string, path: PathLike, run: () => Promise<T>): Promise<T> {
    try {
      return await this.#k.enter(run)
    } catch (thrown) {
      throw describeError(thrown, syscall, shownPath(path))
    }
  }
}
