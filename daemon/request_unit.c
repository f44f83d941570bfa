/*
 * The caller's unit, where a grant depends on it, and the request PROVE.
 *
 * Where the kernel does not tell which process is at the other end, the request that needs the unit
 * is answered by a nonce. The client repeats it in a PROVE, and sends the request again.
 */
#include "daemon/request_parts.h"

/* A proof that is asked for takes a descriptor, for as long as the client likes: it takes the place
 * of one more client. */
static bool has_room(const struct desk *desk, const struct user *user)
{
    return !user || (user->n_clients + user->n_proofs < desk->config->max_clients_per_user &&
                     desk->n_clients + desk->quota.n_proofs < desk->config->max_clients);
}

void request_learn_unit(struct request *request)
{
    const struct caller *caller = request->caller;
    const struct desk *desk = request->desk;
    int r = peer_learn_unit(caller->peer, caller->fd, &desk->units, has_room(desk, caller->user));

    if (r < 0)
        request->unit_error = r;
}

void request_refuse_unit(struct request *request)
{
    struct reply *reply = request->reply;
    const struct proof *proof = request->caller->peer->proof;
    bool ask = request->unit_error == -ENOKEY && proof;

    reply->later = false;
    reply_error(reply, request->header.type, request->header.serial, request->unit_error,
                ask ? "a grant for a unit may decide, and the kernel does not tell yours: send the "
                      "nonce back in a request PROVE, then this request again"
                    : "the broker is too short of descriptors or memory to look at your unit; ask "
                      "again later");
    if (ask)
        wire_put(&reply->writer, WIRE_FIELD_NONCE, proof->nonce, sizeof proof->nonce);
}

int request_prove(struct request *request)
{
    const struct caller *caller = request->caller;
    struct peer *peer = caller->peer;
    struct wire_field field;
    int r = request_next_of(request, WIRE_FIELD_NONCE, &field);

    if (r < 0)
        return r;
    if (r == 0)
        return request_malformed(request, "a proof without a nonce");
    r = peer_prove(peer, caller->fd, field.value, field.size, &request->desk->units);
    if (r == -EINVAL)
        return say(&request->why, r, "no proof was asked for");
    if (r == -EACCES)
        return say(&request->why, r,
                   "another nonce, or another process than the one that connected (pid %d): this "
                   "connection is of no unit",
                   (int)peer->pid);
    if (r < 0)
        return say(&request->why, r, "the broker is too short of descriptors or memory");
    if (peer->unit)
        wire_put_fact_text(&request->reply->writer, WIRE_FACT_TEXT, "unit", peer->unit);
    return 0;
}
