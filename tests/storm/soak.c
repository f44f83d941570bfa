/* Full load for long, with one attack after the other: what the broker has must not grow. */
#include "tests/storm/storm.h"

#include <poll.h>

#define RAGES_MS 10000 /* before the next attack takes over; less if there is little time */
#define MEN      3

#define HEAD "[broker]\nmax_clients_per_user = 20\n" RAIDED

static const struct attack {
    const char *name;
    int (*attack)(void);
    unsigned men;
} attacks[] = {
    {"floods", flood_and_go, MEN}, {"nonsense", send_noise, MEN}, {"lists", ask_for_lists, MEN},
    {"places", press_in, 1},       {"traps", lay_a_trap, MEN},
};
#define N_ATTACKS (sizeof attacks / sizeof *attacks)

/* To the file of $SOAK_CSV, a line for each sample. */
static FILE *begin_record(void)
{
    const char *path = getenv("SOAK_CSV");
    FILE *file = path ? fopen(path, "we") : NULL;

    ck_assert_msg(!path || file, "%s: %s", path, strerror(errno));
    if (file) {
        (void)setvbuf(file, NULL, _IOLBF, 0); /* it can be looked at while it grows */
        (void)fputs("seconds,attack,memory_kib,descriptors,unread,clients,messages,p50_us,p99_us,"
                    "worst_us\n",
                    file);
    }
    return file;
}

static void record(FILE *file, uint64_t age_ms, const char *attack)
{
    struct waits waits = siege_waits();
    struct ipcb_facts *facts;
    struct ipcb *b;

    ck_assert_int_eq(ipcb_new(&b, broker.admin), 0); /* whom all of it is shown to */
    facts = status(b);

    if (file)
        (void)fprintf(file, "%.1f,%s,%llu,%zu,%llu,%llu,%llu,%u,%u,%u\n", (double)age_ms / 1000,
                      attack, (unsigned long long)process_number(broker.broker, "RssAnon:", 10),
                      count_descriptors(broker.broker),
                      (unsigned long long)fact_number(facts, "unread_descriptors"),
                      (unsigned long long)fact_number(facts, "clients"),
                      (unsigned long long)traffic_sent(), waits.p50_us, waits.p99_us,
                      waits.worst_us);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}

/* One attack, looked at each SAMPLE_MS, for RAGES_MS or until END. */
static void rage(const struct attack *attack, FILE *file, uint64_t begin, uint64_t lasts_ms,
                 uint64_t sample_ms)
{
    const uint64_t end = clock_ms() + lasts_ms;
    struct crowd crowd = crowd_begin(user(6), attack->men, attack->attack);

    do {
        (void)poll(NULL, 0, (int)sample_ms);
        await_canary(5);
        record(file, clock_ms() - begin, attack->name);
    } while (clock_ms() < end);
    crowd_end(&crowd);
}

static FILE *soak_record;

/* As a fixture: what these take is not counted by Check, whose microseconds of a test end after
 * half an hour. Its name ends as a test's does, which besiege() tells it by. */
static void soak_fn(void)
{
    const uint64_t all_ms = 1000 * (uint64_t)wanted("SOAK_SECONDS", 3), begin = clock_ms();
    const uint64_t each_ms = all_ms / N_ATTACKS < RAGES_MS ? all_ms / N_ATTACKS : RAGES_MS;
    const uint64_t sample_ms = each_ms < 4000 ? each_ms / 2 : 2000;

    soak_record = begin_record();
    traffic_declare();
    besiege(HEAD);
    traffic_begin();
    for (unsigned i = 0; i < N_ATTACKS || clock_ms() - begin < all_ms; i++)
        rage(&attacks[i % N_ATTACKS], soak_record, begin, each_ms, sample_ms);
}

/* When it is over, all must be as it was before: the siege sees to that. */
START_TEST(a_long_siege_leaves_all_as_it_was)
{
    traffic_end();
    if (soak_record)
        ck_assert_int_eq(fclose(soak_record), 0);
}
END_TEST

TCase *storm_soak_case(void)
{
    TCase *tcase = hostile_case("soak");

    tcase_set_timeout(tcase, 120 + 2.0 * wanted("SOAK_SECONDS", 3));
    tcase_add_checked_fixture(tcase, soak_fn, NULL);
    tcase_add_test(tcase, a_long_siege_leaves_all_as_it_was);
    return tcase;
}
