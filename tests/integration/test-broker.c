/* The broker as its clients know it: the real daemon, real sockets, the kernel's own objects. */
#include "tests/check_main.h"
#include "tests/integration/broker_cases.h"

int main(void)
{
    Suite *suite;

    if (!check_is_root())
        return 0;
    suite = suite_create("broker");
    suite_add_tcase(suite, acquire_case());
    suite_add_tcase(suite, eventfd_case());
    suite_add_tcase(suite, pipe_case());
    suite_add_tcase(suite, privilege_case());
    suite_add_tcase(suite, grants_case());
    suite_add_tcase(suite, batch_case());
    suite_add_tcase(suite, facts_case());
    suite_add_tcase(suite, can_case());
    suite_add_tcase(suite, admin_case());
    suite_add_tcase(suite, life_case());
    return check_main(suite);
}
