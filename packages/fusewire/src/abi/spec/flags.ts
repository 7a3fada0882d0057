import type { ConstantSet, InitFlagSpec } from './types.js'

/**
 * Feature bits of INIT. Bits 0 to 31 are `flags`, 32 and up are `flags2`, which counts only with INIT_EXT.
 */
export const INIT_FLAG_TABLE = {
  ASYNC_READ: { bit: 0, since: 6 },
  POSIX_LOCKS: { bit: 1, since: 7 },
  FILE_OPS: { bit: 2, since: 9 },
  ATOMIC_O_TRUNC: { bit: 3, since: 9 },
  EXPORT_SUPPORT: { bit: 4, since: 9 },
  BIG_WRITES: { bit: 5, since: 9 },
  DONT_MASK: { bit: 6, since: 12 },
  SPLICE_WRITE: { bit: 7, since: 14 },
  SPLICE_MOVE: { bit: 8, since: 14 },
  SPLICE_READ: { bit: 9, since: 14 },
  FLOCK_LOCKS: { bit: 10, since: 17 },
  HAS_IOCTL_DIR: { bit: 11, since: 18 },
  AUTO_INVAL_DATA: { bit: 12, since: 20 },
  DO_READDIRPLUS: { bit: 13, since: 21 },
  READDIRPLUS_AUTO: { bit: 14, since: 21 },
  ASYNC_DIO: { bit: 15, since: 22 },
  WRITEBACK_CACHE: { bit: 16, since: 23 },
  NO_OPEN_SUPPORT: { bit: 17, since: 23 },
  PARALLEL_DIROPS: { bit: 18, since: 25 },
  HANDLE_KILLPRIV: { bit: 19, since: 26 },
  POSIX_ACL: { bit: 20, since: 26 },
  ABORT_ERROR: { bit: 21, since: 27 },
  MAX_PAGES: { bit: 22, since: 28 },
  CACHE_SYMLINKS: { bit: 23, since: 28 },
  NO_OPENDIR_SUPPORT: { bit: 24, since: 29 },
  EXPLICIT_INVAL_DATA: { bit: 25, since: 30 },
  MAP_ALIGNMENT: { bit: 26, since: 31 },
  SUBMOUNTS: { bit: 27, since: 32 },
  HANDLE_KILLPRIV_V2: { bit: 28, since: 33 },
  SETXATTR_EXT: { bit: 29, since: 33 },
  INIT_EXT: { bit: 30, since: 36 },
  INIT_RESERVED: { bit: 31, since: 36 },
  SECURITY_CTX: { bit: 32, since: 36 },
  HAS_INODE_DAX: { bit: 33, since: 36 },
  CREATE_SUPP_GROUP: { bit: 34, since: 38 },
  HAS_EXPIRE_ONLY: { bit: 35, since: 38 },
  DIRECT_IO_ALLOW_MMAP: { bit: 36, since: 39 },
  PASSTHROUGH: { bit: 37, since: 40 },
  NO_EXPORT_SUPPORT: { bit: 38, since: 40 },
  HAS_RESEND: { bit: 39, since: 40 },
  ALLOW_IDMAP: { bit: 40, since: 41 },
  OVER_IO_URING: { bit: 41, since: 42 },
  REQUEST_TIMEOUT: { bit: 42, since: 43 },
} as const satisfies Record<string, InitFlagSpec>

/** Second names of the same bit: `FUSE_DIRECT_IO_RELAX` was the name of the first kernels with it. */
export const INIT_FLAG_ALIASES = { DIRECT_IO_RELAX: 'DIRECT_IO_ALLOW_MMAP' } as const

const OPEN_FLAGS = {
  WRONLY: 0o1,
  RDWR: 0o2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DSYNC: 0o10000,
  ASYNC: 0o20000,
  DIRECT: 0o40000,
  LARGEFILE: 0o100000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  SYNC: 0o4010000,
  PATH: 0o10000000,
  TMPFILE: 0o20200000,
} as const

/**
 * All other bit sets and numbers of the protocol. `O`, `DT` and the like are the values of x86-64 and arm64
 * kernels.
 */
export const CONSTANT_TABLE = {
  FOPEN: {
    prefix: 'FOPEN_',
    doc: 'Flags of the reply to OPEN, OPENDIR, CREATE and TMPFILE.',
    values: {
      DIRECT_IO: 1,
      KEEP_CACHE: 2,
      NONSEEKABLE: 4,
      CACHE_DIR: 8,
      STREAM: 16,
      NOFLUSH: 32,
      PARALLEL_DIRECT_WRITES: 64,
      PASSTHROUGH: 128,
    },
  },
  FATTR: {
    prefix: 'FATTR_',
    doc: 'Which fields of SETATTR are valid.',
    values: {
      MODE: 1,
      UID: 2,
      GID: 4,
      SIZE: 8,
      ATIME: 16,
      MTIME: 32,
      FH: 64,
      ATIME_NOW: 128,
      MTIME_NOW: 256,
      LOCKOWNER: 512,
      CTIME: 1024,
      KILL_SUIDGID: 2048,
    },
  },
  OPEN_FLAG: {
    prefix: 'FUSE_OPEN_',
    doc: '`open_flags` of OPEN and CREATE requests.',
    values: {
      KILL_SUIDGID: 1,
    },
  },
  READ_FLAG: {
    prefix: 'FUSE_READ_',
    doc: '`read_flags` of READ.',
    values: {
      LOCKOWNER: 2,
    },
  },
  WRITE_FLAG: {
    prefix: 'FUSE_WRITE_',
    doc: '`write_flags` of WRITE.',
    values: {
      CACHE: 1,
      LOCKOWNER: 2,
      KILL_SUIDGID: 4,
    },
  },
  RELEASE_FLAG: {
    prefix: 'FUSE_RELEASE_',
    doc: '`release_flags` of RELEASE and RELEASEDIR.',
    values: {
      FLUSH: 1,
      FLOCK_UNLOCK: 2,
    },
  },
  GETATTR_FLAG: {
    prefix: 'FUSE_GETATTR_',
    doc: '`getattr_flags` of GETATTR and STATX.',
    values: {
      FH: 1,
    },
  },
  SETXATTR_FLAG: {
    prefix: 'FUSE_SETXATTR_',
    doc: '`setxattr_flags` of SETXATTR, present only with INIT flag SETXATTR_EXT.',
    values: {
      ACL_KILL_SGID: 1,
    },
  },
  IOCTL_FLAG: {
    prefix: 'FUSE_IOCTL_',
    doc: '`flags` of IOCTL.',
    values: {
      COMPAT: 1,
      UNRESTRICTED: 2,
      RETRY: 4,
      '32BIT': 8,
      DIR: 16,
      COMPAT_X32: 32,
    },
  },
  POLL_FLAG: {
    prefix: 'FUSE_POLL_',
    doc: '`flags` of POLL.',
    values: {
      SCHEDULE_NOTIFY: 1,
    },
  },
  LK_FLAG: {
    prefix: 'FUSE_LK_',
    doc: '`lk_flags` of GETLK, SETLK and SETLKW.',
    values: {
      FLOCK: 1,
    },
  },
  FSYNC_FLAG: {
    prefix: 'FUSE_FSYNC_',
    doc: '`fsync_flags` of FSYNC and FSYNCDIR.',
    values: {
      FDATASYNC: 1,
    },
  },
  ATTR_FLAG: {
    prefix: 'FUSE_ATTR_',
    doc: '`flags` of an attribute reply.',
    values: {
      SUBMOUNT: 1,
      DAX: 2,
    },
  },
  NOTIFY_INVAL_ENTRY_FLAG: {
    prefix: 'FUSE_',
    doc: '`flags` of the notification INVAL_ENTRY.',
    values: {
      EXPIRE_ONLY: 1,
    },
  },
  SETUPMAPPING_FLAG: {
    prefix: 'FUSE_SETUPMAPPING_FLAG_',
    doc: '`flags` of SETUPMAPPING.',
    values: {
      WRITE: 1,
      READ: 2,
    },
  },
  CUSE_FLAG: {
    prefix: 'CUSE_',
    doc: '`flags` of CUSE_INIT.',
    values: {
      UNRESTRICTED_IOCTL: 1,
    },
  },
  RENAME_FLAG: {
    prefix: 'RENAME_',
    doc: '`flags` of RENAME2, from linux/fs.h.',
    values: {
      NOREPLACE: 1,
      EXCHANGE: 2,
      WHITEOUT: 4,
    },
  },
  EXT_TYPE: {
    prefix: 'FUSE_',
    doc: '`type` of an extension block; types up to MAX_NR_SECCTX are counts of security contexts.',
    values: {
      MAX_NR_SECCTX: 31,
      EXT_GROUPS: 32,
    },
  },
  DT: {
    prefix: 'DT_',
    doc: 'File types of directory records, from dirent.h.',
    values: {
      UNKNOWN: 0,
      FIFO: 1,
      CHR: 2,
      DIR: 4,
      BLK: 6,
      REG: 8,
      LNK: 10,
      SOCK: 12,
    },
  },
  LOCK_TYPE: {
    prefix: 'F_',
    doc: '`type` of a lock, from fcntl.h.',
    values: {
      RDLCK: 0,
      WRLCK: 1,
      UNLCK: 2,
    },
  },
  URING_CMD: {
    prefix: 'FUSE_IO_URING_CMD_',
    doc: 'Commands of FUSE over io_uring.',
    values: {
      INVALID: 0,
      REGISTER: 1,
      COMMIT_AND_FETCH: 2,
    },
  },
  O: {
    prefix: 'O_',
    doc: 'open(2) flags as requests carry them, from asm-generic/fcntl.h; arm64 differs, see `O_ARM64`.',
    values: OPEN_FLAGS,
  },
  O_ARM64: {
    prefix: 'O_',
    doc: 'open(2) flags on arm64, from arch/arm64/include/uapi/asm/fcntl.h.',
    values: {
      ...OPEN_FLAGS,
      DIRECT: 0o200000,
      LARGEFILE: 0o400000,
      DIRECTORY: 0o40000,
      NOFOLLOW: 0o100000,
      TMPFILE: 0o20040000,
    },
  },
} as const satisfies Record<string, ConstantSet>

/** Numbers of the protocol as a whole. */
export const PROTOCOL_TABLE = {
  /** Version 7 since Linux 2.6.16. */
  KERNEL_VERSION: 7,
  KERNEL_MINOR_VERSION: 45,
  /** Node id of the root; it is never looked up and never forgotten. */
  ROOT_ID: 1,
  /** Smallest buffer in bytes that read(2) on /dev/fuse accepts. */
  MIN_READ_BUFFER: 8192,
  /** Offset of the name in a directory record. */
  NAME_OFFSET: 24,
  NAME_OFFSET_DIRENTPLUS: 152,
  /** uid or gid that has no number in the mount's user namespace. */
  INVALID_UIDGID: 0xffffffff,
  /** Largest number of iovecs of an IOCTL retry. */
  IOCTL_MAX_IOV: 256,
  /** Longest device information of CUSE_INIT, in bytes. */
  CUSE_INIT_INFO_MAX: 4096,
  /** Replies and requests of kernels that are older than the minor in the comment. */
  COMPAT_ENTRY_OUT_SIZE: 120, // 7.9
  COMPAT_ATTR_OUT_SIZE: 96, // 7.9
  COMPAT_MKNOD_IN_SIZE: 8, // 7.12
  COMPAT_WRITE_IN_SIZE: 24, // 7.9
  COMPAT_STATFS_SIZE: 48, // 7.4
  COMPAT_SETXATTR_IN_SIZE: 8, // without INIT flag SETXATTR_EXT
  COMPAT_INIT_OUT_SIZE: 8, // 7.5
  COMPAT_22_INIT_OUT_SIZE: 24, // 7.23
} as const
