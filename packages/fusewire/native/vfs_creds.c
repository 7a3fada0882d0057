/*
 * vfs_creds.c: for the length of one system call the thread acts as the process that asked.
 *
 * setfsuid(2), setfsgid(2) and the raw setgroups system call concern the calling thread only (glibc's setgroups() would
 * change all threads). Leaving fsuid 0 also takes the filesystem capabilities out of the effective set
 * (CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD ...), and going back returns them.
 */
#include "vfs.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

/* More groups than this are cut: processes with more of them do not occur outside of tests (NGROUPS_MAX is 65536). */
#define GROUPS_MAX 256
/*
 * Reading /proc/PID/status costs as much as several system calls, so an answer serves the same process, uid and gid
 * for this long: a process that only changes its supplementary groups keeps the old ones for that time.
 */
#define CACHE_NANOSECONDS 50000000
#define CACHE_ENTRIES 16

struct group_list {
  uint32_t pid, uid, gid;
  int count;
  int64_t until;
  gid_t groups[GROUPS_MAX];
};

/* Of a thread, and freed with it: threads of other environments serve other mounts. */
static _Thread_local struct group_list cache[CACHE_ENTRIES];
static _Thread_local unsigned cache_next;

static int64_t now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The fourth number of a "Uid:" or "Gid:" line: the filesystem id. */
static bool line_has_fsid(const char *text, const char *key, uint32_t id) {
  const char *line = strstr(text, key);
  unsigned real, effective, saved, filesystem;
  return line && sscanf(line + strlen(key), "%u %u %u %u", &real, &effective, &saved, &filesystem) == 4 &&
         filesystem == id;
}

/*
 * The groups of a process by its status file. When its ids are not those of the request, the process has changed or its
 * number belongs to another one by now: then it has no groups for us.
 */
static void read_groups(struct group_list *list) {
  char path[40], text[8192];
  list->count = 0;
  snprintf(path, sizeof path, "/proc/%u/status", list->pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return;
  text[length] = 0;
  if (!line_has_fsid(text, "\nUid:", list->uid) || !line_has_fsid(text, "\nGid:", list->gid)) return;
  const char *at = strstr(text, "\nGroups:");
  if (!at) return;
  at += strlen("\nGroups:");
  while (list->count < GROUPS_MAX) {
    while (*at == ' ' || *at == '\t') at++;
    if (*at < '0' || *at > '9') break;
    char *end;
    list->groups[list->count++] = (gid_t)strtoul(at, &end, 10);
    at = end;
  }
}

static struct group_list *groups_of(const struct vfs_io *io) {
  int64_t time = now();
  for (int i = 0; i < CACHE_ENTRIES; i++) {
    struct group_list *list = &cache[i];
    if (list->pid == io->pid && list->uid == io->uid && list->gid == io->gid && list->until > time) return list;
  }
  struct group_list *list = &cache[cache_next++ % CACHE_ENTRIES];
  list->pid = io->pid;
  list->uid = io->uid;
  list->gid = io->gid;
  list->count = 0;
  if (io->pid) read_groups(list);
  list->until = time + CACHE_NANOSECONDS;
  return list;
}

/* Raises or lowers CAP_FSETID of the calling thread; false when nothing was changed. */
static bool set_fsetid(bool on) {
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0}};
  const uint32_t bit = 1u << CAP_FSETID;
  if (syscall(SYS_capget, &head, data) != 0) return false;
  if (((data[0].effective & bit) != 0) == on) return false;
  data[0].effective ^= bit;
  return syscall(SYS_capset, &head, data) == 0;
}

/* The server's own supplementary groups, read when they are about to be replaced. */
static _Thread_local gid_t own_groups[GROUPS_MAX];
static _Thread_local int own_count;

static int take_groups(const struct vfs_io *io) {
  const struct group_list *list = groups_of(io);
  own_count = getgroups(GROUPS_MAX, own_groups);
  if (own_count < 0) return -errno;
  return syscall(SYS_setgroups, (size_t)list->count, list->groups) == 0 ? 0 : -errno;
}

int vfs_as_begin(const struct vfs_io *io, struct vfs_as *as) {
  *as = (struct vfs_as){.own_uid = io->own_uid, .own_gid = io->own_gid};
  if (!io->can_switch) return 0;
  bool other_user = io->uid != io->own_uid;
  if (!(io->flags & VFS_AS_SERVER) && (other_user || io->gid != io->own_gid)) {
    /* setfsuid(-1) changes nothing: the call would run as root. */
    if (io->uid == UINT32_MAX || io->gid == UINT32_MAX) return -EPERM;
    if (other_user) {
      int error = take_groups(io);
      if (error) return error;
      as->groups = true;
    }
    setfsgid(io->gid);
    as->gid = true;
    if (other_user) setfsuid(io->uid);
    as->uid = other_user;
  }
  if ((io->flags & VFS_KILL_PRIV) && !as->uid) as->fsetid = set_fsetid(false);
  return 0;
}

void vfs_as_end(const struct vfs_as *as) {
  int kept = errno;
  if (as->uid) setfsuid(as->own_uid);
  if (as->gid) setfsgid(as->own_gid);
  if (as->groups) syscall(SYS_setgroups, (size_t)own_count, own_groups);
  if (as->fsetid) set_fsetid(true);
  errno = kept;
}
