#include "base/utf8.h"
#include "tools/message.h"
#include "tools/plain_queue.h"

#include <fcntl.h>

const char ctl_program[] = "mqrecv";

static const char help[] =
    "Usage: mqrecv [OPTION...] NAME\n"
    "\n"
    "Receives a message from the POSIX message queue NAME and prints it: text and a\n"
    "newline, or its bytes as numbers, such as [1, 2, 255], if it is not UTF-8.\n"
    "\n"
    "  --count N           receive N messages\n"
    "  --follow            receive one message after another for ever\n"
    "  --timeout SECONDS   wait at most so long for each; 0: not at all\n"
    "  --null              print each message as it is, with NUL behind it\n"
    "  --raw               print each message as it is, with nothing behind it\n"
    "  --unlink            remove the queue when all have been received\n"
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
    struct receiving receiving;
    bool broker, null, raw, unlink;
};

static bool take_option(struct wish *wish, int c)
{
    switch (c) {
    case '0':
        return wish->null = true;
    case 'r':
        return wish->raw = true;
    case 'u':
        return wish->unlink = true;
    case 'b':
        return wish->broker = true;
    default:
        return receiving_option(&wish->receiving, c);
    }
}

static int parse(struct ctl *ctl, int argc, char **argv, struct wish *wish)
{
    static const struct option options[] = {{"null", no_argument, NULL, '0'},
                                            {"raw", no_argument, NULL, 'r'},
                                            {"unlink", no_argument, NULL, 'u'},
                                            {"broker", no_argument, NULL, 'b'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            RECEIVING_OPTIONS,
                                            {0}};
    int c;

    ctl->short_options = "hV";
    while ((c = ctl_option(ctl, argc, argv, options)) != -1)
        if (!take_option(wish, c))
            return EXIT_USAGE;
    if (!ctl_count_is(argc, 1, 1) || !receiving_is_clear(&wish->receiving))
        return EXIT_USAGE;
    wish->receiving.name = argv[optind];
    if (wish->null && wish->raw)
        return ctl_usage("--null and --raw exclude each other");
    if (wish->unlink && wish->broker)
        return ctl_usage("--unlink and --broker exclude each other");
    if (wish->unlink && wish->receiving.follow)
        return ctl_usage("--unlink and --follow exclude each other");
    return EXIT_DONE;
}

/* ---- printing ---- */

static int print_numbers(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        (void)printf("%s%u", i > 0 ? ", " : "[", bytes[i]);
    (void)puts("]");
    return ctl_flush();
}

static int print_raw(const struct ctl *ctl, const void *message, size_t size, unsigned priority)
{
    (void)ctl;
    (void)priority;
    (void)fwrite(message, 1, size, stdout);
    return ctl_flush();
}

static int print_null(const struct ctl *ctl, const void *message, size_t size, unsigned priority)
{
    return print_raw(ctl, message, size + 1, priority); /* the library puts a NUL behind it */
}

static int print_text(const struct ctl *ctl, const void *message, size_t size, unsigned priority)
{
    (void)ctl;
    (void)priority;
    if (!utf8_is_valid(message, size))
        return print_numbers(message, size);
    (void)fwrite(message, 1, size, stdout);
    (void)putchar('\n');
    return ctl_flush();
}

static int run(struct ctl *ctl, struct wish *wish)
{
    _cleanup_(queue_freep) struct ipcb_queue *q = NULL;
    struct receiving *receiving = &wish->receiving;
    int r;

    if (wish->broker)
        r = ctl_acquire_queue(ctl, receiving->name, IPCB_RECEIVE, &q);
    else
        r = plain_queue_open(receiving->name, O_RDONLY, NULL, &q);
    if (r != EXIT_DONE)
        return r;
    receiving->queue = q;
    r = receive_messages(receiving,
                         wish->raw    ? print_raw
                         : wish->null ? print_null
                                      : print_text,
                         ctl);
    return r == EXIT_DONE && wish->unlink ? plain_queue_unlink(receiving->name) : r;
}

int main(int argc, char **argv)
{
    struct wish wish = {.receiving = {.count = 1, .timeout_us = -1}};
    struct ctl ctl = {0};
    int r;

    ctl_start(&ctl, argc, argv);
    r = parse(&ctl, argc, argv, &wish);
    if (r == EXIT_DONE)
        r = run(&ctl, &wish);
    ctl.broker = ipcb_free(ctl.broker);
    return r;
}
