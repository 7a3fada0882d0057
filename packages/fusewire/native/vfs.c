/* vfs.c: what a filesystem over a directory needs of the kernel: registration, arguments, the server's identity. */
#include "vfs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

bool vfs_get_io(napi_env env, napi_value value, struct vfs_io **out) {
  uint8_t *data;
  size_t size;
  if (!fw_get_bytes(env, value, "io", &data, &size)) return false;
  if (size < sizeof(struct vfs_io)) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "io: too small");
    return false;
  }
  *out = (struct vfs_io *)data;
  return true;
}

int vfs_get_text(napi_env env, napi_value value, char *buffer) {
  size_t length;
  if (napi_get_value_string_latin1(env, value, buffer, VFS_PATH_BYTES, &length) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "name: expected a string");
    return 1;
  }
  if (length == VFS_PATH_BYTES - 1) return -ENAMETOOLONG;
  if (strlen(buffer) != length) return -EINVAL;
  return 0;
}

int vfs_get_name(napi_env env, napi_value value, char *buffer) {
  int error = vfs_get_text(env, value, buffer);
  if (error) return error;
  if (!*buffer || strchr(buffer, '/') || !strcmp(buffer, ".") || !strcmp(buffer, "..")) return -EINVAL;
  return 0;
}

uint8_t *vfs_get_room(napi_env env, napi_value words, napi_value index, size_t bytes) {
  uint8_t *data;
  size_t size;
  uint32_t word;
  if (!fw_get_bytes(env, words, "words", &data, &size) || !fw_get_u32(env, index, "index", &word)) return NULL;
  if ((uint64_t)word * 4 + bytes > size) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "index: outside of the words");
    return NULL;
  }
  return data + (size_t)word * 4;
}

/* Whether the thread may take on other users' identities: root in its user namespace that kept these capabilities. */
static bool may_switch(void) {
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0}};
  const uint32_t wanted = 1u << CAP_SETUID | 1u << CAP_SETGID;
  if (geteuid() != 0 || syscall(SYS_capget, &head, data) != 0) return false;
  return (data[0].effective & wanted) == wanted;
}

/* vfsSetup(io): fills the server's identity in; 0, or -errno when /proc is not there */
static napi_value setup(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  VFS_IO;
  if (vfs_proc_dir() < 0) return fw_int(env, vfs_proc_dir());
  io->own_uid = geteuid();
  io->own_gid = getegid();
  io->can_switch = may_switch();
  return fw_int(env, 0);
}

/* vfsRaiseFileLimit(): RLIMIT_NOFILE's soft limit becomes the hard one; the limit in force */
static napi_value raise_file_limit(napi_env env, napi_callback_info info) {
  (void)info;
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return fw_int(env, -errno);
  if (limit.rlim_cur < limit.rlim_max) {
    struct rlimit wish = {limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &wish) == 0) limit = wish;
  }
  return fw_int(env, limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur);
}

/* vfsClose(fd) */
static napi_value close_fd(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  FW_I32(0, fd);
  FW_RETURN(close(fd));
}

napi_value fw_init_vfs(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"vfsSetup", setup},
      {"vfsRaiseFileLimit", raise_file_limit},
      {"vfsClose", close_fd},
  };
  if (!fw_define(env, exports, list, VFS_COUNT(list))) return NULL;
  if (!vfs_init_attr(env, exports) || !vfs_init_entry(env, exports) || !vfs_init_file(env, exports)) return NULL;
  if (!vfs_init_async(env, exports) || !vfs_init_dir(env, exports) || !vfs_init_xattr(env, exports)) return NULL;
  return vfs_init_lock(env, exports);
}
