/* What the reader of configurations makes of an inih that is another than the one it knows: nothing
 * is passed over in silence. The parser is this file's own. */
#include "tests/check_main.h"

#include "daemon/config_reader.h"

#include <ini.h>
#include <string.h>

static enum temper { PASSES_OVER, REFUSES, HAS_NO_MEMORY } temper;

int ini_parse_stream(ini_reader reader, void *stream, ini_handler handler, void *user)
{
    char line[INI_MAX_LINE];

    (void)handler, (void)user;
    if (temper == HAS_NO_MEMORY)
        return -2;
    while (reader(line, sizeof line, stream))
        ;
    return temper == REFUSES ? 4 : 0;
}

static int take_section(void *user, const char *text, unsigned line)
{
    (void)user, (void)text, (void)line;
    return 0;
}

static int take_key(void *user, const char *key, const char *value, unsigned line)
{
    (void)user, (void)line;
    ck_abort_msg("'%s = %s' comes from nowhere", key, value);
    return 0;
}

static struct problems problems;

static int read_text(const char *text)
{
    static const struct config_sink sink = {take_section, take_key, NULL};

    problems_deinit(&problems);
    return config_read("x.conf", text, strlen(text), &sink, &problems);
}

static void expect(size_t i, unsigned line, const char *text)
{
    ck_assert_uint_lt(i, problems.n);
    ck_assert_uint_eq(problems.items[i].line, line);
    ck_assert_ptr_nonnull(strstr(problems.items[i].text, text));
}

START_TEST(a_key_that_the_parser_passes_over)
{
    temper = PASSES_OVER;
    ck_assert_int_eq(read_text("[a]\nb = 1\n# c\n\n[d]\ne = 2"), 0);
    ck_assert_uint_eq(problems.n_errors, 2);
    expect(0, 2, "the parser does not understand the line");
    expect(1, 6, "the parser does not understand the line");
}
END_TEST

START_TEST(a_line_that_the_parser_refuses)
{
    temper = REFUSES;
    ck_assert_int_eq(read_text("[a]\n\n\n[b]\n"), 0);
    ck_assert_uint_eq(problems.n_errors, 1);
    expect(0, 4, "the parser refuses the line");
}
END_TEST

START_TEST(a_parser_without_memory)
{
    temper = HAS_NO_MEMORY;
    ck_assert_int_eq(read_text("[a]\n"), -ENOMEM);
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

static void tear_down(void)
{
    problems_deinit(&problems);
}

int main(void)
{
    Suite *suite = suite_create("parser");
    TCase *cases = tcase_create("parser");

    tcase_add_checked_fixture(cases, NULL, tear_down);
    tcase_add_test(cases, a_key_that_the_parser_passes_over);
    tcase_add_test(cases, a_line_that_the_parser_refuses);
    tcase_add_test(cases, a_parser_without_memory);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
