/* Runs a Check suite and prints TAP, which is what the test driver of the build counts. */
#pragma once

#undef NDEBUG
#include <check.h>
#include <stdlib.h>

static inline int check_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    srunner_free(runner);
    return EXIT_SUCCESS; /* the TAP lines tell what failed */
}
