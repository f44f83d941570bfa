#include "tools/json.h"
#include "tools/message.h"

static bool parse(struct ctl *ctl, int argc, char **argv, struct receiving *r)
{
    static const struct option options[] = {RECEIVING_OPTIONS, CTL_OPTIONS};
    int c;

    while ((c = ctl_option(ctl, argc, argv, options)) != -1)
        if (!receiving_option(r, c))
            return false;
    return ctl_count_is(argc, 1, 1) && receiving_is_clear(r);
}

/* The message as it is, and a newline. */
static int print(const struct ctl *ctl, const void *message, size_t size, unsigned priority)
{
    if (ctl->json)
        return json_print(json_from_message(message, size, priority));
    (void)fwrite(message, 1, size, stdout);
    (void)putchar('\n');
    return ctl_flush();
}

int verb_receive(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(queue_freep) struct ipcb_queue *q = NULL;
    struct receiving receiving = {.count = 1, .timeout_us = -1};
    int r;

    if (!parse(ctl, argc, argv, &receiving))
        return EXIT_USAGE;
    receiving.name = argv[optind];
    r = ctl_acquire_queue(ctl, receiving.name, IPCB_RECEIVE, &q);
    if (r != EXIT_DONE)
        return r;
    receiving.queue = q;
    return receive_messages(&receiving, print, ctl);
}
