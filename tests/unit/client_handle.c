/* Handles without any broker. */
#include "tests/unit/client_cases.h"

#include <string.h>

START_TEST(socket_from_argument_environment_default)
{
    struct ipcb *b;

    ck_assert_int_eq(setenv("IPCBROKER_SOCKET", "/from/environment", 1), 0);
    ck_assert_int_eq(ipcb_new(&b, "/from/argument"), 0);
    ck_assert_str_eq(ipcb_socket(b), "/from/argument");
    ck_assert_ptr_null(ipcb_free(b));
    ck_assert_int_eq(ipcb_new(&b, NULL), 0);
    ck_assert_str_eq(ipcb_socket(b), "/from/environment");
    ck_assert_ptr_null(ipcb_free(b));
    ck_assert_int_eq(setenv("IPCBROKER_SOCKET", "", 1), 0);
    ck_assert_int_eq(ipcb_new(&b, NULL), 0);
    ck_assert_str_eq(ipcb_socket(b), DEFAULT_SOCKET);
    ck_assert_ptr_null(ipcb_free(b));
    ck_assert_ptr_null(ipcb_free(NULL));
}
END_TEST

START_TEST(bad_sockets_are_refused)
{
    struct ipcb *b = NULL;
    char path[120];

    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[108] = '\0';
    ck_assert_int_eq(ipcb_new(&b, path), -ENAMETOOLONG);
    ck_assert_int_eq(ipcb_new(&b, "relative"), -EINVAL);
    ck_assert_int_eq(ipcb_new(&b, ""), -EINVAL);
    ck_assert_ptr_null(b);
    path[107] = '\0';
    ck_assert_int_eq(ipcb_new(&b, path), 0);
    ck_assert_str_eq(ipcb_socket(b), path);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(timeouts_below_minus_one_are_refused)
{
    struct ipcb_item item = {.name = "x"};
    struct ipcb *b;

    ck_assert_int_eq(ipcb_new(&b, "/nowhere"), 0);
    ck_assert_str_eq(ipcb_message(b), "");
    ck_assert_int_eq(ipcb_set_timeout(b, -2), -EINVAL);
    ck_assert_says(b, "timeout");
    ck_assert_int_eq(ipcb_acquire_many(b, &item, 1, -2), -EINVAL);
    ck_assert_int_eq(ipcb_set_timeout(b, -1), 0);
    ck_assert_int_eq(ipcb_set_timeout(b, INT64_MAX), 0);
    (void)ipcb_free(b);
}
END_TEST

/* What no request can hold is refused before anything is asked: there is no broker here. */
START_TEST(what_cannot_be_asked_is_refused)
{
    struct ipcb_item items[IPCB_ITEMS_MAX + 1] = {{.name = "x"}};
    struct ipcb_facts *facts = NULL;
    char name[WIRE_NAME_MAX + 2];
    struct ipcb *b;

    ck_assert_int_eq(ipcb_new(&b, "/nowhere"), 0);
    ck_assert_int_eq(ipcb_acquire_many(b, items, 0, -1), -EINVAL);
    ck_assert_int_eq(ipcb_acquire_many(b, items, IPCB_ITEMS_MAX + 1, -1), -E2BIG);
    ck_assert_int_eq(ipcb_acquire(b, NULL, 0), -EINVAL);
    ck_assert_says(b, "name");
    ck_assert_int_eq(ipcb_show(b, NULL, &facts), -EINVAL);
    ck_assert_int_eq(ipcb_acquire(b, "x", 4), -EINVAL);
    ck_assert_int_eq(ipcb_acquire(b, "x", 1u << 8), -EINVAL);
    memset(name, 'n', sizeof name);
    name[WIRE_NAME_MAX + 1] = '\0';
    ck_assert_int_eq(ipcb_acquire(b, name, 0), -EINVAL);
    ck_assert_int_eq(ipcb_show(b, name, &facts), -EINVAL);
    name[0] = '/'; /* now the rest is as long as a name may be */
    ck_assert_int_eq(ipcb_acquire(b, name, 0), -ENOTCONN);
    for (size_t i = 0; i < 4; i++) {
        items[0] = (struct ipcb_item){.name = "x"};
        items[0].reserved[i] = 1;
        ck_assert_int_eq(ipcb_acquire_many(b, items, 1, -1), -EINVAL);
    }
    items[0] = (struct ipcb_item){.name = "x", .flags = 2};
    ck_assert_int_eq(ipcb_acquire_many(b, items, 1, -1), -EINVAL);
    items[0] = (struct ipcb_item){.name = "x", .kinds = 1u << 16};
    ck_assert_int_eq(ipcb_acquire_many(b, items, 1, -1), -EINVAL);
    (void)ipcb_free(b);
}
END_TEST

/* Neither no handle, nor no place for the answer, nor no name; no broker is asked. */
START_TEST(no_function_takes_nothing)
{
    static int (*const of_objects[])(struct ipcb *, const char *,
                                     struct ipcb_facts **) = {ipcb_show, ipcb_replace, ipcb_purge};
    static int (*const of_brokers[])(struct ipcb *, struct ipcb_facts **) = {ipcb_status,
                                                                             ipcb_whoami};
    static int (*const of_lists[])(struct ipcb *, struct ipcb_list **) = {ipcb_list, ipcb_config,
                                                                          ipcb_reload, ipcb_plan};
    const struct ipcb_subject groups_of_nobody = {.n_groups = 1};
    struct ipcb_item item = {.name = "x"};
    struct ipcb_facts *facts = NULL;
    struct ipcb_list *list = NULL;
    struct ipcb_queue *q = NULL;
    struct ipcb_event *e = NULL;
    struct ipcb *b;

    ck_assert_int_eq(ipcb_new(NULL, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_new(&b, "/nonexistent/socket"), 0);
    ck_assert_str_eq(ipcb_message(NULL), "");
    ck_assert_str_eq(ipcb_socket(NULL), "");
    ck_assert_int_eq(ipcb_set_timeout(NULL, 0), -EINVAL);
    ck_assert_int_eq(ipcb_watch(NULL, NULL, NULL), -EINVAL);
    ck_assert_ptr_null(ipcb_call_cancel(NULL));
    ck_assert_int_eq(ipcb_acquire(NULL, "x", 0), -EINVAL);
    ck_assert_int_eq(ipcb_acquire_many(NULL, &item, 1, 0), -EINVAL);
    ck_assert_int_eq(ipcb_acquire_many(b, NULL, 1, 0), -EINVAL);
    for (size_t i = 0; i < ARRAY_SIZE(of_objects); i++) {
        ck_assert_int_eq(of_objects[i](NULL, "x", &facts), -EINVAL);
        ck_assert_int_eq(of_objects[i](b, "x", NULL), -EINVAL);
    }
    ck_assert_int_eq(ipcb_show(b, NULL, &facts), -EINVAL);
    ck_assert_int_eq(ipcb_replace(b, NULL, &facts), -EINVAL);
    for (size_t i = 0; i < ARRAY_SIZE(of_brokers); i++) {
        ck_assert_int_eq(of_brokers[i](NULL, &facts), -EINVAL);
        ck_assert_int_eq(of_brokers[i](b, NULL), -EINVAL);
    }
    for (size_t i = 0; i < ARRAY_SIZE(of_lists); i++) {
        ck_assert_int_eq(of_lists[i](NULL, &list), -EINVAL);
        ck_assert_int_eq(of_lists[i](b, NULL), -EINVAL);
    }
    ck_assert_int_eq(ipcb_can(NULL, NULL, "x", IPCB_READ, &facts), -EINVAL);
    ck_assert_int_eq(ipcb_can(b, NULL, "x", IPCB_READ, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_can(b, NULL, NULL, IPCB_READ, &facts), -EINVAL);
    ck_assert_int_eq(ipcb_can(b, &groups_of_nobody, "x", IPCB_READ, &facts), -EINVAL);
    ck_assert_int_eq(ipcb_queue_acquire(NULL, b, "x", 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_acquire(&q, b, NULL, 0), -EINVAL);
    ck_assert_int_eq(ipcb_event_acquire(NULL, b, "x"), -EINVAL);
    ck_assert_int_eq(ipcb_event_acquire(&e, b, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_queue_renew(NULL, b, "x"), -EINVAL);
    ck_assert_int_eq(ipcb_event_renew(NULL, b, "x"), -EINVAL);
    ck_assert(!facts && !list && !q && !e);
    (void)ipcb_free(b);
}
END_TEST

TCase *handle_cases(void)
{
    TCase *cases = tcase_create("handle");

    tcase_add_test(cases, socket_from_argument_environment_default);
    tcase_add_test(cases, bad_sockets_are_refused);
    tcase_add_test(cases, timeouts_below_minus_one_are_refused);
    tcase_add_test(cases, what_cannot_be_asked_is_refused);
    tcase_add_test(cases, no_function_takes_nothing);
    return cases;
}
