/* Clients who wait for what a reload declares, and who are told of what was replaced. */
#include "tests/integration/reload_cases.h"

#include <poll.h>

#define ORDERS "[queue:orders]\nmessage_size = 100\nuse = user:0, user:$C0\n"
#define WAKE   "[eventfd:wake]\nuse = user:0, user:$C0\n"

static char told[64];

static void on_changed(struct ipcb *b, const char *name, void *unused)
{
    (void)b, (void)unused;
    ck_assert_str_eq(told, "");
    (void)snprintf(told, sizeof told, "%s", name);
}

static void on_acquired(struct ipcb *b, int r, struct ipcb_item *items, size_t n, void *unused)
{
    ck_assert_msg(r == 0, "%s", ipcb_message(b));
    ck_assert_uint_eq(n, 1);
    on_changed(b, items[0].name, unused);
}

static void process_until_told(struct ipcb *b)
{
    struct pollfd ready = {.fd = ipcb_get_fd(b), .events = POLLIN};

    while (!*told) {
        ck_assert_int_eq(poll(&ready, 1, -1), 1);
        ck_assert_int_ge(ipcb_process(b), 0);
    }
}

START_TEST(who_watches_is_told_of_a_replacement)
{
    struct ipcb *b, *admin;
    struct ipcb_queue *orders, *other;
    struct ipcb_facts *facts;

    serve(ORDERS WAKE);
    b = connect_as(user(0));
    ck_assert_int_eq(ipcb_watch(b, on_changed, NULL), 0);
    ck_assert_int_eq(ipcb_queue_acquire(&orders, b, "/orders", 0), 0);
    admin = administrator();
    ck_assert_msg(ipcb_replace(admin, "orders", &facts) == 0, "%s", ipcb_message(admin));
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(admin);
    process_until_told(b);
    ck_assert_str_eq(told, "orders");
    ck_assert_int_eq(ipcb_queue_renew(orders, b, "orders"), 1);
    other = queue_of(user(0), "orders");
    put(other, "to the new one");
    expect_next(orders, "to the new one");
    (void)ipcb_queue_free(orders);
    (void)ipcb_queue_free(other);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(who_waits_for_a_declaration_gets_it_by_a_reload)
{
    struct ipcb_event *wake = NULL;
    struct ipcb_item item = {.name = "wake", .flags = IPCB_UNTIL_DECLARED, .event = &wake};
    struct ipcb_facts *facts;
    struct ipcb *b;

    serve(ORDERS);
    b = connect_as(user(0));
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, &item, 1, -1, on_acquired, NULL), 0);
    ck_assert_int_eq(ipcb_status(b, &facts), 0); /* answered after that: it is waited for now */
    (void)ipcb_facts_free(facts);
    ck_assert_int_eq(ipcb_process(b), 0);
    fixture_configure(&broker, ORDERS WAKE);
    reload_to("applied");
    process_until_told(b);
    ck_assert_str_eq(told, "wake");
    ck_assert_int_eq(ipcb_event_signal(wake, 1), 0);
    (void)ipcb_event_free(wake);
    (void)ipcb_free(b);
}
END_TEST

void add_watch(Suite *suite)
{
    TCase *cases = broker_case("watch");

    suite_add_tcase(suite, cases);
    tcase_add_test(cases, who_watches_is_told_of_a_replacement);
    tcase_add_test(cases, who_waits_for_a_declaration_gets_it_by_a_reload);
}
