/* vfs_dir.c: directories by getdents64(2), straight into the records of a reply. */
#include "vfs.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What getdents64 fills in. */
struct backing_dirent {
  uint64_t ino;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[];
};

/* struct fuse_dirent, and struct fuse_entry_out before it in readdirplus. */
struct record {
  uint64_t ino, next;
  uint32_t name_length, type;
};
#define ENTRY_BYTES 128
#define ENTRY_ATTR_OFFSET 40

/*
 * An open directory's read-ahead lives in JavaScript memory: this head, then entries as the kernel gave them. What did
 * not fit into one reply goes into the next without asking the backing filesystem again.
 */
struct ahead {
  uint32_t at, end;
  int64_t next; /* the cookie behind the last entry that was taken */
  uint8_t entries[];
};

/* One record's identity for readdirplus, as words: where its entry lies, then as in struct vfs_io. */
struct found {
  uint32_t entry_word, name_length;
  uint32_t ino_low, ino_high, dev_major, dev_minor, mode, birth_low, birth_high, birth_nsec;
};

struct reader {
  struct ahead *ahead;
  size_t ahead_room;
  int fd;
  uint64_t ino_salt;
  uint8_t *out;
  size_t room, length;
};

static size_t record_bytes(size_t name_length) { return (sizeof(struct record) + name_length + 7) & ~(size_t)7; }

/* The next entry, NULL at the end (*error 0) or on an error. */
static const struct backing_dirent *peek(struct reader *reader, int *error) {
  struct ahead *ahead = reader->ahead;
  *error = 0;
  if (ahead->at >= ahead->end) {
    long count = syscall(SYS_getdents64, reader->fd, ahead->entries, reader->ahead_room);
    ahead->at = 0;
    ahead->end = count > 0 ? (uint32_t)count : 0;
    if (count < 0) *error = -errno;
    if (count <= 0) return NULL;
  }
  return (const struct backing_dirent *)(ahead->entries + ahead->at);
}

static void take(struct reader *reader, const struct backing_dirent *entry) {
  reader->ahead->at += entry->length;
  reader->ahead->next = entry->next;
}

/* Goes to `cookie` unless reading simply goes on there. */
static int go_to(struct reader *reader, int64_t cookie) {
  struct ahead *ahead = reader->ahead;
  if (ahead->next == cookie && cookie != 0) return 0;
  ahead->at = ahead->end = 0;
  ahead->next = cookie;
  return lseek(reader->fd, cookie, SEEK_SET) < 0 ? -errno : 0;
}

/* Writes the record behind `before` bytes (the entry of readdirplus); false when it does not fit. */
static bool put(struct reader *reader, const struct backing_dirent *entry, size_t name_length, size_t before) {
  size_t bytes = before + record_bytes(name_length);
  if (reader->length + bytes > reader->room) return false;
  uint8_t *at = reader->out + reader->length;
  memset(at, 0, before);
  struct record record = {entry->ino ^ reader->ino_salt, (uint64_t)entry->next, (uint32_t)name_length, entry->type};
  memcpy(at + before, &record, sizeof record);
  memcpy(at + before + sizeof record, entry->name, name_length);
  size_t used = before + sizeof record + name_length;
  memset(at + used, 0, bytes - used);
  reader->length += bytes;
  return true;
}

static bool is_dots(const char *name) { return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])); }

/* Arguments 1.. of both calls: fd, ahead, cookieLow, cookieHigh, bytes, start, length, saltHigh. */
static bool get_reader(napi_env env, const napi_value *argv, struct reader *reader, int64_t *cookie) {
  uint8_t *ahead;
  size_t ahead_size;
  uint32_t low, high, salt;
  if (!fw_get_i32(env, argv[0], "fd", &reader->fd) || !fw_get_bytes(env, argv[1], "ahead", &ahead, &ahead_size) ||
      !fw_get_u32(env, argv[2], "cookieLow", &low) || !fw_get_u32(env, argv[3], "cookieHigh", &high) ||
      !fw_get_range(env, argv[4], argv[5], argv[6], "bytes", &reader->out, &reader->room) ||
      !fw_get_u32(env, argv[7], "saltHigh", &salt)) {
    return false;
  }
  if (ahead_size < sizeof(struct ahead) + 1024 || (uintptr_t)ahead % 8) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "ahead: too small or not aligned");
    return false;
  }
  reader->ahead = (struct ahead *)ahead;
  reader->ahead_room = ahead_size - sizeof(struct ahead);
  reader->ino_salt = (uint64_t)salt << 32;
  reader->length = 0;
  *cookie = vfs_join(low, high);
  return true;
}

/* vfsReaddir(io, fd, ahead, cookieLow, cookieHigh, bytes, start, length, saltHigh): bytes put, 0 at the end */
static napi_value read_dir(napi_env env, napi_callback_info info) {
  FW_ARGS(9);
  struct reader reader;
  int64_t cookie;
  if (!get_reader(env, argv + 1, &reader, &cookie)) return NULL;
  int error = go_to(&reader, cookie);
  const struct backing_dirent *entry;
  while (!error && (entry = peek(&reader, &error))) {
    if (!put(&reader, entry, strlen(entry->name), 0)) break;
    take(&reader, entry);
  }
  return fw_int(env, error && !reader.length ? error : (int64_t)reader.length);
}

/* Attributes of a record's node, if it is still there; "." and ".." get none, for they count no lookup. */
static void fill_found(struct vfs_io *io, const struct reader *reader, const struct backing_dirent *entry, size_t name_length,
                       size_t entry_at, struct found *found) {
  *found = (struct found){.entry_word = (uint32_t)(entry_at / 4), .name_length = (uint32_t)name_length};
  struct statx sx;
  if (is_dots(entry->name) || vfs_statx(reader->fd, entry->name, true, &sx)) return;
  vfs_fill(io, reader->out + entry_at + ENTRY_ATTR_OFFSET, &sx);
  memcpy(&found->ino_low, &io->ino_low, 2 * sizeof(uint32_t));
  found->dev_major = io->dev_major;
  found->dev_minor = io->dev_minor;
  found->mode = io->mode;
  found->birth_low = io->birth_low;
  found->birth_high = io->birth_high;
  found->birth_nsec = io->birth_nsec;
}

/*
 * vfsReaddirplus(io, fd, ahead, cookieLow, cookieHigh, bytes, start, length, saltHigh, found): bytes put. Each record
 * has its attributes, and its identity in `found` (10 words each; io.partial says how many); node ids are left to
 * the caller, who also adds the salt to the attributes' inode numbers.
 */
static napi_value read_dir_plus(napi_env env, napi_callback_info info) {
  FW_ARGS(10);
  VFS_IO;
  struct reader reader;
  int64_t cookie;
  if (!get_reader(env, argv + 1, &reader, &cookie)) return NULL;
  FW_BYTES(9, list);
  struct found *found = (struct found *)list;
  size_t most = list_size / sizeof *found;
  struct vfs_as as;
  io->partial = 0;
  int error = vfs_as_begin(io, &as);
  if (error) return fw_int(env, error);
  error = go_to(&reader, cookie);
  const struct backing_dirent *entry;
  while (!error && io->partial < most && (entry = peek(&reader, &error))) {
    size_t entry_at = reader.length, name_length = strlen(entry->name);
    if (!put(&reader, entry, name_length, ENTRY_BYTES)) break;
    fill_found(io, &reader, entry, name_length, entry_at, &found[io->partial++]);
    take(&reader, entry);
  }
  vfs_as_end(&as);
  return fw_int(env, error && !reader.length ? error : (int64_t)reader.length);
}

napi_value vfs_init_dir(napi_env env, napi_value exports) {
  static const struct fw_function list[] = {{"vfsReaddir", read_dir}, {"vfsReaddirplus", read_dir_plus}};
  return fw_define(env, exports, list, VFS_COUNT(list));
}
