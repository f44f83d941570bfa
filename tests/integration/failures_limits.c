/* Limits of the host: what is over them fails by itself, and says which line raises them. */
#include "tests/integration/failures_cases.h"

#include <fcntl.h>
#include <sys/resource.h>

#define WAKE "[eventfd:wake]\nuse = user:$C0\n"

/* Only `big` has failed, and the asker is told all PARTS of the cause. */
static void expect_cause(const char *const *parts, size_t n)
{
    ck_assert_int_eq(get(user(0), "big", 0), -ENXIO);
    for (size_t i = 0; i < n; i++)
        assert_has(said(), parts[i]);
    ck_assert_int_eq(get(user(0), "wake", 0), O_RDWR);
}

static bool has_come_alive(void *ignored)
{
    (void)ignored;
    return get(user(0), "big", 0) == O_RDWR;
}

START_TEST(a_limit_of_messages_is_named_and_raising_it_helps)
{
    const char *parts[] = {"max_messages = 50 is over fs.mqueue.msg_max = 10",
                           "'sysctl fs.mqueue.msg_max=50'", "/etc/sysctl.d"};

    set_mqueue_limit("msg_max", 10);
    serve(WAKE "[queue:big]\nmax_messages = 50\nmessage_size = 64\nuse = user:$C0\n");
    expect_cause(parts, 3);
    set_mqueue_limit("msg_max", 50); /* the cure */
    await(has_come_alive, NULL);
}
END_TEST

START_TEST(a_limit_of_size_is_named_and_raising_it_helps)
{
    const char *parts[] = {"message_size = 16384 is over fs.mqueue.msgsize_max = 8192",
                           "'sysctl fs.mqueue.msgsize_max=16384'"};

    set_mqueue_limit("msgsize_max", 8192);
    serve(WAKE "[queue:big]\nmessage_size = 16K\nuse = user:$C0\n");
    expect_cause(parts, 2);
    set_mqueue_limit("msgsize_max", 16384);
    await(has_come_alive, NULL);
}
END_TEST

START_TEST(a_limit_of_queues_is_named_and_raising_it_helps)
{
    const char *parts[] = {"fs.mqueue.queues_max = 2", "'sysctl fs.mqueue.queues_max=8'"};

    set_mqueue_limit("queues_max", 2);
    serve(WAKE
          "[queue:a]\nuse = user:$C0\n[queue:b]\nuse = user:$C0\n[queue:big]\nuse = user:$C0\n");
    expect_cause(parts, 2);
    ck_assert_int_eq(get(user(0), "b", 0), O_RDWR);
    set_mqueue_limit("queues_max", 8);
    await(has_come_alive, NULL);
}
END_TEST

START_TEST(the_bytes_of_queues_are_told_from_descriptors)
{
    const char *parts[] = {"its 82880 bytes do not fit any more into RLIMIT_MSGQUEUE = 100000",
                           "LimitMSGQUEUE=", "ulimit -q"};

    fixture_limit(&broker, RLIMIT_MSGQUEUE, 100000);
    serve(WAKE "[queue:a]\nuse = user:$C0\n[queue:big]\nuse = user:$C0\n");
    expect_cause(parts, 3);
    assert_has_not(said(), "RLIMIT_NOFILE");
    ck_assert_int_eq(get(user(0), "a", 0), O_RDWR);
}
END_TEST

static bool is_degraded(void *ignored)
{
    (void)ignored;
    return strstr(fixture_log(&broker), "(degraded)");
}

/* A start that runs out of descriptors half way, until it serves what it has. */
static void start_without_descriptors(const char *kind)
{
    char *many = sections(kind, "object-", 60, "use = user:0\n");

    fixture_limit(&broker, RLIMIT_NOFILE, 400);
    broker.inherited = 380;
    fixture_configure(&broker, many);
    fixture_spawn(&broker, NULL);
    await(is_degraded, NULL);
    free(many);
}

static const char *const kinds[] = {"eventfd", "queue"};

START_TEST(descriptors_are_told_from_the_bytes_of_queues)
{
    start_without_descriptors(kinds[_i]);
    assert_has(fixture_log(&broker), "all 400 descriptors of RLIMIT_NOFILE are in use");
    assert_has(fixture_log(&broker), "LimitNOFILE=");
    assert_has_not(fixture_log(&broker), "RLIMIT_MSGQUEUE");
}
END_TEST

START_TEST(a_start_that_is_out_of_descriptors_says_ready_all_the_same)
{
    uint64_t seen = 0;

    start_without_descriptors("eventfd");
    await(broker_sleeps, &seen);
    ck_assert_msg(fixture_says_ready(&broker), "it serves, but its service manager waits for ever");
    assert_has(fixture_status(), "(degraded)");
}
END_TEST

START_TEST(a_default_number_of_clients_gives_way_to_the_limit)
{
    struct ipcb *b;
    struct ipcb_facts *facts;

    fixture_limit(&broker, RLIMIT_NOFILE, 400);
    serve(WAKE);
    assert_has(fixture_log(&broker), "max_clients is 82 instead of 4096");
    b = connect_as(user(0));
    facts = status(b);
    ck_assert_uint_eq(fact_number(facts, "max_clients"), 82); /* 400 - 317 - 1 object */
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

static void expect_nothing_made(void)
{
    ck_assert_int_lt(access(broker.socket, F_OK), 0);
    ck_assert_int_lt(access(broker.admin, F_OK), 0);
}

START_TEST(a_written_number_of_clients_does_not_give_way)
{
    fixture_limit(&broker, RLIMIT_NOFILE, 400);
    fixture_configure(&broker, "[broker]\nmax_clients = 83\n" WAKE);
    ck_assert_int_eq(fixture_start_refused(&broker, NULL), 78);
    assert_has(fixture_log(&broker), "broker.conf:2: max_clients = 83 does not fit");
    assert_has(fixture_log(&broker), "RLIMIT_NOFILE = 401, which is 400");
    expect_nothing_made();
    fixture_configure(&broker, "[broker]\nmax_clients = 82\n" WAKE);
    fixture_start(&broker);
}
END_TEST

START_TEST(a_limit_without_room_for_any_client_is_refused)
{
    fixture_limit(&broker, RLIMIT_NOFILE, 318);
    fixture_configure(&broker, WAKE);
    ck_assert_int_eq(fixture_start_refused(&broker, NULL), 1);
    assert_has(fixture_log(&broker), "does not fit");
    expect_nothing_made();
}
END_TEST

TCase *limits_case(void)
{
    TCase *tcase = broker_case("limits");

    tcase_add_test(tcase, a_limit_of_messages_is_named_and_raising_it_helps);
    tcase_add_test(tcase, a_limit_of_size_is_named_and_raising_it_helps);
    tcase_add_test(tcase, a_limit_of_queues_is_named_and_raising_it_helps);
    tcase_add_test(tcase, the_bytes_of_queues_are_told_from_descriptors);
    tcase_add_loop_test(tcase, descriptors_are_told_from_the_bytes_of_queues, 0, 2);
    tcase_add_test(tcase, a_start_that_is_out_of_descriptors_says_ready_all_the_same);
    tcase_add_test(tcase, a_default_number_of_clients_gives_way_to_the_limit);
    tcase_add_test(tcase, a_written_number_of_clients_does_not_give_way);
    tcase_add_test(tcase, a_limit_without_room_for_any_client_is_refused);
    return tcase;
}
