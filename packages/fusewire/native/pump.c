/*
 * pump.c: reads requests from the device on the event loop and hands each to one JavaScript function.
 *
 * A request that JavaScript answers at once costs one crossing. Counted by perf on one CPU with one client, per request:
 * 1 write, 1.3 reads (see PROBE_EVERY), 0.7 epoll_pwait (when the client preempts us its next request is there before
 * we sleep; else libuv polls twice, the first time without waiting, because Node measures its idle time). User time is
 * 1.2 us in all, with the reply made in JavaScript. The same server in C, blocking in read, serves 1.2 times as many.
 */
#include "fw.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* Requests per wake-up: enough to spread the cost of the loop, few enough that timers and sockets stay alive. */
#define BURST_MAX 64
/* A read that found nothing costs about a fifth of a turn of the loop: try rarely while requests come one by one. */
#define PROBE_EVERY 16
/* EINTR (a signal) and ENOENT (a request aborted while it was copied) in a row, before the loop gets a turn. */
#define RETRY_MAX 64

enum pump_state { RUNNING, PAUSED, ENDED };

/*
 * Memory of JavaScript, held until the pump ends. Its address is asked for once: napi_get_typedarray_info costs 16 bytes
 * of garbage a call. It stays valid as long as the ArrayBuffer is not detached, which is asked before each use.
 */
struct memory {
  napi_ref array_buffer;
  uint8_t *data;
  size_t size;
};

struct pump {
  struct fw_owned owned;
  struct fw_env *fe;
  uv_poll_t poll;
  int references; /* the JavaScript handle, and the libuv handle until it is closed; loop thread only */
  int fd;
  enum pump_state state;
  bool busy;         /* the last wake-up found more than one request */
  bool swapped;      /* a buffer was replaced: the turn's values are stale */
  unsigned wakeups;
  struct memory rx, reply;
  napi_ref self, on_request, on_end, on_write_error; /* held until the pump ends */
};

/* Handles of one wake-up, so that references are resolved once and not per request. */
struct turn {
  napi_env env;
  napi_value receiver, rx, reply, on_request;
};

static const napi_type_tag PUMP_TAG = {0x66757365776972ULL, 0x70756d70ULL}; /* "fusewir", "pump" */

static void drop_pump(struct pump *p) {
  if (--p->references) return;
  fw_live_add(FW_LIVE_PUMPS, -1);
  free(p);
}

static void on_closed(uv_handle_t *handle) {
  struct pump *p = handle->data;
  struct fw_env *fe = p->fe;
  drop_pump(p);
  fw_env_closed(fe);
}

static void delete_reference(napi_env env, napi_ref *ref) {
  if (*ref) napi_delete_reference(env, *ref);
  *ref = NULL;
}

/* Leaves epoll at once, so the caller may close the descriptor as soon as this returns. */
static void end_pump(struct pump *p) {
  if (p->state == ENDED) return;
  p->state = ENDED;
  napi_env env = p->fe->env;
  fw_env_disown(&p->owned);
  uv_close((uv_handle_t *)&p->poll, on_closed);
  delete_reference(env, &p->rx.array_buffer);
  delete_reference(env, &p->reply.array_buffer);
  delete_reference(env, &p->on_request);
  delete_reference(env, &p->on_end);
  delete_reference(env, &p->on_write_error);
  delete_reference(env, &p->self);
}

/* The environment ends under a running pump (worker.terminate()): who waits for a reply must not wait for ever. */
static void stop_owned(struct fw_owned *owned) {
  struct pump *p = (struct pump *)owned;
  end_pump(p);
  close(p->fd);
}

static void call_with_number(napi_env env, napi_value function, int64_t number) {
  napi_value argument = fw_int(env, number);
  napi_call_function(env, fw_undefined(env), function, 1, &argument, NULL);
  fw_no_exception(env);
}

static void finish(struct pump *p, napi_env env, int error) {
  napi_value on_end;
  napi_get_reference_value(env, p->on_end, &on_end);
  end_pump(p);
  call_with_number(env, on_end, error);
}

static void resolve(struct pump *p, struct turn *t) {
  napi_get_reference_value(t->env, p->rx.array_buffer, &t->rx);
  napi_get_reference_value(t->env, p->reply.array_buffer, &t->reply);
  p->swapped = false;
}

/* Bytes of the memory; 0 when JavaScript gave it away (transfer, postMessage): its address may be anybody's by now. */
static size_t usable(napi_env env, napi_value array_buffer, const struct memory *memory) {
  bool detached = true;
  return napi_is_detached_arraybuffer(env, array_buffer, &detached) == napi_ok && !detached ? memory->size : 0;
}

/* Holds the memory of a Uint8Array, Uint32Array or DataView in place of what was held before. */
static bool hold_memory(napi_env env, napi_value view, struct memory *memory) {
  napi_value buffer;
  struct memory fresh;
  if (!fw_borrow(env, view, &fresh.data, &fresh.size)) return false;
  if (napi_get_typedarray_info(env, view, NULL, NULL, NULL, &buffer, NULL) != napi_ok &&
      napi_get_dataview_info(env, view, NULL, NULL, &buffer, NULL) != napi_ok)
    return false;
  if (napi_create_reference(env, buffer, 1, &fresh.array_buffer) != napi_ok) return false;
  delete_reference(env, &memory->array_buffer);
  *memory = fresh;
  return true;
}

/* Bytes of one request; 0 at the end of a stream (sockets only); -EAGAIN when there is none; or the error to end with. */
static int read_request(struct pump *p, struct turn *t) {
  if (p->swapped) resolve(p, t);
  size_t size = usable(t->env, t->rx, &p->rx);
  if (!size) return -EFAULT;
  for (int i = 0; i < RETRY_MAX; i++) {
    ssize_t got = read(p->fd, p->rx.data, size);
    if (got >= 0) return (int)got;
    if (errno != EINTR && errno != ENOENT) return -errno;
  }
  return -EAGAIN;
}

static void report_write_error(struct pump *p, napi_env env, int error) {
  napi_value function;
  if (!p->on_write_error || napi_get_reference_value(env, p->on_write_error, &function) != napi_ok) return;
  call_with_number(env, function, error);
}

static void write_reply(struct pump *p, struct turn *t, int32_t length) {
  if (p->swapped) resolve(p, t);
  if ((size_t)length > usable(t->env, t->reply, &p->reply)) {
    report_write_error(p, t->env, -EINVAL);
    return;
  }
  ssize_t put;
  do put = write(p->fd, p->reply.data, (size_t)length);
  while (put < 0 && errno == EINTR);
  if (put < 0) report_write_error(p, t->env, -errno);
}

/* One request into JavaScript and, if it was answered there, the answer out. False: JavaScript cannot run any more. */
static bool deliver(struct pump *p, struct turn *t, int bytes) {
  napi_value argument, result = NULL;
  int32_t length;
  napi_create_int32(t->env, bytes, &argument);
  napi_status status = napi_call_function(t->env, t->receiver, t->on_request, 1, &argument, &result);
  if (status != napi_ok) return !fw_no_exception(t->env);
  if (p->state == ENDED) return true;
  if (napi_get_value_int32(t->env, result, &length) != napi_ok) {
    napi_throw_type_error(t->env, "ERR_INVALID_RETURN_VALUE", "onRequest: expected to return a number");
    fw_no_exception(t->env);
  } else if (length > 0) {
    write_reply(p, t, length);
  }
  return true;
}

/* Returns how many requests were served; *end is the result that ended the loop, or 1 while there is no reason to end. */
static int serve(struct pump *p, struct turn *t, bool more, int *end) {
  int served = 0;
  *end = 1;
  while (p->state == RUNNING && served < BURST_MAX) {
    int bytes = read_request(p, t);
    if (bytes == -EAGAIN) break;
    if (bytes <= 0) {
      *end = bytes;
      break;
    }
    served++;
    if (!deliver(p, t, bytes) || !more) break;
  }
  return served;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static int watch(struct pump *p) {
  /* The kernel reports POLLERR whatever is asked for: a paused pump asks for what never comes and still sees the end. */
  return uv_poll_start(&p->poll, p->state == PAUSED ? UV_PRIORITIZED : UV_READABLE, on_poll);
}

/* A paused pump was woken, so the descriptor has an error or lost its peer. What is still queued is left for later. */
static bool leave_for_resume(struct pump *p) {
  struct pollfd look = {.fd = p->fd, .events = POLLIN};
  if (poll(&look, 1, 0) != 1 || !(look.revents & POLLIN)) return false;
  uv_poll_stop(&p->poll);
  return true;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  (void)events;
  struct pump *p = poll->data;
  if (p->state == ENDED || (p->state == PAUSED && leave_for_resume(p))) return;
  struct fw_scope scope;
  if (!fw_scope_open(p->fe, &scope)) {
    end_pump(p);
    return;
  }
  struct turn t = {.env = p->fe->env, .receiver = fw_undefined(p->fe->env)};
  napi_get_reference_value(t.env, p->on_request, &t.on_request);
  resolve(p, &t);
  bool woken_by_error = status < 0 || p->state == PAUSED;
  bool more = p->busy || woken_by_error || ++p->wakeups % PROBE_EVERY == 0;
  int end;
  if (p->state == PAUSED) p->state = RUNNING; /* nothing is queued: the read below can only tell the error */
  int served = serve(p, &t, more, &end);
  if (more) p->busy = served > 1;
  if (p->state != ENDED && end <= 0) finish(p, t.env, end);
  /* libuv stopped watching at POLLERR. Requests that were read first are served; without any, the error is the end. */
  if (p->state != ENDED && woken_by_error) {
    if (served) watch(p);
    else finish(p, t.env, status < 0 ? status : -EIO);
  }
  fw_scope_close(p->fe, &scope);
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static struct pump *pump_of(napi_env env, napi_value value) {
  bool tagged = false;
  void *data = NULL;
  if (napi_check_object_type_tag(env, value, &PUMP_TAG, &tagged) == napi_ok && tagged) napi_unwrap(env, value, &data);
  if (!data) napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "pump: expected the result of pumpStart");
  return data;
}

#define FW_PUMP(index, p)                                                                                           \
  struct pump *p = pump_of(env, argv[index]);                                                                       \
  if (!p) return NULL

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  drop_pump(data);
}

static bool hold_all(napi_env env, struct pump *p, napi_value self, const napi_value *argv, bool has_write_error) {
  return napi_create_reference(env, self, 1, &p->self) == napi_ok &&
         hold_memory(env, argv[1], &p->rx) && hold_memory(env, argv[2], &p->reply) &&
         napi_create_reference(env, argv[3], 1, &p->on_request) == napi_ok &&
         napi_create_reference(env, argv[4], 1, &p->on_end) == napi_ok &&
         (!has_write_error || napi_create_reference(env, argv[5], 1, &p->on_write_error) == napi_ok);
}

/* pumpStart(fd, rx, reply, onRequest, onEnd, onWriteError?): a pump, or -errno */
static napi_value pump_start(napi_env env, napi_callback_info info) {
  FW_ARGS(6);
  FW_I32(0, fd);
  FW_BYTES(1, rx);
  FW_BYTES(2, reply);
  FW_FUNCTION(3, on_request);
  FW_FUNCTION(4, on_end);
  napi_valuetype type;
  napi_typeof(env, argv[5], &type);
  bool has_write_error = type != napi_undefined;
  napi_value on_write_error;
  if (has_write_error && !fw_get_function(env, argv[5], "on_write_error", &on_write_error)) return NULL;
  (void)rx, (void)reply, (void)on_request, (void)on_end;

  struct fw_env *fe = fw_env_of(env);
  if (fe->closing) return fw_int(env, -ECANCELED);
  struct pump *p = calloc(1, sizeof *p);
  if (!p) return fw_int(env, -ENOMEM);
  p->fe = fe;
  p->fd = fd;
  int error = uv_poll_init(fe->loop, &p->poll, fd);
  if (error) {
    free(p);
    return fw_int(env, error);
  }
  fw_live_add(FW_LIVE_PUMPS, 1);
  p->poll.data = p;
  p->references = 2;
  fw_env_opened(fe);
  fw_env_own(fe, &p->owned);
  p->owned.stop = stop_owned;
  napi_value self;
  if (napi_create_object(env, &self) != napi_ok || napi_wrap(env, self, p, finalize, NULL, NULL) != napi_ok) {
    p->references = 1;
    end_pump(p);
    return fw_int(env, -ENOMEM);
  }
  napi_type_tag_object(env, self, &PUMP_TAG);
  error = hold_all(env, p, self, argv, has_write_error) ? watch(p) : -ENOMEM;
  if (!error) return self;
  end_pump(p);
  return fw_int(env, error);
}

static napi_value swap(napi_env env, napi_value *argv, bool is_rx) {
  FW_PUMP(0, p);
  FW_BYTES(1, buffer);
  (void)buffer;
  if (p->state == ENDED) return fw_int(env, -EBADF);
  if (!hold_memory(env, argv[1], is_rx ? &p->rx : &p->reply)) return fw_int(env, -ENOMEM);
  p->swapped = true;
  return fw_int(env, 0);
}

static napi_value pump_set_rx(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  return swap(env, argv, true);
}

static napi_value pump_set_reply(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  return swap(env, argv, false);
}

static napi_value set_state(napi_env env, napi_value *argv, enum pump_state state) {
  FW_PUMP(0, p);
  if (p->state == ENDED) return fw_int(env, -EBADF);
  if (p->state == state) return fw_int(env, 0);
  p->state = state;
  return fw_int(env, watch(p));
}

static napi_value pump_pause(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  return set_state(env, argv, PAUSED);
}

static napi_value pump_resume(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  return set_state(env, argv, RUNNING);
}

static napi_value pump_ref(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  FW_PUMP(0, p);
  if (p->state != ENDED) uv_ref((uv_handle_t *)&p->poll);
  return fw_int(env, 0);
}

static napi_value pump_unref(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  FW_PUMP(0, p);
  if (p->state != ENDED) uv_unref((uv_handle_t *)&p->poll);
  return fw_int(env, 0);
}

static napi_value pump_stop(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  FW_PUMP(0, p);
  end_pump(p);
  return fw_int(env, 0);
}

napi_value fw_init_pump(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"pumpStart", pump_start},   {"pumpSetRx", pump_set_rx},   {"pumpSetReply", pump_set_reply},
      {"pumpPause", pump_pause},   {"pumpResume", pump_resume},  {"pumpRef", pump_ref},
      {"pumpUnref", pump_unref},   {"pumpStop", pump_stop},
  };
  return fw_define(env, exports, list, sizeof list / sizeof list[0]);
}
