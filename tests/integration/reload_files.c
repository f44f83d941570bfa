/* The file is the unit, at a reload: which files count, and as what. */
#include "tests/integration/reload_cases.h"

#include <fcntl.h>

#define MAIN "[queue:orders]\nuse = user:$C0\n"

static int orders(unsigned who)
{
    return get(user(who), "orders", 0);
}

START_TEST(all_that_changed_is_applied)
{
    struct ipcb_list *list;

    fixture_drop_in(&broker, "10-a.conf", "[eventfd:wake]\nuse = user:$C0\n");
    serve(MAIN);
    fixture_configure(&broker, "[queue:orders]\nuse = user:$C1\n");
    fixture_drop_in(&broker, "20-b.conf", "[pipe:done]\nuse = any\n");
    remove_drop_in("10-a.conf");
    list = reload();
    ck_assert_str_eq(summary(list, "state"), "applied");
    ck_assert_str_eq(summary(list, "errors"), "0");
    ck_assert(has_change(list, "changed", "orders", "grants"));
    ck_assert(has_change(list, "created", "done", NULL));
    ck_assert(has_change(list, "retired", "wake", "wake@1"));
    ck_assert_uint_eq(count_changes(list), 3);
    (void)ipcb_list_free(list);
    ck_assert_int_eq(orders(0), -EACCES);
    ck_assert_int_eq(orders(1), O_RDWR);
    ck_assert_int_eq(get(user(2), "done", IPCB_READ), O_RDONLY);
    ck_assert_int_eq(get(user(0), "wake", 0), -ENOENT);
}
END_TEST

/* A plan says it and does nothing, however often. */
START_TEST(a_plan_changes_nothing)
{
    struct ipcb_list *list;

    serve(MAIN);
    fixture_configure(&broker, "[queue:other]\nuse = user:$C1\n");
    for (int i = 0; i < 3; i++) {
        list = plan();
        ck_assert_str_eq(summary(list, "state"), "planned");
        ck_assert(has_change(list, "created", "other", NULL));
        ck_assert(has_change(list, "retired", "orders", NULL));
        ck_assert_uint_eq(count_changes(list), 2);
        (void)ipcb_list_free(list);
    }
    ck_assert_int_eq(orders(0), O_RDWR);
    ck_assert_str_eq(state_of("other"), "");
}
END_TEST

/* What is wrong with a drop-in, at line 3 where it is of a line. */
static const struct {
    const char *text, *place, *problem;
} bad[] = {
    {"[queue:extra]\nuse = user:$C1\ncolour = blue\n", "10-extra.conf:3", "colour"},
    {"[queue:extra]\nuse = user:$C1\nuse = user:nobody-has-this-name\n", "10-extra.conf:3",
     "nobody-has-this-name"},
    {"[queue:extra]\n\nuse = group:no-group-has-this-name\n", "10-extra.conf:3",
     "no-group-has-this-name"},
    {"[queue:extra]\nuse = user:$C1\n[queue:orders]\n", "10-extra.conf:3", "declares a name again"},
    {"[grant:wake]\n\nsend = user:$C1\n", "10-extra.conf:3", "single directions"},
    {"[queue:extra]\nuse = user:$C1\n[broker]\n", "10-extra.conf:3", "main file only"},
};

START_TEST(a_bad_drop_in_counts_as_before)
{
    struct ipcb_list *list;
    struct ipcb_facts *facts;
    struct ipcb *b;

    fixture_drop_in(&broker, "10-extra.conf",
                    "[queue:extra]\nuse = user:$C0, user:root\nsend = group:root, user:daemon\n"
                    "[grant:later]\nuse = user:bin\n");
    serve(MAIN "[eventfd:wake]\nuse = any\n");
    fixture_drop_in(&broker, "10-extra.conf", bad[_i].text);
    fixture_drop_in(&broker, "20-good.conf", "[queue:good]\nuse = user:$C0\n");
    for (int i = 0; i < 2; i++) { /* once more is no different */
        list = reload();
        ck_assert_str_eq(summary(list, "state"), "applied");
        ck_assert_str_eq(summary(list, "stale_files"), "1");
        ck_assert_str_eq(summary(list, "left_out_files"), "0");
        ck_assert_str_ne(summary(list, "errors"), "0");
        expect_problem(list, bad[_i].place, bad[_i].problem);
        ck_assert_uint_eq(count_changes(list), i == 0);
        (void)ipcb_list_free(list);
        ck_assert_int_eq(get(user(0), "extra", 0), O_RDWR);
        ck_assert_int_eq(get(user(1), "extra", 0), -EACCES);
        ck_assert_int_eq(get(root(), "extra", 0), O_RDWR); /* by a name that is still known */
        ck_assert_int_eq(get(user(0), "good", 0), O_RDWR);
        ck_assert_int_eq(orders(0), O_RDWR);
    }
    b = administrator();
    facts = status(b);
    ck_assert_str_eq(fact_text(facts, "state"), "degraded");
    assert_has(fact_text(facts, "stale"), "10-extra.conf");
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    assert_has(fixture_log(&broker), "10-extra.conf counts as it was before");
    assert_has(fixture_log(&broker), bad[_i].problem);
    assert_has(fixture_status(), "(degraded)");
    fixture_drop_in(&broker, "10-extra.conf", "[queue:extra]\nuse = user:$C1\n");
    reload_to("applied");
    ck_assert_int_eq(get(user(1), "extra", 0), O_RDWR);
    assert_has_not(fixture_status(), "(degraded)");
}
END_TEST

START_TEST(a_new_bad_one_is_absent)
{
    struct ipcb_list *list;

    serve(MAIN "[eventfd:wake]\nuse = any\n");
    fixture_drop_in(&broker, "10-extra.conf", bad[_i].text);
    list = reload();
    ck_assert_str_eq(summary(list, "state"), "applied");
    ck_assert_str_eq(summary(list, "left_out_files"), "1");
    ck_assert_str_eq(summary(list, "stale_files"), "0");
    expect_problem(list, bad[_i].place, bad[_i].problem);
    ck_assert_uint_eq(count_changes(list), 0);
    (void)ipcb_list_free(list);
    ck_assert_str_eq(state_of("extra"), "");
    assert_has(fixture_log(&broker), "10-extra.conf is left out as a whole");
}
END_TEST

/* The earlier file took a name that the later one had: the later one is bad, and its former self
 * would be too. */
START_TEST(in_a_conflict_the_former_self_does_not_win_either)
{
    struct ipcb_list *list;

    fixture_drop_in(&broker, "20-late.conf", "[queue:x]\nuse = user:$C0\n[queue:y]\nuse = any\n");
    serve(MAIN);
    fixture_drop_in(&broker, "10-early.conf", "[queue:x]\nuse = user:$C1\n");
    list = reload();
    ck_assert_str_eq(summary(list, "left_out_files"), "1");
    expect_problem(list, "20-late.conf:1", "declares a name again");
    ck_assert(has_change(list, "retired", "y", NULL));
    (void)ipcb_list_free(list);
    ck_assert_int_eq(get(user(1), "x", 0), O_RDWR);
    ck_assert_int_eq(get(user(0), "x", 0), -EACCES);
}
END_TEST

/* An earlier file that turned bad keeps its name, as it was, from a later one. */
START_TEST(what_counts_as_before_takes_part_in_conflicts)
{
    struct ipcb_list *list;

    fixture_drop_in(&broker, "10-early.conf", "[queue:x]\nuse = user:$C0\n");
    serve(MAIN);
    fixture_drop_in(&broker, "10-early.conf", "[queue:z]\nnonsense\n");
    fixture_drop_in(&broker, "20-late.conf", "[queue:x]\nuse = user:$C1\n");
    list = reload();
    ck_assert_str_eq(summary(list, "stale_files"), "1");
    ck_assert_str_eq(summary(list, "left_out_files"), "1");
    expect_problem(list, "10-early.conf:2", "");
    expect_problem(list, "20-late.conf:1", "declares a name again");
    (void)ipcb_list_free(list);
    ck_assert_int_eq(get(user(0), "x", 0), O_RDWR);
}
END_TEST

static const char *const bad_main[] = {
    "[queue:orders]\nuse = user:$C1\nnonsense\n",
    "[queue:orders]\nuse = user:$C1\nuse = user:nobody-has-this-name\n",
    "[broker]\nmax_clients = 1000000\n[queue:orders]\nuse = user:$C1\n",
};

START_TEST(an_error_in_the_main_file_refuses_all_of_it)
{
    struct ipcb_list *list;

    serve(MAIN);
    fixture_configure(&broker, bad_main[_i]);
    fixture_drop_in(&broker, "20-good.conf", "[queue:good]\nuse = user:$C0\n");
    list = reload();
    ck_assert_str_eq(summary(list, "state"), "refused");
    ck_assert_str_ne(summary(list, "why"), "");
    ck_assert_uint_eq(count_changes(list), 0);
    expect_problem(list, "broker.conf:", "");
    (void)ipcb_list_free(list);
    ck_assert_int_eq(orders(0), O_RDWR);
    ck_assert_int_eq(orders(1), -EACCES);
    ck_assert_str_eq(state_of("good"), "");
    assert_has(fixture_log(&broker), "the reload is refused, nothing was changed");
    fixture_configure(&broker, MAIN);
    reload_to("applied");
    ck_assert_int_eq(get(user(0), "good", 0), O_RDWR);
}
END_TEST

START_TEST(strictly_any_error_refuses_all_of_it)
{
    const char *const arguments[] = {"--strict", NULL};

    fixture_configure(&broker, MAIN);
    fixture_spawn(&broker, arguments);
    fixture_await_ready(&broker);
    fixture_configure(&broker, "[queue:orders]\nuse = user:$C1\n");
    fixture_drop_in(&broker, "10-extra.conf", bad[_i].text);
    reload_to("refused");
    ck_assert_int_eq(orders(0), O_RDWR);
    remove_drop_in("10-extra.conf");
    reload_to("applied");
    ck_assert_int_eq(orders(1), O_RDWR);
}
END_TEST

START_TEST(an_empty_drop_in_stands_for_none)
{
    fixture_drop_in(&broker, "10-extra.conf", "[queue:extra]\nuse = user:$C0\n");
    serve(MAIN);
    ck_assert_int_eq(get(user(0), "extra", 0), O_RDWR);
    fixture_drop_in(&broker, "10-extra.conf", "");
    reload_to("applied");
    ck_assert_int_eq(get(user(0), "extra", 0), -ENOENT);
    ck_assert_str_eq(state_of("extra"), "retired");
}
END_TEST

/* It waits for the object, gives it the grant, and takes it away again. */
START_TEST(a_grant_from_another_file)
{
    struct ipcb_list *list;

    fixture_drop_in(&broker, "10-grant.conf", "[grant:late]\nreceive = user:$C1\n");
    serve(MAIN);
    list = reload();
    ck_assert_str_eq(summary(list, "errors"), "0");
    expect_problem(list, "10-grant.conf:1", "waits");
    (void)ipcb_list_free(list);
    fixture_drop_in(&broker, "20-late.conf", "[queue:late]\nsend = user:$C0\n");
    reload_to("applied");
    ck_assert_int_eq(get(user(1), "late", 0), O_RDONLY);
    remove_drop_in("10-grant.conf");
    list = reload();
    ck_assert(has_change(list, "changed", "late", "grants"));
    ck_assert_uint_eq(count_changes(list), 1);
    (void)ipcb_list_free(list);
    ck_assert_int_eq(get(user(1), "late", 0), -EACCES);
    ck_assert_int_eq(get(user(0), "late", 0), O_WRONLY);
}
END_TEST

START_TEST(sockets_change_by_restart_only_and_it_is_said)
{
    struct ipcb_list *list;

    fixture_configure(&broker, MAIN);
    fixture_start(&broker); /* which gives --socket */
    fixture_configure(&broker, "[broker]\nsocket = /nowhere/else.sock\nmax_clients = 77\n"
                               "observe = user:$C1\nadmin = user:$C2\n" MAIN);
    list = reload();
    ck_assert_str_eq(summary(list, "state"), "applied");
    (void)ipcb_list_free(list);
    ck_assert_int_eq(orders(0), O_RDWR);
}
END_TEST

START_TEST(sockets_of_the_configuration_change_by_restart_only_and_it_is_said)
{
    struct ipcb_list *list;

    fixture_set_admin_apart(&broker);
    serve("[broker]\nsocket = $D/run/ipcbroker.sock\nadmin_socket = $D/admin/admin.sock\n" MAIN);
    fixture_configure(&broker, "[broker]\nsocket = $D/run/ipcbroker.sock\n"
                               "admin_socket = /nowhere/else.sock\n" MAIN);
    list = reload();
    ck_assert_str_eq(summary(list, "state"), "applied");
    expect_problem(list, "admin_socket has changed, which a restart will apply", "");
    (void)ipcb_list_free(list);
    fixture_configure(&broker, "[broker]\nadmin_socket = $D/admin/admin.sock\n" MAIN);
    list = reload();
    expect_problem(list, "socket has changed, which a restart will apply", "");
    (void)ipcb_list_free(list);
    ck_assert_int_eq(orders(0), O_RDWR);
}
END_TEST

/* A lower max_clients closes nobody; who may observe or administer is asked of the new file. */
START_TEST(the_broker_section_takes_effect)
{
    struct ipcb *first, *second, *refused = NULL;
    struct ipcb_facts *facts = NULL;

    serve(MAIN);
    first = connect_as(user(0));
    second = connect_as(user(0));
    (void)ipcb_facts_free(status(first));
    (void)ipcb_facts_free(status(second));
    ck_assert_int_eq(admin_acquire_as(&broker, user(2), "orders", 0), -EACCES);
    fixture_configure(&broker, "[broker]\nmax_clients = 2\nmax_clients_per_user = 2\n"
                               "observe = user:$C0\nadmin = user:$C2\n" MAIN);
    reload_to("applied");
    close(acquire(first, "orders", 0));
    close(acquire(second, "orders", 0));
    ck_assert_int_eq(ipcb_new(&refused, broker.socket), 0);
    ck_assert_int_eq(ipcb_acquire(refused, "orders", 0), -EBUSY);
    (void)ipcb_free(refused);
    facts = status(first);
    ck_assert_uint_eq(fact_number(facts, "max_clients"), 2);
    ck_assert_uint_eq(fact_number(facts, "retired"), 0);
    (void)ipcb_facts_free(facts);
    ck_assert_int_eq(admin_acquire_as(&broker, user(2), "orders", 0), O_RDWR);
    ck_assert_int_eq(admin_acquire_as(&broker, user(3), "orders", 0), -EACCES);
    fixture_configure(&broker, MAIN);
    reload_to("applied");
    ck_assert_int_eq(admin_acquire_as(&broker, user(2), "orders", 0), -EACCES);
    (void)ipcb_free(first);
    (void)ipcb_free(second);
}
END_TEST

/* Somebody has made it his own; what it can be reached by stays as it was. */
START_TEST(an_admin_socket_whose_mode_cannot_be_set)
{
    serve(MAIN);
    ck_assert_int_eq(chown(broker.admin, 0, 0), 0);
    fixture_configure(&broker, "[broker]\nadmin = user:$C2\n" MAIN);
    reload_to("applied");
    assert_has(fixture_log(&broker),
               "run/ipcbroker.sock.admin cannot be set: Operation not permitted");
    ck_assert_int_eq(orders(0), O_RDWR);
}
END_TEST

/* More errors than a frame holds come in pages, each once; a thousand are kept. */
START_TEST(many_errors_all_come)
{
    static char text[65536];
    struct ipcb_list *list;
    size_t used = 0, n = 0;

    serve(MAIN);
    for (int i = 0; i < 1100; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "[queue:q%d]\nnonsense\n", i);
    fixture_drop_in(&broker, "10-extra.conf", text);
    list = reload();
    ck_assert_str_eq(summary(list, "errors"), "1100");
    for (size_t i = 1; i < ipcb_list_count(list); i++)
        n += strstr(fact_text(ipcb_list_at(list, i), "problem"), "no '=' in the line") != NULL;
    ck_assert_uint_eq(n, 1000);
    (void)ipcb_list_free(list);
}
END_TEST

static bool names_are_asked(void *ignored)
{
    (void)ignored;
    return process_number(broker.broker, "\nThreads:", 10) > 2;
}

static struct ipcb_list *slow;

static int reload_aside(void *ignored)
{
    struct ipcb *b = NULL;

    (void)ignored;
    EXPECT(ipcb_new(&b, broker.admin) == 0);
    (void)ipcb_set_timeout(b, 60 * INT64_C(1000000));
    EXPECT(ipcb_reload(b, &slow) == 0);
    EXPECT(strcmp(ipcb_facts_find(ipcb_list_at(slow, 0), "stale_files")->text, "1") == 0);
    EXPECT(strcmp(ipcb_facts_find(ipcb_list_at(slow, 0), "left_out_files")->text, "0") == 0);
    return 0;
}

/* Whoever asks for objects meanwhile is answered; the file whose names were not answered counts as
 * before. */
START_TEST(a_name_service_that_hangs_holds_nobody)
{
    pid_t child;
    int n = 0;

    fixture_drop_in(&broker, "10-extra.conf", "[queue:extra]\nuse = user:$C0\n");
    fixture_configure(&broker, MAIN);
    ck_assert_int_eq(setenv("LD_PRELOAD", getenv("TEST_SLOW_NAMES"), 1), 0);
    fixture_spawn(&broker, NULL);
    ck_assert_int_eq(unsetenv("LD_PRELOAD"), 0);
    fixture_await_ready(&broker);
    fixture_drop_in(&broker, "10-extra.conf", "[queue:extra]\nuse = user:never-answered\n");
    fixture_configure(&broker, "[queue:orders]\nuse = user:$C1\n");
    child = as_user_begin(root(), reload_aside, NULL);
    await(names_are_asked, NULL);
    while (orders(0) == O_RDWR)
        n++;
    ck_assert_int_eq(orders(1), O_RDWR);
    ck_assert_int_gt(n, 100); /* in 5 s */
    ck_assert_int_eq(as_user_end(child), 0);
    ck_assert_int_eq(get(user(0), "extra", 0), O_RDWR);
    assert_has(fixture_log(&broker), "did not answer within");
}
END_TEST

/* The thread that waits for it does not hold the end. */
START_TEST(a_name_service_that_hangs_does_not_hold_the_end)
{
    fixture_configure(&broker, MAIN);
    ck_assert_int_eq(setenv("LD_PRELOAD", getenv("TEST_SLOW_NAMES"), 1), 0);
    fixture_spawn(&broker, NULL);
    ck_assert_int_eq(unsetenv("LD_PRELOAD"), 0);
    fixture_await_ready(&broker);
    fixture_configure(&broker, "[queue:orders]\nuse = user:never-answered\n");
    ck_assert_int_eq(kill(broker.broker, SIGHUP), 0);
    await(names_are_asked, NULL);
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
    assert_has_not(fixture_log(&broker), "did not answer within");
    fixture_configure(&broker, MAIN);
    fixture_start(&broker);
}
END_TEST

void add_files(Suite *suite)
{
    TCase *cases = broker_case("files");

    tcase_add_test(cases, all_that_changed_is_applied);
    tcase_add_test(cases, a_plan_changes_nothing);
    tcase_add_loop_test(cases, a_bad_drop_in_counts_as_before, 0, 6);
    tcase_add_loop_test(cases, a_new_bad_one_is_absent, 0, 6);
    tcase_add_test(cases, in_a_conflict_the_former_self_does_not_win_either);
    tcase_add_test(cases, what_counts_as_before_takes_part_in_conflicts);
    tcase_add_loop_test(cases, an_error_in_the_main_file_refuses_all_of_it, 0, 3);
    tcase_add_loop_test(cases, strictly_any_error_refuses_all_of_it, 0, 4);
    tcase_add_test(cases, an_empty_drop_in_stands_for_none);
    tcase_add_test(cases, a_grant_from_another_file);
    tcase_add_test(cases, sockets_change_by_restart_only_and_it_is_said);
    tcase_add_test(cases, sockets_of_the_configuration_change_by_restart_only_and_it_is_said);
    tcase_add_test(cases, an_admin_socket_whose_mode_cannot_be_set);
    tcase_add_test(cases, the_broker_section_takes_effect);
    tcase_add_test(cases, many_errors_all_come);
    tcase_add_test(cases, a_name_service_that_hangs_holds_nobody);
    tcase_add_test(cases, a_name_service_that_hangs_does_not_hold_the_end);
    suite_add_tcase(suite, cases);
}
