#include "client/internal.h"

#include <inttypes.h>
#include <string.h>

#define NUMBER_TEXT_MAX 21 /* 2^64-1 and its NUL */

/* One block of memory: the struct, the facts, then all their text. */
struct ipcb_facts {
    size_t n;
    struct ipcb_fact items[];
};

/* ---- facts from a frame ---- */

static bool fact_is_known(const struct wire_fact *fact)
{
    unsigned type = fact->type & ~(unsigned)WIRE_FACT_LIST;

    return type == WIRE_FACT_NUMBER || type == WIRE_FACT_TEXT || type == WIRE_FACT_BOOLEAN;
}

/* A text with a NUL would be another to whoever reads on to its end. */
static bool has_nul(const struct wire_fact *fact)
{
    return memchr(fact->key, '\0', fact->key_size) ||
           (fact->text && memchr(fact->text, '\0', fact->text_size));
}

/* 1: *ret is the next fact that this library knows; 0: the end; -EPROTO. */
static int next_fact(struct wire_reader *fields, struct wire_fact *ret)
{
    struct wire_field field;
    int r;

    while ((r = wire_next(fields, &field)) > 0) {
        if (field.type != WIRE_FIELD_FACT) {
            if (field.critical)
                return -EPROTO;
            continue;
        }
        if (wire_get_fact(&field, ret) < 0 || has_nul(ret))
            return -EPROTO;
        if (fact_is_known(ret))
            return 1;
    }
    return r < 0 ? -EPROTO : 0;
}

static size_t text_size(const struct wire_fact *fact)
{
    switch (fact->type & ~(unsigned)WIRE_FACT_LIST) {
    case WIRE_FACT_TEXT:
        return fact->text_size + 1;
    case WIRE_FACT_NUMBER:
        return NUMBER_TEXT_MAX;
    default:
        return 0; /* "yes" and "no" are constants */
    }
}

/* How many facts there are, and the bytes of their text. */
static int measure(struct wire_reader fields, size_t *ret_n, size_t *ret_size)
{
    struct wire_fact fact;
    size_t n = 0, size = 0;
    int r;

    while ((r = next_fact(&fields, &fact)) > 0) {
        n++;
        size += fact.key_size + 1 + text_size(&fact);
    }
    if (r < 0)
        return r;
    *ret_n = n;
    *ret_size = size;
    return 0;
}

/* Copies SIZE bytes and a NUL to *AT and moves it on. */
static const char *keep_text(char **at, const char *text, size_t size)
{
    char *kept = *at;

    if (size > 0)
        memcpy(kept, text, size);
    kept[size] = '\0';
    *at += size + 1;
    return kept;
}

static const char *keep_value(char **at, const struct wire_fact *fact)
{
    char number[NUMBER_TEXT_MAX];

    switch (fact->type & ~(unsigned)WIRE_FACT_LIST) {
    case WIRE_FACT_TEXT:
        return keep_text(at, fact->text, fact->text_size);
    case WIRE_FACT_NUMBER:
        (void)snprintf(number, sizeof number, "%" PRIu64, fact->number);
        return keep_text(at, number, strlen(number));
    default:
        return fact->number ? "yes" : "no";
    }
}

int facts_from(struct wire_reader fields, struct ipcb_facts **ret)
{
    struct ipcb_facts *facts;
    struct wire_fact fact;
    size_t n, size;
    char *at;
    int r;

    r = measure(fields, &n, &size);
    if (r < 0)
        return r;
    facts = malloc(sizeof *facts + n * sizeof facts->items[0] + size);
    if (!facts)
        return -ENOMEM;
    facts->n = n;
    at = (char *)&facts->items[n];
    for (size_t i = 0; i < n && next_fact(&fields, &fact) > 0; i++)
        facts->items[i] = (struct ipcb_fact){
            .key = keep_text(&at, fact.key, fact.key_size),
            .text = keep_value(&at, &fact),
            .type = fact.type & ~(unsigned)WIRE_FACT_LIST,
            .is_list = !!(fact.type & WIRE_FACT_LIST),
            .number = fact.number,
        };
    *ret = facts;
    return 0;
}

/* ---- facts for callers ---- */

_public_ size_t ipcb_facts_count(const struct ipcb_facts *facts)
{
    return facts ? facts->n : 0;
}

_public_ const struct ipcb_fact *ipcb_facts_at(const struct ipcb_facts *facts, size_t index)
{
    return facts && index < facts->n ? &facts->items[index] : NULL;
}

_public_ const struct ipcb_fact *ipcb_facts_find(const struct ipcb_facts *facts, const char *key)
{
    for (size_t i = 0; key && i < ipcb_facts_count(facts); i++)
        if (strcmp(facts->items[i].key, key) == 0)
            return &facts->items[i];
    return NULL;
}

_public_ struct ipcb_facts *ipcb_facts_free(struct ipcb_facts *facts)
{
    free(facts);
    return NULL;
}

/* ---- requests that are answered by facts ---- */

int facts_refuse(struct ipcb *b, int r)
{
    if (r == -EPROTO)
        return request_nonsense(b);
    return say(&b->message, r, "out of memory");
}

static int call_for_facts(struct ipcb *b, const struct wire_writer *request,
                          struct ipcb_facts **ret)
{
    struct deadline deadline = deadline_from(b->timeout_us);
    struct wire_reader fields;
    int r;

    r = request_call(b, request, request->data[1] >= WIRE_ADMIN_TYPES ? REQUEST_CHANGES : 0,
                     &deadline, &fields);
    if (r < 0)
        return r;
    r = facts_from(fields, ret);
    return r < 0 ? facts_refuse(b, r) : 0;
}

static int call_about(struct ipcb *b, enum wire_type type, const char *name,
                      struct ipcb_facts **ret)
{
    struct wire_writer request;
    size_t size;
    int r;

    if (!b || !ret)
        return -EINVAL;
    r = request_name(b, name, &name, &size);
    if (r < 0)
        return r;
    request_begin(b, type, &request);
    wire_put(&request, WIRE_FIELD_NAME, name, size);
    return call_for_facts(b, &request, ret);
}

_public_ int ipcb_show(struct ipcb *b, const char *name, struct ipcb_facts **ret)
{
    return call_about(b, WIRE_SHOW, name, ret);
}

_public_ int ipcb_replace(struct ipcb *b, const char *name, struct ipcb_facts **ret)
{
    return call_about(b, WIRE_REPLACE, name, ret);
}

_public_ int ipcb_purge(struct ipcb *b, const char *name, struct ipcb_facts **ret)
{
    struct wire_writer request;

    if (!b || !ret)
        return -EINVAL;
    if (name)
        return call_about(b, WIRE_PURGE, name, ret);
    request_begin(b, WIRE_PURGE, &request);
    return call_for_facts(b, &request, ret);
}

_public_ int ipcb_status(struct ipcb *b, struct ipcb_facts **ret)
{
    struct wire_writer request;

    if (!b || !ret)
        return -EINVAL;
    request_begin(b, WIRE_STATUS, &request);
    return call_for_facts(b, &request, ret);
}

_public_ int ipcb_whoami(struct ipcb *b, struct ipcb_facts **ret)
{
    struct wire_writer request;

    if (!b || !ret)
        return -EINVAL;
    request_begin(b, WIRE_WHOAMI, &request);
    return call_for_facts(b, &request, ret);
}

static bool subject_is_plain(const struct ipcb_subject *subject)
{
    for (size_t i = 0; i < ARRAY_SIZE(subject->reserved); i++)
        if (subject->reserved[i] != 0)
            return false;
    return true;
}

/* Critical: who skipped one of them would answer for somebody else. */
static void put_subject(struct wire_writer *request, const struct ipcb_subject *subject)
{
    wire_put_u32(request, WIRE_FIELD_UID | WIRE_CRITICAL, subject->uid);
    wire_put_u32(request, WIRE_FIELD_GID | WIRE_CRITICAL, subject->gid);
    if (subject->n_groups > 0)
        wire_put_u32s(request, WIRE_FIELD_GROUPS | WIRE_CRITICAL, subject->groups,
                      subject->n_groups);
    if (subject->unit)
        wire_put_text(request, WIRE_FIELD_UNIT | WIRE_CRITICAL, subject->unit);
}

_public_ int ipcb_can(struct ipcb *b, const struct ipcb_subject *subject, const char *name,
                      unsigned access, struct ipcb_facts **ret)
{
    struct wire_writer request;
    size_t size;
    int r;

    if (!b || !ret)
        return -EINVAL;
    if (subject && subject->n_groups > 0 && !subject->groups)
        return say(&b->message, -EINVAL, "the subject has groups, and none were given");
    if (subject && !subject_is_plain(subject))
        return say(&b->message, -EINVAL, "a reserved field of the subject is not 0");
    r = request_name(b, name, &name, &size);
    if (r < 0)
        return r;
    request_begin(b, WIRE_CAN, &request);
    wire_put(&request, WIRE_FIELD_NAME, name, size);
    wire_put_u32(&request, WIRE_FIELD_ACCESS, access);
    if (subject)
        put_subject(&request, subject);
    return call_for_facts(b, &request, ret);
}
