/* Runs a Check suite and prints TAP, which is what the test driver of the build counts. */
#pragma once

#undef NDEBUG
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* False: the suite needs root, and says that it is left out. */
static inline bool check_is_root(void)
{
    if (geteuid() == 0)
        return true;
    (void)puts("1..0 # SKIP needs root");
    return false;
}

static inline int check_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    srunner_free(runner);
    return EXIT_SUCCESS; /* the TAP lines tell what failed */
}
