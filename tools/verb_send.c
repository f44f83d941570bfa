#include "tools/message.h"

#include <string.h>

static bool parse(struct ctl *ctl, int argc, char **argv, struct sending *s)
{
    static const struct option options[] = {SENDING_OPTIONS, CTL_OPTIONS};
    int c;

    while ((c = ctl_option(ctl, argc, argv, options)) != -1)
        if (!sending_option(s, c))
            return false;
    return ctl_count_is(argc, 1, 2);
}

int verb_send(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(queue_freep) struct ipcb_queue *q = NULL;
    struct sending s = {.timeout_us = -1};
    const char *text;
    int r;

    if (!parse(ctl, argc, argv, &s))
        return EXIT_USAGE;
    s.name = argv[optind];
    text = argv[optind + 1];
    r = ctl_acquire_queue(ctl, s.name, IPCB_SEND, &q);
    if (r != EXIT_DONE)
        return r;
    s.queue = q;
    if (!text || strcmp(text, "-") == 0)
        return send_stdin(&s, EOF);
    return send_message(&s, text, strlen(text));
}
