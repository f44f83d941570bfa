/*
 * The rules that the whole tree follows.
 *
 * Errors. A function that can fail returns int: 0 (or a useful value >= 0) on success, a negative
 * errno on failure. Out-parameters are called ret_... and are written on success only. Whoever can
 * word an error for a person fills a struct sentence; whoever passes an error on adds nothing, so
 * that each is said once.
 *
 * Clean-up. A local that owns something is declared with _cleanup_(...) and handed over with
 * TAKE_FD() or TAKE_PTR(). There is no goto. xxx_free() takes NULL and returns NULL; xxx_deinit()
 * may run twice. An unset descriptor is -1, and each descriptor has one owner.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function)       __attribute__((cleanup(function)))
#define _must_check_              __attribute__((warn_unused_result))
#define _printf_(text, arguments) __attribute__((format(printf, text, arguments)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that MEMBER, which POINTER points to, is embedded in. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define TAKE_PTR(pointer)                                                                          \
    ({                                                                                             \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

#define TAKE_FD(fd)                                                                                \
    ({                                                                                             \
        int taken_ = (fd);                                                                         \
        (fd) = -1;                                                                                 \
        taken_;                                                                                    \
    })

/* Closes FD unless it is negative; keeps errno; returns -1, so that `x = close_fd(x)` reads well.
 * close() is never repeated after EINTR: on Linux the descriptor is gone already. */
static inline int close_fd(int fd)
{
    if (fd >= 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
    }
    return -1;
}

static inline void close_fdp(int *fd)
{
    *fd = close_fd(*fd);
}

static inline void free_charp(char **text)
{
    free(*text);
    *text = NULL;
}

static inline void fclose_filep(FILE **file)
{
    if (*file) {
        (void)fclose(*file);
        *file = NULL;
    }
}

#define _cleanup_close_  _cleanup_(close_fdp)
#define _cleanup_free_   _cleanup_(free_charp)
#define _cleanup_fclose_ _cleanup_(fclose_filep)

/* What went wrong, for a person: filled by whoever knows most about it, printed by the last caller.
 * It holds two paths and two names of the greatest length that we accept. */
struct sentence {
    char text[1024];
};

/* Writes the sentence and returns R, so that `return say(why, -EACCES, "...")` is the whole error
 * path. WHY may be NULL. */
int say(struct sentence *why, int r, const char *format, ...) _printf_(3, 4);
