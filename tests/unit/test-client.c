/* The library against a fake broker: what it asks, and what it makes of any answer. */
#include "tests/check_main.h"
#include "tests/unit/client_cases.h"

int main(void)
{
    Suite *suite = suite_create("client");

    suite_add_tcase(suite, handle_cases());
    suite_add_tcase(suite, acquire_cases());
    suite_add_tcase(suite, reply_cases());
    suite_add_tcase(suite, connection_cases());
    suite_add_tcase(suite, facts_cases());
    suite_add_tcase(suite, async_cases());
    suite_add_tcase(suite, proof_cases());
    suite_add_tcase(suite, restart_cases());
    suite_add_tcase(suite, watch_cases());
    return check_main(suite);
}
