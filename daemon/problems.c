#include "daemon/problems.h"

#include <stdarg.h>
#include <string.h>

static bool same_path(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The rank of the file that a new problem is about. */
static size_t file_rank(const struct problems *problems, const char *path)
{
    size_t next = 0;

    for (size_t i = problems->n; i-- > 0;) {
        if (same_path(problems->items[i].path, path))
            return problems->items[i].file;
        if (problems->items[i].file >= next)
            next = problems->items[i].file + 1;
    }
    return next;
}

_printf_(4, 0) static int keep(struct problems *problems, enum severity severity,
                               struct place place, const char *format, va_list arguments)
{
    struct problem *items = reallocarray(problems->items, problems->n + 1, sizeof *items);
    _cleanup_free_ char *path = NULL, *text = NULL;
    size_t file;

    if (!items)
        return -ENOMEM;
    problems->items = items;
    if (place.path && !(path = strdup(place.path)))
        return -ENOMEM;
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL; /* undefined after a failure */
        return -ENOMEM;
    }
    file = file_rank(problems, path);
    items[problems->n] = (struct problem){
        .severity = severity,
        .file = file,
        .turn = problems->n,
        .line = place.line,
        .path = TAKE_PTR(path),
        .text = TAKE_PTR(text),
    };
    problems->n++;
    return 0;
}

void problems_add(struct problems *problems, enum severity severity, struct place place,
                  const char *format, ...)
{
    va_list arguments;

    if (!problems)
        return;
    if (severity == SEVERITY_ERROR)
        problems->n_errors++;
    if (problems->n >= PROBLEMS_KEPT_MAX) {
        problems->n_dropped++;
        return;
    }
    va_start(arguments, format);
    if (keep(problems, severity, place, format, arguments) < 0)
        problems->out_of_memory = true;
    va_end(arguments);
}

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare(const void *a, const void *b)
{
    const struct problem *left = a, *right = b;
    int r = compare_numbers(left->file, right->file);

    if (r == 0)
        r = compare_numbers(left->line, right->line);
    return r != 0 ? r : compare_numbers(left->turn, right->turn);
}

void problems_sort(struct problems *problems)
{
    if (problems->n > 0)
        qsort(problems->items, problems->n, sizeof *problems->items, compare);
}

static const char *format(const struct problem *problem, const char *mark, char *buffer,
                          size_t size)
{
    if (!problem->path)
        (void)snprintf(buffer, size, "%s%s", mark, problem->text);
    else if (problem->line == 0)
        (void)snprintf(buffer, size, "%s: %s%s", problem->path, mark, problem->text);
    else
        (void)snprintf(buffer, size, "%s:%u: %s%s", problem->path, problem->line, mark,
                       problem->text);
    return buffer;
}

const char *problem_format(const struct problem *problem, char *buffer, size_t size)
{
    return format(problem, problem->severity == SEVERITY_WARNING ? "warning: " : "", buffer, size);
}

const char *problem_format_bare(const struct problem *problem, char *buffer, size_t size)
{
    return format(problem, "", buffer, size);
}

void problems_deinit(struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        free(problems->items[i].path);
        free(problems->items[i].text);
    }
    free(problems->items);
    *problems = (struct problems){0};
}
