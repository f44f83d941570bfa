/* Events on pipes: one byte is one count. */
#include "client/internal.h"

#include <limits.h>
#include <signal.h>
#include <sys/uio.h>
#include <time.h>

/* Bytes that one wait takes at most: what a pipe holds by the kernel's default. */
#define TAKE_MOST 65536

/* Flag of kernel 6.18; Debian 12's headers do not have it. */
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif

/* ---- writing without SIGPIPE ---- */

/* On older kernels no flag of a write keeps SIGPIPE away, and its disposition is the program's own.
 * So it is blocked for this thread, and one that our write has raised is taken back; one that was
 * pending before, or blocked by the program, stays as it was. */
struct silence {
    sigset_t pipe, before;
    bool pending;
};

static int silence_begin(struct silence *silence)
{
    sigset_t pending;

    (void)sigemptyset(&silence->pipe);
    (void)sigaddset(&silence->pipe, SIGPIPE);
    (void)sigpending(&pending);
    silence->pending = sigismember(&pending, SIGPIPE);
    return -pthread_sigmask(SIG_BLOCK, &silence->pipe, &silence->before);
}

static void silence_end(const struct silence *silence, bool raised)
{
    static const struct timespec at_once = {0, 0};

    if (raised && !silence->pending)
        (void)sigtimedwait(&silence->pipe, NULL, &at_once);
    (void)pthread_sigmask(SIG_SETMASK, &silence->before, NULL);
}

/* Up to PIPE_BUF bytes are written all or not at all; they are only read, but for an iovec. */
static char zeros[PIPE_BUF];

int pipe_put_in_silence(int fd, uint64_t n)
{
    struct silence silence;
    int r = silence_begin(&silence);

    if (r < 0)
        return r;
    if (write(fd, zeros, n) < 0)
        r = -errno;
    silence_end(&silence, r == -EPIPE);
    return r;
}

int pipe_put(int fd, uint64_t n)
{
    const struct iovec bytes = {zeros, n};

    if (pwritev2(fd, &bytes, 1, -1, RWF_NOSIGNAL) >= 0)
        return 0;
    return errno == EOPNOTSUPP || errno == ENOSYS ? pipe_put_in_silence(fd, n) : -errno;
}

/* ---- reading ---- */

int pipe_take(int fd, int flags, uint64_t most, uint64_t *ret)
{
    char bytes[TAKE_MOST];
    struct iovec iov = {bytes, most < sizeof bytes ? most : sizeof bytes};
    ssize_t n = flags ? preadv2(fd, &iov, 1, -1, flags) : read(fd, bytes, iov.iov_len);

    if (n < 0)
        return -errno;
    if (n == 0) /* no writer is left, and the broker is gone too */
        return -EPIPE;
    *ret = (uint64_t)n;
    return 0;
}
