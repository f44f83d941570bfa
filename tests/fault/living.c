/* See living.h. */
#include "tests/fault/living.h"

#include <poll.h>
#include <sched.h>

static size_t descriptors_before;

void living_start(const char *configuration)
{
    plan_open();
    fixture_configure(&broker, configuration);
    fixture_start(&broker);
    living_count(descriptors_at_rest());
}

void living_end(void)
{
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
    assert_has_not(fixture_log(&broker), "Sanitizer");
}

void living_count(size_t n)
{
    descriptors_before = n;
}

void living_settle(void)
{
    char path[64], state;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", broker.broker);
    for (int i = 0; i < 100; i++) {
        file = fopen(path, "re");
        if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            state = '?';
        fclose_filep(&file);
        if (state != 'R')
            return;
        (void)sched_yield();
    }
}

bool living_has_ended(void)
{
    struct pollfd wait = {broker.pidfd, POLLIN, 0};
    int status;

    if (!(plan_fails(FAULT_epoll_wait) && page->error != EINTR && page->failed > 0) &&
        poll(&wait, 1, 0) == 0)
        return false;
    status = fixture_reap(&broker);
    WANT(plan_fails(FAULT_epoll_wait) && status == 1, "the broker ends with %d; log: %s", status,
         fixture_log(&broker));
    fixture_start(&broker);
    return true;
}

void living_check_descriptors(void)
{
    const struct timespec a_little = {.tv_nsec = 1000000};
    size_t n = 0;

    for (int looks = 0; looks < 2000; looks++) {
        n = count_descriptors(broker.broker);
        if (n == descriptors_before)
            return;
        (void)ppoll(NULL, 0, &a_little, NULL);
    }
    WANT(n == descriptors_before, "%zu descriptors, %zu before", n, descriptors_before);
    descriptors_before = n;
}
