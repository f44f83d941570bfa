/*
 * The kind pipe: a stream of bytes in one direction, and thereby the one-way event: one byte is one
 * count.
 *
 * The broker holds one description with both directions, so that neither end is ever missing, and
 * reads and writes nothing after the birth. Each hand-out is a description of its own with just the
 * granted direction; the inode is the broker's with mode 0600, so that nobody opens it the other
 * way.
 */
#include "daemon/kinds.h"

#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/value.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define CAPACITY_MIN     4096u
#define CAPACITY_MAX     (UINT64_C(1) << 30)
#define CAPACITY_DEFAULT 8192u /* what the kernel grants even to a user over his soft limit */

struct pipe_settings {
    uint64_t capacity; /* bytes */
    uint64_t initial;  /* bytes that are in it at birth */
};

/* ---- settings ---- */

static int parse_capacity(const char *text, void *target, struct sentence *why)
{
    uint64_t value;
    int r = value_size(text, &value, why);

    if (r < 0)
        return r;
    if (value < CAPACITY_MIN || value > CAPACITY_MAX || (value & (value - 1)) != 0)
        return say(why, -EINVAL,
                   "%" PRIu64 " is no capacity of a pipe; expected a power of two from 4K to 1024M",
                   value);
    *(uint64_t *)target = value;
    return 0;
}

static const struct kind_key keys[] = {
    {"capacity", parse_capacity, offsetof(struct pipe_settings, capacity)},
    {"initial", value_u64, offsetof(struct pipe_settings, initial)},
};

static void settings_init(void *settings)
{
    *(struct pipe_settings *)settings = (struct pipe_settings){.capacity = CAPACITY_DEFAULT};
}

static void settings_deinit(void *settings)
{
    (void)settings;
}

static int settings_check(const void *settings, struct sentence *why)
{
    const struct pipe_settings *pipe = settings;

    if (pipe->initial <= pipe->capacity)
        return 0;
    return say(why, -EINVAL,
               "initial = %" PRIu64 " is more than the pipe holds; expected at most its capacity, "
               "%" PRIu64,
               pipe->initial, pipe->capacity);
}

static void settings_text(const struct declaration *declaration, enum naming naming,
                          const char *key, char *ret, size_t size)
{
    const struct pipe_settings *settings = declaration->settings;

    (void)naming;
    (void)snprintf(ret, size, "%" PRIu64,
                   strcmp(key, "initial") == 0 ? settings->initial : settings->capacity);
}

static void weigh(const void *settings, struct need *need)
{
    const struct pipe_settings *pipe = settings;

    need->descriptors++;
    need_at_least(need, "fs.pipe-max-size", pipe->capacity);
}

/* ---- create ---- */

static int explain_capacity(int error, uint64_t capacity, struct sentence *why)
{
    uint64_t limit;
    char what[64];

    (void)snprintf(what, sizeof what, "capacity = %" PRIu64, capacity);
    if (limits_read_sysctl("fs.pipe-max-size", &limit) == 0 && capacity > limit)
        return limits_explain_sysctl(error, what, "fs.pipe-max-size", limit, capacity, why);
    if (limits_read_sysctl("fs.pipe-user-pages-soft", &limit) == 0)
        return say(why, error,
                   "%s does not fit any more into fs.pipe-user-pages-soft = %" PRIu64
                   " pages, which count for all pipes of uid %u: raise it with 'sysctl "
                   "fs.pipe-user-pages-soft=%" PRIu64
                   "', and for good with that line in a file of /etc/sysctl.d",
                   what, limit, geteuid(), limit * 4);
    return say(why, error, "the kernel does not give it %s: %s", what, strerror(-error));
}

/* Exactly what is declared: over its limits the kernel gives less without a word. */
static int set_capacity(int fd, uint64_t capacity, struct sentence *why)
{
    int is = fcntl(fd, F_GETPIPE_SZ);

    if (is >= 0 && (uint64_t)is == capacity)
        return 0;
    if (fcntl(fd, F_SETPIPE_SZ, (int)capacity) < 0)
        return explain_capacity(-errno, capacity, why);
    is = fcntl(fd, F_GETPIPE_SZ);
    return is >= 0 && (uint64_t)is == capacity ? 0 : explain_capacity(-EPERM, capacity, why);
}

static int fill(int fd, uint64_t n, struct sentence *why)
{
    static const char zeros[CAPACITY_MIN];

    while (n > 0) { /* it fits, and nobody else has the pipe yet: this cannot wait */
        ssize_t written = write(fd, zeros, n < sizeof zeros ? (size_t)n : sizeof zeros);

        if (written < 0)
            return say(why, -errno, "its initial bytes cannot be written: %s", strerror(errno));
        n -= (uint64_t)written;
    }
    return 0;
}

static int create(struct object *object, struct sentence *why)
{
    const struct pipe_settings *settings = object->declaration->settings;
    _cleanup_close_ int reader = -1, writer = -1, both = -1;
    struct stat status;
    int ends[2], r;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return limits_explain_descriptor(-errno, why);
    reader = ends[0];
    writer = ends[1];
    both = object_reopen(object, reader, O_RDWR | O_NONBLOCK);
    if (both < 0)
        return limits_explain_descriptor(both, why);
    r = set_capacity(both, settings->capacity, why);
    if (r >= 0)
        r = fill(both, settings->initial, why);
    if (r < 0)
        return r;
    if (fstat(both, &status) < 0)
        return say(why, -errno, "fstat: %s", strerror(errno));
    object->fd = TAKE_FD(both);
    object->identity = (struct wire_identity){status.st_dev, status.st_ino};
    return 0;
}

static int recover(struct object *object, int fd, const char *kernel_name, struct sentence *why)
{
    struct stat status;
    int flags = fcntl(fd, F_GETFL);

    (void)kernel_name;
    if (flags < 0 || fstat(fd, &status) < 0)
        return say(why, -errno, "what it is cannot be read: %s", strerror(errno));
    if (!S_ISFIFO(status.st_mode))
        return say(why, -EBADMSG, "it is no pipe");
    if ((flags & O_ACCMODE) != O_RDWR || status.st_uid != geteuid())
        return say(why, -EBADMSG, "it is another's pipe, or one end of it alone");
    object->fd = fd;
    object->identity = (struct wire_identity){status.st_dev, status.st_ino};
    return 0;
}

/* ---- hand out ---- */

/* Opening one direction waits for the other, which the broker's own description always is. */
static int hand_out(struct object *object, unsigned access, unsigned flags, struct handout *ret,
                    struct sentence *why)
{
    int mode = access == WIRE_USE ? O_RDWR : access == WIRE_WRITE ? O_WRONLY : O_RDONLY;
    int fd = object_reopen(object, object->fd, mode | (flags & WIRE_NONBLOCK ? O_NONBLOCK : 0));

    if (fd < 0)
        return say(why, fd, "the broker cannot open pipe '%s' anew: %s", object->declaration->name,
                   strerror(-fd));
    ret->fd = fd;
    ret->owned = true;
    ret->descriptor.flags = flags & WIRE_NONBLOCK;
    return 0;
}

/* ---- describe ---- */

static int compare(const struct object *object, const struct declaration *declaration, char **ret)
{
    const struct pipe_settings *settings = declaration->settings;
    int is = fcntl(object->fd, F_GETPIPE_SZ);

    *ret = NULL;
    if (is < 0 || (uint64_t)is == settings->capacity)
        return 0;
    if (asprintf(ret, "its capacity is %d, declared is %" PRIu64, is, settings->capacity) >= 0)
        return 0;
    *ret = NULL; /* undefined after a failure */
    return -ENOMEM;
}

/* Any holder can change the capacity, which harms nobody else's data: it is only said. */
static void look(struct object *object)
{
    free_charp(&object->difference);
    (void)compare(object, object->declaration, &object->difference);
}

static int depth(const struct object *object, uint64_t *ret)
{
    int count;

    if (ioctl(object->fd, FIONREAD, &count) < 0)
        return -errno;
    *ret = (uint64_t)count;
    return 0;
}

static int take(const struct object *object, uint64_t n, uint64_t *ret_taken)
{
    _cleanup_close_ int fd = object_reopen(object, object->fd, O_RDONLY | O_NONBLOCK);
    uint64_t left = n;
    char bytes[4096];

    if (fd < 0)
        return fd;
    while (left > 0) {
        ssize_t got = read(fd, bytes, left < sizeof bytes ? (size_t)left : sizeof bytes);

        if (got <= 0)
            break; /* somebody else was faster */
        left -= (uint64_t)got;
    }
    *ret_taken = n - left;
    return 0;
}

static void describe(struct object *object, bool detail, struct wire_writer *writer)
{
    const struct pipe_settings *settings = object->declaration->settings;
    int is = fcntl(object->fd, F_GETPIPE_SZ);
    uint64_t count = 0; /* the compiler does not see that 0 means set */

    (void)detail;
    wire_put_fact_number(writer, "capacity", is < 0 ? settings->capacity : (uint64_t)is);
    if (depth(object, &count) == 0)
        wire_put_fact_number(writer, "count", count);
}

const struct kind kind_pipe = {
    .name = "pipe",
    .number = WIRE_PIPE,
    .write_word = "write",
    .read_word = "read",
    .keys = keys,
    .n_keys = ARRAY_SIZE(keys),
    .settings_size = sizeof(struct pipe_settings),
    .settings_init = settings_init,
    .settings_deinit = settings_deinit,
    .settings_text = settings_text,
    .settings_check = settings_check,
    .weigh = weigh,
    .create = create,
    .recover = recover,
    .compare = compare,
    .depth = depth,
    .take = take,
    .hand_out = hand_out,
    .look = look,
    .describe = describe,
};
