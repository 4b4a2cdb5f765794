/* What the reliability campaign does to a program and to whatever it starts, by LD_PRELOAD.

   All processes share one `struct state`, which the campaign maps too (preload.py has the same
   layout): their changes of files below a folder are counted together, and one of a given number
   fails, is cut short, waits, or is the end of its process. Processes are counted by kind as they
   are born, and one can get a signal so many microseconds later. The clock can jump.

   Programs that are linked statically are not reached. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum action { NOTHING, ERROR, SHORT, KILL, WAIT };
enum call { OTHER, INTERRUPTED, WRITTEN }; /* what can happen to one: EINTR, a short write too */
#define CALLS 4096

struct state {
    char root[1024];     /* changes of files below this folder are counted */
    int64_t count, at;   /* changes so far; the one with which it begins, from 0, or -1 */
    int32_t action;      /* what happens to it */
    int32_t code;        /* the errno of ERROR */
    int32_t lasting;     /* whether it happens to all that follow, too */
    int32_t hits;        /* to how many it happened */
    int32_t waiting;     /* 1 while a process waits; the campaign sets 2 */
    int32_t birth;       /* which process of the kind gets the signal, from 0 */
    char first[2048];    /* the first change it happened to: the call and the path */
    char kind[32];       /* the kind of process that gets a signal, "" for none */
    int32_t births;      /* processes of that kind so far */
    int32_t delay;       /* microseconds from its birth to the signal */
    int32_t signal;
    int32_t sent;        /* whether the signal was sent */
    int64_t shift;       /* seconds by which the clock is wrong, from `readings` > `steady` on */
    int64_t readings, steady;
    char calls[CALLS];   /* of each change: WRITTEN, INTERRUPTED or OTHER */
};

static struct state *state;
static int is_forkserver;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static void end_here(int number) {
    kill(getpid(), number);
    if (number == SIGKILL)
        _exit(137); /* where a sandbox forbids kill */
}

/* === Changes of files ========================================================================= */

/* The absolute path that a call is given: relative to the folder of a descriptor, or, where it is
   NULL, that of the descriptor itself. */
static void full_path(char *full, int folder, const char *path) {
    char link[64], place[PATH_MAX];
    ssize_t length;
    if (path && path[0] == '/') {
        snprintf(full, PATH_MAX, "%s", path);
        return;
    }
    if (folder == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/self/cwd");
    else
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    length = readlink(link, place, sizeof place - 1);
    place[length > 0 ? length : 0] = 0;
    snprintf(full, PATH_MAX, "%.2000s%s%.2000s", place, path ? "/" : "", path ? path : "");
}

static int is_counted(const char *full) {
    size_t length = strlen(state->root);
    return length && !strncmp(full, state->root, length) && (!full[length] || full[length] == '/');
}

/* POSIX allows EINTR for INTERRUPTED; Python and SQLite try them again. */
static enum call kind_of_call(const char *call) {
    if (!strcmp(call, "write"))
        return WRITTEN;
    if (!strcmp(call, "open") || !strcmp(call, "fsync") || !strcmp(call, "ftruncate"))
        return INTERRUPTED;
    return OTHER;
}

static void wait_for_campaign(void) {
    state->waiting = 1;
    for (int i = 0; i < 20000 && state->waiting == 1; i++)
        usleep(1000);
}

/* What is to happen to a change; ERROR has set errno. KILL does not return. */
static enum action action_for(const char *call, int folder, const char *path) {
    char full[PATH_MAX];
    int before = errno, number;
    if (!state || !state->root[0])
        return NOTHING;
    full_path(full, folder, path);
    errno = before;
    if (!is_counted(full))
        return NOTHING;
    number = __atomic_fetch_add(&state->count, 1, __ATOMIC_SEQ_CST);
    if (number < CALLS)
        state->calls[number] = kind_of_call(call);
    if (state->at < 0 || number < state->at || (number > state->at && !state->lasting))
        return NOTHING;
    if (state->action == ERROR && state->code == EINTR && kind_of_call(call) == OTHER)
        return NOTHING;
    if (state->action == SHORT && kind_of_call(call) != WRITTEN)
        return NOTHING;
    if (__atomic_fetch_add(&state->hits, 1, __ATOMIC_SEQ_CST) == 0)
        snprintf(state->first, sizeof state->first, "%s %.2000s", call, full);
    if (state->action == KILL)
        end_here(SIGKILL);
    if (state->action == WAIT)
        wait_for_campaign();
    if (state->action == ERROR)
        errno = state->code;
    return state->action;
}

#define FAILS(call, folder, path) (action_for(call, folder, path) == ERROR)

#define CHANGE(type, name, parameters, arguments, call, folder, path)                             \
    type name parameters {                                                                         \
        if (FAILS(call, folder, path))                                                             \
            return -1;                                                                             \
        return REAL(name) arguments;                                                               \
    }

CHANGE(int, rename, (const char *old, const char *new), (old, new), "rename", AT_FDCWD, new)
CHANGE(int, renameat, (int from, const char *old, int to, const char *new), (from, old, to, new),
       "rename", to, new)
CHANGE(int, renameat2, (int from, const char *old, int to, const char *new, unsigned flags),
       (from, old, to, new, flags), "rename", to, new)
CHANGE(int, link, (const char *old, const char *new), (old, new), "link", AT_FDCWD, new)
CHANGE(int, linkat, (int from, const char *old, int to, const char *new, int flags),
       (from, old, to, new, flags), "link", to, new)
CHANGE(int, symlink, (const char *to, const char *path), (to, path), "symlink", AT_FDCWD, path)
CHANGE(int, symlinkat, (const char *to, int folder, const char *path), (to, folder, path),
       "symlink", folder, path)
CHANGE(int, unlink, (const char *path), (path), "unlink", AT_FDCWD, path)
CHANGE(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), "unlink",
       folder, path)
CHANGE(int, rmdir, (const char *path), (path), "rmdir", AT_FDCWD, path)
CHANGE(int, mkdir, (const char *path, mode_t mode), (path, mode), "mkdir", AT_FDCWD, path)
CHANGE(int, mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode), "mkdir",
       folder, path)
CHANGE(int, utimensat, (int folder, const char *path, const struct timespec times[2], int flags),
       (folder, path, times, flags), "utime", folder, path)
CHANGE(int, futimens, (int file, const struct timespec times[2]), (file, times), "utime", file, NULL)
CHANGE(int, fsync, (int file), (file), "fsync", file, NULL)
CHANGE(int, fdatasync, (int file), (file), "fsync", file, NULL)
CHANGE(int, ftruncate, (int file, off_t size), (file, size), "ftruncate", file, NULL)
CHANGE(int, ftruncate64, (int file, off64_t size), (file, size), "ftruncate", file, NULL)
CHANGE(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count),
       "writev", file, NULL)
CHANGE(ssize_t, sendfile, (int to, int from, off_t *start, size_t size), (to, from, start, size),
       "sendfile", to, NULL)
CHANGE(ssize_t, sendfile64, (int to, int from, off64_t *start, size_t size),
       (to, from, start, size), "sendfile", to, NULL)
CHANGE(ssize_t, copy_file_range,
       (int from, off64_t *start, int to, off64_t *end, size_t size, unsigned flags),
       (from, start, to, end, size, flags), "copy_file_range", to, NULL)

#define WRITE(name, parameters, arguments, half)                                                   \
    ssize_t name parameters {                                                                      \
        enum action action = action_for("write", file, NULL);                                      \
        if (action == ERROR)                                                                       \
            return -1;                                                                             \
        if (action == SHORT && size > 1)                                                           \
            return REAL(name) half;                                                                \
        return REAL(name) arguments;                                                               \
    }

WRITE(write, (int file, const void *from, size_t size), (file, from, size), (file, from, size / 2))
WRITE(pwrite, (int file, const void *from, size_t size, off_t at), (file, from, size, at),
      (file, from, size / 2, at))
WRITE(pwrite64, (int file, const void *from, size_t size, off64_t at), (file, from, size, at),
      (file, from, size / 2, at))

#define CHANGING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

#define OPEN(name, parameters, arguments, folder)                                                  \
    int name parameters {                                                                          \
        va_list rest;                                                                              \
        mode_t mode;                                                                               \
        va_start(rest, flags);                                                                     \
        mode = va_arg(rest, mode_t);                                                               \
        va_end(rest);                                                                              \
        if (flags & CHANGING && FAILS("open", folder, path))                                       \
            return -1;                                                                             \
        return REAL(name) arguments;                                                               \
    }

OPEN(open, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPEN(openat, (int folder, const char *path, int flags, ...), (folder, path, flags, mode), folder)
OPEN(openat64, (int folder, const char *path, int flags, ...), (folder, path, flags, mode), folder)

#define STREAM(name)                                                                               \
    FILE *name(const char *path, const char *mode) {                                               \
        if (strpbrk(mode, "wa+") && FAILS("open", AT_FDCWD, path))                                 \
            return NULL;                                                                           \
        return REAL(name)(path, mode);                                                             \
    }

STREAM(fopen)
STREAM(fopen64)

/* The program opens without links, and renames without replacing, by the numbers of these calls. */
long syscall(long number, ...) {
    long words[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        words[i] = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_openat2 && *(uint64_t *)words[2] & CHANGING &&
        FAILS("open", words[0], (const char *)words[1]))
        return -1;
    if (number == SYS_renameat2 && FAILS("rename", words[2], (const char *)words[3]))
        return -1;
    return REAL(syscall)(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

/* === Births of processes ====================================================================== */

static void *send_later(void *nothing) {
    struct timespec delay = {state->delay / 1000000, state->delay % 1000000 * 1000L};
    nanosleep(&delay, NULL);
    state->sent = 1;
    end_here(state->signal);
    return nothing;
}

/* Note the birth of this process; where it is the one, send it the signal when its time has come.
   The thread that does so takes no signals: the first thread gets it, as from outside. */
static void note_birth(const char *kind) {
    pthread_t thread;
    sigset_t all, before;
    if (strcmp(kind, state->kind) ||
        __atomic_fetch_add(&state->births, 1, __ATOMIC_SEQ_CST) != state->birth)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!pthread_create(&thread, NULL, send_later, NULL))
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The kind of process that a command line is of; "" for others. */
static const char *kind_of(char *words, size_t length) {
    static const char *tools[] = {"ffmpeg", "ffprobe", "whisper-cli"};
    for (size_t i = 0; i < length; i++)
        words[i] = words[i] ? words[i] : '\n';
    if (strstr(words, "multiprocessing.forkserver"))
        return "forkserver";
    if (strstr(words, "multiprocessing.resource_tracker"))
        return "tracker";
    if (strstr(words, "/index.py\n"))
        return "program";
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s\n", tools[i]);
        char *found = strstr(words, name);
        if (found && (found == words || found[-1] == '/'))
            return tools[i];
    }
    return "";
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CAMPAIGN_STATE");
    char words[4096];
    int file = path ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;
    ssize_t length;
    if (file < 0)
        return;
    state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (state == MAP_FAILED) {
        state = NULL;
        return;
    }
    file = REAL(open)("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    length = read(file, words, sizeof words - 1);
    close(file);
    words[length > 0 ? length : 0] = 0;
    const char *kind = kind_of(words, length > 0 ? length : 0);
    is_forkserver = !strcmp(kind, "forkserver");
    note_birth(kind);
}

/* A forkserver forks workers; what others fork becomes another program, and begins there. */
pid_t fork(void) {
    pid_t child = REAL(fork)();
    if (!child && state && is_forkserver) {
        is_forkserver = 0;
        note_birth("worker");
    }
    return child;
}

/* === The clock ================================================================================ */

static time_t shift(void) {
    if (!state || !state->shift)
        return 0;
    return __atomic_fetch_add(&state->readings, 1, __ATOMIC_SEQ_CST) < state->steady ? 0
                                                                                    : state->shift;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = REAL(clock_gettime)(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += shift();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int failed = REAL(gettimeofday)(now, zone);
    if (!failed)
        now->tv_sec += shift();
    return failed;
}

time_t time(time_t *target) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (target)
        *target = now.tv_sec;
    return now.tv_sec;
}
