#include "tools/ctl.h"
#include "tools/json.h"

#include <fnmatch.h>
#include <string.h>

static int longest_key(const struct ipcb_facts *facts)
{
    size_t longest = 0;

    for (size_t i = 0; i < ipcb_facts_count(facts); i++) {
        size_t size = strlen(ipcb_facts_at(facts, i)->key);
        longest = size > longest ? size : longest;
    }
    return (int)longest;
}

/* A line a fact; the key of a list stands at its first element only. */
static void print_lines(const struct ipcb_facts *facts)
{
    int width = longest_key(facts);
    const char *last = "";

    for (size_t i = 0; i < ipcb_facts_count(facts); i++) {
        const struct ipcb_fact *fact = ipcb_facts_at(facts, i);
        bool again = fact->is_list && strcmp(fact->key, last) == 0;

        (void)printf("%-*s  %s\n", width, again ? "" : fact->key, fact->text);
        last = fact->key;
    }
}

const char *ctl_fact(const struct ipcb_facts *facts, const char *key)
{
    const struct ipcb_fact *fact = ipcb_facts_find(facts, key);

    return fact ? fact->text : "";
}

bool ctl_matches(const struct ipcb_facts *facts, const char *pattern)
{
    return !pattern || fnmatch(pattern, ctl_fact(facts, "name"), 0) == 0;
}

int ctl_print_facts(const struct ctl *ctl, const struct ipcb_facts *facts)
{
    if (ctl->json)
        return json_print(json_from_facts(facts));
    print_lines(facts);
    return ctl_flush();
}
