#include "protocol/wire.h"

#include <endian.h>
#include <string.h>

#define FIELD_HEADER_SIZE 4u
#define ITEM_PREFIX_SIZE  4u
#define DESCRIPTOR_SIZE   20u
#define FACT_PREFIX_SIZE  2u

/* ---- plain numbers ---- */

static void store16(uint8_t *at, uint16_t value)
{
    value = htole16(value);
    memcpy(at, &value, sizeof value);
}

static void store32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

static void store64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static uint16_t load16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return le16toh(value);
}

static uint32_t load32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

/* ---- writing ---- */

void wire_writer_init(struct wire_writer *writer, void *buffer, size_t capacity)
{
    *writer = (struct wire_writer){.data = buffer, .capacity = capacity};
}

/* Room for SIZE more bytes, or NULL and the overflow mark. */
static uint8_t *reserve(struct wire_writer *writer, size_t size)
{
    uint8_t *at;

    if (writer->overflow || size > writer->capacity - writer->size) {
        writer->overflow = true;
        return NULL;
    }
    at = writer->data + writer->size;
    writer->size += size;
    return at;
}

/* Room for a field whose value is SIZE bytes; returns where the value goes. */
static uint8_t *reserve_field(struct wire_writer *writer, unsigned type, size_t size)
{
    uint8_t *at;

    if (size > UINT16_MAX) {
        writer->overflow = true;
        return NULL;
    }
    at = reserve(writer, FIELD_HEADER_SIZE + size);
    if (!at)
        return NULL;
    store16(at, (uint16_t)type);
    store16(at + 2, (uint16_t)size);
    return at + FIELD_HEADER_SIZE;
}

void wire_put_header(struct wire_writer *writer, const struct wire_header *header)
{
    uint8_t *at = reserve(writer, WIRE_HEADER_SIZE);

    if (!at)
        return;
    at[0] = header->version;
    at[1] = header->type;
    store16(at + 2, header->flags);
    store32(at + 4, header->serial);
    store32(at + 8, header->status);
}

void wire_put(struct wire_writer *writer, unsigned type, const void *value, size_t size)
{
    uint8_t *at = reserve_field(writer, type, size);

    if (at && size > 0)
        memcpy(at, value, size);
}

void wire_put_text(struct wire_writer *writer, unsigned type, const char *text)
{
    wire_put(writer, type, text, strlen(text));
}

void wire_put_u32(struct wire_writer *writer, unsigned type, uint32_t value)
{
    uint8_t *at = reserve_field(writer, type, sizeof value);

    if (at)
        store32(at, value);
}

void wire_put_u32s(struct wire_writer *writer, unsigned type, const uint32_t *values, size_t n)
{
    uint8_t *at = n <= UINT16_MAX ? reserve_field(writer, type, n * sizeof *values) : NULL;

    writer->overflow |= !at;
    for (size_t i = 0; at && i < n; i++)
        store32(at + i * sizeof *values, values[i]);
}

void wire_put_item(struct wire_writer *writer, const struct wire_item *item)
{
    uint8_t *at = reserve_field(writer, WIRE_FIELD_ITEM, ITEM_PREFIX_SIZE + item->name_size);

    if (!at)
        return;
    at[0] = item->access;
    at[1] = item->flags;
    store16(at + 2, item->kinds);
    if (item->name_size > 0)
        memcpy(at + ITEM_PREFIX_SIZE, item->name, item->name_size);
}

void wire_put_descriptor(struct wire_writer *writer, const struct wire_descriptor *descriptor)
{
    uint8_t *at = reserve_field(writer, WIRE_FIELD_DESCRIPTOR, DESCRIPTOR_SIZE);

    if (!at)
        return;
    at[0] = descriptor->kind;
    at[1] = descriptor->access;
    store16(at + 2, descriptor->flags);
    store64(at + 4, descriptor->identity.device);
    store64(at + 12, descriptor->identity.inode);
}

/* Room for a fact's value after its key. */
static uint8_t *reserve_fact(struct wire_writer *writer, unsigned type, const char *key,
                             size_t value_size)
{
    size_t key_size = strlen(key);
    uint8_t *at;

    if (key_size == 0 || key_size > UINT8_MAX) {
        writer->overflow = true;
        return NULL;
    }
    at = reserve_field(writer, WIRE_FIELD_FACT, FACT_PREFIX_SIZE + key_size + value_size);
    if (!at)
        return NULL;
    at[0] = (uint8_t)type;
    at[1] = (uint8_t)key_size;
    memcpy(at + FACT_PREFIX_SIZE, key, key_size);
    return at + FACT_PREFIX_SIZE + key_size;
}

void wire_put_fact_number(struct wire_writer *writer, const char *key, uint64_t value)
{
    uint8_t *at = reserve_fact(writer, WIRE_FACT_NUMBER, key, sizeof value);

    if (at)
        store64(at, value);
}

void wire_put_fact_boolean(struct wire_writer *writer, const char *key, bool value)
{
    uint8_t *at = reserve_fact(writer, WIRE_FACT_BOOLEAN, key, 1);

    if (at)
        *at = value;
}

void wire_put_fact_text(struct wire_writer *writer, unsigned type, const char *key,
                        const char *value)
{
    size_t size = strlen(value);
    uint8_t *at = reserve_fact(writer, type, key, size);

    if (at)
        memcpy(at, value, size);
}

size_t wire_open(struct wire_writer *writer, unsigned type)
{
    size_t mark = writer->size;

    (void)reserve_field(writer, type, 0);
    return mark;
}

void wire_close(struct wire_writer *writer, size_t mark)
{
    size_t size;

    if (writer->overflow)
        return;
    size = writer->size - mark - FIELD_HEADER_SIZE;
    if (size > UINT16_MAX) {
        writer->overflow = true;
        return;
    }
    store16(writer->data + mark + 2, (uint16_t)size);
}

void wire_rewind(struct wire_writer *writer, size_t size)
{
    writer->size = size;
    writer->overflow = false;
}

/* ---- reading ---- */

int wire_read_header(struct wire_reader *reader, const void *frame, size_t size,
                     struct wire_header *ret)
{
    const uint8_t *at = frame;

    if (size < WIRE_HEADER_SIZE)
        return -EBADMSG;
    *ret = (struct wire_header){
        .version = at[0],
        .type = at[1],
        .flags = load16(at + 2),
        .serial = load32(at + 4),
        .status = load32(at + 8),
    };
    *reader = (struct wire_reader){at + WIRE_HEADER_SIZE, size - WIRE_HEADER_SIZE};
    if (ret->version == WIRE_VERSION && (ret->flags & ~(unsigned)WIRE_REPLY))
        return -EBADMSG;
    return 0;
}

int wire_next(struct wire_reader *reader, struct wire_field *ret)
{
    uint16_t type, size;

    if (reader->left == 0)
        return 0;
    if (reader->left < FIELD_HEADER_SIZE)
        return -EBADMSG;
    type = load16(reader->data);
    size = load16(reader->data + 2);
    if (size > reader->left - FIELD_HEADER_SIZE)
        return -EBADMSG;
    *ret = (struct wire_field){
        .type = type & ~WIRE_CRITICAL,
        .critical = type & WIRE_CRITICAL,
        .value = reader->data + FIELD_HEADER_SIZE,
        .size = size,
    };
    reader->data += FIELD_HEADER_SIZE + size;
    reader->left -= FIELD_HEADER_SIZE + size;
    return 1;
}

void wire_enter(const struct wire_field *field, struct wire_reader *ret)
{
    *ret = (struct wire_reader){field->value, field->size};
}

int wire_get_u32(const struct wire_field *field, uint32_t *ret)
{
    if (field->size != sizeof *ret)
        return -EBADMSG;
    *ret = load32(field->value);
    return 0;
}

int wire_get_u32s(const struct wire_field *field, uint32_t *ret, size_t n)
{
    if (field->size != n * sizeof *ret)
        return -EBADMSG;
    for (size_t i = 0; i < n; i++)
        ret[i] = load32(field->value + i * sizeof *ret);
    return 0;
}

int wire_get_item(const struct wire_field *field, struct wire_item *ret)
{
    if (field->size < ITEM_PREFIX_SIZE)
        return -EBADMSG;
    *ret = (struct wire_item){
        .name = (const char *)field->value + ITEM_PREFIX_SIZE,
        .name_size = field->size - ITEM_PREFIX_SIZE,
        .access = field->value[0],
        .flags = field->value[1],
        .kinds = load16(field->value + 2),
    };
    return 0;
}

int wire_get_descriptor(const struct wire_field *field, struct wire_descriptor *ret)
{
    if (field->size < DESCRIPTOR_SIZE) /* a later minor version may append */
        return -EBADMSG;
    *ret = (struct wire_descriptor){
        .kind = field->value[0],
        .access = field->value[1],
        .flags = load16(field->value + 2),
        .identity = {load64(field->value + 4), load64(field->value + 12)},
    };
    return 0;
}

int wire_get_fact(const struct wire_field *field, struct wire_fact *ret)
{
    const uint8_t *value;
    size_t key_size, size;

    if (field->size < FACT_PREFIX_SIZE)
        return -EBADMSG;
    key_size = field->value[1];
    if (key_size == 0 || key_size > field->size - FACT_PREFIX_SIZE)
        return -EBADMSG;
    value = field->value + FACT_PREFIX_SIZE + key_size;
    size = field->size - FACT_PREFIX_SIZE - key_size;
    *ret = (struct wire_fact){
        .type = field->value[0],
        .key = (const char *)field->value + FACT_PREFIX_SIZE,
        .key_size = key_size,
    };
    switch (ret->type & ~(unsigned)WIRE_FACT_LIST) {
    case WIRE_FACT_NUMBER:
        if (size != sizeof(uint64_t))
            return -EBADMSG;
        ret->number = load64(value);
        return 0;
    case WIRE_FACT_BOOLEAN:
        if (size != 1 || value[0] > 1)
            return -EBADMSG;
        ret->number = value[0];
        return 0;
    case WIRE_FACT_TEXT:
        ret->text = (const char *)value;
        ret->text_size = size;
        return 0;
    default: /* a type of a later minor version: the caller skips it */
        return 0;
    }
}

/* ---- names ---- */

static bool is_name_byte(char c, bool first)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')
        return true;
    return !first && (c == '.' || c == '-');
}

bool wire_name_is_valid(const char *name, size_t size)
{
    if (size == 0 || size > WIRE_NAME_MAX)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_name_byte(name[i], i == 0))
            return false;
    return true;
}
