export {
  DT,
  FATTR,
  FOPEN,
  LOCK_TYPE,
  O,
  POLL,
  RENAME_FLAG,
  SETXATTR_FLAG,
  WRITE_FLAG,
} from '../../api/constants.js'

/** `open_flags` of OPEN: the caller lacks CAP_FSETID (FUSE_OPEN_KILL_SUIDGID of linux/fuse.h). */
export const OPEN_FLAG = { KILL_SUIDGID: 1 } as const

/** File types and mode bits of `st_mode`, from linux/stat.h. */
export const S = {
  IFMT: 0o170000,
  IFSOCK: 0o140000,
  IFLNK: 0o120000,
  IFREG: 0o100000,
  IFBLK: 0o060000,
  IFDIR: 0o040000,
  IFCHR: 0o020000,
  IFIFO: 0o010000,
  ISUID: 0o4000,
  ISGID: 0o2000,
  ISVTX: 0o1000,
  IXGRP: 0o010,
  /** Everything that chmod(2) may change. */
  PERMISSIONS: 0o7777,
} as const

/** Modes of fallocate(2), from linux/falloc.h. */
export const FALLOC = { KEEP_SIZE: 1, PUNCH_HOLE: 2, ZERO_RANGE: 0x10 } as const

/** `whence` of lseek(2) that reach a filesystem. */
export const SEEK = { DATA: 3, HOLE: 4 } as const

/** Flags of setxattr(2). */
export const XATTR = { CREATE: 1, REPLACE: 2 } as const
