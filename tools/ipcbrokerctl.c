#include "tools/ctl.h"

#include <string.h>

static const struct {
    const char *name;
    int (*run)(struct ctl *ctl, int argc, char **argv);
} verbs[] = {
    {"list", verb_list},       {"show", verb_show},       {"status", verb_status},
    {"whoami", verb_whoami},   {"can", verb_can},         {"send", verb_send},
    {"receive", verb_receive}, {"signal", verb_signal},   {"wait", verb_wait},
    {"exec", verb_exec},       {"sandbox", verb_sandbox}, {"config", verb_config},
    {"plan", verb_plan},       {"reload", verb_reload},   {"replace", verb_replace},
    {"purge", verb_purge},
};

const char ctl_program[] = "ipcbrokerctl";

static const char help[] =
    "Usage: ipcbrokerctl [OPTION...] VERB [ARGUMENT...]\n"
    "\n"
    "Looks at what ipcbrokerd owns, and uses it.\n"
    "\n"
    "  list [PATTERN]          the objects that you hold a grant on\n"
    "  show NAME               all that the broker knows of one\n"
    "  status                  how the broker does; exit code 1 when it is degraded\n"
    "  whoami                  who the broker takes you for\n"
    "  can SUBJECT ACCESS NAME whether SUBJECT may, and why; exit code 4 when not\n"
    "  config                  the configuration in force, and where each line is from\n"
    "  plan                    what a reload would do now\n"
    "  reload                  read the configuration anew; exit code 1 unless all of it\n"
    "                          was applied as it stands there\n"
    "  replace NAME            a new object in the place of an empty one\n"
    "  purge NAME | --retired  take what waits in a retired object, and end it; or end all\n"
    "                          retired ones that are empty\n"
    "  send [--priority N] [--timeout SECONDS] NAME [TEXT|-]\n"
    "                          send TEXT, or what stdin has, to a queue\n"
    "  receive [--timeout SECONDS] [--count N | --follow] NAME\n"
    "                          print messages of a queue\n"
    "  signal NAME [N]         add N, or 1, to an eventfd, or so many bytes to a pipe\n"
    "  wait [--timeout SECONDS] NAME\n"
    "                          wait for an eventfd or a pipe, take its count and print it\n"
    "  exec [--wait[=SECONDS]] [--nonblock] NAME[:ACCESS][=ALIAS]... -- PROGRAM...\n"
    "                          become PROGRAM, with descriptors of these objects;\n"
    "                          --wait: when all are declared\n"
    "  sandbox --config FILE -- PROGRAM [ARGUMENT...]\n"
    "                          run PROGRAM with a broker of its own\n"
    "\n"
    "  --socket PATH  the broker's socket (default: $IPCBROKER_SOCKET, then\n"
    "                 " DEFAULT_SOCKET ")\n"
    "  --user         your own broker's socket, below $XDG_RUNTIME_DIR\n"
    "  --admin        the administrators' socket of that broker\n"
    "  --json         print JSON\n"
    "  --help, --version\n"
    "\n"
    "SECONDS may have a fraction; 0: do not wait. Without --timeout: wait for ever.\n"
    "\n"
    "Exit codes: 0 done, 1 failed or degraded, 2 usage, 3 no broker, 4 denied,\n"
    "5 timed out or would block, 6 no such object; of exec and sandbox: PROGRAM's.\n";

void ctl_help(FILE *file)
{
    (void)fputs(help, file);
}

/* The options before the verb. Returns an exit code. */
static int parse(struct ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"user", no_argument, NULL, 'u'},
                                            {"admin", no_argument, NULL, 'a'},
                                            {"version", no_argument, NULL, 'V'},
                                            CTL_OPTIONS};
    int c;

    ctl->short_options = "+"; /* those behind the verb are the verb's */
    while ((c = ctl_option(ctl, argc, argv, options)) != -1) {
        switch (c) {
        case 's':
            ctl->socket = optarg;
            break;
        case 'u':
            ctl->user = true;
            break;
        case 'a':
            ctl->admin = true;
            break;
        default:
            return EXIT_USAGE; /* getopt has said it */
        }
    }
    ctl->short_options = NULL;
    if (ctl->user && ctl->socket)
        return ctl_usage("--user and --socket exclude each other");
    if (optind >= argc)
        return ctl_usage("what shall be done? See `ipcbrokerctl --help`");
    return EXIT_DONE;
}

static int dispatch(struct ctl *ctl, int argc, char **argv)
{
    const char *name = argv[0];

    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        if (strcmp(verbs[i].name, name) == 0) {
            argv[0] = (char *)ctl_program; /* what getopt begins its errors with */
            optind = 0;                    /* begin anew, forgetting the "+" */
            return verbs[i].run(ctl, argc, argv);
        }
    return ctl_usage("no such verb: '%s'; see `ipcbrokerctl --help`", name);
}

int main(int argc, char **argv)
{
    struct ctl ctl = {0};
    int r;

    ctl_start(&ctl, argc, argv);
    r = parse(&ctl, argc, argv);
    if (r == EXIT_DONE)
        r = dispatch(&ctl, argc - optind, argv + optind);
    ctl.broker = ipcb_free(ctl.broker);
    return r;
}
