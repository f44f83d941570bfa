#include "tools/access.h"

#include "tools/ctl.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned access, kinds; /* kinds 0: any */
} words[] = {
    {"send", IPCB_SEND, IPCB_ONLY(IPCB_QUEUE)},
    {"receive", IPCB_RECEIVE, IPCB_ONLY(IPCB_QUEUE)},
    {"write", IPCB_WRITE, IPCB_ONLY(IPCB_PIPE)},
    {"read", IPCB_READ, IPCB_ONLY(IPCB_PIPE)},
    {"use", IPCB_USE, 0},
};

unsigned access_from(const char *word, unsigned *ret_kinds)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i].name, word) == 0) {
            *ret_kinds = words[i].kinds;
            return words[i].access;
        }
    (void)ctl_usage("'%s' is not an access; expected send, receive, write, read or use", word);
    return 0;
}
