/* ipcbrokerd: options and exit status. */
#include "daemon/broker.h"
#include "daemon/check.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>

static const char usage[] =
    "usage: ipcbrokerd [--config FILE] [--socket PATH] [--strict] [--user] [--private]\n"
    "                  [--quiet] [--without FEATURE]\n"
    "       ipcbrokerd --check-config [--offline] [--user] [FILE]\n"
    "       ipcbrokerd --version | --help\n"
    "\n"
    "  --config FILE    read FILE and FILE.d/*.conf, and nothing else\n"
    "  --socket PATH    listen at PATH, and for administrators at PATH.admin\n"
    "  --strict         an error in any file refuses the whole configuration\n"
    "  --user           a broker of this user: files below $XDG_CONFIG_HOME/ipcbroker,\n"
    "                   socket below $XDG_RUNTIME_DIR/ipcbroker\n"
    "  --private        no queue has a name in the kernel\n"
    "  --quiet          say only what is wrong\n"
    "  --without FEATURE\n"
    "                   do as on a kernel that lacks passrights or peerpidfd, for tests;\n"
    "                   may be given again\n"
    "  --check-config   print every error and what the configuration needs; change nothing\n"
    "  --offline        users, owners of files and limits of this host are warnings only\n"
    "\n"
    "See ipcbrokerd(8) and ipcbroker.conf(5).\n";

enum option_number {
    OPTION_CONFIG = 256,
    OPTION_SOCKET,
    OPTION_STRICT,
    OPTION_USER,
    OPTION_PRIVATE,
    OPTION_QUIET,
    OPTION_WITHOUT,
    OPTION_CHECK,
    OPTION_OFFLINE,
    OPTION_VERSION,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"socket", required_argument, NULL, OPTION_SOCKET},
    {"strict", no_argument, NULL, OPTION_STRICT},
    {"user", no_argument, NULL, OPTION_USER},
    {"private", no_argument, NULL, OPTION_PRIVATE},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"without", required_argument, NULL, OPTION_WITHOUT},
    {"check-config", no_argument, NULL, OPTION_CHECK},
    {"offline", no_argument, NULL, OPTION_OFFLINE},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static int wrong_usage(const char *what)
{
    (void)fprintf(stderr, "ipcbrokerd: %s\nTry 'ipcbrokerd --help'.\n", what);
    return -EXIT_USAGE;
}

static int print_and_leave(const char *text)
{
    return fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? -EXIT_DONE : -EXIT_FAILED;
}

static int take_feature(struct options *options, const char *name)
{
    static const struct {
        const char *name;
        enum feature feature;
    } features[] = {{"passrights", FEATURE_PASSRIGHTS}, {"peerpidfd", FEATURE_PEERPIDFD}};

    for (size_t i = 0; i < ARRAY_SIZE(features); i++)
        if (strcmp(name, features[i].name) == 0) {
            options->without |= features[i].feature;
            return 0;
        }
    return wrong_usage("--without knows passrights and peerpidfd");
}

/* The negative of an exit status; LEAVE tells whether to leave with it. */
static int take_option(struct options *options, int option, bool *leave)
{
    int r;

    *leave = false;
    switch (option) {
    case OPTION_CONFIG:
        options->source.file = optarg;
        return 0;
    case OPTION_SOCKET:
        options->socket = optarg;
        return 0;
    case OPTION_STRICT:
        options->source.strict = true;
        return 0;
    case OPTION_USER:
        options->source.user = true;
        return 0;
    case OPTION_PRIVATE:
        options->source.naming = NAMING_NONE;
        return 0;
    case OPTION_QUIET:
        options->quiet = true;
        return 0;
    case OPTION_WITHOUT:
        r = take_feature(options, optarg);
        *leave = r < 0;
        return r;
    case OPTION_CHECK:
        options->check = true;
        return 0;
    case OPTION_OFFLINE:
        options->source.offline = true;
        return 0;
    case OPTION_VERSION:
        *leave = true;
        return print_and_leave("ipcbrokerd " PACKAGE_VERSION "\n");
    case OPTION_HELP:
        *leave = true;
        return print_and_leave(usage);
    default: /* getopt has said what is wrong */
        *leave = true;
        return wrong_usage("wrong option");
    }
}

static int check_operands(struct options *options, int n, char **operands)
{
    if (options->source.offline && !options->check)
        return wrong_usage("--offline goes with --check-config");
    if (n > (options->check && !options->source.file ? 1 : 0))
        return wrong_usage("too many arguments");
    if (n == 1)
        options->source.file = operands[0];
    if (options->source.file && options->source.user)
        return wrong_usage("--user and a file exclude each other");
    if (options->source.user && options->source.naming == NAMING_ALL)
        options->source.naming = NAMING_IF_GIVEN;
    return 0;
}

/* Standard descriptors that were closed would be taken by the first sockets, and messages would go
 * to clients. */
static int fill_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            return -errno;
    } while (fd <= STDERR_FILENO);
    (void)close_fd(fd);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = {.source.naming = NAMING_ALL};
    bool leave;
    int option, r;

    r = fill_standard_descriptors();
    if (r < 0) {
        (void)fprintf(stderr, "ipcbrokerd: /dev/null: %s\n", strerror(-r));
        return EXIT_FAILED;
    }
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        r = take_option(&options, option, &leave);
        if (leave)
            return -r;
    }
    r = check_operands(&options, argc - optind, argv + optind);
    if (r < 0)
        return -r;
    return options.check ? check_config(&options) : broker_run(&options);
}
