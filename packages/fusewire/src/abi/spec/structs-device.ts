import type { StructSpec } from './types.js'

/** Notifications, FUSE over io_uring, CUSE, and arguments of the ioctls of /dev/fuse. */
export const DEVICE_STRUCTS = {
  /** CUSE_INIT. */
  cuse_init_in: {
    since: 11,
    fields: {
      major: 'u32',
      minor: 'u32',
      unused: 'u32',
      flags: { type: 'u32', flags: 'CUSE_FLAG' },
    },
  },
  /** CUSE_INIT, and the device information. */
  cuse_init_out: {
    since: 11,
    fields: {
      major: 'u32',
      minor: 'u32',
      unused: 'u32',
      flags: { type: 'u32', flags: 'CUSE_FLAG' },
      max_read: 'u32',
      max_write: 'u32',
      dev_major: 'u32',
      dev_minor: 'u32',
      spare: 'u32[10]',
    },
  },
  /** POLL: the waiting file with this `kh` polls again. */
  fuse_notify_poll_wakeup_out: {
    since: 11,
    fields: {
      kh: 'id64',
    },
  },
  /** INVAL_INODE: `off` below 0 drops attributes only, `len` 0 or less reaches to the end. */
  fuse_notify_inval_inode_out: {
    since: 12,
    fields: {
      ino: 'u64',
      off: 'i64',
      len: 'i64',
    },
  },
  /** INVAL_ENTRY, and the name; `namelen` is without its NUL. */
  fuse_notify_inval_entry_out: {
    since: 12,
    fields: {
      parent: 'u64',
      namelen: 'u32',
      flags: { type: 'u32', since: 38, flags: 'NOTIFY_INVAL_ENTRY_FLAG' },
    },
  },
  /** DELETE, and the name; `namelen` is without its NUL. */
  fuse_notify_delete_out: {
    since: 18,
    fields: {
      parent: 'u64',
      child: 'u64',
      namelen: 'u32',
      padding: 'u32',
    },
  },
  /** STORE, and `size` bytes for the page cache. */
  fuse_notify_store_out: {
    since: 15,
    fields: {
      nodeid: 'u64',
      offset: 'u64',
      size: 'u32',
      padding: 'u32',
    },
  },
  /** RETRIEVE: a NOTIFY_REPLY with unique `notify_unique` brings bytes of the page cache. */
  fuse_notify_retrieve_out: {
    since: 15,
    fields: {
      notify_unique: 'id64',
      nodeid: 'u64',
      offset: 'u64',
      size: 'u32',
      padding: 'u32',
    },
  },
  /** PRUNE: `count` node ids of 64 bits follow. */
  fuse_notify_prune_out: {
    since: 45,
    fields: {
      count: 'u32',
      padding: 'u32',
      spare: 'id64',
    },
  },
  /** Argument of the ioctl BACKING_OPEN: the descriptor of the backing file. */
  fuse_backing_map: {
    since: 40,
    fields: {
      fd: 'i32',
      flags: 'u32',
      padding: 'id64',
    },
  },
  /** What kernel and server tell each other about one entry of a ring. `payload_sz` is in bytes. */
  fuse_uring_ent_in_out: {
    since: 42,
    fields: {
      flags: 'u64',
      commit_id: 'id64',
      payload_sz: 'u32',
      padding: 'u32',
      reserved: 'id64',
    },
  },
  /**
   * The header buffer of a ring entry: fuse_in_header or fuse_out_header, in-struct, and the struct above.
   */
  fuse_uring_req_header: {
    since: 42,
    fields: {
      in_out: 'bytes[128]',
      op_in: 'bytes[128]',
      ring_ent_in_out: 'fuse_uring_ent_in_out',
    },
  },
  /** Command area (offset 48) of a 128-byte submission queue entry; `qid` is a CPU number. */
  fuse_uring_cmd_req: {
    since: 42,
    fields: {
      flags: 'u64',
      commit_id: 'id64',
      qid: 'u16',
      padding: 'u8[6]',
    },
  },
} as const satisfies Record<string, StructSpec>
