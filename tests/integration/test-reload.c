/* Reload, plan, and the rules of what leaves and comes back: the real daemon. */
#include "tests/check_main.h"
#include "tests/integration/reload_cases.h"

struct ipcb *administrator(void)
{
    struct ipcb *b = NULL;

    ck_assert_int_eq(ipcb_new(&b, broker.admin), 0);
    (void)ipcb_set_timeout(b, 120 * INT64_C(1000000));
    return b;
}

static struct ipcb_list *run(int (*ask)(struct ipcb *b, struct ipcb_list **ret))
{
    struct ipcb *b = administrator();
    struct ipcb_list *list = NULL;
    int r = ask(b, &list);

    ck_assert_msg(r == 0, "%s: %s", strerror(-r), ipcb_message(b));
    ck_assert_uint_ge(ipcb_list_count(list), 1);
    (void)ipcb_free(b);
    (void)fixture_says_ready(
        &broker); /* which nobody else takes from the service manager's socket */
    return list;
}

struct ipcb_list *reload(void)
{
    return run(ipcb_reload);
}

struct ipcb_list *plan(void)
{
    return run(ipcb_plan);
}

void reload_to(const char *state)
{
    struct ipcb_list *list = reload();

    ck_assert_str_eq(summary(list, "state"), state);
    (void)ipcb_list_free(list);
}

static const char *text_in(const struct ipcb_facts *facts, const char *key)
{
    const struct ipcb_fact *fact = ipcb_facts_find(facts, key);

    return fact ? fact->text : "";
}

const char *summary(const struct ipcb_list *list, const char *key)
{
    return text_in(ipcb_list_at(list, 0), key);
}

bool has_change(const struct ipcb_list *list, const char *change, const char *name,
                const char *detail)
{
    for (size_t i = 1; i < ipcb_list_count(list); i++) {
        const struct ipcb_facts *line = ipcb_list_at(list, i);

        if (strcmp(text_in(line, "change"), change) == 0 &&
            strcmp(text_in(line, "name"), name) == 0 &&
            (!detail || strstr(text_in(line, "detail"), detail)))
            return true;
    }
    return false;
}

size_t count_changes(const struct ipcb_list *list)
{
    size_t n = 0;

    for (size_t i = 1; i < ipcb_list_count(list); i++)
        n += ipcb_facts_find(ipcb_list_at(list, i), "change") != NULL;
    return n;
}

void expect_problem(const struct ipcb_list *list, const char *place, const char *text)
{
    for (size_t i = 1; i < ipcb_list_count(list); i++) {
        const char *problem = text_in(ipcb_list_at(list, i), "problem");

        if (strstr(problem, place) && strstr(problem, text))
            return;
    }
    ck_abort_msg("no problem %s ... %s", place, text);
}

const char *state_of(const char *name)
{
    static char state[32];
    struct ipcb *b = administrator();
    struct ipcb_facts *facts = NULL;
    int r = ipcb_show(b, name, &facts);

    (void)snprintf(state, sizeof state, "%s", r == 0 ? text_in(facts, "state") : "");
    ck_assert_msg(r == 0 || r == -ENOENT, "%s: %s", name, ipcb_message(b));
    if (r == 0)
        (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    return state;
}

uint64_t number_of(const char *name, const char *key)
{
    struct ipcb *b = administrator();
    struct ipcb_facts *facts = show(b, name);
    uint64_t number = fact_number(facts, key);

    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    return number;
}

void remove_drop_in(const char *name)
{
    char path[300];

    (void)snprintf(path, sizeof path, "%s.d/%s", broker.config, name);
    ck_assert_int_eq(unlink(path), 0);
}

int main(void)
{
    Suite *suite;

    if (!check_is_root())
        return 0;
    suite = suite_create("reload");
    add_files(suite);
    add_rules(suite);
    add_storms(suite);
    add_watch(suite);
    return check_main(suite);
}
