/*
 * vfs_async.c: calls that may wait long, on the addon's own pool. Each ends in callback(result).
 *
 * Data passes through memory of the job: that of JavaScript ends with its worker, the system call perhaps later.
 */
#include "vfs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void execute(void *data) {
  struct vfs_job *job = data;
  job->run(job);
}

static void free_job(struct vfs_job *job) {
  free(job->data);
  free(job);
}

/* What was read goes where JavaScript wanted it, if that memory is still there. */
static void deliver(napi_env env, struct vfs_job *job) {
  napi_value array;
  uint8_t *data;
  size_t size;
  if (job->result <= 0) return;
  if (napi_get_reference_value(env, job->target, &array) != napi_ok || !fw_borrow(env, array, &data, &size) ||
      job->target_start + (size_t)job->result > size) {
    job->result = -EFAULT;
    return;
  }
  memcpy(data + job->target_start, job->data, (size_t)job->result);
}

static void complete(napi_env env, void *data) {
  struct vfs_job *job = data;
  struct fw_env *fe = job->fe;
  if (env) {
    if (job->target) {
      deliver(env, job);
      napi_delete_reference(env, job->target);
    }
    napi_value callback, undefined = fw_undefined(env), argument = fw_int(env, job->result);
    bool found = napi_get_reference_value(env, job->callback, &callback) == napi_ok;
    napi_delete_reference(env, job->callback);
    if (found) napi_call_function(env, undefined, callback, 1, &argument, NULL);
  }
  /* Without an environment its references are gone with it. */
  free_job(job);
  fw_env_drop(fe);
}

/* `job->data` becomes memory of the job: a copy of what is to be written, or room for what is read into `target`. */
static int take_data(napi_env env, struct vfs_job *job, napi_value target) {
  uint8_t *borrowed = job->data, *base;
  size_t size;
  job->data = malloc(job->length > 0 ? (size_t)job->length : 1);
  if (!job->data) return -ENOMEM;
  if (!target) {
    if (job->length > 0) memcpy(job->data, borrowed, (size_t)job->length);
    return 0;
  }
  if (!fw_borrow(env, target, &base, &size)) return -EFAULT;
  job->target_start = (size_t)(borrowed - base);
  return napi_create_reference(env, target, 1, &job->target) == napi_ok ? 0 : -ENOMEM;
}

napi_value vfs_submit(napi_env env, const struct vfs_job *order, napi_value callback, napi_value target) {
  struct vfs_job *job = malloc(sizeof *job);
  if (!job) return fw_int(env, -ENOMEM);
  *job = *order;
  job->callback = job->target = NULL;
  job->fe = fw_env_of(env);
  int error = job->data ? take_data(env, job, target) : 0;
  if (!error && napi_create_reference(env, callback, 1, &job->callback) != napi_ok) error = -ENOMEM;
  if (!error) error = fw_work_submit(env, execute, complete, job);
  if (!error) {
    fw_env_hold(job->fe);
    return fw_int(env, 0);
  }
  if (job->callback) napi_delete_reference(env, job->callback);
  if (job->target) napi_delete_reference(env, job->target);
  if (job->data != order->data) free(job->data);
  free(job);
  return fw_int(env, error);
}

static void run_fsync(struct vfs_job *job) {
  job->result = fw_result(job->mode ? fdatasync(job->fd) : fsync(job->fd));
}

/* vfsFsyncAsync(fd, datasync, callback) */
static napi_value fsync_async(napi_env env, napi_callback_info info) {
  FW_ARGS(3);
  FW_I32(0, fd);
  FW_BOOL(1, datasync);
  FW_FUNCTION(2, callback);
  struct vfs_job job = {.run = run_fsync, .fd = fd, .mode = datasync};
  return vfs_submit(env, &job, callback, NULL);
}

static void run_syncfs(struct vfs_job *job) { job->result = fw_result(syncfs(job->fd)); }

/* vfsSyncfsAsync(fd, callback) */
static napi_value syncfs_async(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  FW_I32(0, fd);
  FW_FUNCTION(1, callback);
  struct vfs_job job = {.run = run_syncfs, .fd = fd};
  return vfs_submit(env, &job, callback, NULL);
}

static void run_read(struct vfs_job *job) {
  int64_t done = 0;
  while (done < job->length) {
    ssize_t count = pread(job->fd, job->data + done, (size_t)(job->length - done), job->offset + done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && !done) done = -errno;
    if (count <= 0) break;
    done += count;
  }
  job->result = done;
}

/* vfsReadAsync(fd, bytes, start, length, offset, callback): waits for the disk; `bytes` is kept and filled at the end */
static napi_value read_async(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  FW_I32(0, fd);
  FW_RANGE(1, data);
  FW_I64(4, offset);
  FW_FUNCTION(5, callback);
  struct vfs_job job = {.run = run_read, .fd = fd, .data = data, .length = (int64_t)data_size, .offset = offset};
  return vfs_submit(env, &job, callback, argv[1]);
}

static void run_write(struct vfs_job *job) {
  job->result = fw_result(pwrite(job->fd, job->data, (size_t)job->length, job->offset));
}

/* vfsWriteAsync(fd, bytes, start, length, offset, callback): waits for the disk (O_SYNC); `bytes` is copied */
static napi_value write_async(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  FW_I32(0, fd);
  FW_RANGE(1, data);
  FW_I64(4, offset);
  FW_FUNCTION(5, callback);
  struct vfs_job job = {.run = run_write, .fd = fd, .data = data, .length = (int64_t)data_size, .offset = offset};
  return vfs_submit(env, &job, callback, NULL);
}

static void run_fallocate(struct vfs_job *job) {
  job->result = fw_result(fallocate(job->fd, job->mode, job->offset, job->length));
}

/* vfsFallocateAsync(fd, mode, offset, length, callback) */
static napi_value fallocate_async(napi_env env, napi_callback_info info) {
  FW_ARGS(5);
  FW_I32(0, fd);
  FW_I32(1, mode);
  FW_I64(2, offset);
  FW_I64(3, length);
  FW_FUNCTION(4, callback);
  struct vfs_job job = {.run = run_fallocate, .fd = fd, .mode = mode, .offset = offset, .length = length};
  return vfs_submit(env, &job, callback, NULL);
}

static void run_copy(struct vfs_job *job) {
  job->result = fw_result(
      copy_file_range(job->fd, &job->offset, job->other, &job->other_offset, (size_t)job->length, 0));
}

/* vfsCopyAsync(fd, offset, toFd, toOffset, length, callback) */
static napi_value copy_async(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  FW_I32(0, fd);
  FW_I64(1, offset);
  FW_I32(2, to);
  FW_I64(3, to_offset);
  FW_I64(4, length);
  FW_FUNCTION(5, callback);
  struct vfs_job job = {.run = run_copy, .fd = fd, .offset = offset, .other = to, .other_offset = to_offset,
                        .length = length};
  return vfs_submit(env, &job, callback, NULL);
}

napi_value vfs_init_async(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"vfsFsyncAsync", fsync_async},         {"vfsSyncfsAsync", syncfs_async}, {"vfsReadAsync", read_async},
      {"vfsFallocateAsync", fallocate_async}, {"vfsCopyAsync", copy_async},
      {"vfsWriteAsync", write_async},
  };
  return fw_define(env, exports, list, VFS_COUNT(list));
}
