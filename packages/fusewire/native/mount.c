/*
 * mount.c: the system calls of mounting and unmounting, one function each, as `exports.mount.<name>`.
 *
 * Whatever walks a path or may sleep in the kernel runs on the pool and answers by a promise of a result or a negative
 * errno: a path may lead into a filesystem that this very process serves, and the thread that serves must not wait for it.
 */
#include "mount_call.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The numbers are the same on all 64-bit architectures; older C libraries do not list them. */
#ifndef SYS_move_mount
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif

/* linux/mount.h; not included, because older versions of it clash with sys/mount.h. */
#define FW_FSOPEN_CLOEXEC 1u
#define FW_FSMOUNT_CLOEXEC 1u
#define FW_MOVE_MOUNT_F_EMPTY_PATH 4u
#define FW_MOVE_MOUNT_T_EMPTY_PATH 0x40u

/*
 * struct statx and its newer fields are not in every C library: the offsets are those of linux/stat.h.
 * STATX_MNT_ID_UNIQUE (Linux 6.8) asks for an id that is never used again, unlike the one in mountinfo.
 */
#define FW_STATX_MNT_ID_UNIQUE 0x4000u
#define FW_STATX_BASIC_STATS 0x7ffu
#define FW_AT_STATX_FORCE_SYNC 0x2000
#define FW_AT_STATX_DONT_SYNC 0x4000
#define FW_STX_MNT_ID 144
#define FW_STX_BYTES 256

/* A context log holds at most 8 messages (LOG_SIZE of fs/fs_context.c). */
#define LOG_BYTES 8192

/* ---- the mount API of Linux 5.2 ---- */

static int64_t run_fsopen_(struct call *c) { return syscall(SYS_fsopen, c->s[0], FW_FSOPEN_CLOEXEC); }
ON_POOL(fsopen_, "s", GIVES_FD)

/* fsconfig(context, command, key | null, value | null) */
static int64_t run_fsconfig_(struct call *c) {
  return syscall(SYS_fsconfig, c->fd, c->number, c->s[0], c->s[1], 0);
}
ON_POOL(fsconfig_, "funn", GIVES_NUMBER)

static int64_t run_fsmount_(struct call *c) { return syscall(SYS_fsmount, c->fd, FW_FSMOUNT_CLOEXEC, c->number); }
ON_POOL(fsmount_, "fu", GIVES_FD)

/* moveMount(mount, target): both descriptors, so that no path is walked again */
static int64_t run_move_mount_(struct call *c) {
  return syscall(SYS_move_mount, c->fd, "", c->fd2, "", FW_MOVE_MOUNT_F_EMPTY_PATH | FW_MOVE_MOUNT_T_EMPTY_PATH);
}
ON_POOL(move_mount_, "fg", GIVES_NUMBER)

/* contextLog(context): all waiting messages, a line each; the kernel gives one per read and ENODATA at the end */
static int64_t run_context_log(struct call *c) {
  c->out = malloc(LOG_BYTES);
  if (!c->out) return -1;
  size_t used = 0;
  while (used + 1 < LOG_BYTES) {
    ssize_t size = read(c->fd, c->out + used, LOG_BYTES - used);
    if (size <= 0) break;
    used += (size_t)size;
  }
  return (int64_t)used;
}
ON_POOL(context_log, "f", GIVES_TEXT)

/* ---- mount(2), umount2(2) ---- */

/* mount(source, target, type, flags, data) */
static int64_t run_mount_(struct call *c) { return mount(c->s[0], c->s[1], c->s[2], c->number, c->s[3]); }
ON_POOL(mount_, "sssus", GIVES_NUMBER)

static int64_t run_umount_(struct call *c) { return umount2(c->s[0], (int)c->number); }
ON_POOL(umount_, "su", GIVES_NUMBER)

/*
 * The unique id of the mount at `path`, 0 where the kernel has none. DONT_SYNC makes FUSE answer from its cache: no
 * request is sent, so neither a dead nor a hung daemon matters.
 */
static int64_t mount_id(const char *path) {
  union {
    char bytes[FW_STX_BYTES];
    uint32_t mask;
  } stx;
  memset(&stx, 0, sizeof stx);
  int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | FW_AT_STATX_DONT_SYNC;
  if (syscall(SYS_statx, AT_FDCWD, path, flags, FW_STATX_MNT_ID_UNIQUE, &stx) != 0) return -1;
  uint64_t id = 0;
  if (stx.mask & FW_STATX_MNT_ID_UNIQUE) memcpy(&id, stx.bytes + FW_STX_MNT_ID, sizeof id);
  return (int64_t)id;
}

static int64_t run_mount_id_(struct call *c) { return mount_id(c->s[0]); }
ON_POOL(mount_id_, "s", GIVES_NUMBER)

/* An umount whose caller waits for it, but not for ever: the one that is done last frees it. */
struct exit_umount {
  pthread_mutex_t lock;
  pthread_cond_t ready;
  int owners;
  bool done;
  int result;
  int flags;
  int64_t id; /* the mount that is meant; 0: whatever is there */
  char path[];
};

static void drop_exit_umount(struct exit_umount *job) {
  int owners = --job->owners;
  pthread_mutex_unlock(&job->lock);
  if (owners > 0) return;
  pthread_cond_destroy(&job->ready);
  pthread_mutex_destroy(&job->lock);
  free(job);
}

static void exit_umount_thread(void *data) {
  struct exit_umount *job = data;
  bool other = job->id != 0 && mount_id(job->path) != job->id;
  int result = other ? -ENOENT : (int)fw_result(umount2(job->path, job->flags));
  pthread_mutex_lock(&job->lock);
  job->result = result;
  job->done = true;
  pthread_cond_signal(&job->ready);
  drop_exit_umount(job);
}

static int wait_for_umount(struct exit_umount *job, uint32_t ms) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += ms / 1000;
  until.tv_nsec += (long)(ms % 1000) * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock(&job->lock);
  int error = 0;
  while (!job->done && !error) error = pthread_cond_timedwait(&job->ready, &job->lock, &until);
  int result = job->done ? job->result : -ETIMEDOUT;
  drop_exit_umount(job);
  return result;
}

/*
 * umountSync(path, flags, ms, id): umount2 in a thread of its own, waited for at most `ms`; -ETIMEDOUT beyond that,
 * -ENOENT when the mount there has another unique id than `id` (unless that is 0)
 */
static napi_value umount_sync(napi_env env, napi_callback_info info) {
  FW_ARGS(4);
  FW_U32(1, flags);
  FW_U32(2, ms);
  FW_I64(3, id);
  struct fw_str path;
  if (!fw_get_str(env, argv[0], "path", &path)) return NULL;
  struct exit_umount *job = calloc(1, sizeof *job + path.length + 1);
  if (!job) {
    fw_str_free(&path);
    return fw_int(env, -ENOMEM);
  }
  memcpy(job->path, path.chars, path.length + 1);
  fw_str_free(&path);
  job->flags = (int)flags;
  job->id = id;
  job->owners = 2;
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&job->ready, &attr);
  pthread_condattr_destroy(&attr);
  pthread_mutex_init(&job->lock, NULL);
  int error = fw_thread(exit_umount_thread, job);
  if (error) {
    free(job);
    return fw_int(env, error);
  }
  return fw_int(env, wait_for_umount(job, ms));
}

/* ---- paths and descriptors ---- */

/* open(path, flags): O_CLOEXEC is added */
static int64_t run_open_(struct call *c) { return open(c->s[0], (int)c->number | O_CLOEXEC); }
ON_POOL(open_, "su", GIVES_FD)

static int64_t run_close_(struct call *c) { return close(c->fd); }
ON_POOL(close_, "f", GIVES_NUMBER)

static int64_t run_realpath_(struct call *c) {
  c->out = realpath(c->s[0], NULL);
  return c->out ? (int64_t)strlen(c->out) : -1;
}
ON_POOL(realpath_, "s", GIVES_TEXT)

static int64_t run_readlink_(struct call *c) {
  c->out = malloc(4096); /* PATH_MAX */
  return c->out ? readlink(c->s[0], c->out, 4096) : -1;
}
ON_POOL(readlink_, "s", GIVES_TEXT)

/* lstat(path): the last component is not followed */
static int64_t run_lstat_(struct call *c) { return lstat(c->s[0], &c->st); }
ON_POOL(lstat_, "s", GIVES_STAT)

/*
 * ask(path): attributes from the filesystem itself. FORCE_SYNC, as a cached answer says nothing of a FUSE daemon; the
 * kernel honours it only when something is asked for.
 */
static int64_t run_ask(struct call *c) {
  char stx[FW_STX_BYTES];
  return syscall(SYS_statx, AT_FDCWD, c->s[0], AT_SYMLINK_NOFOLLOW | FW_AT_STATX_FORCE_SYNC,
                 FW_STATX_BASIC_STATS, stx);
}
ON_POOL(ask, "s", GIVES_NUMBER)

static int64_t run_fstat_(struct call *c) { return fstat(c->fd, &c->st); }
ON_POOL(fstat_, "f", GIVES_STAT)

/* access(path, mode): with the effective ids */
static int64_t run_access_(struct call *c) { return faccessat(AT_FDCWD, c->s[0], (int)c->number, AT_EACCESS); }
ON_POOL(access_, "su", GIVES_NUMBER)

/* readFile(path, limit): at most `limit` bytes of a file, for files of /proc that take the lock of a process */
static int64_t run_read_file(struct call *c) {
  int fd = open(c->s[0], O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t size = 0, room = 0;
  ssize_t got = 0;
  do {
    size += (size_t)got;
    if (room - size < 4096) {
      room = room ? room * 2 : 16384;
      char *more = realloc(c->out, room);
      if (!more) {
        got = -1;
        errno = ENOMEM;
        break;
      }
      c->out = more;
    }
    size_t want = room - size;
    if (want > c->number - size) want = c->number - size;
    got = want ? read(fd, c->out + size, want) : 0;
  } while (got > 0);
  int error = errno;
  close(fd);
  errno = error;
  return got < 0 ? -1 : (int64_t)size;
}
ON_POOL(read_file, "su", GIVES_BYTES)

/* poll(fd): the events that are pending now */
static int64_t run_poll_(struct call *c) {
  struct pollfd entry = {.fd = c->fd, .events = POLLIN};
  int64_t ready = poll(&entry, 1, 0);
  return ready < 0 ? ready : entry.revents;
}
ON_POOL(poll_, "f", GIVES_NUMBER)

/* prepareDevice(fd): sets O_NONBLOCK and FD_CLOEXEC on a descriptor that somebody else opened */
static napi_value prepare_device(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  FW_I32(0, fd);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return fw_int(env, -errno);
  FW_RETURN(fcntl(fd, F_SETFD, FD_CLOEXEC));
}

/* ---- the socket to fusermount3 ---- */

/* socketPair(): [fd, fd] of SOCK_STREAM, which shows the end of file that a datagram socket does not */
static napi_value stream_pair(napi_env env, napi_callback_info info) {
  (void)info;
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return fw_int(env, -errno);
  napi_value pair;
  napi_create_array_with_length(env, 2, &pair);
  for (uint32_t i = 0; i < 2; i++) napi_set_element(env, pair, i, fw_int(env, fds[i]));
  return pair;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The one descriptor of a message; any other number of them is closed, and an error. */
static int64_t take_fd(struct msghdr *message) {
  int fd = -1, count = 0;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    size_t fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < fds; i++) {
      if (fd >= 0) close(fd);
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
      count++;
    }
  }
  if (count == 1 && !(message->msg_flags & MSG_CTRUNC)) return fd;
  if (fd >= 0) close(fd);
  errno = EBADMSG;
  return -1;
}

/*
 * receiveFd(socket, ms): the descriptor that comes with one byte. -EPIPE when the other end closed without one,
 * -EBADMSG for a message without exactly one descriptor, -ETIMEDOUT.
 */
static int64_t run_receive_fd(struct call *c) {
  int64_t end = now_ms() + c->number;
  struct pollfd entry = {.fd = c->fd, .events = POLLIN};
  for (;;) {
    int64_t left = end - now_ms();
    int ready = poll(&entry, 1, left > 0 ? (int)left : 0);
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) return -1;
    if (left <= 0) {
      errno = ETIMEDOUT;
      return -1;
    }
  }
  char byte;
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(16 * sizeof(int))];
  } control;
  struct iovec part = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t size = recvmsg(c->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0) return -1;
  if (size == 0 && message.msg_controllen == 0) {
    errno = EPIPE;
    return -1;
  }
  return take_fd(&message);
}
ON_POOL(receive_fd, "fu", GIVES_FD)

napi_value fw_init_mount(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"fsopen", fsopen_},         {"fsconfig", fsconfig_},  {"fsmount", fsmount_},
      {"moveMount", move_mount_},  {"contextLog", context_log}, {"mount", mount_},
      {"umount", umount_},         {"umountSync", umount_sync}, {"open", open_},
      {"close", close_},           {"realpath", realpath_},  {"readlink", readlink_},
      {"ask", ask},
      {"lstat", lstat_},           {"fstat", fstat_},        {"access", access_},
      {"readFile", read_file},     {"poll", poll_},          {"prepareDevice", prepare_device},
      {"socketPair", stream_pair}, {"receiveFd", receive_fd}, {"mountId", mount_id_},
  };
  napi_value face;
  if (napi_create_object(env, &face) != napi_ok ||
      !fw_define(env, face, list, sizeof list / sizeof list[0]) ||
      napi_set_named_property(env, exports, "mount", face) != napi_ok) {
    return NULL;
  }
  return exports;
}
