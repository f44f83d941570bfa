#include "tests/fault/fault.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static struct fault_page *page;
static bool in_main; /* what libraries do before is not our matter */
/* Nor is it what glibc's name service does: its nss_database.c ends the program without memory. */
static __thread bool in_name_service;
/* A signal's handler may call while its thread is in here, with the lock. */
static __thread volatile sig_atomic_t judging;

static struct fault_page *map_page(void)
{
    const char *path = getenv(FAULT_VARIABLE);
    int fd = path ? (int)openat64(AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    void *at;

    if (fd < 0)
        return NULL;
    at = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd); /* one of ours, which fails nothing before there is a page */
    return at == MAP_FAILED ? NULL : at;
}

EXPORT struct fault_page *fault_page(void)
{
    if (!page)
        page = map_page();
    return page;
}

/* A command that runs the broker, such as valgrind, has us in it before the broker has. */
static bool is_tested(void)
{
    const char *name = program_invocation_short_name;

    return strcmp(name, "ipcbrokerd") == 0 || strcmp(name, "fault-client") == 0;
}

/* main() begins where this calls it. */
static int (*real_main)(int, char **, char **);

static int watched_main(int argc, char **argv, char **environment)
{
    int r;

    (void)fault_page();
    __atomic_store_n(&in_main, is_tested(), __ATOMIC_SEQ_CST);
    r = real_main(argc, argv, environment);
    __atomic_store_n(&in_main, false, __ATOMIC_SEQ_CST);
    return r;
}

EXPORT int __libc_start_main(int (*begin)(int, char **, char **), int argc, char **argv,
                             void (*init)(void), void (*fini)(void), void (*loader_fini)(void),
                             void *stack_end)
{
    int (*real)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
                void (*)(void), void *) = dlsym(RTLD_NEXT, "__libc_start_main");

    real_main = begin;
    return real(watched_main, argc, argv, init, fini, loader_fini, stack_end);
}

/* ---- whether it fails ---- */

static void name_site(struct fault_site *site, int call, const void *where)
{
    Dl_info info;
    const char *slash;

    *site = (struct fault_site){.call = call, .offset = (unsigned long)where};
    if (!dladdr(where, &info) || !info.dli_fname)
        return;
    site->offset -= (unsigned long)info.dli_fbase;
    slash = strrchr(info.dli_fname, '/');
    strncpy(site->file, slash ? slash + 1 : info.dli_fname, sizeof site->file - 1);
}

static struct fault_site *find_site(int call, const void *where)
{
    static const void *known[FAULT_SITES]; /* addresses of this process, by its own numbers */
    static unsigned index[FAULT_SITES], calls[FAULT_SITES], n_known;
    struct fault_site site;
    unsigned i;

    for (i = 0; i < n_known; i++)
        if (known[i] == where && calls[i] == (unsigned)call)
            return &page->sites[index[i]];
    name_site(&site, call, where);
    for (i = 0; i < page->n_sites; i++)
        if (page->sites[i].call == call && page->sites[i].offset == site.offset &&
            strcmp(page->sites[i].file, site.file) == 0)
            break;
    if (i == FAULT_SITES || n_known == FAULT_SITES)
        return &page->sites[0];
    if (i == page->n_sites) {
        page->sites[i] = site;
        page->n_sites++;
    }
    known[n_known] = where;
    calls[n_known] = (unsigned)call;
    index[n_known++] = i;
    return &page->sites[i];
}

/* After a call that fails from then on closing fails, too: cleaning up must not hide the cause. */
static bool fails_beside(int call)
{
    return call == FAULT_close && page->call >= 0 && page->persistent && page->failed > 0;
}

/* What this call fails with; 0: it does not. */
static int judge(int call, const void *where)
{
    struct fault_site *site = find_site(call, where);
    int error = 0;

    page->counts[call]++;
    site->n_calls++;
    if (page->call == call) {
        long seen = ++page->seen;

        if (page->persistent ? seen >= page->at : seen == page->at)
            error = page->error;
        page->failed += error != 0;
    } else if (fails_beside(call)) {
        error = EIO;
    }
    site->n_failed += error != 0;
    return error;
}

/* Sets errno if so. */
static bool fails(int call, const void *where)
{
    int error;

    if (!page || !in_main || in_name_service || judging || !page->armed)
        return false;
    judging = 1;
    while (__atomic_exchange_n(&page->lock, 1, __ATOMIC_SEQ_CST))
        ;
    error = page->armed ? judge(call, where) : 0;
    __atomic_store_n(&page->lock, 0, __ATOMIC_RELEASE);
    judging = 0;
    if (error)
        errno = error;
    return error;
}

#define FAILS(name) fails(FAULT_##name, __builtin_return_address(0))
#define NEXT(name)  ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* One that gives FAILURE and sets errno. */
#define WRAP(type, failure, name, parameters, arguments)                                           \
    EXPORT type name parameters                                                                    \
    {                                                                                              \
        static __typeof__(&name) next;                                                             \
        if (FAILS(name))                                                                           \
            return failure;                                                                        \
        if (!next)                                                                                 \
            next = NEXT(name);                                                                     \
        return next arguments;                                                                     \
    }

/* What _FORTIFY_SOURCE makes of it. */
#define WRAP_TWIN(type, failure, twin, name, parameters, arguments)                                \
    type twin parameters;                                                                          \
    EXPORT type twin parameters                                                                    \
    {                                                                                              \
        static __typeof__(&twin) next;                                                             \
        if (FAILS(name))                                                                           \
            return failure;                                                                        \
        if (!next)                                                                                 \
            next = NEXT(twin);                                                                     \
        return next arguments;                                                                     \
    }

/* ---- memory ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

EXPORT void *malloc(size_t size)
{
    return FAILS(malloc) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
    return FAILS(calloc) ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *old, size_t size)
{
    return FAILS(realloc) ? NULL : __libc_realloc(old, size);
}

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
    size_t bytes;

    if (FAILS(reallocarray))
        return NULL;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(old, bytes);
}

/* ---- sockets ---- */

WRAP(int, -1, accept4, (int fd, struct sockaddr *address, socklen_t *size, int flags),
     (fd, address, size, flags))
WRAP(int, -1, bind, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size))
WRAP(int, -1, connect, (int fd, const struct sockaddr *address, socklen_t size),
     (fd, address, size))
WRAP(int, -1, getsockname, (int fd, struct sockaddr *address, socklen_t *size), (fd, address, size))
WRAP(int, -1, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
     (fd, level, name, value, size))
WRAP(int, -1, listen, (int fd, int backlog), (fd, backlog))
WRAP(ssize_t, -1, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags))
WRAP_TWIN(ssize_t, -1, __recv_chk, recv, (int fd, void *to, size_t size, size_t room, int flags),
          (fd, to, size, room, flags))
WRAP(ssize_t, -1, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP(ssize_t, -1, send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags))
WRAP(ssize_t, -1, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
WRAP(int, -1, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
     (fd, level, name, value, size))
WRAP(int, -1, shutdown, (int fd, int how), (fd, how))
WRAP(int, -1, socket, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, -1, socketpair, (int domain, int type, int protocol, int ends[2]),
     (domain, type, protocol, ends))

/* ---- waiting ---- */

WRAP(int, -1, epoll_create1, (int flags), (flags))
WRAP(int, -1, epoll_ctl, (int fd, int op, int other, struct epoll_event *event),
     (fd, op, other, event))
WRAP(int, -1, epoll_wait, (int fd, struct epoll_event *events, int n, int timeout),
     (fd, events, n, timeout))
WRAP(int, -1, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
WRAP_TWIN(int, -1, __poll_chk, poll, (struct pollfd * fds, nfds_t n, int timeout, size_t room),
          (fds, n, timeout, room))
WRAP(int, -1, ppoll,
     (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
     (fds, n, timeout, mask))
WRAP_TWIN(int, -1, __ppoll_chk, ppoll,
          (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
           size_t room),
          (fds, n, timeout, mask, room))
WRAP(int, -1, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
WRAP(int, -1, sigtimedwait, (const sigset_t *set, siginfo_t *info, const struct timespec *timeout),
     (set, info, timeout))

WRAP(int, -1, timerfd_create, (int clock, int flags), (clock, flags))
WRAP(int, -1, timerfd_settime,
     (int fd, int flags, const struct itimerspec *value, struct itimerspec *old),
     (fd, flags, value, old))

int timer_create(clockid_t clock, struct sigevent *event, timer_t *timer);
WRAP(int, -1, timer_create, (clockid_t clock, struct sigevent *event, timer_t *timer),
     (clock, event, timer))
WRAP(int, -1, timer_settime,
     (timer_t timer, int flags, const struct itimerspec *value, struct itimerspec *old),
     (timer, flags, value, old))

/* ---- objects ---- */

int eventfd(unsigned count, int flags);
WRAP(int, -1, eventfd, (unsigned count, int flags), (count, flags))
WRAP(int, -1, memfd_create, (const char *name, unsigned flags), (name, flags))
WRAP(int, -1, pipe2, (int ends[2], int flags), (ends, flags))
WRAP(int, -1, mq_getattr, (mqd_t queue, struct mq_attr *attributes), (queue, attributes))
WRAP(int, -1, mq_setattr, (mqd_t queue, const struct mq_attr *new, struct mq_attr *old),
     (queue, new, old))
WRAP(ssize_t, -1, mq_receive, (mqd_t queue, char *to, size_t size, unsigned *priority),
     (queue, to, size, priority))
WRAP(int, -1, mq_send, (mqd_t queue, const char *from, size_t size, unsigned priority),
     (queue, from, size, priority))
WRAP(ssize_t, -1, mq_timedreceive,
     (mqd_t queue, char *to, size_t size, unsigned *priority, const struct timespec *until),
     (queue, to, size, priority, until))
WRAP(int, -1, mq_timedsend,
     (mqd_t queue, const char *from, size_t size, unsigned priority, const struct timespec *until),
     (queue, from, size, priority, until))
WRAP(int, -1, mq_unlink, (const char *name), (name))
WRAP_TWIN(mqd_t, -1, __mq_open_2, mq_open, (const char *name, int flags), (name, flags))

EXPORT mqd_t mq_open(const char *name, int flags, ...)
{
    va_list list;
    mode_t mode = 0;
    struct mq_attr *attributes = NULL;

    if (FAILS(mq_open))
        return -1;
    if (flags & O_CREAT) {
        va_start(list, flags);
        mode = va_arg(list, mode_t);
        attributes = va_arg(list, struct mq_attr *);
        va_end(list);
    }
    return NEXT(mq_open)(name, flags, mode, attributes);
}

/* ---- files ---- */

static mode_t mode_of(int flags, va_list list)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

#define WRAP_OPEN(name, parameters, arguments)                                                     \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        va_list list;                                                                              \
        mode_t mode;                                                                               \
        if (FAILS(name))                                                                           \
            return -1;                                                                             \
        va_start(list, flags);                                                                     \
        mode = mode_of(flags, list);                                                               \
        va_end(list);                                                                              \
        return NEXT(name) arguments;                                                               \
    }
WRAP_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))
WRAP_TWIN(int, -1, __open_2, open, (const char *path, int flags), (path, flags))
WRAP_TWIN(int, -1, __openat_2, openat, (int directory, const char *path, int flags),
          (directory, path, flags))

/* It fails after its work: the descriptor is gone all the same. */
EXPORT int close(int fd)
{
    int r = NEXT(close)(fd);

    return FAILS(close) ? -1 : r;
}

int close_range(unsigned from, unsigned to, int flags);
WRAP(int, -1, close_range, (unsigned from, unsigned to, int flags), (from, to, flags))
WRAP(int, -1, chmod, (const char *path, mode_t mode), (path, mode))
WRAP(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, -1, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
WRAP(int, -1, dup3, (int fd, int to, int flags), (fd, to, flags))
WRAP(char *, NULL, fgets, (char *to, int size, FILE *from), (to, size, from))
WRAP_TWIN(char *, NULL, __fgets_chk, fgets, (char *to, size_t room, int size, FILE *from),
          (to, room, size, from))
WRAP(FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode))
WRAP(int, -1, flock, (int fd, int operation), (fd, operation))
WRAP(int, -1, fstat, (int fd, struct stat *status), (fd, status))
WRAP(int, -1, lstat, (const char *path, struct stat *status), (path, status))
WRAP(int, -1, stat, (const char *path, struct stat *status), (path, status))
WRAP(int, -1, ftruncate, (int fd, off_t size), (fd, size))
WRAP(int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, -1, unlink, (const char *path), (path))
WRAP(DIR *, NULL, opendir, (const char *path), (path))
WRAP(struct dirent *, NULL, readdir, (DIR * directory), (directory))
WRAP(ssize_t, -1, read, (int fd, void *to, size_t size), (fd, to, size))
WRAP_TWIN(ssize_t, -1, __read_chk, read, (int fd, void *to, size_t size, size_t room),
          (fd, to, size, room))
WRAP(ssize_t, -1, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at))
WRAP_TWIN(ssize_t, -1, __pread_chk, pread, (int fd, void *to, size_t size, off_t at, size_t room),
          (fd, to, size, at, room))
WRAP(ssize_t, -1, preadv2, (int fd, const struct iovec *to, int n, off_t at, int flags),
     (fd, to, n, at, flags))
WRAP(ssize_t, -1, pwritev2, (int fd, const struct iovec *from, int n, off_t at, int flags),
     (fd, from, n, at, flags))
WRAP(ssize_t, -1, readlink, (const char *path, char *to, size_t size), (path, to, size))
WRAP_TWIN(ssize_t, -1, __readlink_chk, readlink,
          (const char *path, char *to, size_t size, size_t room), (path, to, size, room))
WRAP(char *, NULL, realpath, (const char *path, char *to), (path, to))
WRAP_TWIN(char *, NULL, __realpath_chk, realpath, (const char *path, char *to, size_t room),
          (path, to, room))
WRAP(ssize_t, -1, write, (int fd, const void *from, size_t size), (fd, from, size))

EXPORT int fcntl(int fd, int command, ...)
{
    va_list list;
    long argument;

    va_start(list, command);
    argument = va_arg(list, long);
    va_end(list);
    return FAILS(fcntl) ? -1 : NEXT(fcntl)(fd, command, argument);
}

EXPORT int dprintf(int fd, const char *format, ...)
{
    va_list list;
    int r;

    if (FAILS(dprintf))
        return -1;
    va_start(list, format);
    r = vdprintf(fd, format, list);
    va_end(list);
    return r;
}

int __dprintf_chk(int fd, int flag, const char *format, ...);
EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...)
{
    va_list list;
    int r;

    (void)flag;
    if (FAILS(dprintf))
        return -1;
    va_start(list, format);
    r = vdprintf(fd, format, list);
    va_end(list);
    return r;
}

/* ---- the process ---- */

WRAP(int, -1, setrlimit, (__rlimit_resource_t resource, const struct rlimit *limit),
     (resource, limit))

ssize_t getrandom(void *to, size_t size, unsigned flags);
WRAP(ssize_t, -1, getrandom, (void *to, size_t size, unsigned flags), (to, size, flags))

EXPORT int prctl(int option, ...)
{
    va_list list;
    unsigned long a[4];

    va_start(list, option);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(list, unsigned long);
    va_end(list);
    return FAILS(prctl) ? -1 : NEXT(prctl)(option, a[0], a[1], a[2], a[3]);
}

EXPORT long syscall(long number, ...)
{
    va_list list;
    long a[6];

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_getpid || number == SYS_gettid) /* which cannot fail */
        return NEXT(syscall)(number);
    return FAILS(syscall) ? -1 : NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* These return their errors. */
WRAP(int, page->error, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument),
     (thread, attributes, body, argument))
#define WRAP_LOOK_UP(name, type)                                                                   \
    EXPORT int name(const char *key, type *entry, char *room, size_t size, type **ret)             \
    {                                                                                              \
        int r;                                                                                     \
        if (FAILS(name))                                                                           \
            return page->error;                                                                    \
        in_name_service = true;                                                                    \
        r = NEXT(name)(key, entry, room, size, ret);                                               \
        in_name_service = false;                                                                   \
        return r;                                                                                  \
    }
WRAP_LOOK_UP(getpwnam_r, struct passwd)
WRAP_LOOK_UP(getgrnam_r, struct group)

int sd_notify(int unset, const char *state);
WRAP(int, -page->error, sd_notify, (int unset, const char *state), (unset, state))
/* The host's journal is none of the test's: what goes there is in the log, too. */
int sd_journal_sendv(const struct iovec *fields, int n);
EXPORT int sd_journal_sendv(const struct iovec *fields, int n)
{
    if (FAILS(sd_journal_sendv))
        return -page->error;
    (void)NEXT(dprintf)(STDERR_FILENO, "journal: %.*s\n", (int)fields->iov_len,
                        (const char *)fields->iov_base);
    (void)n;
    return 0;
}
int sd_pid_notify_with_fds(pid_t pid, int unset, const char *state, const int *fds, unsigned n);
WRAP(int, -page->error, sd_pid_notify_with_fds,
     (pid_t pid, int unset, const char *state, const int *fds, unsigned n),
     (pid, unset, state, fds, n))
int sd_listen_fds_with_names(int unset, char ***ret);
WRAP(int, -page->error, sd_listen_fds_with_names, (int unset, char ***ret), (unset, ret))
int sd_watchdog_enabled(int unset, unsigned long *ret);
WRAP(int, -page->error, sd_watchdog_enabled, (int unset, unsigned long *ret), (unset, ret))
int sd_pid_get_unit(pid_t pid, char **ret);
WRAP(int, -page->error, sd_pid_get_unit, (pid_t pid, char **ret), (pid, ret))
int sd_pid_get_user_unit(pid_t pid, char **ret);
WRAP(int, -page->error, sd_pid_get_user_unit, (pid_t pid, char **ret), (pid, ret))
int sd_pid_get_owner_uid(pid_t pid, uid_t *ret);
WRAP(int, -page->error, sd_pid_get_owner_uid, (pid_t pid, uid_t *ret), (pid, ret))

int sd_notifyf(int unset, const char *format, ...);
EXPORT int sd_notifyf(int unset, const char *format, ...)
{
    char text[4096];
    va_list list;

    if (FAILS(sd_notifyf))
        return -page->error;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return NEXT(sd_notify)(unset, text);
}
