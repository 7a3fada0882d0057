/* vfs_entry.c: making, moving and removing directory entries, as the caller. */
#include "vfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/*
 * The caller's umask is applied here, because umask(2) would concern the whole process. A directory with a default ACL
 * has its say instead of the umask, as on a local filesystem.
 */
static uint32_t masked(const struct vfs_io *io, int dir, uint32_t mode) {
  if (!(mode & io->umask & 0777)) return mode;
  if (getxattr(vfs_proc_path(dir).path, "system.posix_acl_default", NULL, 0) > 0) return mode;
  return mode & ~(io->umask & 0777);
}

/*
 * The server's own umask has cut the mode as well: what it took away wrongly is put back, by the server itself, for
 * whom no set-group-id bit is dropped. `mode` went through masked(); a default ACL may rightly leave less of it.
 */
static void put_back(int dir, int fd, uint32_t mode, struct statx *sx) {
  if (!(mode & 0777 & ~sx->stx_mode) || S_ISLNK(sx->stx_mode)) return;
  if (getxattr(vfs_proc_path(dir).path, "system.posix_acl_default", NULL, 0) > 0) return;
  if (vfs_chmod(fd, (sx->stx_mode & 07777) | (mode & 0777)) == 0) vfs_statx(fd, "", false, sx);
}

/* The new node's descriptor, its attributes and identity; or -errno. */
static int adopt(struct vfs_io *io, int dir, int fd, uint32_t mode, uint8_t *attr) {
  struct statx sx;
  if (fd < 0) return fd;
  int error = vfs_statx(fd, "", true, &sx);
  if (error) {
    close(fd);
    return error;
  }
  put_back(dir, fd, mode, &sx);
  vfs_fill(io, attr, &sx);
  return fd;
}

/* Opens what was just made under `name`; somebody may have put another kind of thing there since: that is an error. */
static int open_made(int dir, const char *name, uint32_t type) {
  struct statx sx;
  int fd = vfs_open_path(dir, name);
  if (fd < 0) return fd;
  int error = vfs_statx(fd, "", true, &sx);
  if (!error && (sx.stx_mode & S_IFMT) == type) return fd;
  close(fd);
  return error ? error : -ESTALE;
}

/* vfsMkdir(io, dir, name, mode, words, index): an O_PATH descriptor of the new directory */
static napi_value make_dir(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  VFS_IO;
  FW_I32(1, dir);
  VFS_NAME(2, name);
  FW_U32(3, mode);
  VFS_ROOM(4, attr, VFS_ATTR_BYTES);
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  mode = masked(io, dir, mode);
  int fd = mkdirat(dir, name, mode & 07777) ? -errno : open_made(dir, name, S_IFDIR);
  vfs_as_end(&as);
  return fw_int(env, adopt(io, dir, fd, mode, attr));
}

/* vfsMknod(io, dir, name, mode, rdev, words, index): rdev in the kernel's encoding of 12:20 bits */
static napi_value make_node(napi_env env, napi_callback_info info) {
  FW_ARGS(7);
  VFS_IO;
  FW_I32(1, dir);
  VFS_NAME(2, name);
  FW_U32(3, mode);
  FW_U32(4, rdev);
  VFS_ROOM(5, attr, VFS_ATTR_BYTES);
  dev_t dev = makedev((rdev >> 8) & 0xfff, (rdev & 0xff) | ((rdev >> 12) & 0xfff00));
  uint32_t type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  mode = masked(io, dir, mode);
  int fd = mknodat(dir, name, mode, dev) ? -errno : open_made(dir, name, type);
  vfs_as_end(&as);
  return fw_int(env, adopt(io, dir, fd, mode, attr));
}

/* vfsSymlink(io, dir, name, target, words, index) */
static napi_value make_symlink(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  VFS_IO;
  FW_I32(1, dir);
  VFS_NAME(2, name);
  char target[VFS_PATH_BYTES];
  int error = vfs_get_text(env, argv[3], target);
  if (error) return error > 0 ? NULL : fw_int(env, error);
  VFS_ROOM(4, attr, VFS_ATTR_BYTES);
  struct vfs_as as;
  error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  int fd = symlinkat(target, dir, name) ? -errno : open_made(dir, name, S_IFLNK);
  vfs_as_end(&as);
  return fw_int(env, adopt(io, dir, fd, S_IFLNK, attr));
}

/* vfsLink(io, node, dir, name, words, index): a further name for `node`; its attributes */
static napi_value make_link(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  VFS_IO;
  FW_I32(1, node);
  FW_I32(2, dir);
  VFS_NAME(3, name);
  VFS_ROOM(4, attr, VFS_ATTR_BYTES);
  struct statx sx;
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  /* AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH, which the caller does not have. */
  if (linkat(AT_FDCWD, vfs_proc_path(node).path, dir, name, AT_SYMLINK_FOLLOW)) error = -errno;
  vfs_as_end(&as);
  if (!error) error = vfs_statx(node, "", false, &sx);
  if (!error) vfs_fill(io, attr, &sx);
  return fw_int(env, error);
}

/* vfsUnlink(io, dir, name, isDir) */
static napi_value unlink_name(napi_env env, napi_callback_info info) {
  FW_ARGS(4);
  VFS_IO;
  FW_I32(1, dir);
  VFS_NAME(2, name);
  FW_BOOL(3, is_dir);
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  if (unlinkat(dir, name, is_dir ? AT_REMOVEDIR : 0)) error = -errno;
  vfs_as_end(&as);
  return fw_int(env, error);
}

/* vfsRename(io, dir, name, newDir, newName, flags) */
static napi_value rename_name(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  VFS_IO;
  FW_I32(1, dir);
  VFS_NAME(2, name);
  FW_I32(3, new_dir);
  VFS_NAME(4, new_name);
  FW_U32(5, flags);
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  if (syscall(SYS_renameat2, dir, name, new_dir, new_name, flags)) error = -errno;
  vfs_as_end(&as);
  return fw_int(env, error);
}

#define OPEN_MADE_FLAGS (O_NOFOLLOW | O_CLOEXEC | O_NOCTTY)
/*
 * The caller's flags that do not concern the server's own descriptor. O_DIRECT would ask for aligned buffers; the
 * kernel's FUSE part bypasses its own cache for such a file all the same.
 */
#define OPEN_DROP_FLAGS (O_CREAT | O_EXCL | O_NOCTTY | O_NOFOLLOW | O_DIRECT | O_PATH | O_DIRECTORY)

/*
 * The file's O_PATH twin goes into the block, the file itself is the result. The file exists by now, so that its twin
 * could not be had (-EMFILE, in the block) is no error of the call.
 */
static int adopt_file(struct vfs_io *io, int dir, int file, uint32_t mode, uint8_t *attr) {
  if (file < 0) return file;
  io->node_fd = adopt(io, dir, vfs_reopen(file, O_PATH), mode, attr);
  return file;
}

/* vfsCreate(io, dir, name, flags, mode, words, index): a file's descriptor, io.node_fd its O_PATH twin */
static napi_value create_file(napi_env env, napi_callback_info info) {
  FW_ARGS(7);
  VFS_IO;
  FW_I32(1, dir);
  VFS_NAME(2, name);
  FW_I32(3, flags);
  FW_U32(4, mode);
  VFS_ROOM(5, attr, VFS_ATTR_BYTES);
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  mode = masked(io, dir, mode);
  int own = (flags & ~OPEN_DROP_FLAGS) | OPEN_MADE_FLAGS;
  /* O_EXCL always: a name that turned up meanwhile may be a fifo or a device, which must not be opened here. */
  int file = openat(dir, name, own | O_CREAT | O_EXCL, mode & 07777);
  if (file < 0) file = -errno;
  vfs_as_end(&as);
  return fw_int(env, adopt_file(io, dir, file, mode, attr));
}

/* vfsTmpfile(io, dir, flags, mode, words, index): as vfsCreate, without a name */
static napi_value create_tmpfile(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  VFS_IO;
  FW_I32(1, dir);
  FW_I32(2, flags);
  FW_U32(3, mode);
  VFS_ROOM(4, attr, VFS_ATTR_BYTES);
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  mode = masked(io, dir, mode);
  int own = (flags & ~OPEN_DROP_FLAGS & ~O_TMPFILE) | (flags & O_EXCL) | O_TMPFILE | O_CLOEXEC;
  int file = openat(dir, ".", own, mode & 07777);
  if (file < 0) file = -errno;
  vfs_as_end(&as);
  return fw_int(env, adopt_file(io, dir, file, mode, attr));
}

napi_value vfs_init_entry(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"vfsMkdir", make_dir},       {"vfsMknod", make_node},   {"vfsSymlink", make_symlink},
      {"vfsLink", make_link},       {"vfsUnlink", unlink_name}, {"vfsRename", rename_name},
      {"vfsCreate", create_file},   {"vfsTmpfile", create_tmpfile},
  };
  return fw_define(env, exports, list, VFS_COUNT(list));
}
