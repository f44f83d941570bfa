/* What the daemon gives up when it starts. */
#include "tests/integration/broker_cases.h"

#include <dirent.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* A line of /proc/PID/status. */
static void expect_status_line(const char *line)
{
    char path[64], text[4096];
    FILE *file;
    size_t size;

    (void)snprintf(path, sizeof path, "/proc/%d/status", broker.broker);
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    (void)fclose(file);
    assert_has(text, line);
}

START_TEST(it_has_no_capability_and_gains_none)
{
    serve("[queue:orders]\nuse = any\n");
    expect_status_line("NoNewPrivs:\t1\n");
    expect_status_line("CapEff:\t0000000000000000\n");
    expect_status_line("CapPrm:\t0000000000000000\n");
}
END_TEST

static int look_into_it(void *ignored)
{
    char path[64];
    (void)ignored;

    (void)snprintf(path, sizeof path, "/proc/%d/fd", broker.broker);
    EXPECT(opendir(path) == NULL && errno == EACCES);
    return 0;
}

/* Not even its own user: the leak checker of a build with sanitizers wants the contrary. */
START_TEST(nobody_takes_its_descriptors)
{
    struct who itself = {.uid = broker.broker_uid, .gid = broker.broker_uid};

    serve("[queue:orders]\nuse = any\n");
    ck_assert_int_eq(as_user(user(0), look_into_it, NULL), 0);
#ifndef SANITIZED
    ck_assert_int_eq(as_user(itself, look_into_it, NULL), 0);
#else
    (void)itself;
#endif
}
END_TEST

TCase *privilege_case(void)
{
    TCase *tcase = broker_case("privilege");

    tcase_add_test(tcase, it_has_no_capability_and_gains_none);
    tcase_add_test(tcase, nobody_takes_its_descriptors);
    return tcase;
}
