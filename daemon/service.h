/* The service manager: what it is told (sd_notify(3)), what it hands in (sd_listen_fds(3)). Without
 * one nothing happens. */
#pragma once

#include "daemon/notifier.h"

/* The service is ready, and how it does in one line. */
void service_ready(struct notifier *notifier, const char *status);
/* How it does now. */
void service_status(struct notifier *notifier, const char *status);
/* It applies another configuration; service_ready() is the end of that. */
void service_reloading(struct notifier *notifier);
void service_stopping(struct notifier *notifier);
/* The start goes on and takes longer than it is given. May be called as often as one likes: it is
 * told every few seconds. NOTIFIER may be NULL. */
void service_starting(struct notifier *notifier);

/* Tells the service manager that the loop turns, as often as it wants to hear it; that is the one
 * thing that wakes an idle broker. */
struct watchdog {
    struct timer timer;
    struct notifier *notifier;
    uint64_t interval_us;
};

/* Does nothing where no watchdog waits. NOTIFIER, which has its loop, is borrowed. */
void watchdog_start(struct watchdog *watchdog, struct notifier *notifier);
void watchdog_stop(struct watchdog *watchdog);

/* The descriptors that the service manager has handed in, and the names that it has for them. */
struct handed {
    struct handed_item {
        int fd; /* -1: taken */
        char *name;
    } * items;
    size_t n;
};

/* Takes them over from the environment, which can be done once. -ENOMEM. */
int handed_collect(struct handed *ret) _must_check_;
/* Closes what nobody took. */
void handed_deinit(struct handed *handed);
/* Takes the listening socket out, -1 for none: it is what is called SERVICE_LISTENER and must be
 * bound to PATH. -EINVAL with a sentence: a socket that was handed in is not what it must be. */
int handed_take_listener(struct handed *handed, const char *path, int *ret,
                         struct sentence *why) _must_check_;

#define SERVICE_LISTENER "ipcbroker" /* FileDescriptorName= of its socket unit */
