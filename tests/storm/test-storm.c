/* Much of everything at once: see storm.h. */
#include "tests/storm/storm.h"

#include <time.h>

unsigned wanted(const char *variable, unsigned otherwise)
{
    const char *text = getenv(variable);

    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

uint64_t clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int main(void)
{
    Suite *suite;

    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* the children of Check write to it too */
    if (!check_is_root())
        return 0;
    suite = suite_create("storm");
    suite_add_tcase(suite, storm_clients_case());
    suite_add_tcase(suite, storm_shortage_case());
    suite_add_tcase(suite, storm_soak_case());
    return check_main(suite);
}
