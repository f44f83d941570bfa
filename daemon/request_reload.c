/*
 * The requests RELOAD and PLAN: both are answered by what a run came to, which is a summary, then
 * what is wrong with the files, then what changes.
 *
 * The answer comes in pages. A cursor is the number of the run and the next line of its outcome.
 */
#include "daemon/request_parts.h"

#include <string.h>

#define CURSOR_ROOM 16u

static void put_text(struct wire_writer *writer, const char *key, const char *text)
{
    wire_put_fact_text(writer, WIRE_FACT_TEXT, key, text);
}

static size_t count(const struct changes *changes, const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < changes->n; i++)
        n += strcmp(changes->items[i].what, what) == 0;
    return n;
}

static void put_summary(struct wire_writer *writer, const struct outcome *outcome)
{
    static const char *const words[] = {"created", "changed", "differs", "retired",
                                        "revived", "removed", "two-way"};

    put_text(writer, "state", outcome->state);
    if (outcome->why.text[0])
        put_text(writer, "why", outcome->why.text);
    wire_put_fact_number(writer, "errors", outcome->problems.n_errors);
    wire_put_fact_number(writer, "left_out_files", outcome->n_left_out);
    wire_put_fact_number(writer, "stale_files", outcome->n_stale);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        wire_put_fact_number(writer, words[i], count(&outcome->changes, words[i]));
}

static void put_problem(struct wire_writer *writer, const struct problem *problem)
{
    char text[8192];

    put_text(writer, "severity", problem->severity == SEVERITY_ERROR ? "error" : "warning");
    put_text(writer, "problem", problem_format_bare(problem, text, sizeof text));
}

static void put_change(struct wire_writer *writer, const struct change *change)
{
    put_text(writer, "name", change->name);
    put_text(writer, "kind", change->kind);
    put_text(writer, "change", change->what);
    if (change->detail[0])
        put_text(writer, "detail", change->detail);
}

/* The I-th line; false: there is none. */
static bool put_line(struct wire_writer *writer, const struct outcome *outcome, size_t i)
{
    size_t mark = wire_open(writer, WIRE_FIELD_OBJECT);

    if (i == 0)
        put_summary(writer, outcome);
    else if (--i < outcome->problems.n)
        put_problem(writer, &outcome->problems.items[i]);
    else if ((i -= outcome->problems.n) < outcome->changes.n)
        put_change(writer, &outcome->changes.items[i]);
    else {
        wire_rewind(writer, mark);
        return false;
    }
    wire_close(writer, mark);
    return true;
}

static int put_page(struct request *request, const struct outcome *outcome, size_t i)
{
    struct wire_writer *writer = &request->reply->writer;
    size_t mark = writer->size;

    writer->capacity -= CURSOR_ROOM;
    while (put_line(writer, outcome, i) && !writer->overflow) {
        mark = writer->size;
        i++;
    }
    writer->capacity += CURSOR_ROOM;
    if (!writer->overflow)
        return 0;
    wire_rewind(writer, mark);
    wire_put_u32s(writer, WIRE_FIELD_CURSOR, (uint32_t[]){(uint32_t)outcome->run, (uint32_t)i}, 2);
    return 0;
}

int request_reload(struct request *request, enum run_sort sort)
{
    struct reload *reload = request->desk->reload;
    const struct outcome *outcome = reload_outcome(reload, sort);
    const struct kept *kept = request->caller->kept;
    struct wire_field cursor;
    uint32_t at[2];
    int r = request_next_of(request, WIRE_FIELD_CURSOR, &cursor);

    if (r < 0)
        return r;
    if (r > 0) {
        if (wire_get_u32s(&cursor, at, 2) < 0 || !outcome || at[0] != (uint32_t)outcome->run)
            return say(&request->why, -ESTALE, "there was another run since that page: ask again");
        return put_page(request, outcome, at[1]);
    }
    if (!kept && request->caller->n_waiting < KEPT_WAITING_MAX)
        return request_wait(request, reload_want(reload, sort));
    if (!kept || !outcome || outcome->run <= kept->run)
        return request_wait(request, kept ? kept->run : 0);
    return put_page(request, outcome, 0);
}
