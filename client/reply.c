/* What a frame means that has come from the broker. */
#include "client/internal.h"

#include <string.h>

/* A greater status is no errno. */
#define STATUS_MAX 4095u

/* A broker that has answered and goes away is restarted: a connection or two may be made to the one
 * that ends, before that of the new one. */
#define CREDIT 5

/* Keeps the broker's sentence: one line, whatever was sent. */
static void keep_sentence(struct ipcb *b, const struct wire_field *field)
{
    char *text = b->message.text;
    size_t size = field->size < sizeof b->message.text ? field->size : sizeof b->message.text - 1;

    for (size_t i = 0; i < size; i++) {
        unsigned char c = field->value[i];
        text[i] = c < ' ' || c == 0x7f ? ' ' : (char)c;
    }
    text[size] = '\0';
}

/* An error reply: its status, and its sentence if there is one. */
static int status_error(struct ipcb *b, uint32_t status, struct wire_reader fields)
{
    struct wire_field field;

    errno = (int)status;
    (void)say(&b->message, 0, "the broker at %s said: %m", b->address.sun_path);
    while (wire_next(&fields, &field) > 0)
        if (field.type == WIRE_FIELD_SENTENCE && field.size > 0)
            keep_sentence(b, &field);
    return -(int)status;
}

/* ---- frames that answer nothing ---- */

static void refuse_version(struct ipcb *b, unsigned version)
{
    connection_close(b);
    calls_fail(b, say(&b->message, -EPROTONOSUPPORT,
                      "the broker at %s speaks version %u of the protocol, this program's "
                      "libipcbroker version %u: upgrade the older of the two",
                      b->address.sun_path, version, WIRE_VERSION));
}

static void take_news(struct ipcb *b, struct wire_reader fields)
{
    struct wire_field field;

    while (wire_next(&fields, &field) > 0)
        if (field.type == WIRE_FIELD_REPLACED)
            watch_replaced(b, (const char *)field.value, field.size);
}

static void take_event(struct ipcb *b, const struct wire_header *header, struct wire_reader fields)
{
    if (header->serial != 0 || header->status > STATUS_MAX) {
        (void)request_nonsense(b);
    } else if (header->type == WIRE_EVENT && header->status != 0) { /* it wants none of us */
        connection_close(b);
        calls_fail(b, status_error(b, header->status, fields));
    } else if (header->type == WIRE_EVENT) {
        take_news(b, fields);
    }
}

/* ---- replies ---- */

/* The call of that serial, taken out of the list; NULL: there is none. */
static struct call *take_call(struct ipcb *b, uint32_t serial)
{
    for (struct call **at = &b->calls; *at; at = &(*at)->next) {
        struct call *call = *at;

        if (call->sent && call->serial == serial) {
            *at = call->next;
            return call;
        }
    }
    return NULL;
}

static int explain_cut(struct ipcb *b)
{
    return say(&b->message, -EMFILE,
               "this process has no room for the descriptors that came: raise RLIMIT_NOFILE "
               "(ulimit -n, LimitNOFILE=) or close some; if there is room, a security module has "
               "kept them away");
}

static void take_reply(struct ipcb *b, const struct wire_header *header, struct wire_reader fields,
                       struct descriptors *descriptors)
{
    struct call *call = take_call(b, header->serial);
    int r = 0;

    if (!call && b->abandoned > 0) {
        b->abandoned--;
        return;
    }
    if (!call) {
        (void)request_nonsense(b);
        return;
    }
    b->credit = CREDIT;
    b->pause_us = 0;
    if (header->status == ENOKEY && proof_give(b, call, fields))
        return;
    if (call->type != header->type || header->status > STATUS_MAX)
        r = request_nonsense(b);
    else if (header->status == ENOKEY)
        r = say(&b->message, -EAGAIN,
                "the broker at %s could not make sure of the unit of this process: try again",
                b->address.sun_path);
    else if (header->status != 0)
        r = status_error(b, header->status, fields);
    else if (descriptors->cut)
        r = explain_cut(b);
    if (r < 0)
        descriptors_deinit(descriptors);
    free(TAKE_PTR(call->frame));
    call->done(b, call, r, fields, descriptors);
}

void reply_take(struct ipcb *b, size_t size, struct descriptors *descriptors)
{
    struct wire_header header;
    struct wire_reader fields;

    if (wire_read_header(&fields, b->frames->received, size, &header) < 0)
        (void)request_nonsense(b);
    else if (header.version != WIRE_VERSION)
        refuse_version(b, header.version);
    else if (!(header.flags & WIRE_REPLY))
        take_event(b, &header, fields);
    else
        take_reply(b, &header, fields, descriptors);
}
