import type { StructSpec } from './types.js'

/** Headers, and the structs that are parts of others. */
export const COMMON_STRUCTS = {
  /**
   * First in every request. uid, gid and pid are 0 in requests on behalf of nobody (FORGET, RELEASE,
   * INTERRUPT ...).
   */
  fuse_in_header: {
    fields: {
      len: 'u32',
      opcode: 'u32',
      unique: 'id64',
      nodeid: 'u64',
      uid: 'u32',
      gid: 'u32',
      pid: 'u32',
      total_extlen: { type: 'u16', since: 38 },
      padding: 'u16',
    },
  },
  /**
   * First in every reply. `error` is 0 or a negative errno; in notifications `unique` is 0 and `error` the
   * code.
   */
  fuse_out_header: {
    fields: {
      len: 'u32',
      error: 'i32',
      unique: 'id64',
    },
  },
  /** Attributes of a node. Times are seconds and nanoseconds, `blocks` counts units of 512 bytes. */
  fuse_attr: {
    fields: {
      ino: 'u64w',
      size: 'u64',
      blocks: 'u64',
      atime: 'time64',
      mtime: 'time64',
      ctime: 'time64',
      atimensec: 'u32',
      mtimensec: 'u32',
      ctimensec: 'u32',
      mode: 'u32',
      nlink: 'u32',
      uid: 'u32',
      gid: 'u32',
      rdev: 'u32',
      blksize: { type: 'u32', since: 9 },
      flags: { type: 'u32', since: 32, flags: 'ATTR_FLAG' },
    },
  },
  /** A time of statx(2). */
  fuse_sx_time: {
    since: 39,
    fields: {
      tv_sec: 'i64',
      tv_nsec: 'u32',
      __reserved: 'i32',
    },
  },
  /** struct statx of linux/stat.h. */
  fuse_statx: {
    since: 39,
    fields: {
      mask: 'u32',
      blksize: 'u32',
      attributes: 'u64',
      nlink: 'u32',
      uid: 'u32',
      gid: 'u32',
      mode: 'u16',
      __spare0: 'u16[1]',
      ino: 'u64w',
      size: 'u64',
      blocks: 'u64',
      attributes_mask: 'u64',
      atime: 'fuse_sx_time',
      btime: 'fuse_sx_time',
      ctime: 'fuse_sx_time',
      mtime: 'fuse_sx_time',
      rdev_major: 'u32',
      rdev_minor: 'u32',
      dev_major: 'u32',
      dev_minor: 'u32',
      __spare2: 'u64[14]',
    },
  },
  /** struct statfs: `blocks`, `bfree` and `bavail` count units of `frsize` bytes. */
  fuse_kstatfs: {
    fields: {
      blocks: 'u64',
      bfree: 'u64',
      bavail: 'u64',
      files: 'u64',
      ffree: 'u64',
      bsize: 'u32',
      namelen: 'u32',
      frsize: { type: 'u32', since: 4 },
      padding: { type: 'u32', since: 4 },
      spare: { type: 'u32[6]', since: 4 },
    },
  },
  /** A lock on bytes `start` to `end`, both included; `end` is 2^63-1 for "to the end of the file". */
  fuse_file_lock: {
    since: 7,
    fields: {
      start: 'u64',
      end: 'u64w',
      type: 'u32',
      pid: 'u32',
    },
  },
  /** Element of BATCH_FORGET. */
  fuse_forget_one: {
    since: 16,
    fields: {
      nodeid: 'u64',
      nlookup: 'u64',
    },
  },
  /** Element of a reply that asks IOCTL again with more memory (FUSE_IOCTL_RETRY, CUSE only). */
  fuse_ioctl_iovec: {
    since: 16,
    fields: {
      base: 'u64w',
      len: 'u64',
    },
  },
  /** Record of READDIR, padded to 8 bytes. `off` is where reading goes on behind this record. */
  fuse_dirent: {
    fields: {
      ino: 'u64w',
      off: 'u64w',
      namelen: 'u32',
      type: 'u32',
      name: 'bytes[]',
    },
  },
  /** Record of READDIRPLUS, padded to 8 bytes. */
  fuse_direntplus: {
    since: 21,
    fields: {
      entry_out: 'fuse_entry_out',
      dirent: 'fuse_dirent',
    },
  },
  /** Element of REMOVEMAPPING. */
  fuse_removemapping_one: {
    since: 31,
    fields: {
      moffset: 'u64',
      len: 'u64',
    },
  },
  /** A security context: then follow its NUL-terminated name and `size` bytes of label. */
  fuse_secctx: {
    since: 36,
    fields: {
      size: 'u32',
      padding: 'u32',
    },
  },
  /** Extension block of security contexts; `size` counts the whole block. */
  fuse_secctx_header: {
    since: 36,
    fields: {
      size: 'u32',
      nr_secctx: 'u32',
    },
  },
  /** Any other extension block; `size` counts the whole block. */
  fuse_ext_header: {
    since: 38,
    fields: {
      size: 'u32',
      type: 'u32',
    },
  },
  /** Body of the extension block EXT_GROUPS. */
  fuse_supp_groups: {
    since: 38,
    fields: {
      nr_groups: 'u32',
      groups: 'u32[]',
    },
  },
} as const satisfies Record<string, StructSpec>
