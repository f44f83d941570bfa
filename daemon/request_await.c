/* The requests AWAIT, which is answered once an object of a name is declared, and CANCEL. */
#include "daemon/request_parts.h"

/* One that is asked for again has been taken off the sums before. */
static int check_room(struct request *request)
{
    const struct caller *caller = request->caller;
    struct sentence *why = &request->why;

    if (caller->n_waiting >= KEPT_WAITING_MAX)
        return say(why, -EBUSY, "%u requests of this connection wait already", KEPT_WAITING_MAX);
    if (!caller->user)
        return 0;
    if (caller->user->kept.waiting >= KEPT_WAITING_USER)
        return say(why, -EBUSY, "%u requests of uid %u wait already", KEPT_WAITING_USER,
                   caller->user->uid);
    if (request->desk->quota.kept.waiting >= KEPT_WAITING_ALL)
        return say(why, -EBUSY, "%u requests of all users wait already", KEPT_WAITING_ALL);
    return 0;
}

int request_wait(struct request *request, uint64_t run)
{
    int r = check_room(request);

    if (r < 0)
        return r;
    if (request->size > KEPT_WAITING_SIZE)
        return say(&request->why, -EMSGSIZE, "a request that has to wait may have %u bytes at most",
                   KEPT_WAITING_SIZE);
    request->reply->later = true;
    request->reply->run = run;
    return 0;
}

/* Whoever waits learns that a name is declared, which a request for it would tell him, too. */
int request_await(struct request *request)
{
    struct wire_field field;
    struct object *object;
    int r = request_next_of(request, WIRE_FIELD_NAME, &field);

    if (r < 0)
        return r;
    if (r == 0)
        return request_malformed(request, "an await without a name");
    r = request_find_declared(request, (const char *)field.value, field.size, &object);
    return r == -ENOENT ? request_wait(request, 0) : r;
}

int request_cancel(struct request *request)
{
    struct wire_field field;
    uint32_t serial;
    int r = request_only_of(request, WIRE_FIELD_SERIAL, &field);

    if (r < 0)
        return r;
    if (r == 0 || wire_get_u32(&field, &serial) < 0)
        return request_malformed(request, "a cancel without a serial");
    if (!kept_find(request->caller->waiting, serial))
        return say(&request->why, -ENOENT, "no request %u of this connection waits", serial);
    request->reply->cancel = serial;
    return 0;
}
