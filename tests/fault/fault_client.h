/* What the scenarios of fault-client share. */
#pragma once

#include "client/internal.h"
#include "tests/fault/fault.h"

#define TIMEOUT 200000 /* microseconds */

/* Of a call to the broker: long, so that only what failed may end it, however slow the machine is;
 * but short for what may never end by itself. */
int64_t patience(void);

/* Something is not as it shall be: told, and the exit status. */
void wrong(const char *what, int r, const char *sentence);
/* Whether calls are counted and fail. */
void arm(int armed);
/* R is a result, or an error of B with its sentence; B may be NULL. Returns R. */
int judge(const char *what, int r, const struct ipcb *b);
/* NULL: there was no memory. */
struct ipcb *connect_to(const char *socket);

/* Acquires that are told of later: one that is there, one that never will be, one that is
 * cancelled. */
void ask_later(const char *socket);
/* A handle that watches, whose connection dies. */
void watch(const char *socket);
/* Wrappers that get the object anew. */
void renew(const char *socket);
/* Without a broker. */
void use_plain_queue(const char *socket);
void use_plain_events(const char *socket);
