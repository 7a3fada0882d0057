import type { LockFound, LockOptions, LockRange } from './kernel/lock.js'

/*
 * The face of a filesystem for tests: what is used of `node:fs/promises`, in its shapes, and behind it the system calls
 * that Node.js has not. Numbers of flags and modes are Linux's.
 */

/** A path: text, or bytes where the name is no text. */
export type PathLike = string | Uint8Array

/** As `fs.Stats`. */
export interface StatsShape {
  dev: number
  ino: number
  mode: number
  nlink: number
  uid: number
  gid: number
  rdev: number
  size: number
  blksize: number
  blocks: number
  atimeMs: number
  mtimeMs: number
  ctimeMs: number
  birthtimeMs: number
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
  isFIFO(): boolean
  isSocket(): boolean
  isCharacterDevice(): boolean
  isBlockDevice(): boolean
}

/** As `fs.BigIntStats`. */
export interface BigStatsShape {
  ino: bigint
  mode: bigint
  nlink: bigint
  uid: bigint
  gid: bigint
  size: bigint
  blocks: bigint
  atimeNs: bigint
  mtimeNs: bigint
  ctimeNs: bigint
  birthtimeNs: bigint
  isFile(): boolean
  isDirectory(): boolean
}

/** As `fs.Dirent`. */
export interface DirentShape {
  name: string
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
  isFIFO(): boolean
  isSocket(): boolean
  isCharacterDevice(): boolean
  isBlockDevice(): boolean
}

/** As `fs.StatsFs`. */
export interface StatfsShape {
  bsize: number
  blocks: number
  bfree: number
  bavail: number
  files: number
  ffree: number
}

export type Time = number | Date

/** As `fs.promises.FileHandle`. */
export interface HandleShape {
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesRead: number; buffer: Uint8Array }>
  write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesWritten: number }>
  stat(): Promise<StatsShape>
  stat(options: { bigint: true }): Promise<BigStatsShape>
  truncate(length?: number): Promise<void>
  sync(): Promise<void>
  datasync(): Promise<void>
  chmod(mode: number): Promise<void>
  chown(uid: number, gid: number): Promise<void>
  utimes(atime: Time, mtime: Time): Promise<void>
  readFile(): Promise<Buffer>
  writeFile(data: Uint8Array | string): Promise<void>
  appendFile(data: Uint8Array | string): Promise<void>
  close(): Promise<void>
}

/** As `fs.Dir`. */
export interface DirShape {
  read(): Promise<DirentShape | null>
  close(): Promise<void>
}

/** What the conformance cases use of `node:fs/promises`. */
export interface FsShape {
  stat(path: PathLike): Promise<StatsShape>
  stat(path: PathLike, options: { bigint: true }): Promise<BigStatsShape>
  lstat(path: PathLike): Promise<StatsShape>
  lstat(path: PathLike, options: { bigint: true }): Promise<BigStatsShape>
  statfs(path: PathLike): Promise<StatfsShape>
  access(path: PathLike, mode?: number): Promise<void>
  readdir(path: PathLike): Promise<string[]>
  readdir(path: PathLike, options: { withFileTypes: true }): Promise<DirentShape[]>
  readdir(path: PathLike, options: { encoding: 'buffer' }): Promise<Buffer[]>
  opendir(path: PathLike, options?: { bufferSize?: number }): Promise<DirShape>
  mkdir(path: PathLike, mode?: number): Promise<unknown>
  rmdir(path: PathLike): Promise<void>
  unlink(path: PathLike): Promise<void>
  rename(from: PathLike, to: PathLike): Promise<void>
  link(existing: PathLike, path: PathLike): Promise<void>
  symlink(target: PathLike, path: PathLike): Promise<void>
  readlink(path: PathLike): Promise<string>
  chmod(path: PathLike, mode: number): Promise<void>
  chown(path: PathLike, uid: number, gid: number): Promise<void>
  lchown(path: PathLike, uid: number, gid: number): Promise<void>
  truncate(path: PathLike, length?: number): Promise<void>
  utimes(path: PathLike, atime: Time, mtime: Time): Promise<void>
  lutimes(path: PathLike, atime: Time, mtime: Time): Promise<void>
  open(path: PathLike, flags?: string | number, mode?: number): Promise<HandleShape>
  readFile(path: PathLike): Promise<Buffer>
  writeFile(
    path: PathLike,
    data: Uint8Array | string,
    options?: { mode?: number; flag?: string },
  ): Promise<void>
  appendFile(path: PathLike, data: Uint8Array | string): Promise<void>
  copyFile(from: PathLike, to: PathLike): Promise<void>
}

/** A time of utimensat(2): nanoseconds since 1970, the present, or as it is. */
export type TimeSpec = bigint | 'now' | 'omit'

/** An open file with the system calls that Node.js has not. */
export interface PosixHandle extends HandleShape {
  fallocate(mode: number, offset: number, length: number): Promise<void>
  /** `whence`: 0 start, 1 position, 2 end, 3 data, 4 hole. */
  lseek(offset: number, whence: number): Promise<number>
  copyFileRange(offset: number, to: PosixHandle, toOffset: number, length: number): Promise<number>
  lock(range: LockRange, options?: LockOptions): Promise<void>
  getLock(range: LockRange, options?: LockOptions): Promise<LockFound | null>
  futimens(atime: TimeSpec, mtime: TimeSpec): Promise<void>
}

/** A filesystem with the system calls that Node.js has not, as one process sees it. */
export interface PosixFs extends FsShape {
  open(path: PathLike, flags?: string | number, mode?: number): Promise<PosixHandle>
  /** `mode` with the type; `rdev` as stat(2) shows it. */
  mknod(path: PathLike, mode: number, rdev?: number): Promise<void>
  renameat2(from: PathLike, to: PathLike, flags: number): Promise<void>
  /** open(2) with O_TMPFILE. */
  tmpfile(directory: PathLike, flags: number, mode: number): Promise<PosixHandle>
  /** linkat(2) of an open file. */
  linkHandle(handle: PosixHandle, path: PathLike): Promise<void>
  utimensat(path: PathLike, atime: TimeSpec, mtime: TimeSpec, follow?: boolean): Promise<void>
  getxattr(path: PathLike, name: string, follow?: boolean): Promise<Buffer>
  setxattr(path: PathLike, name: string, value: Uint8Array, flags?: number, follow?: boolean): Promise<void>
  listxattr(path: PathLike, follow?: boolean): Promise<string[]>
  removexattr(path: PathLike, name: string, follow?: boolean): Promise<void>
}
