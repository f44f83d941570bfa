/* The kind eventfd: a counter whose holders all share one description, with both directions. */
#include "daemon/kinds.h"

#include "daemon/limits.h"
#include "daemon/proc.h"
#include "daemon/value.h"

#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>

struct eventfd_settings {
    uint64_t initial;
    bool semaphore;
    bool nonblocking;
};

static int parse_initial(const char *text, void *target, struct sentence *why)
{
    uint64_t initial;
    int r = value_u64(text, &initial, why);

    if (r < 0)
        return r;
    if (initial == UINT64_MAX)
        return say(why, -EINVAL, "%s is more than a counter holds; expected at most %" PRIu64, text,
                   UINT64_MAX - 1);
    *(uint64_t *)target = initial;
    return 0;
}

static const struct kind_key keys[] = {
    {"initial", parse_initial, offsetof(struct eventfd_settings, initial)},
    {"semaphore", value_bool, offsetof(struct eventfd_settings, semaphore)},
    {"nonblocking", value_bool, offsetof(struct eventfd_settings, nonblocking)},
};

static void settings_init(void *settings)
{
    *(struct eventfd_settings *)settings = (struct eventfd_settings){.nonblocking = true};
}

static void settings_deinit(void *settings)
{
    (void)settings;
}

static const char *yes_or_no(bool value)
{
    return value ? "yes" : "no";
}

static void settings_text(const struct declaration *declaration, enum naming naming,
                          const char *key, char *ret, size_t size)
{
    const struct eventfd_settings *settings = declaration->settings;

    (void)naming;
    if (strcmp(key, "initial") == 0)
        (void)snprintf(ret, size, "%" PRIu64, settings->initial);
    else
        (void)snprintf(
            ret, size, "%s",
            yes_or_no(strcmp(key, "semaphore") == 0 ? settings->semaphore : settings->nonblocking));
}

static void weigh(const void *settings, struct need *need)
{
    (void)settings;
    need->descriptors++;
}

static int create(struct object *object, struct sentence *why)
{
    const struct eventfd_settings *settings = object->declaration->settings;
    int flags = EFD_CLOEXEC | (settings->semaphore ? EFD_SEMAPHORE : 0) |
                (settings->nonblocking ? EFD_NONBLOCK : 0);
    _cleanup_close_ int fd = eventfd(0, flags);

    if (fd < 0)
        return limits_explain_descriptor(-errno, why);
    /* eventfd() takes 32 bits only. Nobody else has the descriptor: this cannot block. */
    if (settings->initial > 0 &&
        write(fd, &settings->initial, sizeof settings->initial) != sizeof settings->initial)
        return say(why, -EIO, "its initial value cannot be set: %s", strerror(errno));
    object->fd = TAKE_FD(fd);
    object->traits = (unsigned)flags;
    return 0;
}

/* What counts is how it was born: a holder can change O_NONBLOCK, and the kernel does not tell
 * whether it is a semaphore. */
static bool has_trait(const struct object *object, unsigned flag)
{
    return object->traits & flag;
}

static int compare(const struct object *object, const struct declaration *declaration, char **ret)
{
    const struct eventfd_settings *settings = declaration->settings;
    bool semaphore = has_trait(object, EFD_SEMAPHORE),
         nonblocking = has_trait(object, EFD_NONBLOCK);

    *ret = NULL;
    if (semaphore == settings->semaphore && nonblocking == settings->nonblocking)
        return 0;
    if (asprintf(ret, "it has semaphore = %s, nonblocking = %s, declared are %s and %s",
                 yes_or_no(semaphore), yes_or_no(nonblocking), yes_or_no(settings->semaphore),
                 yes_or_no(settings->nonblocking)) >= 0)
        return 0;
    *ret = NULL; /* undefined after a failure */
    return -ENOMEM;
}

/* The eventfd-id costs more than all else of making one: it is read when first needed. */
static int learn_identity(struct object *object)
{
    if (object->identity.inode != 0)
        return 0;
    return proc_fdinfo(object->fd, "eventfd-id:", 10, &object->identity.inode);
}

static int recover(struct object *object, int fd, const char *kernel_name, struct sentence *why)
{
    uint64_t id;
    int r = proc_fdinfo(fd, "eventfd-id:", 10, &id);

    (void)kernel_name;
    if (r < 0)
        return r == -ENODATA ? say(why, -EBADMSG, "it is no eventfd")
                             : say(why, r, "what it is cannot be read: %s", strerror(-r));
    object->fd = fd;
    object->identity.inode = id;
    return 0;
}

static int hand_out(struct object *object, unsigned access, unsigned flags, struct handout *ret,
                    struct sentence *why)
{
    bool nonblocking = has_trait(object, EFD_NONBLOCK);
    int r;

    (void)access;
    if (flags & WIRE_NONBLOCK && !nonblocking)
        return say(why, -EINVAL,
                   "eventfd '%s' is declared with nonblocking = no, which all its holders share",
                   object->declaration->name);
    r = learn_identity(object);
    if (r < 0)
        return limits_explain_descriptor(r, why);
    ret->fd = object->fd;
    ret->owned = false;
    ret->descriptor.flags = nonblocking ? WIRE_NONBLOCK : 0;
    return 0;
}

static int depth(const struct object *object, uint64_t *ret)
{
    return proc_fdinfo(object->fd, "eventfd-count:", 16, ret);
}

static void describe(struct object *object, bool detail, struct wire_writer *writer)
{
    const struct eventfd_settings *settings = object->declaration->settings;
    uint64_t count;

    wire_put_fact_number(writer, "initial", settings->initial);
    wire_put_fact_boolean(writer, "semaphore", has_trait(object, EFD_SEMAPHORE));
    wire_put_fact_boolean(writer, "nonblocking", has_trait(object, EFD_NONBLOCK));
    if (!detail)
        return;
    if (depth(object, &count) == 0)
        wire_put_fact_number(writer, "count", count);
    (void)learn_identity(object); /* without one it is told as 0 */
}

const struct kind kind_eventfd = {
    .name = "eventfd",
    .number = WIRE_EVENTFD,
    .keys = keys,
    .n_keys = ARRAY_SIZE(keys),
    .settings_size = sizeof(struct eventfd_settings),
    .settings_init = settings_init,
    .settings_deinit = settings_deinit,
    .settings_text = settings_text,
    .weigh = weigh,
    .create = create,
    .recover = recover,
    .compare = compare,
    .depth = depth,
    .hand_out = hand_out,
    .describe = describe,
};
