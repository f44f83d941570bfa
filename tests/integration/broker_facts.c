/* What the broker tells: list, show, status, whoami, and to whom. */
#include "tests/integration/broker_cases.h"

#include <grp.h>

#define SHOP                                                                                       \
    "[broker]\nobserve = user:$C1\n"                                                               \
    "[queue:orders]\nmax_messages = 5\nmessage_size = 100\nsend = user:$C0\nreceive = group:$C6\n" \
    "[queue:invoices]\nuse = user:$C2\n"                                                           \
    "[eventfd:wake]\nuse = any\n"

static struct ipcb_list *list_of(struct ipcb *b)
{
    struct ipcb_list *list = NULL;

    ck_assert_msg(ipcb_list(b, &list) == 0, "%s", ipcb_message(b));
    return list;
}

static const char *listed(const struct ipcb_list *list, size_t i, const char *key)
{
    ck_assert_uint_lt(i, ipcb_list_count(list));
    return fact_text(ipcb_list_at(list, i), key);
}

START_TEST(a_list_has_what_the_asker_is_granted)
{
    struct ipcb *b;
    struct ipcb_list *list;

    serve(SHOP);
    b = connect_as(user(0));
    list = list_of(b);
    ck_assert_uint_eq(ipcb_list_count(list), 2);
    ck_assert_str_eq(listed(list, 0, "name"), "orders");
    ck_assert_str_eq(listed(list, 0, "kind"), "queue");
    ck_assert_str_eq(listed(list, 0, "access"), "send");
    ck_assert_str_eq(listed(list, 0, "state"), "ready");
    ck_assert_str_eq(listed(list, 1, "name"), "wake");
    ck_assert_str_eq(listed(list, 1, "access"), "use");
    (void)ipcb_list_free(list);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(a_list_has_everything_for_an_observer)
{
    struct ipcb *b;
    struct ipcb_list *list;

    serve(SHOP);
    b = connect_as(user(1));
    list = list_of(b);
    ck_assert_uint_eq(ipcb_list_count(list), 3);
    ck_assert_str_eq(listed(list, 0, "name"), "invoices");
    ck_assert_str_eq(listed(list, 0, "access"), "nothing");
    ck_assert_int_eq(get(user(1), "invoices", 0), -EACCES); /* to see is not to have */
    (void)ipcb_list_free(list);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(the_group_adm_observes_where_nothing_is_said)
{
    const struct group *adm = getgrnam("adm");
    struct who member = user(3);
    struct ipcb_list *list;
    struct ipcb *b;

    if (!adm)
        return; /* a host without that group has no such default */
    member.gid = adm->gr_gid;
    serve("[queue:orders]\n");
    b = connect_as(member);
    list = list_of(b);
    ck_assert_uint_eq(ipcb_list_count(list), 1);
    (void)ipcb_list_free(list);
    (void)ipcb_free(b);
    b = connect_as(user(3));
    list = list_of(b);
    ck_assert_uint_eq(ipcb_list_count(list), 0);
    (void)ipcb_list_free(list);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(a_long_list_comes_whole_and_in_order)
{
    char *configuration = sections("eventfd", "event-", 2000, "use = user:0\n"), name[32];
    struct ipcb_list *list;
    struct ipcb *b;

    serve(configuration);
    b = connect_as(root());
    list = list_of(b);
    ck_assert_uint_eq(ipcb_list_count(list), 2000);
    for (size_t i = 0; i < 2000; i++) {
        (void)snprintf(name, sizeof name, "event-%04zu", i);
        ck_assert_str_eq(listed(list, i, "name"), name);
    }
    (void)ipcb_list_free(list);
    (void)ipcb_free(b);
    free(configuration);
}
END_TEST

START_TEST(show_tells_a_user_of_what_he_is_granted)
{
    struct ipcb_queue *q;
    struct ipcb_facts *facts;
    struct ipcb *b;

    serve(SHOP);
    q = queue_of(user(0), "orders");
    put(q, "one");
    put(q, "two");
    b = connect_as(user(0));
    facts = show(b, "/orders");
    ck_assert_str_eq(fact_text(facts, "name"), "orders");
    ck_assert_str_eq(fact_text(facts, "state"), "ready");
    ck_assert_str_eq(fact_text(facts, "access"), "send");
    ck_assert_str_eq(fact_text(facts, "posix_name"), "/orders");
    ck_assert_str_eq(fact_text(facts, "mode"), "0600");
    ck_assert_uint_eq(fact_number(facts, "max_messages"), 5);
    ck_assert_uint_eq(fact_number(facts, "message_size"), 100);
    ck_assert_uint_eq(fact_number(facts, "depth"), 2);
    ck_assert_ptr_null(ipcb_facts_find(facts, "grant"));
    ck_assert_ptr_null(ipcb_facts_find(facts, "declared"));
    (void)ipcb_facts_free(facts);
    (void)ipcb_queue_free(q);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(show_denies_without_a_grant)
{
    struct ipcb_facts *facts = NULL;
    struct ipcb *b;

    serve(SHOP);
    b = connect_as(user(0));
    ck_assert_int_eq(ipcb_show(b, "invoices", &facts), -EACCES);
    assert_has(ipcb_message(b), "is granted nothing on queue 'invoices'");
    ck_assert_int_eq(ipcb_show(b, "nothing", &facts), -ENOENT);
    ck_assert_int_eq(ipcb_show(b, "a/b", &facts), -EINVAL);
    ck_assert_ptr_null(facts);
    (void)ipcb_free(b);
}
END_TEST

static bool has_grant(const struct ipcb_facts *facts, const char *text)
{
    for (size_t i = 0; i < ipcb_facts_count(facts); i++) {
        const struct ipcb_fact *fact = ipcb_facts_at(facts, i);

        if (strcmp(fact->key, "grant") == 0 && strcmp(fact->text, text) == 0)
            return true;
    }
    return false;
}

START_TEST(an_observer_is_shown_grants_and_place)
{
    char text[64];
    struct ipcb_facts *facts;
    struct ipcb *b;

    serve(SHOP);
    b = connect_as(user(1));
    facts = show(b, "orders");
    ck_assert_str_eq(fact_text(facts, "access"), "nothing");
    (void)snprintf(text, sizeof text, "send = user:%u", broker.client_uid);
    ck_assert(has_grant(facts, text));
    (void)snprintf(text, sizeof text, "receive = group:%u", broker.client_uid + 6);
    ck_assert(has_grant(facts, text));
    assert_has(fact_text(facts, "declared"), "broker.conf:3");
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(status_counts_objects_and_clients)
{
    struct ipcb *b, *other;
    struct ipcb_facts *facts;

    serve(SHOP);
    b = connect_as(user(0));
    other = connect_as(user(0));
    facts = status(b);
    ck_assert_str_eq(fact_text(facts, "state"), "ok");
    ck_assert_uint_eq(fact_number(facts, "objects"), 3);
    ck_assert_uint_eq(fact_number(facts, "failed"), 0);
    ck_assert_uint_eq(fact_number(facts, "differing"), 0);
    ck_assert_uint_eq(fact_number(facts, "left_out_files"), 0);
    ck_assert_uint_eq(fact_number(facts, "clients"), 2);
    ck_assert_uint_eq(fact_number(facts, "pid"), (uint64_t)broker.broker);
    ck_assert_uint_eq(fact_number(facts, "uid"), broker.broker_uid);
    ck_assert_uint_eq(fact_number(facts, "max_clients_per_user"), 256);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(other);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(a_failed_object_makes_the_status_degraded)
{
    struct ipcb *b;
    struct ipcb_facts *facts;

    serve("[queue:huge]\nmax_messages = 60000\nuse = user:$C0\n[queue:orders]\nuse = user:$C0\n");
    assert_has(fixture_status(), "serving 1 objects");
    assert_has(fixture_status(), "(degraded); 1 failed");
    b = connect_as(user(0));
    facts = status(b);
    ck_assert_str_eq(fact_text(facts, "state"), "degraded");
    ck_assert_uint_eq(fact_number(facts, "objects"), 2);
    ck_assert_uint_eq(fact_number(facts, "failed"), 1);
    (void)ipcb_facts_free(facts);
    facts = show(b, "huge");
    ck_assert_str_eq(fact_text(facts, "state"), "failed");
    assert_has(fact_text(facts, "failure"), "fs.mqueue.msg_max");
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    ck_assert_int_eq(get(user(0), "orders", 0), 2);
}
END_TEST

START_TEST(whoami_is_what_the_kernel_says)
{
    const gid_t groups[] = {broker.client_uid + 3, broker.client_uid + 4};
    const struct who asker = {broker.client_uid + 1, broker.client_uid + 2, groups, 2};
    struct ipcb *b;
    struct ipcb_facts *facts = NULL;

    serve(SHOP);
    b = connect_as(asker);
    ck_assert_int_eq(ipcb_whoami(b, &facts), 0);
    ck_assert_uint_eq(fact_number(facts, "uid"), asker.uid);
    ck_assert_uint_eq(fact_number(facts, "gid"), asker.gid);
    ck_assert_uint_eq(fact_number(facts, "pid"), (uint64_t)getpid());
    ck_assert_str_eq(fact_text(facts, "administrator"), "no");
    ck_assert_str_eq(fact_text(facts, "observer"), "yes");
    for (size_t i = 0, n = 0; i < ipcb_facts_count(facts); i++)
        if (strcmp(ipcb_facts_at(facts, i)->key, "groups") == 0)
            ck_assert_uint_eq(strtoul(ipcb_facts_at(facts, i)->text, NULL, 10), groups[n++]);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

TCase *facts_case(void)
{
    TCase *tcase = broker_case("facts");

    tcase_add_test(tcase, a_list_has_what_the_asker_is_granted);
    tcase_add_test(tcase, a_list_has_everything_for_an_observer);
    tcase_add_test(tcase, the_group_adm_observes_where_nothing_is_said);
    tcase_add_test(tcase, a_long_list_comes_whole_and_in_order);
    tcase_add_test(tcase, show_tells_a_user_of_what_he_is_granted);
    tcase_add_test(tcase, show_denies_without_a_grant);
    tcase_add_test(tcase, an_observer_is_shown_grants_and_place);
    tcase_add_test(tcase, status_counts_objects_and_clients);
    tcase_add_test(tcase, a_failed_object_makes_the_status_degraded);
    tcase_add_test(tcase, whoami_is_what_the_kernel_says);
    return tcase;
}
