/*
 * Telling the service manager something (sd_notify(3)), without ever waiting for it.
 *
 * What it does not take at once is kept, and offered again from a timer of the loop: what is about
 * descriptors in order, and after that the state, of which only the last one counts. Where there is
 * no service manager nothing is told, and nothing may be kept.
 */
#pragma once

#include "daemon/loop.h"

#include <sys/socket.h>
#include <sys/un.h>

struct notice;

struct notifier {
    int fd; /* -1: there is no service manager */
    struct sockaddr_un address;
    socklen_t address_size;
    struct loop *loop;            /* borrowed; NULL: it does not turn yet */
    struct timer timer;           /* armed while something waits */
    TAILQ_HEAD(, notice) notices; /* about descriptors, that wait */
    char state[1024];             /* that waits, "" for none */
    uint64_t told_us;             /* when a start that takes long was told of */
};

/* Finds the service manager in the environment. */
void notifier_init(struct notifier *notifier);
/* Closes what it has not taken. */
void notifier_deinit(struct notifier *notifier);
bool notifier_is_there(const struct notifier *notifier);

/* The state, in the words of sd_notify(3); replaces one that waits. */
void notifier_tell(struct notifier *notifier, const char *format, ...) _printf_(2, 3);
/* What is not worth waiting for. Returns whether it was taken. */
bool notifier_hint(struct notifier *notifier, const char *text);

/* Has the two ends of a bag, which it takes over, kept under NAME, and once they are taken forgets
 * OLDER, if that is not NULL. -ENOMEM, or -errno of sendmsg(2): there is nobody who takes them. */
int notifier_keep(struct notifier *notifier, const char *name, const int ends[2],
                  const char *older) _must_check_;
/* If what is to be kept under NAME has not been taken yet, these are kept instead, and taken over.
 * Returns whether it is so. */
bool notifier_exchange(struct notifier *notifier, const char *name, const int ends[2]);
/* Has what is kept under NAME forgotten. */
void notifier_forget(struct notifier *notifier, const char *name);

/* Waits until all that is about descriptors has been taken, at most so long: for those who serve
 * nobody yet, or no more. */
void notifier_drain(struct notifier *notifier, uint64_t timeout_us);
