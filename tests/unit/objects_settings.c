/* Kinds, their words, their keys, what they claim and weigh. */
#include "tests/unit/objects_cases.h"

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

static uint64_t needed(const struct need *need, const char *sysctl)
{
    for (size_t i = 0; i < need->n_sysctls; i++)
        if (strcmp(need->sysctls[i].name, sysctl) == 0)
            return need->sysctls[i].value;
    return 0;
}

/* Found by bisection on a kernel. */
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
    ck_assert_uint_eq(needed(&need, "fs.mqueue.queues_max"), 1);
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
    ck_assert_uint_eq(needed(&need, "fs.mqueue.queues_max"), 3);
    ck_assert_uint_eq(need.descriptors, 4);
    ck_assert_uint_eq(needed(&need, "fs.mqueue.msg_max"), 10);
    ck_assert_uint_eq(needed(&need, "fs.mqueue.msgsize_max"), 8192);
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

/* ---- copies ---- */

static const char *const copied[][8] = {
    {"queue", "max_messages", "3", "message_size", "2000", "mode", "0640"},
    {"queue", "posix_name", "/other", "group", "100"},
    {"queue", "posix_name", "none"},
    {"eventfd", "initial", "7", "semaphore", "yes", "nonblocking", "no"},
    {"pipe", "capacity", "65536", "initial", "12"},
};

/* All that is said of an object stays so under another name, the name in the kernel too. */
START_TEST(a_copy_says_the_same)
{
    const char *const *of = copied[_i];
    struct declaration *copy;

    declare(of[0], "x", of[1], of[2], of[3], of[4], of[5], of[6], NULL);
    copy = declaration_copy(&declaration, "x@1", NAMING_ALL);
    ck_assert_ptr_nonnull(copy);
    ck_assert_str_eq(copy->name, "x@1");
    for (size_t i = 0; i < copy->kind->n_keys; i++) {
        char was[300], is[300];
        const char *key = copy->kind->keys[i].name;

        copy->kind->settings_text(&declaration, NAMING_ALL, key, was, sizeof was);
        copy->kind->settings_text(copy, NAMING_ALL, key, is, sizeof is);
        ck_assert_str_eq(was, is);
    }
    declaration_free(copy);
}
END_TEST

START_TEST(a_key_that_is_none_cannot_be_set)
{
    struct declaration *new = declaration_new(kind_find("pipe"), "x", (struct place){NULL, 0});

    ck_assert_ptr_nonnull(new);
    ck_assert_int_eq(declaration_set(new, "colour", "blue", &why), -EINVAL);
    assert_why("colour");
    ck_assert_int_eq(declaration_set(new, "capacity", "blue", &why), -EINVAL);
    ck_assert_int_eq(declaration_set(new, "capacity", "4096", &why), 0);
    declaration_free(new);
}
END_TEST

void add_settings(Suite *suite)
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
    tcase_add_loop_test(cases, a_copy_says_the_same, 0, (int)ARRAY_SIZE(copied));
    tcase_add_test(cases, a_key_that_is_none_cannot_be_set);
    if (is_root())
        tcase_add_test(cases, the_weight_is_what_the_kernel_charges);
    suite_add_tcase(suite, cases);
}
