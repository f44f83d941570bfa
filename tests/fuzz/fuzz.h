/* What the fuzz targets share. A target is one function of libFuzzer's form, which aborts when
 * something does not hold; run.c plays the corpora with it where there is no libFuzzer. */
#pragma once

#include "base/base.h"
#include "protocol/wire.h"

/* One input; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold: else says so, and aborts. */
#define ORACLE(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_fail(__FILE__, __LINE__, __VA_ARGS__);                                            \
    } while (0)

void fuzz_fail(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

/* An input that is taken bit by bit; 0 past its end. */
struct bytes {
    const uint8_t *at;
    size_t left;
};

uint8_t take_byte(struct bytes *bytes);
/* At most N bytes; *ret_size tells how many there were. */
const uint8_t *take_bytes(struct bytes *bytes, size_t n, size_t *ret_size);

/* A copy of just that size, so that a sanitizer sees a read behind it; to be freed. */
void *exact_copy(const void *data, size_t size);
/* How many descriptors this process has open. */
size_t count_open(void);
