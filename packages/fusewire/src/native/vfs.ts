import { addon } from './load.js'

/**
 * Words of the `io` block that every call gets first: who asks goes in, the identity of what was found comes out. One
 * block serves all calls of a filesystem, one after the other. The same list is `struct vfs_io` in native/vfs.h.
 */
export const IO = {
  uid: 0,
  gid: 1,
  pid: 2,
  umask: 3,
  flags: 4,
  ownUid: 5,
  ownGid: 6,
  canSwitch: 7,
  inoLow: 8,
  inoHigh: 9,
  devMajor: 10,
  devMinor: 11,
  mode: 12,
  nlink: 13,
  birthNsec: 14,
  birthLow: 15,
  birthHigh: 16,
  /** An i32. */
  nodeFd: 17,
  partial: 18,
  valid: 19,
  newMode: 20,
  newUid: 21,
  newGid: 22,
  sizeLow: 23,
  sizeHigh: 24,
  atimeLow: 25,
  atimeHigh: 26,
  atimeNsec: 27,
  mtimeLow: 28,
  mtimeHigh: 29,
  mtimeNsec: 30,
  lockStartLow: 31,
  lockStartHigh: 32,
  lockEndLow: 33,
  lockEndHigh: 34,
  lockType: 35,
  lockPid: 36,
} as const
export const IO_WORDS = 37

/** `IO.flags` */
export const IO_FLAG = {
  /** Act as the server: the kernel has checked the permission already. */
  AS_SERVER: 1,
  /** Set-id bits are cleared by what is written or truncated, whoever asks. */
  KILL_PRIV: 2,
  /** Write at the given offset, also on a descriptor that appends. */
  AT_OFFSET: 4,
} as const

/** Words of one record's identity in the list that `vfsReaddirplus` fills. */
export const FOUND = {
  entryWord: 0,
  nameLength: 1,
  inoLow: 2,
  inoHigh: 3,
  devMajor: 4,
  devMinor: 5,
  mode: 6,
  birthLow: 7,
  birthHigh: 8,
  birthNsec: 9,
} as const
export const FOUND_WORDS = 10

/** Room for any file handle (`vfsGetHandle`). */
export const HANDLE_BYTES = 136
/** Bytes of a directory's read-ahead: its head, and what getdents64 gives in one call. */
export const AHEAD_BYTES = 32 * 1024

type Done = (result: number) => void

/**
 * System calls of a filesystem over a directory. Each returns 0, a count or a descriptor, or a negative errno. Names
 * have one character a byte (latin1); one that is empty, ".", ".." or has "/" is -EINVAL. `words` and `index` say where
 * a `struct fuse_attr` is written. What is marked "as the caller" runs with the caller's fsuid, fsgid and groups when
 * the server is root. All run on the calling thread and return soon, except those whose name ends in Async: they run on
 * the addon's pool and call `done(result)`, unless they return an errno at once.
 */
export interface VfsCalls {
  /** Fills the server's own identity into the block. -ENOENT: /proc is not mounted. */
  vfsSetup(io: Uint32Array): number
  /** Raises the soft limit on descriptors to the hard one; the limit in force. */
  vfsRaiseFileLimit(): number
  vfsClose(fd: number): number
  /** An O_PATH descriptor of the directory at `path`, by any way; symlinks are followed. */
  vfsOpenDir(path: string): number

  /** Attributes of a name without opening it; as the caller. Never asks a server, so never one's own mount. */
  vfsStatName(io: Uint32Array, dir: number, name: string, words: Uint32Array, index: number): number
  vfsStat(io: Uint32Array, fd: number, words: Uint32Array, index: number): number
  /** An O_PATH descriptor of a name, symlinks not followed; as the caller. Its identity is in the block. */
  vfsOpenNode(io: Uint32Array, dir: number, name: string): number
  /** Fills `struct fuse_statx`. */
  vfsStatx(io: Uint32Array, fd: number, words: Uint32Array, index: number): number
  /** Fills `struct fuse_kstatfs`; the result is the filesystem's magic number (f_type). */
  vfsStatfs(fd: number, words: Uint32Array, index: number): number
  /** Applies what `IO.valid` names, as the caller, and fills the attributes. `file`: -1 or an open descriptor. */
  vfsSetattr(io: Uint32Array, node: number, file: number, words: Uint32Array, index: number): number
  vfsReadlink(fd: number, bytes: Uint8Array, start: number, length: number): number
  /** access(2) as the caller. */
  vfsAccess(io: Uint32Array, node: number, mask: number): number

  /** These make a name, as the caller and by `IO.umask`; an O_PATH descriptor of what was made. */
  vfsMkdir(
    io: Uint32Array,
    dir: number,
    name: string,
    mode: number,
    words: Uint32Array,
    index: number,
  ): number
  vfsMknod(
    io: Uint32Array,
    dir: number,
    name: string,
    mode: number,
    rdev: number,
    words: Uint32Array,
    index: number,
  ): number
  vfsSymlink(
    io: Uint32Array,
    dir: number,
    name: string,
    target: string,
    words: Uint32Array,
    index: number,
  ): number
  /** A further name of `node`, as the caller; 0. */
  vfsLink(io: Uint32Array, node: number, dir: number, name: string, words: Uint32Array, index: number): number
  /** A new file, always O_EXCL, as the caller: its descriptor, and an O_PATH one in `IO.nodeFd`. */
  vfsCreate(
    io: Uint32Array,
    dir: number,
    name: string,
    flags: number,
    mode: number,
    words: Uint32Array,
    index: number,
  ): number
  vfsTmpfile(
    io: Uint32Array,
    dir: number,
    flags: number,
    mode: number,
    words: Uint32Array,
    index: number,
  ): number
  vfsUnlink(io: Uint32Array, dir: number, name: string, isDir: boolean): number
  vfsRename(
    io: Uint32Array,
    dir: number,
    name: string,
    newDir: number,
    newName: string,
    flags: number,
  ): number

  /** The inode of `node` opened as the caller. */
  vfsOpen(io: Uint32Array, node: number, flags: number): number
  /** The inode behind `fd` opened once more, as the server. */
  vfsReopen(fd: number, flags: number): number
  /**
   * Reads until `length`, the file's end, or (with `nowait`) where the disk would have to be waited for: -EAGAIN, with
   * `IO.partial` bytes there. -EOPNOTSUPP: this filesystem cannot tell.
   */
  vfsRead(
    io: Uint32Array,
    fd: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    offset: number,
    nowait: boolean,
  ): number
  vfsReadAsync(
    fd: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    offset: number,
    done: Done,
  ): number
  vfsWriteAsync(
    fd: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    offset: number,
    done: Done,
  ): number
  /**
   * Into the page cache; waits only when the kernel throttles writers. This and the next two: with KILL_PRIV the file's
   * set-id bits are cleared, and `IO.partial` is 1 if it had some.
   */
  vfsWrite(
    io: Uint32Array,
    fd: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    offset: number,
  ): number
  vfsSeek(fd: number, offset: number, whence: number): number
  vfsFallocate(io: Uint32Array, fd: number, mode: number, offset: number, length: number): number
  vfsFallocateAsync(fd: number, mode: number, offset: number, length: number, done: Done): number
  vfsCopy(io: Uint32Array, fd: number, offset: number, toFd: number, toOffset: number, length: number): number
  vfsCopyAsync(fd: number, offset: number, toFd: number, toOffset: number, length: number, done: Done): number
  /** What close(2) of one descriptor reports. */
  vfsFlush(fd: number): number
  vfsFsyncAsync(fd: number, datasync: boolean, done: Done): number
  vfsSyncfsAsync(fd: number, done: Done): number
  /** FS_IOC_GETFLAGS and its like, as the caller: bytes of `argument` that count. -ENOTTY: any other command. */
  vfsIoctlFlags(io: Uint32Array, fd: number, command: number, argument: Uint8Array): number

  /**
   * Records of an open directory from the cookie on, as many as fit; bytes written, 0 at the end. `ahead` is the
   * directory's own read-ahead of {@link AHEAD_BYTES}. `salt` is added (xor) to the high word of inode numbers.
   */
  vfsReaddir(
    io: Uint32Array,
    fd: number,
    ahead: Uint8Array,
    cookieLow: number,
    cookieHigh: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    salt: number,
  ): number
  /** The same with attributes; identities in `found`, `IO.partial` of them, node ids left 0. */
  vfsReaddirplus(
    io: Uint32Array,
    fd: number,
    ahead: Uint8Array,
    cookieLow: number,
    cookieHigh: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    salt: number,
    found: Uint32Array,
  ): number

  vfsSetxattr(io: Uint32Array, node: number, name: string, value: Uint8Array, flags: number): number
  /** Bytes of the value; only its size when `length` is 0. */
  vfsGetxattr(
    io: Uint32Array,
    node: number,
    name: string,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): number
  vfsListxattr(io: Uint32Array, node: number, bytes: Uint8Array, start: number, length: number): number
  vfsRemovexattr(io: Uint32Array, node: number, name: string): number

  /** An open file description lock by the block's range, not waiting: 0 or -EAGAIN. */
  vfsSetLock(io: Uint32Array, fd: number): number
  /** What is in the way, into the block; type F_UNLCK (2) when nothing is. */
  vfsGetLock(io: Uint32Array, fd: number): number
  /** flock(2), not waiting; `type` F_RDLCK 0, F_WRLCK 1, F_UNLCK 2. */
  vfsFlock(fd: number, type: number): number
  /** The inode's file handle; its length. -EOPNOTSUPP where there are none. */
  vfsGetHandle(fd: number, bytes: Uint8Array): number
  /** An O_PATH descriptor by a file handle. -ESTALE: the inode is gone; -EPERM: not root. */
  vfsOpenHandle(mountFd: number, handle: Uint8Array): number
}

/** The calls of the addon, without a wrapper around them. */
export function vfsCalls(): VfsCalls {
  return addon<VfsCalls>()
}
