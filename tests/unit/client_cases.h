/* The cases of test-client, a file each. */
#pragma once

#include "client/ipcbroker.h"
#include "tests/unit/fake_broker.h"

#undef NDEBUG
#include <check.h>

TCase *handle_cases(void);
TCase *acquire_cases(void);
TCase *reply_cases(void);
TCase *connection_cases(void);
TCase *facts_cases(void);
TCase *async_cases(void);
TCase *proof_cases(void);
TCase *restart_cases(void);
TCase *watch_cases(void);

/* A handle for the fake broker. */
static inline struct ipcb *connect_to(const struct fake *fake)
{
    struct ipcb *b = NULL;

    ck_assert_int_eq(ipcb_new(&b, fake->path), 0);
    return b;
}

#define ck_assert_says(b, part)                                                                    \
    ck_assert_msg(strstr(ipcb_message(b), part), "the sentence is: %s", ipcb_message(b))
