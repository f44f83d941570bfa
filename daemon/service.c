#include "daemon/service.h"

#include "daemon/clock.h"

#include <inttypes.h>
#include <string.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#define START_STEP_US 5000000u /* between two words about a start that takes long */

/* ---- telling ---- */

void service_ready(struct notifier *notifier, const char *status)
{
    notifier_tell(notifier, "READY=1\nSTATUS=%s", status);
}

/* A READY that still waits goes with it. */
void service_status(struct notifier *notifier, const char *status)
{
    if (strncmp(notifier->state, "READY=1", 7) == 0)
        service_ready(notifier, status);
    else
        notifier_tell(notifier, "STATUS=%s", status);
}

void service_reloading(struct notifier *notifier)
{
    notifier_tell(notifier, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_us());
}

void service_stopping(struct notifier *notifier)
{
    notifier_tell(notifier, "STOPPING=1");
}

void service_starting(struct notifier *notifier)
{
    uint64_t now = now_us();
    char text[64];

    if (!notifier || now - notifier->told_us < START_STEP_US)
        return;
    notifier->told_us = now;
    (void)snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%u\nSTATUS=making objects",
                   START_STEP_US * 4);
    (void)notifier_hint(notifier, text);
}

/* ---- the watchdog ---- */

/* What finds no room is said again soon: the manager may only be busy. */
static void watchdog_fire(struct timer *timer)
{
    struct watchdog *watchdog = CONTAINER_OF(timer, struct watchdog, timer);
    bool told = notifier_hint(watchdog->notifier, "WATCHDOG=1");

    loop_arm(watchdog->notifier->loop, timer, now_us() + watchdog->interval_us / (told ? 1 : 10));
}

void watchdog_start(struct watchdog *watchdog, struct notifier *notifier)
{
    uint64_t limit_us;

    if (sd_watchdog_enabled(0, &limit_us) <= 0)
        return;
    *watchdog = (struct watchdog){
        .timer.fire = watchdog_fire,
        .notifier = notifier,
        .interval_us = limit_us / 2,
    };
    loop_arm(notifier->loop, &watchdog->timer, now_us());
}

void watchdog_stop(struct watchdog *watchdog)
{
    loop_disarm(&watchdog->timer);
}

/* ---- what is handed in ---- */

int handed_collect(struct handed *ret)
{
    struct handed_item *items;
    char **names = NULL;
    int n = sd_listen_fds_with_names(1, &names);

    if (n < 0)
        return n;
    items = calloc((size_t)n + 1, sizeof *items);
    for (int i = 0; i < n; i++)
        if (items)
            items[i] = (struct handed_item){SD_LISTEN_FDS_START + i, names[i]};
        else
            free(names[i]);
    free(names);
    if (!items)
        return -ENOMEM;
    *ret = (struct handed){items, (size_t)n};
    return 0;
}

void handed_deinit(struct handed *handed)
{
    for (size_t i = 0; i < handed->n; i++) {
        (void)close_fd(handed->items[i].fd);
        free(handed->items[i].name);
    }
    free(handed->items);
    *handed = (struct handed){NULL, 0};
}

static int option(int fd, int name)
{
    int value;
    socklen_t size = sizeof value;

    return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -errno : value;
}

/* Only listening sockets are the socket unit's; what else is handed in comes from the store. */
static bool is_listening(int fd)
{
    return option(fd, SO_ACCEPTCONN) == 1;
}

static int check_listener(int fd, const char *path, struct sentence *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    socklen_t size = sizeof address;

    if (option(fd, SO_DOMAIN) != AF_UNIX || option(fd, SO_TYPE) != SOCK_SEQPACKET)
        return say(
            why, -EINVAL,
            "the socket that the service manager hands in has the wrong type: its socket unit "
            "must have ListenSequentialPacket=%s",
            path);
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return say(why, -errno, "the socket that the service manager hands in: %s",
                   strerror(errno));
    if (strncmp(address.sun_path, path, sizeof address.sun_path) != 0)
        return say(why, -EINVAL,
                   "the service manager hands in a socket at %.*s, but the broker's is %s: change "
                   "ListenSequentialPacket= of the socket unit, or the key `socket`",
                   (int)sizeof address.sun_path, address.sun_path, path);
    return 0;
}

int handed_take_listener(struct handed *handed, const char *path, int *ret, struct sentence *why)
{
    struct handed_item *listener = NULL;
    int r;

    for (size_t i = 0; i < handed->n; i++) {
        struct handed_item *item = &handed->items[i];

        if (!is_listening(item->fd))
            continue;
        if (strcmp(item->name, SERVICE_LISTENER) != 0)
            return say(why, -EINVAL,
                       "the service manager hands in a socket by the name '%s', which the broker "
                       "does not know: its socket unit must have FileDescriptorName=%s",
                       item->name, SERVICE_LISTENER);
        if (listener)
            return say(why, -EINVAL,
                       "the service manager hands in several sockets; the broker takes one, and "
                       "makes that for administrators itself");
        listener = item;
    }
    for (size_t i = 0; i < handed->n && !listener; i++)
        if (strcmp(handed->items[i].name, SERVICE_LISTENER) == 0)
            return say(why, -EINVAL,
                       "what the service manager hands in as '%s' does not listen: it must come "
                       "from a socket unit with ListenSequentialPacket=%s",
                       SERVICE_LISTENER, path);
    r = listener ? check_listener(listener->fd, path, why) : 0;
    if (r >= 0)
        *ret = listener ? TAKE_FD(listener->fd) : -1;
    return r;
}
