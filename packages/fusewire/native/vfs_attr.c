/* vfs_attr.c: finding nodes, and their attributes straight into the words of a reply. */
#include "vfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Numbers of system calls younger than the headers of older distributions; equal on all architectures. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* Bits of setattr_in.valid, as in the kernel's fuse.h. */
enum { SET_MODE = 1, SET_UID = 2, SET_GID = 4, SET_SIZE = 8, SET_ATIME = 16, SET_MTIME = 32, SET_ATIME_NOW = 128,
       SET_MTIME_NOW = 256 };

int vfs_statx(int fd, const char *name, bool quick, struct statx *out) {
  int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  if (!*name) flags |= AT_EMPTY_PATH;
  if (quick) flags |= AT_STATX_DONT_SYNC;
  /* By number: musl has had the function since 1.2.5 only. */
  return syscall(SYS_statx, fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, out) == 0 ? 0 : -errno;
}

/* The kernel's dev_t of 12:20 bits, as FUSE carries device numbers. */
static uint32_t encode_dev(uint32_t major, uint32_t minor) {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

/* struct fuse_attr; the reply's words are aligned to 4 bytes only, hence the copy. */
struct attr {
  uint64_t ino, size, blocks;
  int64_t atime, mtime, ctime;
  uint32_t atime_nsec, mtime_nsec, ctime_nsec, mode, nlink, uid, gid, rdev, blksize, flags;
};
_Static_assert(sizeof(struct attr) == VFS_ATTR_BYTES, "struct fuse_attr");

void vfs_fill(struct vfs_io *io, uint8_t *out, const struct statx *sx) {
  io->ino_low = (uint32_t)sx->stx_ino;
  io->ino_high = (uint32_t)(sx->stx_ino >> 32);
  io->dev_major = sx->stx_dev_major;
  io->dev_minor = sx->stx_dev_minor;
  io->mode = sx->stx_mode;
  io->nlink = sx->stx_nlink;
  bool birth = sx->stx_mask & STATX_BTIME;
  io->birth_low = birth ? (uint32_t)sx->stx_btime.tv_sec : 0;
  io->birth_high = birth ? (uint32_t)((uint64_t)sx->stx_btime.tv_sec >> 32) : 0;
  io->birth_nsec = birth ? sx->stx_btime.tv_nsec : 0;
  if (!out) return;
  struct attr attr = {
      .ino = sx->stx_ino,
      .size = sx->stx_size,
      .blocks = sx->stx_blocks,
      .atime = sx->stx_atime.tv_sec,
      .mtime = sx->stx_mtime.tv_sec,
      .ctime = sx->stx_ctime.tv_sec,
      .atime_nsec = sx->stx_atime.tv_nsec,
      .mtime_nsec = sx->stx_mtime.tv_nsec,
      .ctime_nsec = sx->stx_ctime.tv_nsec,
      .mode = sx->stx_mode,
      .nlink = sx->stx_nlink,
      .uid = sx->stx_uid,
      .gid = sx->stx_gid,
      .rdev = encode_dev(sx->stx_rdev_major, sx->stx_rdev_minor),
      .blksize = sx->stx_blksize,
  };
  memcpy(out, &attr, sizeof attr);
}

int vfs_open_path(int dir, const char *name) {
  const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  static atomic_bool no_openat2; /* kernels before 5.6 */
  if (!atomic_load_explicit(&no_openat2, memory_order_relaxed)) {
    struct open_how how = {.flags = flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};
    /* O_NOFOLLOW with O_PATH yields the link itself, which RESOLVE_NO_SYMLINKS allows as the last component. */
    long fd = syscall(SYS_openat2, dir, name, &how, sizeof how);
    if (fd >= 0) return (int)fd;
    if (errno != ENOSYS) return -errno;
    atomic_store_explicit(&no_openat2, true, memory_order_relaxed);
  }
  int fd = openat(dir, name, flags);
  return fd < 0 ? -errno : fd;
}

struct vfs_proc vfs_proc_path(int fd) {
  struct vfs_proc proc;
  snprintf(proc.path, sizeof proc.path, "/proc/self/fd/%d", fd);
  return proc;
}

/* The directory /proc/self/fd, opened once for the life of the process: a step instead of four for every reopening. */
static pthread_once_t proc_once = PTHREAD_ONCE_INIT;
static int proc_dir;

static void open_proc(void) {
  proc_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (proc_dir < 0) proc_dir = -errno;
}

int vfs_proc_dir(void) {
  pthread_once(&proc_once, open_proc);
  return proc_dir;
}

int vfs_reopen(int fd, int flags) {
  char name[16];
  if (vfs_proc_dir() < 0) return proc_dir;
  snprintf(name, sizeof name, "%d", fd);
  int opened = openat(proc_dir, name, flags | O_CLOEXEC | O_NOCTTY);
  return opened < 0 ? -errno : opened;
}

int vfs_chmod(int fd, uint32_t mode) {
  static atomic_bool no_fchmodat2; /* kernels before 6.6 */
  if (!atomic_load_explicit(&no_fchmodat2, memory_order_relaxed)) {
    if (syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0) return 0;
    if (errno != ENOSYS) return -errno;
    atomic_store_explicit(&no_fchmodat2, true, memory_order_relaxed);
  }
  return chmod(vfs_proc_path(fd).path, mode) == 0 ? 0 : -errno;
}

/* vfsStatName(io, dir, name, words, index): attributes of a name without opening it; never waits for a server */
static napi_value stat_name(napi_env env, napi_callback_info info) {
  FW_ARGS(5);
  VFS_IO;
  FW_I32(1, dir);
  VFS_NAME(2, name);
  VFS_ROOM(3, attr, VFS_ATTR_BYTES);
  struct statx sx;
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  error = vfs_statx(dir, name, true, &sx);
  vfs_as_end(&as);
  if (!error) vfs_fill(io, attr, &sx);
  return fw_int(env, error);
}

/* vfsStat(io, fd, words, index) */
static napi_value stat_fd(napi_env env, napi_callback_info info) {
  FW_ARGS(4);
  VFS_IO;
  FW_I32(1, fd);
  VFS_ROOM(2, attr, VFS_ATTR_BYTES);
  struct statx sx;
  int error = vfs_statx(fd, "", false, &sx);
  if (!error) vfs_fill(io, attr, &sx);
  return fw_int(env, error);
}

/* vfsOpenNode(io, dir, name): an O_PATH descriptor, its identity in the block */
static napi_value open_node(napi_env env, napi_callback_info info) {
  FW_ARGS(3);
  VFS_IO;
  FW_I32(1, dir);
  VFS_NAME(2, name);
  struct statx sx;
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  int fd = vfs_open_path(dir, name);
  vfs_as_end(&as);
  if (fd < 0) return fw_int(env, fd);
  /* Quick: the name may lead onto a mount that this very process serves, which must not be asked. */
  error = vfs_statx(fd, "", true, &sx);
  if (error) {
    close(fd);
    return fw_int(env, error);
  }
  vfs_fill(io, NULL, &sx);
  return fw_int(env, fd);
}

/* vfsOpenDir(path): an O_PATH descriptor of a directory by any path (before anything is mounted) */
static napi_value open_dir(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  char path[VFS_PATH_BYTES];
  int error = vfs_get_text(env, argv[0], path);
  if (error) return error > 0 ? NULL : fw_int(env, error);
  FW_RETURN(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* vfsStatx(io, fd, words, index): struct fuse_statx, which is laid out as struct statx */
static napi_value statx_fd(napi_env env, napi_callback_info info) {
  FW_ARGS(4);
  VFS_IO;
  FW_I32(1, fd);
  VFS_ROOM(2, out, sizeof(struct statx));
  struct statx sx;
  int error = vfs_statx(fd, "", false, &sx);
  if (error) return fw_int(env, error);
  vfs_fill(io, NULL, &sx);
  memcpy(out, &sx, sizeof sx);
  return fw_int(env, 0);
}

/* struct fuse_kstatfs */
struct kstatfs {
  uint64_t blocks, bfree, bavail, files, ffree;
  uint32_t bsize, namelen, frsize, padding, spare[6];
};

/* vfsStatfs(fd, words, index): struct fuse_kstatfs; the result is f_type */
static napi_value statfs_fd(napi_env env, napi_callback_info info) {
  FW_ARGS(3);
  FW_I32(0, fd);
  VFS_ROOM(1, out, sizeof(struct kstatfs));
  struct statfs sf;
  if (fstatfs(fd, &sf) != 0) return fw_int(env, -errno);
  struct kstatfs reply = {.blocks = sf.f_blocks, .bfree = sf.f_bfree, .bavail = sf.f_bavail, .files = sf.f_files,
                          .ffree = sf.f_ffree, .bsize = sf.f_bsize, .namelen = sf.f_namelen,
                          .frsize = sf.f_frsize ? sf.f_frsize : sf.f_bsize};
  memcpy(out, &reply, sizeof reply);
  return fw_int(env, (uint32_t)sf.f_type);
}

static int set_owner(int node, const struct vfs_io *io) {
  uid_t uid = io->valid & SET_UID ? io->new_uid : (uid_t)-1;
  gid_t gid = io->valid & SET_GID ? io->new_gid : (gid_t)-1;
  return fchownat(node, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

static int set_size(int node, int file, const struct vfs_io *io) {
  int64_t size = vfs_join(io->size_low, io->size_high);
  int failed = file >= 0 ? ftruncate(file, size) : truncate(vfs_proc_path(node).path, size);
  return failed ? -errno : 0;
}

static struct timespec time_of(uint32_t valid, uint32_t bit, uint32_t now_bit, uint32_t low, uint32_t high,
                               uint32_t nsec) {
  struct timespec ts = {.tv_sec = vfs_join(low, high), .tv_nsec = nsec};
  if (valid & now_bit) ts.tv_nsec = UTIME_NOW;
  else if (!(valid & bit)) ts.tv_nsec = UTIME_OMIT;
  return ts;
}

static int set_times(int node, const struct vfs_io *io) {
  struct timespec ts[2] = {
      time_of(io->valid, SET_ATIME, SET_ATIME_NOW, io->atime_low, io->atime_high, io->atime_nsec),
      time_of(io->valid, SET_MTIME, SET_MTIME_NOW, io->mtime_low, io->mtime_high, io->mtime_nsec),
  };
  if (utimensat(node, "", ts, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0) return 0;
  /* Kernels before 5.8 know no empty path here. */
  if (errno != EINVAL && errno != ENOENT) return -errno;
  return utimensat(AT_FDCWD, vfs_proc_path(node).path, ts, 0) == 0 ? 0 : -errno;
}

static int apply(const struct vfs_io *io, int node, int file) {
  int error = 0;
  if (io->valid & SET_MODE) error = vfs_chmod(node, io->new_mode & 07777);
  if (!error && io->valid & (SET_UID | SET_GID)) error = set_owner(node, io);
  if (!error && io->valid & SET_SIZE) error = set_size(node, file, io);
  if (!error && io->valid & (SET_ATIME | SET_MTIME)) error = set_times(node, io);
  return error;
}

/* vfsSetattr(io, node, file, words, index): what io.valid names, as the caller; `file` is -1 or an open descriptor */
static napi_value setattr(napi_env env, napi_callback_info info) {
  FW_ARGS(5);
  VFS_IO;
  FW_I32(1, node);
  FW_I32(2, file);
  VFS_ROOM(3, attr, VFS_ATTR_BYTES);
  struct statx sx;
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  error = apply(io, node, file);
  vfs_as_end(&as);
  if (!error) error = vfs_statx(node, "", false, &sx);
  if (!error) vfs_fill(io, attr, &sx);
  return fw_int(env, error);
}

/* vfsReadlink(fd, bytes, offset, length): bytes of the target */
static napi_value read_link(napi_env env, napi_callback_info info) {
  FW_ARGS(4);
  FW_I32(0, fd);
  FW_RANGE(1, target);
  FW_RETURN(readlinkat(fd, "", (char *)target, target_size));
}

/* vfsAccess(io, node, mask): access(2) as the caller */
static napi_value access_node(napi_env env, napi_callback_info info) {
  FW_ARGS(3);
  VFS_IO;
  FW_I32(1, node);
  FW_I32(2, mask);
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  /* Without AT_EACCESS the kernel would ask for the real uid, which stays the server's; glibc's own flag handling
     would emulate it, hence the raw call. */
  long failed = syscall(SYS_faccessat2, AT_FDCWD, vfs_proc_path(node).path, mask, AT_EACCESS);
  error = failed ? -errno : 0;
  vfs_as_end(&as);
  return fw_int(env, error);
}

napi_value vfs_init_attr(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"vfsStatName", stat_name}, {"vfsStat", stat_fd},         {"vfsOpenNode", open_node}, {"vfsOpenDir", open_dir},
      {"vfsStatx", statx_fd},     {"vfsStatfs", statfs_fd},     {"vfsSetattr", setattr},    {"vfsReadlink", read_link},
      {"vfsAccess", access_node},
  };
  return fw_define(env, exports, list, VFS_COUNT(list));
}
