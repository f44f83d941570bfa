/* What is in the fields: names, items, cursors, and fields that nobody knows. */
#include "tests/integration/frames.h"

#include <errno.h>
#include <fcntl.h>

#define CRITICAL(type) ((type) | WIRE_CRITICAL)

/* ---- unknown fields ---- */

/* Puts a field between the header and the rest. */
static void insert_field(struct frame *frame, unsigned type)
{
    static const uint8_t field[] = {0, 0, 3, 0, 'x', 'y', 'z'};
    uint8_t *at = frame->bytes + WIRE_HEADER_SIZE;

    memmove(at + sizeof field, at, frame->writer.size - WIRE_HEADER_SIZE);
    memcpy(at, field, sizeof field);
    at[0] = (uint8_t)(type & 0xff);
    at[1] = (uint8_t)(type >> 8);
    frame->writer.size += sizeof field;
}

static void ask_with_field(int which, unsigned field, bool behind, int error)
{
    struct answer answer;
    struct frame frame;
    unsigned type = valid_request(which, &frame, 3);
    int fd = dial();

    if (behind)
        wire_put_text(&frame.writer, field, "xyz");
    else
        insert_field(&frame, field);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, type, 3, error);
    expect_alive(fd);
    close(fd);
}

/* Unknown ones, and known ones that mean nothing in a request. */
static const unsigned strange[] = {0, 99, 1000, 0x7fff, WIRE_FIELD_SENTENCE, WIRE_FIELD_FACT};

START_TEST(a_field_of_no_meaning_is_skipped)
{
    for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
        ask_with_field(_i, strange[i], false, 0);
        ask_with_field(_i, strange[i], true, 0);
    }
}
END_TEST

START_TEST(a_critical_field_before_the_known_ones)
{
    for (size_t i = 0; i < ARRAY_SIZE(strange); i++)
        ask_with_field(_i, CRITICAL(strange[i]), false, EOPNOTSUPP);
}
END_TEST

START_TEST(a_critical_field_behind_the_known_ones)
{
    for (size_t i = 0; i < ARRAY_SIZE(strange); i++)
        ask_with_field(_i, CRITICAL(strange[i]), true, EOPNOTSUPP);
}
END_TEST

/* A field that is known may well be critical. */
START_TEST(a_known_critical_field)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_acquire(&frame, 1, "q", WIRE_WRITE);
    frame.bytes[WIRE_HEADER_SIZE + 1] = WIRE_CRITICAL >> 8;
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 1, 0);
    ck_assert_uint_eq(answer.n_fds, 1);
    close(fd);
}
END_TEST

/* Three descriptors were opened before the broker came to the field. */
START_TEST(a_critical_field_behind_items_leaks_nothing)
{
    size_t before = descriptors();
    struct answer answer;
    struct frame frame;
    int fd = dial();

    for (int i = 0; i < 50; i++) {
        frame_acquire(&frame, 1, "q", WIRE_WRITE);
        frame_item(&frame, "q", 1, WIRE_READ, 0, 0);
        frame_item(&frame, "e", 1, WIRE_USE, 0, 0);
        wire_put_text(&frame.writer, CRITICAL(99), "");
        put_frame(fd, &frame);
        expect_reply(fd, &answer, WIRE_ACQUIRE, 1, EOPNOTSUPP);
    }
    close(fd);
    expect_descriptors(before);
}
END_TEST

/* Asks with the one field that the request has, and one behind it that no broker knows. */
static void refuse(int fd, unsigned type, struct frame *frame)
{
    struct answer answer;

    wire_put_text(&frame->writer, CRITICAL(99), "");
    put_frame(fd, frame);
    expect_reply(fd, &answer, type, frame->bytes[4], EOPNOTSUPP);
}

static uint64_t count_retired(struct ipcb *admin)
{
    struct ipcb_facts *facts;
    uint64_t n;

    ck_assert_int_eq(ipcb_status(admin, &facts), 0);
    n = fact_number(facts, "retired");
    (void)ipcb_facts_free(facts);
    return n;
}

START_TEST(a_critical_field_behind_the_name_of_what_changes)
{
    struct ipcb_facts *facts;
    struct frame frame;
    struct ipcb *admin;
    int fd = raw_connect(broker.admin);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ipcb_new(&admin, broker.admin), 0);
    frame_begin(&frame, WIRE_REPLACE, 1);
    wire_put_text(&frame.writer, WIRE_FIELD_NAME, "e");
    refuse(fd, WIRE_REPLACE, &frame);
    ck_assert_uint_eq(count_retired(admin), 0);
    ck_assert_int_eq(ipcb_replace(admin, "e", &facts), 0);
    (void)ipcb_facts_free(facts);
    close(fd); /* which is told of the replacement */
    fd = raw_connect(broker.admin);
    ck_assert_int_ge(fd, 0);
    frame_begin(&frame, WIRE_PURGE, 1);
    wire_put_text(&frame.writer, WIRE_FIELD_NAME, "e@1");
    refuse(fd, WIRE_PURGE, &frame);
    ck_assert_uint_eq(count_retired(admin), 1);
    (void)ipcb_free(admin);
    close(fd);
}
END_TEST

/* What was to be cancelled waits on: it can still be cancelled. */
START_TEST(a_critical_field_behind_the_serial_of_what_waits)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_begin(&frame, WIRE_AWAIT, 1);
    wire_put_text(&frame.writer, WIRE_FIELD_NAME, "later");
    put_frame(fd, &frame);
    frame_begin(&frame, WIRE_CANCEL, 2);
    wire_put_u32(&frame.writer, WIRE_FIELD_SERIAL, 1);
    refuse(fd, WIRE_CANCEL, &frame);
    frame_begin(&frame, WIRE_CANCEL, 3);
    wire_put_u32(&frame.writer, WIRE_FIELD_SERIAL, 1);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_CANCEL, 3, 0);
    expect_reply(fd, &answer, WIRE_AWAIT, 1, ECANCELED);
    close(fd);
}
END_TEST

/* ---- names ---- */

#define LONG_NAME NAME_180 "n"

static const struct {
    const char *name;
    size_t size;
    int error;
} names[] = {
    {"q", 1, 0},
    {"/q", 2, 0},
    {NAME_180, 180, 0},
    {"/" NAME_180, 181, 0},
    {NAME_180, 179, ENOENT},
    {LONG_NAME, 181, EINVAL},
    {"/" LONG_NAME, 182, EINVAL},
    {"", 0, EINVAL},
    {"/", 1, EINVAL},
    {"//", 2, EINVAL},
    {"//q", 3, EINVAL},
    {"q/", 2, EINVAL},
    {".", 1, EINVAL},
    {"..", 2, EINVAL},
    {"/..", 3, EINVAL},
    {"../q", 4, EINVAL},
    {"a/b", 3, EINVAL},
    {"/dev/mqueue/q", 13, EINVAL},
    {"q\0", 2, EINVAL},
    {"q\0x", 3, EINVAL},
    {"\0", 1, EINVAL},
    {"\0q", 2, EINVAL},
    {" q", 2, EINVAL},
    {"q ", 2, EINVAL},
    {"q\n", 2, EINVAL},
    {"q\r\nipcbrokerd: error: forged", 28, EINVAL},
    {"\x1b[31mred\x1b[0m", 12, EINVAL},
    {"\x7f", 1, EINVAL},
    {"\xc3\xa9", 2, EINVAL},
    {"\xff\xfe", 2, EINVAL},
    {"\xe2\x80\xaeq", 4, EINVAL},
    {"%n%s%s", 6, EINVAL},
    {"-q", 2, EINVAL},
    {"Q", 1, ENOENT},
    {"q.", 2, ENOENT},
    {"qq", 2, ENOENT},
    {"_", 1, ENOENT},
    {"secret", 6, EACCES},
};

static void assert_printable(const char *text)
{
    for (const char *c = text; *c; c++)
        ck_assert_msg(*c >= ' ' && *c <= '~', "byte 0x%02x at %td", (unsigned char)*c, c - text);
}

START_TEST(a_name_to_acquire)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_begin(&frame, WIRE_ACQUIRE, 8);
    frame_item(&frame, names[_i].name, names[_i].size, 0, 0, 0);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 8, names[_i].error);
    ck_assert_uint_eq(answer.n_fds, names[_i].error ? 0 : 1);
    ck_assert_int_eq(answer.index, names[_i].error ? 0 : -1);
    assert_printable(answer.sentence);
    expect_alive(fd);
    close(fd);
}
END_TEST

START_TEST(a_name_to_show)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_begin(&frame, WIRE_SHOW, 8);
    wire_put(&frame.writer, WIRE_FIELD_NAME, names[_i].name, names[_i].size);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_SHOW, 8, names[_i].error);
    assert_printable(answer.sentence);
    expect_alive(fd);
    close(fd);
}
END_TEST

/* As long as a field can be: none of it is repeated. */
START_TEST(a_name_of_65000_bytes)
{
    static char name[65000];
    struct answer answer;
    struct frame frame;
    int fd = dial();

    memset(name, 'a', sizeof name);
    frame_begin(&frame, WIRE_ACQUIRE, 8);
    frame_item(&frame, name, sizeof name, 0, 0, 0);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 8, EINVAL);
    assert_has_not(answer.sentence, "aaaa");
    expect_alive(fd);
    close(fd);
}
END_TEST

static size_t ask_for(int fd, unsigned type, const char *name, size_t size)
{
    struct answer answer;
    struct frame frame;

    frame_begin(&frame, type, 1);
    if (type == WIRE_ACQUIRE)
        frame_item(&frame, name, size, 0, 0, 0);
    else
        wire_put(&frame.writer, type == WIRE_SHOW ? WIRE_FIELD_NAME : WIRE_FIELD_CURSOR, name,
                 size);
    put_frame(fd, &frame);
    ck_assert(get_answer(fd, &answer));
    return answer.size;
}

/* What a client says is not for the journal. */
START_TEST(the_log_does_not_repeat_names)
{
    size_t before = strlen(fixture_log(&broker));
    int fd = dial();

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        (void)ask_for(fd, WIRE_ACQUIRE, names[i].name, names[i].size);
        (void)ask_for(fd, WIRE_SHOW, names[i].name, names[i].size);
        (void)ask_for(fd, WIRE_LIST, names[i].name, names[i].size);
    }
    close(fd);
    ck_assert_uint_eq(strlen(fixture_log(&broker)), before);
}
END_TEST

/* ---- items ---- */

START_TEST(an_item_that_is_too_short)
{
    struct answer answer;
    struct frame frame;

    for (size_t size = 0; size < 4; size++) {
        int fd = dial();

        frame_acquire(&frame, 2, "q", WIRE_WRITE);
        wire_put(&frame.writer, WIRE_FIELD_ITEM, "\1\0\0\0", size);
        put_frame(fd, &frame);
        expect_reply(fd, &answer, WIRE_ACQUIRE, 2, EBADMSG);
        expect_end(fd);
        close(fd);
    }
}
END_TEST

#define ONLY(kind) (1u << (kind))

static const struct {
    const char *name;
    unsigned access, flags, kinds;
    int error;
    int mode; /* of the descriptor */
} items[] = {
    {"q", WIRE_WRITE, 0, 0, 0, O_WRONLY},
    {"q", WIRE_READ, 0, 0, 0, O_RDONLY},
    {"q", WIRE_USE, 0, 0, 0, O_RDWR},
    {"q", 0, 0, 0, 0, O_RDWR},
    {"q", 0, WIRE_NONBLOCK, 0, 0, O_RDWR | O_NONBLOCK},
    {"q", WIRE_READ, WIRE_NONBLOCK, 0, 0, O_RDONLY | O_NONBLOCK},
    {"in", 0, 0, 0, 0, O_RDONLY},
    {"in", WIRE_READ, 0, 0, 0, O_RDONLY},
    {"in", WIRE_WRITE, 0, 0, EACCES, 0},
    {"in", WIRE_USE, 0, 0, EACCES, 0},
    {"secret", 0, 0, 0, EACCES, 0},
    {"e", 0, 0, 0, 0, O_RDWR | O_NONBLOCK},
    {"e", WIRE_USE, WIRE_NONBLOCK, 0, 0, O_RDWR | O_NONBLOCK},
    {"e", WIRE_WRITE, 0, 0, EINVAL, 0},
    {"e", WIRE_READ, 0, 0, EINVAL, 0},
    {"q", 4, 0, 0, EINVAL, 0},
    {"q", 7, 0, 0, EINVAL, 0},
    {"q", 0x80, 0, 0, EINVAL, 0},
    {"q", 0xff, 0, 0, EINVAL, 0},
    {"q", WIRE_WRITE, 2, 0, EINVAL, 0},
    {"q", WIRE_WRITE, 0x81, 0, EINVAL, 0},
    {"q", WIRE_WRITE, 0, ONLY(WIRE_QUEUE), 0, O_WRONLY},
    {"q", WIRE_WRITE, 0, ONLY(WIRE_QUEUE) | ONLY(WIRE_PIPE), 0, O_WRONLY},
    {"q", WIRE_WRITE, 0, 0xffff, 0, O_WRONLY},
    {"q", WIRE_WRITE, 0, ONLY(WIRE_EVENTFD), EINVAL, 0},
    {"q", WIRE_WRITE, 0, 1, EINVAL, 0},
    {"q", WIRE_WRITE, 0, 0x8000, EINVAL, 0},
    {"e", 0, 0, ONLY(WIRE_EVENTFD), 0, O_RDWR | O_NONBLOCK},
    {"e", 0, 0, ONLY(WIRE_QUEUE), EINVAL, 0},
};

START_TEST(an_item)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_acquire(&frame, 6, "e", 0);
    frame_item(&frame, items[_i].name, strlen(items[_i].name), items[_i].access, items[_i].flags,
               items[_i].kinds);
    put_frame(fd, &frame);
    ck_assert(get_with_descriptors(fd, &answer));
    ck_assert_msg(answer.header.status == (uint32_t)items[_i].error, "status %u: %s",
                  answer.header.status, answer.sentence);
    ck_assert_int_eq(answer.index, items[_i].error ? 1 : -1);
    if (!items[_i].error) {
        ck_assert_uint_eq(answer.n_fds, 2);
        ck_assert_int_eq(fcntl(answer.fds[1], F_GETFL) & (O_ACCMODE | O_NONBLOCK), items[_i].mode);
    }
    expect_alive(fd);
    close(fd);
}
END_TEST

static void put_items(struct frame *frame, unsigned n, const char *name)
{
    frame_begin(frame, WIRE_ACQUIRE, n);
    for (unsigned i = 0; i < n; i++)
        frame_item(frame, name, strlen(name), WIRE_WRITE, 0, 0);
}

START_TEST(as_many_items_as_descriptors_fit)
{
    size_t before = descriptors();
    struct answer answer;
    struct frame frame;
    int fd = dial();

    put_items(&frame, 253, "q");
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 253, 0);
    ck_assert_uint_eq(answer.n_fds, 253);
    close(fd);
    expect_descriptors(before);
}
END_TEST

START_TEST(one_item_more_than_descriptors_fit)
{
    size_t before = descriptors();
    struct answer answer;
    struct frame frame;
    int fd = dial();

    put_items(&frame, 254, "q");
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 254, E2BIG);
    put_items(&frame, 2000, "q");
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 2000, E2BIG);
    expect_alive(fd);
    close(fd);
    expect_descriptors(before);
}
END_TEST

START_TEST(the_last_of_253_is_refused)
{
    size_t before = descriptors();
    struct answer answer;
    struct frame frame;
    int fd = dial();

    put_items(&frame, 252, "q");
    frame_item(&frame, "secret", 6, 0, 0, 0);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 252, EACCES);
    ck_assert_int_eq(answer.index, 252);
    close(fd);
    expect_descriptors(before);
}
END_TEST

/* The largest request that makes sense, and as many bytes as a request may have. */
START_TEST(a_64_kib_request_of_253_long_names)
{
    static const uint8_t zeros[WIRE_REQUEST_MAX];
    struct answer answer;
    struct frame frame;
    int fd = dial();

    put_items(&frame, 253, NAME_180);
    wire_put(&frame.writer, 0x7000, zeros, sizeof frame.bytes - frame.writer.size - 4);
    ck_assert_uint_eq(frame.writer.size, WIRE_REQUEST_MAX);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 253, 0);
    ck_assert_uint_eq(answer.n_fds, 253);
    expect_alive(fd);
    close(fd);
}
END_TEST

/* Each descriptor has its field, in their order. */
START_TEST(the_fields_tell_the_descriptors)
{
    static const uint8_t kinds[] = {WIRE_EVENTFD, WIRE_QUEUE, WIRE_QUEUE};
    static const uint8_t access[] = {WIRE_USE, WIRE_READ, WIRE_WRITE};
    struct wire_descriptor descriptor;
    struct wire_field field;
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_acquire(&frame, 1, "e", 0);
    frame_item(&frame, "in", 2, 0, 0, 0);
    frame_item(&frame, "q", 1, WIRE_WRITE, WIRE_NONBLOCK, 0);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 1, 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(wire_next(&answer.fields, &field), 1);
        ck_assert_uint_eq(field.type, WIRE_FIELD_DESCRIPTOR);
        ck_assert_int_eq(wire_get_descriptor(&field, &descriptor), 0);
        ck_assert_uint_eq(descriptor.kind, kinds[i]);
        ck_assert_uint_eq(descriptor.access, access[i]);
        ck_assert_uint_eq(descriptor.flags, i == 1 ? 0 : WIRE_NONBLOCK);
    }
    ck_assert_int_eq(wire_next(&answer.fields, &field), 0);
    close(fd);
}
END_TEST

/* ---- pages ---- */

#define N_LISTED 700

static void many_setup(void)
{
    static char text[N_LISTED * 40];
    size_t used = 0;

    fixture_setup(&broker);
    for (int i = 0; i < N_LISTED; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "[eventfd:e%04d]\nuse = %s\n",
                                 i * 10, i % 7 == 3 ? "user:$C7" : "any");
    fixture_configure(&broker, text);
    fixture_start(&broker);
}

/* The name of an object's facts. */
static const char *name_of(const struct wire_field *object, char *buffer, size_t size)
{
    struct wire_reader facts;
    struct wire_field field;
    struct wire_fact fact;

    wire_enter(object, &facts);
    ck_assert_int_eq(wire_next(&facts, &field), 1);
    ck_assert_uint_eq(field.type, WIRE_FIELD_FACT);
    ck_assert_int_eq(wire_get_fact(&field, &fact), 0);
    ck_assert_uint_eq(fact.key_size, 4);
    ck_assert_mem_eq(fact.key, "name", 4);
    (void)snprintf(buffer, size, "%.*s", (int)fact.text_size, fact.text);
    return buffer;
}

struct page {
    unsigned n;
    char first[32], last[32];
    char cursor[256]; /* "": none */
    size_t cursor_size;
};

static void read_page(struct answer *answer, struct page *page)
{
    struct wire_field field;
    char name[32];

    *page = (struct page){0};
    while (wire_next(&answer->fields, &field) > 0) {
        ck_assert_uint_eq(page->cursor_size, 0); /* it is the last */
        if (field.type == WIRE_FIELD_CURSOR) {
            ck_assert_uint_gt(field.size, 0);
            memcpy(page->cursor, field.value, page->cursor_size = field.size);
            continue;
        }
        ck_assert_uint_eq(field.type, WIRE_FIELD_OBJECT);
        name_of(&field, name, sizeof name);
        ck_assert_str_gt(name, page->last);
        memcpy(page->last, name, sizeof name);
        if (page->n++ == 0)
            memcpy(page->first, name, sizeof name);
    }
}

static void ask_page(int fd, const void *cursor, size_t size, struct page *page)
{
    struct answer answer;
    struct frame frame;

    frame_begin(&frame, WIRE_LIST, 1);
    if (cursor)
        wire_put(&frame.writer, WIRE_FIELD_CURSOR, cursor, size);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_LIST, 1, 0);
    read_page(&answer, page);
}

START_TEST(pages_have_each_object_once)
{
    struct page page = {0};
    char last[32] = "";
    unsigned n = 0, n_pages = 0;
    int fd = dial();

    do {
        char cursor[256];
        size_t size = page.cursor_size;

        memcpy(cursor, page.cursor, sizeof cursor);
        ask_page(fd, n_pages ? cursor : NULL, size, &page);
        ck_assert(page.n == 0 || strcmp(page.first, last) > 0);
        if (page.n > 0)
            memcpy(last, page.last, sizeof last);
        n += page.n;
        ck_assert_uint_lt(n_pages++, 50);
    } while (page.cursor_size > 0);
    ck_assert_uint_eq(n, N_LISTED - N_LISTED / 7);
    ck_assert_uint_ge(n_pages, 2);
    ck_assert_str_eq(last, "e6990");
    close(fd);
}
END_TEST

static const struct {
    const char *cursor;
    size_t size;
    const char *first; /* of the page; "": it is empty */
} cursors[] = {
    {"", 0, "e0000"},
    {"e0000", 5, "e0010"},
    {"e0001", 5, "e0010"},
    {"e0010", 5, "e0020"},
    {"e0020", 5, "e0040"}, /* e0030 is not granted */
    {"e0015", 5, "e0020"},
    {"e001", 4, "e0010"},
    {"e0010\0", 6, "e0020"},
    {"e0010-and-more", 14, "e0020"},
    {"a", 1, "e0000"},
    {"\0", 1, "e0000"},
    {"/e0010", 6, "e0000"},
    {"\n\x1b", 2, "e0000"},
    {"e6980", 5, "e6990"},
    {"e6990", 5, ""},
    {"f", 1, ""},
    {"zzzzzzzzzzzz", 12, ""},
    {"\xff\xff\xff\xff", 4, ""},
};

START_TEST(a_cursor_need_not_name_anything)
{
    struct page page;
    int fd = dial();

    for (size_t i = 0; i < ARRAY_SIZE(cursors); i++) {
        ask_page(fd, cursors[i].cursor, cursors[i].size, &page);
        ck_assert_str_eq(page.first, cursors[i].first);
        ck_assert_int_eq(page.n == 0, cursors[i].first[0] == '\0');
    }
    close(fd);
}
END_TEST

START_TEST(a_cursor_of_60000_bytes)
{
    static uint8_t cursor[60000];
    struct page page;
    int fd = dial();

    memset(cursor, 0xff, sizeof cursor);
    ask_page(fd, cursor, sizeof cursor, &page);
    ck_assert_uint_eq(page.n, 0);
    memset(cursor, 0, sizeof cursor);
    ask_page(fd, cursor, sizeof cursor, &page);
    ck_assert_str_eq(page.first, "e0000");
    close(fd);
}
END_TEST

static void add_pages(Suite *suite)
{
    TCase *cases = tcase_create("pages");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, many_setup, frames_teardown);
    tcase_add_test(cases, pages_have_each_object_once);
    tcase_add_test(cases, a_cursor_need_not_name_anything);
    tcase_add_test(cases, a_cursor_of_60000_bytes);
    suite_add_tcase(suite, cases);
}

void add_field_cases(Suite *suite)
{
    TCase *cases = tcase_create("fields");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, frames_setup, frames_teardown);
    tcase_add_loop_test(cases, a_field_of_no_meaning_is_skipped, 0, N_VALID);
    tcase_add_loop_test(cases, a_critical_field_before_the_known_ones, 0, N_VALID);
    tcase_add_loop_test(cases, a_critical_field_behind_the_known_ones, 0, N_VALID);
    tcase_add_test(cases, a_known_critical_field);
    tcase_add_test(cases, a_critical_field_behind_items_leaks_nothing);
    tcase_add_test(cases, a_critical_field_behind_the_name_of_what_changes);
    tcase_add_test(cases, a_critical_field_behind_the_serial_of_what_waits);
    tcase_add_loop_test(cases, a_name_to_acquire, 0, (int)ARRAY_SIZE(names));
    tcase_add_loop_test(cases, a_name_to_show, 0, (int)ARRAY_SIZE(names));
    tcase_add_test(cases, a_name_of_65000_bytes);
    tcase_add_test(cases, the_log_does_not_repeat_names);
    tcase_add_test(cases, an_item_that_is_too_short);
    tcase_add_loop_test(cases, an_item, 0, (int)ARRAY_SIZE(items));
    tcase_add_test(cases, as_many_items_as_descriptors_fit);
    tcase_add_test(cases, one_item_more_than_descriptors_fit);
    tcase_add_test(cases, the_last_of_253_is_refused);
    tcase_add_test(cases, a_64_kib_request_of_253_long_names);
    tcase_add_test(cases, the_fields_tell_the_descriptors);
    suite_add_tcase(suite, cases);
    add_pages(suite);
}
