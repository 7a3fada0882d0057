/*
 * vfs.h: what the units of the *at system calls share (vfs.c and vfs_*.c).
 *
 * Every call gets the `io` block first: a Uint32Array that JavaScript owns and reuses. The caller's credentials go in
 * by it and the identity of what was found comes back, so no call makes an object. Names are strings with one
 * character a byte (latin1).
 */
#ifndef VFS_H
#define VFS_H

#include "fw.h"

#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/types.h>

/* The words of the block; src/native/vfs.ts has the same list. */
struct vfs_io {
  /* in: on whose behalf (uid 0xffffffff is refused), and how */
  uint32_t uid, gid, pid, umask;
  uint32_t flags;
  /* The server's own identity, filled by vfsSetup. */
  uint32_t own_uid, own_gid;
  uint32_t can_switch;
  /* out: identity of what was found or made */
  uint32_t ino_low, ino_high, dev_major, dev_minor, mode, nlink, birth_nsec;
  uint32_t birth_low, birth_high;
  /* out: O_PATH descriptor of a node that create and tmpfile made, else -1 */
  int32_t node_fd;
  /* out: bytes that a read got before it would have had to wait */
  uint32_t partial;
  /* in: what setattr changes (struct fuse_setattr_in) */
  uint32_t valid, new_mode, new_uid, new_gid, size_low, size_high;
  uint32_t atime_low, atime_high, atime_nsec, mtime_low, mtime_high, mtime_nsec;
  /* in: byte ranges of locks; end 2^63-1 is "to the end" */
  uint32_t lock_start_low, lock_start_high, lock_end_low, lock_end_high, lock_type, lock_pid;
};

enum vfs_io_flag {
  /* Act as the server, not as the caller: the kernel has checked the permission already. */
  VFS_AS_SERVER = 1,
  /* Drop CAP_FSETID for the call, so that set-id bits are cleared as for an ordinary user. */
  VFS_KILL_PRIV = 2,
  /* An append-only descriptor is written at the given offset (write-back of mapped pages). */
  VFS_AT_OFFSET = 4,
};

/* Longest name or link target: PATH_MAX with its NUL, and one byte by which a longer one shows. */
#define VFS_PATH_BYTES 4097

/* Declares `io` from argument 0. */
bool vfs_get_io(napi_env env, napi_value value, struct vfs_io **out);
#define VFS_IO                                                                                                      \
  struct vfs_io *io;                                                                                                \
  if (!vfs_get_io(env, argv[0], &io)) return NULL

/*
 * A name argument: declares `name` (char *); a name with "/" or NUL, an empty one, "." or ".." makes the call return
 * -EINVAL, one too long -ENAMETOOLONG, so that no name leads out of its directory.
 */
int vfs_get_name(napi_env env, napi_value value, char *buffer);
#define VFS_NAME(index, name)                                                                                       \
  char name[VFS_PATH_BYTES];                                                                                        \
  int name##_error = vfs_get_name(env, argv[index], name);                                                          \
  if (name##_error) return name##_error > 0 ? NULL : fw_int(env, name##_error)

/* Any bytes without NUL: a link target, an xattr's name. Positive result: TypeError pending. */
int vfs_get_text(napi_env env, napi_value value, char *buffer);

/* Room of `bytes` in a typed array from word index `argv[i + 1]` on; NULL with a TypeError pending. */
uint8_t *vfs_get_room(napi_env env, napi_value words, napi_value index, size_t bytes);
#define VFS_ROOM(index, out, bytes)                                                                                 \
  uint8_t *out = vfs_get_room(env, argv[index], argv[(index) + 1], bytes);                                          \
  if (!out) return NULL

/* ---- acting as the caller (vfs_creds.c) ---------------------------------------------------------------------------- */

/* What vfs_as_end has to put back. */
struct vfs_as {
  bool uid, gid, groups, fsetid;
  uint32_t own_uid, own_gid;
};
/*
 * The calling thread takes on the caller's fsuid, fsgid and supplementary groups, when the server may do that.
 * 0 or a negative errno; then nothing has changed.
 */
int vfs_as_begin(const struct vfs_io *io, struct vfs_as *as);
void vfs_as_end(const struct vfs_as *as);

/* ---- descriptors and attributes (vfs_attr.c) ------------------------------------------------------------------------- */

/* sizeof(struct fuse_attr) */
#define VFS_ATTR_BYTES 88

/* statx of a descriptor or of a name below it; never asks a remote server or a FUSE daemon when `quick`. */
int vfs_statx(int fd, const char *name, bool quick, struct statx *out);
/* Identity into the block; attributes into `attr` (struct fuse_attr) unless that is NULL. */
void vfs_fill(struct vfs_io *io, uint8_t *attr, const struct statx *sx);
/* O_PATH descriptor of one name in a directory, symlinks not followed; or -errno. */
int vfs_open_path(int dir, const char *name);
/* "/proc/self/fd/N": for what the kernel offers by path only. */
struct vfs_proc {
  char path[40];
};
struct vfs_proc vfs_proc_path(int fd);
/* The descriptor of /proc/self/fd, or -errno where /proc is not mounted. */
int vfs_proc_dir(void);
/* Opens the inode behind `fd` once more; -errno. */
int vfs_reopen(int fd, int flags);
/* chmod(2) of an O_PATH descriptor; -errno. */
int vfs_chmod(int fd, uint32_t mode);

/* ---- calls on the pool (vfs_async.c) --------------------------------------------------------------------------------- */

struct vfs_job {
  void (*run)(struct vfs_job *job);
  int64_t result; /* a count or a negative errno */
  int fd, other;
  int64_t offset, other_offset, length;
  int mode;
  uint8_t *data; /* NULL where there is none */
  /* vfs_async.c */
  struct fw_env *fe;
  napi_ref callback, target;
  size_t target_start;
};
/*
 * Runs `job` on the pool; then callback(result) is called. `length` bytes at `data` are copied for the job, or, where
 * `data` lies in the array `target`, `result` bytes are copied into it before the callback.
 * Returns 0 or -errno as a number for JavaScript; `job` is copied.
 */
napi_value vfs_submit(napi_env env, const struct vfs_job *job, napi_value callback, napi_value target);

/* ---- units ------------------------------------------------------------------------------------------------------- */

napi_value vfs_init_attr(napi_env env, napi_value exports);
napi_value vfs_init_entry(napi_env env, napi_value exports);
napi_value vfs_init_file(napi_env env, napi_value exports);
napi_value vfs_init_async(napi_env env, napi_value exports);
napi_value vfs_init_dir(napi_env env, napi_value exports);
napi_value vfs_init_xattr(napi_env env, napi_value exports);
napi_value vfs_init_lock(napi_env env, napi_value exports);

#define VFS_COUNT(list) (sizeof(list) / sizeof((list)[0]))

static inline int64_t vfs_join(uint32_t low, uint32_t high) { return (int64_t)(((uint64_t)high << 32) | low); }

#endif
