/* Plans: what is told, what is done, what is taken back; with two kinds that need no kernel. */
#include "tests/check_main.h"

#include "daemon/declaration.h"
#include "daemon/plan.h"

#include <fcntl.h>
#include <string.h>

/* ---- kinds ---- */

static struct {
    unsigned n_made, n_removed;
    unsigned fail_at; /* the try that fails, counted from 1; 0: none */
    int error;        /* with this */
    bool adopts;      /* what is made was there before */
} world;

static int make(struct object *object, struct sentence *why)
{
    if (++world.n_made == world.fail_at) {
        world.n_made--;
        world.fail_at = 0;
        return say(why, world.error, "the moon is full");
    }
    object->fd = open("/", O_PATH | O_CLOEXEC);
    object->adopted = world.adopts;
    return 0;
}

static int take_away(struct object *object)
{
    (void)object;
    world.n_removed++;
    return 0;
}

static int is_the_same(const struct object *object, const struct declaration *declaration,
                       char **ret)
{
    (void)object;
    (void)declaration;
    *ret = NULL;
    return 0;
}

static void nothing(void *settings)
{
    (void)settings;
}

#define KIND(word)                                                                                 \
    {                                                                                              \
        .name = word, .number = WIRE_QUEUE, .settings_size = 1, .settings_init = nothing,          \
        .settings_deinit = nothing, .create = make, .compare = is_the_same, .remove = take_away,   \
    }

static const struct kind kinds[2] = {KIND("sun"), KIND("moon")};

/* ---- configurations ---- */

static const struct environment environment = {.naming = NAMING_NONE, .descriptors_dir = -1};
static struct registry registry;
static struct plan plan;
static struct config configs[2];
static unsigned in_force; /* which of them; the other is free */

static void clear(struct config *config)
{
    while (config->n_objects > 0)
        declaration_free(config->objects[--config->n_objects]);
    free(config->objects);
    config->objects = NULL;
}

/* A letter is an object of one kind, a capital one of the other. */
static struct config *configure(const char *letters)
{
    struct config *config = &configs[!in_force];

    clear(config);
    config->objects = calloc(strlen(letters) + 1, sizeof(struct declaration *));
    for (; *letters; letters++) {
        bool capital = *letters < 'a';
        char name[2] = {(char)(capital ? *letters + 32 : *letters), '\0'};

        config->objects[config->n_objects++] =
            declaration_new(&kinds[capital], name, (struct place){"file", 3});
    }
    return config;
}

static int walk(const char *letters, bool dry)
{
    int r;

    ck_assert_int_eq(plan_init(&plan, &registry, configure(letters), &environment, dry), 0);
    while ((r = plan_step(&plan)) > 0)
        ;
    return r;
}

static void go(const char *letters)
{
    ck_assert_int_eq(walk(letters, false), 0);
    plan_commit(&plan);
    in_force = !in_force;
}

static void begin(const char *letters)
{
    memset(&world, 0, sizeof world);
    ck_assert_int_eq(registry_init(&registry, configure(letters), &environment), 0);
    in_force = !in_force;
    registry_create(&registry, NULL);
    world.n_made = 0;
}

static void tear_down(void)
{
    plan_deinit(&plan);
    plan_deinit(&plan);
    registry_deinit(&registry);
    clear(&configs[0]);
    clear(&configs[1]);
}

/* All names, and what is told, each behind a blank. */
static const char *names(void)
{
    static char text[256];
    struct object *object;
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; (object = registry_at(&registry, i)); i++)
        length += (size_t)snprintf(text + length, sizeof text - length, " %s%s",
                                   object->declaration->name, object_is_failed(object) ? "!" : "");
    return text;
}

static const char *told(void)
{
    static char text[256];
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < plan.changes.n; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, " %s:%s",
                                   plan.changes.items[i].name, plan.changes.items[i].what);
    return text;
}

/* ---- there and back ---- */

START_TEST(what_is_told_is_done)
{
    begin("abcd");
    go("bCde");
    ck_assert_str_eq(told(), " a:retired c:retired c:created e:created");
    ck_assert_str_eq(names(), " b c d e a@1 c@1");
    ck_assert_uint_eq(world.n_made, 2);
    ck_assert_uint_eq(world.n_removed, 0);
}
END_TEST

START_TEST(what_comes_back_is_what_it_was)
{
    struct object *a;

    begin("ab");
    a = registry_find(&registry, "a", 1);
    go("b");
    plan_deinit(&plan);
    go("ab");
    ck_assert_str_eq(told(), " a:revived");
    ck_assert_str_eq(names(), " a b");
    ck_assert_ptr_eq(registry_find(&registry, "a", 1), a);
    ck_assert_uint_eq(world.n_made, 0);
}
END_TEST

/* Another kind is another object, and each has its own retired ones. */
START_TEST(only_the_same_kind_comes_back)
{
    begin("a");
    go("A");
    plan_deinit(&plan);
    go("a");
    ck_assert_str_eq(told(), " a:retired a:revived");
    ck_assert_str_eq(names(), " a a@2");
}
END_TEST

START_TEST(a_plan_alone_makes_nothing)
{
    begin("ab");
    ck_assert_int_eq(walk("bcd", true), 0);
    ck_assert_str_eq(told(), " a:retired c:created d:created");
    plan_deinit(&plan);
    ck_assert_str_eq(names(), " a b");
    ck_assert_uint_eq(world.n_made, 0);
}
END_TEST

/* ---- what goes wrong ---- */

static const int shortages[] = {-ENOMEM, -ENFILE};

/* At whichever object: all that was made is taken back, and the next try does it. */
START_TEST(a_shortage_takes_back_what_was_made)
{
    struct object *before[3];
    unsigned at = (unsigned)_i / 2 + 1;

    begin("bdf");
    memcpy(before, registry.objects, sizeof before);
    world.fail_at = at;
    world.error = shortages[_i % 2];
    ck_assert_int_eq(walk("aBcdeg", false), world.error);
    plan_deinit(&plan);
    ck_assert_uint_eq(world.n_made, at - 1);
    ck_assert_uint_eq(world.n_removed, at - 1);
    ck_assert_str_eq(names(), " b d f");
    ck_assert_mem_eq(registry.objects, before, sizeof before);
    go("aBcdeg");
    ck_assert_str_eq(names(), " a b c d e g b@1 f@1");
}
END_TEST

/* They have data of before. */
START_TEST(what_was_there_before_is_not_taken_back)
{
    begin("");
    world.adopts = true;
    world.fail_at = 3;
    world.error = -ENOMEM;
    ck_assert_int_eq(walk("abc", false), -ENOMEM);
    plan_deinit(&plan);
    ck_assert_uint_eq(world.n_removed, 0);
}
END_TEST

START_TEST(what_the_host_refuses_is_failed_alone)
{
    begin("a");
    world.fail_at = 2;
    world.error = -ENOSPC;
    go("abcd");
    ck_assert_str_eq(names(), " a b c! d");
    plan_deinit(&plan);
    go("acd"); /* one more try */
    ck_assert_str_eq(names(), " a c d b@1");
    plan_deinit(&plan);
}
END_TEST

START_TEST(a_failed_one_that_goes_is_not_retired)
{
    begin("a");
    world.fail_at = 1;
    world.error = -ENOSPC;
    go("ab");
    plan_deinit(&plan);
    go("a");
    ck_assert_str_eq(told(), " b:removed");
    ck_assert_str_eq(names(), " a");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *cases = tcase_create("plan");

    tcase_add_checked_fixture(cases, NULL, tear_down);
    tcase_add_test(cases, what_is_told_is_done);
    tcase_add_test(cases, what_comes_back_is_what_it_was);
    tcase_add_test(cases, only_the_same_kind_comes_back);
    tcase_add_test(cases, a_plan_alone_makes_nothing);
    tcase_add_loop_test(cases, a_shortage_takes_back_what_was_made, 0, 10);
    tcase_add_test(cases, what_was_there_before_is_not_taken_back);
    tcase_add_test(cases, what_the_host_refuses_is_failed_alone);
    tcase_add_test(cases, a_failed_one_that_goes_is_not_retired);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
