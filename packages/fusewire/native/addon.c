/* addon.c: registration, and the state of one environment from its load to its end. */
#include "fw.h"

#include <stdlib.h>

static atomic_int live[FW_LIVE_KINDS];

void fw_live_add(enum fw_live kind, int difference) { atomic_fetch_add(&live[kind], difference); }

/* liveCounts(): objects and threads of the addon in this process, all environments together */
static napi_value live_counts(napi_env env, napi_callback_info info) {
  static const char *const names[FW_LIVE_KINDS] = {"environments", "pumps", "notifiers", "jobs", "threads"};
  (void)info;
  napi_value counts;
  if (napi_create_object(env, &counts) != napi_ok) return NULL;
  for (int i = 0; i < FW_LIVE_KINDS; i++) {
    napi_set_named_property(env, counts, names[i], fw_int(env, atomic_load(&live[i])));
  }
  return counts;
}

struct fw_env *fw_env_of(napi_env env) {
  void *data = NULL;
  napi_get_instance_data(env, &data);
  return data;
}

void fw_env_hold(struct fw_env *fe) { atomic_fetch_add(&fe->references, 1); }

void fw_env_drop(struct fw_env *fe) {
  if (atomic_fetch_sub(&fe->references, 1) != 1) return;
  pthread_mutex_destroy(&fe->lock);
  fw_live_add(FW_LIVE_ENVIRONMENTS, -1);
  free(fe);
}

void fw_env_own(struct fw_env *fe, struct fw_owned *owned) {
  owned->next = fe->owned.next;
  owned->prev = &fe->owned;
  owned->next->prev = owned;
  fe->owned.next = owned;
}

void fw_env_disown(struct fw_owned *owned) {
  owned->prev->next = owned->next;
  owned->next->prev = owned->prev;
  owned->next = owned->prev = owned;
}

void fw_env_opened(struct fw_env *fe) {
  fe->handles++;
  fw_env_hold(fe);
}

/* The loop of an ending environment runs until the hook is removed, so handles get their close callbacks. */
static void finish_if_closed(struct fw_env *fe) {
  if (!fe->closing || fe->handles || !fe->cleanup) return;
  napi_async_cleanup_hook_handle hook = fe->cleanup;
  fe->cleanup = NULL;
  napi_remove_async_cleanup_hook(hook);
}

void fw_env_closed(struct fw_env *fe) {
  fe->handles--;
  finish_if_closed(fe);
  fw_env_drop(fe);
}

/*
 * The end of the environment: exit of the process, of a worker, or worker.terminate(). References are deleted here,
 * because Node frees the environment's own tables before the close callbacks of our handles run.
 */
static void end_environment(napi_async_cleanup_hook_handle hook, void *data) {
  struct fw_env *fe = data;
  (void)hook;
  fe->closing = true;
  while (fe->owned.next != &fe->owned) {
    struct fw_owned *owned = fe->owned.next;
    fw_env_disown(owned);
    owned->stop(owned);
  }
  fw_work_close(fe);
  if (fe->context) napi_async_destroy(fe->env, fe->context);
  if (fe->resource) napi_delete_reference(fe->env, fe->resource);
  fe->context = NULL;
  fe->resource = NULL;
  finish_if_closed(fe);
}

static void free_instance(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  fw_env_drop(data);
}

bool fw_scope_open(struct fw_env *fe, struct fw_scope *scope) {
  if (fe->closing) return false;
  if (napi_open_handle_scope(fe->env, &scope->handles) != napi_ok) return false;
  napi_value resource;
  if (napi_get_reference_value(fe->env, fe->resource, &resource) == napi_ok &&
      napi_open_callback_scope(fe->env, resource, fe->context, &scope->callbacks) == napi_ok) {
    return true;
  }
  napi_close_handle_scope(fe->env, scope->handles);
  return false;
}

void fw_scope_close(struct fw_env *fe, struct fw_scope *scope) {
  napi_close_callback_scope(fe->env, scope->callbacks);
  napi_close_handle_scope(fe->env, scope->handles);
}

bool fw_no_exception(napi_env env) {
  bool pending = false;
  napi_value error;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return true;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  return false;
}

static struct fw_env *begin_environment(napi_env env) {
  struct fw_env *fe = calloc(1, sizeof *fe);
  if (!fe) return NULL;
  fw_live_add(FW_LIVE_ENVIRONMENTS, 1);
  fe->env = env;
  fe->owned.next = fe->owned.prev = &fe->owned;
  atomic_init(&fe->references, 1);
  pthread_mutex_init(&fe->lock, NULL);
  napi_value resource, name;
  if (napi_get_uv_event_loop(env, &fe->loop) != napi_ok || napi_create_object(env, &resource) != napi_ok ||
      napi_create_string_utf8(env, "fusewire", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_reference(env, resource, 1, &fe->resource) != napi_ok ||
      napi_async_init(env, resource, name, &fe->context) != napi_ok ||
      napi_add_async_cleanup_hook(env, end_environment, fe, &fe->cleanup) != napi_ok ||
      napi_set_instance_data(env, fe, free_instance, NULL) != napi_ok || fw_work_open(fe) != 0) {
    return NULL; /* the environment cannot load the addon; the few bytes stay with it */
  }
  return fe;
}

NAPI_MODULE_INIT(/* env, exports */) {
  if (!begin_environment(env)) {
    napi_throw_error(env, NULL, "fusewire: the addon could not set up its environment");
    return NULL;
  }
  static const struct fw_function list[] = {{"liveCounts", live_counts}};
  static napi_value (*const units[])(napi_env, napi_value) = {fw_init_dev, fw_init_pump, fw_init_notifier,
                                                              fw_init_mount, fw_init_vfs};
  if (!fw_define(env, exports, list, 1)) return NULL;
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    if (!units[i](env, exports)) return NULL;
  }
  return exports;
}
