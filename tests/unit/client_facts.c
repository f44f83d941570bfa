/* Facts and lists. */
#include "tests/unit/client_cases.h"

#include <string.h>

static void put_strange_fact(struct wire_writer *reply)
{
    static const uint8_t strange[] = {77, 1, 'k', 1, 2, 3}; /* of a type of later versions */

    wire_put(reply, WIRE_FIELD_FACT, strange, sizeof strange);
}

static void put_facts(struct wire_writer *reply)
{
    wire_put_fact_text(reply, WIRE_FACT_TEXT, "name", "orders");
    put_strange_fact(reply);
    wire_put_fact_number(reply, "big", UINT64_MAX);
    wire_put_fact_boolean(reply, "yes", true);
    wire_put(reply, 55, "unknown", 7);
    wire_put_fact_boolean(reply, "no", false);
    wire_put_fact_text(reply, WIRE_FACT_TEXT | WIRE_FACT_LIST, "grant", "one");
    wire_put_fact_text(reply, WIRE_FACT_TEXT | WIRE_FACT_LIST, "grant", "");
}

static void check_facts(const struct ipcb_facts *facts)
{
    const struct ipcb_fact *fact;

    ck_assert_uint_eq(ipcb_facts_count(facts), 6);
    ck_assert_ptr_null(ipcb_facts_at(facts, 6));
    ck_assert_ptr_null(ipcb_facts_find(facts, "k"));
    ck_assert_str_eq(ipcb_facts_at(facts, 0)->key, "name");
    ck_assert_str_eq(ipcb_facts_find(facts, "name")->text, "orders");
    fact = ipcb_facts_find(facts, "big");
    ck_assert_uint_eq(fact->type, IPCB_FACT_NUMBER);
    ck_assert_uint_eq(fact->number, UINT64_MAX);
    ck_assert_str_eq(fact->text, "18446744073709551615");
    fact = ipcb_facts_find(facts, "yes");
    ck_assert_uint_eq(fact->type, IPCB_FACT_BOOLEAN);
    ck_assert_uint_eq(fact->number, 1);
    ck_assert_str_eq(fact->text, "yes");
    ck_assert_str_eq(ipcb_facts_find(facts, "no")->text, "no");
    ck_assert_int_eq(ipcb_facts_find(facts, "no")->is_list, 0);
    ck_assert_str_eq(ipcb_facts_find(facts, "grant")->text, "one");
    ck_assert_str_eq(ipcb_facts_at(facts, 5)->text, "");
    ck_assert_int_eq(ipcb_facts_at(facts, 5)->is_list, 1);
    ck_assert_uint_eq(ipcb_facts_at(facts, 5)->type, IPCB_FACT_TEXT);
}

static void serve_facts(int listener)
{
    static const unsigned types[] = {WIRE_SHOW, WIRE_STATUS, WIRE_WHOAMI};
    static struct fake_request request;
    struct wire_writer reply;
    struct wire_field field;
    int fd = fake_accept(listener);

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == types[i]);
        if (i == 0)
            FAKE_EXPECT(wire_next(&request.fields, &field) == 1 && field.type == WIRE_FIELD_NAME &&
                        field.size == 7 && memcmp(field.value, "/orders", 7) == 0);
        FAKE_EXPECT(wire_next(&request.fields, &field) == 0);
        fake_begin(&reply, &request, 0);
        put_facts(&reply);
        fake_send(fd, &reply, NULL, 0);
    }
    fake_await_close(fd);
}

START_TEST(facts_of_all_types)
{
    struct ipcb_facts *facts;
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_facts);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_show(b, "/orders", &facts), 0);
    check_facts(facts);
    ck_assert_ptr_null(ipcb_facts_free(facts));
    ck_assert_int_eq(ipcb_status(b, &facts), 0);
    check_facts(facts);
    (void)ipcb_facts_free(facts);
    ck_assert_int_eq(ipcb_whoami(b, &facts), 0);
    check_facts(facts);
    (void)ipcb_facts_free(facts);
    ck_assert_ptr_null(ipcb_facts_free(NULL));
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* ---- facts that make no sense ---- */

static void spoil(unsigned number, struct wire_writer *reply)
{
    put_facts(reply);
    switch (number) {
    case 0: /* a fact without a key */
        wire_put(reply, WIRE_FIELD_FACT, "\2\0", 2);
        break;
    case 1: /* a boolean that is neither */
        wire_put(reply, WIRE_FIELD_FACT, "\3\1k\2", 4);
        break;
    case 2: /* a number that is cut */
        wire_put(reply, WIRE_FIELD_FACT, "\1\1k1234567", 10);
        break;
    case 3: /* a field that must not be skipped */
        wire_put(reply, WIRE_CRITICAL | 99, "", 0);
        break;
    default: /* a field that is cut */
        reply->size--;
        break;
    }
}

#define N_SPOILED 5u

/* Each kind of nonsense twice: by itself, and in an object of a list. */
static void serve_bad_facts(int listener)
{
    static struct fake_request request;
    struct wire_writer reply;

    for (unsigned i = 0; i < 2 * N_SPOILED; i++) {
        int fd = fake_accept(listener);
        size_t mark;

        FAKE_EXPECT(fake_receive(fd, &request));
        fake_begin(&reply, &request, 0);
        if (i < N_SPOILED) {
            spoil(i, &reply);
        } else {
            mark = wire_open(&reply, WIRE_FIELD_OBJECT);
            put_facts(&reply);
            wire_close(&reply, mark);
            mark = wire_open(&reply, WIRE_FIELD_OBJECT);
            spoil(i - N_SPOILED, &reply);
            wire_close(&reply, mark);
        }
        fake_send(fd, &reply, NULL, 0);
        FAKE_EXPECT(!fake_receive(fd, &request));
        close_fd(fd);
    }
}

START_TEST(facts_that_make_no_sense)
{
    struct ipcb_facts *facts = NULL;
    struct ipcb_list *list = NULL;
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_bad_facts);
    b = connect_to(&fake);
    for (unsigned i = 0; i < N_SPOILED; i++)
        ck_assert_int_eq(ipcb_status(b, &facts), -EPROTO);
    for (unsigned i = 0; i < N_SPOILED; i++)
        ck_assert_int_eq(ipcb_list(b, &list), -EPROTO);
    ck_assert_ptr_null(facts);
    ck_assert_ptr_null(list);
    ck_assert_says(b, fake.path);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* ---- lists ---- */

/* A page of objects from FIRST on; of no more than the whole: no cursor. */
static void send_page(int fd, const struct fake_request *request, uint64_t first, uint64_t n,
                      uint64_t whole)
{
    struct wire_writer reply;

    fake_begin(&reply, request, 0);
    for (uint64_t i = first; i < first + n && i < whole; i++) {
        size_t mark = wire_open(&reply, WIRE_FIELD_OBJECT);
        wire_put_fact_number(&reply, "number", i);
        wire_close(&reply, mark);
    }
    first += n;
    if (first < whole)
        wire_put(&reply, WIRE_FIELD_CURSOR, &first, sizeof first);
    fake_send(fd, &reply, NULL, 0);
}

static uint64_t cursor_of(const struct fake_request *request)
{
    struct wire_reader fields = request->fields;
    struct wire_field field;
    uint64_t cursor = 0;

    FAKE_EXPECT(request->header.type == WIRE_LIST);
    if (wire_next(&fields, &field) == 1) {
        FAKE_EXPECT(field.type == WIRE_FIELD_CURSOR && field.size == sizeof cursor);
        memcpy(&cursor, field.value, sizeof cursor);
    }
    FAKE_EXPECT(fields.left == 0);
    return cursor;
}

#define WHOLE 1000

static void serve_pages(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request));
    send_page(fd, &request, cursor_of(&request), 0, 0); /* the first list is empty */
    while (fake_receive(fd, &request))
        send_page(fd, &request, cursor_of(&request), 300, WHOLE);
}

START_TEST(lists_come_in_pages)
{
    struct ipcb_list *list;
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_pages);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_list(b, &list), 0);
    ck_assert_uint_eq(ipcb_list_count(list), 0);
    ck_assert_ptr_null(ipcb_list_at(list, 0));
    (void)ipcb_list_free(list);
    ck_assert_int_eq(ipcb_list(b, &list), 0);
    ck_assert_uint_eq(ipcb_list_count(list), WHOLE);
    for (size_t i = 0; i < WHOLE; i++)
        ck_assert_uint_eq(ipcb_facts_at(ipcb_list_at(list, i), 0)->number, i);
    ck_assert_ptr_null(ipcb_list_at(list, WHOLE));
    ck_assert_ptr_null(ipcb_list_free(list));
    ck_assert_ptr_null(ipcb_list_free(NULL));
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_endless_pages(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    for (uint64_t i = 0; fake_receive(fd, &request); i++)
        send_page(fd, &request, cursor_of(&request), 1, UINT64_MAX);
}

START_TEST(a_list_without_end_times_out)
{
    struct ipcb_list *list = NULL;
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_endless_pages);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_set_timeout(b, 50000), 0);
    ck_assert_int_eq(ipcb_list(b, &list), -ETIMEDOUT);
    ck_assert_ptr_null(list);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_can(int listener)
{
    static const uint8_t expected[] = {
        5,  0,    1, 0, 'q',                                  /* NAME */
        9,  0,    4, 0, 2,    0,    0,    0,                  /* ACCESS */
        10, 0x80, 4, 0, 0xe8, 3,    0,    0,                  /* UID */
        11, 0x80, 4, 0, 0xff, 0xff, 0xff, 0xff,               /* GID */
        12, 0x80, 8, 0, 27,   0,    0,    0,    100, 0, 0, 0, /* GROUPS */
    };
    static struct fake_request request;
    struct wire_writer reply;
    int fd = fake_accept(listener);

    for (size_t i = 0; i < 2; i++) {
        size_t size = i == 0 ? 13 : sizeof expected; /* oneself: nothing of who */

        FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_CAN);
        FAKE_EXPECT(request.fields.left == size &&
                    memcmp(request.fields.data, expected, size) == 0);
        fake_begin(&reply, &request, 0);
        wire_put_fact_boolean(&reply, "allowed", i == 1);
        fake_send(fd, &reply, NULL, 0);
    }
    fake_await_close(fd);
}

START_TEST(the_bytes_of_can)
{
    static const gid_t groups[] = {27, 100};
    const struct ipcb_subject who = {1000, IPCB_NOBODY, groups, 2, NULL, {0}};
    struct ipcb_facts *facts = NULL;
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_can);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_can(b, NULL, "q", IPCB_READ, &facts), 0);
    ck_assert_uint_eq(ipcb_facts_find(facts, "allowed")->number, 0);
    (void)ipcb_facts_free(facts);
    ck_assert_int_eq(ipcb_can(b, &who, "q", IPCB_READ, &facts), 0);
    ck_assert_uint_eq(ipcb_facts_find(facts, "allowed")->number, 1);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

START_TEST(no_facts_are_none)
{
    ck_assert_uint_eq(ipcb_facts_count(NULL), 0);
    ck_assert_ptr_null(ipcb_facts_at(NULL, 0));
    ck_assert_ptr_null(ipcb_facts_find(NULL, "name"));
    ck_assert_ptr_null(ipcb_facts_free(NULL));
    ck_assert_uint_eq(ipcb_list_count(NULL), 0);
    ck_assert_ptr_null(ipcb_list_at(NULL, 0));
    ck_assert_ptr_null(ipcb_list_free(NULL));
}
END_TEST

TCase *facts_cases(void)
{
    TCase *cases = tcase_create("facts");

    tcase_add_test(cases, no_facts_are_none);
    tcase_add_test(cases, facts_of_all_types);
    tcase_add_test(cases, facts_that_make_no_sense);
    tcase_add_test(cases, the_bytes_of_can);
    tcase_add_test(cases, lists_come_in_pages);
    tcase_add_test(cases, a_list_without_end_times_out);
    return cases;
}
