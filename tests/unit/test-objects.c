/* The kinds queue and eventfd, without a broker around them. */
#include "tests/unit/objects_cases.h"

int main(void)
{
    Suite *suite = suite_create("objects");

    add_settings(suite);
    if (is_root())
        add_named(suite);
    else
        puts("# the tests of queues with names are left out: they need root");
    add_nameless(suite);
    add_eventfds(suite);
    return check_main(suite);
}