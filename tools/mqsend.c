#include "base/number.h"
#include "tools/message.h"
#include "tools/plain_queue.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

const char ctl_program[] = "mqsend";

static const char help[] =
    "Usage: mqsend [OPTION...] NAME [MESSAGE]\n"
    "\n"
    "Sends MESSAGE to the POSIX message queue NAME. Without MESSAGE sends what stdin\n"
    "has, a message a line.\n"
    "\n"
    "  -c, --create        create the queue if there is none\n"
    "  -n, --nmsg N        then for N messages at most (default: 4)\n"
    "  -s, --maxsz N       of N bytes at most (default: 512)\n"
    "  --priority N        of the message, 0 (the default) to 32767\n"
    "  --timeout SECONDS   wait at most so long while the queue is full; 0: not at all\n"
    "  --null              the messages of stdin end with NUL instead of a newline\n"
    "  --raw               all of stdin is one message, byte for byte\n"
    "  --broker            acquire the queue from ipcbrokerd instead of opening it\n"
    "  -h, --help, -V, --version\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 no broker, 4 denied, 5 timed out or would\n"
    "block, 6 no such queue.\n";

void ctl_help(FILE *file)
{
    (void)fputs(help, file);
}

struct wish {
    struct sending sending;
    struct ipcb_queue_limits limits; /* of a queue that is created */
    bool create, broker, null, raw;
    const char *message; /* NULL: stdin */
};

static bool parse_limit(int c, size_t *ret)
{
    uint64_t limit;

    if (parse_number(optarg, LONG_MAX, &limit) == 0 && limit > 0) {
        *ret = limit;
        return true;
    }
    (void)ctl_usage("%s takes a number from 1, not '%s'", c == 'n' ? "--nmsg" : "--maxsz", optarg);
    return false;
}

static bool take_option(struct wish *wish, int c)
{
    switch (c) {
    case 'c':
        return wish->create = true;
    case 'n':
        return parse_limit(c, &wish->limits.max_messages);
    case 's':
        return parse_limit(c, &wish->limits.message_size);
    case '0':
        return wish->null = true;
    case 'r':
        return wish->raw = true;
    case 'b':
        return wish->broker = true;
    default:
        return sending_option(&wish->sending, c);
    }
}

static int parse(struct ctl *ctl, int argc, char **argv, struct wish *wish)
{
    static const struct option options[] = {{"create", no_argument, NULL, 'c'},
                                            {"nmsg", required_argument, NULL, 'n'},
                                            {"maxsz", required_argument, NULL, 's'},
                                            {"null", no_argument, NULL, '0'},
                                            {"raw", no_argument, NULL, 'r'},
                                            {"broker", no_argument, NULL, 'b'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            SENDING_OPTIONS,
                                            {0}};
    int c;

    ctl->short_options = "cn:s:hV";
    while ((c = ctl_option(ctl, argc, argv, options)) != -1)
        if (!take_option(wish, c))
            return EXIT_USAGE;
    if (!ctl_count_is(argc, 1, 2))
        return EXIT_USAGE;
    wish->sending.name = argv[optind];
    wish->message = argv[optind + 1];
    if (wish->create && wish->broker)
        return ctl_usage("--create and --broker exclude each other");
    if (wish->null && wish->raw)
        return ctl_usage("--null and --raw exclude each other");
    if (wish->message && (wish->null || wish->raw))
        return ctl_usage("--null and --raw are for messages from stdin");
    return EXIT_DONE;
}

static int run(struct ctl *ctl, struct wish *wish)
{
    _cleanup_(queue_freep) struct ipcb_queue *q = NULL;
    struct sending *s = &wish->sending;
    int r;

    if (wish->broker)
        r = ctl_acquire_queue(ctl, s->name, IPCB_SEND, &q);
    else
        r = plain_queue_open(s->name, O_WRONLY | (wish->create ? O_CREAT : 0), &wish->limits, &q);
    if (r != EXIT_DONE)
        return r;
    s->queue = q;
    if (wish->message)
        return send_message(s, wish->message, strlen(wish->message));
    return send_stdin(s, wish->raw ? EOF : wish->null ? '\0' : '\n');
}

int main(int argc, char **argv)
{
    struct wish wish = {.sending = {.timeout_us = -1},
                        .limits = {.max_messages = 4, .message_size = 512}};
    struct ctl ctl = {0};
    int r;

    ctl_start(&ctl, argc, argv);
    r = parse(&ctl, argc, argv, &wish);
    if (r == EXIT_DONE)
        r = run(&ctl, &wish);
    ctl.broker = ipcb_free(ctl.broker);
    return r;
}
