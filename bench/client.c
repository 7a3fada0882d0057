/*
 * One client, one operation, for a number of milliseconds. Prints "<operations> <nanoseconds>" of the measured time.
 * In C so that what is measured is the server: a loop in JavaScript costs more than the request itself.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KIB 1024L
#define MIB (1024L * KIB)
/* O_DIRECT wants memory aligned to the largest sector size in use. */
#define ALIGNMENT 4096

static char path[4096];
static int fd = -1;
static char *buffer;
static long offset;
static long file_size;
static uint32_t seed = 1;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void need(int ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
  exit(1);
}

static void stat_missing(void) {
  struct stat s;
  need(stat(path, &s) == -1 && errno == ENOENT, "stat of a missing name");
}

static void stat_file(void) {
  struct stat s;
  need(stat(path, &s) == 0, "stat");
}

static void open_close(void) {
  int f = open(path, O_RDONLY);
  need(f >= 0, "open");
  need(close(f) == 0, "close");
}

static void create_unlink(void) {
  int f = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
  need(f >= 0, "create");
  need(close(f) == 0, "close");
  need(unlink(path) == 0, "unlink");
}

static void read_directory(void) {
  DIR *d = opendir(path);
  need(d != NULL, "opendir");
  int names = 0;
  while (readdir(d) != NULL) names++;
  need(names >= 1000, "readdir");
  closedir(d);
}

static void open_direct(int flags) {
  fd = open(path, flags | O_DIRECT);
  need(fd >= 0, "open");
  need(posix_memalign((void **)&buffer, ALIGNMENT, MIB) == 0, "memory");
  memset(buffer, 'x', MIB);
  struct stat s;
  need(fstat(fd, &s) == 0, "fstat");
  file_size = s.st_size;
}

static void random_read(void) {
  seed = seed * 1664525u + 1013904223u;
  long at = (long)((seed >> 8) % (uint32_t)(file_size / (4 * KIB))) * 4 * KIB;
  need(pread(fd, buffer, 4 * KIB, at) == 4 * KIB, "read");
}

static void sequential_read(void) {
  need(pread(fd, buffer, MIB, offset) == MIB, "read");
  offset = (offset + MIB) % (file_size / MIB * MIB);
}

static void small_write(void) {
  need(pwrite(fd, buffer, 4 * KIB, offset) == 4 * KIB, "write");
  offset = (offset + 4 * KIB) % (16 * MIB);
}

static void sequential_write(void) {
  need(pwrite(fd, buffer, MIB, offset) == MIB, "write");
  offset = (offset + MIB) % (16 * MIB);
}

static const struct {
  const char *name, *file;
  void (*run)(void);
  int direct; /* open(2) flags of a file that is kept open, -1 for none */
} operations[] = {
    {"missing", "nope", stat_missing, -1},         {"stat", "hello", stat_file, -1},
    {"open", "hello", open_close, -1},             {"create", "new", create_unlink, -1},
    {"readdir", "list", read_directory, -1},       {"read4k", "big", random_read, O_RDONLY},
    {"write4k", "out", small_write, O_WRONLY},     {"read1m", "big", sequential_read, O_RDONLY},
    {"write1m", "out", sequential_write, O_WRONLY},
};

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (strcmp(argv[1], operations[i].name) != 0) continue;
    snprintf(path, sizeof path, "%s/%s", argv[2], operations[i].file);
    if (operations[i].direct >= 0) open_direct(operations[i].direct);
    int64_t start = now(), end = start + atol(argv[3]) * 1000000, t = start;
    long count = 0;
    for (; t < end; t = now())
      for (int k = 0; k < 8; k++, count++) operations[i].run();
    printf("%ld %lld\n", count, (long long)(t - start));
    return 0;
  }
  return 2;
}
