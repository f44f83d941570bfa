/* Every call that can fail is made to fail, one after the other: see plan.h. */
#include "tests/check_main.h"
#include "tests/fault/plan.h"

int main(void)
{
    Suite *suite;

    if (!check_is_root())
        return 0;
    plan_share();
    suite = suite_create("fault");
    suite_add_tcase(suite, start_case());
    suite_add_tcase(suite, serve_case());
    suite_add_tcase(suite, change_case());
    suite_add_tcase(suite, store_case());
    suite_add_tcase(suite, library_case());
    suite_add_tcase(suite, plan_case());
    return check_main(suite);
}
