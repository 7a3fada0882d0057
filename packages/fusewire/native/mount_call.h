/* mount_call.h: a system call of mount.c on its way through the pool, from JavaScript's arguments to a promise. */
#ifndef MOUNT_CALL_H
#define MOUNT_CALL_H

#include "fw.h"

#include <sys/stat.h>

#define STRINGS 4

/* What the promise resolves to, unless the result is a negative errno. */
enum gives { GIVES_NUMBER, GIVES_FD, GIVES_TEXT, GIVES_BYTES, GIVES_STAT };

/* One call on its way through the pool. */
struct call {
  napi_deferred deferred;
  int64_t (*run)(struct call *call);
  enum gives gives;
  struct fw_str strings[STRINGS];
  const char *s[STRINGS]; /* the strings, NULL where JavaScript gave null */
  int fd, fd2;
  uint32_t number;
  int64_t result; /* negative errno on failure */
  char *out;      /* for text and bytes: `result` bytes */
  struct stat st;
};

/*
 * Starts a call with the arguments that `kinds` names, one letter each: s string, n string or null, f descriptor,
 * g second descriptor, u number. Returns its promise, or NULL with a TypeError pending.
 */
napi_value fw_mount_call(napi_env env, napi_callback_info info, const char *kinds, enum gives gives,
                         int64_t (*run)(struct call *call));

/* Defines the function of the addon that runs `run_<function>` on the pool. */
#define ON_POOL(function, kinds, gives)                                                                             \
  static napi_value function(napi_env env, napi_callback_info info) {                                               \
    return fw_mount_call(env, info, kinds, gives, run_##function);                                                  \
  }

#endif
