/* vfs_file.c: open files, and what is quick on them. What may take long is in vfs_async.c. */
#include "vfs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/fs.h>

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

/* Flags that do not concern the server's own descriptor; see vfs_entry.c for O_DIRECT. */
#define OPEN_DROP_FLAGS (O_CREAT | O_EXCL | O_NOCTTY | O_NOFOLLOW | O_DIRECT | O_PATH)
/* The kernel's FMODE_EXEC: the file is opened to be executed, for which no read permission is needed. */
#define OPEN_FOR_EXEC 0x20

/* Without the right to read, a program may still be executed: the server then reads it for the caller. */
static int open_to_execute(const struct vfs_io *io, int node, int flags) {
  struct vfs_as as;
  if (vfs_as_begin(io, &as)) return -EACCES;
  long failed = syscall(SYS_faccessat2, AT_FDCWD, vfs_proc_path(node).path, X_OK, AT_EACCESS);
  vfs_as_end(&as);
  return failed ? -EACCES : vfs_reopen(node, flags);
}

/* vfsOpen(io, node, flags): a descriptor of the node, opened as the caller */
static napi_value open_file(napi_env env, napi_callback_info info) {
  FW_ARGS(3);
  VFS_IO;
  FW_I32(1, node);
  FW_I32(2, flags);
  int own = flags & ~OPEN_DROP_FLAGS & ~OPEN_FOR_EXEC;
  struct vfs_as as;
  int fd = vfs_as_begin(io, &as);
  if (fd < 0) return fw_int(env, fd);
  fd = vfs_reopen(node, own);
  vfs_as_end(&as);
  if (fd == -EACCES && (flags & OPEN_FOR_EXEC)) fd = open_to_execute(io, node, own);
  return fw_int(env, fd);
}

/* vfsReopen(fd, flags): the same inode by a descriptor of its own, as the server */
static napi_value reopen_file(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  FW_I32(0, fd);
  FW_I32(1, flags);
  return fw_int(env, vfs_reopen(fd, flags));
}

/* preadv2 and pwritev2 of one part, by number: musl has had the functions since 1.2.5 only. Offsets are one word on 64 bits. */
static ssize_t read_part(int fd, struct iovec part, int64_t offset, int flags) {
  return syscall(SYS_preadv2, fd, &part, 1L, (long)offset, 0L, flags);
}

static ssize_t write_part(int fd, struct iovec part, int64_t offset, int flags) {
  return syscall(SYS_pwritev2, fd, &part, 1L, (long)offset, 0L, flags);
}

/*
 * Reads until the room is full, the file ends or waiting would begin. A short count must mean the end of the file: the
 * kernel takes it for that.
 */
static int64_t read_ready(int fd, uint8_t *data, size_t size, int64_t offset, int flags, uint32_t *done) {
  *done = 0;
  while (*done < size) {
    struct iovec part = {data + *done, size - *done};
    ssize_t count = read_part(fd, part, offset + *done, flags);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (count == 0) break;
    *done += (uint32_t)count;
  }
  return *done;
}

/*
 * vfsRead(io, fd, bytes, start, length, offset, nowait): bytes read. With `nowait` -EAGAIN says that the disk would
 * have to be waited for, io.partial bytes being there already, and -EOPNOTSUPP that this filesystem cannot tell.
 */
static napi_value read_file(napi_env env, napi_callback_info info) {
  FW_ARGS(7);
  VFS_IO;
  FW_I32(1, fd);
  FW_RANGE(2, data);
  FW_I64(5, offset);
  FW_BOOL(6, nowait);
  return fw_int(env, read_ready(fd, data, data_size, offset, nowait ? RWF_NOWAIT : 0, &io->partial));
}

/* Kernels before 6.9 have no RWF_NOAPPEND: the flag is taken off the descriptor for the call. */
static ssize_t write_without_append(int fd, const void *data, size_t size, int64_t offset) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_APPEND) < 0) return -1;
  ssize_t count = pwrite(fd, data, size, offset);
  int kept = errno;
  fcntl(fd, F_SETFL, flags);
  errno = kept;
  return count;
}

static ssize_t write_at(const struct vfs_io *io, int fd, uint8_t *data, size_t size, int64_t offset) {
  if (!(io->flags & VFS_AT_OFFSET)) return pwrite(fd, data, size, offset);
  struct iovec part = {data, size};
  ssize_t count = write_part(fd, part, offset, RWF_NOAPPEND);
  return count < 0 && errno == EOPNOTSUPP ? write_without_append(fd, data, size, offset) : count;
}

/*
 * Begins a change of a file's content by somebody whose changes clear set-id bits. Only a file that has such bits costs
 * a change of identity; io.partial says that it had. 0 or -errno.
 */
static int kill_begin(struct vfs_io *io, int fd, struct vfs_as *as) {
  struct stat st;
  *as = (struct vfs_as){0};
  io->partial = 0;
  if (!(io->flags & VFS_KILL_PRIV)) return 0;
  if (fstat(fd, &st)) return -errno;
  if (!(st.st_mode & (S_ISUID | S_ISGID))) return 0;
  io->partial = 1;
  return vfs_as_begin(io, as);
}

/* vfsWrite(io, fd, bytes, start, length, offset): bytes written, into the page cache */
static napi_value write_file(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  VFS_IO;
  FW_I32(1, fd);
  FW_RANGE(2, data);
  FW_I64(5, offset);
  struct vfs_as as;
  int error = kill_begin(io, fd, &as);
  if (error) return fw_int(env, error);
  ssize_t count;
  do count = write_at(io, fd, data, data_size, offset);
  while (count < 0 && errno == EINTR);
  vfs_as_end(&as);
  FW_RETURN(count);
}

/* vfsSeek(fd, offset, whence): SEEK_DATA and SEEK_HOLE */
static napi_value seek_file(napi_env env, napi_callback_info info) {
  FW_ARGS(3);
  FW_I32(0, fd);
  FW_I64(1, offset);
  FW_I32(2, whence);
  FW_RETURN(lseek(fd, offset, whence));
}

/* vfsFallocate(io, fd, mode, offset, length) */
static napi_value allocate(napi_env env, napi_callback_info info) {
  FW_ARGS(5);
  VFS_IO;
  FW_I32(1, fd);
  FW_I32(2, mode);
  FW_I64(3, offset);
  FW_I64(4, length);
  struct vfs_as as;
  int error = kill_begin(io, fd, &as);
  if (error) return fw_int(env, error);
  int failed = fallocate(fd, mode, offset, length);
  vfs_as_end(&as);
  FW_RETURN(failed);
}

/* vfsCopy(io, fd, offset, toFd, toOffset, length): bytes copied */
static napi_value copy_range(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  VFS_IO;
  FW_I32(1, fd);
  FW_I64(2, offset);
  FW_I32(3, to);
  FW_I64(4, to_offset);
  FW_I64(5, length);
  struct vfs_as as;
  int error = kill_begin(io, to, &as);
  if (error) return fw_int(env, error);
  ssize_t count = copy_file_range(fd, &offset, to, &to_offset, (size_t)length, 0);
  vfs_as_end(&as);
  FW_RETURN(count);
}

/* vfsFlush(fd): what close(2) of a descriptor would report, as servers of network filesystems do late */
static napi_value flush_file(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  FW_I32(0, fd);
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return fw_int(env, -errno);
  FW_RETURN(close(copy));
}

/* Bytes that the file flag commands read and write behind the pointer, as the kernel's FUSE part sends them. */
static int flag_command_bytes(uint32_t command) {
  switch (command) {
    case FS_IOC_GETFLAGS:
    case FS_IOC_SETFLAGS:
      return sizeof(uint32_t); /* an int, though its encoding says long */
    case FS_IOC_FSGETXATTR:
    case FS_IOC_FSSETXATTR:
      return sizeof(struct fsxattr);
    default:
      return 0;
  }
}

/*
 * vfsIoctlFlags(io, fd, command, bytes): FS_IOC_GETFLAGS, SETFLAGS, FSGETXATTR, FSSETXATTR as the caller; `bytes` is
 * the argument, read or filled. The number of bytes that count, -ENOTTY for every other command.
 */
static napi_value ioctl_flags(napi_env env, napi_callback_info info) {
  FW_ARGS(4);
  VFS_IO;
  FW_I32(1, fd);
  FW_U32(2, command);
  FW_BYTES(3, argument);
  int bytes = flag_command_bytes(command);
  if (!bytes) return fw_int(env, -ENOTTY);
  if (argument_size < (size_t)bytes) return fw_int(env, -EINVAL);
  union {
    uint64_t align;
    struct fsxattr fsx;
  } value = {0};
  memcpy(&value, argument, bytes);
  struct vfs_as as;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  int failed = ioctl(fd, command, &value);
  error = failed < 0 ? -errno : 0;
  vfs_as_end(&as);
  if (error) return fw_int(env, error);
  memcpy(argument, &value, bytes);
  return fw_int(env, bytes);
}

napi_value vfs_init_file(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"vfsOpen", open_file},   {"vfsReopen", reopen_file}, {"vfsRead", read_file},
      {"vfsWrite", write_file}, {"vfsSeek", seek_file},     {"vfsFallocate", allocate},
      {"vfsCopy", copy_range},  {"vfsFlush", flush_file},   {"vfsIoctlFlags", ioctl_flags},
  };
  return fw_define(env, exports, list, VFS_COUNT(list));
}
