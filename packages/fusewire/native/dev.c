/*
 * dev.c: the FUSE device: opening, cloning, single reads and writes.
 *
 * A crossing costs some 50 ns and 100 ns for each array with its range, beside 200 ns for the least system call (measured
 * on one machine). writeTwo takes as long as writeDevice with two parts, but needs no array and no subarrays.
 */
#include "fw.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef FUSE_DEV_IOC_CLONE
#define FUSE_DEV_IOC_CLONE _IOR(229, 0, uint32_t) /* linux/fuse.h */
#endif

/* header, struct, and a payload in up to 62 pieces; far below IOV_MAX (1024). */
#define PARTS_MAX 64

/* openDevice(path): fd */
static napi_value open_device(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  struct fw_str path;
  if (!fw_get_str(env, argv[0], "path", &path)) return NULL;
  int64_t fd = fw_result(open(path.chars, O_RDWR | O_CLOEXEC | O_NONBLOCK));
  fw_str_free(&path);
  return fw_int(env, fd);
}

/* closeFd(fd): 0 */
static napi_value close_fd(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  FW_I32(0, fd);
  FW_RETURN(close(fd));
}

/* cloneDevice(fd, path): a second fd of the same connection; path is the device node to open */
static napi_value clone_device(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  FW_I32(0, fd);
  struct fw_str path;
  if (!fw_get_str(env, argv[1], "path", &path)) return NULL;
  int clone = open(path.chars, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  int error = clone < 0 ? errno : 0;
  fw_str_free(&path);
  uint32_t session = (uint32_t)fd;
  if (clone >= 0 && ioctl(clone, FUSE_DEV_IOC_CLONE, &session) != 0) {
    error = errno;
    close(clone);
  }
  return fw_int(env, error ? -error : clone);
}

/* readDevice(fd, buffer, offset, length): bytes read; one read returns one whole request */
static napi_value read_device(napi_env env, napi_callback_info info) {
  FW_ARGS(4);
  FW_I32(0, fd);
  FW_RANGE(1, buffer);
  FW_RETURN(read(fd, buffer, buffer_size));
}

/* writeOne(fd, buffer, offset, length): bytes written; one write is one whole reply */
static napi_value write_one(napi_env env, napi_callback_info info) {
  FW_ARGS(4);
  FW_I32(0, fd);
  FW_RANGE(1, buffer);
  FW_RETURN(write(fd, buffer, buffer_size));
}

/* writeTwo(fd, head, headOffset, headLength, body, bodyOffset, bodyLength): bytes written */
static napi_value write_two(napi_env env, napi_callback_info info) {
  FW_ARGS(7);
  FW_I32(0, fd);
  FW_RANGE(1, head);
  FW_RANGE(4, body);
  struct iovec parts[2] = {{head, head_size}, {body, body_size}};
  FW_RETURN(writev(fd, parts, 2));
}

/* writeDevice(fd, parts, count): bytes written; the first `count` (at most 64) parts go out as one message */
static napi_value write_device(napi_env env, napi_callback_info info) {
  FW_ARGS(3);
  FW_I32(0, fd);
  FW_U32(2, count);
  if (count > PARTS_MAX) return fw_int(env, -EINVAL);
  struct iovec parts[PARTS_MAX];
  for (uint32_t i = 0; i < count; i++) {
    napi_value part;
    uint8_t *data;
    if (napi_get_element(env, argv[1], i, &part) != napi_ok) {
      napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "parts: expected an array of Uint8Array");
      return NULL;
    }
    if (!fw_get_bytes(env, part, "parts", &data, &parts[i].iov_len)) return NULL;
    parts[i].iov_base = data;
  }
  FW_RETURN(writev(fd, parts, (int)count));
}

/*
 * socketPair(): [fd, fd]; a pair of SOCK_SEQPACKET sockets behaves as the device does (one read, one message), so a
 * session can be driven through real descriptors without a mount.
 */
static napi_value socket_pair(napi_env env, napi_callback_info info) {
  (void)info;
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) return fw_int(env, -errno);
  napi_value pair;
  napi_create_array_with_length(env, 2, &pair);
  for (uint32_t i = 0; i < 2; i++) napi_set_element(env, pair, i, fw_int(env, fds[i]));
  return pair;
}

napi_value fw_init_dev(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"openDevice", open_device}, {"closeFd", close_fd},   {"cloneDevice", clone_device},
      {"readDevice", read_device}, {"writeOne", write_one}, {"writeTwo", write_two},
      {"writeDevice", write_device}, {"socketPair", socket_pair},
  };
  return fw_define(env, exports, list, sizeof list / sizeof list[0]);
}
