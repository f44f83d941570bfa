/* The kinds queue and eventfd, without a broker around them. */
#include "tests/check_main.h"

#include "daemon/clock.h"
#include "daemon/kinds.h"
#include "daemon/limits.h"

#include <fcntl.h>
#include <inttypes.h>
#include <mqueue.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* ---- the fixture: root gets an IPC name space, and a user whose RLIMIT_MSGQUEUE nobody else eats.
 * Others make nameless queues only. ---- */

static struct environment environment;
static struct declaration declaration;
static struct object object;
static struct sentence why;
static struct handout handout;

static bool is_root(void)
{
    static int root = -1;

    if (root < 0)
        root = geteuid() == 0;
    return root;
}

static void make_queue(const char *name, mode_t mode)
{
    struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 16};
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode, &attributes);

    ck_assert_int_ge(queue, 0);
    (void)mq_close(queue);
}

/* What another user, here root, made before we came. */
static void squat(void)
{
    make_queue("/theirs", 0666);
    make_queue("/closed", 0600);
}

static void set_up(void)
{
    uid_t uid = 1500000000u + (uid_t)getpid();

    (void)umask(0);
    environment.naming = NAMING_NONE;
    if (is_root()) {
        ck_assert_int_eq(unshare(CLONE_NEWIPC), 0);
        squat();
        ck_assert_int_eq(setresgid(uid, uid, uid), 0);
        ck_assert_int_eq(setresuid(uid, uid, uid), 0);
        ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
        environment.naming = NAMING_ALL;
    }
    environment.descriptors_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(environment.descriptors_dir, 0);
    handout.fd = -1;
}

static void undeclare(void)
{
    object_deinit(&object);
    if (!declaration.settings)
        return;
    declaration.kind->settings_deinit(declaration.settings);
    free(declaration.settings);
    declaration.settings = NULL;
}

static void tear_down(void)
{
    handout_deinit(&handout);
    undeclare();
    close(environment.descriptors_dir);
}

#define assert_why(part) ck_assert_msg(strstr(why.text, part), "no \"%s\" in: %s", part, why.text)

static int set_key(const char *key, const char *value)
{
    const struct kind *kind = declaration.kind;

    for (size_t i = 0; i < kind->n_keys; i++)
        if (strcmp(kind->keys[i].name, key) == 0)
            return kind->keys[i].parse(value, (char *)declaration.settings + kind->keys[i].offset,
                                       &why);
    ck_abort_msg("no key '%s'", key);
    return 0;
}

/* Declares an object; keys and their values follow, up to NULL. Nothing is made yet. */
static void declare(const char *kind, const char *name, ...)
{
    va_list arguments;
    const char *key;

    undeclare();
    declaration = (struct declaration){(char *)name, kind_find(kind), {"file", 3}, NULL, {0}};
    ck_assert_ptr_nonnull(declaration.kind);
    declaration.settings = calloc(1, declaration.kind->settings_size);
    ck_assert_ptr_nonnull(declaration.settings);
    declaration.kind->settings_init(declaration.settings);
    va_start(arguments, name);
    while ((key = va_arg(arguments, const char *)))
        ck_assert_msg(set_key(key, va_arg(arguments, const char *)) == 0, "%s: %s", key, why.text);
    va_end(arguments);
    object_init(&object, &declaration, &environment);
}

static void create(void)
{
    object_create(&object, now_us());
    ck_assert_msg(!object_is_failed(&object), "%s", object.failure);
}

/* A queue of 4 messages of 64 bytes. */
static void small_queue(const char *name)
{
    declare("queue", name, "max_messages", "4", "message_size", "64", NULL);
    create();
}

/* A new descriptor, to be closed by the caller. */
static int acquire(unsigned access, unsigned flags)
{
    int r = object_hand_out(&object, WIRE_USE, access, flags, &handout, &why);

    ck_assert_msg(r == 0, "%s", why.text);
    ck_assert(handout.owned);
    return TAKE_FD(handout.fd);
}

static void send_text(int fd, const char *text)
{
    ck_assert_msg(mq_send(fd, text, strlen(text), 0) == 0, "%s", strerror(errno));
}

static void expect_text(int fd, const char *text)
{
    char buffer[64];
    ssize_t size = mq_receive(fd, buffer, sizeof buffer, NULL);

    ck_assert_int_eq(size, strlen(text));
    ck_assert_mem_eq(buffer, text, (size_t)size);
}

/* ---- facts ---- */

static uint8_t facts[4096];

static size_t describe(bool detail)
{
    struct wire_writer writer;

    wire_writer_init(&writer, facts, sizeof facts);
    object_describe(&object, WIRE_USE, detail, &writer);
    ck_assert(!writer.overflow);
    return writer.size;
}

static bool find_fact(bool detail, const char *key, struct wire_fact *ret)
{
    struct wire_reader reader = {facts, describe(detail)};
    struct wire_field field;

    while (wire_next(&reader, &field) > 0) {
        ck_assert_uint_eq(field.type, WIRE_FIELD_FACT);
        ck_assert_int_eq(wire_get_fact(&field, ret), 0);
        if (ret->key_size == strlen(key) && memcmp(ret->key, key, ret->key_size) == 0)
            return true;
    }
    return false;
}

static uint64_t number_fact(const char *key)
{
    struct wire_fact fact;

    ck_assert_msg(find_fact(true, key, &fact), "no fact %s", key);
    ck_assert_uint_ne(fact.type, WIRE_FACT_TEXT);
    return fact.number;
}

static const char *text_fact(const char *key)
{
    static char text[1100];
    struct wire_fact fact;

    ck_assert_msg(find_fact(true, key, &fact), "no fact %s", key);
    ck_assert_uint_eq(fact.type, WIRE_FACT_TEXT);
    (void)snprintf(text, sizeof text, "%.*s", (int)fact.text_size, fact.text);
    return text;
}

/* ---- kinds and their words ---- */

START_TEST(the_table_of_kinds)
{
    ck_assert_ptr_eq(kind_find("queue"), &kind_queue);
    ck_assert_ptr_eq(kind_find("eventfd"), &kind_eventfd);
    ck_assert_ptr_null(kind_find("Queue"));
    ck_assert_ptr_null(kind_find("queues"));
    ck_assert_ptr_null(kind_find(""));
    for (size_t i = 0; kind_at(i); i++)
        ck_assert_ptr_eq(kind_find(kind_at(i)->name), kind_at(i));
    ck_assert_ptr_nonnull(kind_at(0));
    ck_assert_ptr_null(kind_at(1000));
}
END_TEST

START_TEST(the_words_of_a_kind)
{
    ck_assert_uint_eq(kind_access(&kind_queue, "send"), WIRE_WRITE);
    ck_assert_uint_eq(kind_access(&kind_queue, "receive"), WIRE_READ);
    ck_assert_uint_eq(kind_access(&kind_queue, "use"), WIRE_USE);
    ck_assert_uint_eq(kind_access(&kind_queue, "write"), 0);
    ck_assert_uint_eq(kind_access(&kind_eventfd, "use"), WIRE_USE);
    ck_assert_uint_eq(kind_access(&kind_eventfd, "send"), 0);
    ck_assert_uint_eq(kind_access(&kind_eventfd, ""), 0);
    ck_assert_str_eq(kind_words(&kind_queue, WIRE_WRITE), "send");
    ck_assert_str_eq(kind_words(&kind_queue, WIRE_READ), "receive");
    ck_assert_str_eq(kind_words(&kind_queue, WIRE_USE), "use");
    ck_assert_str_eq(kind_words(&kind_queue, 0), "nothing");
    ck_assert_str_eq(kind_words(&kind_eventfd, WIRE_USE), "use");
    ck_assert_str_eq(kind_words(&kind_eventfd, WIRE_READ), "read");
}
END_TEST

/* ---- settings ---- */

/* As long as the kernel takes, after the slash. */
#define NAME_254                                                                                   \
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                  \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                  \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                  \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *kind, *key, *value;
    const char *fragment; /* of the sentence; NULL: it is taken */
} values[] = {
    {"queue", "max_messages", "1", NULL},
    {"queue", "max_messages", "65536", NULL},
    {"queue", "max_messages", "0", "expected 1 to 65536"},
    {"queue", "max_messages", "65537", "expected 1 to 65536"},
    {"queue", "max_messages", "-1", ""},
    {"queue", "max_messages", "1K", ""},
    {"queue", "max_messages", "", ""},
    {"queue", "max_messages", "18446744073709551616", ""},
    {"queue", "message_size", "1", NULL},
    {"queue", "message_size", "16M", NULL},
    {"queue", "message_size", "16777216", NULL},
    {"queue", "message_size", "16777217", "expected 1 to 16777216"},
    {"queue", "message_size", "0", "expected 1 to 16777216"},
    {"queue", "message_size", "0K", "expected 1 to 16777216"},
    {"queue", "message_size", "1G", ""},
    {"queue", "posix_name", "none", NULL},
    {"queue", "posix_name", "/a", NULL},
    {"queue", "posix_name", "/none", NULL},
    {"queue", "posix_name", "/.hidden", NULL},
    {"queue", "posix_name", "/...", NULL},
    {"queue", "posix_name", NAME_254, NULL},
    {"queue", "posix_name", NAME_254 "a", "is no POSIX queue name"},
    {"queue", "posix_name", "", "is no POSIX queue name"},
    {"queue", "posix_name", "/", "is no POSIX queue name"},
    {"queue", "posix_name", "/.", "is no POSIX queue name"},
    {"queue", "posix_name", "/..", "is no POSIX queue name"},
    {"queue", "posix_name", "a", "is no POSIX queue name"},
    {"queue", "posix_name", "None", "is no POSIX queue name"},
    {"queue", "posix_name", "//a", "is no POSIX queue name"},
    {"queue", "posix_name", "/a/b", "is no POSIX queue name"},
    {"queue", "posix_name", "/a b", "is no POSIX queue name"},
    {"queue", "posix_name", "/a\"", "is no POSIX queue name"},
    {"queue", "posix_name", "/a,b", "is no POSIX queue name"},
    {"queue", "posix_name", "/\xc3\xa4", "is no POSIX queue name"},
    {"queue", "posix_name", "/a\x1b", "is no POSIX queue name"},
    {"queue", "mode", "0600", NULL},
    {"queue", "mode", "666", NULL},
    {"queue", "mode", "0640", NULL},
    {"queue", "mode", "0060", ""},
    {"queue", "mode", "0700", ""},
    {"queue", "mode", "600x", ""},
    {"queue", "group", "0", NULL},
    {"queue", "group", "adm", NULL},
    {"queue", "group", "", ""},
    {"queue", "group", "-1", ""},
    {"eventfd", "initial", "0", NULL},
    {"eventfd", "initial", "18446744073709551614", NULL},
    {"eventfd", "initial", "18446744073709551615", "at most 18446744073709551614"},
    {"eventfd", "initial", "18446744073709551616", ""},
    {"eventfd", "initial", "-1", ""},
    {"eventfd", "initial", "1K", ""},
    {"eventfd", "semaphore", "yes", NULL},
    {"eventfd", "semaphore", "maybe", ""},
    {"eventfd", "nonblocking", "off", NULL},
    {"eventfd", "nonblocking", "2", ""},
};

/* A refused value leaves what was there before. */
START_TEST(a_value)
{
    void *before;
    size_t size;

    declare(values[_i].kind, "x", NULL);
    size = declaration.kind->settings_size;
    before = malloc(size);
    ck_assert_ptr_nonnull(before);
    memcpy(before, declaration.settings, size);
    if (values[_i].fragment) {
        ck_assert_int_eq(set_key(values[_i].key, values[_i].value), -EINVAL);
        ck_assert_str_ne(why.text, "");
        assert_why(values[_i].fragment);
        ck_assert_mem_eq(declaration.settings, before, size);
    } else {
        ck_assert_int_eq(set_key(values[_i].key, values[_i].value), 0);
        ck_assert_int_eq(set_key(values[_i].key, values[_i].value), 0); /* frees the first one */
    }
    free(before);
}
END_TEST

static int check_settings(void)
{
    return declaration.kind->settings_check(declaration.settings, &why);
}

START_TEST(keys_that_exclude_each_other)
{
    declare("queue", "x", "posix_name", "none", NULL);
    ck_assert_int_eq(check_settings(), 0);
    declare("queue", "x", "posix_name", "none", "mode", "0660", NULL);
    ck_assert_int_eq(check_settings(), -EINVAL);
    assert_why("posix_name = none");
    declare("queue", "x", "posix_name", "none", "group", "7", NULL);
    ck_assert_int_eq(check_settings(), -EINVAL);
    declare("queue", "x", "posix_name", "/x", "group", "7", "mode", "0660", NULL);
    ck_assert_int_eq(check_settings(), 0);
}
END_TEST

START_TEST(a_mode_for_others_is_warned_of)
{
    static const char *const open[] = {"0660", "0640", "0620", "0606", "0604", "0602", "0666"};

    declare("queue", "x", NULL);
    ck_assert_ptr_null(kind_queue.settings_warning(declaration.settings));
    declare("queue", "x", "mode", "0600", NULL);
    ck_assert_ptr_null(kind_queue.settings_warning(declaration.settings));
    for (size_t i = 0; i < ARRAY_SIZE(open); i++) {
        declare("queue", "x", "mode", open[i], NULL);
        ck_assert_ptr_nonnull(kind_queue.settings_warning(declaration.settings));
    }
}
END_TEST

START_TEST(the_group_wants_resolving)
{
    struct subject *group;

    declare("queue", "x", NULL);
    ck_assert_ptr_null(kind_queue.settings_subject(declaration.settings));
    declare("queue", "x", "group", "adm", NULL);
    group = kind_queue.settings_subject(declaration.settings);
    ck_assert_int_eq(group->type, SUBJECT_GROUP);
    ck_assert_str_eq(group->name, "adm");
    ck_assert(!group->resolved);
    declare("queue", "x", "group", "7", NULL);
    group = kind_queue.settings_subject(declaration.settings);
    ck_assert(group->resolved);
    ck_assert_uint_eq(group->id, 7);
}
END_TEST

/* ---- claims and weights ---- */

static const struct {
    const char *posix_name; /* NULL: not given */
    enum naming naming;
    const char *claim;
} claims[] = {
    {NULL, NAMING_ALL, "/orders"},
    {"/other", NAMING_ALL, "/other"},
    {"none", NAMING_ALL, ""},
    {NULL, NAMING_IF_GIVEN, ""},
    {"/other", NAMING_IF_GIVEN, "/other"},
    {"none", NAMING_IF_GIVEN, ""},
    {NULL, NAMING_NONE, ""},
    {"/other", NAMING_NONE, ""},
    {"none", NAMING_NONE, ""},
    {NAME_254, NAMING_ALL, NAME_254},
};

START_TEST(a_claim)
{
    char claim[CLAIM_SIZE] = "?";

    declare("queue", "orders", NULL);
    if (claims[_i].posix_name)
        ck_assert_int_eq(set_key("posix_name", claims[_i].posix_name), 0);
    declaration.kind->claim(&declaration, claims[_i].naming, claim, sizeof claim);
    ck_assert_str_eq(claim, claims[_i].claim);
}
END_TEST

/* Bisected on a kernel: FACTS.md, section 5. */
static const struct {
    const char *max_messages, *message_size;
    uint64_t bytes;
} weights[] = {
    {"1", "1", 97},
    {"10", "1", 970},
    {"4", "64", 640},
    {"10", "8192", 82880},
    {"65536", "1", 4784128},
    {"32768", "1", 3178496},
    {"65536", "16M", UINT64_C(65536) * (16777216 + 48) + 32768 * 48},
};

START_TEST(a_weight)
{
    struct need need = {0};

    declare("queue", "x", "max_messages", weights[_i].max_messages, "message_size",
            weights[_i].message_size, NULL);
    declaration.kind->weigh(declaration.settings, &need);
    ck_assert_uint_eq(need.msgqueue_bytes, weights[_i].bytes);
    ck_assert_uint_eq(need.queues, 1);
    ck_assert_uint_eq(need.descriptors, 1);
}
END_TEST

START_TEST(weights_add_up)
{
    struct need need = {0};

    declare("queue", "x", "max_messages", "4", "message_size", "64", NULL);
    declaration.kind->weigh(declaration.settings, &need);
    declare("queue", "x", "max_messages", "10", "message_size", "1", NULL);
    declaration.kind->weigh(declaration.settings, &need);
    declare("queue", "x", NULL);
    declaration.kind->weigh(declaration.settings, &need);
    declare("eventfd", "x", NULL);
    declaration.kind->weigh(declaration.settings, &need);
    ck_assert_uint_eq(need.msgqueue_bytes, 640 + 970 + 82880);
    ck_assert_uint_eq(need.queues, 3);
    ck_assert_uint_eq(need.descriptors, 4);
    ck_assert_uint_eq(need.most_messages, 10);
    ck_assert_uint_eq(need.largest_message, 8192);
}
END_TEST

/* The formula is the kernel's: with one byte less there is no queue. */
START_TEST(the_weight_is_what_the_kernel_charges)
{
    for (uint64_t less = 0; less < 2; less++) {
        struct rlimit limit = {640 - less, 640 - less};

        ck_assert_int_eq(setrlimit(RLIMIT_MSGQUEUE, &limit), 0);
        declare("queue", "x", "max_messages", "4", "message_size", "64", NULL);
        object_create(&object, 0);
        ck_assert_int_eq(object_is_failed(&object), less);
        if (!less)
            ck_assert_int_eq(mq_unlink("/x"), 0);
    }
    ck_assert_ptr_nonnull(strstr(object.failure, "its 640 bytes do not fit"));
    ck_assert_ptr_nonnull(strstr(object.failure, "RLIMIT_MSGQUEUE = 639"));
}
END_TEST

/* ---- a queue with a name ---- */

START_TEST(a_named_queue)
{
    struct stat status;
    mqd_t queue;

    small_queue("orders");
    queue = mq_open("/orders", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(queue, 0);
    ck_assert_int_eq(fstat(queue, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_uint_eq(status.st_uid, geteuid());
    ck_assert_uint_eq(status.st_ino, object.identity.inode);
    ck_assert_uint_eq(status.st_dev, object.identity.device);
    ck_assert(!object.nameless);
    ck_assert_ptr_null(object.difference);
    ck_assert_str_eq(text_fact("posix_name"), "/orders");
    ck_assert_uint_eq(number_fact("max_messages"), 4);
    ck_assert_uint_eq(number_fact("message_size"), 64);
    ck_assert_str_eq(text_fact("mode"), "0600");
    ck_assert_uint_eq(number_fact("inode"), status.st_ino);
    (void)mq_close(queue);
}
END_TEST

START_TEST(the_declared_mode_whatever_the_umask)
{
    struct stat status;

    declare("queue", "x", "max_messages", "1", "message_size", "1", "mode", "0662", NULL);
    create();
    ck_assert_int_eq(fstat(object.fd, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0662);
}
END_TEST

START_TEST(a_group_that_we_are_no_member_of)
{
    declare("queue", "x", "max_messages", "1", "message_size", "1", "group", "12345", NULL);
    object_create(&object, 0);
    ck_assert(object_is_failed(&object));
    ck_assert_ptr_nonnull(strstr(object.failure, "gid 12345"));
    ck_assert_int_eq(mq_open("/x", O_RDONLY), -1); /* nothing is left of the attempt */
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(adopted_with_its_messages)
{
    struct wire_identity was;

    small_queue("orders");
    was = object.identity;
    send_text(object.fd, "one");
    send_text(object.fd, "two");
    small_queue("orders");
    ck_assert_uint_eq(object.identity.inode, was.inode);
    ck_assert_ptr_null(object.difference);
    ck_assert_uint_eq(number_fact("depth"), 2);
    expect_text(object.fd, "one");
    expect_text(object.fd, "two");
}
END_TEST

START_TEST(adopted_with_other_limits_it_differs)
{
    small_queue("orders");
    send_text(object.fd, "one");
    declare("queue", "orders", "max_messages", "5", "message_size", "64", NULL);
    create();
    ck_assert_str_eq(object.difference, "it holds 4 messages of 64 bytes, declared are 5 of 64");
    ck_assert_str_eq(text_fact("state"), "differs");
    ck_assert_str_eq(text_fact("difference"), object.difference);
    ck_assert_uint_eq(number_fact("max_messages"), 4);
    expect_text(object.fd, "one");
    declare("queue", "orders", "max_messages", "4", "message_size", "65", NULL);
    create();
    ck_assert_ptr_nonnull(object.difference);
}
END_TEST

START_TEST(adopted_its_mode_is_set)
{
    struct stat status;

    make_queue("/orders", 0666);
    declare("queue", "orders", "max_messages", "2", "message_size", "16", NULL);
    create();
    ck_assert_int_eq(fstat(object.fd, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
}
END_TEST

/* Whether we may open what is there or not. */
static const char *const squatted[] = {"theirs", "closed"};

START_TEST(a_squatted_name_makes_it_nameless)
{
    mqd_t theirs;

    small_queue(squatted[_i]);
    ck_assert(object.nameless);
    ck_assert_str_eq(text_fact("posix_name"), "none");
    ck_assert_str_eq(text_fact("state"), "ready");
    send_text(object.fd, "ours");
    theirs = mq_open("/theirs", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(theirs, 0);
    ck_assert_int_eq(mq_receive(theirs, (char[64]){0}, 64, NULL), -1);
    ck_assert_int_eq(errno, EAGAIN);
    expect_text(object.fd, "ours");
    (void)mq_close(theirs);
}
END_TEST

START_TEST(a_squatted_name_that_is_needed_is_a_failure)
{
    declare("queue", squatted[_i], "mode", "0660", "max_messages", "1", "message_size", "1", NULL);
    object_create(&object, 0);
    ck_assert(object_is_failed(&object));
    ck_assert_ptr_nonnull(strstr(object.failure, "is taken by a queue"));
    ck_assert_str_eq(text_fact("state"), "failed");
    ck_assert_str_eq(text_fact("failure"), object.failure);
    ck_assert_int_eq(object_hand_out(&object, WIRE_USE, 0, 0, &handout, &why), -ENXIO);
    assert_why("is taken by a queue");
}
END_TEST

START_TEST(a_name_removed_from_outside)
{
    int fd;

    small_queue("orders");
    send_text(object.fd, "kept");
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    ck_assert(!object.nameless);
    object_look(&object);
    ck_assert(object.nameless);
    fd = acquire(WIRE_READ, 0);
    expect_text(fd, "kept");
    close(fd);
    ck_assert_str_eq(text_fact("posix_name"), "none");
}
END_TEST

/* The first to notice may well be a client's request. */
START_TEST(a_name_that_is_another_queues_now)
{
    int fd;

    small_queue("orders");
    send_text(object.fd, "ours");
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    make_queue("/orders", 0600);
    fd = acquire(WIRE_READ, 0);
    expect_text(fd, "ours");
    close(fd);
    ck_assert(object.nameless);
}
END_TEST

/* ---- a queue without a name ---- */

static void nameless_queue(void)
{
    declare("queue", "quiet", "max_messages", "4", "message_size", "64", "posix_name", "none",
            NULL);
    create();
}

START_TEST(a_nameless_queue)
{
    struct stat status;
    int fd;

    nameless_queue();
    ck_assert(object.nameless);
    ck_assert_int_eq(fstat(object.fd, &status), 0);
    ck_assert_uint_eq(status.st_nlink, 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_uint_eq(status.st_ino, object.identity.inode);
    send_text(object.fd, "hello");
    fd = acquire(WIRE_READ, 0);
    expect_text(fd, "hello");
    close(fd);
    object_look(&object);
    ck_assert(!object_is_failed(&object));
}
END_TEST

/* ---- hand out ---- */

static const struct {
    unsigned access, flags;
    int mode;
} ways[] = {
    {WIRE_WRITE, 0, O_WRONLY},
    {WIRE_READ, 0, O_RDONLY},
    {WIRE_USE, 0, O_RDWR},
    {0, 0, O_RDWR},
    {WIRE_WRITE, WIRE_NONBLOCK, O_WRONLY | O_NONBLOCK},
    {WIRE_READ, WIRE_NONBLOCK, O_RDONLY | O_NONBLOCK},
    {0, WIRE_NONBLOCK, O_RDWR | O_NONBLOCK},
};

static void expect_way(int way)
{
    int fd = acquire(ways[way].access, ways[way].flags);

    ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ways[way].mode);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_uint_eq(handout.descriptor.kind, WIRE_QUEUE);
    ck_assert_uint_eq(handout.descriptor.access, ways[way].access ? ways[way].access : WIRE_USE);
    ck_assert_uint_eq(handout.descriptor.flags, ways[way].flags);
    ck_assert_uint_eq(handout.descriptor.identity.inode, object.identity.inode);
    close(fd);
}

START_TEST(just_the_access)
{
    nameless_queue();
    expect_way(_i);
    if (!is_root())
        return;
    small_queue("orders");
    expect_way(_i);
}
END_TEST

static bool is_nonblocking(int fd)
{
    return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

START_TEST(each_has_a_description_of_his_own)
{
    struct mq_attr nonblocking = {.mq_flags = O_NONBLOCK};
    int a, b;

    nameless_queue();
    a = acquire(WIRE_READ, 0);
    b = acquire(WIRE_READ, 0);
    ck_assert_int_eq(mq_setattr(a, &nonblocking, NULL), 0);
    ck_assert(is_nonblocking(a));
    ck_assert(!is_nonblocking(b));
    ck_assert(is_nonblocking(object.fd)); /* as the broker made it: it never waits */
    close(a);
    close(b);
}
END_TEST

static const struct {
    unsigned granted, access;
    int r; /* 0: it is handed out */
} asked[] = {
    {0, 0, -EACCES},
    {0, WIRE_READ, -EACCES},
    {0, WIRE_USE, -EACCES},
    {WIRE_READ, 0, 0},
    {WIRE_READ, WIRE_READ, 0},
    {WIRE_READ, WIRE_WRITE, -EACCES},
    {WIRE_READ, WIRE_USE, -EACCES},
    {WIRE_WRITE, WIRE_READ, -EACCES},
    {WIRE_WRITE, WIRE_WRITE, 0},
    {WIRE_USE, WIRE_READ, 0},
    {WIRE_USE, WIRE_USE, 0},
};

START_TEST(no_more_than_granted)
{
    nameless_queue();
    ck_assert_int_eq(
        object_hand_out(&object, asked[_i].granted, asked[_i].access, 0, &handout, &why),
        asked[_i].r);
    if (asked[_i].r == 0)
        ck_assert_uint_eq(handout.descriptor.access,
                          asked[_i].access ? asked[_i].access : asked[_i].granted);
    else
        ck_assert_int_eq(handout.fd, -1);
}
END_TEST

/* A descriptor is not left behind when it is not taken. */
START_TEST(what_is_not_taken_is_closed)
{
    int fd;

    nameless_queue();
    ck_assert_int_eq(object_hand_out(&object, WIRE_USE, 0, 0, &handout, &why), 0);
    fd = handout.fd;
    handout_deinit(&handout);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_int_eq(handout.fd, -1);
    ck_assert(!object_is_failed(&object));
}
END_TEST

/* ---- what the kernel refuses ---- */

static void expect_failure(const char *limit, const char *cure)
{
    object_create(&object, 100);
    ck_assert(object_is_failed(&object));
    ck_assert_msg(strstr(object.failure, limit), "%s", object.failure);
    ck_assert_msg(strstr(object.failure, cure), "%s", object.failure);
    ck_assert_uint_eq(object.retry_at_us, 1000100);
}

START_TEST(over_a_limit_of_the_name_space)
{
    declare("queue", "x", "max_messages", "60000", "message_size", "1", NULL);
    expect_failure("over fs.mqueue.msg_max = ", "sysctl fs.mqueue.msg_max=60000");
    declare("queue", "x", "max_messages", "1", "message_size", "16M", NULL);
    expect_failure("over fs.mqueue.msgsize_max = ", "sysctl fs.mqueue.msgsize_max=16777216");
}
END_TEST

static int fill_up(int *queues)
{
    int n = 0;

    while (n < 300) {
        char name[32];
        struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};

        (void)snprintf(name, sizeof name, "/fill-%d", n);
        queues[n] = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
        if (queues[n] < 0)
            break;
        n++;
    }
    return n;
}

/* Tried again when there is room. */
START_TEST(as_many_queues_as_there_may_be)
{
    int queues[300], n = fill_up(queues);

    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(errno, ENOSPC);
    declare("queue", "x", "max_messages", "1", "message_size", "1", NULL);
    expect_failure("fs.mqueue.queues_max = ", "sysctl fs.mqueue.queues_max=");
    (void)mq_unlink("/fill-0");
    (void)mq_close(queues[0]);
    object_retry(&object, object.retry_at_us);
    ck_assert(!object_is_failed(&object));
    ck_assert_ptr_null(object.failure);
    while (--n > 0)
        (void)mq_close(queues[n]);
}
END_TEST

/* ---- eventfds ---- */

static void hand_out_eventfd(unsigned access, unsigned flags)
{
    int r = object_hand_out(&object, WIRE_USE, access, flags, &handout, &why);

    ck_assert_msg(r == 0, "%s", why.text);
    ck_assert_int_eq(handout.fd, object.fd); /* there is no other description of it */
    ck_assert(!handout.owned);
    ck_assert_uint_eq(handout.descriptor.kind, WIRE_EVENTFD);
    ck_assert_uint_eq(handout.descriptor.access, WIRE_USE);
}

START_TEST(an_eventfd)
{
    eventfd_t count;

    declare("eventfd", "e", NULL);
    create();
    ck_assert(object.nameless);
    ck_assert_int_eq(fcntl(object.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    ck_assert_int_eq(fcntl(object.fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(eventfd_read(object.fd, &count), -1);
    hand_out_eventfd(0, 0);
    ck_assert_uint_eq(handout.descriptor.flags, WIRE_NONBLOCK);
    hand_out_eventfd(WIRE_USE, WIRE_NONBLOCK);
    ck_assert_uint_eq(handout.descriptor.identity.device, 0);
    handout_deinit(&handout);
    ck_assert_int_ge(fcntl(object.fd, F_GETFD), 0);
}
END_TEST

START_TEST(an_eventfd_has_no_single_directions)
{
    declare("eventfd", "e", NULL);
    create();
    for (unsigned access = WIRE_WRITE; access <= WIRE_READ; access++) {
        ck_assert_int_eq(object_hand_out(&object, WIRE_USE, access, 0, &handout, &why), -EINVAL);
        assert_why("no single directions");
    }
    ck_assert_int_eq(object_hand_out(&object, 0, WIRE_USE, 0, &handout, &why), -EACCES);
}
END_TEST

START_TEST(a_blocking_eventfd)
{
    declare("eventfd", "e", "nonblocking", "no", NULL);
    create();
    ck_assert_int_eq(fcntl(object.fd, F_GETFL) & O_NONBLOCK, 0);
    hand_out_eventfd(0, 0);
    ck_assert_uint_eq(handout.descriptor.flags, 0);
    ck_assert_int_eq(object_hand_out(&object, WIRE_USE, 0, WIRE_NONBLOCK, &handout, &why), -EINVAL);
    assert_why("nonblocking = no");
    ck_assert_uint_eq(number_fact("nonblocking"), 0);
}
END_TEST

static const struct {
    const char *initial;
    uint64_t value;
} initials[] = {
    {"1", 1},
    {"4294967295", UINT32_MAX},
    {"4294967296", UINT64_C(4294967296)},
    {"18446744073709551614", UINT64_MAX - 1}, /* saturated: nobody can add to it */
};

/* Telling the count does not take it. */
START_TEST(the_initial_value)
{
    eventfd_t count;

    declare("eventfd", "e", "initial", initials[_i].initial, NULL);
    create();
    ck_assert_uint_eq(number_fact("count"), initials[_i].value);
    ck_assert_uint_eq(number_fact("initial"), initials[_i].value);
    hand_out_eventfd(0, 0);
    ck_assert_uint_eq(number_fact("count"), initials[_i].value);
    ck_assert_int_eq(eventfd_read(object.fd, &count), 0);
    ck_assert_uint_eq(count, initials[_i].value);
    ck_assert_uint_eq(number_fact("count"), 0);
}
END_TEST

START_TEST(a_semaphore)
{
    eventfd_t count;

    declare("eventfd", "e", "semaphore", "yes", "initial", "3", NULL);
    create();
    ck_assert_int_eq(eventfd_read(object.fd, &count), 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(number_fact("count"), 2);
    ck_assert_uint_eq(number_fact("semaphore"), 1);
}
END_TEST

/* A holder can fill it; being looked at must not wait for him. */
START_TEST(a_saturated_eventfd_is_described)
{
    declare("eventfd", "e", "nonblocking", "no", "semaphore", "yes", NULL);
    create();
    ck_assert_int_eq(eventfd_write(object.fd, UINT64_MAX - 1), 0);
    ck_assert_uint_eq(number_fact("count"), UINT64_MAX - 1);
    ck_assert_str_eq(text_fact("state"), "ready");
    object_look(&object);
    hand_out_eventfd(0, 0);
}
END_TEST

/* What costs more than a system call is told only to those who ask for one object. */
START_TEST(the_count_is_a_detail)
{
    struct wire_fact fact;

    declare("eventfd", "e", NULL);
    create();
    ck_assert(find_fact(true, "count", &fact));
    ck_assert(!find_fact(false, "count", &fact));
    ck_assert(!find_fact(false, "inode", &fact));
    ck_assert(find_fact(false, "semaphore", &fact));
}
END_TEST

static uint64_t eventfd_id(int fd)
{
    char path[64], line[128];
    uint64_t id = UINT64_MAX;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "eventfd-id:", 11) == 0)
            id = strtoull(line + 11, NULL, 10);
    (void)fclose(file);
    return id;
}

START_TEST(the_identity_is_the_kernels)
{
    int first = eventfd(0, EFD_CLOEXEC); /* so that ours has not the number 0 */

    declare("eventfd", "e", NULL);
    create();
    hand_out_eventfd(0, 0);
    ck_assert_uint_ne(eventfd_id(object.fd), UINT64_MAX);
    ck_assert_uint_eq(handout.descriptor.identity.inode, eventfd_id(object.fd));
    ck_assert_uint_eq(number_fact("inode"), eventfd_id(object.fd));
    ck_assert_uint_eq(number_fact("device"), 0);
    close(first);
}
END_TEST

/* ---- suite ---- */

static TCase *new_cases(const char *name)
{
    TCase *cases = tcase_create(name);

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    return cases;
}

static void add_settings(Suite *suite)
{
    TCase *cases = new_cases("settings");

    tcase_add_test(cases, the_table_of_kinds);
    tcase_add_test(cases, the_words_of_a_kind);
    tcase_add_loop_test(cases, a_value, 0, (int)ARRAY_SIZE(values));
    tcase_add_test(cases, keys_that_exclude_each_other);
    tcase_add_test(cases, a_mode_for_others_is_warned_of);
    tcase_add_test(cases, the_group_wants_resolving);
    tcase_add_loop_test(cases, a_claim, 0, (int)ARRAY_SIZE(claims));
    tcase_add_loop_test(cases, a_weight, 0, (int)ARRAY_SIZE(weights));
    tcase_add_test(cases, weights_add_up);
    suite_add_tcase(suite, cases);
}

/* These want an IPC name space of their own. */
static void add_named(Suite *suite)
{
    TCase *cases = new_cases("named");

    tcase_add_test(cases, a_named_queue);
    tcase_add_test(cases, the_declared_mode_whatever_the_umask);
    tcase_add_test(cases, a_group_that_we_are_no_member_of);
    tcase_add_test(cases, adopted_with_its_messages);
    tcase_add_test(cases, adopted_with_other_limits_it_differs);
    tcase_add_test(cases, adopted_its_mode_is_set);
    tcase_add_loop_test(cases, a_squatted_name_makes_it_nameless, 0, 2);
    tcase_add_loop_test(cases, a_squatted_name_that_is_needed_is_a_failure, 0, 2);
    tcase_add_test(cases, a_name_removed_from_outside);
    tcase_add_test(cases, a_name_that_is_another_queues_now);
    tcase_add_test(cases, over_a_limit_of_the_name_space);
    tcase_add_test(cases, as_many_queues_as_there_may_be);
    tcase_add_test(cases, the_weight_is_what_the_kernel_charges);
    suite_add_tcase(suite, cases);
}

static void add_nameless(Suite *suite)
{
    TCase *cases = new_cases("nameless");

    tcase_add_test(cases, a_nameless_queue);
    tcase_add_loop_test(cases, just_the_access, 0, (int)ARRAY_SIZE(ways));
    tcase_add_test(cases, each_has_a_description_of_his_own);
    tcase_add_loop_test(cases, no_more_than_granted, 0, (int)ARRAY_SIZE(asked));
    tcase_add_test(cases, what_is_not_taken_is_closed);
    suite_add_tcase(suite, cases);
}

static void add_eventfds(Suite *suite)
{
    TCase *cases = new_cases("eventfds");

    tcase_add_test(cases, an_eventfd);
    tcase_add_test(cases, an_eventfd_has_no_single_directions);
    tcase_add_test(cases, a_blocking_eventfd);
    tcase_add_loop_test(cases, the_initial_value, 0, (int)ARRAY_SIZE(initials));
    tcase_add_test(cases, a_semaphore);
    tcase_add_test(cases, a_saturated_eventfd_is_described);
    tcase_add_test(cases, the_count_is_a_detail);
    tcase_add_test(cases, the_identity_is_the_kernels);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    Suite *suite = suite_create("objects");

    add_settings(suite);
    if (is_root())
        add_named(suite);
    else
        puts("# the tests of queues with names are left out: they need root");
    add_nameless(suite);
    add_eventfds(suite);
    return check_main(suite);
}
