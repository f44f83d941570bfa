#include "tools/ctl.h"
#include "tools/json.h"

#include <string.h>

#define LINE_MOST 198 /* bytes of a line that the broker reads */

/* The end of ORIGIN, where the file and the line are, as far as there is room behind TEXT. */
static void print_line(const char *text, const char *origin)
{
    size_t used = strlen(text) + strlen(" ; "), size = strlen(origin);
    size_t room = used < LINE_MOST ? LINE_MOST - used : 0;

    if (size <= room)
        (void)printf("%s ; %s\n", text, origin);
    else if (room > 16)
        (void)printf("%s ; ...%s\n", text, origin + size - (room - 3));
    else
        (void)puts(text);
}

static void print_header(const struct ipcb_facts *section)
{
    const char *declared = ctl_fact(section, "declared");
    char header[256];

    (void)snprintf(header, sizeof header, "[%s]", ctl_fact(section, "section"));
    if (*declared)
        print_line(header, declared);
    else
        (void)puts(header);
}

static void print_settings(const struct ipcb_facts *section)
{
    for (size_t i = 0; i + 1 < ipcb_facts_count(section); i++)
        if (strcmp(ipcb_facts_at(section, i)->key, "setting") == 0)
            print_line(ipcb_facts_at(section, i)->text, ipcb_facts_at(section, i + 1)->text);
}

/* What is one section stays one: a configuration may have it once. */
static int print_text(const struct ipcb_list *list)
{
    const char *last = "";

    for (size_t i = 0; i < ipcb_list_count(list); i++) {
        const struct ipcb_facts *section = ipcb_list_at(list, i);

        if (strcmp(ctl_fact(section, "section"), last) != 0) {
            if (i > 0)
                (void)putchar('\n');
            print_header(section);
        }
        last = ctl_fact(section, "section");
        print_settings(section);
    }
    return ctl_flush();
}

int verb_config(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(list_freep) struct ipcb_list *list = NULL;
    int r;

    if (!ctl_arguments(ctl, argc, argv, 0, 0))
        return EXIT_USAGE;
    r = ctl_connect(ctl);
    if (r != EXIT_DONE)
        return r;
    r = ipcb_config(ctl->broker, &list);
    if (r < 0)
        return ctl_broker_error(ctl, r);
    return ctl->json ? json_print_list(list, NULL) : print_text(list);
}
