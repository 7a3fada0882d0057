import type { InitRequest, Negotiated, PollHandle } from './connection.js'
import type { DataOut } from './data-out.js'
import type { DirOut, DirPlusOut } from './dir-out.js'
import type { AttrOut, CreateOut, EntryOut, Lock, LockOut, OpenOut, StatfsOut } from './outs.js'
import type { Request, Result } from './request.js'
import type { SetattrIn } from './setattr-in.js'
import type { StatxOut } from './statx-out.js'

/** One DAX mapping to be removed (FUSE_REMOVEMAPPING, virtiofs only). */
export interface Mapping {
  readonly offset: number
  readonly length: number
}

/**
 * A filesystem of inodes: the kernel's own view, without paths and without garbage. Subclass it and write the methods
 * you have; a method that is missing answers ENOSYS, which the kernel remembers for most operations.
 *
 * Every method gets the caller (`req`), numbers and strings, and an out-object that lies over the reply. It returns 0
 * (or a count, where said), a negative errno, a promise of either, or a deferred reply. A thrown error becomes its
 * errno; one that says no errno is EIO and a log line. Node ids and handles are whatever the filesystem chose, up to
 * 2^53-1; the root is node 1.
 */
export abstract class FileSystem {
  /**
   * How names and link targets become strings: `utf8` (a name that is no valid UTF-8 is refused with EILSEQ) or
   * `latin1` (one character a byte, so that every name survives; make strings back with `Buffer.from(name, 'latin1')`).
   */
  readonly nameEncoding: 'utf8' | 'latin1' = 'utf8'

  /** Called before the kernel's INIT is answered. Throwing refuses the mount. */
  init?(init: InitRequest): void
  /** Called when INIT has been answered: what is really in force. */
  ready?(negotiated: Negotiated): void
  /** Called once when the mount has ended. All lookup counts are void then. */
  destroy?(): void | Promise<void>

  /**
   * Finds `name` in the directory `parent` (FUSE_LOOKUP). Success counts one reference on the node.
   * Errors: ENOENT (or `out.negative(seconds)`, which the kernel remembers), ENOTDIR, ENAMETOOLONG, EACCES.
   */
  lookup?(req: Request, parent: number, name: string, out: EntryOut): Result
  /** The kernel gives `count` references on `node` back (FUSE_FORGET, BATCH_FORGET). At 0 the id may be reused. */
  forget?(node: number, count: number): void
  /** stat(2) (FUSE_GETATTR). `handle` is set when an open file is asked about. Errors: ESTALE, EIO. */
  getattr?(req: Request, node: number, handle: number | undefined, out: AttrOut): Result
  /**
   * chmod, chown, truncate, utimensat (FUSE_SETATTR): apply what `change.valid` names, answer with all attributes.
   * Errors: EPERM, EROFS, EFBIG, ENOSPC, EDQUOT, EISDIR and EINVAL for a size of what has none.
   */
  setattr?(req: Request, node: number, change: SetattrIn, out: AttrOut): Result
  /** readlink(2) (FUSE_READLINK): the target, 1..4095 bytes, without NUL. Errors: EINVAL for what is no link. */
  readlink?(req: Request, node: number, out: DataOut): Result
  /** symlink(2) (FUSE_SYMLINK). `target`: 1..4095 bytes. Errors: EEXIST, ENOSPC, EDQUOT, EROFS, EPERM. */
  symlink?(req: Request, parent: number, name: string, target: string, out: EntryOut): Result
  /**
   * mknod(2) for everything but directories (FUSE_MKNOD). `mode` with file type; `rdev` in the kernel's 12:20
   * encoding, 0 for what is no device. Errors: EEXIST, ENOSPC, EDQUOT, EROFS, EPERM.
   */
  mknod?(req: Request, parent: number, name: string, mode: number, rdev: number, out: EntryOut): Result
  /** mkdir(2) (FUSE_MKDIR). `mode`: permissions. Errors: EEXIST, EMLINK, ENOSPC, EDQUOT, EROFS. */
  mkdir?(req: Request, parent: number, name: string, mode: number, out: EntryOut): Result
  /** unlink(2) (FUSE_UNLINK): the node lives on while it is open or referenced. Errors: ENOENT, EISDIR, EPERM, EROFS. */
  unlink?(req: Request, parent: number, name: string): Result
  /** rmdir(2) (FUSE_RMDIR). Errors: ENOENT, ENOTDIR, ENOTEMPTY, EBUSY, EROFS. */
  rmdir?(req: Request, parent: number, name: string): Result
  /**
   * rename(2), renameat2(2) (FUSE_RENAME, RENAME2). `flags`: RENAME_NOREPLACE 1, EXCHANGE 2, WHITEOUT 4. Errors: ENOENT,
   * EEXIST (NOREPLACE), ENOTEMPTY, ENOTDIR, EISDIR, EINVAL (a directory into itself, flags not known), EXDEV, EROFS.
   */
  rename?(
    req: Request,
    parent: number,
    name: string,
    newParent: number,
    newName: string,
    flags: number,
  ): Result
  /** link(2) (FUSE_LINK). Errors: EEXIST, EMLINK, EPERM (a directory), EXDEV, EROFS. ENOSYS becomes EPERM for good. */
  link?(req: Request, node: number, newParent: number, newName: string, out: EntryOut): Result

  /**
   * open(2) of a file (FUSE_OPEN). O_CREAT, O_EXCL and O_NOCTTY never arrive here; O_TRUNC does when ATOMIC_O_TRUNC is
   * on, and then the file has to be cut. Errors: EACCES, EROFS, ETXTBSY, EMFILE, ENFILE.
   */
  open?(req: Request, node: number, flags: number, out: OpenOut): Result
  /** read(2) (FUSE_READ): up to `size` bytes from byte `offset`; fewer means end of file. Errors: EIO, EINTR, EISDIR. */
  read?(req: Request, node: number, handle: number, offset: number, size: number, out: DataOut): Result
  /**
   * write(2) (FUSE_WRITE) of `data` at byte `offset`. Returns the number of bytes written. `data` is valid until the
   * answer. Errors: ENOSPC, EDQUOT, EFBIG, EIO, EINTR.
   */
  write?(req: Request, node: number, handle: number, offset: number, data: Uint8Array): Result
  /** close(2) of one descriptor (FUSE_FLUSH); its error is close's result. POSIX locks of `req.lockOwner` go. */
  flush?(req: Request, node: number, handle: number): Result
  /** The last close of an open file (FUSE_RELEASE). Its result reaches nobody. */
  release?(req: Request, node: number, handle: number): Result
  /** fsync(2), fdatasync(2) (FUSE_FSYNC). ENOSYS: success from then on. Errors: EIO, ENOSPC, EDQUOT. */
  fsync?(req: Request, node: number, handle: number, datasync: boolean): Result
  /**
   * open(2) with O_CREAT of a new name (FUSE_CREATE). ENOSYS: the kernel goes on by mknod and open. Errors: EEXIST, ENOSPC,
   * EDQUOT, EROFS, EACCES.
   */
  create?(req: Request, parent: number, name: string, mode: number, flags: number, out: CreateOut): Result
  /** open(2) with O_TMPFILE (FUSE_TMPFILE): a file without a name, in the filesystem of `parent`. ENOSYS: EOPNOTSUPP. */
  tmpfile?(req: Request, parent: number, mode: number, flags: number, out: CreateOut): Result
  /**
   * fallocate(2) (FUSE_FALLOCATE) of `length` bytes from byte `offset`: mode 0, KEEP_SIZE 1, PUNCH_HOLE 2, ZERO_RANGE 0x10.
   * Errors: ENOSPC, EDQUOT, EFBIG, EOPNOTSUPP.
   */
  fallocate?(req: Request, node: number, handle: number, offset: number, length: number, mode: number): Result
  /** lseek(2) with SEEK_DATA 3 or SEEK_HOLE 4 (FUSE_LSEEK). Returns the new offset, -ENXIO beyond the end. */
  lseek?(req: Request, node: number, handle: number, offset: number, whence: number): Result
  /** copy_file_range(2) (FUSE_COPY_FILE_RANGE, _64). Returns the number of bytes copied. ENOSYS, EXDEV: the kernel copies. */
  copyFileRange?(
    req: Request,
    node: number,
    handle: number,
    offset: number,
    toNode: number,
    toHandle: number,
    toOffset: number,
    length: number,
    flags: number,
  ): Result

  /** opendir(3) (FUSE_OPENDIR). ENOSYS: no handles and cached names from then on. Errors: EACCES, ENOTDIR, EMFILE. */
  opendir?(req: Request, node: number, flags: number, out: OpenOut): Result
  /** readdir(3) (FUSE_READDIR): records from `offset` on (0 is the start, else a record's `next`). Nothing added: the end. */
  readdir?(req: Request, node: number, handle: number, offset: number, out: DirOut): Result
  /** readdir with lookups (FUSE_READDIRPLUS). Each filled entry except "." and ".." counts one reference. */
  readdirplus?(req: Request, node: number, handle: number, offset: number, out: DirPlusOut): Result
  /** closedir(3) (FUSE_RELEASEDIR). */
  releasedir?(req: Request, node: number, handle: number): Result
  /** fsync(2) of a directory (FUSE_FSYNCDIR). */
  fsyncdir?(req: Request, node: number, handle: number, datasync: boolean): Result

  /** statfs(2) (FUSE_STATFS): `df` and who looks for space. */
  statfs?(req: Request, node: number, out: StatfsOut): Result
  /** syncfs(2) (FUSE_SYNCFS; the kernel sends it for fuseblk and virtiofs only). */
  syncfs?(req: Request, node: number): Result
  /**
   * access(2) when the kernel does not check permissions itself (FUSE_ACCESS). `mask`: R_OK 4, W_OK 2, X_OK 1. ENOSYS: every
   * access is allowed from then on. Errors: EACCES, EROFS.
   */
  access?(req: Request, node: number, mask: number): Result
  /** statx(2) when the time of birth is wanted (FUSE_STATX). */
  statx?(
    req: Request,
    node: number,
    handle: number | undefined,
    mask: number,
    flags: number,
    out: StatxOut,
  ): Result

  /**
   * setxattr(2) (FUSE_SETXATTR). `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. `value`, up to 64 KiB, is valid until the answer.
   * ENOSYS: EOPNOTSUPP for good. Errors: EEXIST, ENODATA, ENOSPC, EDQUOT, E2BIG, EPERM.
   */
  setxattr?(req: Request, node: number, name: string, value: Uint8Array, flags: number): Result
  /**
   * getxattr(2) (FUSE_GETXATTR). Put the whole value; sizes, `size` 0 and ERANGE are the session's work. ENOSYS: EOPNOTSUPP for
   * good, which saves a request for each write. Errors: ENODATA.
   */
  getxattr?(req: Request, node: number, name: string, size: number, out: DataOut): Result
  /** listxattr(2) (FUSE_LISTXATTR). Put every name followed by a NUL byte; sizes are the session's work. */
  listxattr?(req: Request, node: number, size: number, out: DataOut): Result
  /** removexattr(2) (FUSE_REMOVEXATTR). Errors: ENODATA, EPERM. */
  removexattr?(req: Request, node: number, name: string): Result

  /** fcntl(2) F_GETLK (FUSE_GETLK). Owner: `req.lockOwner`. Errors: EINVAL, EBADF. */
  getlk?(req: Request, node: number, handle: number, lock: Lock, out: LockOut): Result
  /**
   * fcntl(2) F_SETLK and F_SETLKW, flock(2) (FUSE_SETLK, SETLKW). `wait`: do not answer before the lock is had, or
   * `-EINTR` when `req.signal` aborts. `flock`: a BSD lock (whole file). Errors: EAGAIN (in the way and not to wait), EDEADLK,
   * ENOLCK, EINTR.
   */
  setlk?(req: Request, node: number, handle: number, lock: Lock, wait: boolean, flock: boolean): Result

  /**
   * poll(2) (FUSE_POLL). Returns the ready events (`POLLIN` 1, `POLLOUT` 4 ...). When `wake` is given somebody waits:
   * keep it and call `notify.poll(wake)` once something becomes ready.
   */
  poll?(req: Request, node: number, handle: number, events: number, wake: PollHandle | undefined): Result
  /**
   * ioctl(2) (FUSE_IOCTL), restricted form: sizes come from the command's own encoding. Returns ioctl's result.
   * `arg` is the third argument as the kernel passed it (an address, or the value itself), 0..2^53-1.
   */
  ioctl?(
    req: Request,
    node: number,
    handle: number,
    command: number,
    arg: number,
    input: Uint8Array,
    out: DataOut,
  ): Result
  /** FIBMAP (FUSE_BMAP; fuseblk only). Returns the device block of the file's block. */
  bmap?(req: Request, node: number, block: number, blocksize: number): Result
  /** Maps a part of a file into the DAX window (FUSE_SETUPMAPPING; virtiofs only). */
  setupmapping?(
    req: Request,
    node: number,
    handle: number,
    offset: number,
    length: number,
    flags: number,
    memoryOffset: number,
  ): Result
  /** Takes mappings out of the DAX window (FUSE_REMOVEMAPPING; virtiofs only). */
  removemapping?(req: Request, node: number, mappings: readonly Mapping[]): Result
}
