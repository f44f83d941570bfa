/* Plays a corpus with a fuzz target: each file, what is left of it when it ends early, and each
 * with single bits turned. A test of its own in every build. The program's name, run-NAME, tells
 * which corpus; or its arguments are files. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>

#define INPUT_MAX 70000
#define PREFIXES  300 /* of each file, at most */
#define FLIPS     300

static unsigned n_inputs;

static void play(const uint8_t *data, size_t size)
{
    (void)LLVMFuzzerTestOneInput(data, size);
    n_inputs++;
}

static void play_variants(uint8_t *data, size_t size)
{
    size_t step = size / PREFIXES + 1, bits = size * 8, stride = bits / FLIPS + 1;

    play(data, size);
    for (size_t end = 0; end < size; end += step)
        play(data, end);
    for (size_t bit = 0; bit < bits; bit += stride) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        play(data, size);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* The name is printed before, so that a crash has one. */
static void play_file(const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *file = fopen(path, "re");
    size_t size;

    ORACLE(file, "%s: %s", path, strerror(errno));
    size = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    (void)printf("# %s\n", path);
    (void)fflush(stdout);
    play_variants(data, size);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static unsigned play_directory(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, is_visible, alphasort);

    ORACLE(n > 0, "%s: no corpus", path);
    for (int i = 0; i < n; i++) {
        char file[4096 + 256 + 2];

        (void)snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        play_file(file);
        free(entries[i]);
    }
    free(entries);
    return (unsigned)n;
}

int main(int argc, char **argv)
{
    const char *source = getenv("TEST_SRCDIR"), *name = strrchr(argv[0], '-');
    char path[4096];
    unsigned n = (unsigned)argc - 1;

    if (argc == 1 && geteuid() != 0) {
        (void)puts("1..0 # SKIP needs root");
        return EXIT_SUCCESS;
    }
    for (int i = 1; i < argc; i++)
        play_file(argv[i]);
    if (argc == 1) {
        ORACLE(source && name, "TEST_SRCDIR is not set, or this is not run-NAME");
        (void)snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", source, name + 1);
        n = play_directory(path);
    }
    (void)printf("ok 1 - %u files, %u inputs\n1..1\n", n, n_inputs);
    return EXIT_SUCCESS;
}
