/*
 * What a service manager may hand in at a start: the input is a list of entries of its store, with
 * bags that another version, a broken one or nobody of ours has packed. Whatever it is: what is
 * taken is a registry in order, each object the kernel's own of its kind and no other's; what is
 * not understood stays in the store; and what was taken comes back from there as it is.
 */
#include "daemon/bag.h"
#include "daemon/log.h"
#include "daemon/recover.h"
#include "tests/fuzz/fuzz.h"
#include "tests/manager.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define ENTRIES  8u  /* of an input */
#define THINGS   12u /* that may lie in a bag */
#define MEMBERS  16u /* of a bag */
#define TEXT_MAX 4096u

/* How an entry is odd; none of them: a bag as it should be, around the input's lines. */
enum {
    ODD_END = 1,     /* one end of it alone */
    ODD_SEALS = 2,   /* the text can be changed */
    ODD_HEAD = 4,    /* the lines are the whole text */
    ODD_PACKETS = 8, /* each descriptor in a packet of its own, some of them nameless */
    ODD_LONE = 16,   /* no bag: just the first thing */
    ODD_NAME = 32,   /* a name of the input's bytes */
    ODD_MARK = 64,   /* its first packet is another's */
    ODD_TEXT = 128,  /* no text at all */
};

static struct notifier notifier;
static struct quota quota = {.limit = 65536};
static struct environment environment = {.naming = NAMING_NONE};
static struct store store;
static struct registry registry;
static struct recovered_list list;
static int things[THINGS] = {-1};

/* ---- what is said ---- */

/* Instead of daemon/log.c: formatted, so that a sanitizer sees what was to be read, and not written
 * thousands of times a second. */
static void _printf_(1, 0) swallow(const char *format, va_list arguments)
{
    char text[8192];

    (void)vsnprintf(text, sizeof text, format, arguments);
    for (const char *at = text; *at; at++)
        ORACLE((unsigned char)*at >= ' ' && *at != 0x7f, "a control character is logged");
}

void log_event(const struct log_event *event, const char *format, ...)
{
    va_list arguments;

    (void)event;
    va_start(arguments, format);
    swallow(format, arguments);
    va_end(arguments);
}

void log_write(int priority, const char *format, ...)
{
    va_list arguments;

    (void)priority;
    va_start(arguments, format);
    swallow(format, arguments);
    va_end(arguments);
}

/* ---- what may lie in a bag ---- */

static int new_queue(bool named)
{
    int fd = mq_open("/fuzz", O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, NULL);

    ORACLE(fd >= 0 && (named || mq_unlink("/fuzz") == 0), "a queue: %s", strerror(errno));
    return fd;
}

static int new_pipe(bool whole)
{
    char path[64];
    int ends[2], fd;

    ORACLE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "pipe2: %s", strerror(errno));
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    fd = open(path, (whole ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
    ORACLE(fd >= 0, "%s: %s", path, strerror(errno));
    (void)close_fd(ends[0]);
    (void)close_fd(ends[1]);
    return fd;
}

static void make_things(void)
{
    size_t n = 0;

    ORACLE(unshare(CLONE_NEWIPC) == 0, "unshare: %s", strerror(errno));
    for (int i = 0; i < 4; i++)
        things[n++] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | (i == 3 ? EFD_SEMAPHORE : 0));
    for (int i = 0; i < 3; i++)
        things[n++] = new_queue(i == 2);
    for (int i = 0; i < 3; i++)
        things[n++] = new_pipe(i < 2);
    things[n++] = open("/dev/null", O_RDWR | O_CLOEXEC);
    things[n++] = memfd_create("fuzz", MFD_CLOEXEC);
    for (size_t i = 0; i < THINGS; i++)
        ORACLE(i < n && things[i] >= 0, "thing %zu: %s", i, strerror(errno));
}

static void set_up(void)
{
    make_things();
    manager_start();
    (void)atexit(manager_stop);
    notifier_init(&notifier);
    environment.registry = &registry;
    environment.descriptors_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* ---- the store, from the input ---- */

struct entry {
    char name[32];
    unsigned shape;
    int fds[MEMBERS];
    size_t n;
    char text[TEXT_MAX];
};

/* "$N" in the input stands for the identity of thing N. */
static void put_identity(FILE *file, unsigned which)
{
    struct stat status;

    ORACLE(fstat(things[which % THINGS], &status) == 0, "fstat: %s", strerror(errno));
    (void)fprintf(file, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
}

static void read_text(struct bytes *bytes, struct entry *entry, unsigned number)
{
    size_t wanted = take_byte(bytes), size;
    const uint8_t *at = take_bytes(bytes, wanted | (size_t)take_byte(bytes) << 8, &size);
    FILE *file = fmemopen(entry->text, sizeof entry->text, "w");

    ORACLE(file, "fmemopen: %s", strerror(errno));
    if (!(entry->shape & ODD_HEAD))
        (void)fprintf(file, "ipcbroker objects 1\nbag %u holds %zu\n", number, entry->n);
    for (size_t i = 0; i < size; i++)
        if (at[i] == '$' && i + 1 < size)
            put_identity(file, at[++i] - (unsigned)'0');
        else
            (void)fputc(at[i], file);
    (void)fclose(file);
    entry->text[sizeof entry->text - 1] = '\0';
}

static void read_entry(struct bytes *bytes, struct entry *entry)
{
    unsigned number, serial;
    const uint8_t *at;
    size_t size;

    *entry = (struct entry){.shape = take_byte(bytes)};
    number = take_byte(bytes) % 4 + 1;
    serial = take_byte(bytes) % 4 + 1;
    (void)snprintf(entry->name, sizeof entry->name, "bag.%u.%u", number, serial);
    if (entry->shape & ODD_NAME) {
        at = take_bytes(bytes, take_byte(bytes) % 14, &size);
        (void)snprintf(entry->name, sizeof entry->name, "%.*s", (int)size, (const char *)at);
        for (char *c = entry->name; *c; c++) /* which a service manager does not take */
            if (*c < ' ' || *c == 0x7f || *c == ':')
                *c = '_';
    }
    entry->n = take_byte(bytes) % MEMBERS;
    for (size_t i = 0; i < entry->n; i++)
        entry->fds[i] = things[take_byte(bytes) % THINGS];
    read_text(bytes, entry, number);
}

static void put_packet(int fd, const char *mark, const int *fds, size_t n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MEMBERS * sizeof(int))];
    } control = {.align = {CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec part = {(void *)(uintptr_t)mark, strlen(mark)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (n > 0) {
        memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(n * sizeof(int));
    }
    ORACLE(sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0, "sendmsg: %s", strerror(errno));
}

static void put_text(int fd, const struct entry *entry)
{
    const char *mark = entry->shape & ODD_MARK ? "ipcbroker bag 2" : "ipcbroker bag 1";
    size_t size = strlen(entry->text);
    int file = memfd_create("bag", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    ORACLE(file >= 0 && write(file, entry->text, size) == (ssize_t)size, "a text: %s",
           strerror(errno));
    ORACLE(fcntl(file, F_ADD_SEALS,
                 entry->shape & ODD_SEALS
                     ? F_SEAL_SHRINK
                     : F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0,
           "seals: %s", strerror(errno));
    put_packet(fd, mark, &file, 1);
    (void)close_fd(file);
}

static void pack(int fd, const struct entry *entry)
{
    if (!(entry->shape & ODD_TEXT))
        put_text(fd, entry);
    if (!(entry->shape & ODD_PACKETS) && entry->n > 0)
        put_packet(fd, "descriptors", entry->fds, entry->n);
    for (size_t i = 0; entry->shape & ODD_PACKETS && i < entry->n; i++)
        put_packet(fd, "descriptors", &entry->fds[i], i % 5 < 4);
}

static void put_entry(const struct entry *entry)
{
    int ends[2];

    if (entry->shape & ODD_LONE) {
        manager_put(entry->name, fcntl(things[entry->n % THINGS], F_DUPFD_CLOEXEC, 0), -1);
        return;
    }
    ORACLE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0,
           "socketpair: %s", strerror(errno));
    pack(ends[0], entry);
    if (entry->shape & ODD_END)
        ends[0] = close_fd(ends[0]);
    manager_put(entry->name, ends[1], ends[0]);
}

/* ---- what is taken ---- */

static void come_back(void)
{
    struct sentence why;
    struct handed handed = manager_hand_in();

    store_init(&store, &notifier, &quota, false);
    ORACLE(store_is_there(&store), "there is no store");
    ORACLE(store_collect(&store, &handed, &list, &why) == 0, "%s", why.text);
    handed_deinit(&handed);
    ORACLE(recover_objects(&store, &list, &registry, &environment) == 0, "out of memory");
}

static void die(void)
{
    registry_deinit(&registry);
    store_deinit(&store);
    recovered_list_deinit(&list);
}

/* The number behind an '@', if any, makes the name a retired object's. */
static void check_name(const struct object *object)
{
    const char *name = object->declaration->name, *at = strchr(name, '@');

    ORACLE(wire_name_is_valid(name, at ? (size_t)(at - name) : strlen(name)), "the name '%s'",
           name);
    ORACLE(!at == !object_is_retired(object), "'%s' is in the wrong list", name);
}

static void check_object(const struct object *object)
{
    struct mq_attr attributes;
    struct stat status;
    uint64_t depth;
    char *difference = NULL;

    check_name(object);
    ORACLE(object->fd >= 0 && object->bag > 0 && object->stored, "'%s' has no bag",
           object->declaration->name);
    ORACLE(fstat(object->fd, &status) == 0, "fstat: %s", strerror(errno));
    ORACLE(object->declaration->kind->number != WIRE_PIPE || S_ISFIFO(status.st_mode),
           "'%s' is no pipe", object->declaration->name);
    ORACLE(object->declaration->kind->number != WIRE_QUEUE ||
               mq_getattr(object->fd, &attributes) == 0,
           "'%s' is no queue", object->declaration->name);
    ORACLE(object->declaration->kind->depth(object, &depth) == 0, "'%s' has no depth",
           object->declaration->name);
    ORACLE(object->declaration->kind->compare(object, object->declaration, &difference) == 0,
           "'%s' cannot be compared", object->declaration->name);
    free(difference);
}

static void check_registry(void)
{
    const struct object *object, *other;

    for (size_t i = 0; (object = registry_at(&registry, i)); i++) {
        check_object(object);
        ORACLE((i < registry.n ? registry_find : registry_find_retired)(
                   &registry, object->declaration->name, strlen(object->declaration->name)) ==
                   object,
               "'%s' is not found", object->declaration->name);
        for (size_t k = 0; k < i && (other = registry_at(&registry, k)); k++)
            ORACLE(other->declaration->kind != object->declaration->kind ||
                       memcmp(&other->identity, &object->identity, sizeof other->identity) != 0,
                   "'%s' and '%s' are the same", other->declaration->name,
                   object->declaration->name);
    }
}

/* What the table says of each. */
static char *tell_registry(void)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    const struct object *object;

    ORACLE(file, "open_memstream: %s", strerror(errno));
    for (size_t i = 0; (object = registry_at(&registry, i)); i++)
        bag_table_add(file, object);
    ORACLE(fclose(file) == 0 && text, "out of memory");
    return text;
}

/* ---- what stays ---- */

/* The serial of the bag NUMBER that was taken; 0: none was. */
static unsigned taken(unsigned number)
{
    for (size_t i = 0; i < store.n_bags; i++)
        if (store.bags[i].number == number)
            return store.bags[i].serial;
    return 0;
}

/* Which entries nobody may remove: those that are none of ours, and bags that are newer than what
 * was taken of their number. */
static size_t find_untouchable(char names[][sizeof manager.kept[0].name])
{
    size_t n = 0;

    for (size_t i = 0; i < manager.n; i++) {
        const char *name = manager.kept[i].name;
        unsigned number, serial;
        int end = 0;
        bool ours = sscanf(name, "bag.%u.%u%n", &number, &serial, &end) == 2 && !name[end];

        if (!ours || taken(number) == 0 || taken(number) < serial)
            memcpy(names[n++], name, sizeof names[0]);
    }
    return n;
}

static size_t count_kept(const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < manager.n; i++)
        n += strcmp(manager.kept[i].name, name) == 0;
    return n;
}

static void save(void)
{
    static char untouchable[KEPT_MAX][sizeof manager.kept[0].name];
    size_t counts[KEPT_MAX], n = find_untouchable(untouchable);

    for (size_t i = 0; i < n; i++)
        counts[i] = count_kept(untouchable[i]);
    store_save(&store, &registry);
    manager_read(SIZE_MAX);
    ORACLE(TAILQ_EMPTY(&notifier.notices), "the service manager is not told all");
    for (size_t i = 0; i < n; i++)
        ORACLE(count_kept(untouchable[i]) == counts[i], "'%s' was kept %zu times, now %zu times",
               untouchable[i], counts[i], count_kept(untouchable[i]));
}

/* ---- the program ---- */

/* What is saved comes back, and by the third time nothing changes any more. */
static void live_and_die(void)
{
    _cleanup_free_ char *before = NULL, *after = NULL;

    come_back();
    check_registry();
    save();
    before = tell_registry();
    die();
    come_back();
    check_registry();
    after = tell_registry();
    ORACLE(strcmp(before, after) == 0, "there was\n%sback came\n%s", before, after);
    save();
    die();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    static struct entry entry;
    size_t open_before;

    if (things[0] < 0)
        set_up();
    open_before = count_open();
    for (unsigned i = 0; i < ENTRIES && bytes.left > 0; i++) {
        read_entry(&bytes, &entry);
        put_entry(&entry);
    }
    live_and_die();
    manager_empty();
    ORACLE(count_open() == open_before, "a descriptor is lost: %zu, %zu before", count_open(),
           open_before);
    return 0;
}
