/*
 * The frames between a client and the broker: pure encoding and decoding, no I/O, no allocation.
 * ipcbroker-protocol(7) is the specification; this header is its C form.
 *
 * A frame is one packet of a SOCK_SEQPACKET socket: a header of 12 bytes, then fields. All numbers
 * are little-endian. A field is a type (16 bits), a length (16 bits) and that many bytes of value;
 * some fields hold fields. Whoever does not know a field skips it, unless its critical bit is set.
 */
#pragma once

#include "base/base.h"

#define WIRE_VERSION         1u
#define WIRE_HEADER_SIZE     12u
#define WIRE_REQUEST_MAX     65536u     /* bytes of a frame to the broker */
#define WIRE_REPLY_MAX       32768u     /* bytes of a frame from the broker */
#define WIRE_DESCRIPTORS_MAX 253u       /* the kernel's limit for one packet (SCM_MAX_FD) */
#define WIRE_NAME_MAX        180u       /* bytes of an object's name */
#define WIRE_NOBODY          UINT32_MAX /* the number of no user and no group */

/* A reply has the type of its request and WIRE_REPLY set. Serial 0 is the broker's own: an event
 * that answers no request. Types 1 to 63 are served on both sockets, 64 and up on the admin one. */
enum wire_type {
    WIRE_EVENT = 0,
    WIRE_ACQUIRE = 1,
    WIRE_LIST = 2,
    WIRE_SHOW = 3,
    WIRE_STATUS = 4,
    WIRE_WHOAMI = 5,
    WIRE_CAN = 6,
    WIRE_CANCEL = 7,
    WIRE_AWAIT = 8, /* wait until declared */
    WIRE_CONFIG = 9,
    WIRE_PROVE = 10,
    WIRE_RELOAD = 64,
    WIRE_PLAN = 65, /* of a reload */
    WIRE_REPLACE = 66,
    WIRE_PURGE = 67,
};

enum wire_flag {
    WIRE_REPLY = 1 << 0,
};

struct wire_header {
    uint8_t version;
    uint8_t type;
    uint16_t flags;
    uint32_t serial;
    uint32_t status; /* 0, or a positive errno; 0 in requests */
};

#define WIRE_ADMIN_TYPES 64u /* requests from this type on are for the admin socket */

#define WIRE_CRITICAL 0x8000u /* bit of a field's type */

enum wire_field_type {
    WIRE_FIELD_SENTENCE = 1,   /* reply: text that says what went wrong */
    WIRE_FIELD_INDEX = 2,      /* reply: u32, which of the items it was, from 0 */
    WIRE_FIELD_ITEM = 3,       /* acquire: what is asked for, see wire_put_item() */
    WIRE_FIELD_DESCRIPTOR = 4, /* reply to acquire: what came, see wire_put_descriptor() */
    WIRE_FIELD_NAME = 5,       /* show, await, replace, purge: name of an object */
    WIRE_FIELD_CURSOR = 6,     /* list: bytes to repeat in the request for the next page */
    WIRE_FIELD_OBJECT = 7,     /* reply to list: one object, holds FACT fields */
    WIRE_FIELD_FACT = 8,       /* key and value, see wire_put_fact_*() */
    WIRE_FIELD_ACCESS = 9,     /* can: u32, mask of enum wire_access, not 0 */
    WIRE_FIELD_UID = 10,       /* can: u32, who is asked about; WIRE_NOBODY: no user */
    WIRE_FIELD_GID = 11,       /* can: u32, his group; WIRE_NOBODY: none */
    WIRE_FIELD_GROUPS = 12,    /* can: a u32 each, his supplementary groups */
    WIRE_FIELD_SERIAL = 13,    /* cancel: u32, of the request that is to wait no longer */
    WIRE_FIELD_UNIT = 14,      /* can: text, the systemd unit that he is in */
    WIRE_FIELD_NONCE = 15,     /* reply: bytes that a prove has to repeat */
    WIRE_FIELD_REPLACED = 16,  /* event: name of an object that is another one from now on */
};

/* The two directions that an access mask can hold. */
enum wire_access {
    WIRE_WRITE = 1 << 0,
    WIRE_READ = 1 << 1,
    WIRE_USE = WIRE_WRITE | WIRE_READ,
};

enum wire_kind {
    WIRE_QUEUE = 1,
    WIRE_EVENTFD = 2,
    WIRE_PIPE = 3,
};

/* Flags of an item and of a descriptor. */
enum wire_item_flag {
    WIRE_NONBLOCK = 1 << 0, /* the description has, or shall have, O_NONBLOCK */
};

/* Who an object is, by the kernel's own numbers: a queue's and a pipe's device and inode; 0 and the
 * eventfd-id of an eventfd. */
struct wire_identity {
    uint64_t device;
    uint64_t inode;
};

/* One wish of an acquire. NAME is not terminated and is borrowed from the frame. */
struct wire_item {
    const char *name;
    size_t name_size;
    uint8_t access; /* 0: all that is granted */
    uint8_t flags;
    uint16_t kinds; /* mask of 1 << enum wire_kind that the caller can take, 0: any */
};

/* One descriptor of a reply; descriptors come in the order of these fields. */
struct wire_descriptor {
    uint8_t kind;
    uint8_t access;
    uint16_t flags;
    struct wire_identity identity;
};

enum wire_fact_type {
    WIRE_FACT_NUMBER = 1,
    WIRE_FACT_TEXT = 2,
    WIRE_FACT_BOOLEAN = 3,
    WIRE_FACT_LIST = 0x80, /* bit: one element of a list, the key may come again */
};

struct wire_fact {
    uint8_t type;    /* enum wire_fact_type, with the list bit */
    const char *key; /* not terminated, like text */
    size_t key_size;
    const char *text;
    size_t text_size;
    uint64_t number; /* of a number or a boolean */
};

/* Writing. The writer borrows its buffer. When something does not fit, nothing of it is written,
 * `overflow` is set and stays set: check it once, at the end. */
struct wire_writer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool overflow;
};

void wire_writer_init(struct wire_writer *writer, void *buffer, size_t capacity);
void wire_put_header(struct wire_writer *writer, const struct wire_header *header);
void wire_put(struct wire_writer *writer, unsigned type, const void *value, size_t size);
void wire_put_text(struct wire_writer *writer, unsigned type, const char *text);
void wire_put_u32(struct wire_writer *writer, unsigned type, uint32_t value);
void wire_put_u32s(struct wire_writer *writer, unsigned type, const uint32_t *values, size_t n);
void wire_put_item(struct wire_writer *writer, const struct wire_item *item);
void wire_put_descriptor(struct wire_writer *writer, const struct wire_descriptor *descriptor);
void wire_put_fact_number(struct wire_writer *writer, const char *key, uint64_t value);
void wire_put_fact_boolean(struct wire_writer *writer, const char *key, bool value);
/* TYPE is WIRE_FACT_TEXT, with the list bit where the key may come again. */
void wire_put_fact_text(struct wire_writer *writer, unsigned type, const char *key,
                        const char *value);
/* A field that holds fields: what is put between open and close is inside it. */
size_t wire_open(struct wire_writer *writer, unsigned type);
void wire_close(struct wire_writer *writer, size_t mark);
/* Takes back all that was written after `size` was SIZE, an overflow too. */
void wire_rewind(struct wire_writer *writer, size_t size);

/* Reading. The reader borrows the frame; all that it returns points into the frame. */
struct wire_field {
    unsigned type; /* without the critical bit */
    bool critical;
    const uint8_t *value;
    size_t size;
};

struct wire_reader {
    const uint8_t *data;
    size_t left;
};

/* -EBADMSG: shorter than a header, or flags that are not defined. The version is not judged: a
 * caller that sees another than its own must not read on. */
int wire_read_header(struct wire_reader *reader, const void *frame, size_t size,
                     struct wire_header *ret) _must_check_;
/* 1: *ret is the next field; 0: the end; -EBADMSG: bytes that are no field. */
int wire_next(struct wire_reader *reader, struct wire_field *ret) _must_check_;
/* The fields inside a field. */
void wire_enter(const struct wire_field *field, struct wire_reader *ret);

/* The value of a field. -EBADMSG: not of that form. A fact of an unknown type is read as far as its
 * key: skip it. */
int wire_get_u32(const struct wire_field *field, uint32_t *ret) _must_check_;
/* All numbers of a field that holds N of them. */
int wire_get_u32s(const struct wire_field *field, uint32_t *ret, size_t n) _must_check_;
int wire_get_item(const struct wire_field *field, struct wire_item *ret) _must_check_;
int wire_get_descriptor(const struct wire_field *field, struct wire_descriptor *ret) _must_check_;
int wire_get_fact(const struct wire_field *field, struct wire_fact *ret) _must_check_;

/* Whether NAME is one that an object can have: [A-Za-z0-9_][A-Za-z0-9._-]*, 1 to 180 bytes. */
bool wire_name_is_valid(const char *name, size_t size);
