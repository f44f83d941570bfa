/* The text of a configuration file. What is accepted has no line that inih would misread, and says
 * the same again when it is written down and read anew. The first byte: whether it is a drop-in. */
#include "daemon/config_file.h"
#include "daemon/config_reader.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <string.h>

/* NULL: it is refused. */
static struct config_file *read_text(bool main, const char *text, size_t size)
{
    struct config_file *file = calloc(1, sizeof *file);
    struct problems problems = {0};
    bool refused;

    ORACLE(file, "out of memory");
    file->main = main;
    file->path = strdup("fuzz.conf");
    ORACLE(config_file_take(file, text, size, &problems) == 0, "reading failed");
    ORACLE(problems.n <= PROBLEMS_KEPT_MAX, "%zu problems are kept", problems.n);
    problems_sort(&problems);
    for (size_t i = 0; i < problems.n; i++) {
        char line[4096];

        ORACLE(strlen(problem_format(&problems.items[i], line, sizeof line)) > 0, "empty problem");
    }
    refused = problems.n_errors > 0;
    problems_deinit(&problems);
    return refused ? config_file_free(file) : file;
}

/* ---- writing down ---- */

static void write_grants(FILE *to, const struct grants *grants, const struct kind *kind,
                         const char *word)
{
    char subject[256];

    for (size_t i = 0; i < grants->n; i++)
        (void)fprintf(to, "%s = %s\n", word ? word : kind_words(kind, grants->items[i].access),
                      subject_format(&grants->items[i].subject, subject, sizeof subject));
}

static void write_broker(FILE *to, const struct broker_section *broker)
{
    if (broker->place.line == 0)
        return;
    (void)fprintf(to, "[broker]\n");
    if (broker->socket)
        (void)fprintf(to, "socket = %s\n", broker->socket);
    if (broker->admin_socket)
        (void)fprintf(to, "admin_socket = %s\n", broker->admin_socket);
    if (broker->max_clients)
        (void)fprintf(to, "max_clients = %" PRIu64 "\n", broker->max_clients);
    if (broker->max_clients_per_user)
        (void)fprintf(to, "max_clients_per_user = %" PRIu64 "\n", broker->max_clients_per_user);
    write_grants(to, &broker->admin, NULL, "admin");
    if (broker->observe_place.line && broker->observe.n == 0)
        (void)fprintf(to, "observe =\n");
    write_grants(to, &broker->observe, NULL, "observe");
}

static void write_object(FILE *to, const struct declaration *declaration)
{
    const struct kind *kind = declaration->kind;
    char value[512];

    (void)fprintf(to, "[%s:%s]\n", kind->name, declaration->name);
    for (size_t i = 0; i < kind->n_keys; i++) {
        kind->settings_text(declaration, NAMING_ALL, kind->keys[i].name, value, sizeof value);
        if (*value)
            (void)fprintf(to, "%s = %s\n", kind->keys[i].name, value);
    }
    write_grants(to, &declaration->grants, kind, NULL);
}

static void write_grant_section(FILE *to, const struct grant_section *section)
{
    char subject[256];

    (void)fprintf(to, "[grant:%s]\n", section->name);
    for (size_t i = 0; i < section->n; i++)
        (void)fprintf(to, "%s = %s\n", section->items[i].word,
                      subject_format(&section->items[i].subject, subject, sizeof subject));
}

static char *write_down(const struct config_file *file)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    ORACLE(to, "out of memory");
    write_broker(to, &file->broker);
    for (size_t i = 0; i < file->n_objects; i++)
        write_object(to, file->objects[i]);
    for (size_t i = 0; i < file->n_grants; i++)
        write_grant_section(to, &file->grants[i]);
    ORACLE(fclose(to) == 0, "out of memory");
    return text;
}

/* ---- the target ---- */

static void check_lines(const char *text, size_t size)
{
    const char *end;

    ORACLE(!memchr(text, '\0', size), "a NUL is accepted");
    ORACLE(!memchr(text, '\r', size), "a CR is accepted");
    for (; size > 0; size -= (size_t)(end - text), text = end) {
        end = memchr(text, '\n', size);
        ORACLE((end ? (size_t)(end - text) : size) <= CONFIG_LINE_MAX, "a long line is accepted");
        end = end ? end + 1 : text + size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    bool main = take_byte(&bytes) % 2 == 0;
    char *text = exact_copy(bytes.at, bytes.left), *again, *third;
    struct config_file *file = read_text(main, text, bytes.left);

    if (!file) {
        free(text);
        return 0;
    }
    check_lines(text, bytes.left);
    again = write_down(file);
    (void)config_file_free(file);
    file = read_text(main, again, strlen(again));
    ORACLE(file, "what was accepted is refused when written down:\n%s", again);
    third = write_down(file);
    ORACLE(strcmp(again, third) == 0, "read anew it says something else:\n%s\n%s", again, third);
    (void)config_file_free(file);
    free(again);
    free(third);
    free(text);
    return 0;
}
