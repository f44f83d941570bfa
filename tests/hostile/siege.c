/* What each test of an attack is surrounded by: see hostile.h. */
#include "tests/hostile/hostile.h"

#include <poll.h>

#define AFTERWARDS 20 /* answers of the canary when the attack is over */
#define MEMORY_KIB                                                                                 \
    4096 /* what an attack may leave in the allocator, which returns only the end                  \
          */
#define CHANGES_MAX 4

static struct {
    char test[128];
    struct canary *canary; /* NULL: no siege */
    pid_t pid;
    char *descriptors, *objects;
    uint64_t memory_kib;
    const char *changes[CHANGES_MAX];
    size_t n_changes;
} siege;

/* ---- what the broker has ---- */

static struct ipcb *administrator(void)
{
    struct ipcb *b;

    ck_assert_int_eq(ipcb_new(&b, broker.admin), 0);
    return b;
}

/* Takes the objects that may change out of a census. */
static void strike_changes(char *census)
{
    for (size_t i = 0; i < siege.n_changes; i++) {
        size_t length = strlen(siege.changes[i]);
        char *line = census, *end;

        while (*line && !(strncmp(line, siege.changes[i], length) == 0 && line[length] == ' '))
            line = strchr(line, ';') + 1;
        end = strchr(line, ';');
        if (end)
            memmove(line, end + 1, strlen(end + 1) + 1);
    }
}

static void note_what_it_has(void)
{
    struct ipcb *b = administrator();

    siege.objects = census_objects(b); /* and what went before is closed when it answers */
    siege.descriptors = census_descriptors();
    siege.memory_kib = process_number(broker.broker, "RssAnon:", 10);
    siege.pid = broker.broker;
    (void)ipcb_free(b);
}

static bool has_its_descriptors(void *b)
{
    char *census;
    bool same;

    (void)ipcb_facts_free(status(b));
    census = census_descriptors();
    same = strcmp(census, siege.descriptors) == 0;
    free(census);
    return same;
}

/* The broker forgets those who went in its own time, but it does. */
static void expect_its_descriptors(struct ipcb *b)
{
    const struct timespec a_little = {.tv_nsec = 5000000};
    char *census;

    for (int i = 0; i < PATIENCE_MS / 5 && !has_its_descriptors(b); i++)
        (void)ppoll(NULL, 0, &a_little, NULL);
    census = census_descriptors();
    ck_assert_msg(strcmp(census, siege.descriptors) == 0, "it had %s and now has %s",
                  siege.descriptors, census);
    free(census);
}

static void expect_its_objects(struct ipcb *b)
{
    char *census = census_objects(b);

    strike_changes(census);
    strike_changes(siege.objects);
    ck_assert_msg(strcmp(census, siege.objects) == 0, "it had %s and now has %s", siege.objects,
                  census);
    free(census);
}

/* Nothing of what the attacker left unread keeps others from a whole packet of descriptors. */
static void expect_none_on_their_way(void)
{
    struct who who = {.uid = canary_uid(), .gid = canary_uid()};
    struct ipcb_item items[WIRE_DESCRIPTORS_MAX];
    struct ipcb *b = handle_as(&broker, who);

    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        items[i] = (struct ipcb_item){.name = "canary-eventfd"};
    ck_assert_msg(ipcb_acquire_many(b, items, ARRAY_SIZE(items), -1) == 0, "253 at once: %s",
                  ipcb_message(b));
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        close(items[i].fd);
    (void)ipcb_free(b);
}

static void expect_the_same_process(void)
{
    struct pollfd end = {broker.pidfd, POLLIN, 0};

    ck_assert_msg(siege.pid == broker.broker && poll(&end, 1, 0) == 0, "the broker ended; log:\n%s",
                  fixture_log(&broker));
}

static void expect_its_memory(void)
{
    if (!memory_is_inflated())
        ck_assert_uint_le(process_number(siege.pid, "RssAnon:", 10), siege.memory_kib + MEMORY_KIB);
}

/* ---- begin and end ---- */

void besiege_as(const char *test, const char *configuration)
{
    (void)snprintf(siege.test, sizeof siege.test, "%s", test);
    siege.test[strlen(siege.test) - strlen("_fn")] = '\0'; /* Check's name for a test's function */
    canary_declare();
    serve(configuration);
    expect_none_on_their_way(); /* the largest of answers has been made once */
    note_what_it_has();
    siege.canary = canary_begin();
    await_canary(1);
}

void await_canary(unsigned n)
{
    canary_await(siege.canary, n);
}

struct waits siege_waits(void)
{
    return canary_waits(siege.canary);
}

void may_change(const char *name)
{
    ck_assert_uint_lt(siege.n_changes, CHANGES_MAX);
    siege.changes[siege.n_changes++] = name;
}

void end_siege(void)
{
    struct ipcb *b;

    expect_the_same_process();
    await_canary(AFTERWARDS);
    canary_end(siege.canary, siege.test);
    siege.canary = NULL;
    expect_none_on_their_way();
    b = administrator();
    expect_its_objects(b);
    expect_its_descriptors(b);
    (void)ipcb_free(b);
    expect_its_memory();
    expect_the_same_process();
    free(siege.descriptors);
    free(siege.objects);
    siege.n_changes = 0;
}

static void set_up(void)
{
    fixture_setup(&broker);
}

static void tear_down(void)
{
    if (siege.canary)
        end_siege();
    fixture_teardown(&broker);
}

TCase *hostile_case(const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    return tcase;
}
