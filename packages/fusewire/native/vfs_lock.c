/* vfs_lock.c: locks on the backing files, seen by everybody who uses them, and file handles for descriptors. */
#include "vfs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The range in the block as fcntl(2) wants it: length 0 is "to the end, however far the file grows". */
static struct flock range_of(const struct vfs_io *io) {
  int64_t start = vfs_join(io->lock_start_low, io->lock_start_high);
  int64_t end = vfs_join(io->lock_end_low, io->lock_end_high);
  struct flock range = {.l_type = (short)io->lock_type, .l_whence = SEEK_SET, .l_start = start};
  range.l_len = end == INT64_MAX ? 0 : end - start + 1;
  return range;
}

/* vfsSetLock(io, fd): an open file description lock, not waiting: 0 or -EAGAIN */
static napi_value set_lock(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  VFS_IO;
  FW_I32(1, fd);
  struct flock range = range_of(io);
  FW_RETURN(fcntl(fd, F_OFD_SETLK, &range));
}

/* vfsGetLock(io, fd): what is in the way of the range, into the block; type F_UNLCK when nothing is */
static napi_value get_lock(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  VFS_IO;
  FW_I32(1, fd);
  struct flock range = range_of(io);
  if (fcntl(fd, F_OFD_GETLK, &range) < 0) return fw_int(env, -errno);
  io->lock_type = (uint16_t)range.l_type;
  if (range.l_type == F_UNLCK) return fw_int(env, 0);
  uint64_t start = (uint64_t)range.l_start;
  uint64_t end = range.l_len == 0 ? INT64_MAX : start + (uint64_t)range.l_len - 1;
  io->lock_start_low = (uint32_t)start;
  io->lock_start_high = (uint32_t)(start >> 32);
  io->lock_end_low = (uint32_t)end;
  io->lock_end_high = (uint32_t)(end >> 32);
  /* -1 for an open file description lock, which has no process. */
  io->lock_pid = range.l_pid > 0 ? (uint32_t)range.l_pid : 0;
  return fw_int(env, 0);
}

/* vfsFlock(fd, type): flock(2), not waiting; type as fcntl's F_RDLCK, F_WRLCK, F_UNLCK */
static napi_value flock_file(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  FW_I32(0, fd);
  FW_I32(1, type);
  int operation = type == F_RDLCK ? LOCK_SH : type == F_WRLCK ? LOCK_EX : LOCK_UN;
  FW_RETURN(flock(fd, operation | LOCK_NB));
}

/* MAX_HANDLE_SZ and the head of struct file_handle. */
#define HANDLE_BYTES (sizeof(struct file_handle) + 128)

/* vfsGetHandle(fd, bytes): the inode's file handle into `bytes` (136); its length, -EOPNOTSUPP where there are none */
static napi_value get_handle(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  FW_I32(0, fd);
  FW_BYTES(1, bytes);
  if (bytes_size < HANDLE_BYTES) return fw_int(env, -EINVAL);
  union {
    struct file_handle handle;
    uint8_t room[HANDLE_BYTES];
  } value = {.handle.handle_bytes = HANDLE_BYTES - sizeof(struct file_handle)};
  int mount_id;
  if (name_to_handle_at(fd, "", &value.handle, &mount_id, AT_EMPTY_PATH)) return fw_int(env, -errno);
  size_t length = sizeof(struct file_handle) + value.handle.handle_bytes;
  memcpy(bytes, &value, length);
  return fw_int(env, (int64_t)length);
}

/* vfsOpenHandle(mountFd, bytes): an O_PATH descriptor; -ESTALE when the inode is gone, -EPERM for an ordinary user */
static napi_value open_handle(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  FW_I32(0, mount_fd);
  FW_BYTES(1, bytes);
  union {
    struct file_handle handle;
    uint8_t room[HANDLE_BYTES];
  } value;
  if (bytes_size < sizeof(struct file_handle) || bytes_size > sizeof value) return fw_int(env, -EINVAL);
  memcpy(&value, bytes, bytes_size);
  if (sizeof(struct file_handle) + value.handle.handle_bytes != bytes_size) return fw_int(env, -EINVAL);
  FW_RETURN(open_by_handle_at(mount_fd, &value.handle, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

napi_value vfs_init_lock(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"vfsSetLock", set_lock},     {"vfsGetLock", get_lock},       {"vfsFlock", flock_file},
      {"vfsGetHandle", get_handle}, {"vfsOpenHandle", open_handle},
  };
  return fw_define(env, exports, list, VFS_COUNT(list));
}
