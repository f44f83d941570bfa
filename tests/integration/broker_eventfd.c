/* Eventfds: as declared, shared by all their holders. */
#include "tests/integration/broker_cases.h"

#include <fcntl.h>
#include <inttypes.h>

#define WAKE "[eventfd:wake]\nuse = user:0, user:$C0, user:$C1\n"

START_TEST(an_eventfd_has_no_single_direction)
{
    const unsigned direction = _i == 0 ? IPCB_WRITE : IPCB_READ;

    serve(WAKE);
    ck_assert_int_eq(get(user(0), "wake", direction), -EINVAL);
    assert_has(said(), "has no single directions, only 'use'");
    ck_assert_int_eq(get(user(0), "wake", IPCB_USE), O_RDWR);
    ck_assert_int_eq(get(user(0), "wake", 0), O_RDWR);
    ck_assert_int_eq(get(user(2), "wake", direction), -EINVAL); /* granted or not */
}
END_TEST

static const uint64_t counts[] = {1, 7, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX - 1};

START_TEST(an_eventfd_begins_with_its_initial_value)
{
    char configuration[128];
    struct ipcb_event *e;
    uint64_t count = 0;

    (void)snprintf(configuration, sizeof configuration,
                   "[eventfd:wake]\ninitial = %" PRIu64 "\nuse = user:0\n", counts[_i]);
    serve(configuration);
    e = event_of(root(), "wake");
    ck_assert_int_eq(ipcb_event_wait(e, &count, 0), 0);
    ck_assert_uint_eq(count, counts[_i]);
    ck_assert_int_eq(ipcb_event_wait(e, &count, 0), -EAGAIN);
    (void)ipcb_event_free(e);
}
END_TEST

START_TEST(an_eventfd_begins_empty_where_nothing_is_said)
{
    struct ipcb_event *e;

    serve(WAKE);
    e = event_of(root(), "wake");
    ck_assert_int_eq(ipcb_event_wait(e, NULL, 0), -EAGAIN);
    (void)ipcb_event_free(e);
}
END_TEST

START_TEST(a_semaphore_gives_one_at_a_time)
{
    struct ipcb_event *e;
    uint64_t count = 0;

    serve("[eventfd:slots]\nsemaphore = yes\ninitial = 2\nuse = user:0\n");
    e = event_of(root(), "slots");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ipcb_event_wait(e, &count, 0), 0);
        ck_assert_uint_eq(count, 1);
    }
    ck_assert_int_eq(ipcb_event_wait(e, &count, 0), -EAGAIN);
    (void)ipcb_event_free(e);
}
END_TEST

START_TEST(an_eventfd_blocks_as_declared_and_not_as_asked)
{
    struct ipcb_item item = {.name = "patient", .flags = IPCB_NONBLOCK};
    struct ipcb *b;

    serve(WAKE "[eventfd:patient]\nnonblocking = no\nuse = user:0\n");
    b = connect_as(root());
    ck_assert_int_eq(ipcb_acquire_many(b, &item, 1, -1), -EINVAL);
    assert_has(ipcb_message(b), "declared with nonblocking = no");
    item = acquire_item(b, "patient", 0, 0);
    ck_assert_int_eq(item.nonblocking, 0);
    ck_assert_int_eq(fcntl(item.fd, F_GETFL) & O_NONBLOCK, 0);
    close(item.fd);
    item = acquire_item(b, "wake", 0, 0);
    ck_assert_int_eq(item.nonblocking, 1);
    ck_assert_int_ne(fcntl(item.fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(fcntl(item.fd, F_GETFD), FD_CLOEXEC);
    close(item.fd);
    (void)ipcb_free(b);
}
END_TEST

static int wait_for_three(void *ignored)
{
    struct ipcb *b = fixture_handle(&broker);
    struct ipcb_event *e = NULL;
    uint64_t count = 0;
    (void)ignored;

    EXPECT(ipcb_event_acquire(&e, b, "wake") == 0);
    EXPECT(ipcb_event_wait(e, &count, -1) == 0);
    EXPECT(count == 3);
    (void)ipcb_event_free(e);
    (void)ipcb_free(b);
    return 0;
}

static int signal_three(void *ignored)
{
    struct ipcb *b = fixture_handle(&broker);
    struct ipcb_event *e = NULL;
    (void)ignored;

    EXPECT(ipcb_event_acquire(&e, b, "wake") == 0);
    EXPECT(ipcb_event_signal(e, 3) == 0);
    (void)ipcb_event_free(e);
    (void)ipcb_free(b);
    return 0;
}

START_TEST(one_user_waits_for_what_another_signals)
{
    pid_t waiter;

    serve(WAKE);
    waiter = as_user_begin(user(0), wait_for_three, NULL);
    ck_assert_int_eq(as_user(user(1), signal_three, NULL), 0);
    ck_assert_int_eq(as_user_end(waiter), 0);
}
END_TEST

static uint64_t eventfd_id(int fd)
{
    char path[64], text[512] = "";
    const char *at;
    FILE *info;

    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    info = fopen(path, "re");
    ck_assert_ptr_nonnull(info);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, info), 0);
    (void)fclose(info);
    at = strstr(text, "eventfd-id:");
    ck_assert_ptr_nonnull(at);
    return strtoull(at + strlen("eventfd-id:"), NULL, 10);
}

START_TEST(the_identity_of_an_eventfd_is_the_kernels_number)
{
    struct ipcb *b;
    struct ipcb_item wake, again, else_;

    serve(WAKE "[eventfd:other]\nuse = user:0\n");
    b = connect_as(root());
    wake = acquire_item(b, "wake", 0, 0);
    again = acquire_item(b, "wake", 0, 0);
    else_ = acquire_item(b, "other", 0, 0);
    ck_assert_uint_eq(wake.kind, IPCB_EVENTFD);
    ck_assert_uint_eq(wake.granted, IPCB_USE);
    ck_assert_uint_eq(wake.device, 0);
    ck_assert_uint_eq(wake.inode, eventfd_id(wake.fd));
    ck_assert_uint_eq(again.inode, wake.inode);
    ck_assert_uint_ne(else_.inode, wake.inode);
    close(wake.fd);
    close(again.fd);
    close(else_.fd);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(looking_at_an_eventfd_takes_nothing_from_it)
{
    struct ipcb *b;
    struct ipcb_facts *facts;
    struct ipcb_event *e;
    uint64_t count;

    serve("[eventfd:wake]\ninitial = 18\nuse = user:0\n");
    b = connect_as(root());
    for (int i = 0; i < 2; i++) {
        facts = show(b, "wake");
        ck_assert_uint_eq(fact_number(facts, "count"), 18);
        ck_assert_uint_ne(fact_number(facts, "inode"), 0);
        (void)ipcb_facts_free(facts);
    }
    e = event_of(root(), "wake");
    ck_assert_int_eq(ipcb_event_wait(e, &count, 0), 0);
    ck_assert_uint_eq(count, 18);
    (void)ipcb_event_free(e);
    (void)ipcb_free(b);
}
END_TEST

TCase *eventfd_case(void)
{
    TCase *tcase = broker_case("eventfd");

    tcase_add_loop_test(tcase, an_eventfd_has_no_single_direction, 0, 2);
    tcase_add_loop_test(tcase, an_eventfd_begins_with_its_initial_value, 0,
                        sizeof counts / sizeof *counts);
    tcase_add_test(tcase, an_eventfd_begins_empty_where_nothing_is_said);
    tcase_add_test(tcase, a_semaphore_gives_one_at_a_time);
    tcase_add_test(tcase, an_eventfd_blocks_as_declared_and_not_as_asked);
    tcase_add_test(tcase, one_user_waits_for_what_another_signals);
    tcase_add_test(tcase, the_identity_of_an_eventfd_is_the_kernels_number);
    tcase_add_test(tcase, looking_at_an_eventfd_takes_nothing_from_it);
    return tcase;
}
