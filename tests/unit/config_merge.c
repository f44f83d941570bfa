/* How files go together: conflicts, files left out, grants for objects of others. */
#include "tests/unit/config_cases.h"

/* ---- several files ---- */

START_TEST(drop_ins_in_name_order)
{
    put("main.conf", QUEUE);
    put_drop_in("20-b.conf", "[queue:b]\nuse = any\n");
    put_drop_in("10-a.conf", "[grant:a]\nreceive = user:5\n[grant:b]\nsend = user:6\n");
    put_drop_in("README", "nonsense\n");
    put_drop_in(".hidden.conf", "nonsense\n");
    put_drop_in("30-c.conf~", "nonsense\n");
    put_drop_in(".conf", "nonsense\n");
    expect_none(load());
    ck_assert_uint_eq(config->n_files, 3);
    ck_assert_uint_eq(config->n_objects, 2);
    ck_assert_uint_eq(get_object("a")->grants.n, 2);
    ck_assert_str_eq(get_object("a")->grants.items[1].place.path, "main.conf.d/10-a.conf");
    ck_assert_uint_eq(get_object("a")->grants.items[1].place.line, 2);
    ck_assert_uint_eq(get_object("b")->grants.items[1].access, WIRE_WRITE);
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

START_TEST(drop_in_with_an_error_is_left_out_whole)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[queue:b]\nuse = any\n[queue:c]\nmode = 9\n[grant:a]\nsend = user:5\n");
    put_drop_in("2.conf", "[queue:d]\nuse = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 4, "is not a mode");
    ck_assert_uint_eq(config->n_left_out, 1);
    ck_assert_str_eq(config->left_out[0], "main.conf.d/1.conf");
    ck_assert(!has_object("b"));
    ck_assert(has_object("d"));
    ck_assert_uint_eq(get_object("a")->grants.n, 1);
    ck_assert_uint_eq(config->n_files, 2);
    ck_assert_int_eq(load_strict(), -EBADMSG);
    expect_one_error("main.conf.d/1.conf", 4, "is not a mode");
}
END_TEST

START_TEST(broker_section_in_a_drop_in)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[broker]\nsocket = /tmp/x\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 1, "[broker] in a drop-in");
    ck_assert_uint_eq(config->n_left_out, 1);
    ck_assert_ptr_null(config->socket);
}
END_TEST

START_TEST(name_in_two_files)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[queue:z]\nuse = any\n[eventfd:a]\nuse = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 3, "[queue:a] is at main.conf:1 already");
    ck_assert(!has_object("z"));
    ck_assert_str_eq(get_object("a")->kind->name, "queue");
    ck_assert_int_eq(load_strict(), -EBADMSG);
}
END_TEST

START_TEST(claim_in_two_files)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[queue:z]\nuse = any\nposix_name = /a\n");
    put_drop_in("2.conf", "[queue:y]\nuse = any\nposix_name = /z\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 1,
                     "the name /a, which is that of [queue:a] at main.conf:1");
    ck_assert(!has_object("z"));
    ck_assert(has_object("y"));
}
END_TEST

/* 1 is left out for its own error: 2 conflicts with nobody then. */
START_TEST(a_bad_file_conflicts_with_nobody)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[queue:b]\nuse = any\nmode = 9\n");
    put_drop_in("2.conf", "[queue:b]\nuse = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 3, "is not a mode");
    ck_assert_str_eq(get_object("b")->place.path, "main.conf.d/2.conf");
}
END_TEST

/* 1 conflicts with the main file; its other object is free for 2. */
START_TEST(a_conflicting_file_conflicts_with_nobody)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[queue:b]\nuse = any\n[queue:a]\nuse = any\n");
    put_drop_in("2.conf", "[queue:b]\nuse = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 3, "[queue:a] is at main.conf:1 already");
    ck_assert_str_eq(get_object("b")->place.path, "main.conf.d/2.conf");
}
END_TEST

/* 1 is left out for a grant that no eventfd can have, so that 2 may declare b. */
START_TEST(a_misfit_grant_frees_a_name)
{
    put("main.conf", EVENTFD);
    put_drop_in("1.conf", "[queue:b]\nuse = any\n[grant:e]\nsend = any\n");
    put_drop_in("2.conf", "[queue:b]\nuse = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 4, "no single directions");
    ck_assert_str_eq(get_object("b")->place.path, "main.conf.d/2.conf");
    ck_assert_uint_eq(config->n_left_out, 1);
}
END_TEST

/* 1's grant does not fit 2's x; but 2 goes for its own grant, and 3's x is a queue. */
START_TEST(a_file_without_fault_stays)
{
    put("main.conf", EVENTFD);
    put_drop_in("1.conf", "[grant:x]\nsend = user:1\n");
    put_drop_in("2.conf", "[eventfd:x]\nuse = any\n[grant:e]\nreceive = any\n");
    put_drop_in("3.conf", "[queue:x]\nuse = user:2\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/2.conf", 4, "'receive'");
    ck_assert_uint_eq(access_of("x", 1), WIRE_WRITE);
    ck_assert_uint_eq(config->n_left_out, 1);
}
END_TEST

/* Each convicts the other: the later one goes. */
START_TEST(two_misfits_in_a_circle)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[eventfd:x]\nuse = any\n[grant:y]\nsend = any\n");
    put_drop_in("2.conf", "[eventfd:y]\nuse = any\n[grant:x]\nsend = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/2.conf", 4, "[grant:x]: 'send'");
    ck_assert(has_object("x"));
    ck_assert_uint_eq(count(SEVERITY_WARNING), 1);
    expect(SEVERITY_WARNING, 0, "main.conf.d/1.conf", 3,
           "the file that declares 'y', at main.conf.d/2.conf:1, has errors");
}
END_TEST

START_TEST(a_misfit_in_the_main_file)
{
    put("main.conf", "[grant:x]\nsend = any\n");
    put_drop_in("1.conf", "[eventfd:x]\nuse = any\n");
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 2, "no single directions");
}
END_TEST

START_TEST(orphan_grant_is_a_warning)
{
    expect_none(load_text("\n[grant:later]\nsend = any\nread = any\n"));
    ck_assert_uint_eq(problems.n, 1);
    expect(SEVERITY_WARNING, 0, "main.conf", 2, "[grant:later] waits: no file declares 'later'");
    put_drop_in("1.conf", "[queue:later]\n");
    ck_assert_int_eq(load(), -EBADMSG); /* a queue has no `read` */
    expect(SEVERITY_ERROR, 0, "main.conf", 4, "expected send, receive or use");
}
END_TEST

START_TEST(use_means_both_for_every_kind)
{
    put("main.conf", QUEUE EVENTFD);
    put_drop_in("1.conf", "[grant:a]\nuse = user:1\n[grant:e]\nuse = user:1\n");
    expect_none(load());
    ck_assert_uint_eq(get_object("a")->grants.items[1].access, WIRE_USE);
    ck_assert_uint_eq(get_object("e")->grants.items[1].access, WIRE_USE);
}
END_TEST

START_TEST(grants_of_several_files_add_up)
{
    put("main.conf", "[queue:a]\nsend = user:1\n");
    put_drop_in("1.conf", "[grant:a]\nreceive = user:1 user:2\n");
    put_drop_in("2.conf", "[grant:a]\nsend = user:2\nreceive = group:99\n");
    expect_none(load());
    ck_assert_uint_eq(access_of("a", 1), WIRE_USE);
    ck_assert_uint_eq(access_of("a", 2), WIRE_USE);
    ck_assert_uint_eq(access_of("a", 3), WIRE_READ);
    ck_assert(get_object("a")->grants.by_group);
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

START_TEST(errors_are_in_file_order)
{
    put("main.conf", "[queue:a]\n[grant:nobody]\n");
    put_drop_in("2.conf", "x\n");
    put_drop_in("1.conf", "[queue:a]\n[queue:b]\n");
    ck_assert_int_eq(load_strict(), -EBADMSG);
    ck_assert_uint_eq(problems.n, 4);
    for (size_t i = 1; i < problems.n; i++)
        if (problems.items[i - 1].file == problems.items[i].file)
            ck_assert_uint_le(problems.items[i - 1].line, problems.items[i].line);
        else
            ck_assert_uint_lt(problems.items[i - 1].file, problems.items[i].file);
}
END_TEST

void add_merge_cases(TCase *cases)
{
    tcase_add_test(cases, drop_ins_in_name_order);
    tcase_add_test(cases, drop_in_with_an_error_is_left_out_whole);
    tcase_add_test(cases, broker_section_in_a_drop_in);
    tcase_add_test(cases, name_in_two_files);
    tcase_add_test(cases, claim_in_two_files);
    tcase_add_test(cases, a_bad_file_conflicts_with_nobody);
    tcase_add_test(cases, a_conflicting_file_conflicts_with_nobody);
    tcase_add_test(cases, a_misfit_grant_frees_a_name);
    tcase_add_test(cases, a_file_without_fault_stays);
    tcase_add_test(cases, two_misfits_in_a_circle);
    tcase_add_test(cases, a_misfit_in_the_main_file);
    tcase_add_test(cases, orphan_grant_is_a_warning);
    tcase_add_test(cases, use_means_both_for_every_kind);
    tcase_add_test(cases, grants_of_several_files_add_up);
    tcase_add_test(cases, errors_are_in_file_order);
}
