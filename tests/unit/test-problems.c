/* The list of what is wrong: kept, sorted, bounded, written. */
#include "tests/check_main.h"

#include "daemon/problems.h"

static struct problems problems;

static void tear_down(void)
{
    problems_deinit(&problems);
}

static void add(const char *path, unsigned line, const char *text)
{
    problems_add(&problems, SEVERITY_ERROR, (struct place){path, line}, "%s", text);
}

START_TEST(sorted_by_file_then_line)
{
    static const char *const wanted[] = {"b:0 1", "b:2 a", "b:2 b", "b:9 1",
                                         "a:1 1", "a:5 1", "-:0 1", "-:0 2"};

    add("b", 9, "1");
    add("b", 2, "a");
    add("a", 5, "1");
    add("b", 2, "b");
    add(NULL, 0, "1");
    add("a", 1, "1");
    add(NULL, 0, "2");
    add("b", 0, "1");
    problems_sort(&problems);
    for (size_t i = 0; i < problems.n; i++) {
        const struct problem *problem = &problems.items[i];
        char text[50];
        (void)snprintf(text, sizeof text, "%s:%u %s", problem->path ? problem->path : "-",
                       problem->line, problem->text);
        ck_assert_str_eq(text, wanted[i]);
    }
    ck_assert_uint_eq(problems.n, ARRAY_SIZE(wanted));
}
END_TEST

START_TEST(sorting_again_changes_nothing)
{
    problems_sort(&problems); /* of nothing */
    add("b", 1, "1");
    add("a", 1, "2");
    problems_sort(&problems);
    add("b", 1, "3");
    add("a", 0, "4");
    problems_sort(&problems);
    ck_assert_str_eq(problems.items[0].text, "1");
    ck_assert_str_eq(problems.items[1].text, "3");
    ck_assert_str_eq(problems.items[2].text, "4");
    ck_assert_str_eq(problems.items[3].text, "2");
}
END_TEST

START_TEST(formats)
{
    char text[100], cut[8];

    add("p", 7, "x");
    add("p", 0, "y");
    add(NULL, 0, "z");
    problems_add(&problems, SEVERITY_WARNING, (struct place){"p", 8}, "%d%%", 5);
    problems_add(&problems, SEVERITY_WARNING, (struct place){NULL, 0}, "w");
    ck_assert_str_eq(problem_format(&problems.items[0], text, sizeof text), "p:7: x");
    ck_assert_str_eq(problem_format(&problems.items[1], text, sizeof text), "p: y");
    ck_assert_str_eq(problem_format(&problems.items[2], text, sizeof text), "z");
    ck_assert_str_eq(problem_format(&problems.items[3], text, sizeof text), "p:8: warning: 5%");
    ck_assert_str_eq(problem_format(&problems.items[4], text, sizeof text), "warning: w");
    ck_assert_str_eq(problem_format(&problems.items[3], cut, sizeof cut), "p:8: wa");
    ck_assert_uint_eq(problems.n_errors, 3);
}
END_TEST

START_TEST(keeps_its_own_copies)
{
    char path[] = "p", text[] = "x";

    add(path, 1, text);
    path[0] = text[0] = '?';
    ck_assert_str_eq(problems.items[0].path, "p");
    ck_assert_str_eq(problems.items[0].text, "x");
}
END_TEST

START_TEST(bounded)
{
    for (unsigned i = 0; i < PROBLEMS_KEPT_MAX + 5; i++)
        add("p", i, "x");
    problems_add(&problems, SEVERITY_WARNING, (struct place){"p", 1}, "w");
    ck_assert_uint_eq(problems.n, PROBLEMS_KEPT_MAX);
    ck_assert_uint_eq(problems.n_errors, PROBLEMS_KEPT_MAX + 5);
    ck_assert_uint_eq(problems.n_dropped, 6);
    ck_assert(!problems.out_of_memory);
}
END_TEST

START_TEST(no_list_at_all)
{
    problems_add(NULL, SEVERITY_ERROR, (struct place){"p", 1}, "x");
    problems_deinit(&problems);
    problems_deinit(&problems);
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("problems");
    TCase *cases = tcase_create("problems");

    tcase_add_checked_fixture(cases, NULL, tear_down);
    tcase_add_test(cases, sorted_by_file_then_line);
    tcase_add_test(cases, sorting_again_changes_nothing);
    tcase_add_test(cases, formats);
    tcase_add_test(cases, keeps_its_own_copies);
    tcase_add_test(cases, bounded);
    tcase_add_test(cases, no_list_at_all);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
