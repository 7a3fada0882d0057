import type { StructSpec } from './types.js'

/** What follows the header of a successful reply. */
export const REPLY_STRUCTS = {
  /** LOOKUP, SYMLINK, MKNOD, MKDIR, LINK, CREATE, TMPFILE. Lifetimes are seconds and nanoseconds. */
  fuse_entry_out: {
    fields: {
      nodeid: 'u64',
      generation: 'u64',
      entry_valid: 'u64',
      attr_valid: 'u64',
      entry_valid_nsec: 'u32',
      attr_valid_nsec: 'u32',
      attr: 'fuse_attr',
    },
  },
  /** GETATTR and SETATTR. */
  fuse_attr_out: {
    fields: {
      attr_valid: 'u64',
      attr_valid_nsec: 'u32',
      dummy: 'u32',
      attr: 'fuse_attr',
    },
  },
  /** STATX. */
  fuse_statx_out: {
    since: 39,
    fields: {
      attr_valid: 'u64',
      attr_valid_nsec: 'u32',
      flags: 'u32',
      spare: 'u64[2]',
      stat: 'fuse_statx',
    },
  },
  /** OPEN, OPENDIR, CREATE, TMPFILE. `backing_id` counts with FOPEN_PASSTHROUGH. */
  fuse_open_out: {
    fields: {
      fh: 'u64',
      open_flags: { type: 'u32', flags: 'FOPEN' },
      backing_id: { type: 'i32', since: 40 },
    },
  },
  /** WRITE and COPY_FILE_RANGE: bytes written. */
  fuse_write_out: {
    fields: {
      size: 'u32',
      padding: 'u32',
    },
  },
  /** STATFS. */
  fuse_statfs_out: {
    fields: {
      st: 'fuse_kstatfs',
    },
  },
  /** GETXATTR and LISTXATTR with size 0: bytes of the value or list. */
  fuse_getxattr_out: {
    fields: {
      size: 'u32',
      padding: 'u32',
    },
  },
  /** GETLK: the lock in the way, or type F_UNLCK. */
  fuse_lk_out: {
    since: 7,
    fields: {
      lk: 'fuse_file_lock',
    },
  },
  /** INIT: 8 bytes before 7.5, 24 before 7.23. See InitReply in init.ts for units. */
  fuse_init_out: {
    fields: {
      major: 'u32',
      minor: 'u32',
      max_readahead: { type: 'u32', since: 6 },
      flags: { type: 'u32', since: 5, flags: 'INIT_FLAGS' },
      max_background: { type: 'u16', since: 13 },
      congestion_threshold: { type: 'u16', since: 13 },
      max_write: { type: 'u32', since: 5 },
      time_gran: { type: 'u32', since: 23 },
      max_pages: { type: 'u16', since: 28 },
      map_alignment: { type: 'u16', since: 31 },
      flags2: { type: 'u32', since: 36, flags: 'INIT_FLAGS2' },
      max_stack_depth: { type: 'u32', since: 40 },
      request_timeout: { type: 'u16', since: 43 },
      unused: { type: 'u16[11]', since: 23 },
    },
  },
  /** BMAP. */
  fuse_bmap_out: {
    since: 8,
    fields: {
      block: 'u64',
    },
  },
  /** IOCTL, and the data. `result` is the value of ioctl(2). */
  fuse_ioctl_out: {
    since: 11,
    fields: {
      result: 'i32',
      flags: { type: 'u32', flags: 'IOCTL_FLAG' },
      in_iovs: 'u32',
      out_iovs: 'u32',
    },
  },
  /** POLL: events of poll(2). */
  fuse_poll_out: {
    since: 11,
    fields: {
      revents: 'u32',
      padding: 'u32',
    },
  },
  /** LSEEK. */
  fuse_lseek_out: {
    since: 24,
    fields: {
      offset: 'u64',
    },
  },
  /** COPY_FILE_RANGE_64: bytes copied. */
  fuse_copy_file_range_out: {
    since: 45,
    fields: {
      bytes_copied: 'u64',
    },
  },
} as const satisfies Record<string, StructSpec>
