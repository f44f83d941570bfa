#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdarg.h>
#include <string.h>

void fuzz_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;

    (void)fprintf(stderr, "%s:%d: ", file, line);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    abort();
}

uint8_t take_byte(struct bytes *bytes)
{
    if (bytes->left == 0)
        return 0;
    bytes->left--;
    return *bytes->at++;
}

const uint8_t *take_bytes(struct bytes *bytes, size_t n, size_t *ret_size)
{
    const uint8_t *at = bytes->at;

    *ret_size = n < bytes->left ? n : bytes->left;
    bytes->at += *ret_size;
    bytes->left -= *ret_size;
    return at;
}

void *exact_copy(const void *data, size_t size)
{
    void *copy = malloc(size ? size : 1);

    ORACLE(copy, "out of memory");
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

size_t count_open(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t n = 0;

    ORACLE(directory, "/proc/self/fd: %s", strerror(errno));
    while (readdir(directory))
        n++;
    (void)closedir(directory);
    return n - 3; /* . and .. and the directory itself */
}
