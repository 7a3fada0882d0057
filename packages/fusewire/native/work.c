/*
 * work.c: a small thread pool for system calls that may block (mount, umount, open of a device, a lock).
 *
 * One pool per process, shared by all environments. Threads are made on demand and end when idle. They are detached:
 * one that is stuck in the kernel delays neither the end of its environment nor the exit of the process.
 */
#include "fw.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

/*
 * A call may wait for a filesystem of this very process whose answer needs a thread of this pool again (a passthrough
 * over a passthrough), so the limit is far above the 12 requests that the kernel sends in the background by default.
 */
#define THREADS_MAX 64
#define IDLE_SECONDS 5
/* The calls need little; glibc's default of 8 MiB is only reserved, but counts against limits on address space. */
#define STACK_BYTES (256 * 1024)

struct fw_work_job {
  struct fw_work_job *next;
  struct fw_env *fe;
  void (*execute)(void *data);
  void (*complete)(napi_env env, void *data);
  void *data;
};

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pool_wake; /* on the monotonic clock */
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static struct fw_work_job *pool_first, *pool_last;
static int pool_threads, pool_idle, pool_queued;

static void pool_init(void) {
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&pool_wake, &attr);
  pthread_condattr_destroy(&attr);
}

struct thread {
  void (*run)(void *arg);
  void *arg;
};

static void *run_thread(void *data) {
  struct thread thread = *(struct thread *)data;
  free(data);
  thread.run(thread.arg);
  fw_live_add(FW_LIVE_THREADS, -1);
  return NULL;
}

int fw_thread(void (*run)(void *arg), void *arg) {
  pthread_attr_t attr;
  pthread_t id;
  sigset_t all, before;
  struct thread *thread = malloc(sizeof *thread);
  if (!thread) return -ENOMEM;
  *thread = (struct thread){run, arg};
  pthread_attr_init(&attr);
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attr, STACK_BYTES);
  /* Signals of the process belong to Node's main thread. */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  fw_live_add(FW_LIVE_THREADS, 1);
  int error = pthread_create(&id, &attr, run_thread, thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
  if (error) {
    fw_live_add(FW_LIVE_THREADS, -1);
    free(thread);
  }
  return -error;
}

static void free_job(struct fw_work_job *job) {
  free(job);
  fw_live_add(FW_LIVE_JOBS, -1);
}

/* Hands the finished job to its loop, or frees it here if that loop is gone. */
static void deliver(struct fw_work_job *job) {
  struct fw_env *fe = job->fe;
  pthread_mutex_lock(&fe->lock);
  bool alive = fe->alive;
  if (alive) {
    job->next = NULL;
    if (fe->done_last) fe->done_last->next = job;
    else fe->done_first = job;
    fe->done_last = job;
    uv_async_send(&fe->done);
  }
  pthread_mutex_unlock(&fe->lock);
  if (!alive) {
    job->complete(NULL, job->data);
    free_job(job);
  }
  fw_env_drop(fe);
}

/* Called with pool_lock held; waits for a job, NULL when idle for too long. */
static struct fw_work_job *next_job(void) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += IDLE_SECONDS;
  while (!pool_first) {
    pool_idle++;
    int error = pthread_cond_timedwait(&pool_wake, &pool_lock, &until);
    pool_idle--;
    if (error && !pool_first) return NULL;
  }
  struct fw_work_job *job = pool_first;
  pool_first = job->next;
  if (!pool_first) pool_last = NULL;
  pool_queued--;
  return job;
}

static void pool_thread(void *unused) {
  (void)unused;
  struct fw_work_job *job;
  pthread_mutex_lock(&pool_lock);
  while ((job = next_job())) {
    pthread_mutex_unlock(&pool_lock);
    job->execute(job->data);
    deliver(job);
    pthread_mutex_lock(&pool_lock);
  }
  pool_threads--;
  pthread_mutex_unlock(&pool_lock);
}

/* Called with pool_lock held. */
static int ensure_thread(void) {
  if (pool_idle > pool_queued || pool_threads >= THREADS_MAX) return 0;
  int error = fw_thread(pool_thread, NULL);
  if (!error) pool_threads++;
  return pool_threads ? 0 : error;
}

int fw_work_submit(napi_env env, void (*execute)(void *data), void (*complete)(napi_env env, void *data), void *data) {
  struct fw_env *fe = fw_env_of(env);
  if (!fe || fe->closing) return -ECANCELED;
  struct fw_work_job *job = malloc(sizeof *job);
  if (!job) return -ENOMEM;
  fw_live_add(FW_LIVE_JOBS, 1);
  *job = (struct fw_work_job){.fe = fe, .execute = execute, .complete = complete, .data = data};
  pthread_once(&pool_once, pool_init);
  pthread_mutex_lock(&pool_lock);
  int error = ensure_thread();
  if (error) {
    pthread_mutex_unlock(&pool_lock);
    free_job(job);
    return error;
  }
  fw_env_hold(fe);
  if (pool_last) pool_last->next = job;
  else pool_first = job;
  pool_last = job;
  pool_queued++;
  pthread_cond_signal(&pool_wake);
  pthread_mutex_unlock(&pool_lock);
  if (fe->jobs++ == 0) uv_ref((uv_handle_t *)&fe->done);
  return 0;
}

static struct fw_work_job *take_done(struct fw_env *fe, bool still_alive) {
  pthread_mutex_lock(&fe->lock);
  struct fw_work_job *job = fe->done_first;
  fe->done_first = fe->done_last = NULL;
  fe->alive = still_alive;
  pthread_mutex_unlock(&fe->lock);
  return job;
}

static void on_done(uv_async_t *async) {
  struct fw_env *fe = async->data;
  struct fw_work_job *job = take_done(fe, true);
  struct fw_scope scope;
  bool open = fw_scope_open(fe, &scope);
  while (job) {
    struct fw_work_job *next = job->next;
    if (--fe->jobs == 0) uv_unref((uv_handle_t *)&fe->done);
    job->complete(open ? fe->env : NULL, job->data);
    if (open) fw_no_exception(fe->env);
    free_job(job);
    job = next;
  }
  if (open) fw_scope_close(fe, &scope);
}

int fw_work_open(struct fw_env *fe) {
  int error = uv_async_init(fe->loop, &fe->done, on_done);
  if (error) return error;
  fe->done.data = fe;
  fe->alive = true;
  fw_env_opened(fe);
  uv_unref((uv_handle_t *)&fe->done);
  return 0;
}

static void on_closed(uv_handle_t *handle) { fw_env_closed(handle->data); }

/* Jobs of this environment that wait for a thread are taken back; running ones are freed by their thread. */
void fw_work_close(struct fw_env *fe) {
  if (!fe->alive) return;
  struct fw_work_job *mine = NULL, **link = &pool_first;
  pthread_mutex_lock(&pool_lock);
  pool_last = NULL;
  while (*link) {
    struct fw_work_job *job = *link;
    if (job->fe == fe) {
      *link = job->next;
      job->next = mine;
      mine = job;
      pool_queued--;
    } else {
      pool_last = job;
      link = &job->next;
    }
  }
  pthread_mutex_unlock(&pool_lock);
  for (struct fw_work_job *next; mine; mine = next) {
    next = mine->next;
    mine->complete(NULL, mine->data);
    free_job(mine);
    fw_env_drop(fe);
  }
  for (struct fw_work_job *next, *job = take_done(fe, false); job; job = next) {
    next = job->next;
    job->complete(NULL, job->data);
    free_job(job);
  }
  uv_close((uv_handle_t *)&fe->done, on_closed);
}
