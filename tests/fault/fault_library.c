/* The library in a program of its own, fault-client, once for each point. */
#include "tests/fault/plan.h"

#include <fcntl.h>
#include <sys/stat.h>

static const char *const scenarios[] = {"acquire", "ask",         "batch",       "reconnect",
                                        "queue",   "events",      "async",       "watch",
                                        "renew",   "plain-queue", "plain-events"};
static const char *scenario;

static int execute(void *argument)
{
    char program[512];
    int log = open(argument, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    (void)snprintf(program, sizeof program, "%s/tests/fault/fault-client", getenv("TEST_BUILDDIR"));
    (void)dup2(log, STDERR_FILENO);
    for (size_t i = 0; i < 2; i++)
        (void)putenv((char *)(uintptr_t)shim[i]);
    (void)execl(program, program, scenario, broker.socket, NULL);
    return 99;
}

static void client_once(void)
{
    char log[128], text[2048] = "";
    int status;
    FILE *file;

    (void)snprintf(log, sizeof log, "%s/run/client-log", broker.directory);
    status = as_user(client(&broker, 0), execute, log);
    disarm();
    file = fopen(log, "re");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        (void)fclose(file);
    }
    (void)unlink(log);
    WANT(status == 0, "the client ends with %d: %s", status, text);
}

START_TEST(a_client_of_the_library)
{
    char run[128];

    scenario = scenarios[_i];
    plan_open();
    for (size_t i = 0; i < 2; i++)
        broker.environment[i] = NULL; /* the broker is well */
    (void)snprintf(run, sizeof run, "%s/run", broker.directory);
    ck_assert_int_eq(chmod(run, 01777), 0);
    fixture_configure(&broker, "[queue:orders]\nmax_messages = 4\nmessage_size = 16\nuse = any\n"
                               "[eventfd:wake]\nuse = any\n[pipe:done]\nuse = any\n");
    fixture_start(&broker);
    plan_play(scenario, client_once);
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
}
END_TEST

TCase *library_case(void)
{
    TCase *tcase = broker_case("library");

    tcase_set_timeout(tcase, 3000);
    tcase_add_loop_test(tcase, a_client_of_the_library, 0, (int)ARRAY_SIZE(scenarios));
    return tcase;
}
