/* The fixture of the tests of objects. */
#include "tests/unit/objects_cases.h"

/* ---- the fixture: root gets an IPC name space, and a user whose RLIMIT_MSGQUEUE nobody else eats.
 * Others make nameless queues only. ---- */

struct environment environment;
struct declaration declaration;
struct object object;
struct sentence why;
struct handout handout;

bool is_root(void)
{
    static int root = -1;

    if (root < 0)
        root = geteuid() == 0;
    return root;
}

void make_queue(const char *name, mode_t mode)
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

void undeclare(void)
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

int set_key(const char *key, const char *value)
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
void declare(const char *kind, const char *name, ...)
{
    va_list arguments;
    const char *key;

    undeclare();
    declaration =
        (struct declaration){.name = (char *)name, .kind = kind_find(kind), .place = {"file", 3}};
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

void create(void)
{
    object_create(&object, now_us());
    ck_assert_msg(!object_is_failed(&object), "%s", object.failure);
}

/* A queue of 4 messages of 64 bytes. */
void small_queue(const char *name)
{
    declare("queue", name, "max_messages", "4", "message_size", "64", NULL);
    create();
}

/* A new descriptor, to be closed by the caller. */
int acquire(unsigned access, unsigned flags)
{
    int r = object_hand_out(&object, WIRE_USE, access, flags, &handout, &why);

    ck_assert_msg(r == 0, "%s", why.text);
    ck_assert(handout.owned);
    return TAKE_FD(handout.fd);
}

void send_text(int fd, const char *text)
{
    ck_assert_msg(mq_send(fd, text, strlen(text), 0) == 0, "%s", strerror(errno));
}

void expect_text(int fd, const char *text)
{
    char buffer[64];
    ssize_t size = mq_receive(fd, buffer, sizeof buffer, NULL);

    ck_assert_int_eq(size, strlen(text));
    ck_assert_mem_eq(buffer, text, (size_t)size);
}

/* ---- facts ---- */

static uint8_t facts[4096];

size_t describe(bool detail)
{
    struct wire_writer writer;

    wire_writer_init(&writer, facts, sizeof facts);
    object_describe(&object, WIRE_USE, detail, &writer);
    ck_assert(!writer.overflow);
    return writer.size;
}

bool find_fact(bool detail, const char *key, struct wire_fact *ret)
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

uint64_t number_fact(const char *key)
{
    struct wire_fact fact;

    ck_assert_msg(find_fact(true, key, &fact), "no fact %s", key);
    ck_assert_uint_ne(fact.type, WIRE_FACT_TEXT);
    return fact.number;
}

const char *text_fact(const char *key)
{
    static char text[1100];
    struct wire_fact fact;

    ck_assert_msg(find_fact(true, key, &fact), "no fact %s", key);
    ck_assert_uint_eq(fact.type, WIRE_FACT_TEXT);
    (void)snprintf(text, sizeof text, "%.*s", (int)fact.text_size, fact.text);
    return text;
}

TCase *new_cases(const char *name)
{
    TCase *cases = tcase_create(name);

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    return cases;
}
