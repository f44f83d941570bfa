#include "tests/integration/cases.h"

#include <fcntl.h>

struct fixture broker;

static void set_up(void)
{
    fixture_setup(&broker);
}

static void tear_down(void)
{
    fixture_teardown(&broker);
}

TCase *broker_case(const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    return tcase;
}

int acquire(struct ipcb *b, const char *name, unsigned access)
{
    int fd = ipcb_acquire(b, name, access);

    ck_assert_msg(fd >= 0, "%s: %s", name, ipcb_message(b));
    return fd;
}

struct ipcb_item acquire_item(struct ipcb *b, const char *name, unsigned access, unsigned flags)
{
    struct ipcb_item item = {.name = name, .access = access, .flags = flags};

    ck_assert_msg(ipcb_acquire_many(b, &item, 1, -1) == 0, "%s: %s", name, ipcb_message(b));
    return item;
}

struct ipcb_queue *queue_of(struct who who, const char *name)
{
    struct ipcb *b = connect_as(who);
    struct ipcb_queue *q = NULL;

    ck_assert_msg(ipcb_queue_acquire(&q, b, name, 0) == 0, "%s: %s", name, ipcb_message(b));
    (void)ipcb_free(b);
    return q;
}

struct ipcb_event *event_of(struct who who, const char *name)
{
    struct ipcb *b = connect_as(who);
    struct ipcb_event *e = NULL;

    ck_assert_msg(ipcb_event_acquire(&e, b, name) == 0, "%s: %s", name, ipcb_message(b));
    (void)ipcb_free(b);
    return e;
}

void put(struct ipcb_queue *q, const char *text)
{
    ck_assert_int_eq(ipcb_queue_send(q, text, strlen(text), 0, 0), 0);
}

void expect_next(struct ipcb_queue *q, const char *text)
{
    const void *message = NULL;

    ck_assert_int_eq(ipcb_queue_receive(q, &message, NULL, 0), (ssize_t)strlen(text));
    ck_assert_str_eq(message, text);
}

size_t broker_descriptors(struct ipcb *b)
{
    /* What went out with the last reply is closed once it answers the next. */
    (void)ipcb_facts_free(status(b));
    return count_descriptors(broker.broker);
}

size_t descriptors_at_rest(void)
{
    struct ipcb *b = connect_as(root());
    size_t n = broker_descriptors(b) - 1;

    (void)ipcb_free(b);
    return n;
}

uint64_t broker_switches(void)
{
    return process_number(broker.broker, "\nvoluntary_ctxt_switches:", 10) +
           process_number(broker.broker, "\nnonvoluntary_ctxt_switches:", 10);
}

bool broker_sleeps(void *seen)
{
    uint64_t *last = seen, now = broker_switches();
    char path[64], state = '?';
    FILE *stat;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", broker.broker);
    stat = fopen(path, "re");
    ck_assert_ptr_nonnull(stat);
    ck_assert_int_eq(fscanf(stat, "%*d (%*[^)]) %c", &state), 1);
    (void)fclose(stat);
    if (state == 'S' && now == *last)
        return true;
    *last = now;
    return false;
}

static bool has_descriptors(void *n)
{
    return count_descriptors(broker.broker) == *(size_t *)n;
}

void await_descriptors(size_t n)
{
    await(has_descriptors, &n);
}

char *sections(const char *kind, const char *prefix, size_t n, const char *extra)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(stream);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(stream, "[%s:%s%04zu]\n%s", kind, prefix, i, extra);
    ck_assert_int_eq(fclose(stream), 0);
    return text;
}
