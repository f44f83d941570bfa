/*
 * The kind queue: a POSIX message queue.
 *
 * It lives under its POSIX name, owned by the broker's user with mode 0600, so that grants are the
 * only way in; or without a name. Each hand-out is a new open file description with just the
 * granted access: O_NONBLOCK and the direction are on the description, and a shared one would be
 * everybody's.
 */
#include "daemon/kinds.h"

#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/queue_depth.h"
#include "daemon/value.h"

#include <fcntl.h>
#include <inttypes.h>
#include <mqueue.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define HARD_MSG_MAX      65536u /* what no sysctl can raise: mq_overview(7) */
#define HARD_MSG_SIZE_MAX 16777216u
#define MODE_DEFAULT      0600u
#define POSIX_NAME_MAX    256 /* with the slash */

struct queue_settings {
    uint64_t max_messages;
    uint64_t message_size;
    char *posix_name;     /* NULL: not given; "": none */
    mode_t mode;          /* 0: not given */
    struct subject group; /* SUBJECT_ANY: not given */
};

/* ---- settings ---- */

static int in_range(uint64_t value, uint64_t most, const char *what, struct sentence *why)
{
    if (value >= 1 && value <= most)
        return 0;
    return say(why, -EINVAL,
               "%" PRIu64 " %s; expected 1 to %" PRIu64 ", the most that any kernel "
               "setting allows",
               value, what, most);
}

static int parse_max_messages(const char *text, void *target, struct sentence *why)
{
    uint64_t value;
    int r = value_u64(text, &value, why);

    if (r < 0)
        return r;
    r = in_range(value, HARD_MSG_MAX, "messages", why);
    if (r < 0)
        return r;
    *(uint64_t *)target = value;
    return 0;
}

static int parse_message_size(const char *text, void *target, struct sentence *why)
{
    uint64_t value;
    int r = value_size(text, &value, why);

    if (r < 0)
        return r;
    r = in_range(value, HARD_MSG_SIZE_MAX, "bytes", why);
    if (r < 0)
        return r;
    *(uint64_t *)target = value;
    return 0;
}

static bool posix_name_is_valid(const char *name)
{
    size_t length = strlen(name);

    if (name[0] != '/' || length < 2 || length >= POSIX_NAME_MAX || strchr(name + 1, '/'))
        return false;
    if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
        return false;
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c >= 0x7f || strchr("\"#;,", *c))
            return false;
    return true;
}

static int parse_posix_name(const char *text, void *target, struct sentence *why)
{
    char **name = target, *copy;

    if (strcmp(text, "none") != 0 && !posix_name_is_valid(text))
        return say(why, -EINVAL,
                   "'%s' is no POSIX queue name; expected none, or '/' and 1 to 254 "
                   "printable characters without '/', blanks, quotes, '#', ',' or ';'",
                   text);
    copy = strdup(strcmp(text, "none") == 0 ? "" : text);
    if (!copy)
        return -ENOMEM;
    free(*name);
    *name = copy;
    return 0;
}

static const struct kind_key keys[] = {
    {"max_messages", parse_max_messages, offsetof(struct queue_settings, max_messages)},
    {"message_size", parse_message_size, offsetof(struct queue_settings, message_size)},
    {"posix_name", parse_posix_name, offsetof(struct queue_settings, posix_name)},
    {"mode", value_mode, offsetof(struct queue_settings, mode)},
    {"group", value_group, offsetof(struct queue_settings, group)},
};

static void settings_init(void *settings)
{
    *(struct queue_settings *)settings = (struct queue_settings){
        .max_messages = 10,
        .message_size = 8192,
    };
}

static void settings_deinit(void *settings)
{
    struct queue_settings *queue = settings;

    free_charp(&queue->posix_name);
    subject_deinit(&queue->group);
}

static bool has_group(const struct queue_settings *settings)
{
    return settings->group.type == SUBJECT_GROUP;
}

/* Whether programs that know nothing of the broker are meant to open it by its name. */
static bool is_open_by_name(const struct queue_settings *settings)
{
    return settings->mode != 0 || has_group(settings);
}

static int settings_check(const void *settings, struct sentence *why)
{
    const struct queue_settings *queue = settings;

    if (queue->posix_name && queue->posix_name[0] == '\0' && is_open_by_name(queue))
        return say(why, -EINVAL,
                   "mode and group are for opening a queue by its name; "
                   "with posix_name = none there is no name");
    return 0;
}

static const char *settings_warning(const void *settings)
{
    const struct queue_settings *queue = settings;

    if (queue->mode & 0066)
        return "its mode lets others open the queue by name, past the grants, and lets them make a "
               "descriptor of one direction into one of both";
    if (has_group(queue))
        return "a group without a mode gives that group nothing: the mode stays 0600";
    return NULL;
}

static struct subject *settings_subject(void *settings)
{
    struct queue_settings *queue = settings;

    return has_group(queue) ? &queue->group : NULL;
}

/* ---- the POSIX name ---- */

/* The name that the queue is declared to live under, "" for none; there is room for any. */
static void wanted_name(const struct declaration *declaration, enum naming naming, char *ret,
                        size_t size)
{
    const struct queue_settings *settings = declaration->settings;
    size_t slash = !settings->posix_name;

    ret[0] = '\0';
    if (naming == NAMING_NONE || (naming == NAMING_IF_GIVEN && !settings->posix_name))
        return;
    ret[0] = '/';
    (void)memccpy(ret + slash, slash ? declaration->name : settings->posix_name, '\0',
                  size - slash);
}

static void put_group(const struct subject *group, char *ret, size_t size)
{
    if (group->name)
        (void)snprintf(ret, size, "%s", group->name);
    else
        (void)snprintf(ret, size, "%u", group->id);
}

/* Without a name there is no posix_name to say where a mode is said, which takes a name. */
static void settings_text(const struct declaration *declaration, enum naming naming,
                          const char *key, char *ret, size_t size)
{
    const struct queue_settings *settings = declaration->settings;
    char name[POSIX_NAME_MAX];
    bool named;

    wanted_name(declaration, naming, name, sizeof name);
    named = name[0];
    ret[0] = '\0';
    if (strcmp(key, "max_messages") == 0)
        (void)snprintf(ret, size, "%" PRIu64, settings->max_messages);
    else if (strcmp(key, "message_size") == 0)
        (void)snprintf(ret, size, "%" PRIu64, settings->message_size);
    else if (strcmp(key, "posix_name") == 0 && (named || !is_open_by_name(settings)))
        (void)snprintf(ret, size, "%s", named ? name : "none");
    else if (strcmp(key, "mode") == 0 && (named || settings->mode))
        (void)snprintf(ret, size, "%04o", settings->mode ? settings->mode : MODE_DEFAULT);
    else if (strcmp(key, "group") == 0 && has_group(settings))
        put_group(&settings->group, ret, size);
}

static void weigh(const void *settings, struct need *need)
{
    const struct queue_settings *queue = settings;

    need->descriptors++;
    need->msgqueue_bytes += limits_queue_bytes(queue->max_messages, queue->message_size);
    need_more(need, "fs.mqueue.queues_max", 1);
    need_at_least(need, "fs.mqueue.msg_max", queue->max_messages);
    need_at_least(need, "fs.mqueue.msgsize_max", queue->message_size);
}

/* ---- create ---- */

static mode_t declared_mode(const struct queue_settings *settings)
{
    return settings->mode ? settings->mode : MODE_DEFAULT;
}

/* A new queue under NAME with mode 0600; the process's umask is 0. */
static int create_new(const struct queue_settings *settings, const char *name)
{
    struct mq_attr attributes = {
        .mq_maxmsg = (long)settings->max_messages,
        .mq_msgsize = (long)settings->message_size,
    };
    int fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, MODE_DEFAULT,
                     &attributes);

    return fd < 0 ? -errno : fd;
}

/* The declared group; without one a queue has the broker's own, as when it was made. */
static gid_t declared_group(const struct queue_settings *settings)
{
    return has_group(settings) ? settings->group.id : getegid();
}

static int apply_group(const struct declaration *declaration, int fd, const char *name,
                       const struct stat *adopted, struct sentence *why)
{
    const struct queue_settings *settings = declaration->settings;
    gid_t group;

    if (has_group(settings) && !settings->group.resolved)
        return say(why, -EINVAL, "its group '%s' is not known to this host", settings->group.name);
    if (!adopted && !has_group(settings))
        return 0;
    group = declared_group(settings);
    if (adopted && adopted->st_gid == group)
        return 0;
    if (fchown(fd, (uid_t)-1, group) < 0)
        return say(why, -errno,
                   "%s cannot be given to gid %u: %s (the broker's user must be a member of that "
                   "group)",
                   name, group, strerror(errno));
    if (adopted)
        log_warning("queue '%s': %s had gid %u, now %u", declaration->name, name, adopted->st_gid,
                    group);
    return 0;
}

/* Sets group and mode as declared; says it when that changes who may open an adopted queue. */
static int apply_mode(const struct declaration *declaration, int fd, const char *name,
                      const struct stat *adopted, struct sentence *why)
{
    mode_t mode = declared_mode(declaration->settings);
    int r = apply_group(declaration, fd, name, adopted, why);

    if (r < 0)
        return r;
    if (adopted ? (adopted->st_mode & 07777) == mode : mode == MODE_DEFAULT)
        return 0;
    if (fchmod(fd, mode) < 0)
        return say(why, -errno, "the mode of %s cannot be set: %s", name, strerror(errno));
    if (adopted)
        log_warning("queue '%s': %s had mode %04o, now %04o as declared", declaration->name, name,
                    adopted->st_mode & 07777, mode);
    return 0;
}

/* The object is what *FD is, which it takes over; NAME is NULL for none. */
static int keep(struct object *object, int *fd, const char *name, struct sentence *why)
{
    struct stat status;

    if (fstat(*fd, &status) < 0)
        return say(why, -errno, "fstat: %s", strerror(errno));
    free_charp(&object->kernel_name);
    if (name && !(object->kernel_name = strdup(name)))
        return say(why, -ENOMEM, "out of memory");
    object->fd = TAKE_FD(*fd);
    object->identity = (struct wire_identity){status.st_dev, status.st_ino};
    return 0;
}

/* A queue without a name: born under one that nobody can guess, which is removed at once. */
static int create_nameless(struct object *object, struct sentence *why)
{
    const struct queue_settings *settings = object->declaration->settings;
    _cleanup_close_ int fd = -1;
    char name[64];
    uint64_t random;

    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return say(why, -EIO, "no random number for its first name");
    (void)snprintf(name, sizeof name, "/.ipcbroker-%016" PRIx64, random);
    fd = create_new(settings, name);
    if (fd < 0)
        return limits_explain_queue(fd, settings->max_messages, settings->message_size, why);
    if (mq_unlink(name) < 0)
        return say(why, -errno, "its first name %s cannot be removed: %s", name, strerror(errno));
    return keep(object, &fd, NULL, why);
}

/* A name that was asked for and could not be had, or is gone, is no difference of the object's. */
static int compare_name(const struct object *object, const struct declaration *declaration,
                        char **ret)
{
    const char *is = object->kernel_name ? object->kernel_name : "";
    char wanted[CLAIM_SIZE];

    wanted_name(declaration, object->environment->naming, wanted, sizeof wanted);
    if (strcmp(is, wanted) == 0 || (!*is && object->name_lost))
        return 0;
    return asprintf(ret, "its name is %s, declared is %s", *is ? is : "none",
                    wanted[0] ? wanted : "none");
}

/* What is no difference from the one in force need not be asked for; a retired object's is not. */
static bool has_known_limits(const struct object *object, const struct declaration *declaration)
{
    const struct queue_settings *is = object->declaration->settings;
    const struct queue_settings *wanted = declaration->settings;

    return object->declaration != declaration && !object_is_retired(object) &&
           !object->difference && is->max_messages == wanted->max_messages &&
           is->message_size == wanted->message_size;
}

static int compare(const struct object *object, const struct declaration *declaration, char **ret)
{
    const struct queue_settings *settings = declaration->settings;
    struct mq_attr is = {.mq_maxmsg = (long)settings->max_messages,
                         .mq_msgsize = (long)settings->message_size};
    int r;

    *ret = NULL;
    if (!has_known_limits(object, declaration) && mq_getattr(object->fd, &is) < 0)
        return -errno;
    if ((uint64_t)is.mq_maxmsg == settings->max_messages &&
        (uint64_t)is.mq_msgsize == settings->message_size)
        r = compare_name(object, declaration, ret);
    else
        r = asprintf(ret,
                     "it holds %ld messages of %ld bytes, declared are %" PRIu64 " of %" PRIu64,
                     is.mq_maxmsg, is.mq_msgsize, settings->max_messages, settings->message_size);
    if (r >= 0)
        return 0;
    *ret = NULL; /* undefined after a failure */
    return -ENOMEM;
}

static bool is_same_group(const struct subject *a, const struct subject *b)
{
    return a->type == b->type &&
           (a->type != SUBJECT_GROUP || (a->resolved && b->resolved && a->id == b->id));
}

/* As has_known_limits(), of mode and group. */
static bool is_adjusted(const struct object *object, const struct declaration *declaration)
{
    const struct queue_settings *is = object->declaration->settings;
    const struct queue_settings *wanted = declaration->settings;

    return object->adjusted && object->declaration != declaration && !object_is_retired(object) &&
           declared_mode(is) == declared_mode(wanted) && is_same_group(&is->group, &wanted->group);
}

static bool adjustment(const struct object *object, const struct declaration *declaration,
                       char *ret, size_t size)
{
    const struct queue_settings *settings = declaration->settings;
    mode_t mode = declared_mode(settings), was;
    gid_t group = declared_group(settings);
    struct stat status;

    ret[0] = '\0';
    if (!object->kernel_name || is_adjusted(object, declaration))
        return false;
    if (fstat(object->fd, &status) < 0) { /* set it all the same, or say then that it cannot be */
        (void)snprintf(ret, size, "mode becomes %04o of gid %u", mode, group);
        return false;
    }
    was = status.st_mode & 07777;
    if (was == mode && status.st_gid == group)
        return false;
    (void)snprintf(ret, size, "mode %04o of gid %u becomes %04o of gid %u", was, status.st_gid,
                   mode, group);
    return mode & ~was & 066 || (mode & 060 && status.st_gid != group);
}

static int adjust(struct object *object, struct sentence *why)
{
    struct stat status;

    if (fstat(object->fd, &status) < 0)
        return say(why, -errno, "fstat: %s", strerror(errno));
    return apply_mode(object->declaration, object->fd, object->kernel_name, &status, why);
}

/* Another object of ours may live under the name still, which a declaration gave it once. */
static bool is_ours_already(const struct object *object, const char *name, struct sentence *why)
{
    const struct environment *environment = object->environment;
    const struct object *holder =
        environment->holder ? environment->holder(environment->registry, name) : NULL;

    if (!holder)
        return false;
    (void)say(why, 0, "the name %s is still that of %s '%s'", name,
              object_is_retired(holder) ? "the retired queue" : "queue", holder->declaration->name);
    return true;
}

/* What making a queue under its name can come to, besides 0 and -errno. */
enum {
    NAME_IS_THERE = 1, /* there is a queue of that name */
    NAME_IS_GONE = 2,  /* there was one a moment ago */
    NAME_IS_TAKEN = 3, /* it is another user's; the sentence says whose */
};

/* Any access will do: what is handed out is opened anew. Reading comes first, which disturbs
 * nobody. -EACCES: there is none. */
static int open_any_way(const char *name)
{
    int fd = mq_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 && errno == EACCES)
        fd = mq_open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* What is under NAME becomes ours, with its messages, if it is of our own user. There is no way to
 * see whose a queue is but to open it (a mount of the mqueue file system is not asked for);
 * another's is closed at once and never used. */
static int adopt(struct object *object, const char *name, struct sentence *why)
{
    _cleanup_close_ int fd = open_any_way(name);
    struct stat status;
    int r;

    if (is_ours_already(object, name, why))
        return NAME_IS_TAKEN;
    if (fd == -ENOENT)
        return NAME_IS_GONE;
    if (fd == -EACCES)
        return say(why, NAME_IS_TAKEN,
                   "the name %s is taken by a queue that uid %u may not open (another user's, or "
                   "its own with a mode of 0)",
                   name, geteuid());
    if (fd < 0)
        return say(why, fd, "%s cannot be opened: %s", name, strerror(-fd));
    if (fstat(fd, &status) < 0)
        return say(why, -errno, "fstat of %s: %s", name, strerror(errno));
    if (status.st_uid != geteuid())
        return say(why, NAME_IS_TAKEN, "the name %s is taken by a queue of uid %u", name,
                   status.st_uid);
    r = apply_mode(object->declaration, fd, name, &status, why);
    if (r < 0)
        return r;
    r = keep(object, &fd, name, why);
    if (r < 0)
        return r;
    object->adopted = true;
    free_charp(&object->difference);
    (void)compare(object, object->declaration, &object->difference);
    return 0;
}

static int create_named(struct object *object, const char *name, struct sentence *why)
{
    const struct queue_settings *settings = object->declaration->settings;
    _cleanup_close_ int fd = create_new(settings, name);
    int r;

    if (fd == -EEXIST)
        return NAME_IS_THERE;
    if (fd == -EACCES)
        return say(why, fd, "the kernel takes no queue of the name %s", name);
    if (fd < 0)
        return limits_explain_queue(fd, settings->max_messages, settings->message_size, why);
    r = apply_mode(object->declaration, fd, name, NULL, why);
    if (r >= 0)
        r = keep(object, &fd, name, why);
    if (r < 0)
        (void)mq_unlink(name); /* ours, new, and of no use */
    return r;
}

/* Creates, or adopts what is there; both again if the name goes or comes in between. */
static int create_or_adopt(struct object *object, const char *name, struct sentence *why)
{
    for (int tries = 0; tries < 8; tries++) {
        int r = create_named(object, name, why);

        if (r == NAME_IS_THERE)
            r = adopt(object, name, why);
        if (r != NAME_IS_GONE)
            return r;
    }
    return say(why, -EBUSY, "the name %s comes and goes", name);
}

static int create(struct object *object, struct sentence *why)
{
    struct sentence taken = {.text = ""};
    char name[CLAIM_SIZE];
    int r;

    wanted_name(object->declaration, object->environment->naming, name, sizeof name);
    if (name[0] == '\0')
        return create_nameless(object, why);
    r = create_or_adopt(object, name, &taken);
    if (r == 0)
        return 0;
    if (r < 0)
        return say(why, r, "%s", taken.text);
    if (is_open_by_name(object->declaration->settings))
        return say(why, -EEXIST,
                   "%s; with mode or group it must have that name: remove the queue, or give "
                   "another posix_name",
                   taken.text);
    r = create_nameless(object, why);
    object->name_lost = true;
    if (r >= 0)
        log_warning("queue '%s': %s; it lives without a name, reachable through the broker alone",
                    object->declaration->name, taken.text);
    return r;
}

/* ---- hand out ---- */

static void lose_name(struct object *object)
{
    if (!object->kernel_name)
        return;
    log_event(&(struct log_event){.priority = LOG_WARNING,
                                  .id = LOG_NAME_LOST,
                                  .object = object->declaration->name},
              "queue '%s': its name %s was removed from outside; it goes on without a name, with "
              "its messages, reachable through the broker alone",
              object->declaration->name, object->kernel_name);
    free_charp(&object->kernel_name);
    object->name_lost = true;
}

static void look(struct object *object)
{
    struct stat status;

    if (object->kernel_name && fstat(object->fd, &status) == 0 && status.st_nlink == 0)
        lose_name(object);
}

/* By name, which is the faster way; -ENOENT: the name is gone or another's. */
static int open_by_name(struct object *object, int flags)
{
    _cleanup_close_ int fd = mq_open(object->kernel_name, flags);
    struct stat status;

    if (fd < 0)
        return errno == EACCES ? -ENOENT : -errno;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (status.st_ino != object->identity.inode || status.st_dev != object->identity.device)
        return -ENOENT;
    return TAKE_FD(fd);
}

static int open_description(struct object *object, int flags)
{
    int fd;

    if (object->kernel_name) {
        fd = open_by_name(object, flags);
        if (fd != -ENOENT)
            return fd;
        look(object); /* says it when the name is gone for good */
    }
    return object_reopen(object, object->fd, flags);
}

/* In an IPC name space that was made anew its name does not lead to it. */
static int recover(struct object *object, int fd, const char *kernel_name, struct sentence *why)
{
    _cleanup_close_ int named = -1;
    struct mq_attr attributes;
    struct stat status;
    int r;

    if (mq_getattr(fd, &attributes) < 0)
        return say(why, -EBADMSG, "it is no queue");
    if (fstat(fd, &status) < 0)
        return say(why, -errno, "fstat: %s", strerror(errno));
    if (status.st_uid != geteuid())
        return say(why, -EBADMSG, "it belongs to uid %u", status.st_uid);
    r = keep(object, &fd, kernel_name, why);
    if (r < 0 || !kernel_name)
        return r;
    named = open_by_name(object, O_RDONLY | O_CLOEXEC);
    object->name_lost = named == -ENOENT;
    if (object->name_lost)
        free_charp(&object->kernel_name);
    return 0;
}

static int hand_out(struct object *object, unsigned access, unsigned flags, struct handout *ret,
                    struct sentence *why)
{
    int mode = access == WIRE_USE ? O_RDWR : access == WIRE_WRITE ? O_WRONLY : O_RDONLY;
    int fd = open_description(object, mode | O_CLOEXEC | (flags & WIRE_NONBLOCK ? O_NONBLOCK : 0));

    if (fd < 0)
        return say(why, fd, "the broker cannot open queue '%s' anew: %s", object->declaration->name,
                   strerror(-fd));
    ret->fd = fd;
    ret->owned = true;
    ret->descriptor.flags = flags & WIRE_NONBLOCK;
    return 0;
}

/* ---- describe ---- */

static void describe(struct object *object, bool detail, struct wire_writer *writer)
{
    struct mq_attr is;
    struct stat status;
    char mode[8];

    wire_put_fact_text(writer, WIRE_FACT_TEXT, "posix_name",
                       object->kernel_name ? object->kernel_name : "none");
    if (mq_getattr(object->fd, &is) == 0) {
        wire_put_fact_number(writer, "max_messages", (uint64_t)is.mq_maxmsg);
        wire_put_fact_number(writer, "message_size", (uint64_t)is.mq_msgsize);
        wire_put_fact_number(writer, "depth", (uint64_t)is.mq_curmsgs);
    }
    if (!detail || fstat(object->fd, &status) < 0)
        return;
    (void)snprintf(mode, sizeof mode, "%04o", status.st_mode & 07777);
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "mode", mode);
    wire_put_fact_number(writer, "gid", status.st_gid);
}

const struct kind kind_queue = {
    .name = "queue",
    .number = WIRE_QUEUE,
    .write_word = "send",
    .read_word = "receive",
    .keys = keys,
    .n_keys = ARRAY_SIZE(keys),
    .settings_size = sizeof(struct queue_settings),
    .settings_init = settings_init,
    .settings_deinit = settings_deinit,
    .settings_text = settings_text,
    .settings_check = settings_check,
    .settings_warning = settings_warning,
    .settings_subject = settings_subject,
    .claim = wanted_name,
    .weigh = weigh,
    .create = create,
    .recover = recover,
    .compare = compare,
    .adjustment = adjustment,
    .adjust = adjust,
    .depth = queue_depth,
    .take = queue_take,
    .remove = queue_remove_name,
    .hand_out = hand_out,
    .look = look,
    .describe = describe,
};
