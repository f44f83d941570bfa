/* The registry: finding, paging, making, trying again; with a kind that needs no kernel. */
#include "tests/check_main.h"

#include "daemon/clock.h"
#include "daemon/declaration.h"
#include "daemon/registry.h"

#include <fcntl.h>
#include <string.h>

/* ---- a kind that does what it is told ---- */

struct fake_settings {
    int error; /* what create fails with, 0: it succeeds */
    const char *cause;
    const char *difference;
    unsigned n_tries;
};

static int fake_create(struct object *object, struct sentence *why)
{
    struct fake_settings *settings = object->declaration->settings;

    settings->n_tries++;
    if (settings->error)
        return say(why, settings->error, "%s", settings->cause);
    if (settings->difference)
        object->difference = strdup(settings->difference);
    object->fd = open("/", O_PATH | O_CLOEXEC);
    return object->fd < 0 ? -errno : 0;
}

static void fake_init(void *settings)
{
    (void)settings;
}

static const struct kind fake = {
    .name = "fake",
    .number = WIRE_QUEUE,
    .settings_size = sizeof(struct fake_settings),
    .settings_init = fake_init,
    .settings_deinit = fake_init,
    .create = fake_create,
};

static const struct environment environment = {.naming = NAMING_NONE, .descriptors_dir = -1};

#define MANY 10000

static struct declaration declarations[MANY];
static struct declaration *objects[MANY];
static struct fake_settings settings[MANY];
static char names[MANY][24];
static struct config config = {.objects = objects};
static struct registry registry;

static void declare(size_t i, const char *name)
{
    (void)snprintf(names[i], sizeof names[i], "%s", name);
    settings[i] = (struct fake_settings){.cause = "the moon is full"};
    declarations[i] = (struct declaration){
        .name = names[i], .kind = &fake, .place = {"file", 3}, .settings = &settings[i]};
    objects[i] = &declarations[i];
}

static void begin(const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        declare(i, list[i]);
    config.n_objects = n;
    ck_assert_int_eq(registry_init(&registry, &config, &environment), 0);
}

static void tear_down(void)
{
    registry_deinit(&registry);
    registry_deinit(&registry);
}

/* ---- finding ---- */

/* As the configuration hands them on: by byte. */
static const char *const some[] = {"0",  "9",  "A",   "Z",  "_",  "a",
                                   "a-", "a.", "a.b", "aa", "ab", "b"};

static struct object *find(const char *name)
{
    return registry_find(&registry, name, strlen(name));
}

START_TEST(each_is_found)
{
    begin(some, ARRAY_SIZE(some));
    ck_assert_uint_eq(registry.n, ARRAY_SIZE(some));
    for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
        struct object *object = find(some[i]);

        ck_assert_ptr_eq(object, registry.objects[i]);
        ck_assert_str_eq(object->declaration->name, some[i]);
    }
}
END_TEST

static const struct {
    const char *name;
    size_t size;
} unknown[] = {
    {"", 0},      {"-", 1},        {"B", 1},  {"aaa", 3}, {"a.c", 3},     {"c", 1},
    {"a\0", 2},   {"a\0b", 3},     {"\0", 1}, {"zzz", 3}, {"\xff", 1},    {"a.b ", 4},
    {"a.b\0", 4}, {"\xc3\xa4", 2}, {"/a", 2}, {"A\0", 2}, {"abcdefg", 7}, {"ab\n", 3},
};

START_TEST(nothing_else_is_found)
{
    begin(some, ARRAY_SIZE(some));
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        ck_assert_ptr_null(registry_find(&registry, unknown[i].name, unknown[i].size));
}
END_TEST

/* The size counts, not a NUL behind it. */
START_TEST(a_name_need_not_be_terminated)
{
    begin(some, ARRAY_SIZE(some));
    ck_assert_ptr_eq(registry_find(&registry, "a.b and more", 3), find("a.b"));
    ck_assert_ptr_eq(registry_find(&registry, "a.b", 2), find("a."));
    ck_assert_ptr_eq(registry_find(&registry, "a.b", 1), find("a"));
}
END_TEST

START_TEST(in_an_empty_one)
{
    begin(NULL, 0);
    ck_assert_uint_eq(registry.n, 0);
    ck_assert_ptr_null(find("a"));
    ck_assert_ptr_null(find(""));
    ck_assert_uint_eq(registry_after(&registry, "a", 1), 0);
    ck_assert_uint_eq(registry_retry(&registry), 0);
    registry_create(&registry, NULL);
    ck_assert_uint_eq(registry_count(&registry).failed, 0);
}
END_TEST

/* ---- paging ---- */

static size_t after(const char *name)
{
    return registry_after(&registry, name, strlen(name));
}

START_TEST(after_each_comes_the_next)
{
    begin(some, ARRAY_SIZE(some));
    for (size_t i = 0; i < ARRAY_SIZE(some); i++)
        ck_assert_uint_eq(after(some[i]), i + 1);
}
END_TEST

START_TEST(after_what_is_not_there)
{
    begin(some, ARRAY_SIZE(some));
    ck_assert_uint_eq(after(""), 0);
    ck_assert_uint_eq(after("-"), 0);
    ck_assert_uint_eq(after("B"), 3);
    ck_assert_uint_eq(after("a-b"), 7);
    ck_assert_uint_eq(after("a.a"), 8);
    ck_assert_uint_eq(after("a.c"), 9);
    ck_assert_uint_eq(after("zzz"), ARRAY_SIZE(some));
    ck_assert_uint_eq(after("\xff\xff"), ARRAY_SIZE(some));
    ck_assert_uint_eq(registry_after(&registry, "a\0", 2), 6);
}
END_TEST

/* A list without a cursor begins at the beginning; there are no bytes to point at then. */
START_TEST(after_no_name_at_all)
{
    begin(some, ARRAY_SIZE(some));
    ck_assert_uint_eq(registry_after(&registry, NULL, 0), 0);
}
END_TEST

START_TEST(ten_thousand)
{
    for (size_t i = 0; i < MANY; i++) {
        char name[24];

        (void)snprintf(name, sizeof name, "object-%05zu", i);
        declare(i, name);
    }
    config.n_objects = MANY;
    ck_assert_int_eq(registry_init(&registry, &config, &environment), 0);
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_ptr_eq(find(names[i]), registry.objects[i]);
        ck_assert_uint_eq(after(names[i]), i + 1);
    }
    ck_assert_ptr_null(find("object-10000"));
    ck_assert_ptr_null(find("object-0000"));
    ck_assert_uint_eq(after("object-0499"), 4990);
    ck_assert_uint_eq(after("object-04999-"), 5000);
}
END_TEST

/* ---- making, and trying again ---- */

static const char *const three[] = {"bad", "good", "other"};

START_TEST(the_failed_do_not_keep_the_others_from_being_made)
{
    begin(three, ARRAY_SIZE(three));
    settings[0].error = -ENOSPC;
    settings[2].difference = "it is blue";
    registry_create(&registry, NULL);
    ck_assert(object_is_failed(registry.objects[0]));
    ck_assert_str_eq(registry.objects[0]->failure, "the moon is full");
    ck_assert(!object_is_failed(registry.objects[1]));
    ck_assert_ptr_null(registry.objects[1]->failure);
    ck_assert_uint_eq(registry_count(&registry).failed, 1);
    ck_assert_uint_eq(registry_count(&registry).differing, 1);
}
END_TEST

START_TEST(each_try_waits_twice_as_long_up_to_a_minute)
{
    static const unsigned seconds[] = {1, 2, 4, 8, 16, 32, 64, 64, 64};
    struct object *object;
    uint64_t now = 5000000;

    begin(three, 1);
    settings[0].error = -ENOSPC;
    object = registry.objects[0];
    object_create(object, now);
    for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
        ck_assert_uint_eq(object->retry_at_us - now, seconds[i] * UINT64_C(1000000));
        object_retry(object, object->retry_at_us - 1);
        ck_assert_uint_eq(settings[0].n_tries, i + 1);
        now = object->retry_at_us;
        object_retry(object, now);
        ck_assert_uint_eq(settings[0].n_tries, i + 2);
    }
}
END_TEST

START_TEST(what_succeeds_at_last_is_as_good_as_new)
{
    struct object *object;

    begin(three, 1);
    settings[0].error = -ENOSPC;
    object = registry.objects[0];
    object_create(object, 100);
    object_retry(object, object->retry_at_us);
    settings[0].error = 0;
    object_retry(object, object->retry_at_us);
    ck_assert(!object_is_failed(object));
    ck_assert_ptr_null(object->failure);
    ck_assert_uint_eq(object->backoff_us, 0);
    ck_assert_uint_eq(settings[0].n_tries, 3);
    object_retry(object, UINT64_MAX);
    ck_assert_uint_eq(settings[0].n_tries, 3);
}
END_TEST

START_TEST(a_new_cause_takes_the_place_of_the_old)
{
    begin(three, 1);
    settings[0].error = -ENOSPC;
    object_create(registry.objects[0], 0);
    settings[0].cause = "it rains";
    object_retry(registry.objects[0], UINT64_MAX / 2);
    ck_assert_str_eq(registry.objects[0]->failure, "it rains");
}
END_TEST

START_TEST(retry_tells_when_the_next_is_due)
{
    begin(three, ARRAY_SIZE(three));
    settings[0].error = settings[2].error = -ENOSPC;
    registry_create(&registry, NULL);
    ck_assert_uint_eq(registry_retry(&registry), registry.objects[0]->retry_at_us);
    ck_assert_uint_eq(settings[0].n_tries, 1);
    registry.objects[0]->retry_at_us += 7000000;
    ck_assert_uint_eq(registry_retry(&registry), registry.objects[2]->retry_at_us);
    registry.objects[0]->retry_at_us = 0; /* its time has come */
    ck_assert_uint_eq(registry_retry(&registry), registry.objects[2]->retry_at_us);
    ck_assert_uint_eq(settings[0].n_tries, 2);
    ck_assert_uint_eq(settings[2].n_tries, 1);
    ck_assert_uint_eq(settings[1].n_tries, 1);
    settings[0].error = settings[2].error = 0;
    registry.objects[0]->retry_at_us = registry.objects[2]->retry_at_us = 0;
    ck_assert_uint_eq(registry_retry(&registry), 0);
    ck_assert_uint_eq(registry_count(&registry).failed, 0);
}
END_TEST

START_TEST(the_next_try_is_in_the_future)
{
    uint64_t before = now_us();

    begin(three, 1);
    settings[0].error = -EMFILE;
    registry_create(&registry, NULL);
    ck_assert_uint_ge(registry_retry(&registry), before + 1000000);
}
END_TEST

/* What it was told when it could not be made. */
START_TEST(a_failed_one_is_not_handed_out)
{
    struct sentence why = {.text = ""};
    struct handout handout = {.fd = -1};

    begin(three, 1);
    settings[0].error = -ENOSPC;
    registry_create(&registry, NULL);
    ck_assert_int_eq(object_hand_out(registry.objects[0], WIRE_USE, 0, 0, &handout, &why), -ENXIO);
    ck_assert_ptr_nonnull(strstr(why.text, "fake 'bad'"));
    ck_assert_ptr_nonnull(strstr(why.text, "the moon is full"));
    ck_assert_int_eq(handout.fd, -1);
    /* whoever may not have it is not told more than that */
    ck_assert_int_eq(object_hand_out(registry.objects[0], 0, 0, 0, &handout, &why), -EACCES);
}
END_TEST

/* ---- what is retired ---- */

/* In this order: not that of the names. */
static const char *const old[] = {"a@2", "a@10", "b@1", "a@1", "a.b@1", "aa@3"};

static void retire(const char *name)
{
    struct object *object = object_new(&declarations[0], &environment);
    struct declaration *own = declaration_copy(&declarations[0], name, NAMING_NONE);

    ck_assert_ptr_nonnull(object);
    ck_assert_ptr_nonnull(own);
    object_retire(object, own);
    ck_assert(object_is_retired(object));
    ck_assert_int_eq(registry_reserve(&registry, registry.n, 1), 0);
    registry_add_retired(&registry, object);
}

static void begin_with_old_ones(void)
{
    begin(some, ARRAY_SIZE(some));
    for (size_t i = 0; i < ARRAY_SIZE(old); i++)
        retire(old[i]);
    ck_assert_uint_eq(registry.n_retired, ARRAY_SIZE(old));
}

static const char *name_of(const struct object *object)
{
    return object ? object->declaration->name : "";
}

START_TEST(a_retired_one_keeps_nothing_of_the_configuration)
{
    begin_with_old_ones();
    memset(names, 'x', sizeof names);
    memset(declarations, 0, sizeof declarations);
    for (size_t i = 0; i < registry.n_retired; i++) {
        const struct declaration *own = registry.retired[i]->declaration;

        ck_assert_ptr_eq(own->kind, &fake);
        ck_assert_str_eq(own->place.path, "file");
        ck_assert_uint_eq(own->place.line, 3);
        ck_assert_uint_eq(own->grants.n, 0);
    }
}
END_TEST

START_TEST(retired_ones_are_found_by_number_or_the_last_of_a_name)
{
    begin_with_old_ones();
    for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
        ck_assert_str_eq(name_of(registry_find_retired(&registry, old[i], strlen(old[i]))), old[i]);
        ck_assert_ptr_null(find(old[i]));
    }
    ck_assert_str_eq(name_of(registry_find_retired(&registry, "a", 1)), "a@10");
    ck_assert_str_eq(name_of(registry_find_retired(&registry, "a.b", 3)), "a.b@1");
    ck_assert_str_eq(name_of(registry_find_retired(&registry, "aa", 2)), "aa@3");
    ck_assert_ptr_null(registry_find_retired(&registry, "c", 1));
    ck_assert_ptr_null(registry_find_retired(&registry, "", 0));
    ck_assert_ptr_null(registry_find_retired(&registry, "a@", 2));
    ck_assert_ptr_null(registry_find_retired(&registry, "a@3", 3));
    ck_assert_uint_eq(registry_next_number(&registry, "a"), 11);
    ck_assert_uint_eq(registry_next_number(&registry, "aa"), 4);
    ck_assert_uint_eq(registry_next_number(&registry, "Z"), 1);
}
END_TEST

/* Each page goes on behind the last name of the one before. */
START_TEST(pages_go_through_all_of_them)
{
    size_t n = ARRAY_SIZE(some) + ARRAY_SIZE(old);

    begin_with_old_ones();
    for (size_t i = 0; i < n; i++) {
        struct object *object = registry_at(&registry, i);

        ck_assert_ptr_nonnull(object);
        ck_assert_int_eq(object_is_retired(object), i >= ARRAY_SIZE(some));
        ck_assert_uint_eq(registry_after(&registry, name_of(object), strlen(name_of(object))),
                          i + 1);
    }
    ck_assert_ptr_null(registry_at(&registry, n));
}
END_TEST

START_TEST(deinit_closes_the_descriptors)
{
    int fd;

    begin(three, ARRAY_SIZE(three));
    registry_create(&registry, NULL);
    fd = registry.objects[1]->fd;
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    registry_deinit(&registry);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_uint_eq(registry.n, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry");
    TCase *cases = tcase_create("registry");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, NULL, tear_down);
    tcase_add_test(cases, each_is_found);
    tcase_add_test(cases, nothing_else_is_found);
    tcase_add_test(cases, a_name_need_not_be_terminated);
    tcase_add_test(cases, in_an_empty_one);
    tcase_add_test(cases, after_each_comes_the_next);
    tcase_add_test(cases, after_what_is_not_there);
    tcase_add_test(cases, after_no_name_at_all);
    tcase_add_test(cases, ten_thousand);
    tcase_add_test(cases, the_failed_do_not_keep_the_others_from_being_made);
    tcase_add_test(cases, each_try_waits_twice_as_long_up_to_a_minute);
    tcase_add_test(cases, what_succeeds_at_last_is_as_good_as_new);
    tcase_add_test(cases, a_new_cause_takes_the_place_of_the_old);
    tcase_add_test(cases, retry_tells_when_the_next_is_due);
    tcase_add_test(cases, the_next_try_is_in_the_future);
    tcase_add_test(cases, a_failed_one_is_not_handed_out);
    tcase_add_test(cases, a_retired_one_keeps_nothing_of_the_configuration);
    tcase_add_test(cases, retired_ones_are_found_by_number_or_the_last_of_a_name);
    tcase_add_test(cases, pages_go_through_all_of_them);
    tcase_add_test(cases, deinit_closes_the_descriptors);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
