/*
 * Preloaded into a service process: records the calls that change files of one folder, in order, and makes them fail on
 * demand.
 *
 *   RECORD_FOLDER   absolute real path of the folder
 *   RECORD_JOURNAL  file outside the folder, to which records are appended
 *   FAULT_CONTROL   optional mapped file of 128 bytes, which a test may change at any time:
 *     [0]   writes: 0 succeed, N ENOSPC, I EIO, R EROFS, S a short write, then ENOSPC,
 *           H short writes (not an error: the caller has to write the rest)
 *     [1]   syncs: 0 succeed, I EIO, 1 EIO once, W wait until this byte changes
 *     [2]   the number of calls affected, up to 255
 *     [4..] only files whose path ends with this text; empty for all
 *
 * A record is a header and `length` bytes. A lock serialises changes, each with its record. A sync is recorded when it
 * returns, with the journal position at which it began: only earlier changes are durable. The first bytes of an HTTP
 * answer are recorded just before they are sent, so the journal shows what had been promised at each moment.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN = 1, WRITE, TRUNCATE, SYNC, SYNC_FAILED, UNLINK, RENAME, MKDIR, ANSWER };
struct header { uint32_t kind, file; uint64_t at; uint32_t length, spare; };
struct file { uint32_t number; char path[244]; };

#define FILES 4096
#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static struct file files[FILES]; /* by descriptor; number 0: not in the folder */
static uint32_t opened;
static uint64_t position;
static int journal = -1;
static const char *folder;
static volatile char *control;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("RECORD_JOURNAL"), *switches = getenv("FAULT_CONTROL");
  __typeof__(&open) real_open = (__typeof__(&open))dlsym(RTLD_NEXT, "open");
  if (!path) return;
  if (switches) {
    void *at = mmap(0, 128, PROT_READ | PROT_WRITE, MAP_SHARED, real_open(switches, O_RDWR | O_CLOEXEC), 0);
    if (at != MAP_FAILED) control = at;
  }
  journal = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  position = lseek(journal, 0, SEEK_END); /* another process may have begun it */
  folder = getenv("RECORD_FOLDER");
}

/* The path within the folder; null outside it. */
static const char *within(const char *path) {
  size_t length = folder ? strlen(folder) : 0;
  if (journal < 0 || !length || !path || strncmp(path, folder, length)) return 0;
  return path[length] == '/' ? path + length + 1 : path[length] ? 0 : path + length;
}

static struct file *file_of(int fd) { return fd >= 0 && fd < FILES && files[fd].number ? &files[fd] : 0; }

/* The caller must hold `order`. */
static void record(enum kind kind, uint32_t file, uint64_t at, const void *data, size_t length) {
  int kept = errno;
  struct header header = {kind, file, at, (uint32_t)length, 0};
  struct iovec parts[] = {{&header, sizeof header}, {(void *)data, length}};
  REAL(writev);
  if (real(journal, parts, 2) != (ssize_t)(sizeof header + length)) abort();
  position += sizeof header + length;
  errno = kept;
}

static int hit(int error) {
  if ((unsigned char)control[2] < 255) control[2]++;
  errno = error;
  return -1;
}

static int aimed_at(const char *path) {
  if (!control) return 0;
  const char *end = (const char *)control + 4;
  return strlen(path) >= strlen(end) && strcmp(path + strlen(path) - strlen(end), end) == 0;
}

/* Fails a call as the control says. pwrite64 makes the short writes. */
static int change_fails(const char *path) {
  if (!aimed_at(path)) return 0;
  if (control[0] == 'N') return hit(ENOSPC);
  if (control[0] == 'I') return hit(EIO);
  return control[0] == 'R' ? hit(EROFS) : 0;
}

static int opening(int fd, const char *path, int existed) {
  if (fd >= 0 && fd < FILES) {
    files[fd].number = ++opened;
    strncpy(files[fd].path, path, sizeof files[fd].path - 1);
    record(OPEN, opened, !existed, path, strlen(path));
  }
  return fd;
}

/* Node closes files without `close`: a descriptor that is opened again is another file. */
static int elsewhere(int fd) {
  if (file_of(fd)) files[fd].number = 0;
  return fd;
}

#define OPENING(call)                                                                                                  \
  const char *name = within(path);                                                                                     \
  mode_t mode = 0;                                                                                                     \
  if (flags & O_CREAT) {                                                                                               \
    va_list more;                                                                                                      \
    va_start(more, flags);                                                                                             \
    mode = va_arg(more, mode_t);                                                                                       \
    va_end(more);                                                                                                      \
  }                                                                                                                    \
  if (!name) return elsewhere(call);                                                                                   \
  pthread_mutex_lock(&order);                                                                                          \
  int existed = faccessat(AT_FDCWD, path, F_OK, 0) == 0;                                                               \
  int fd = !existed && (flags & O_CREAT) && change_fails(name) ? -1 : opening(call, name, existed);                    \
  pthread_mutex_unlock(&order);                                                                                        \
  return fd;

int open(const char *path, int flags, ...) { REAL(open); OPENING(real(path, flags, mode)) }
int open64(const char *path, int flags, ...) { REAL(open64); OPENING(real(path, flags, mode)) }
int openat(int at, const char *path, int flags, ...) { REAL(openat); OPENING(real(at, path, flags, mode)) }

int close(int fd) {
  REAL(close);
  if (file_of(fd)) files[fd].number = 0;
  return real(fd);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  REAL(pwrite64);
  struct file *file = file_of(fd);
  if (!file) return real(fd, data, length, offset);
  pthread_mutex_lock(&order);
  ssize_t written = -1;
  if (!change_fails(file->path)) {
    int half = aimed_at(file->path) && length > 1 && (control[0] == 'S' || control[0] == 'H');
    if (half) hit(0);
    if (half && control[0] == 'S') control[0] = 'N';
    written = real(fd, data, half ? length / 2 : length, offset);
    if (written > 0) record(WRITE, file->number, offset, data, written);
  }
  pthread_mutex_unlock(&order);
  return written;
}

int ftruncate64(int fd, off64_t size) {
  REAL(ftruncate64);
  struct file *file = file_of(fd);
  if (!file) return real(fd, size);
  pthread_mutex_lock(&order);
  int result = change_fails(file->path) ? -1 : real(fd, size);
  if (result == 0) record(TRUNCATE, file->number, size, 0, 0);
  pthread_mutex_unlock(&order);
  return result;
}

static int syncing(int (*real)(int), int fd) {
  struct file *file = file_of(fd);
  if (!file) return real(fd);
  pthread_mutex_lock(&order);
  uint64_t begun = position;
  uint32_t number = file->number;
  int waits = aimed_at(file->path) && control[1] == 'W';
  int fails = aimed_at(file->path) && control[1] != 0 && !waits;
  if (fails && control[1] == '1') control[1] = 0;
  pthread_mutex_unlock(&order);
  if (waits) hit(0);
  while (waits && control[1] == 'W') usleep(1000);
  int result = fails ? hit(EIO) : real(fd);
  pthread_mutex_lock(&order);
  record(result == 0 ? SYNC : SYNC_FAILED, number, begun, 0, 0);
  pthread_mutex_unlock(&order);
  return result;
}

int fsync(int fd) { REAL(fsync); return syncing(real, fd); }
int fdatasync(int fd) { REAL(fdatasync); return syncing(real, fd); }

#define CHANGING(kind, path, data, length, call)                                                                       \
  const char *name = within(path);                                                                                     \
  if (!name) return elsewhere(call);                                                                                   \
  pthread_mutex_lock(&order);                                                                                          \
  int result = change_fails(name) ? -1 : call;                                                                         \
  if (result == 0) record(kind, 0, 0, data, length);                                                                   \
  pthread_mutex_unlock(&order);                                                                                        \
  return result;

int unlink(const char *path) { REAL(unlink); CHANGING(UNLINK, path, name, strlen(name), real(path)) }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); CHANGING(MKDIR, path, name, strlen(name), real(path, mode)) }

/* SQLite does not rename files, and disk.ts does not model renames: it throws when it finds one. */
int rename(const char *from, const char *to) {
  REAL(rename);
  CHANGING(RENAME, from, name, strlen(name), real(from, to))
}

static void answering(int fd, const void *data, size_t length) {
  if (file_of(fd)) abort(); /* Files of the folder are never written this way; such a write would not be recorded. */
  if (journal < 0 || length < 9 || memcmp(data, "HTTP/1.1 ", 9)) return;
  pthread_mutex_lock(&order);
  record(ANSWER, 0, 0, data, length < 1024 ? length : 1024);
  pthread_mutex_unlock(&order);
}

ssize_t write(int fd, const void *data, size_t length) {
  REAL(write);
  answering(fd, data, length);
  return real(fd, data, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  if (count > 0) answering(fd, parts[0].iov_base, parts[0].iov_len);
  return real(fd, parts, count);
}
