/* The configuration: errors with their lines, what inih would misread, how files go together. */
#include "tests/unit/config_cases.h"

int main(void)
{
    static const struct {
        const char *name;
        void (*add)(TCase *cases);
    } groups[] = {{"errors", add_error_cases},
                  {"text", add_text_cases},
                  {"merge", add_merge_cases},
                  {"files", add_file_cases}};
    Suite *suite = suite_create("config");

    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        TCase *cases = tcase_create(groups[i].name);
        tcase_add_checked_fixture(cases, set_up, tear_down);
        tcase_set_timeout(cases, 30);
        groups[i].add(cases);
        suite_add_tcase(suite, cases);
    }
    return check_main(suite);
}
