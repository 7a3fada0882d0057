/*
 * vfs_xattr.c: extended attributes and ACLs, as the caller.
 *
 * The kernel has no call for an O_PATH descriptor (getxattrat(2) with an empty path refuses them), so the way is
 * /proc/self/fd/N: its last step leads to the very inode, also of a symlink, and to nothing else.
 */
#include "vfs.h"

#include <string.h>
#include <sys/xattr.h>

/* vfsSetxattr(io, node, name, bytes, flags) */
static napi_value set_xattr(napi_env env, napi_callback_info info) {
  FW_ARGS(5);
  VFS_IO;
  FW_I32(1, node);
  char name[VFS_PATH_BYTES];
  int error = vfs_get_text(env, argv[2], name);
  if (error) return error > 0 ? NULL : fw_int(env, error);
  FW_BYTES(3, value);
  FW_I32(4, flags);
  struct vfs_as as;
  error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  if (setxattr(vfs_proc_path(node).path, name, value, value_size, flags)) error = -errno;
  vfs_as_end(&as);
  return fw_int(env, error);
}

/* vfsGetxattr(io, node, name, bytes, start, length): bytes of the value; its size only when `length` is 0 */
static napi_value get_xattr(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  VFS_IO;
  FW_I32(1, node);
  char name[VFS_PATH_BYTES];
  int error = vfs_get_text(env, argv[2], name);
  if (error) return error > 0 ? NULL : fw_int(env, error);
  FW_RANGE(3, value);
  struct vfs_as as;
  error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  int64_t count = fw_result(getxattr(vfs_proc_path(node).path, name, value, value_size));
  vfs_as_end(&as);
  return fw_int(env, count);
}

/* The server may see "trusted." names, an ordinary caller must not. */
static ssize_t without_trusted(char *names, ssize_t size) {
  ssize_t kept = 0;
  for (ssize_t at = 0; at < size;) {
    ssize_t bytes = (ssize_t)strnlen(names + at, size - at) + 1;
    if (at + bytes > size) bytes = size - at;
    if (strncmp(names + at, "trusted.", 8) != 0) {
      memmove(names + kept, names + at, bytes);
      kept += bytes;
    }
    at += bytes;
  }
  return kept;
}

/* vfsListxattr(io, node, bytes, start, length): bytes of the names, each with its NUL */
static napi_value list_xattr(napi_env env, napi_callback_info info) {
  FW_ARGS(5);
  VFS_IO;
  FW_I32(1, node);
  FW_RANGE(2, names);
  ssize_t size = listxattr(vfs_proc_path(node).path, (char *)names, names_size);
  if (size > 0 && names_size && io->can_switch && io->uid != io->own_uid) size = without_trusted((char *)names, size);
  FW_RETURN(size);
}

/* vfsRemovexattr(io, node, name) */
static napi_value remove_xattr(napi_env env, napi_callback_info info) {
  FW_ARGS(3);
  VFS_IO;
  FW_I32(1, node);
  char name[VFS_PATH_BYTES];
  int error = vfs_get_text(env, argv[2], name);
  if (error) return error > 0 ? NULL : fw_int(env, error);
  struct vfs_as as;
  error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  if (removexattr(vfs_proc_path(node).path, name)) error = -errno;
  vfs_as_end(&as);
  return fw_int(env, error);
}

napi_value vfs_init_xattr(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"vfsSetxattr", set_xattr},
      {"vfsGetxattr", get_xattr},
      {"vfsListxattr", list_xattr},
      {"vfsRemovexattr", remove_xattr},
  };
  return fw_define(env, exports, list, VFS_COUNT(list));
}
