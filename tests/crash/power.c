/*
 * Watches what one process writes below one folder: counts write boundaries, kills the process at one of them, and
 * keeps a journal from which the folder can be rebuilt as a power cut would have left it (power.py).
 *
 * Preloaded (LD_PRELOAD), it sees SQLite's own writes too. It does nothing until watch_begin() is called.
 *
 * One journal entry: eight 64-bit integers (kind, number of the call, inode, offset, mode, length of path, of second path,
 * of data), then these three. The shared-memory file of SQLite (-shm) and the spill folder are left out: neither outlives a process.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, LINK, UNLINK, MKDIR, NOTE, SYNC_FOLDER, RMDIR };
static const char *NAMES[] = {"",     "create", "write", "truncate", "fsync",        "rename",
                              "link", "unlink", "mkdir", "note",     "fsync folder", "rmdir"};

#define FDS 65536
static char root[PATH_MAX];
static size_t root_length;
static int journal = -1, report = -1;
static long counted, kill_at = -1;
static int kill_after;
static unsigned char tracked[FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...)                                        \
    static result (*real)(__VA_ARGS__);                                \
    if (!real) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t put(int fd, const void *data, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return real(fd, data, length);
}

static int below(const char *path) {
    size_t length = strlen(path);
    if (!root_length || strncmp(path, root, root_length) || (path[root_length] != '/' && path[root_length])) return 0;
    if (length > 4 && !strcmp(path + length - 4, "-shm")) return 0;
    return !strstr(path + root_length, "/spill");
}

/* The absolute path of a name that need not exist: its folder resolved, its last part as it is. */
static int absolute(int at, const char *path, char *out) {
    char whole[PATH_MAX], copy[PATH_MAX], folder[PATH_MAX];
    if (at != AT_FDCWD && path[0] != '/') {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t n = readlink(link, folder, sizeof folder - 1);
        if (n < 0) return 0;
        folder[n] = 0;
        if (snprintf(whole, sizeof whole, "%s/%s", folder, path) >= (int)sizeof whole) return 0;
    } else if (snprintf(whole, sizeof whole, "%s", path) >= (int)sizeof whole) {
        return 0;
    }
    strcpy(copy, whole);
    if (!realpath(dirname(copy), folder)) return 0;
    strcpy(copy, whole);
    return snprintf(out, PATH_MAX, "%s/%s", folder, basename(copy)) < PATH_MAX && below(out);
}

static int path_of(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    if (n < 0) return 0;
    out[n] = 0;
    return below(out);
}

static void die(int kind, const char *path, const char *when) {
    char text[PATH_MAX + 64];
    int n = snprintf(text, sizeof text, "%s call %ld: %s %s", when, counted, NAMES[kind], path + root_length);
    put(report, text, n);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Called with the lock held, before the call that it is about. */
static void before(int kind, const char *path) {
    counted++;
    if (counted == kill_at && !kill_after) die(kind, path, "before");
}

/* Called with the lock held, after the call succeeded. */
static void after(int kind, uint64_t inode, int64_t offset, int64_t mode, const char *path, const char *second,
                  const void *data, size_t length) {
    if (journal >= 0) {
        int64_t head[8] = {kind, counted, inode, offset, mode, strlen(path), strlen(second), length};
        put(journal, head, sizeof head);
        put(journal, path, strlen(path));
        put(journal, second, strlen(second));
        put(journal, data, length);
    }
    if (kind != NOTE && counted == kill_at && kill_after) die(kind, path, "after");
}

void watch_begin(const char *folder, int journal_fd, int report_fd, long at, int then) {
    realpath(folder, root);
    root_length = strlen(root);
    journal = journal_fd, report = report_fd, kill_at = at, kill_after = then, counted = 0;
}

long watch_count(void) { return counted; }

void watch_note(const char *text) {
    pthread_mutex_lock(&lock);
    after(NOTE, 0, 0, 0, text, "", "", 0);
    pthread_mutex_unlock(&lock);
}

static int opening(int at, const char *path, int flags, mode_t mode) {
    REAL(int, "openat64", int, const char *, int, mode_t);
    char full[PATH_MAX];
    struct stat found;
    if (!root_length || !absolute(at, path, full)) return real(at, path, flags, mode);
    pthread_mutex_lock(&lock);
    int missing = (flags & O_CREAT) && lstat(full, &found) != 0;
    int shorten = !missing && (flags & O_TRUNC);
    if (missing || shorten) before(missing ? CREATE : TRUNCATE, full);
    int fd = real(at, path, flags, mode);
    int kept = errno;
    if (fd >= 0 && fd < FDS) tracked[fd] = 1;
    if (fd >= 0 && (missing || shorten) && !fstat(fd, &found))
        after(missing ? CREATE : TRUNCATE, found.st_ino, 0, found.st_mode & 07777, full, "", "", 0);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE_OF(flags)                                   \
    mode_t mode = 0;                                     \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {             \
        va_list rest;                                    \
        va_start(rest, flags);                           \
        mode = va_arg(rest, int);                        \
        va_end(rest);                                    \
    }

int open(const char *path, int flags, ...) { MODE_OF(flags) return opening(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return opening(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE_OF(flags) return opening(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags) return opening(at, path, flags, mode); }
int __open_2(const char *path, int flags) { return opening(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return opening(AT_FDCWD, path, flags, 0); }

int close(int fd) {
    REAL(int, "close", int);
    if (fd >= 0 && fd < FDS) tracked[fd] = 0;
    return real(fd);
}

static int watched(int fd, char *full) { return root_length && fd >= 0 && fd < FDS && tracked[fd] && path_of(fd, full); }

static uint64_t inode_of(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : found.st_ino;
}

ssize_t write(int fd, const void *data, size_t length) {
    char full[PATH_MAX];
    if (!watched(fd, full)) return put(fd, data, length);
    pthread_mutex_lock(&lock);
    before(WRITE, full);
    ssize_t done = put(fd, data, length);
    int kept = errno;
    if (done > 0) after(WRITE, inode_of(fd), lseek(fd, 0, SEEK_CUR) - done, 0, full, "", data, done);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return done;
}

static ssize_t writing_at(int fd, const void *data, size_t length, off_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    char full[PATH_MAX];
    if (!watched(fd, full)) return real(fd, data, length, offset);
    pthread_mutex_lock(&lock);
    before(WRITE, full);
    ssize_t done = real(fd, data, length, offset);
    int kept = errno;
    if (done > 0) after(WRITE, inode_of(fd), offset, 0, full, "", data, done);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return writing_at(fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off_t offset) { return writing_at(fd, data, length, offset); }

/* Nothing here writes in vectors; whoever begins to must be watched too. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    char full[PATH_MAX];
    if (watched(fd, full)) abort();
    return real(fd, parts, count);
}

static int truncating(int fd, off_t length) {
    REAL(int, "ftruncate64", int, off_t);
    char full[PATH_MAX];
    if (!watched(fd, full)) return real(fd, length);
    pthread_mutex_lock(&lock);
    before(TRUNCATE, full);
    int status = real(fd, length);
    if (!status) after(TRUNCATE, inode_of(fd), length, 0, full, "", "", 0);
    pthread_mutex_unlock(&lock);
    return status;
}

int ftruncate(int fd, off_t length) { return truncating(fd, length); }
int ftruncate64(int fd, off_t length) { return truncating(fd, length); }

static int syncing(int fd, int (*real)(int)) {
    char full[PATH_MAX];
    struct stat found;
    if (!watched(fd, full) || fstat(fd, &found)) return real(fd);
    int kind = S_ISDIR(found.st_mode) ? SYNC_FOLDER : SYNC;
    pthread_mutex_lock(&lock);
    before(kind, full);
    int status = real(fd);
    if (!status) after(kind, found.st_ino, 0, 0, full, "", "", 0);
    pthread_mutex_unlock(&lock);
    return status;
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    return syncing(fd, real);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return syncing(fd, real);
}

static uint64_t inode_at(const char *path) {
    struct stat found;
    return lstat(path, &found) ? 0 : found.st_ino;
}

static int renaming(int from_at, const char *from, int to_at, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    char old[PATH_MAX], new[PATH_MAX];
    if (!root_length || !absolute(from_at, from, old) || !absolute(to_at, to, new))
        return real(from_at, from, to_at, to);
    pthread_mutex_lock(&lock);
    before(RENAME, new);
    int status = real(from_at, from, to_at, to);
    int kept = errno;
    if (!status) after(RENAME, inode_at(new), 0, 0, old, new, "", 0);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return status;
}

int rename(const char *from, const char *to) { return renaming(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int from_at, const char *from, int to_at, const char *to) { return renaming(from_at, from, to_at, to); }

static int linking(int from_at, const char *from, int to_at, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    char old[PATH_MAX], new[PATH_MAX];
    if (!root_length || !absolute(from_at, from, old) || !absolute(to_at, to, new))
        return real(from_at, from, to_at, to, flags);
    pthread_mutex_lock(&lock);
    before(LINK, new);
    int status = real(from_at, from, to_at, to, flags);
    int kept = errno;
    if (!status) after(LINK, inode_at(new), 0, 0, old, new, "", 0);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return status;
}

int link(const char *from, const char *to) { return linking(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    return linking(from_at, from, to_at, to, flags);
}

static int removing(int at, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    char full[PATH_MAX];
    if (!root_length || !absolute(at, path, full)) return real(at, path, flags);
    int kind = flags & AT_REMOVEDIR ? RMDIR : UNLINK;
    pthread_mutex_lock(&lock);
    before(kind, full);
    int status = real(at, path, flags);
    int kept = errno;
    if (!status) after(kind, 0, 0, 0, full, "", "", 0);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return status;
}

int unlink(const char *path) { return removing(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return removing(at, path, flags); }
int rmdir(const char *path) { return removing(AT_FDCWD, path, AT_REMOVEDIR); }

static int making(int at, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    char full[PATH_MAX];
    if (!root_length || !absolute(at, path, full)) return real(at, path, mode);
    pthread_mutex_lock(&lock);
    before(MKDIR, full);
    int status = real(at, path, mode);
    int kept = errno;
    if (!status) after(MKDIR, inode_at(full), 0, mode, full, "", "", 0);
    errno = kept;
    pthread_mutex_unlock(&lock);
    return status;
}

int mkdir(const char *path, mode_t mode) { return making(AT_FDCWD, path, mode); }
int mkdirat(int at, const char *path, mode_t mode) { return making(at, path, mode); }
