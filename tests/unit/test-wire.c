/* Frames: what is written is read back, and no bytes do harm. */
#include "protocol/wire.h"
#include "tests/check_main.h"

#include <string.h>

static uint8_t buffer[WIRE_REPLY_MAX];

static struct wire_writer writer_of(size_t capacity)
{
    struct wire_writer writer;

    memset(buffer, 0xaa, sizeof buffer);
    wire_writer_init(&writer, buffer, capacity);
    return writer;
}

/* The next field, which must be of this type. */
static struct wire_field next_field(struct wire_reader *reader, unsigned type)
{
    struct wire_field field;

    ck_assert_int_eq(wire_next(reader, &field), 1);
    ck_assert_uint_eq(field.type, type);
    return field;
}

static struct wire_fact next_fact(struct wire_reader *reader)
{
    struct wire_field field = next_field(reader, WIRE_FIELD_FACT);
    struct wire_fact fact;

    ck_assert_int_eq(wire_get_fact(&field, &fact), 0);
    return fact;
}

/* ---- bytes: the protocol is what stands on the wire, not what this code agrees on with itself
 * ---- */

START_TEST(bytes_are_as_specified)
{
    static const uint8_t expected[] = {
        1,    3,    1,  0, 0x44, 0x33, 0x22, 0x11, 13,  0,   0, 0, /* header */
        2,    0,    4,  0, 0x78, 0x56, 0x34, 0x12,                 /* index */
        3,    0,    6,  0, 2,    1,    6,    0,    'a', 'b',       /* item */
        4,    0,    20, 0, 1,    3,    1,    0,    8,   7,   6, 5, 4, 3, 2,
        1,    9,    0,  0, 0,    0,    0,    0,    0,                       /* descriptor */
        8,    0,    11, 0, 1,    1,    'k',  1,    2,   0,   0, 0, 0, 0, 0, /* number */
        8,    0,    4,  0, 3,    1,    'b',  1,                             /* boolean */
        8,    0,    4,  0, 0x82, 1,    't',  'x',                           /* list of text */
        0x63, 0x80, 1,  0, 'c',                                             /* critical */
    };
    struct wire_header header = {WIRE_VERSION, WIRE_ACQUIRE, 0, 0x11223344, 13};
    struct wire_item item = {"ab", 2, WIRE_READ, WIRE_NONBLOCK, 6};
    struct wire_descriptor descriptor = {WIRE_QUEUE, WIRE_USE, 1, {0x0102030405060708, 9}};
    struct wire_writer writer = writer_of(sizeof buffer);

    header.type = WIRE_LIST + 1;
    header.flags = WIRE_REPLY;
    wire_put_header(&writer, &header);
    wire_put_u32(&writer, WIRE_FIELD_INDEX, 0x12345678);
    wire_put_item(&writer, &item);
    wire_put_descriptor(&writer, &descriptor);
    wire_put_fact_number(&writer, "k", 0x0201);
    wire_put_fact_boolean(&writer, "b", true);
    wire_put_fact_text(&writer, WIRE_FACT_TEXT | WIRE_FACT_LIST, "t", "x");
    wire_put(&writer, 0x63 | WIRE_CRITICAL, "c", 1);
    ck_assert(!writer.overflow);
    ck_assert_uint_eq(writer.size, sizeof expected);
    ck_assert_mem_eq(buffer, expected, sizeof expected);
}
END_TEST

/* ---- round trips ---- */

START_TEST(header_comes_back)
{
    struct wire_header in = {WIRE_VERSION, WIRE_SHOW, WIRE_REPLY, UINT32_MAX, 4095}, out;
    struct wire_writer writer = writer_of(WIRE_HEADER_SIZE);
    struct wire_reader reader;

    wire_put_header(&writer, &in);
    ck_assert(!writer.overflow);
    for (size_t size = 0; size < WIRE_HEADER_SIZE; size++)
        ck_assert_int_eq(wire_read_header(&reader, buffer, size, &out), -EBADMSG);
    ck_assert_int_eq(wire_read_header(&reader, buffer, WIRE_HEADER_SIZE, &out), 0);
    ck_assert_mem_eq(&in, &out, sizeof in);
    ck_assert_uint_eq(reader.left, 0);
    buffer[3] = 1; /* a flag that this version does not define */
    ck_assert_int_eq(wire_read_header(&reader, buffer, WIRE_HEADER_SIZE, &out), -EBADMSG);
    buffer[0] = 2; /* but another version may */
    ck_assert_int_eq(wire_read_header(&reader, buffer, WIRE_HEADER_SIZE, &out), 0);
    ck_assert_uint_eq(out.version, 2);
}
END_TEST

START_TEST(items_and_descriptors_come_back)
{
    struct wire_item in = {"orders", 6, WIRE_WRITE, WIRE_NONBLOCK, UINT16_MAX}, out;
    struct wire_item nameless = {.access = 255, .flags = 255};
    struct wire_descriptor given = {255, 255, UINT16_MAX, {UINT64_MAX, UINT64_MAX - 1}}, got;
    struct wire_writer writer = writer_of(sizeof buffer);
    struct wire_reader reader = {buffer, 0};
    struct wire_field field;

    wire_put_item(&writer, &in);
    wire_put_item(&writer, &nameless);
    wire_put_descriptor(&writer, &given);
    reader.left = writer.size;
    field = next_field(&reader, WIRE_FIELD_ITEM);
    ck_assert_int_eq(wire_get_item(&field, &out), 0);
    ck_assert_uint_eq(out.name_size, 6);
    ck_assert_mem_eq(out.name, "orders", 6);
    ck_assert_uint_eq(out.access, WIRE_WRITE);
    ck_assert_uint_eq(out.flags, WIRE_NONBLOCK);
    ck_assert_uint_eq(out.kinds, UINT16_MAX);
    field = next_field(&reader, WIRE_FIELD_ITEM);
    ck_assert_int_eq(wire_get_item(&field, &out), 0);
    ck_assert_uint_eq(out.name_size, 0);
    ck_assert_uint_eq(out.access, 255);
    field.size = 3;
    ck_assert_int_eq(wire_get_item(&field, &out), -EBADMSG);
    field = next_field(&reader, WIRE_FIELD_DESCRIPTOR);
    ck_assert_int_eq(wire_get_descriptor(&field, &got), 0);
    ck_assert_uint_eq(got.kind, 255);
    ck_assert_uint_eq(got.access, 255);
    ck_assert_uint_eq(got.flags, UINT16_MAX);
    ck_assert_uint_eq(got.identity.device, UINT64_MAX);
    ck_assert_uint_eq(got.identity.inode, UINT64_MAX - 1);
    field.size--;
    ck_assert_int_eq(wire_get_descriptor(&field, &got), -EBADMSG);
    ck_assert_int_eq(wire_next(&reader, &field), 0);
}
END_TEST

START_TEST(values_come_back)
{
    struct wire_writer writer = writer_of(sizeof buffer);
    struct wire_reader reader = {buffer, 0};
    struct wire_field field;
    uint32_t number;

    wire_put_text(&writer, WIRE_FIELD_SENTENCE, "why");
    wire_put_text(&writer, WIRE_FIELD_SENTENCE | WIRE_CRITICAL, "");
    wire_put_u32(&writer, WIRE_FIELD_INDEX, UINT32_MAX);
    reader.left = writer.size;
    field = next_field(&reader, WIRE_FIELD_SENTENCE);
    ck_assert_uint_eq(field.size, 3);
    ck_assert(!field.critical);
    ck_assert_mem_eq(field.value, "why", 3);
    ck_assert_int_eq(wire_get_u32(&field, &number), -EBADMSG);
    field = next_field(&reader, WIRE_FIELD_SENTENCE);
    ck_assert_uint_eq(field.size, 0);
    ck_assert(field.critical);
    field = next_field(&reader, WIRE_FIELD_INDEX);
    ck_assert_int_eq(wire_get_u32(&field, &number), 0);
    ck_assert_uint_eq(number, UINT32_MAX);
    ck_assert_int_eq(wire_next(&reader, &field), 0);
}
END_TEST

START_TEST(facts_come_back)
{
    struct wire_writer writer = writer_of(sizeof buffer);
    struct wire_reader reader = {buffer, 0};
    char key[257];
    struct wire_fact fact;

    memset(key, 'k', sizeof key);
    key[255] = '\0';
    wire_put_fact_number(&writer, key, UINT64_MAX);
    wire_put_fact_boolean(&writer, "b", false);
    wire_put_fact_text(&writer, WIRE_FACT_TEXT, "t", "text");
    wire_put_fact_text(&writer, WIRE_FACT_TEXT | WIRE_FACT_LIST, "l", "");
    ck_assert(!writer.overflow);
    reader.left = writer.size;
    fact = next_fact(&reader);
    ck_assert_uint_eq(fact.key_size, 255);
    ck_assert_mem_eq(fact.key, key, 255);
    ck_assert_uint_eq(fact.type, WIRE_FACT_NUMBER);
    ck_assert_uint_eq(fact.number, UINT64_MAX);
    fact = next_fact(&reader);
    ck_assert_uint_eq(fact.type, WIRE_FACT_BOOLEAN);
    ck_assert_uint_eq(fact.number, 0);
    fact = next_fact(&reader);
    ck_assert_uint_eq(fact.text_size, 4);
    ck_assert_mem_eq(fact.text, "text", 4);
    fact = next_fact(&reader);
    ck_assert_uint_eq(fact.type, WIRE_FACT_TEXT | WIRE_FACT_LIST);
    ck_assert_uint_eq(fact.text_size, 0);
    key[255] = 'k'; /* one more than a key can have, and none at all */
    key[256] = '\0';
    wire_put_fact_number(&writer, key, 1);
    ck_assert(writer.overflow);
    wire_rewind(&writer, writer.size);
    wire_put_fact_boolean(&writer, "", true);
    ck_assert(writer.overflow);
}
END_TEST

static int read_fact(const char *bytes, size_t size)
{
    struct wire_field field = {.value = (const uint8_t *)bytes, .size = size};
    struct wire_fact fact;

    return wire_get_fact(&field, &fact);
}

START_TEST(facts_of_wrong_form)
{
    ck_assert_int_eq(read_fact("\1", 1), -EBADMSG);
    ck_assert_int_eq(read_fact("\2\0", 2), -EBADMSG);            /* no key */
    ck_assert_int_eq(read_fact("\2\2k", 3), -EBADMSG);           /* the key is cut */
    ck_assert_int_eq(read_fact("\1\1k1234567", 10), -EBADMSG);   /* the number is cut */
    ck_assert_int_eq(read_fact("\1\1k123456789", 12), -EBADMSG); /* and too long */
    ck_assert_int_eq(read_fact("\3\1k", 3), -EBADMSG);           /* no boolean */
    ck_assert_int_eq(read_fact("\3\1k\2", 4), -EBADMSG);         /* neither yes nor no */
    ck_assert_int_eq(read_fact("\x83\1k\1", 4), 0);              /* a list of booleans */
    ck_assert_int_eq(read_fact("\x40\1kanything", 11), 0);       /* of a later version */
    ck_assert_int_eq(read_fact("\2\1k", 3), 0);                  /* an empty text */
}
END_TEST

START_TEST(fields_hold_fields)
{
    struct wire_writer writer = writer_of(sizeof buffer);
    struct wire_reader reader = {buffer, 0}, inside;
    struct wire_field field;
    size_t mark;

    for (uint64_t i = 0; i < 3; i++) {
        mark = wire_open(&writer, WIRE_FIELD_OBJECT);
        for (uint64_t n = 0; n < i; n++)
            wire_put_fact_number(&writer, "n", 10 * i + n);
        wire_close(&writer, mark);
    }
    wire_put_text(&writer, WIRE_FIELD_CURSOR, "end");
    reader.left = writer.size;
    for (uint64_t i = 0; i < 3; i++) {
        field = next_field(&reader, WIRE_FIELD_OBJECT);
        wire_enter(&field, &inside);
        for (uint64_t n = 0; n < i; n++)
            ck_assert_uint_eq(next_fact(&inside).number, 10 * i + n);
        ck_assert_int_eq(wire_next(&inside, &field), 0);
    }
    (void)next_field(&reader, WIRE_FIELD_CURSOR);
    ck_assert_int_eq(wire_next(&reader, &field), 0);
}
END_TEST

/* ---- room ---- */

static void put_everything(struct wire_writer *writer)
{
    struct wire_header header = {.version = WIRE_VERSION};
    struct wire_item item = {.name = "name", .name_size = 4};
    struct wire_descriptor descriptor = {.kind = WIRE_QUEUE};
    size_t mark;

    wire_put_header(writer, &header);
    wire_put_text(writer, WIRE_FIELD_SENTENCE, "sentence");
    wire_put_u32(writer, WIRE_FIELD_INDEX, 1);
    wire_put_item(writer, &item);
    wire_put_descriptor(writer, &descriptor);
    mark = wire_open(writer, WIRE_FIELD_OBJECT);
    wire_put_fact_number(writer, "number", 1);
    wire_put_fact_boolean(writer, "boolean", true);
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "text", "text");
    wire_close(writer, mark);
}

/* With any room that is too small nothing is written beyond it, and the mark stays. */
START_TEST(overflow_is_noticed_at_every_size)
{
    struct wire_writer writer = writer_of(sizeof buffer);
    size_t whole;

    put_everything(&writer);
    ck_assert(!writer.overflow);
    whole = writer.size;
    for (size_t capacity = 0; capacity < whole; capacity++) {
        uint8_t *exact =
            malloc(capacity ? capacity : 1); /* so that a sanitizer sees a step too far */

        wire_writer_init(&writer, exact, capacity);
        put_everything(&writer);
        ck_assert(writer.overflow);
        ck_assert_uint_le(writer.size, capacity);
        wire_put(&writer, 1, NULL, 0);
        ck_assert(writer.overflow);
        free(exact);
    }
}
END_TEST

START_TEST(rewinding_takes_back)
{
    struct wire_writer writer = writer_of(16);
    struct wire_reader reader = {buffer, 0};
    struct wire_field field;

    wire_put_u32(&writer, WIRE_FIELD_INDEX, 1);
    wire_put_text(&writer, WIRE_FIELD_SENTENCE, "too long for what is left");
    ck_assert(writer.overflow);
    ck_assert_uint_eq(writer.size, 8); /* nothing of it was written */
    wire_rewind(&writer, 8);
    wire_put_u32(&writer, WIRE_FIELD_INDEX, 2);
    ck_assert(!writer.overflow);
    ck_assert_uint_eq(writer.size, 16);
    wire_rewind(&writer, 0);
    wire_put_text(&writer, WIRE_FIELD_NAME, "x");
    reader.left = writer.size;
    (void)next_field(&reader, WIRE_FIELD_NAME);
    ck_assert_int_eq(wire_next(&reader, &field), 0);
}
END_TEST

START_TEST(no_field_is_longer_than_its_length_can_say)
{
    static uint8_t room[2 * UINT16_MAX], value[UINT16_MAX + 1];
    struct wire_writer writer;
    size_t mark;

    wire_writer_init(&writer, room, sizeof room);
    wire_put(&writer, 9, value, UINT16_MAX);
    ck_assert(!writer.overflow);
    wire_put(&writer, 9, value, UINT16_MAX + 1);
    ck_assert(writer.overflow);
    wire_rewind(&writer, 0);
    mark = wire_open(&writer, 9);
    wire_put(&writer, 9, value, UINT16_MAX - 4);
    wire_close(&writer, mark);
    ck_assert(!writer.overflow);
    wire_rewind(&writer, 0);
    mark = wire_open(&writer, 9);
    wire_put(&writer, 9, value, UINT16_MAX - 3);
    wire_close(&writer, mark);
    ck_assert(writer.overflow);
}
END_TEST

/* ---- any bytes ---- */

/* Reads all that is there, by its type, as far as it goes: returns the number of fields. */
static int walk(struct wire_reader reader, int depth)
{
    struct wire_field field;
    volatile uint8_t last = 0;
    int r, n = 0;

    while ((r = wire_next(&reader, &field)) > 0) {
        struct wire_descriptor descriptor;
        struct wire_reader inside;
        struct wire_item item;
        struct wire_fact fact;
        uint32_t number;

        n++;
        if (field.size > 0)
            last = field.value[field.size - 1];
        if (wire_get_item(&field, &item) == 0 && item.name_size > 0)
            last = (uint8_t)item.name[item.name_size - 1];
        if (wire_get_fact(&field, &fact) == 0) {
            last = (uint8_t)fact.key[fact.key_size - 1];
            if (fact.text_size > 0)
                last = (uint8_t)fact.text[fact.text_size - 1];
        }
        (void)!wire_get_u32(&field, &number);
        (void)!wire_get_descriptor(&field, &descriptor);
        wire_enter(&field, &inside);
        if (depth > 0)
            (void)walk(inside, depth - 1);
    }
    (void)last;
    return r < 0 ? r : n;
}

/* Reads a frame from memory of just its size, where a sanitizer sees a step too far. */
static int walk_copy(const uint8_t *frame, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    struct wire_reader reader;
    struct wire_header header;
    int r;

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, frame, size);
    r = wire_read_header(&reader, exact, size, &header);
    if (r == 0)
        r = walk(reader, 3);
    free(exact);
    return r;
}

START_TEST(every_truncation_is_noticed)
{
    static const int whole_fields_at[] = {12, 24, 32, 44, 68};
    struct wire_writer writer = writer_of(sizeof buffer);
    size_t complete = 0;
    int r;

    put_everything(&writer);
    ck_assert_int_eq(walk_copy(buffer, writer.size), 5);
    for (size_t size = 0; size < writer.size; size++) {
        r = walk_copy(buffer, size);
        if (complete < ARRAY_SIZE(whole_fields_at) && size == (size_t)whole_fields_at[complete])
            ck_assert_int_eq(r, (int)complete++); /* cut between fields: a shorter list */
        else
            ck_assert_int_eq(r, -EBADMSG);
    }
    ck_assert_uint_eq(complete, ARRAY_SIZE(whole_fields_at));
}
END_TEST

static uint64_t random_next(uint64_t *state) /* xorshift, so that each run is the same */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

START_TEST(random_bytes_do_no_harm)
{
    uint64_t state = 20260101;
    struct wire_writer writer;
    size_t size;
    int whole = 0;

    for (int i = 0; i < 100000; i++) {
        if (i % 2) { /* a good frame with a few bytes changed: it is read further */
            writer = writer_of(sizeof buffer);
            put_everything(&writer);
            size = writer.size;
            for (uint64_t n = random_next(&state) % 4; n > 0; n--)
                buffer[random_next(&state) % size] = (uint8_t)random_next(&state);
        } else {
            size = random_next(&state) % 96;
            for (size_t n = 0; n < size; n++)
                buffer[n] = (uint8_t)(random_next(&state) >> (i % 3 ? 0 : 60)); /* some small */
        }
        whole += walk_copy(buffer, size) >= 0;
    }
    ck_assert_int_gt(whole, 10000); /* or this has read nothing */
}
END_TEST

/* ---- names ---- */

static bool is_name(const char *name)
{
    return wire_name_is_valid(name, strlen(name));
}

START_TEST(names)
{
    char name[WIRE_NAME_MAX + 2];

    ck_assert(is_name("a") && is_name("Z") && is_name("0") && is_name("_"));
    ck_assert(is_name("a.b-c_D9") && is_name("_.") && is_name("0-"));
    ck_assert(!is_name("") && !is_name(".") && !is_name("..") && !is_name("-a") && !is_name(".a"));
    ck_assert(!is_name("/a") && !is_name("a/b") && !is_name("a b") && !is_name("a\n"));
    ck_assert(!is_name("\xc3\xa4") && !is_name("a:") && !is_name("a*") && !is_name("a="));
    ck_assert(!wire_name_is_valid("a\0b", 3) && wire_name_is_valid("a/", 1));
    memset(name, 'n', sizeof name);
    ck_assert(wire_name_is_valid(name, WIRE_NAME_MAX));
    ck_assert(!wire_name_is_valid(name, WIRE_NAME_MAX + 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire");
    TCase *cases = tcase_create("wire");

    tcase_set_timeout(cases, 60); /* sanitizers */
    tcase_add_test(cases, bytes_are_as_specified);
    tcase_add_test(cases, header_comes_back);
    tcase_add_test(cases, items_and_descriptors_come_back);
    tcase_add_test(cases, values_come_back);
    tcase_add_test(cases, facts_come_back);
    tcase_add_test(cases, facts_of_wrong_form);
    tcase_add_test(cases, fields_hold_fields);
    tcase_add_test(cases, overflow_is_noticed_at_every_size);
    tcase_add_test(cases, rewinding_takes_back);
    tcase_add_test(cases, no_field_is_longer_than_its_length_can_say);
    tcase_add_test(cases, every_truncation_is_noticed);
    tcase_add_test(cases, random_bytes_do_no_harm);
    tcase_add_test(cases, names);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
