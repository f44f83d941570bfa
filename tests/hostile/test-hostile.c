/* What users try with what they are granted, and around it: see docs/security.md. */
#include "tests/hostile/hostile.h"

int main(void)
{
    Suite *suite;

    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* the children of Check write to it too */
    if (!check_is_root())
        return 0;
    suite = suite_create("hostile");
    suite_add_tcase(suite, hostile_queue_case());
    suite_add_tcase(suite, hostile_descriptors_case());
    suite_add_tcase(suite, hostile_event_case());
    suite_add_tcase(suite, hostile_peer_case());
    suite_add_tcase(suite, hostile_system_case());
    suite_add_tcase(suite, hostile_unread_case());
    suite_add_tcase(suite, hostile_direction_case());
    suite_add_tcase(suite, hostile_container_case());
    suite_add_tcase(suite, hostile_disclosure_case());
    suite_add_tcase(suite, hostile_crowd_case());
    return check_main(suite);
}
