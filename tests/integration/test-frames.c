/* The protocol, byte by byte, against the real daemon. */
#include "tests/integration/frames.h"

int main(void)
{
    Suite *suite = suite_create("frames");

    if (!check_is_root())
        return 0;
    add_malformed_cases(suite);
    add_field_cases(suite);
    add_flow_cases(suite);
    add_can_cases(suite);
    add_await_cases(suite);
    add_calls_cases(suite);
    add_proof_cases(suite);
    add_hostile_cases(suite);
    return check_main(suite);
}
