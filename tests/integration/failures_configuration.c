/* Configurations with errors: what is refused, what is left out, and who notices. */
#include "tests/integration/failures_cases.h"

#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pwd.h>

#define GOOD "[queue:orders]\nuse = user:$C0\n"

/* No socket, no lock, no queue. */
static void expect_nothing_made(void)
{
    char run[96];
    DIR *directory;
    struct dirent *entry;

    (void)snprintf(run, sizeof run, "%s/run", broker.directory);
    directory = opendir(run);
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)))
        ck_assert_msg(entry->d_name[0] == '.', "%s is there", entry->d_name);
    closedir(directory);
    ck_assert_int_lt(mq_open("/orders", O_RDONLY), 0);
    ck_assert_int_eq(errno, ENOENT);
}

START_TEST(an_error_in_the_main_file_ends_the_start_and_makes_nothing)
{
    fixture_configure(&broker, GOOD "[queue:bad]\nmax_message = 5\nmessage_size = 0\n");
    ck_assert_int_eq(fixture_start_refused(&broker, NULL), 78);
    assert_has(fixture_log(&broker), "broker.conf:4: unknown key 'max_message'");
    assert_has(fixture_log(&broker), "broker.conf:5: message_size");
    assert_has(fixture_log(&broker), "the configuration is refused; nothing was changed");
    expect_nothing_made();
}
END_TEST

START_TEST(a_missing_main_file_ends_the_start)
{
    ck_assert_int_ne(fixture_start_refused(&broker, NULL), 0);
    assert_has(fixture_log(&broker), "broker.conf");
    expect_nothing_made();
}
END_TEST

static struct ipcb_facts *status_for(struct who who)
{
    struct ipcb *b = connect_as(who);
    struct ipcb_facts *facts = status(b);

    (void)ipcb_free(b);
    return facts;
}

#define DROP_IN_BAD  "[queue:invoices]\nuse = user:$C0\nmode = rw\n"
#define DROP_IN_GOOD "[queue:returns]\nuse = user:$C0\n"

START_TEST(a_bad_drop_in_is_left_out_whole_and_the_others_are_served)
{
    struct ipcb_facts *facts;

    fixture_drop_in(&broker, "10-invoices.conf", DROP_IN_BAD);
    fixture_drop_in(&broker, "20-returns.conf", DROP_IN_GOOD);
    serve("[broker]\nobserve = user:$C1\n" GOOD);
    assert_has(fixture_log(&broker), "10-invoices.conf:3: mode: 'rw' is not a mode");
    assert_has(fixture_log(&broker), "10-invoices.conf is left out as a whole");
    assert_has(fixture_status(), "(degraded)");
    assert_has(fixture_status(), "1 files left out");
    ck_assert_int_eq(get(user(0), "orders", 0), O_RDWR);
    ck_assert_int_eq(get(user(0), "returns", 0), O_RDWR);
    ck_assert_int_eq(get(user(0), "invoices", 0), -ENOENT);
    facts = status_for(user(1));
    ck_assert_str_eq(fact_text(facts, "state"), "degraded");
    ck_assert_uint_eq(fact_number(facts, "left_out_files"), 1);
    assert_has(fact_text(facts, "left_out"), "10-invoices.conf");
    (void)ipcb_facts_free(facts);
    facts = status_for(user(0));
    ck_assert_str_eq(fact_text(facts, "state"), "degraded");
    ck_assert_ptr_null(ipcb_facts_find(facts, "left_out")); /* the observers' */
    (void)ipcb_facts_free(facts);
}
END_TEST

START_TEST(strictly_a_bad_drop_in_ends_the_start)
{
    const char *const arguments[] = {"--strict", NULL};

    fixture_drop_in(&broker, "10-invoices.conf", DROP_IN_BAD);
    fixture_configure(&broker, GOOD);
    ck_assert_int_eq(fixture_start_refused(&broker, arguments), 78);
    assert_has(fixture_log(&broker), "10-invoices.conf:3:");
    expect_nothing_made();
}
END_TEST

START_TEST(of_two_declarations_the_earlier_file_has_it)
{
    fixture_drop_in(&broker, "10-again.conf", "[queue:orders]\nuse = user:$C1\n");
    serve(GOOD);
    assert_has(fixture_log(&broker), "10-again.conf:1: [queue:orders] declares a name again");
    ck_assert_int_eq(get(user(0), "orders", 0), O_RDWR);
    ck_assert_int_eq(get(user(1), "orders", 0), -EACCES);
}
END_TEST

START_TEST(a_grant_for_an_unknown_user_is_void_and_said)
{
    serve("[queue:orders]\nuse = user:nobody-has-this-name, user:$C0\n"
          "send = group:no-group-has-this-name\n");
    assert_has(fixture_log(&broker), "broker.conf:2: unknown user 'nobody-has-this-name'");
    assert_has(fixture_log(&broker), "broker.conf:3: unknown group 'no-group-has-this-name'");
    ck_assert_int_eq(get(user(0), "orders", 0), O_RDWR);
    ck_assert_int_eq(get(root(), "orders", 0), -EACCES); /* unknown is not 0 */
    ck_assert_int_eq(get(user(1), "orders", 0), -EACCES);
}
END_TEST

static uid_t uid_of(const char *name)
{
    const struct passwd *entry = getpwnam(name);

    ck_assert_ptr_nonnull(entry);
    return entry->pw_uid;
}

/* The start waits for the limit, not for the name service, and only what that did not answer is
 * void: "daemon" is asked for before it in that file, "www-data" would be behind it. */
START_TEST(a_name_service_that_does_not_answer_holds_nobody_up)
{
    struct who daemon = {uid_of("daemon"), 1, NULL, 0};
    const char *late = "the name service did not answer within 5 s; try again, or give its number";
    const char *log;

    fixture_drop_in(&broker, "10-slow.conf",
                    "[queue:slow]\nuse = user:never-answered, user:daemon\nsend = user:$C0\n"
                    "receive = user:www-data\n");
    ck_assert_int_eq(setenv("LD_PRELOAD", getenv("TEST_SLOW_NAMES"), 1), 0);
    serve("[queue:orders]\nuse = user:root\n");
    ck_assert_int_eq(unsetenv("LD_PRELOAD"), 0);
    log = fixture_log(&broker);
    assert_has(log, "10-slow.conf:2: user 'never-answered' cannot be looked up");
    assert_has(log, "10-slow.conf:4: user 'www-data' cannot be looked up");
    assert_has(log, late);
    assert_has_not(log, "broker.conf:2");
    assert_has_not(log, "daemon");
    ck_assert_int_eq(get(root(), "orders", 0), O_RDWR);
    ck_assert_int_eq(get(daemon, "slow", 0), O_RDWR);
    ck_assert_int_eq(get(user(0), "slow", 0), O_WRONLY);
    ck_assert_int_eq(get(root(), "slow", 0), -EACCES);
}
END_TEST

START_TEST(strictly_an_unknown_user_ends_the_start)
{
    const char *const arguments[] = {"--strict", NULL};

    fixture_configure(&broker, "[queue:orders]\nuse = user:nobody-has-this-name\n");
    ck_assert_int_eq(fixture_start_refused(&broker, arguments), 78);
    assert_has(fixture_log(&broker), "broker.conf:2: unknown user 'nobody-has-this-name'");
    expect_nothing_made();
}
END_TEST

START_TEST(a_queue_of_an_unknown_group_fails_alone)
{
    serve(GOOD "[queue:shared]\nmode = 0660\ngroup = no-group-has-this-name\nuse = user:$C0\n");
    ck_assert_int_eq(get(user(0), "shared", 0), -ENXIO);
    assert_has(said(), "its group 'no-group-has-this-name' is not known to this host");
    ck_assert_int_eq(get(user(0), "orders", 0), O_RDWR);
    ck_assert_int_lt(mq_open("/shared", O_RDONLY), 0); /* nothing half made is left */
}
END_TEST

START_TEST(a_queue_of_a_group_that_the_broker_is_not_in_fails_alone)
{
    serve(GOOD "[queue:shared]\nmode = 0660\ngroup = $C6\nuse = user:$C0\n");
    ck_assert_int_eq(get(user(0), "shared", 0), -ENXIO);
    assert_has(said(), "must be a member of that group");
    ck_assert_int_eq(get(user(0), "orders", 0), O_RDWR);
    ck_assert_int_lt(mq_open("/shared", O_RDONLY), 0);
}
END_TEST

TCase *configuration_case(void)
{
    TCase *tcase = broker_case("configuration");

    tcase_add_test(tcase, an_error_in_the_main_file_ends_the_start_and_makes_nothing);
    tcase_add_test(tcase, a_missing_main_file_ends_the_start);
    tcase_add_test(tcase, a_bad_drop_in_is_left_out_whole_and_the_others_are_served);
    tcase_add_test(tcase, strictly_a_bad_drop_in_ends_the_start);
    tcase_add_test(tcase, of_two_declarations_the_earlier_file_has_it);
    tcase_add_test(tcase, a_grant_for_an_unknown_user_is_void_and_said);
    tcase_add_test(tcase, a_name_service_that_does_not_answer_holds_nobody_up);
    tcase_add_test(tcase, strictly_an_unknown_user_ends_the_start);
    tcase_add_test(tcase, a_queue_of_an_unknown_group_fails_alone);
    tcase_add_test(tcase, a_queue_of_a_group_that_the_broker_is_not_in_fails_alone);
    return tcase;
}
