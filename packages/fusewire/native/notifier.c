/*
 * notifier.c: writes notifications from a thread of its own.
 *
 * Such a write takes inode and page locks in the kernel. A task that holds one of them may wait for a reply of this
 * very process, so the loop must never write a notification: it would wait for itself.
 */
#include "fw.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Messages sent and not yet reported. Invalidations are some 60 bytes and take microseconds: 4096 is a long stall. */
#define COUNT_MAX 4096
/* Their bytes: a STORE carries up to max_write (1 MiB by default), eight of them keep the thread busy. */
#define BYTES_MAX (8u << 20)

struct message {
  struct message *next;
  double id;
  int result;
  size_t size;
  uint8_t bytes[];
};

struct list {
  struct message *first, *last;
};

struct notifier {
  struct fw_owned owned;
  struct fw_env *fe;
  uv_async_t async;
  napi_ref self, on_done; /* held until stopped */
  atomic_int references;  /* the JavaScript handle, the libuv handle until closed, the thread */
  bool stopped;           /* loop thread only */
  pthread_mutex_t lock;   /* guards the rest */
  pthread_cond_t wake;
  bool stopping, has_thread, writing;
  int fd; /* our duplicate, -1 when closed */
  size_t count, bytes;
  struct list queue, done;
};

static const napi_type_tag NOTIFIER_TAG = {0x66757365776972ULL, 0x6e6f74696679ULL}; /* "fusewir", "notify" */

static void append(struct list *list, struct message *message) {
  message->next = NULL;
  if (list->last) list->last->next = message;
  else list->first = message;
  list->last = message;
}

static struct message *take_all(struct list *list) {
  struct message *first = list->first;
  list->first = list->last = NULL;
  return first;
}

static void free_all(struct message *message) {
  for (struct message *next; message; message = next) {
    next = message->next;
    free(message);
  }
}

static void drop_notifier(struct notifier *n) {
  if (atomic_fetch_sub(&n->references, 1) != 1) return;
  pthread_mutex_destroy(&n->lock);
  pthread_cond_destroy(&n->wake);
  fw_live_add(FW_LIVE_NOTIFIERS, -1);
  free(n);
}

/* Called with the lock held, by the last who uses the descriptor. */
static void close_duplicate(struct notifier *n) {
  if (n->fd >= 0) close(n->fd);
  n->fd = -1;
}

static int write_message(int fd, const struct message *message) {
  ssize_t put;
  do put = write(fd, message->bytes, message->size);
  while (put < 0 && errno == EINTR);
  return put < 0 ? -errno : 0;
}

static void notifier_thread(void *arg) {
  struct notifier *n = arg;
  pthread_mutex_lock(&n->lock);
  while (!n->stopping) {
    struct message *message = n->queue.first;
    if (!message) {
      pthread_cond_wait(&n->wake, &n->lock);
      continue;
    }
    n->queue.first = message->next;
    if (!n->queue.first) n->queue.last = NULL;
    n->writing = true;
    int fd = n->fd;
    pthread_mutex_unlock(&n->lock);
    message->result = write_message(fd, message);
    pthread_mutex_lock(&n->lock);
    n->writing = false;
    if (n->stopping) {
      free(message);
    } else {
      append(&n->done, message);
      uv_async_send(&n->async); /* open until `stopping` is set under the lock */
    }
  }
  close_duplicate(n);
  pthread_mutex_unlock(&n->lock);
  drop_notifier(n);
}

static void on_closed(uv_handle_t *handle) {
  struct notifier *n = handle->data;
  struct fw_env *fe = n->fe;
  drop_notifier(n);
  fw_env_closed(fe);
}

/* True if the thread sits in a write: then it keeps the duplicate open until the kernel lets it go. */
static bool stop(struct notifier *n) {
  if (n->stopped) return false;
  n->stopped = true;
  pthread_mutex_lock(&n->lock);
  n->stopping = true;
  bool writing = n->writing;
  if (!writing) close_duplicate(n);
  struct message *queued = take_all(&n->queue), *done = take_all(&n->done);
  pthread_cond_signal(&n->wake);
  pthread_mutex_unlock(&n->lock);
  free_all(queued);
  free_all(done);
  fw_env_disown(&n->owned);
  uv_close((uv_handle_t *)&n->async, on_closed);
  if (n->on_done) napi_delete_reference(n->fe->env, n->on_done);
  if (n->self) napi_delete_reference(n->fe->env, n->self);
  n->on_done = n->self = NULL;
  return writing;
}

static void stop_owned(struct fw_owned *owned) { stop((struct notifier *)owned); }

static void on_async(uv_async_t *async) {
  struct notifier *n = async->data;
  struct fw_scope scope;
  if (n->stopped || !fw_scope_open(n->fe, &scope)) return;
  napi_env env = n->fe->env;
  napi_value on_done, receiver = fw_undefined(env);
  napi_get_reference_value(env, n->on_done, &on_done);
  pthread_mutex_lock(&n->lock);
  struct message *message = take_all(&n->done);
  for (struct message *each = message; each; each = each->next) {
    n->count--;
    n->bytes -= each->size;
  }
  pthread_mutex_unlock(&n->lock);
  for (struct message *next; message; message = next) {
    next = message->next;
    napi_value arguments[2] = {NULL, fw_int(env, message->result)};
    napi_create_double(env, message->id, &arguments[0]);
    free(message);
    if (n->stopped) continue; /* by the callback before this one */
    napi_call_function(env, receiver, on_done, 2, arguments, NULL);
    fw_no_exception(env);
  }
  fw_scope_close(n->fe, &scope);
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static struct notifier *notifier_of(napi_env env, napi_value value) {
  bool tagged = false;
  void *data = NULL;
  if (napi_check_object_type_tag(env, value, &NOTIFIER_TAG, &tagged) == napi_ok && tagged) {
    napi_unwrap(env, value, &data);
  }
  if (!data) napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "notifier: expected the result of notifierStart");
  return data;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  drop_notifier(data);
}

/* notifierStart(fd, onDone): a notifier, or -errno */
static napi_value notifier_start(napi_env env, napi_callback_info info) {
  FW_ARGS(2);
  FW_I32(0, fd);
  FW_FUNCTION(1, on_done);
  struct fw_env *fe = fw_env_of(env);
  if (fe->closing) return fw_int(env, -ECANCELED);
  int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (duplicate < 0) return fw_int(env, -errno);
  struct notifier *n = calloc(1, sizeof *n);
  int error = n ? uv_async_init(fe->loop, &n->async, on_async) : -ENOMEM;
  if (error) {
    free(n);
    close(duplicate);
    return fw_int(env, error);
  }
  fw_live_add(FW_LIVE_NOTIFIERS, 1);
  n->fe = fe;
  n->fd = duplicate;
  n->async.data = n;
  atomic_init(&n->references, 2);
  pthread_mutex_init(&n->lock, NULL);
  pthread_cond_init(&n->wake, NULL);
  uv_unref((uv_handle_t *)&n->async); /* what keeps the process alive is the mount, not a notification */
  fw_env_opened(fe);
  fw_env_own(fe, &n->owned);
  n->owned.stop = stop_owned;
  napi_value self;
  if (napi_create_object(env, &self) != napi_ok || napi_wrap(env, self, n, finalize, NULL, NULL) != napi_ok) {
    stop(n);
    drop_notifier(n);
    return fw_int(env, -ENOMEM);
  }
  napi_type_tag_object(env, self, &NOTIFIER_TAG);
  if (napi_create_reference(env, self, 1, &n->self) == napi_ok &&
      napi_create_reference(env, on_done, 1, &n->on_done) == napi_ok) {
    return self;
  }
  stop(n);
  return fw_int(env, -ENOMEM);
}

/* Called with the lock held: the first message brings the thread, so that who never notifies pays nothing. */
static int enqueue(struct notifier *n, struct message *message) {
  if (n->count && (n->count >= COUNT_MAX || n->bytes + message->size > BYTES_MAX)) return -EAGAIN;
  if (!n->has_thread) {
    atomic_fetch_add(&n->references, 1);
    int error = fw_thread(notifier_thread, n);
    if (error) {
      atomic_fetch_sub(&n->references, 1);
      return error;
    }
    n->has_thread = true;
  }
  n->count++;
  n->bytes += message->size;
  append(&n->queue, message);
  pthread_cond_signal(&n->wake);
  return 0;
}

/* notifierSend(notifier, bytes, id): 0, or -EAGAIN when the queue is full */
static napi_value notifier_send(napi_env env, napi_callback_info info) {
  FW_ARGS(3);
  struct notifier *n = notifier_of(env, argv[0]);
  if (!n) return NULL;
  FW_BYTES(1, bytes);
  FW_DOUBLE(2, id);
  if (n->stopped) return fw_int(env, -EBADF);
  struct message *message = malloc(sizeof *message + bytes_size);
  if (!message) return fw_int(env, -ENOMEM);
  message->id = id;
  message->size = bytes_size;
  if (bytes_size) memcpy(message->bytes, bytes, bytes_size);
  pthread_mutex_lock(&n->lock);
  int error = enqueue(n, message);
  pthread_mutex_unlock(&n->lock);
  if (error) free(message);
  return fw_int(env, error);
}

/* notifierStop(notifier): 0, or -EBUSY when the thread sits in the kernel */
static napi_value notifier_stop(napi_env env, napi_callback_info info) {
  FW_ARGS(1);
  struct notifier *n = notifier_of(env, argv[0]);
  if (!n) return NULL;
  return fw_int(env, stop(n) ? -EBUSY : 0);
}

napi_value fw_init_notifier(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {
      {"notifierStart", notifier_start},
      {"notifierSend", notifier_send},
      {"notifierStop", notifier_stop},
  };
  return fw_define(env, exports, list, sizeof list / sizeof list[0]);
}
