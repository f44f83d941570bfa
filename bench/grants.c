/*
 * How long it takes to find out what 100 grants give somebody whom none of them is for, so that all
 * have to be looked at. Alone in a loop, without a system call; the best of many rounds.
 *
 *   grants    one line for each type of subject, and how many supplementary groups he has
 */
#include "daemon/grants.h"
#include "daemon/clock.h"
#include "daemon/peer.h"
#include "protocol/wire.h"

#include <string.h>

#define N_GRANTS 100u
#define CALLS    2000u
#define ROUNDS   50u

static const char *const types[] = {"user", "group", "unit", "glob", "mix"};
static const size_t n_groups[] = {0, 20, 1000};

static void add(struct grants *grants, const char *type, unsigned i)
{
    struct subject subject;
    char text[64];

    if (strcmp(type, "unit") == 0)
        (void)snprintf(text, sizeof text, "unit:shop-%03u.service", i);
    else if (strcmp(type, "glob") == 0)
        (void)snprintf(text, sizeof text, "unit:shop-*-%03u.service", i);
    else
        (void)snprintf(text, sizeof text, "%s:%u", type, 500000 + i);
    if (subject_parse(text, &subject, NULL) < 0 ||
        grants_add(grants, &subject, WIRE_USE, (struct place){NULL, 0}) < 0)
        abort();
}

static void fill(struct grants *grants, const char *type)
{
    bool mix = strcmp(type, "mix") == 0;

    for (unsigned i = 0; i < N_GRANTS; i++)
        add(grants, mix ? types[i % 4] : type, i);
}

static double best_ns(const struct grants *grants, const struct credentials *who)
{
    uint64_t best = UINT64_MAX;
    unsigned found = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t from = now_us(), took;

        for (unsigned i = 0; i < CALLS; i++) {
            found |= grants_access(grants, who);
            __asm__ volatile("" ::: "memory"); /* each call is made */
        }
        took = now_us() - from;
        best = took < best ? took : best;
    }
    if (found)
        abort();
    return (double)best * 1000 / CALLS;
}

int main(void)
{
    static gid_t groups[1000];

    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        groups[i] = i * 977 % 400000 + 1;
    (void)printf("%-8s %8s %10s\n", "grants", "groups", "ns a check");
    for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
        struct grants grants = {0};

        fill(&grants, types[t]);
        for (size_t n = 0; n < ARRAY_SIZE(n_groups); n++) {
            struct credentials who = {1, 1, groups, n_groups[n], "shop-eu-west-7.service"};

            (void)printf("%-8s %8zu %10.0f\n", types[t], n_groups[n], best_ns(&grants, &who));
        }
        grants_deinit(&grants);
    }
    return 0;
}
