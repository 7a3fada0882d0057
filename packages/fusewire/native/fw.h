/*
 * fw.h: what all units of the addon share.
 *
 * The addon holds system calls and loops only. Every function returns its result or a negative errno number;
 * a TypeError is thrown only for an argument of the wrong type. State is per environment (main thread or worker).
 * JavaScript allocates all buffers; C borrows their memory for the length of a call, or keeps a napi_ref.
 *
 * A unit `x.c` offers `napi_value fw_init_x(napi_env env, napi_value exports)` and is listed in addon.c and binding.gyp.
 */
#ifndef FW_H
#define FW_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <node_api.h>
#include <uv.h>

/* ---- units ---------------------------------------------------------------------------------------------------- */

napi_value fw_init_dev(napi_env env, napi_value exports);
napi_value fw_init_pump(napi_env env, napi_value exports);
napi_value fw_init_notifier(napi_env env, napi_value exports);
napi_value fw_init_mount(napi_env env, napi_value exports);
napi_value fw_init_vfs(napi_env env, napi_value exports);

/* One exported function; a unit registers an array of them with fw_define. */
struct fw_function {
  const char *name;
  napi_callback call;
};

/* Adds `count` functions to `exports`; returns exports, or NULL with an exception pending. */
napi_value fw_define(napi_env env, napi_value exports, const struct fw_function *list, size_t count);

/* ---- arguments: each returns false with a TypeError pending that names the argument ------------------------------- */

bool fw_get_i32(napi_env env, napi_value value, const char *name, int32_t *out);
bool fw_get_u32(napi_env env, napi_value value, const char *name, uint32_t *out);
/* An integral number in the range +-2^53. */
bool fw_get_i64(napi_env env, napi_value value, const char *name, int64_t *out);
bool fw_get_double(napi_env env, napi_value value, const char *name, double *out);
bool fw_get_bool(napi_env env, napi_value value, const char *name, bool *out);
bool fw_get_function(napi_env env, napi_value value, const char *name, napi_value *out);

/*
 * Borrows the memory of any typed array, Buffer or DataView. Valid until JavaScript runs again: it may give the memory
 * away (postMessage with transfer), then the length is 0. fw_borrow does not throw.
 */
bool fw_borrow(napi_env env, napi_value value, uint8_t **data, size_t *length);
bool fw_get_bytes(napi_env env, napi_value value, const char *name, uint8_t **data, size_t *length);
/* The same, then narrowed to [offset, offset + length); outside of the array is a TypeError. */
bool fw_get_range(napi_env env, napi_value value, napi_value offset, napi_value length, const char *name,
                  uint8_t **data, size_t *size);

/*
 * A C string from a JavaScript string (as UTF-8) or from a Uint8Array (bytes as they are, so that names that are not
 * UTF-8 survive). A NUL inside is a TypeError. `chars` points to `small` or to the heap: always fw_str_free it.
 */
struct fw_str {
  char *chars;
  size_t length;
  char small[264]; /* NAME_MAX is 255: a name never needs the heap */
};
bool fw_get_str(napi_env env, napi_value value, const char *name, struct fw_str *out);
void fw_str_free(struct fw_str *str);

/* Declares `argv[count]` filled with the arguments, undefined where one is missing. */
#define FW_ARGS(count)                                                                                              \
  napi_value argv[count];                                                                                           \
  size_t fw_argc = (count);                                                                                         \
  if (napi_get_cb_info(env, info, &fw_argc, argv, NULL, NULL) != napi_ok) return NULL

/* Declare a variable named after the argument, read it, or return with the TypeError pending. */
#define FW_I32(index, name)                                                                                         \
  int32_t name;                                                                                                     \
  if (!fw_get_i32(env, argv[index], #name, &name)) return NULL
#define FW_U32(index, name)                                                                                         \
  uint32_t name;                                                                                                    \
  if (!fw_get_u32(env, argv[index], #name, &name)) return NULL
#define FW_I64(index, name)                                                                                         \
  int64_t name;                                                                                                     \
  if (!fw_get_i64(env, argv[index], #name, &name)) return NULL
#define FW_DOUBLE(index, name)                                                                                      \
  double name;                                                                                                      \
  if (!fw_get_double(env, argv[index], #name, &name)) return NULL
#define FW_BOOL(index, name)                                                                                        \
  bool name;                                                                                                        \
  if (!fw_get_bool(env, argv[index], #name, &name)) return NULL
#define FW_FUNCTION(index, name)                                                                                    \
  napi_value name;                                                                                                  \
  if (!fw_get_function(env, argv[index], #name, &name)) return NULL
/* Declares `name` (uint8_t *) and `name##_size`. */
#define FW_BYTES(index, name)                                                                                       \
  uint8_t *name;                                                                                                    \
  size_t name##_size;                                                                                               \
  if (!fw_get_bytes(env, argv[index], #name, &name, &name##_size)) return NULL
/* The arguments index, index + 1, index + 2 are an array, an offset and a length in bytes. */
#define FW_RANGE(index, name)                                                                                       \
  uint8_t *name;                                                                                                    \
  size_t name##_size;                                                                                               \
  if (!fw_get_range(env, argv[index], argv[(index) + 1], argv[(index) + 2], #name, &name, &name##_size)) return NULL

/* ---- results -------------------------------------------------------------------------------------------------- */

napi_value fw_int(napi_env env, int64_t value);
napi_value fw_undefined(napi_env env);

/* The result of a system call as a number: -errno when it is -1. Evaluate the call right in the argument. */
static inline int64_t fw_result(int64_t result) { return result == -1 ? -(int64_t)errno : result; }
#define FW_RETURN(expression) return fw_int(env, fw_result(expression))

/* ---- the environment -------------------------------------------------------------------------------------------- */

/*
 * Something that lives on the loop of an environment and must end with it. `stop` runs on the loop's thread while the
 * environment is torn down: it deletes its napi_refs and closes its libuv handles.
 */
struct fw_owned {
  struct fw_owned *next, *prev;
  void (*stop)(struct fw_owned *owned);
};

struct fw_work_job;

/* Per environment; counted, because pool threads may outlive the environment that gave them work. */
struct fw_env {
  napi_env env;          /* to be used on the loop's thread, while alive */
  uv_loop_t *loop;
  atomic_int references;
  bool closing;          /* loop thread only */
  int handles;           /* libuv handles not yet closed; loop thread only */
  struct fw_owned owned; /* head of a ring */
  napi_async_cleanup_hook_handle cleanup;
  napi_ref resource; /* object that stands for our callbacks in async_hooks */
  napi_async_context context;

  /* work.c */
  pthread_mutex_t lock; /* guards alive, done_first, done_last, and uv_async_send against the end of the handle */
  bool alive;
  struct fw_work_job *done_first, *done_last;
  uv_async_t done;
  int jobs; /* submitted and not completed; loop thread only */
};

struct fw_env *fw_env_of(napi_env env);
void fw_env_hold(struct fw_env *fe);
void fw_env_drop(struct fw_env *fe);
void fw_env_own(struct fw_env *fe, struct fw_owned *owned);
void fw_env_disown(struct fw_owned *owned);

/*
 * Every libuv handle opened on the loop is counted by fw_env_opened and given back in its close callback by
 * fw_env_closed, which may run when JavaScript is gone: the loop lives on until the count is zero.
 */
void fw_env_opened(struct fw_env *fe);
void fw_env_closed(struct fw_env *fe);

/*
 * Callbacks from the loop into JavaScript run inside a scope: when it closes, microtasks and process.nextTick run.
 * fw_scope_open returns false if JavaScript cannot run any more (a worker being terminated).
 */
struct fw_scope {
  napi_handle_scope handles;
  napi_callback_scope callbacks;
};
bool fw_scope_open(struct fw_env *fe, struct fw_scope *scope);
void fw_scope_close(struct fw_env *fe, struct fw_scope *scope);
/* Reports a pending exception as uncaught; false if there was one. */
bool fw_no_exception(napi_env env);

/* How many of each kind live in this process, for liveCounts(): what tests compare before and after. */
enum fw_live { FW_LIVE_ENVIRONMENTS, FW_LIVE_PUMPS, FW_LIVE_NOTIFIERS, FW_LIVE_JOBS, FW_LIVE_THREADS, FW_LIVE_KINDS };
void fw_live_add(enum fw_live kind, int difference);

/* ---- work.c: calls that may block --------------------------------------------------------------------------------- */

/*
 * Runs `execute(data)` on a thread of our own pool (never libuv's: its threads may all be busy with calls into the
 * very filesystem that this process serves), then `complete(env, data)` on the environment's loop, inside a scope.
 * If the environment ends first, `complete(NULL, data)` is called on any thread, to free data only, and `execute` has
 * perhaps not been called.
 * `execute` must not touch memory of JavaScript: an ending worker frees it while the thread is still in its system call.
 * Returns 0, -ENOMEM, -EAGAIN (no thread could be made) or -ECANCELED (environment ending); then nothing is called.
 */
int fw_work_submit(napi_env env, void (*execute)(void *data), void (*complete)(napi_env env, void *data), void *data);

int fw_work_open(struct fw_env *fe);
void fw_work_close(struct fw_env *fe);

/* Starts a detached thread with all signals blocked and a small stack; 0 or -errno. */
int fw_thread(void (*run)(void *arg), void *arg);

#endif
