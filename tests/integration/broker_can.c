/* May somebody, and why: of oneself, of others, and by which line. */
#include "base/base.h"
#include "tests/integration/broker_cases.h"

#define CONFIG                                                                                     \
    "[queue:orders]\n"                                                                             \
    "send = user:$C0\n"                                                                            \
    "receive = group:$C6\n"                                                                        \
    "[queue:open]\n"                                                                               \
    "send = any\n"                                                                                 \
    "use = user:$C1\n"                                                                             \
    "[eventfd:wake]\n"                                                                             \
    "use = user:$C0\n"

static struct ipcb *admin(void)
{
    struct ipcb *b;

    ck_assert_int_eq(ipcb_new(&b, broker.admin), 0);
    return b;
}

/* The client user $C0 to $C7, by his number alone. */
static struct ipcb_subject subject(unsigned which)
{
    return (struct ipcb_subject){.uid = broker.client_uid + which, .gid = IPCB_NOBODY};
}

/* The answer in full, to be freed. */
static struct ipcb_facts *ask(struct ipcb *b, const struct ipcb_subject *who, const char *name,
                              unsigned access)
{
    struct ipcb_facts *facts = NULL;
    int r = ipcb_can(b, who, name, access, &facts);

    ck_assert_msg(r == 0, "%s: %s", name, ipcb_message(b));
    return facts;
}

/* 1: allowed, 0: not, or -errno; consumes the handle. */
static int can(struct ipcb *b, const struct ipcb_subject *who, const char *name, unsigned access)
{
    struct ipcb_facts *facts = NULL;
    int r = ipcb_can(b, who, name, access, &facts);

    if (r == 0)
        r = (int)fact_number(facts, "allowed");
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    return r;
}

static size_t count(const struct ipcb_facts *facts, const char *key)
{
    size_t n = 0;

    for (size_t i = 0; i < ipcb_facts_count(facts); i++)
        n += strcmp(ipcb_facts_at(facts, i)->key, key) == 0;
    return n;
}

/* ---- oneself ---- */

START_TEST(everybody_may_ask_about_himself)
{
    struct who member = user(2);

    member.gid = broker.client_uid + 6;
    serve(CONFIG);
    ck_assert_int_eq(can(connect_as(user(0)), NULL, "orders", IPCB_SEND), 1);
    ck_assert_int_eq(can(connect_as(user(0)), NULL, "/orders", IPCB_SEND), 1);
    ck_assert_int_eq(can(connect_as(user(0)), NULL, "orders", IPCB_RECEIVE), 0);
    ck_assert_int_eq(can(connect_as(user(0)), NULL, "orders", IPCB_USE), 0);
    ck_assert_int_eq(can(connect_as(member), NULL, "orders", IPCB_RECEIVE), 1);
    ck_assert_int_eq(can(connect_as(user(2)), NULL, "orders", IPCB_RECEIVE), 0);
    ck_assert_int_eq(can(connect_as(user(2)), NULL, "open", IPCB_SEND), 1);
    ck_assert_int_eq(can(connect_as(root()), NULL, "wake", IPCB_USE), 0);
}
END_TEST

/* The answer is what an acquire then gets. */
START_TEST(the_answer_is_what_acquire_does)
{
    static const char *const names[] = {"orders", "open", "wake"};
    static const unsigned accesses[] = {IPCB_SEND, IPCB_RECEIVE, IPCB_USE};

    serve(CONFIG);
    for (unsigned who = 0; who < 3; who++)
        for (size_t i = 0; i < 9; i++) {
            const char *name = names[i / 3];
            int got = get(user(who), name, accesses[i % 3]);
            int told = can(connect_as(user(who)), NULL, name, accesses[i % 3]);

            if (strcmp(name, "wake") == 0 && accesses[i % 3] != IPCB_USE)
                ck_assert_int_eq(told, -EINVAL);
            else
                ck_assert_msg(told == (got >= 0), "user %u, %s: %d and %d", who, name, told, got);
        }
}
END_TEST

START_TEST(places_are_for_those_who_may_observe)
{
    struct ipcb *b;
    struct ipcb_facts *facts;
    char expected[200];

    serve("[broker]\nobserve = user:$C1\n" CONFIG);
    b = connect_as(user(0));
    facts = ask(b, NULL, "orders", IPCB_SEND);
    (void)snprintf(expected, sizeof expected, "send = user:%u", broker.client_uid);
    ck_assert_str_eq(fact_text(facts, "grant"), expected);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);

    b = connect_as(user(1));
    facts = ask(b, NULL, "open", IPCB_RECEIVE);
    (void)snprintf(expected, sizeof expected, "use = user:%u (%s:8)", broker.client_uid + 1,
                   broker.config);
    ck_assert_uint_eq(count(facts, "grant"), 2);
    for (size_t i = 0; i < ipcb_facts_count(facts); i++)
        if (strncmp(ipcb_facts_at(facts, i)->text, "use = ", 6) == 0)
            ck_assert_str_eq(ipcb_facts_at(facts, i)->text, expected);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

/* ---- others ---- */

START_TEST(an_administrator_may_ask_about_anybody)
{
    const gid_t groups[] = {broker.client_uid + 6, 5};
    struct ipcb_subject who[8] = {subject(0), subject(1), subject(2), subject(2), subject(2)};

    who[3].gid = broker.client_uid + 6;
    who[4].groups = groups;
    who[4].n_groups = 2;
    who[5] = (struct ipcb_subject){.uid = IPCB_NOBODY, .gid = broker.client_uid + 6};
    who[6] = (struct ipcb_subject){.uid = IPCB_NOBODY, .gid = broker.client_uid};
    who[7] = (struct ipcb_subject){.uid = IPCB_NOBODY, .gid = IPCB_NOBODY};
    serve(CONFIG);
    for (size_t i = 0; i < ARRAY_SIZE(who); i++) {
        ck_assert_int_eq(can(admin(), &who[i], "orders", IPCB_SEND), i == 0);
        ck_assert_int_eq(can(admin(), &who[i], "orders", IPCB_RECEIVE), i >= 3 && i <= 5);
        ck_assert_int_eq(can(admin(), &who[i], "open", IPCB_SEND), 1);
        ck_assert_int_eq(can(admin(), &who[i], "open", IPCB_USE), i == 1);
    }
}
END_TEST

/* All that is granted is asked about by name; whoever asks need not be in a unit. */
START_TEST(an_administrator_may_ask_about_a_unit)
{
    static const struct {
        const char *unit;
        int may_send;
    } questions[] = {
        {"shop-1.service", 1},       {"shop.service", 0}, {"shop-1.scope", 0},
        {"shop-*.service", -EINVAL}, {"shop-1", -EINVAL}, {"", -EINVAL},
    };
    struct ipcb_subject who = {.uid = IPCB_NOBODY, .gid = IPCB_NOBODY};
    struct ipcb_facts *facts;
    struct ipcb *b = NULL;

    serve("[queue:orders]\nsend = unit:shop-*.service\nreceive = user:$C0\n");
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
        who.unit = questions[i].unit;
        ck_assert_int_eq(can(admin(), &who, "orders", IPCB_SEND), questions[i].may_send);
    }
    who.unit = "shop-1.service";
    b = admin();
    facts = ask(b, &who, "orders", IPCB_USE);
    ck_assert_str_eq(fact_text(facts, "subject"), "unit shop-1.service");
    ck_assert_str_eq(fact_text(facts, "access"), "send");
    ck_assert_str_eq(fact_text(facts, "would_help"),
                     "'receive = unit:shop-1.service' in a [grant:orders] section");
    assert_has(fact_text(facts, "grant"), "send = unit:shop-*.service (");
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    who.uid = broker.client_uid;
    ck_assert_int_eq(can(admin(), &who, "orders", IPCB_USE), 1);
    who.unit = NULL;
    ck_assert_int_eq(can(admin(), &who, "orders", IPCB_SEND), 0);
}
END_TEST

/* On the admin socket nobody needs a grant; what is asked is what the main one gives. */
START_TEST(an_administrator_is_told_what_the_main_socket_gives)
{
    serve(CONFIG);
    ck_assert_int_eq(can(admin(), NULL, "orders", IPCB_SEND), 0);
    ck_assert_int_eq(can(admin(), NULL, "open", IPCB_SEND), 1);
}
END_TEST

START_TEST(others_are_nobodys_business)
{
    struct ipcb_subject other = subject(1), any = {.uid = IPCB_NOBODY, .gid = IPCB_NOBODY};
    struct ipcb_facts *facts = NULL;
    struct ipcb *b;

    serve("[broker]\nobserve = user:$C0\n" CONFIG);
    ck_assert_int_eq(can(connect_as(user(0)), &other, "open", IPCB_SEND), -EACCES);
    ck_assert_int_eq(can(connect_as(user(0)), &any, "open", IPCB_SEND), -EACCES);
    ck_assert_int_eq(can(connect_as(root()), &other, "open", IPCB_SEND), -EACCES);
    any.gid = broker.client_uid;
    ck_assert_int_eq(can(connect_as(user(0)), &any, "open", IPCB_SEND), -EACCES);
    any.unit = "shop.service";
    ck_assert_int_eq(can(connect_as(user(0)), &any, "open", IPCB_SEND), -EACCES);
    b = connect_as(user(0));
    ck_assert_int_eq(ipcb_can(b, &other, "nothing", IPCB_SEND, &facts), -EACCES);
    assert_has(ipcb_message(b), "--admin");
    (void)ipcb_free(b);
}
END_TEST

/* Who says that he is in a group learns nothing of what it is granted. */
START_TEST(groups_that_one_says_to_have_do_not_count)
{
    const gid_t groups[] = {broker.client_uid + 6};
    struct ipcb_subject me = subject(2);
    struct ipcb_facts *facts;
    struct ipcb *b;

    serve(CONFIG);
    ck_assert_int_eq(can(connect_as(user(2)), &me, "open", IPCB_SEND), 1);
    me.gid = groups[0];
    me.groups = groups;
    me.n_groups = 1;
    b = connect_as(user(2));
    facts = ask(b, &me, "orders", IPCB_RECEIVE);
    ck_assert_uint_eq(fact_number(facts, "allowed"), 0);
    ck_assert_uint_eq(count(facts, "grant"), 0);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

/* ---- why ---- */

/* Puts the line that is said to help into a file of its own, and starts anew. */
static void follow_advice(const struct ipcb_facts *facts, unsigned i)
{
    const char *said = fact_text(facts, "would_help");
    const char *end = strchr(said + 1, '\'');
    char line[200], name[32];

    ck_assert_int_eq(said[0], '\'');
    ck_assert_str_eq(end, "' in a [grant:orders] section");
    (void)snprintf(line, sizeof line, "[grant:orders]\n%.*s\n", (int)(end - said - 1), said + 1);
    (void)snprintf(name, sizeof name, "%u.conf", i);
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
    fixture_drop_in(&broker, name, line);
    fixture_start(&broker);
}

/* In this order: the last one would help all. */
START_TEST(the_line_that_would_help_helps)
{
    struct ipcb_subject who[3] = {subject(0), subject(1), subject(2)};

    who[1].uid = who[2].uid = IPCB_NOBODY;
    who[1].gid = broker.client_uid + 1;
    serve(CONFIG);
    for (unsigned i = 0; i < 3; i++) {
        struct ipcb *b = admin();
        struct ipcb_facts *facts = ask(b, &who[i], "orders", IPCB_USE);

        ck_assert_uint_eq(fact_number(facts, "allowed"), 0);
        follow_advice(facts, i);
        (void)ipcb_facts_free(facts);
        facts = ask(b, &who[i], "orders", IPCB_USE);
        ck_assert_uint_eq(fact_number(facts, "allowed"), 1);
        ck_assert_ptr_null(ipcb_facts_find(facts, "would_help"));
        (void)ipcb_facts_free(facts);
        (void)ipcb_free(b);
    }
}
END_TEST

START_TEST(the_deciding_lines_are_named_whatever_their_file)
{
    struct ipcb_subject who = subject(0);
    struct ipcb_facts *facts;
    struct ipcb *b;

    fixture_drop_in(&broker, "50-monitor.conf", "[grant:orders]\n\nuse = any\n");
    serve(CONFIG);
    b = admin();
    facts = ask(b, &who, "orders", IPCB_RECEIVE);
    ck_assert_uint_eq(fact_number(facts, "allowed"), 1);
    ck_assert_str_eq(fact_text(facts, "asked"), "receive");
    ck_assert_str_eq(fact_text(facts, "access"), "use");
    ck_assert_uint_eq(count(facts, "grant"), 2);
    assert_has(fact_text(facts, "grant"), "broker.conf:2)");
    assert_has(ipcb_facts_at(facts, ipcb_facts_count(facts) - 1)->text,
               "broker.conf.d/50-monitor.conf:3)");
    assert_has(ipcb_facts_at(facts, ipcb_facts_count(facts) - 1)->text, "use = any (");
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(what_cannot_be_asked)
{
    struct ipcb_subject odd = {.reserved = {0, 0, 1}}, many = subject(0);
    struct ipcb_facts *facts = NULL;
    gid_t *groups = calloc(70000, sizeof *groups);
    struct ipcb *b;

    ck_assert_ptr_nonnull(groups);
    serve(CONFIG);
    b = admin();
    ck_assert_int_eq(ipcb_can(b, NULL, "nothing", IPCB_SEND, &facts), -ENOENT);
    ck_assert_int_eq(ipcb_can(b, NULL, "-", IPCB_SEND, &facts), -EINVAL);
    ck_assert_int_eq(ipcb_can(b, NULL, "orders", 0, &facts), -EINVAL);
    ck_assert_int_eq(ipcb_can(b, NULL, "orders", 4, &facts), -EINVAL);
    ck_assert_int_eq(ipcb_can(b, NULL, "wake", IPCB_READ, &facts), -EINVAL);
    assert_has(ipcb_message(b), "no single directions");
    ck_assert_int_eq(ipcb_can(b, &odd, "orders", IPCB_SEND, &facts), -EINVAL);
    many.groups = groups;
    many.n_groups = 70000;
    ck_assert_int_eq(ipcb_can(b, &many, "orders", IPCB_SEND, &facts), -EMSGSIZE);
    many.n_groups = 16000;
    ck_assert_int_eq(ipcb_can(b, &many, "orders", IPCB_SEND, &facts), 0);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    free(groups);
}
END_TEST

TCase *can_case(void)
{
    TCase *tcase = broker_case("can");

    tcase_add_test(tcase, everybody_may_ask_about_himself);
    tcase_add_test(tcase, the_answer_is_what_acquire_does);
    tcase_add_test(tcase, places_are_for_those_who_may_observe);
    tcase_add_test(tcase, an_administrator_may_ask_about_anybody);
    tcase_add_test(tcase, an_administrator_may_ask_about_a_unit);
    tcase_add_test(tcase, an_administrator_is_told_what_the_main_socket_gives);
    tcase_add_test(tcase, others_are_nobodys_business);
    tcase_add_test(tcase, groups_that_one_says_to_have_do_not_count);
    tcase_add_test(tcase, the_line_that_would_help_helps);
    tcase_add_test(tcase, the_deciding_lines_are_named_whatever_their_file);
    tcase_add_test(tcase, what_cannot_be_asked);
    return tcase;
}
