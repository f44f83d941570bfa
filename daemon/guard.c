#include "daemon/guard.h"

#include <sys/socket.h>
#include <sys/syscall.h>

/* Option and number of kernel 6.16; Debian 12's headers do not have them. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* A name that glibc 2.36 does not give. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define PATIENCE_US  20000 /* for any call */
#define HURRY_US     50    /* for a close that may be somebody's trap */
#define DRAIN_FRAMES 64    /* the most that is looked at before a close */

bool guard_refuse(int fd)
{
    int off = 0;

    return setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off) == 0;
}

/* ---- the timer ---- */

/* It repeats: a signal that comes just before a call interrupts nothing. */
static void arm(struct guard *guard, long us)
{
    const struct timespec time = {.tv_nsec = us * 1000};
    const struct itimerspec times = {time, time};

    (void)timer_settime(guard->timer, 0, &times, NULL); /* cannot fail with these */
}

/* To have come is what counts: the call that lasts ends. Of a loop that waits it is the last. */
static void tick(int number, siginfo_t *info, void *context)
{
    struct guard *guard = info->si_value.sival_ptr;

    (void)number;
    (void)context;
    if (info->si_code != SI_TIMER) /* somebody's kill(1) */
        return;
    guard->ticks++;
    if (guard->resting) {
        guard->ticking = 0;
        arm(guard, 0);
    }
}

static int make_timer(struct guard *guard)
{
    /* No SA_RESTART: a call that was interrupted is not taken up again. */
    const struct sigaction action = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO};
    sigset_t set;
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID,
        .sigev_signo = SIGALRM,
        .sigev_value.sival_ptr = guard,
    };

    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGALRM);
    if (sigprocmask(SIG_UNBLOCK, &set, NULL) < 0) /* whoever started us may have blocked it */
        return -errno;
    if (sigaction(SIGALRM, &action, NULL) < 0)
        return -errno;
    if (timer_create(CLOCK_MONOTONIC, &event, &guard->timer) < 0)
        return -errno;
    guard->made = true;
    return 0;
}

int guard_enter(struct guard *guard)
{
    int r = guard->made ? 0 : make_timer(guard);

    if (r < 0)
        return r;
    guard->n_unguarded++;
    guard_wake(guard);
    return 0;
}

void guard_leave(struct guard *guard)
{
    guard->n_unguarded--;
}

void guard_deinit(struct guard *guard)
{
    if (guard->made)
        (void)timer_delete(guard->timer);
    guard->made = false;
}

void guard_begin(struct guard *guard)
{
    guard->ticking = 1;
    arm(guard, PATIENCE_US);
}

/* ---- sockets ---- */

/* The kernel says when it would have to drop control messages: there is room for none but
 * credentials, which it puts first. Where these do not come a descriptor would fit. */
int guard_peek(int fd, bool credentials)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    char byte;
    struct iovec bytes = {&byte, sizeof byte};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    ssize_t r;

    if (credentials) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    r = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT);

    if (r < 0)
        return -errno;
    return message.msg_flags & MSG_CTRUNC ? -EPERM : (int)r;
}

/* Reads away frames without descriptors: whoever is closed with some unread finds a reset before
 * what he was told. True: one with descriptors is next. */
static bool drain(int fd)
{
    char byte;
    int r = 1, off = 0;

    (void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &off, sizeof off);
    for (int i = 0; i < DRAIN_FRAMES && (r = guard_peek(fd, false)) > 0; i++)
        (void)recv(fd, &byte, sizeof byte, MSG_DONTWAIT);
    return r == -EPERM;
}

/* Shut down first, so that nothing more comes while we look. All that is left is dropped by one
 * close, and one signal ends the waiting for all of it. */
bool guard_close(struct guard *guard, int fd)
{
    sig_atomic_t before = guard->ticks;
    bool descriptors;

    (void)shutdown(fd, SHUT_RDWR);
    descriptors = drain(fd);
    arm(guard, HURRY_US);
    (void)close_fd(fd);
    guard_begin(guard);
    return descriptors && guard->ticks != before;
}
