/* mount_call.c: arguments of mount.c's calls, their way through the pool, and their answers. */
#include "mount_call.h"

#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void free_call(struct call *call) {
  for (int i = 0; i < STRINGS; i++) fw_str_free(&call->strings[i]);
  free(call->out);
  free(call);
}

static napi_value stat_object(napi_env env, const struct stat *st) {
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok) return fw_int(env, -ENOMEM);
  const struct {
    const char *name;
    int64_t value;
  } fields[] = {{"mode", st->st_mode},          {"uid", st->st_uid},
                {"gid", st->st_gid},            {"ino", (int64_t)st->st_ino},
                {"major", major(st->st_dev)},   {"minor", minor(st->st_dev)},
                {"rmajor", major(st->st_rdev)}, {"rminor", minor(st->st_rdev)}};
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    napi_set_named_property(env, object, fields[i].name, fw_int(env, fields[i].value));
  }
  return object;
}

static napi_value answer_of(napi_env env, struct call *call) {
  napi_value value = NULL;
  if (call->result < 0) return fw_int(env, call->result);
  switch (call->gives) {
    case GIVES_TEXT:
      if (napi_create_string_utf8(env, call->out, (size_t)call->result, &value) == napi_ok) return value;
      return fw_int(env, -ENOMEM);
    case GIVES_BYTES:
      if (napi_create_buffer_copy(env, (size_t)call->result, call->out, NULL, &value) == napi_ok) return value;
      return fw_int(env, -ENOMEM);
    case GIVES_STAT:
      return stat_object(env, &call->st);
    default:
      return fw_int(env, call->result);
  }
}

static void complete(napi_env env, void *data) {
  struct call *call = data;
  if (env) {
    napi_resolve_deferred(env, call->deferred, answer_of(env, call));
  } else if (call->gives == GIVES_FD && call->result >= 0) {
    close((int)call->result); /* nobody is left to take it */
  }
  free_call(call);
}

static void execute(void *data) {
  struct call *call = data;
  call->result = fw_result(call->run(call));
}

/* A call filled with the arguments; NULL with an exception pending. */
static struct call *make_call(napi_env env, napi_value *argv, const char *kinds) {
  struct call *call = calloc(1, sizeof *call);
  if (!call) {
    napi_throw_error(env, "ENOMEM", "out of memory");
    return NULL;
  }
  call->result = -ECANCELED; /* until it has run: an ending environment drops what waits */
  bool ok = true;
  int strings = 0;
  for (int i = 0; ok && kinds[i]; i++) {
    napi_valuetype type = napi_undefined;
    int32_t fd = -1;
    switch (kinds[i]) {
      case 'n':
        napi_typeof(env, argv[i], &type);
        if (type == napi_null) {
          strings++;
          break;
        }
        /* fall through */
      case 's':
        ok = fw_get_str(env, argv[i], "text", &call->strings[strings]);
        if (ok) call->s[strings] = call->strings[strings].chars;
        strings++;
        break;
      case 'u':
        ok = fw_get_u32(env, argv[i], "number", &call->number);
        break;
      default:
        ok = fw_get_i32(env, argv[i], "fd", &fd);
        if (kinds[i] == 'f') call->fd = fd;
        else call->fd2 = fd;
    }
  }
  if (ok) return call;
  free_call(call);
  return NULL;
}

napi_value fw_mount_call(napi_env env, napi_callback_info info, const char *kinds, enum gives gives,
                         int64_t (*run)(struct call *call)) {
  FW_ARGS(6);
  struct call *call = make_call(env, argv, kinds);
  if (!call) return NULL;
  napi_value promise;
  call->run = run;
  call->gives = gives;
  if (napi_create_promise(env, &call->deferred, &promise) != napi_ok) {
    free_call(call);
    return NULL;
  }
  int error = fw_work_submit(env, execute, complete, call);
  if (error) {
    napi_resolve_deferred(env, call->deferred, fw_int(env, error));
    free_call(call);
  }
  return promise;
}
