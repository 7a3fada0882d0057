import type { InitRequest, Negotiated } from '../connection.js'

/** A value now or later. */
export type Awaitable<T> = T | PromiseLike<T>

/**
 * What stat gives: `fs.Stats`, `fs.BigIntStats`, or any object with these fields. Only `mode` is needed; numbers may be
 * BigInts.
 */
export interface StatsLike {
  /** File type and permissions, as `st_mode`. */
  mode: number | bigint
  /** Bytes. Leave it out when it cannot be known before reading: the file is then read without page cache to its end. */
  size?: number | bigint | undefined
  ino?: number | bigint
  nlink?: number | bigint
  uid?: number | bigint
  gid?: number | bigint
  rdev?: number | bigint
  /** In units of 512 bytes. Default: the size rounded up. */
  blocks?: number | bigint
  blksize?: number | bigint
  /** Times: milliseconds since 1970, or `Date` in the fields without `Ms`, or nanoseconds in those with `Ns`. */
  atimeMs?: number | bigint
  mtimeMs?: number | bigint
  ctimeMs?: number | bigint
  birthtimeMs?: number | bigint
  atimeNs?: bigint
  mtimeNs?: bigint
  ctimeNs?: bigint
  birthtimeNs?: bigint
  atime?: Date
  mtime?: Date
  ctime?: Date
  birthtime?: Date
}

/** An entry of a directory: a name, or `fs.Dirent`, or any object with a name and perhaps a type. */
export type DirentLike =
  | string
  | {
      name: string
      isFile?(): boolean
      isDirectory?(): boolean
      isSymbolicLink?(): boolean
      isFIFO?(): boolean
      isSocket?(): boolean
      isCharacterDevice?(): boolean
      isBlockDevice?(): boolean
    }

/** What statfs gives: as `fs.StatFs`; missing fields are 0 (`namelen` 255). */
export interface StatfsLike {
  bsize?: number | bigint
  frsize?: number | bigint
  blocks?: number | bigint
  bfree?: number | bigint
  bavail?: number | bigint
  files?: number | bigint
  ffree?: number | bigint
  namelen?: number | bigint
}

/** Who asks, and the signal that tells a handler to stop. */
export interface PathContext {
  readonly uid: number
  readonly gid: number
  readonly pid: number
  /** The caller's umask, for what is created. It is applied to `mode` already. */
  readonly umask: number
  /** Aborted when the caller is interrupted or the mount ends. */
  readonly signal: AbortSignal
}

/**
 * A filesystem of paths and promises, in the shapes of `node:fs/promises`. Subclass it and write the methods you have;
 * what is missing answers ENOSYS. A path begins with "/", is normal (no ".", "..", "//"), and "/" is the root.
 * Errors are thrown: `.code` of Node errors, `FsError`, or a negative errno number.
 *
 * The library keeps the kernel's nodes: names of open directories may change, and a file that is unlinked while it is
 * open stays readable through its handle (it is renamed to a hidden name until its last close when `rename` exists).
 */
export abstract class PathFileSystem {
  /** Called before the kernel's INIT is answered. */
  init?(init: InitRequest): void
  ready?(negotiated: Negotiated): void
  /** Called once when the mount has ended. */
  destroy?(): Awaitable<void>

  /** stat(2) without following links. Needed. `handle` is set when an open file is asked about. */
  stat?(path: string, handle: unknown, context: PathContext): Awaitable<StatsLike>
  /** readdir(3): names without "." and "..", all at once or one after the other. */
  readdir?(path: string, context: PathContext): Awaitable<Iterable<DirentLike> | AsyncIterable<DirentLike>>
  readlink?(path: string, context: PathContext): Awaitable<string>
  mkdir?(path: string, mode: number, context: PathContext): Awaitable<unknown>
  rmdir?(path: string, context: PathContext): Awaitable<unknown>
  unlink?(path: string, context: PathContext): Awaitable<unknown>
  /** rename(2), renameat2(2); refuse the flags (NOREPLACE 1, EXCHANGE 2, WHITEOUT 4) you do not know with EINVAL. */
  rename?(from: string, to: string, flags: number, context: PathContext): Awaitable<unknown>
  link?(existing: string, path: string, context: PathContext): Awaitable<unknown>
  symlink?(target: string, path: string, context: PathContext): Awaitable<unknown>
  mknod?(path: string, mode: number, rdev: number, context: PathContext): Awaitable<unknown>
  chmod?(path: string, mode: number, handle: unknown, context: PathContext): Awaitable<unknown>
  /** chown(2); -1 leaves an id as it is. */
  chown?(path: string, uid: number, gid: number, handle: unknown, context: PathContext): Awaitable<unknown>
  truncate?(path: string, size: number, handle: unknown, context: PathContext): Awaitable<unknown>
  /** utimensat(2): times as `Date` with milliseconds, undefined for one that stays as it is. */
  utimes?(
    path: string,
    atime: Date | undefined,
    mtime: Date | undefined,
    context: PathContext,
  ): Awaitable<unknown>

  /** open(2) of an existing file. What it resolves with comes back as `handle`. Default: no handle. */
  open?(path: string, flags: number, context: PathContext): Awaitable<unknown>
  /** open(2) of a new file. Default: `mknod` and `open`. */
  create?(path: string, flags: number, mode: number, context: PathContext): Awaitable<unknown>
  /** read(2): fills `buffer` from `position` of the file on; resolves with the bytes read, 0 at the end. */
  read?(
    path: string,
    handle: unknown,
    buffer: Uint8Array,
    position: number,
    context: PathContext,
  ): Awaitable<number>
  /** write(2): resolves with the bytes written. `buffer` is valid until then. */
  write?(
    path: string,
    handle: unknown,
    buffer: Uint8Array,
    position: number,
    context: PathContext,
  ): Awaitable<number>
  /** close(2) of one descriptor; its error is close's result. */
  flush?(path: string, handle: unknown, context: PathContext): Awaitable<unknown>
  /** The last close of an open file. */
  release?(path: string, handle: unknown, context: PathContext): Awaitable<unknown>
  fsync?(path: string, handle: unknown, datasync: boolean, context: PathContext): Awaitable<unknown>
  fallocate?(
    path: string,
    handle: unknown,
    position: number,
    length: number,
    mode: number,
    context: PathContext,
  ): Awaitable<unknown>

  statfs?(path: string, context: PathContext): Awaitable<StatfsLike>
  /** access(2), when the mount does not have `defaultPermissions`. `mask`: R_OK 4, W_OK 2, X_OK 1. */
  access?(path: string, mask: number, context: PathContext): Awaitable<unknown>
  /** getxattr(2): undefined when there is none of that name (ENODATA). */
  getxattr?(path: string, name: string, context: PathContext): Awaitable<Uint8Array | string | undefined>
  setxattr?(
    path: string,
    name: string,
    value: Uint8Array,
    flags: number,
    context: PathContext,
  ): Awaitable<unknown>
  listxattr?(path: string, context: PathContext): Awaitable<Iterable<string>>
  removexattr?(path: string, name: string, context: PathContext): Awaitable<unknown>
}
