import type {
  BigStatsShape,
  DirentShape,
  DirShape,
  LockFound,
  LockOptions,
  LockRange,
  PathLike,
  PosixFs,
  PosixHandle,
  StatfsShape,
  StatsShape,
  Time,
  TimeSpec,
} from '../../src/testing/index.js'
import { nanoseconds, openFlags } from '../../src/testing/kernel/arguments.js'
import { BigStats, Dirent, Stats } from '../../src/testing/kernel/stats.js'
import type { HelperProcess } from './helper-process.js'

const O_TMPFILE = 0o20200000
const bytes = (data: PathLike): string => Buffer.from(data as Uint8Array).toString('base64')
const fromBase64 = (text: unknown): Buffer => Buffer.from(text as string, 'base64')
const spec = (time: TimeSpec): string => `${time}`

type Raw = [string, number, number, number, number, number, string, number, number, string, string, string]

function stats(raw: unknown, big: boolean): Stats | BigStats {
  const [ino, mode, nlink, uid, gid, rdev, size, blocks, blksize, atime, mtime, ctime] = raw as Raw
  const [major, minor] = [(rdev >>> 8) & 0xfff, (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)]
  const attr = {
    ino: BigInt(ino),
    size: Number(size),
    blocks,
    atime: BigInt(atime),
    mtime: BigInt(mtime),
    ctime: BigInt(ctime),
    mode,
    nlink,
    uid,
    gid,
    rdev: ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0,
    blksize,
  }
  return big ? new BigStats(attr, attr.ctime) : new Stats(attr, attr.ctime)
}

/** The file system of this machine as a process of its own sees it, with all of its system calls. */
export class HelperFs implements PosixFs {
  readonly #helper: HelperProcess

  constructor(helper: HelperProcess) {
    this.#helper = helper
  }

  #call(op: string, ...args: unknown[]): Promise<unknown> {
    return this.#helper.call(op, ...args)
  }
  async #do(op: string, ...args: unknown[]): Promise<void> {
    await this.#helper.call(op, ...args)
  }

  async stat(path: PathLike, options?: { bigint: true }): Promise<StatsShape & BigStatsShape> {
    return stats(await this.#call('stat', bytes(path), true), options?.bigint === true) as never
  }
  async lstat(path: PathLike, options?: { bigint: true }): Promise<StatsShape & BigStatsShape> {
    return stats(await this.#call('stat', bytes(path), false), options?.bigint === true) as never
  }
  async statfs(path: PathLike): Promise<StatfsShape> {
    const [bsize, blocks, bfree, bavail, files, ffree] = (await this.#call('statfs', bytes(path))) as number[]
    return { bsize, blocks, bfree, bavail, files, ffree } as StatfsShape
  }
  access(path: PathLike, mode = 0): Promise<void> {
    return this.#do('access', bytes(path), mode)
  }
  async readdir(
    path: PathLike,
    options: { withFileTypes?: boolean; encoding?: string } = {},
  ): Promise<never> {
    if (options.withFileTypes === true) return (await this.#entries(path)) as never
    const names = ((await this.#call('names', bytes(path))) as string[]).map(fromBase64)
    return (options.encoding === 'buffer' ? names : names.map((name) => name.toString())) as never
  }
  async #entries(path: PathLike): Promise<DirentShape[]> {
    const found = (await this.#call('entries', bytes(path))) as [string, number][]
    return found.map(([name, mode]) => new Dirent(fromBase64(name).toString(), mode >> 12))
  }
  async opendir(path: PathLike): Promise<DirShape> {
    const entries = await this.#entries(path)
    return { read: async () => entries.shift() ?? null, close: async () => {} }
  }
  mkdir(path: PathLike, mode = 0o777): Promise<void> {
    return this.#do('mkdir', bytes(path), mode)
  }
  rmdir(path: PathLike): Promise<void> {
    return this.#do('rmdir', bytes(path))
  }
  unlink(path: PathLike): Promise<void> {
    return this.#do('unlink', bytes(path))
  }
  rename(from: PathLike, to: PathLike): Promise<void> {
    return this.renameat2(from, to, 0)
  }
  renameat2(from: PathLike, to: PathLike, flags: number): Promise<void> {
    return this.#do('rename', bytes(from), bytes(to), flags)
  }
  link(existing: PathLike, path: PathLike): Promise<void> {
    return this.#do('link', bytes(existing), bytes(path))
  }
  linkHandle(handle: PosixHandle, path: PathLike): Promise<void> {
    return this.#do('linkfd', (handle as HelperHandle).fd, bytes(path))
  }
  symlink(target: PathLike, path: PathLike): Promise<void> {
    return this.#do('symlink', bytes(target), bytes(path))
  }
  async readlink(path: PathLike): Promise<string> {
    return fromBase64(await this.#call('readlink', bytes(path))).toString()
  }
  chmod(path: PathLike, mode: number): Promise<void> {
    return this.#do('chmod', bytes(path), mode)
  }
  chown(path: PathLike, uid: number, gid: number): Promise<void> {
    return this.#do('chown', bytes(path), uid, gid, true)
  }
  lchown(path: PathLike, uid: number, gid: number): Promise<void> {
    return this.#do('chown', bytes(path), uid, gid, false)
  }
  truncate(path: PathLike, length = 0): Promise<void> {
    return this.#do('truncate', bytes(path), length)
  }
  utimes(path: PathLike, atime: Time, mtime: Time): Promise<void> {
    return this.utimensat(path, nanoseconds(atime), nanoseconds(mtime))
  }
  lutimes(path: PathLike, atime: Time, mtime: Time): Promise<void> {
    return this.utimensat(path, nanoseconds(atime), nanoseconds(mtime), false)
  }
  utimensat(path: PathLike, atime: TimeSpec, mtime: TimeSpec, follow = true): Promise<void> {
    return this.#do('utimens', bytes(path), spec(atime), spec(mtime), follow)
  }
  async open(path: PathLike, flags: string | number = 'r', mode = 0o666): Promise<HelperHandle> {
    return new HelperHandle(
      this.#helper,
      (await this.#call('open', bytes(path), openFlags(flags), mode)) as number,
    )
  }
  tmpfile(directory: PathLike, flags: number, mode: number): Promise<HelperHandle> {
    return this.open(directory, flags | O_TMPFILE, mode)
  }
  async readFile(path: PathLike): Promise<Buffer> {
    return this.#with(path, 'r', (file) => file.readFile())
  }
  writeFile(
    path: PathLike,
    data: Uint8Array | string,
    options: { mode?: number; flag?: string } = {},
  ): Promise<void> {
    return this.#with(path, options.flag ?? 'w', (file) => file.writeFile(data), options.mode)
  }
  appendFile(path: PathLike, data: Uint8Array | string): Promise<void> {
    return this.#with(path, 'a', (file) => file.writeFile(data))
  }
  async copyFile(from: PathLike, to: PathLike): Promise<void> {
    await this.writeFile(to, await this.readFile(from))
  }
  mknod(path: PathLike, mode: number, rdev = 0): Promise<void> {
    return this.#do('mknod', bytes(path), mode, rdev)
  }
  async getxattr(path: PathLike, name: string, follow = true): Promise<Buffer> {
    return fromBase64(await this.#call('getxattr', bytes(path), name, follow))
  }
  setxattr(path: PathLike, name: string, value: Uint8Array, flags = 0, follow = true): Promise<void> {
    return this.#do('setxattr', bytes(path), name, bytes(value), flags, follow)
  }
  async listxattr(path: PathLike, follow = true): Promise<string[]> {
    return (await this.#call('listxattr', bytes(path), follow)) as string[]
  }
  removexattr(path: PathLike, name: string, follow = true): Promise<void> {
    return this.#do('removexattr', bytes(path), name, follow)
  }

  async #with<T>(
    path: PathLike,
    flags: string,
    use: (file: HelperHandle) => Promise<T>,
    mode?: number,
  ): Promise<T> {
    const file = await this.open(path, flags, mode)
    try {
      return await use(file)
    } finally {
      await file.close()
    }
  }
}

class HelperHandle implements PosixHandle {
  readonly #helper: HelperProcess
  readonly fd: number

  constructor(helper: HelperProcess, fd: number) {
    this.#helper = helper
    this.fd = fd
  }

  async #do(op: string, ...args: unknown[]): Promise<void> {
    await this.#helper.call(op, this.fd, ...args)
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesRead: number; buffer: Uint8Array }> {
    const data = fromBase64(await this.#helper.call('read', this.fd, length, position))
    buffer.set(data, offset)
    return { bytesRead: data.length, buffer }
  }
  async write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesWritten: number }> {
    const data = bytes(buffer.subarray(offset, offset + length))
    return { bytesWritten: (await this.#helper.call('write', this.fd, data, position)) as number }
  }
  async stat(options?: { bigint: true }): Promise<StatsShape & BigStatsShape> {
    return stats(await this.#helper.call('fstat', this.fd), options?.bigint === true) as never
  }
  truncate(length = 0): Promise<void> {
    return this.#do('ftruncate', length)
  }
  sync(): Promise<void> {
    return this.#do('fsync')
  }
  datasync(): Promise<void> {
    return this.#do('fdatasync')
  }
  chmod(mode: number): Promise<void> {
    return this.#do('fchmod', mode)
  }
  chown(uid: number, gid: number): Promise<void> {
    return this.#do('fchown', uid, gid)
  }
  utimes(atime: Time, mtime: Time): Promise<void> {
    return this.futimens(nanoseconds(atime), nanoseconds(mtime))
  }
  futimens(atime: TimeSpec, mtime: TimeSpec): Promise<void> {
    return this.#do('futimens', spec(atime), spec(mtime))
  }
  async readFile(): Promise<Buffer> {
    const parts: Buffer[] = []
    for (;;) {
      const part = fromBase64(await this.#helper.call('read', this.fd, 65536, null))
      if (part.length === 0) return Buffer.concat(parts)
      parts.push(part)
    }
  }
  async writeFile(data: Uint8Array | string): Promise<void> {
    await this.#do('write', bytes(data), null)
  }
  appendFile(data: Uint8Array | string): Promise<void> {
    return this.writeFile(data)
  }
  close(): Promise<void> {
    return this.#do('close')
  }
  fallocate(mode: number, offset: number, length: number): Promise<void> {
    return this.#do('fallocate', mode, offset, length)
  }
  async lseek(offset: number, whence: number): Promise<number> {
    return (await this.#helper.call('lseek', this.fd, offset, whence)) as number
  }
  async copyFileRange(offset: number, to: PosixHandle, toOffset: number, length: number): Promise<number> {
    return (await this.#helper.call(
      'copy',
      this.fd,
      offset,
      (to as HelperHandle).fd,
      toOffset,
      length,
    )) as number
  }
  lock(range: LockRange, options: LockOptions = {}): Promise<void> {
    const { type, start = 0, length = 0 } = range
    return this.#do('setlk', type, start, length, options.wait === true, options.flock === true)
  }
  async getLock({ type, start = 0, length = 0 }: LockRange): Promise<LockFound | null> {
    const found = (await this.#helper.call('getlk', this.fd, type, start, length)) as number[] | null
    if (found === null) return null
    return { type: found[0] === 0 ? 'read' : 'write', start: found[1]!, length: found[2]!, pid: found[3]! }
  }
}
