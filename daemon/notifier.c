#include "daemon/notifier.h"

#include "daemon/clock.h"

#include <poll.h>
#include <stdarg.h>
#include <string.h>

#define AGAIN_US 100000u

/* Something about descriptors. */
struct notice {
    char name[64];
    char older[64]; /* is forgotten when that has been kept; "" for none */
    int ends[2];    /* to be kept, owned; -1: to be forgotten */
    TAILQ_ENTRY(notice) entry;
};

/* ---- life ---- */

static void drop(struct notifier *notifier, struct notice *notice)
{
    TAILQ_REMOVE(&notifier->notices, notice, entry);
    (void)close_fd(notice->ends[0]);
    (void)close_fd(notice->ends[1]);
    free(notice);
}

static void fire(struct timer *timer);

/* A path, or with an @ a name in the abstract name space. */
void notifier_init(struct notifier *notifier)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t size = path ? strlen(path) : 0;

    *notifier = (struct notifier){
        .fd = -1,
        .address.sun_family = AF_UNIX,
        .address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size),
        .timer.fire = fire,
        .told_us = now_us(),
    };
    TAILQ_INIT(&notifier->notices);
    if (size < 2 || size >= sizeof notifier->address.sun_path || !strchr("/@", path[0]))
        return;
    memcpy(notifier->address.sun_path, path, size);
    if (path[0] == '@')
        notifier->address.sun_path[0] = '\0';
    notifier->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void notifier_deinit(struct notifier *notifier)
{
    while (!TAILQ_EMPTY(&notifier->notices))
        drop(notifier, TAILQ_FIRST(&notifier->notices));
    loop_disarm(&notifier->timer);
    notifier->fd = close_fd(notifier->fd);
}

bool notifier_is_there(const struct notifier *notifier)
{
    return notifier->fd >= 0;
}

/* ---- sending ---- */

static int transmit(const struct notifier *notifier, const char *text, const int *fds, size_t n)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec data = {(void *)(uintptr_t)text, strlen(text)};
    struct msghdr message = {
        .msg_name = (void *)(uintptr_t)&notifier->address,
        .msg_namelen = notifier->address_size,
        .msg_iov = &data,
        .msg_iovlen = 1,
    };

    if (n > 0) {
        struct cmsghdr *header = &control.align;

        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(n * sizeof(int));
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(header), fds, n * sizeof(int));
    }
    return sendmsg(notifier->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int transmit_notice(const struct notifier *notifier, const struct notice *notice)
{
    bool keep = notice->ends[0] >= 0;
    char text[128];

    (void)snprintf(text, sizeof text, "%s=1\n%sFDNAME=%s", keep ? "FDSTORE" : "FDSTOREREMOVE",
                   keep ? "FDPOLL=0\n" : "", notice->name);
    return transmit(notifier, text, notice->ends, keep ? 2 : 0);
}

/* The older one is to be forgotten now. */
static void turn_over(struct notice *notice)
{
    for (int i = 0; i < 2; i++)
        notice->ends[i] = close_fd(notice->ends[i]);
    memcpy(notice->name, notice->older, sizeof notice->name);
    notice->older[0] = '\0';
}

/* Whether another try may do; else there is nobody who takes it. */
static bool is_for_later(int r)
{
    return r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM || r == -ETOOMANYREFS;
}

/* Only what has been kept takes the place of the older one: else that would be lost, too. */
static int send_notice(struct notifier *notifier, struct notice *notice)
{
    bool keep = notice->ends[0] >= 0;
    int r = transmit_notice(notifier, notice);

    if (is_for_later(r))
        return keep ? r : -EAGAIN;
    if (r >= 0 && notice->older[0])
        turn_over(notice);
    else
        drop(notifier, notice);
    return keep ? r : 0; /* what is not forgotten harms nobody */
}

/* Sends what waits, as far as it is taken. Returns what became of the last about descriptors. */
static int flush(struct notifier *notifier)
{
    struct notice *notice;
    int r = 0;

    while ((notice = TAILQ_FIRST(&notifier->notices)) && !is_for_later(r))
        r = send_notice(notifier, notice);
    /* Too many descriptors on their way are no matter of words. */
    if ((!notice || r == -ETOOMANYREFS) && notifier->state[0] &&
        !is_for_later(transmit(notifier, notifier->state, NULL, 0)))
        notifier->state[0] = '\0';
    if (notifier->loop && (notice || notifier->state[0]))
        loop_arm(notifier->loop, &notifier->timer, now_us() + AGAIN_US);
    return r;
}

static void fire(struct timer *timer)
{
    (void)flush(CONTAINER_OF(timer, struct notifier, timer));
}

/* ---- what is said ---- */

void notifier_tell(struct notifier *notifier, const char *format, ...)
{
    va_list arguments;

    if (notifier->fd < 0)
        return;
    va_start(arguments, format);
    (void)vsnprintf(notifier->state, sizeof notifier->state, format, arguments);
    va_end(arguments);
    (void)flush(notifier);
}

bool notifier_hint(struct notifier *notifier, const char *text)
{
    return notifier->fd < 0 || !is_for_later(transmit(notifier, text, NULL, 0));
}

/* Takes ENDS over. */
static int add(struct notifier *notifier, const char *name, const int ends[2], const char *older)
{
    struct notice *notice = malloc(sizeof *notice);
    bool first = TAILQ_EMPTY(&notifier->notices);
    int r;

    if (!notice) {
        (void)close_fd(ends[0]);
        (void)close_fd(ends[1]);
        return -ENOMEM;
    }
    *notice = (struct notice){.ends = {ends[0], ends[1]}};
    (void)snprintf(notice->name, sizeof notice->name, "%s", name);
    (void)snprintf(notice->older, sizeof notice->older, "%s", older ? older : "");
    TAILQ_INSERT_TAIL(&notifier->notices, notice, entry);
    r = flush(notifier);
    if (!first) /* R may be another's */
        return 0;
    if (r == -ETOOMANYREFS) /* while these ends are open it may stay so */
        drop(notifier, notice);
    return is_for_later(r) && r != -ETOOMANYREFS ? 0 : r;
}

int notifier_keep(struct notifier *notifier, const char *name, const int ends[2], const char *older)
{
    return add(notifier, name, ends, older);
}

static struct notice *find_waiting(struct notifier *notifier, const char *name)
{
    struct notice *notice;

    TAILQ_FOREACH (notice, &notifier->notices, entry)
        if (notice->ends[0] >= 0 && strcmp(notice->name, name) == 0)
            return notice;
    return NULL;
}

bool notifier_exchange(struct notifier *notifier, const char *name, const int ends[2])
{
    struct notice *notice = find_waiting(notifier, name);

    if (!notice)
        return false;
    for (int i = 0; i < 2; i++) {
        (void)close_fd(notice->ends[i]);
        notice->ends[i] = ends[i];
    }
    return true;
}

void notifier_forget(struct notifier *notifier, const char *name)
{
    struct notice *waiting = find_waiting(notifier, name);

    if (waiting && waiting->older[0])
        turn_over(waiting);
    else if (waiting)
        drop(notifier, waiting);
    else
        (void)add(notifier, name, (const int[]){-1, -1}, NULL);
}

void notifier_drain(struct notifier *notifier, uint64_t timeout_us)
{
    uint64_t deadline = now_us() + timeout_us;

    while (!TAILQ_EMPTY(&notifier->notices) && now_us() < deadline) {
        (void)poll(NULL, 0, 10);
        (void)flush(notifier);
    }
}
