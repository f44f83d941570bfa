/* Asynchronous calls to a fake broker, and what was told of them. */
#pragma once

#include "tests/unit/client_cases.h"

/* ---- in the child ---- */

/* Answers an acquire by an eventfd whose inode, as told, is the number that was asked for as name.
 */
void answer(int fd, const struct fake_request *request);
/* Receives an acquire and answers it. */
void answer_next(int fd);
/* Answers without descriptors; of an error, that it is about the first item. */
void answer_status(int fd, const struct fake_request *request, int status);

/* ---- in the test ---- */

#define N_CALLS 100

/* What was told, in the order in which it was, and the sentence of the last. */
struct told {
    int r;
    unsigned number; /* the inode */
    unsigned asked;  /* the userdata */
};
extern struct told told[N_CALLS];
extern size_t n_told;
extern struct sentence last;

/* Keeps what is told in `told`, and closes what came. */
void on_acquired(struct ipcb *b, int r, struct ipcb_item *items, size_t n, void *userdata);
/* Starts a call for the object of that number, which is told to on_acquired(). */
struct ipcb_call *ask_with(struct ipcb *b, unsigned number, unsigned flags, int64_t timeout_us);
struct ipcb_call *ask(struct ipcb *b, unsigned number);
/* Runs an event loop until so many calls were told of. */
void run_until_told(struct ipcb *b, size_t n);
/* Whether the handle has something to do. */
bool is_readable(struct ipcb *b);
/* Acquires the object of that number, waiting, and returns the number that it says it has. */
unsigned acquire_number(struct ipcb *b, unsigned number);
