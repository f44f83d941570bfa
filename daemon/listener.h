/* Listening sockets at paths: the lock that makes a path ours, the stale socket of a broker that
 * died, and a live broker's that is never taken. */
#pragma once

#include "base/base.h"

#include <sys/stat.h>

/* Checks that nobody but root and our user can replace what lies at PATH, and makes its directory
 * with the mode MODE if that is missing. */
int listener_prepare(const char *path, mode_t mode, struct sentence *why) _must_check_;

struct lock {
    int fd;
    char *path;
};

#define LOCK_NULL ((struct lock){.fd = -1})

/* Takes the lock at PATH, an absolute one, for the life of the process. -EBUSY: another broker
 * holds it; others: the directory or the file is not as it must be, with a sentence. */
int lock_take(struct lock *lock, const char *path, struct sentence *why) _must_check_;
/* Gives the lock back and removes its file. */
void lock_deinit(struct lock *lock);

struct listener {
    int fd;
    char *path;
    bool handed_in; /* its file is the service manager's, who goes on listening */
    dev_t device;   /* of the socket's file, so that only our own is ever removed */
    ino_t inode;
    bool guarded;     /* refuses descriptors for those who connect from now on */
    bool old_backlog; /* handed in, and not yet found empty: who waits may have sent some before */
};

#define LISTENER_NULL ((struct listener){.fd = -1})

/* Binds and listens at PATH, with the file mode MODE from its birth on; non-blocking. WITHOUT are
 * features to do without. -EADDRINUSE: a live broker, or something that is no stale socket of ours,
 * is there. Call it while the process has one thread: it sets the umask. */
int listener_open(struct listener *listener, const char *path, mode_t mode, unsigned without,
                  struct sentence *why) _must_check_;
/* The same of FD, which listens at PATH already and was handed in; takes it over. What waits in its
 * backlog is unguarded, what comes later is guarded if the kernel can and WITHOUT does not forbid
 * it. */
int listener_take(struct listener *listener, int fd, const char *path, unsigned without,
                  struct sentence *why) _must_check_;
/* Gives the socket's file another mode, and lets others pass through its directory, if that is
 * ours, where the mode is for others. -errno with a sentence. */
int listener_open_to(const struct listener *listener, mode_t mode, struct sentence *why);
/* Closes, and removes the file if it is still ours. */
void listener_deinit(struct listener *listener);
