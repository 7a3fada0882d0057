import { addon } from './load.js'

/** What fusewire uses of struct stat. */
export interface FileStatus {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly ino: number
  /** Device that holds the file. */
  readonly major: number
  readonly minor: number
  /** Device that the file is, for device nodes. */
  readonly rmajor: number
  readonly rminor: number
}

/**
 * The system calls of mounting. A number below 0 is a negative errno, in promises too; they never reject. All calls
 * that walk a path or may sleep run on fusewire's own threads. Descriptors are close-on-exec.
 */
export interface MountCalls {
  /** fsopen(2): a filesystem context. */
  fsopen(type: string): Promise<number>
  /** fsconfig(2) with a string, a flag (value null) or a command (both null). */
  fsconfig(context: number, command: number, key: string | null, value: string | null): Promise<number>
  /** fsmount(2): a detached mount. */
  fsmount(context: number, attributes: number): Promise<number>
  /** move_mount(2) from one descriptor onto another. */
  moveMount(mount: number, target: number): Promise<number>
  /** The messages that wait in a filesystem context, one line each: `e fuse: Unknown parameter 'x'`. */
  contextLog(context: number): Promise<string | number>
  /** mount(2). */
  mount(source: string, target: string, type: string, flags: number, data: string): Promise<number>
  /** umount2(2). */
  umount(path: string, flags: number): Promise<number>
  /**
   * umount2(2), waited for at most `ms` milliseconds (then -ETIMEDOUT, and the call goes on): for the exit of the
   * process. -ENOENT when the mount there has another unique id than `id`; 0 means any.
   */
  umountSync(path: string, flags: number, ms: number, id: number): number
  /**
   * The unique id of the mount at a path (STATX_MNT_ID_UNIQUE), which is never used again; 0 before Linux 6.8. Sends no
   * request to a FUSE daemon.
   */
  mountId(path: string): Promise<number>
  open(path: string, flags: number): Promise<number>
  /** close(2); on the pool, because the last descriptor of a detached mount ends a filesystem. */
  close(fd: number): Promise<number>
  realpath(path: string): Promise<string | number>
  readlink(path: string): Promise<string | number>
  lstat(path: string): Promise<FileStatus | number>
  /** statx(2) with AT_STATX_FORCE_SYNC: 0 when the filesystem itself has answered, whatever the kernel has cached. */
  ask(path: string): Promise<number>
  fstat(fd: number): Promise<FileStatus | number>
  /** faccessat(2) with the effective ids. */
  access(path: string, mode: number): Promise<number>
  /** The first `limit` bytes of a file. */
  readFile(path: string, limit: number): Promise<Buffer | number>
  /** poll(2) for POLLIN without waiting: the pending events. */
  poll(fd: number): Promise<number>
  /** Makes a descriptor that somebody else opened non-blocking and close-on-exec. */
  prepareDevice(fd: number): number
  /** A pair of connected stream sockets. */
  socketPair(): [number, number] | number
  /**
   * The descriptor that arrives by SCM_RIGHTS within `ms` milliseconds. -ETIMEDOUT; -EPIPE when the other end closed
   * without sending one; -EBADMSG for a message that carries none or several (which are closed).
   */
  receiveFd(socket: number, ms: number): Promise<number>
}

/** The addon's calls; loaded at the first use. */
export function mountCalls(): MountCalls {
  return addon<{ mount: MountCalls }>().mount
}

/** Constants of linux/mount.h, sys/mount.h and fcntl.h; equal on x86-64 and arm64 unless noted. */
export const FSCONFIG = { SET_FLAG: 0, SET_STRING: 1, CMD_CREATE: 6 } as const
export const MOUNT_ATTR = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  NOATIME: 0x10,
  NODIRATIME: 0x80,
  NOSYMFOLLOW: 0x20_0000,
} as const
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  DIRSYNC: 128,
  NOSYMFOLLOW: 256,
  NOATIME: 1024,
  NODIRATIME: 2048,
} as const
export const UMOUNT = { FORCE: 1, DETACH: 2, NOFOLLOW: 8 } as const
/** O_PATH is not in `fs.constants`. */
export const O_PATH = 0o10000000
export const POLLERR = 8
