/* What a file says: lines that inih would misread, keys, values, defaults. */
#include "tests/unit/config_cases.h"

#include <string.h>

/* ---- lines ---- */

static void put_line(const char *before, const char *line, size_t length, char fill,
                     const char *after)
{
    FILE *file = fopen("main.conf", "we");

    ck_assert_ptr_nonnull(file);
    (void)fprintf(file, "%s%s", before, line);
    for (size_t i = strlen(line); i < length; i++)
        (void)fputc(fill, file);
    (void)fprintf(file, "%s", after);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(line_of_198_bytes)
{
    put_line(QUEUE, "# ", 198, 'x', "\nmax_messages = 7\nnonsense\n");
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 5, "no '='");
    put_line(QUEUE, "max_messages = 7", 198, ' ', "\n");
    expect_none(load());
    ck_assert_uint_eq(needed("a", "fs.mqueue.msg_max"), 7);
    put_line(QUEUE, "max_messages = ", 198, '0', "");
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 3, "0 messages; expected 1");
}
END_TEST

START_TEST(line_of_199_bytes)
{
    put_line(QUEUE, "# ", 199, 'x', "\nnonsense\n");
    ck_assert_int_eq(load(), -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, 2);
    expect(SEVERITY_ERROR, 0, "main.conf", 3, "too long");
    expect(SEVERITY_ERROR, 1, "main.conf", 4, "no '='");
    put_line(QUEUE, "max_messages = 7", 199, ' ', "");
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 3, "too long");
}
END_TEST

/* What follows the 199th byte of a line would be a line of its own. */
START_TEST(nothing_smuggled_behind_a_long_line)
{
    for (size_t length = 190; length < 210; length++) {
        put_line(QUEUE, "# ", length, 'x', "mode = 0666\nmode = 0620\n");
        ck_assert_int_eq(load(), -EBADMSG);
        expect_one_error("main.conf", 3, "too long");
        put_line(QUEUE, "use = any ; ", length, 'x', "[queue:b]\nmode = 0620\n");
        ck_assert_int_eq(load(), -EBADMSG);
        expect_one_error("main.conf", 3, "too long");
    }
}
END_TEST

START_TEST(long_header_is_dead)
{
    put_line(QUEUE, "[queue:", 300, 'b', "]\nmode = nonsense\n[queue:c]\nuse = x\n");
    ck_assert_int_eq(load(), -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, 2);
    expect(SEVERITY_ERROR, 0, "main.conf", 3, "too long");
    expect(SEVERITY_ERROR, 1, "main.conf", 6, "'x' is not a subject");
}
END_TEST

/* inih knows 49 bytes of a section's name. */
START_TEST(long_names_are_whole)
{
    char text[600];

    (void)snprintf(text, sizeof text,
                   "[queue:%s1]\nuse = user:1\nmax_messages = 3\n[queue:%s2]\nuse = user:2\n",
                   EIGHTY, EIGHTY);
    expect_none(load_text(text));
    ck_assert_uint_eq(config->n_objects, 2);
    ck_assert_uint_eq(needed(EIGHTY "1", "fs.mqueue.msg_max"), 3);
    ck_assert_uint_eq(needed(EIGHTY "2", "fs.mqueue.msg_max"), 10);
    ck_assert_uint_eq(access_of(EIGHTY "2", 2), WIRE_USE);
    ck_assert_uint_eq(access_of(EIGHTY "2", 1), 0);
}
END_TEST

/* A section without keys makes no call of inih's. */
START_TEST(empty_sections_are_seen)
{
    expect_none(load_text("[queue:a]\n[eventfd:b]\n[queue:c]\n"));
    ck_assert_uint_eq(config->n_objects, 3);
    ck_assert_uint_eq(count(SEVERITY_WARNING), 3);
    expect(SEVERITY_WARNING, 1, "main.conf", 2, "[eventfd:b] has no grant");
    ck_assert_uint_eq(get_object("c")->place.line, 3);
}
END_TEST

START_TEST(carriage_returns_are_said_once)
{
    ck_assert_int_eq(load_text("[queue:a]\r\nuse = any\r\nmod = 5\r\n"), -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, 2);
    expect(SEVERITY_ERROR, 0, "main.conf", 1, "carriage return at the end");
    expect(SEVERITY_ERROR, 1, "main.conf", 3, "unknown key 'mod'");
}
END_TEST

START_TEST(all_errors_in_one_run)
{
    ck_assert_int_eq(load_text("x = 1\n[quue:a]\nanything = goes\n[queue:b]\nmode = 9\nuse = a, b\n"
                               "[queue:b]\n nonsense\nmax_messages = 0\nmax_messages = 5\n"),
                     -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, 9);
    expect(SEVERITY_ERROR, 0, "main.conf", 1, "before the first");
    expect(SEVERITY_ERROR, 1, "main.conf", 2, "unknown section");
    expect(SEVERITY_ERROR, 2, "main.conf", 5, "is not a mode");
    expect(SEVERITY_ERROR, 3, "main.conf", 6, "'a' is not a subject");
    expect(SEVERITY_ERROR, 4, "main.conf", 6, "'b' is not a subject");
    expect(SEVERITY_ERROR, 5, "main.conf", 7, "at line 4");
    expect(SEVERITY_ERROR, 6, "main.conf", 8, "indented");
    expect(SEVERITY_ERROR, 7, "main.conf", 9, "expected 1 to");
    expect(SEVERITY_ERROR, 8, "main.conf", 10, "at line 9");
}
END_TEST

/* ---- what is said ---- */

START_TEST(minimal)
{
    expect_none(load_text("[queue:hello]\nuse = user:1000\n"));
    ck_assert_uint_eq(config->n_objects, 1);
    ck_assert_str_eq(config->objects[0]->kind->name, "queue");
    ck_assert_str_eq(config->objects[0]->place.path, "main.conf");
    ck_assert_uint_eq(config->objects[0]->place.line, 1);
    ck_assert_uint_eq(access_of("hello", 1000), WIRE_USE);
    ck_assert_uint_eq(access_of("hello", 0), 0);
    ck_assert_uint_eq(needed("hello", "fs.mqueue.msg_max"), 10);
    ck_assert_uint_eq(needed("hello", "fs.mqueue.msgsize_max"), 8192);
    ck_assert_ptr_null(config->socket);
    ck_assert_ptr_null(config->admin_socket);
    ck_assert_uint_eq(config->max_clients, 4096);
    ck_assert_uint_eq(config->max_clients_per_user, 256);
    ck_assert_uint_eq(config->max_clients_place.line, 0);
    ck_assert_uint_eq(config->admin.n, 0);
    ck_assert_uint_eq(config->observe.n, 1);
    ck_assert_str_eq(config->observe.items[0].subject.name, "adm");
    ck_assert_uint_eq(config->observe.items[0].place.line, 0);
}
END_TEST

START_TEST(every_key)
{
    char claim[CLAIM_SIZE];
    const struct declaration *queue;

    expect_none(load_text("[broker]\nsocket = /run/x.sock\nadmin_socket = /run/y.sock\n"
                          "max_clients = 100\nmax_clients_per_user = 50\nadmin = user:7\n"
                          "observe = group:8 any\n"
                          "[queue:q]\nmax_messages = 20\nmessage_size = 4K\nposix_name = /other\n"
                          "mode = 0660\ngroup = 12\nsend = user:1\nreceive = user:2\nuse = user:3\n"
                          "[eventfd:e]\ninitial = 5\nsemaphore = yes\nnonblocking = no\n"
                          "use = user:4\n"));
    ck_assert_str_eq(config->socket, "/run/x.sock");
    ck_assert_str_eq(config->admin_socket, "/run/y.sock");
    ck_assert_uint_eq(config->max_clients, 100);
    ck_assert_uint_eq(config->max_clients_place.line, 4);
    ck_assert_uint_eq(config->max_clients_per_user, 50);
    ck_assert_uint_eq(config->admin.n, 1);
    ck_assert_uint_eq(config->observe.n, 2);
    ck_assert_uint_eq(config->observe.items[1].place.line, 7);
    queue = get_object("q");
    ck_assert_uint_eq(needed("q", "fs.mqueue.msg_max"), 20);
    ck_assert_uint_eq(needed("q", "fs.mqueue.msgsize_max"), 4096);
    queue->kind->claim(queue, NAMING_ALL, claim, sizeof claim);
    ck_assert_str_eq(claim, "/other");
    ck_assert_uint_eq(queue->kind->settings_subject(queue->settings)->id, 12);
    ck_assert_uint_eq(access_of("q", 1), WIRE_WRITE);
    ck_assert_uint_eq(access_of("q", 2), WIRE_READ);
    ck_assert_uint_eq(access_of("q", 3), WIRE_USE);
    ck_assert_uint_eq(access_of("e", 4), WIRE_USE);
    ck_assert_uint_eq(queue->grants.items[1].place.line, 15);
}
END_TEST

START_TEST(lists_add_up)
{
    expect_none(load_text("[queue:a]\nsend = user:1,user:2\nsend = user:3\nreceive = user:1\n"
                          "[broker]\nadmin = user:1\nadmin = user:2, user:3\n"
                          "observe =\nobserve = user:9\n"));
    ck_assert_uint_eq(get_object("a")->grants.n, 4);
    ck_assert_uint_eq(access_of("a", 1), WIRE_USE);
    ck_assert_uint_eq(access_of("a", 3), WIRE_WRITE);
    ck_assert_uint_eq(config->admin.n, 3);
    ck_assert_uint_eq(config->observe.n, 1);
}
END_TEST

START_TEST(empty_observe_is_nobody)
{
    expect_none(load_text("[broker]\nobserve =\n"));
    ck_assert_uint_eq(config->observe.n, 0);
}
END_TEST

START_TEST(default_share_follows_max_clients)
{
    expect_none(load_text("[broker]\nmax_clients = 10\n"));
    ck_assert_uint_eq(config->max_clients_per_user, 10);
}
END_TEST

START_TEST(objects_are_sorted)
{
    expect_none(load_text("[queue:b]\n[queue:B]\n[eventfd:a]\n[queue:_]\n"));
    ck_assert_str_eq(config->objects[0]->name, "B");
    ck_assert_str_eq(config->objects[1]->name, "_");
    ck_assert_str_eq(config->objects[2]->name, "a");
    ck_assert_str_eq(config->objects[3]->name, "b");
}
END_TEST

START_TEST(claims_follow_the_naming)
{
    const struct config_source none = {.file = "main.conf", .naming = NAMING_NONE};
    const struct config_source if_given = {.file = "main.conf", .naming = NAMING_IF_GIVEN};

    ck_assert_int_eq(load_text(QUEUE "[queue:b]\nuse = any\nposix_name = /a\n"), -EBADMSG);
    expect_none(load_source(&if_given));
    expect_none(load_source(&none));
    put("main.conf", QUEUE "posix_name = /x\n[queue:b]\nuse = any\nposix_name = /x\n");
    ck_assert_int_eq(load_source(&if_given), -EBADMSG);
    expect_one_error("main.conf", 4, "would have the name /x, which is that of [queue:a]");
    expect_none(load_source(&none));
}
END_TEST

START_TEST(open_mode_is_a_warning)
{
    expect_none(load_text(QUEUE "mode = 0660\n"));
    ck_assert_uint_eq(count(SEVERITY_WARNING), 1);
    expect(SEVERITY_WARNING, 0, "main.conf", 1, "[queue:a]: ");
}
END_TEST

START_TEST(many_objects)
{
    FILE *file = fopen("main.conf", "we");

    for (unsigned i = 0; i < 8000; i++)
        (void)fprintf(file, "[queue:q%u]\nuse = user:%u\n", i, i);
    ck_assert_int_eq(fclose(file), 0);
    expect_none(load());
    ck_assert_uint_eq(config->n_objects, 8000);
    ck_assert_uint_eq(access_of("q7999", 7999), WIRE_USE);
}
END_TEST

START_TEST(rubbish_is_bounded)
{
    static char text[1u << 20];

    memset(text, '\n', sizeof text);
    for (size_t i = 0; i < sizeof text; i += 2)
        text[i] = 'x';
    put_bytes("main.conf", text, sizeof text);
    ck_assert_int_eq(load(), -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, sizeof text / 2);
    ck_assert_uint_eq(problems.n, PROBLEMS_KEPT_MAX);
    ck_assert_uint_eq(problems.n_dropped, sizeof text / 2 - PROBLEMS_KEPT_MAX);
}
END_TEST

void add_text_cases(TCase *cases)
{
    tcase_add_test(cases, line_of_198_bytes);
    tcase_add_test(cases, line_of_199_bytes);
    tcase_add_test(cases, nothing_smuggled_behind_a_long_line);
    tcase_add_test(cases, long_header_is_dead);
    tcase_add_test(cases, long_names_are_whole);
    tcase_add_test(cases, empty_sections_are_seen);
    tcase_add_test(cases, carriage_returns_are_said_once);
    tcase_add_test(cases, all_errors_in_one_run);
    tcase_add_test(cases, minimal);
    tcase_add_test(cases, every_key);
    tcase_add_test(cases, lists_add_up);
    tcase_add_test(cases, empty_observe_is_nobody);
    tcase_add_test(cases, default_share_follows_max_clients);
    tcase_add_test(cases, objects_are_sorted);
    tcase_add_test(cases, claims_follow_the_naming);
    tcase_add_test(cases, open_mode_is_a_warning);
    tcase_add_test(cases, many_objects);
    tcase_add_test(cases, rubbish_is_bounded);
}
