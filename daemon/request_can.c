/*
 * The request CAN: may somebody have an access on an object, and why.
 *
 * It is about the main socket, where grants decide. Numbers only: names are the client's business,
 * so that the loop never asks the name service.
 */
#include "daemon/request_parts.h"
#include "daemon/unit_name.h"

#include <string.h>

/* The fields; the value of one that did not come is NULL. */
struct question {
    struct wire_field name, access, uid, gid, groups, unit;
};

/* Whom it is about, with what he points to. */
struct person {
    struct credentials who;
    gid_t *groups; /* owned */
    char unit[UNIT_NAME_MAX + 1];
    bool caller; /* himself */
};

static void person_deinit(struct person *person)
{
    free(person->groups);
}

/* ---- fields ---- */

static struct wire_field *slot_of(struct question *question, unsigned type)
{
    switch (type) {
    case WIRE_FIELD_NAME:
        return &question->name;
    case WIRE_FIELD_ACCESS:
        return &question->access;
    case WIRE_FIELD_UID:
        return &question->uid;
    case WIRE_FIELD_GID:
        return &question->gid;
    case WIRE_FIELD_GROUPS:
        return &question->groups;
    case WIRE_FIELD_UNIT:
        return &question->unit;
    default:
        return NULL;
    }
}

/* Of two fields of a type nobody could tell which is meant. */
static int read_question(struct request *request, struct question *ret)
{
    struct wire_field field, *slot;
    int r;

    while ((r = wire_next(&request->fields, &field)) > 0) {
        slot = slot_of(ret, field.type);
        if (!slot && field.critical)
            return request_not_known(request, &field);
        if (slot && slot->value)
            return request_malformed(request, "a field that comes twice");
        if (slot)
            *slot = field;
    }
    if (r < 0)
        return request_malformed(request, "bytes that are no field");
    if (!ret->name.value || !ret->access.value)
        return request_malformed(request, "a question without a name or an access");
    return 0;
}

static int read_access(struct request *request, const struct question *question, unsigned *ret)
{
    uint32_t access;

    if (wire_get_u32(&question->access, &access) < 0)
        return request_malformed(request, "an access that is no number");
    if (access == 0 || access & ~(uint32_t)WIRE_USE)
        return say(&request->why, -EINVAL, "not an access: write, read or both are expected");
    *ret = access;
    return 0;
}

/* ---- who ---- */

/* The caller himself, as the kernel told of him: of the groups that he says to have, he could have
 * none, and learn by them what others are granted. */
static int take_caller(struct request *request, struct person *ret)
{
    struct peer *peer = request->caller->peer;

    peer_learn_groups(peer, request->caller->fd);
    ret->who = peer->credentials;
    ret->caller = true;
    return 0;
}

static int take_other(struct request *request, uint32_t uid, struct person *ret)
{
    const struct credentials *caller = &request->caller->peer->credentials;

    if (uid == caller->uid)
        return take_caller(request, ret);
    return say(&request->why, -EACCES,
               "uid %u may ask about itself only: ask about others with --admin, at the "
               "administrators' socket",
               caller->uid);
}

static int read_groups(struct request *request, const struct wire_field *field, struct person *ret)
{
    size_t n = field->size / sizeof *ret->groups;

    if (n == 0)
        return 0;
    ret->groups = calloc(n, sizeof *ret->groups);
    if (!ret->groups)
        return say(&request->why, -EAGAIN, "the broker is short of memory");
    ret->who.groups = ret->groups;
    ret->who.n_groups = n;
    if (wire_get_u32s(field, ret->groups, n) < 0)
        return request_malformed(request, "groups that are no numbers");
    groups_sort(ret->groups, n);
    return 0;
}

/* A name and no pattern. */
static int read_unit(struct request *request, const struct wire_field *field, struct person *ret)
{
    if (!field->value)
        return 0;
    if (field->size <= UNIT_NAME_MAX)
        memcpy(ret->unit, field->value, field->size);
    if (strlen(ret->unit) != field->size || !unit_name_is_valid(ret->unit))
        return say(&request->why, -EINVAL,
                   "not the name of a unit that processes can be in, such as shop.service");
    ret->who.unit = ret->unit;
    return 0;
}

static int read_person(struct request *request, const struct question *question, struct person *ret)
{
    bool beside = question->groups.value || question->unit.value;
    uint32_t uid, gid;
    int r;

    if (!question->uid.value && !question->gid.value && !beside)
        return take_caller(request, ret);
    if (!question->uid.value || !question->gid.value)
        return request_malformed(request, "a user without a group, or a group without a user");
    if (wire_get_u32(&question->uid, &uid) < 0 || wire_get_u32(&question->gid, &gid) < 0 ||
        question->groups.size % sizeof *ret->groups != 0)
        return request_malformed(request, "a user or a group that is no number");
    if (!request->caller->admin)
        return take_other(request, uid, ret);
    ret->who = (struct credentials){.uid = uid, .gid = gid};
    r = read_groups(request, &question->groups, ret);
    return r < 0 ? r : read_unit(request, &question->unit, ret);
}

/* ---- the answer ---- */

/* The least line that would grant what is missing. */
static void put_help(struct request *request, const struct declaration *declaration,
                     const struct credentials *who, unsigned missing)
{
    struct subject subject = {.type = SUBJECT_ANY};
    char text[700], buffer[UNIT_NAME_MAX + 16];

    if (who->uid != ID_NOBODY)
        subject = (struct subject){.type = SUBJECT_USER, .id = who->uid};
    else if (who->gid != ID_NOBODY)
        subject = (struct subject){.type = SUBJECT_GROUP, .id = who->gid};
    else if (who->unit)
        subject = (struct subject){.type = SUBJECT_UNIT, .name = (char *)(uintptr_t)who->unit};
    (void)snprintf(text, sizeof text, "'%s = %s' in a [grant:%s] section",
                   kind_words(declaration->kind, missing),
                   subject_format(&subject, buffer, sizeof buffer), declaration->name);
    wire_put_fact_text(&request->reply->writer, WIRE_FACT_TEXT, "would_help", text);
}

/* All that somebody has at the main socket. The caller's unit may have to be looked at for it. */
static unsigned access_of(struct request *request, const struct declaration *declaration,
                          struct person *person)
{
    unsigned has;

    if (!person->caller)
        return grants_access(&declaration->grants, &person->who);
    has = request_access(request, &declaration->grants, WIRE_USE);
    person->who = request->caller->peer->credentials;
    return has;
}

static void answer(struct request *request, const struct declaration *declaration, unsigned access,
                   struct person *person)
{
    struct wire_writer *writer = &request->reply->writer;
    unsigned has = access_of(request, declaration, person);
    const struct credentials *who = &person->who;
    char subject[CREDENTIALS_SIZE];

    wire_put_fact_boolean(writer, "allowed", !(access & ~has));
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "subject",
                       credentials_format(who, subject, sizeof subject));
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "name", declaration->name);
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "kind", declaration->kind->name);
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "asked", kind_words(declaration->kind, access));
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "access", kind_words(declaration->kind, has));
    if (access & ~has)
        put_help(request, declaration, who, access & ~has);
    request_put_grants(request, declaration, who, request_may_observe(request));
}

int request_can(struct request *request)
{
    _cleanup_(person_deinit) struct person person = {0};
    struct question question = {0};
    struct object *object;
    unsigned access = 0;
    int r;

    r = read_question(request, &question);
    if (r >= 0)
        r = read_access(request, &question, &access);
    if (r >= 0)
        r = read_person(request, &question, &person);
    if (r >= 0)
        r = request_find(request, (const char *)question.name.value, question.name.size, &object);
    if (r >= 0)
        r = declaration_check_access(object->declaration, access, &request->why);
    if (r < 0)
        return r;
    answer(request, object->declaration, access, &person);
    return 0;
}
