import type { StructSpec } from './types.js'

/** What follows the header of a request. */
export const REQUEST_STRUCTS = {
  /** FORGET: `nlookup` is taken from the lookup count of the node. */
  fuse_forget_in: {
    fields: {
      nlookup: 'u64',
    },
  },
  /** BATCH_FORGET: `count` times fuse_forget_one follow. */
  fuse_batch_forget_in: {
    since: 16,
    fields: {
      count: 'u32',
      dummy: 'u32',
    },
  },
  /** GETATTR: `fh` counts with GETATTR_FH. */
  fuse_getattr_in: {
    since: 9,
    fields: {
      getattr_flags: { type: 'u32', flags: 'GETATTR_FLAG' },
      dummy: 'u32',
      fh: 'u64',
    },
  },
  /** STATX: `sx_flags` and `sx_mask` as in statx(2). */
  fuse_statx_in: {
    since: 39,
    fields: {
      getattr_flags: { type: 'u32', flags: 'GETATTR_FLAG' },
      reserved: 'u32',
      fh: 'u64',
      sx_flags: 'u32',
      sx_mask: 'u32',
    },
  },
  /** MKNOD, and the name. `rdev` is the kernel's 32-bit device number. */
  fuse_mknod_in: {
    fields: {
      mode: 'u32',
      rdev: 'u32',
      umask: { type: 'u32', since: 12 },
      padding: { type: 'u32', since: 12 },
    },
  },
  /** MKDIR, and the name. */
  fuse_mkdir_in: {
    fields: {
      mode: 'u32',
      umask: { type: 'u32', since: 12 },
    },
  },
  /** RENAME, and both names. The old directory is the header's node. */
  fuse_rename_in: {
    fields: {
      newdir: 'u64',
    },
  },
  /** RENAME2: as RENAME, with flags of renameat2(2). */
  fuse_rename2_in: {
    since: 23,
    fields: {
      newdir: 'u64',
      flags: { type: 'u32', flags: 'RENAME_FLAG' },
      padding: 'u32',
    },
  },
  /** LINK, and the new name. The new directory is the header's node. */
  fuse_link_in: {
    fields: {
      oldnodeid: 'u64',
    },
  },
  /** SETATTR: the fields that `valid` names. */
  fuse_setattr_in: {
    fields: {
      valid: { type: 'u32', flags: 'FATTR' },
      padding: 'u32',
      fh: { type: 'u64', since: 3 },
      size: 'u64',
      lock_owner: { type: 'id64', since: 9 },
      atime: 'time64',
      mtime: 'time64',
      ctime: { type: 'time64', since: 23 },
      atimensec: 'u32',
      mtimensec: 'u32',
      ctimensec: { type: 'u32', since: 23 },
      mode: 'u32',
      unused4: 'u32',
      uid: 'u32',
      gid: 'u32',
      unused5: 'u32',
    },
  },
  /** OPEN and OPENDIR: `flags` of open(2). */
  fuse_open_in: {
    fields: {
      flags: { type: 'u32', flags: 'O' },
      open_flags: { type: 'u32', since: 33, flags: 'OPEN_FLAG' },
    },
  },
  /** CREATE and TMPFILE, and the name. */
  fuse_create_in: {
    since: 3,
    fields: {
      flags: { type: 'u32', flags: 'O' },
      mode: 'u32',
      umask: { type: 'u32', since: 12 },
      open_flags: { type: 'u32', since: 33, flags: 'OPEN_FLAG' },
    },
  },
  /** RELEASE and RELEASEDIR. */
  fuse_release_in: {
    fields: {
      fh: 'u64',
      flags: { type: 'u32', flags: 'O' },
      release_flags: { type: 'u32', since: 8, flags: 'RELEASE_FLAG' },
      lock_owner: { type: 'id64', since: 8 },
    },
  },
  /** FLUSH: one for every close(2) of a descriptor. */
  fuse_flush_in: {
    fields: {
      fh: 'u64',
      unused: 'u32',
      padding: 'u32',
      lock_owner: { type: 'id64', since: 7 },
    },
  },
  /** READ, READDIR and READDIRPLUS. `flags` of open(2), `size` and `offset` in bytes. */
  fuse_read_in: {
    fields: {
      fh: 'u64',
      /** Words too: a position in a directory is opaque, and may use all 64 bits. */
      offset: { type: 'u64', words: true },
      size: 'u32',
      read_flags: { type: 'u32', since: 9, flags: 'READ_FLAG' },
      lock_owner: { type: 'id64', since: 9 },
      flags: { type: 'u32', since: 9, flags: 'O' },
      padding: { type: 'u32', since: 9 },
    },
  },
  /** WRITE, and `size` bytes. */
  fuse_write_in: {
    fields: {
      fh: 'u64',
      offset: 'u64',
      size: 'u32',
      write_flags: { type: 'u32', flags: 'WRITE_FLAG' },
      lock_owner: { type: 'id64', since: 9 },
      flags: { type: 'u32', since: 9, flags: 'O' },
      padding: { type: 'u32', since: 9 },
    },
  },
  /** FSYNC and FSYNCDIR. */
  fuse_fsync_in: {
    fields: {
      fh: 'u64',
      fsync_flags: { type: 'u32', flags: 'FSYNC_FLAG' },
      padding: 'u32',
    },
  },
  /** SETXATTR, name, and `size` bytes. The last two fields come only with INIT flag SETXATTR_EXT. */
  fuse_setxattr_in: {
    fields: {
      size: 'u32',
      flags: 'u32',
      setxattr_flags: { type: 'u32', since: 33, flags: 'SETXATTR_FLAG' },
      padding: { type: 'u32', since: 33 },
    },
  },
  /** GETXATTR (and the name) and LISTXATTR. `size` 0 asks how long the answer would be. */
  fuse_getxattr_in: {
    fields: {
      size: 'u32',
      padding: 'u32',
    },
  },
  /** GETLK, SETLK and SETLKW. */
  fuse_lk_in: {
    since: 7,
    fields: {
      fh: 'u64',
      owner: 'id64',
      lk: 'fuse_file_lock',
      lk_flags: { type: 'u32', since: 9, flags: 'LK_FLAG' },
      padding: { type: 'u32', since: 9 },
    },
  },
  /** ACCESS: `mask` of access(2). */
  fuse_access_in: {
    since: 3,
    fields: {
      mask: 'u32',
      padding: 'u32',
    },
  },
  /** INIT: 16 bytes before 7.36. `flags2` counts only with INIT_EXT in `flags`. */
  fuse_init_in: {
    fields: {
      major: 'u32',
      minor: 'u32',
      max_readahead: { type: 'u32', since: 6 },
      flags: { type: 'u32', since: 6, flags: 'INIT_FLAGS' },
      flags2: { type: 'u32', since: 36, flags: 'INIT_FLAGS2' },
      unused: { type: 'u32[11]', since: 36 },
    },
  },
  /** INTERRUPT: `unique` of the request whose caller got a signal. */
  fuse_interrupt_in: {
    since: 7,
    fields: {
      unique: 'id64',
    },
  },
  /** BMAP, for fuseblk. */
  fuse_bmap_in: {
    since: 8,
    fields: {
      block: 'u64',
      blocksize: 'u32',
      padding: 'u32',
    },
  },
  /** IOCTL, and `in_size` bytes. `arg` is an address or a number of the caller. */
  fuse_ioctl_in: {
    since: 11,
    fields: {
      fh: 'u64',
      flags: { type: 'u32', flags: 'IOCTL_FLAG' },
      cmd: 'u32',
      arg: 'u64w',
      in_size: 'u32',
      out_size: 'u32',
    },
  },
  /** POLL: `kh` names the waiting file to the notification POLL. */
  fuse_poll_in: {
    since: 11,
    fields: {
      fh: 'u64',
      kh: 'id64',
      flags: { type: 'u32', flags: 'POLL_FLAG' },
      events: { type: 'u32', since: 21 },
    },
  },
  /** FALLOCATE: `mode` of fallocate(2). */
  fuse_fallocate_in: {
    since: 19,
    fields: {
      fh: 'u64',
      offset: 'u64',
      length: 'u64',
      mode: 'u32',
      padding: 'u32',
    },
  },
  /** NOTIFY_REPLY, and `size` bytes; laid over the fields of WRITE. */
  fuse_notify_retrieve_in: {
    since: 15,
    fields: {
      dummy1: 'id64',
      offset: 'u64',
      size: 'u32',
      dummy2: 'u32',
      dummy3: 'id64',
      dummy4: 'id64',
    },
  },
  /** LSEEK: `whence` is SEEK_DATA (3) or SEEK_HOLE (4). */
  fuse_lseek_in: {
    since: 24,
    fields: {
      fh: 'u64',
      offset: 'u64',
      whence: 'u32',
      padding: 'u32',
    },
  },
  /** COPY_FILE_RANGE and COPY_FILE_RANGE_64. The source is the header's node. */
  fuse_copy_file_range_in: {
    since: 28,
    fields: {
      fh_in: 'u64',
      off_in: 'u64',
      nodeid_out: 'u64',
      fh_out: 'u64',
      off_out: 'u64',
      len: 'u64',
      flags: 'u64',
    },
  },
  /** SETUPMAPPING, for DAX. */
  fuse_setupmapping_in: {
    since: 31,
    fields: {
      fh: 'u64',
      foffset: 'u64',
      len: 'u64',
      flags: { type: 'u64', flags: 'SETUPMAPPING_FLAG' },
      moffset: 'u64',
    },
  },
  /** REMOVEMAPPING: `count` times fuse_removemapping_one follow. The only struct of 4 bytes. */
  fuse_removemapping_in: {
    since: 31,
    fields: {
      count: 'u32',
    },
  },
  /** SYNCFS. */
  fuse_syncfs_in: {
    since: 34,
    fields: {
      padding: 'id64',
    },
  },
} as const satisfies Record<string, StructSpec>
