/* Kills a process of a run at one place: before or after a rename, a fork or the removal of a file, or before, in the
 * middle of or after a write. Loaded into every process of the run by LD_PRELOAD; see injector.py.
 *
 * FAULT_ROOT    only files below this folder count
 * FAULT_LOG     if set, every event is appended to this file: kind, path
 * FAULT_PLACE   if set, "when kind index path": where to kill; index counts the events of that kind and path in a process
 * FAULT_FIRED   this file is made when the place is reached, once for all processes
 * FAULT_SCOPE   "process": this process dies. "all": it stops, and who watches FAULT_FIRED kills the whole run.
 *               "full": nobody dies; from there on, the disk is full for this process
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BEFORE, HALF, AFTER };
static const char *WHEN[] = {"before", "half", "after"};

static int ready;
static char root[PATH_MAX], place_kind[16], place_path[PATH_MAX];
static int place_when = -1, place_index;
static __thread int inside;

/* The events of a process on the place's path; of all, only this number matters. */
static int seen;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void prepare(void) {
    static const char *known;
    const char *given = getenv("FAULT_ROOT"), *place = getenv("FAULT_PLACE");
    if (ready && given == known) return; /* a fork of the warm interpreter gets the environment of its job */
    ready = 1, known = given;
    root[0] = 0, place_when = -1;
    if (given) snprintf(root, sizeof root, "%s/", given);
    char when[16];
    int used = 0;
    if (place && sscanf(place, "%15s %15s %d %n", when, place_kind, &place_index, &used) >= 3) {
        snprintf(place_path, sizeof place_path, "%s", place + used);
        for (int i = BEFORE; i <= AFTER; i++)
            if (!strcmp(when, WHEN[i])) place_when = i;
    }
}

/* What differs from run to run becomes #: numbers of three digits and more, and the names of temporary files, which hold
 * that of their process. */
static void normalise(const char *path, char *out) {
    size_t length = 0;
    const char *component = path;
    while (*path && length < PATH_MAX - 2) {
        if (*path == '/') component = path + 1;
        if (path == component && !strncmp(path, "tmp", 3) && strcspn(path, "/") == 11) {
            length += sprintf(out + length, "tmp#");
            path += 11;
            continue;
        }
        size_t digits = strspn(path, "0123456789");
        if (digits >= 3) {
            out[length++] = '#';
            path += digits;
        } else {
            out[length++] = *path++;
        }
    }
    out[length] = 0;
    char *end = out + length - 4, *dot = end - 1;
    if (length < 6 || strcmp(end, ".tmp")) return;
    while (dot > out && *dot != '.' && *dot != '/') dot--;
    if (*dot == '.') strcpy(dot, ".#.tmp");
}

/* The path below the root, as it is the same in every run; 0 if it is none of ours. */
static int ours(const char *path, char *out) {
    char whole[PATH_MAX];
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return 0;
        if ((size_t)snprintf(whole, sizeof whole, "%s/%s", here, path) >= sizeof whole) return 0;
        path = whole;
    }
    size_t length = strlen(root);
    if (!length || strncmp(path, root, length)) return 0;
    normalise(path + length, out);
    char *run = strstr(out, "/videossl-runs/"); /* named by their processes */
    if (run && !strstr(run, ".lock")) strcpy(run, "/videossl-runs/#");
    /* Snakemake's own log has a date in its name, and nothing reads it. */
    return strncmp(out, ".snakemake/log/", 15) != 0;
}

static int behind(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0 || path[0] != '/') return 0;
    path[length] = 0;
    return 1;
}

static int of_descriptor(int descriptor, char *out) {
    char path[PATH_MAX];
    return behind(descriptor, path) && ours(path, out);
}

/* A path that may be relative to a folder's descriptor. */
static int ours_in(int folder, const char *path, char *out) {
    char whole[PATH_MAX];
    if (folder == AT_FDCWD || path[0] == '/') return ours(path, out);
    if (!behind(folder, whole)) return 0;
    size_t length = strlen(whole);
    if ((size_t)snprintf(whole + length, sizeof whole - length, "/%s", path) >= sizeof whole - length) return 0;
    return ours(whole, out);
}

static void note(const char *kind, const char *path) {
    const char *log = getenv("FAULT_LOG");
    if (!log) return;
    int file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (file < 0) return;
    char line[PATH_MAX + 32];
    int length = snprintf(line, sizeof line, "%s\t%d\t%s\n", kind, getpid(), path);
    syscall(SYS_write, file, line, length);
    close(file);
}

/* Number of this event among those of the place in this process; 0 if it is no such event. */
static int count(const char *kind, const char *path) {
    note(kind, path);
    if (place_when < 0 || strcmp(kind, place_kind) || strcmp(path, place_path)) return 0;
    pthread_mutex_lock(&lock);
    int number = ++seen;
    pthread_mutex_unlock(&lock);
    return number;
}

static int full;

static void die(int number, int when) {
    if (number != place_index || when != place_when) return;
    const char *fired = getenv("FAULT_FIRED"), *scope = getenv("FAULT_SCOPE");
    int file = syscall(SYS_openat, AT_FDCWD, fired ? fired : "", O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (file < 0) return; /* reached before, by another process */
    close(file);
    if (scope && !strcmp(scope, "full"))
        full = 1;
    else
        kill(getpid(), scope && !strcmp(scope, "all") ? SIGSTOP : SIGKILL);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int around(int folder, const char *about, const char *kind, int (*act)(void *), void *arguments) {
    char path[PATH_MAX];
    prepare();
    if (inside || !ours_in(folder, about, path)) return act(arguments);
    inside = 1;
    int number = count(kind, path);
    die(number, BEFORE);
    int result = act(arguments);
    int error = errno;
    die(number, AFTER);
    errno = error;
    inside = 0;
    return result;
}

struct pair { const char *from, *to; int from_folder, to_folder; };
static int act_rename(void *given) {
    struct pair *p = given;
    return REAL(rename)(p->from, p->to);
}
static int act_renameat(void *given) {
    struct pair *p = given;
    return REAL(renameat)(p->from_folder, p->from, p->to_folder, p->to);
}
int rename(const char *from, const char *to) {
    struct pair p = {from, to, 0, 0};
    return around(AT_FDCWD, to, "rename", act_rename, &p);
}
int renameat(int a, const char *from, int b, const char *to) {
    struct pair p = {from, to, a, b};
    return around(b, to, "rename", act_renameat, &p);
}

static int act_unlink(void *given) { return REAL(unlink)(given); }
static int act_unlinkat(void *given) {
    struct pair *p = given;
    return REAL(unlinkat)(p->from_folder, p->from, p->to_folder);
}
int unlink(const char *path) { return around(AT_FDCWD, path, "remove", act_unlink, (void *)path); }
int unlinkat(int folder, const char *path, int flags) {
    struct pair p = {path, 0, folder, flags};
    return around(folder, path, "remove", act_unlinkat, &p);
}

/* `whole` writes all, `part` the first half. */
#define AROUND_WRITE(descriptor, size, whole, part)                                                                    \
    char path[PATH_MAX];                                                                                               \
    prepare();                                                                                                         \
    if (inside || (descriptor) < 3 || !of_descriptor(descriptor, path)) return whole;                                  \
    inside = 1;                                                                                                        \
    int number = count("write", path);                                                                                 \
    die(number, BEFORE);                                                                                               \
    if (full) return inside = 0, errno = ENOSPC, -1;                                                                   \
    if (number && number == place_index && place_when == HALF && (size) > 1) {                                         \
        part;                                                                                                          \
        die(number, HALF);                                                                                             \
        if (full) return inside = 0, errno = ENOSPC, -1;                                                               \
    }                                                                                                                  \
    ssize_t result = whole;                                                                                            \
    int error = errno;                                                                                                 \
    die(number, AFTER);                                                                                                \
    errno = error;                                                                                                     \
    inside = 0;                                                                                                        \
    return result

ssize_t write(int descriptor, const void *data, size_t size) {
    AROUND_WRITE(descriptor, size, REAL(write)(descriptor, data, size),
                 if (REAL(write)(descriptor, data, size / 2) < 0) {});
}
ssize_t pwrite(int descriptor, const void *data, size_t size, off_t at) {
    AROUND_WRITE(descriptor, size, REAL(pwrite)(descriptor, data, size, at),
                 if (REAL(pwrite)(descriptor, data, size / 2, at) < 0) {});
}
ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t at) {
    AROUND_WRITE(descriptor, size, REAL(pwrite64)(descriptor, data, size, at),
                 if (REAL(pwrite64)(descriptor, data, size / 2, at) < 0) {});
}
ssize_t writev(int descriptor, const struct iovec *parts, int number_of_parts) {
    AROUND_WRITE(descriptor, number_of_parts, REAL(writev)(descriptor, parts, number_of_parts),
                 if (REAL(writev)(descriptor, parts, number_of_parts / 2) < 0) {});
}

/* A process is told by where it prints: each job has a log of its own. */
static pid_t around_fork(void) {
    char path[PATH_MAX];
    prepare();
    if (inside || !root[0]) return REAL(fork)();
    if (!of_descriptor(1, path)) strcpy(path, "the run itself");
    inside = 1;
    int number = count("fork", path);
    die(number, BEFORE);
    pid_t child = REAL(fork)();
    if (child) die(number, AFTER);
    else seen = full = 0;
    inside = 0;
    return child;
}
pid_t fork(void) { return around_fork(); }
pid_t vfork(void) { return around_fork(); } /* a real one could not be wrapped: the child would return into our frame */
