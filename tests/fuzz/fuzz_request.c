/* A request as the broker decodes and answers it. The first byte tells who asks. What is decoded
 * comes out byte for byte when it is encoded again; whatever comes in gets exactly one reply, which
 * keeps to the protocol and to the grants. */
#include "tests/fuzz/fuzz_desk.h"

#include <string.h>

/* ---- encode(decode(x)) == x ---- */

static void check_value(const struct wire_field *field, struct wire_writer *writer)
{
    struct wire_item item;
    struct wire_descriptor descriptor;
    uint32_t number;
    size_t before = writer->size;

    if (field->type == WIRE_FIELD_ITEM && wire_get_item(field, &item) == 0)
        wire_put_item(writer, &item);
    else if (field->type == WIRE_FIELD_DESCRIPTOR && field->size == 20 &&
             wire_get_descriptor(field, &descriptor) == 0)
        wire_put_descriptor(writer, &descriptor);
    else if (wire_get_u32(field, &number) == 0)
        wire_put_u32(writer, field->type, number);
    else
        wire_put(writer, field->type, field->value, field->size);
    ORACLE(!writer->overflow && writer->size == before + 4 + field->size, "a field grows");
    ORACLE(field->size == 0 || memcmp(writer->data + before + 4, field->value, field->size) == 0,
           "a field of type %u is encoded to other bytes", field->type);
    if (field->critical) /* which is the sender's to set */
        writer->data[before + 1] |= WIRE_CRITICAL >> 8;
}

static void check_encoding(const uint8_t *frame, size_t size)
{
    static uint8_t again[WIRE_REQUEST_MAX];
    struct wire_writer writer;
    struct wire_reader reader;
    struct wire_header header;
    struct wire_field field;
    int r;

    if (wire_read_header(&reader, frame, size, &header) < 0)
        return;
    wire_writer_init(&writer, again, sizeof again);
    wire_put_header(&writer, &header);
    while ((r = wire_next(&reader, &field)) > 0)
        check_value(&field, &writer);
    ORACLE(r <= 0, "a field of no end");
    ORACLE(memcmp(again, frame, writer.size) == 0, "the frame is encoded to other bytes");
    ORACLE((r == 0) == (writer.size == size), "%zu of %zu bytes are read", writer.size, size);
}

/* ---- one reply ---- */

/* The I-th item of a frame that was answered well. */
static struct wire_item item_of(const uint8_t *frame, size_t size, size_t i)
{
    struct wire_reader reader;
    struct wire_header header;
    struct wire_field field;
    struct wire_item item = {0};

    ORACLE(wire_read_header(&reader, frame, size, &header) == 0, "no request was read");
    for (size_t n = 0; n <= i;) {
        ORACLE(wire_next(&reader, &field) > 0, "more descriptors than items");
        n += field.type == WIRE_FIELD_ITEM;
    }
    ORACLE(wire_get_item(&field, &item) == 0, "an item that is none was served");
    return item;
}

static void check_reply(const struct reply *reply, bool admin, unsigned user, const uint8_t *frame,
                        size_t size)
{
    struct wire_reader reader;
    struct wire_header header, asked = {0};
    struct wire_field field;
    struct wire_descriptor descriptor;
    size_t n = 0, n_sentences = 0;
    int r;

    ORACLE(!reply->writer.overflow && reply->writer.size <= WIRE_REPLY_MAX, "the reply overflows");
    ORACLE(wire_read_header(&reader, reply->frame, reply->writer.size, &header) == 0, "no reply");
    if (header.serial != 0) {
        ORACLE(size >= WIRE_HEADER_SIZE, "a serial from nowhere");
        memcpy(&asked.serial, frame + 4, sizeof asked.serial);
        ORACLE(header.serial == asked.serial && header.type == frame[1] &&
                   header.flags == WIRE_REPLY,
               "the reply is another request's");
    }
    while ((r = wire_next(&reader, &field)) > 0) {
        n_sentences += field.type == WIRE_FIELD_SENTENCE && field.size > 0;
        if (field.type != WIRE_FIELD_DESCRIPTOR)
            continue;
        ORACLE(n < reply->n_handouts, "more descriptors are said than come");
        ORACLE(wire_get_descriptor(&field, &descriptor) == 0, "a short descriptor");
        ORACLE(header.status == 0, "an error comes with descriptors");
        {
            struct wire_item item = item_of(frame, size, n);
            fuzz_check_descriptor(admin, user, &item, reply->handouts[n].fd, &descriptor);
        }
        n++;
    }
    ORACLE(r == 0, "the reply has bytes that are no field");
    ORACLE(n == reply->n_handouts, "descriptors come that are not said");
    ORACLE(header.status == 0 || n_sentences == 1, "an error has %zu sentences", n_sentences);
    ORACLE(header.serial != 0 || (header.type == WIRE_EVENT && header.status != 0),
           "an event of the type %u with the status %u", header.type, header.status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reply reply;
    struct bytes bytes = {data, size};
    uint8_t who = take_byte(&bytes);
    unsigned user = who % FUZZ_USERS;
    struct peer peer = {
        .pid = 1,
        .credentials = {.uid = fuzz_uid(user), .gid = fuzz_uid(user)},
        .groups_known = true,
    };
    struct kept_list waiting = LIST_HEAD_INITIALIZER(waiting);
    const struct caller caller = {
        .peer = &peer, .fd = -1, .admin = who & 0x80, .waiting = &waiting};
    uint8_t *frame = exact_copy(bytes.at, bytes.left);
    const struct desk *desk = fuzz_desk();
    size_t open_before = count_open();

    check_encoding(frame, bytes.left);
    request_answer(desk, &caller, frame, bytes.left, &reply);
    if (reply.later)
        ORACLE(reply.n_handouts == 0 && !reply.close, "a reply that is for later has come");
    else
        check_reply(&reply, caller.admin, user, frame, bytes.left);
    reply_deinit(&reply);
    ORACLE(count_open() == open_before, "a descriptor is lost");
    free(frame);
    return 0;
}
