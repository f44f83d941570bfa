/* The traps of inih that daemon/config_reader.c guards. Where one is gone, a guard can go too;
 * where one is new, this does not see it: the reader's own tests and the fuzzer do. */
#include "tests/kernel/kernel_cases.h"

#include <ini.h>

/* What inih made of a text: "[section]key=value;" one after the other. */
static char seen[4096];

static int note(void *user, const char *section, const char *name, const char *value)
{
    size_t used = strlen(seen);

    (void)user;
    (void)snprintf(seen + used, sizeof seen - used, "[%s]%s=%s;", section, name,
                   value ? value : "(null)");
    return 1;
}

static int parse(const char *text)
{
    *seen = '\0';
    return ini_parse_string(text, note, NULL);
}

#define GUARD "; the guard of daemon/config_reader.c against it could go"

START_TEST(a_long_line_is_split_into_live_ones)
{
    char text[512];

    (void)snprintf(text, sizeof text, "[a]\n; %0197d%s", 0, "mode=0666\n");
    ck_assert_int_eq(parse(text), 0);
    CONTRACT(strstr(seen, "[a]mode=0666;"),
             "inih does not split a line of more than 199 bytes any more (%s)" GUARD, seen);
}
END_TEST

START_TEST(a_nul_hides_the_rest_of_a_line)
{
    static const char text[] = "[a]\nx=1\n\0[b]\ny=2\n";
    FILE *file = fmemopen((void *)(uintptr_t)text, sizeof text - 1, "r");

    ck_assert_ptr_nonnull(file);
    *seen = '\0';
    ck_assert_int_eq(ini_parse_file(file, note, NULL), 0);
    (void)fclose(file);
    CONTRACT(strstr(seen, "[a]y=2;"),
             "inih does not lose a section header behind a NUL any more (%s)" GUARD, seen);
}
END_TEST

START_TEST(an_indented_line_goes_on_with_the_last_key)
{
    ck_assert_int_eq(parse("[a]\nx=1\n  y=2\n"), 0);
    CONTRACT(strstr(seen, "[a]x=y=2;"),
             "inih does not take an indented line for more of the last value (%s)" GUARD, seen);
}
END_TEST

START_TEST(a_long_section_is_cut)
{
    ck_assert_int_eq(parse("[aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff]\nx=1\n"),
                     0);
    CONTRACT(!strstr(seen, "ffffffffff"), "inih does not cut names of sections (%s)" GUARD, seen);
}
END_TEST

START_TEST(junk_behind_a_header_is_dropped)
{
    ck_assert_int_eq(parse("[b]x=2\nq=1\n"), 0);
    CONTRACT(strcmp(seen, "[b]q=1;") == 0, "inih minds text after ']' (%s)" GUARD, seen);
}
END_TEST

START_TEST(an_empty_section_is_not_told)
{
    ck_assert_int_eq(parse("[a]\n[b]\nx=1\n"), 0);
    CONTRACT(strcmp(seen, "[b]x=1;") == 0, "inih tells empty sections (%s)" GUARD, seen);
}
END_TEST

START_TEST(a_directory_is_an_empty_file)
{
    *seen = '\0';
    CONTRACT(ini_parse("/", note, NULL) == 0,
             "inih minds errors of reading now; daemon/config_text.c reads by itself");
}
END_TEST

TCase *inih_contracts(void)
{
    TCase *tcase = tcase_create("inih");

    tcase_add_test(tcase, a_long_line_is_split_into_live_ones);
    tcase_add_test(tcase, a_nul_hides_the_rest_of_a_line);
    tcase_add_test(tcase, an_indented_line_goes_on_with_the_last_key);
    tcase_add_test(tcase, a_long_section_is_cut);
    tcase_add_test(tcase, junk_behind_a_header_is_dropped);
    tcase_add_test(tcase, an_empty_section_is_not_told);
    tcase_add_test(tcase, a_directory_is_an_empty_file);
    return tcase;
}
