import type { DirentLike, StatfsLike, StatsLike } from '../../api/path/path-filesystem.js'

/** What is used of an open file, as `fs.promises.FileHandle` has it. */
export interface FileHandleLike {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
  write?(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }>
  stat?(options?: { bigint: true }): Promise<StatsLike>
  truncate?(length: number): Promise<unknown>
  chmod?(mode: number): Promise<unknown>
  chown?(uid: number, gid: number): Promise<unknown>
  sync?(): Promise<unknown>
  datasync?(): Promise<unknown>
  close(): Promise<unknown>
}

/**
 * What is used of an object shaped as `node:fs/promises`: that module itself, `memfs.promises`, a `node:vfs` provider.
 * `lstat` (or `stat`), `readdir` and `open` make a readable filesystem; the rest is used where it is there.
 */
export interface FsPromisesLike {
  lstat?(path: string, options?: { bigint: true }): Promise<StatsLike>
  stat?(path: string, options?: { bigint: true }): Promise<StatsLike>
  readdir(path: string, options: { withFileTypes: true }): Promise<readonly DirentLike[]>
  open(path: string, flags: number, mode?: number): Promise<FileHandleLike>
  readlink?(path: string): Promise<string | Uint8Array>
  mkdir?(path: string, options: { mode: number }): Promise<unknown>
  rmdir?(path: string): Promise<unknown>
  unlink?(path: string): Promise<unknown>
  rename?(from: string, to: string): Promise<unknown>
  link?(existing: string, path: string): Promise<unknown>
  symlink?(target: string, path: string): Promise<unknown>
  chmod?(path: string, mode: number): Promise<unknown>
  chown?(path: string, uid: number, gid: number): Promise<unknown>
  lchown?(path: string, uid: number, gid: number): Promise<unknown>
  truncate?(path: string, length: number): Promise<unknown>
  utimes?(path: string, atime: Date, mtime: Date): Promise<unknown>
  lutimes?(path: string, atime: Date, mtime: Date): Promise<unknown>
  statfs?(path: string): Promise<StatfsLike>
}
