/* What the files that answer requests share. */
#pragma once

#include "daemon/reload.h"
#include "daemon/request.h"

/* A request while it is answered. */
struct request {
    const struct desk *desk;
    const struct caller *caller;
    struct wire_header header;
    size_t size; /* of its frame */
    struct wire_reader fields;
    struct reply *reply;
    struct sentence why;
    int unit_error; /* an answer needs the caller's unit: -ENOKEY: he has to prove who he is;
                       -EAGAIN: not now */
};

/* What the grants give the caller as far as WANTED needs it: his unit is only looked at if it would
 * decide. Whoever asks on the admin socket is not favoured. */
unsigned request_access(struct request *request, const struct grants *grants, unsigned wanted);

/* Whether the caller may see what he holds no grant on. */
bool request_may_observe(struct request *request);

/* The object of that name. -ENOENT or -EINVAL, with a sentence. */
int request_find(struct request *request, const char *name, size_t size,
                 struct object **ret) _must_check_;
/* The same of declared ones only. */
int request_find_declared(struct request *request, const char *name, size_t size,
                          struct object **ret) _must_check_;
/* Words that the request is malformed: WHAT. Returns -EBADMSG. */
int request_malformed(struct request *request, const char *what);
/* Words that a field which means nothing here is critical. Returns -EOPNOTSUPP. */
int request_not_known(struct request *request, const struct wire_field *field);

/* 1: the next field that is of TYPE; others are skipped unless they are critical. */
int request_next_of(struct request *request, unsigned type, struct wire_field *ret) _must_check_;
/* The same for requests that change something and have one such field: what lies behind it is
 * looked at now, since a request that is refused must have changed nothing. */
int request_only_of(struct request *request, unsigned type, struct wire_field *ret) _must_check_;

/* Adds the grants of an object that match WHO (NULL: all), with their PLACES if wanted. A reply
 * holds a few hundred; whoever has more is told how many are not shown. */
void request_put_grants(struct request *request, const struct declaration *declaration,
                        const struct credentials *who, bool places);

/* Words that the answer is not there yet: the request waits for the end of RUN of a reload, or for
 * any (0). Returns 0, -EBUSY when too many of the client's wait already, or -EMSGSIZE when it is
 * too long to be kept. */
int request_wait(struct request *request, uint64_t run);

/* ---- request_unit.c ---- */

/* Looks at the caller's unit, whoever decides by it; sets unit_error if it cannot be told. */
void request_learn_unit(struct request *request);
/* Makes the reply one that says why it could not be told, and asks for a proof if that helps. */
void request_refuse_unit(struct request *request);
int request_prove(struct request *request);

/* ---- request_await.c ---- */

int request_await(struct request *request);
int request_cancel(struct request *request);

/* ---- request_reload.c ---- */

int request_reload(struct request *request, enum run_sort sort);

/* ---- request_replace.c ---- */

int request_replace(struct request *request);
int request_purge(struct request *request);

/* ---- request_can.c ---- */

int request_can(struct request *request);

/* ---- request_config.c ---- */

int request_config(struct request *request);
