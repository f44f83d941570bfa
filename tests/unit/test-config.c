/* The configuration: every error with its line, what inih would misread, and how files go together.
 */
#include "tests/check_main.h"

#include "daemon/config.h"
#include "daemon/config_paths.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static char *directory; /* of this test's files; set in its own process */
static struct config *config;
static struct problems problems;

/* ---- fixture ---- */

static void set_up(void)
{
    const char *base = getenv("TMPDIR");

    umask(022);
    ck_assert_int_ge(asprintf(&directory, "%s/test-config.XXXXXX", base ? base : "/tmp"), 0);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

static void tear_down(void)
{
    char *command;

    config = config_free(config);
    problems_deinit(&problems);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_ge(asprintf(&command, "rm -rf '%s'", directory), 0);
    ck_assert_int_eq(system(command), 0);
    free(command);
    free(directory);
}

static void put_bytes(const char *path, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
    close_fd(fd);
}

static void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

static void put_drop_in(const char *name, const char *text)
{
    char path[300];

    (void)mkdir("main.conf.d", 0755);
    (void)snprintf(path, sizeof path, "main.conf.d/%s", name);
    put(path, text);
}

static int load_source(const struct config_source *source)
{
    config = config_free(config);
    problems_deinit(&problems);
    return config_load(source, &config, &problems);
}

static int load(void)
{
    return load_source(&(struct config_source){.file = "main.conf"});
}

static int load_strict(void)
{
    return load_source(&(struct config_source){.file = "main.conf", .strict = true});
}

static int load_text(const char *text)
{
    put("main.conf", text);
    return load();
}

/* ---- looking at the result ---- */

static void dump(void)
{
    char line[2048];

    for (size_t i = 0; i < problems.n; i++)
        (void)fprintf(stderr, "# %s\n", problem_format(&problems.items[i], line, sizeof line));
}

/* The N-th problem of that severity. */
static const struct problem *get_problem(enum severity severity, size_t n)
{
    for (size_t i = 0; i < problems.n; i++)
        if (problems.items[i].severity == severity && n-- == 0)
            return &problems.items[i];
    dump();
    ck_abort_msg("too few problems");
    return NULL;
}

static size_t count(enum severity severity)
{
    size_t n = 0;

    for (size_t i = 0; i < problems.n; i++)
        n += problems.items[i].severity == severity;
    return n;
}

static void expect(enum severity severity, size_t n, const char *path, unsigned line,
                   const char *fragment)
{
    const struct problem *problem = get_problem(severity, n);

    if (strcmp(problem->path, path) != 0 || problem->line != line ||
        !strstr(problem->text, fragment)) {
        dump();
        ck_abort_msg("problem %zu is not '%s:%u: %s'", n, path, line, fragment);
    }
}

static void expect_one_error(const char *path, unsigned line, const char *fragment)
{
    if (problems.n_errors != 1) {
        dump();
        ck_abort_msg("%zu errors instead of one", problems.n_errors);
    }
    expect(SEVERITY_ERROR, 0, path, line, fragment);
}

static void expect_none(int r)
{
    if (r != 0 || problems.n_errors > 0) {
        dump();
        ck_abort_msg("refused: %d", r);
    }
}

static const struct declaration *get_object(const char *name)
{
    for (size_t i = 0; i < config->n_objects; i++)
        if (strcmp(config->objects[i]->name, name) == 0)
            return config->objects[i];
    dump();
    ck_abort_msg("no object '%s'", name);
    return NULL;
}

static bool has_object(const char *name)
{
    for (size_t i = 0; i < config->n_objects; i++)
        if (strcmp(config->objects[i]->name, name) == 0)
            return true;
    return false;
}

/* What a queue or an eventfd needs of the system tells what its settings are. */
static struct need weigh(const char *name)
{
    const struct declaration *object = get_object(name);
    struct need need = {0};

    object->kind->weigh(object->settings, &need);
    return need;
}

static unsigned access_of(const char *name, uid_t uid)
{
    return grants_access(&get_object(name)->grants, &(struct credentials){.uid = uid, .gid = 99});
}

/* ---- one error each ---- */

#define TEXT(literal) (literal), sizeof(literal) - 1
#define QUEUE         "[queue:a]\nuse = any\n"
#define EVENTFD       "[eventfd:e]\nuse = any\n"
#define HUNDRED                                                                                    \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                           \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define EIGHTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *text;
    size_t size;
    unsigned line;
    const char *fragment;
} bad[] = {
    /* the shape of a line */
    {TEXT(QUEUE "mode\n"), 3, "no '='"},
    {TEXT(QUEUE "mode ; = 0600\n"), 3, "no '='"},
    {TEXT(QUEUE "]\n"), 3, "no '='"},
    {TEXT(QUEUE "mode: 0600\n"), 3, "':' after the key"},
    {TEXT(QUEUE "mode:x=0600\n"), 3, "':' after the key"},
    {TEXT(QUEUE "= 5\n"), 3, "no key"},
    {TEXT(QUEUE "=\n"), 3, "no key"},
    {TEXT(QUEUE " mode = 0600\n"), 3, "indented"},
    {TEXT(QUEUE "\tmode = 0600\n"), 3, "indented"},
    {TEXT(QUEUE "\n\n mode = 0600\n"), 5, "indented"},
    {TEXT(QUEUE "# c\n mode = 0600\n"), 4, "indented"},
    {TEXT(QUEUE " # comment\n"), 3, "indented"},
    {TEXT(QUEUE " nonsense"), 3, "indented"},
    {TEXT("max_messages = 5\n" QUEUE), 1, "before the first section"},
    {TEXT(QUEUE "mode =\n"), 3, "no value for 'mode'"},
    {TEXT(QUEUE "mode = \t \n"), 3, "no value for 'mode'"},
    {TEXT(QUEUE "mode = ; 0600\n"), 3, "no value for 'mode'"},
    {TEXT("[queue:a]\nuse =\n"), 2, "no value for 'use'"},
    {TEXT("[queue:a]\nuse = , ,\n"), 2, "no value for 'use'"},
    {TEXT("[queue:a]\nuse = any\nsend =\n"), 3, "no value for 'send'"},
    {TEXT("[grant:a]\nuse =\n"), 2, "no value for 'use'"},
    {TEXT("[broker]\nsocket =\n"), 2, "no value for 'socket'"},
    /* headers; the keys under a bad one are nobody's, and make no error of their own */
    {TEXT(QUEUE "[queue:b\nmode = x\n"), 3, "no ']'"},
    {TEXT(QUEUE "[queue:b ;]\nmode = x\n"), 3, "no ']'"},
    {TEXT(QUEUE "[\nmode = x\n"), 3, "no ']'"},
    {TEXT(QUEUE "[queue:b] junk\nmode = x\n"), 3, "text after the ']'"},
    {TEXT(QUEUE "[queue:b]mode=0666\nmode = x\n"), 3, "text after the ']'"},
    {TEXT(QUEUE "[queue:b]# c\nmode = x\n"), 3, "text after the ']'"},
    {TEXT(QUEUE "[queue:a]b]\nmode = x\n"), 3, "text after the ']'"},
    {TEXT(QUEUE "[]\nmode = x\n"), 3, "empty section header"},
    {TEXT(QUEUE "[ queue:b ]\nmode = x\n"), 3, "blanks inside the brackets"},
    {TEXT(QUEUE "[queue:b ]\nmode = x\n"), 3, "blanks inside the brackets"},
    {TEXT(QUEUE " [queue:b]\nmode = x\n"), 3, "indented"},
    {TEXT(QUEUE "[queue:b]\0\nmode = x\n"), 3, "NUL"},
    {TEXT(QUEUE "[queue:\x01]\nmode = x\n"), 3, "control character"},
    /* bytes */
    {TEXT(QUEUE "mode = 0600\0\n"), 3, "NUL"},
    {TEXT(QUEUE "\0mode = 0666\n"), 3, "NUL"},
    {TEXT(QUEUE "# comment \0\n"), 3, "NUL"},
    {TEXT(QUEUE "mode = 0600\rmode = 0666\n"), 3, "carriage return inside"},
    {TEXT("[queue:a]\ruse = any\r"), 1, "carriage return"},
    {TEXT(QUEUE "mode = 0600\x01\n"), 3, "control character"},
    {TEXT(QUEUE "mode = 0600\x7f\n"), 3, "control character"},
    {TEXT(QUEUE "\vmode = 0600\n"), 3, "control character"},
    {TEXT(QUEUE "mode = 0600 \f; c\n"), 3, "control character"},
    {TEXT(QUEUE "# \x1b[2J\n"), 3, "control character"},
    {TEXT(QUEUE "# caf\xe9\n"), 3, "not valid UTF-8"},
    {TEXT(QUEUE "# \xc0\xaf\n"), 3, "not valid UTF-8"},
    {TEXT(QUEUE "# \xed\xa0\x80\n"), 3, "not valid UTF-8"},
    {TEXT(QUEUE "# \xf4\x90\x80\x80\n"), 3, "not valid UTF-8"},
    {TEXT(QUEUE "# \xe2\x82\n"), 3, "not valid UTF-8"},
    {TEXT(QUEUE "# \xe2\x82"), 3, "not valid UTF-8"},
    {TEXT("\xff\xfe[\0q\0"), 1, "UTF-16"},
    {TEXT("\xfe\xff\0[\0q"), 1, "UTF-16"},
    {TEXT("\xef\xbb\xbf\xef\xbb\xbf" QUEUE), 1, "byte order mark inside"},
    {TEXT(QUEUE "\xef\xbb\xbfmode = 0600\n"), 3, "byte order mark inside"},
    /* comments and quotes in values */
    {TEXT(QUEUE "max_messages = 1;no\n"), 3, "begins with ' ;'"},
    {TEXT(QUEUE "max_messages =; 1\n"), 3, "begins with ' ;'"},
    {TEXT(QUEUE "max_messages = 1 # no\n"), 3, "begins with ' ;'"},
    {TEXT(QUEUE "max_messages = 1#no\n"), 3, "begins with ' ;'"},
    {TEXT(QUEUE "max_messages = \"1\"\n"), 3, "quote"},
    {TEXT(QUEUE "max_messages = \"1 ; 2\"\n"), 3, "quote"},
    {TEXT(QUEUE "max_messages = '1'\n"), 3, "is not a number"},
    /* sections */
    {TEXT("[queue]\nx = 1\n"), 1, "unknown section [queue]; expected [queue:NAME], [eventfd:NAME]"},
    {TEXT("[Queue:a]\nx = 1\n"), 1, "unknown section [Queue:a]"},
    {TEXT("[broker:a]\n"), 1, "unknown section"},
    {TEXT("[1]\nmode = x\n"), 1, "unknown section [1]"},
    {TEXT("[grant]\n"), 1, "unknown section"},
    {TEXT("[:a]\n"), 1, "unknown section"},
    {TEXT("[pipe:done]\nwrite = any\n"), 1, "does not serve pipes yet"},
    {TEXT("[queue:]\n"), 1, "not an object's name"},
    {TEXT("[queue:-a]\n"), 1, "not an object's name"},
    {TEXT("[queue:.a]\n"), 1, "not an object's name"},
    {TEXT("[queue:a b]\n"), 1, "not an object's name"},
    {TEXT("[queue:a/b]\n"), 1, "not an object's name"},
    {TEXT("[queue:a;]\n"), 1, "not an object's name"},
    {TEXT("[queue:a:b]\n"), 1, "not an object's name"},
    {TEXT("[queue:caf\xc3\xa9]\n"), 1, "not an object's name"},
    {TEXT("[queue:" HUNDRED EIGHTY "a]\n"), 1, "not an object's name"},
    {TEXT("[grant:-a]\n"), 1, "not an object's name"},
    {TEXT(QUEUE "[queue:a]\nuse = any\n"), 3, "[queue:a] is at line 1"},
    {TEXT(QUEUE "[queue:a]\n"), 3, "[queue:a] is at line 1"},
    {TEXT(QUEUE "[eventfd:a]\n"), 3, "[queue:a] is at line 1"},
    {TEXT("[grant:x]\n\n[grant:x]\n"), 3, "[grant:x] is at line 1"},
    {TEXT("[broker]\n" QUEUE "[broker]\nsocket = x\n"), 4, "[broker] again; it is at line 1"},
    /* keys */
    {TEXT(QUEUE "max_mesages = 5\n"), 3,
     "unknown key 'max_mesages' in [queue:a]; known keys: max_messages, message_size, posix_name, "
     "mode, group, send, receive, use"},
    {TEXT(QUEUE "Mode = 0600\n"), 3, "unknown key 'Mode'"},
    {TEXT(QUEUE "semaphore = yes\n"), 3, "unknown key 'semaphore'"},
    {TEXT(QUEUE "mode x = 0600\n"), 3, "unknown key 'mode x'"},
    {TEXT(QUEUE HUNDRED " = 1\n"), 3, "unknown key '" HUNDRED "'"},
    {TEXT(EVENTFD "mode = 0600\n"), 3, "known keys: initial, semaphore, nonblocking, use"},
    {TEXT("[broker]\nlisten = x\n"), 2,
     "known keys: socket, admin_socket, max_clients, max_clients_per_user, admin, observe"},
    {TEXT("[grant:a]\nmode = 0600\n"), 2, "known keys: send, receive, write, read, use"},
    {TEXT(EVENTFD "send = any\n"), 3, "no single directions; expected 'use'"},
    {TEXT(EVENTFD "read = any\n"), 3, "no single directions; expected 'use'"},
    {TEXT(QUEUE "read = any\n"), 3, "expected send, receive or use"},
    {TEXT(QUEUE "mode = 0600\nmode = 0600\n"), 4, "'mode' again; it is at line 3"},
    {TEXT(QUEUE "mode = 0600\n\n\nmode = x\n"), 6, "'mode' again; it is at line 3"},
    {TEXT("[broker]\nsocket = /a\nsocket = /a\n"), 3, "'socket' again; it is at line 2"},
    /* values of objects */
    {TEXT(QUEUE "max_messages = 0\n"), 3, "expected 1 to 65536"},
    {TEXT(QUEUE "max_messages = 65537\n"), 3, "expected 1 to 65536"},
    {TEXT(QUEUE "max_messages = -1\n"), 3, "'-1' is not a number"},
    {TEXT(QUEUE "max_messages = +1\n"), 3, "'+1' is not a number"},
    {TEXT(QUEUE "max_messages = 0x10\n"), 3, "'0x10' is not a number"},
    {TEXT(QUEUE "max_messages = 1e3\n"), 3, "is not a number"},
    {TEXT(QUEUE "max_messages = 10.5\n"), 3, "is not a number"},
    {TEXT(QUEUE "max_messages = 10 10\n"), 3, "is not a number"},
    {TEXT(QUEUE "max_messages = 10K\n"), 3, "is not a number"},
    {TEXT(QUEUE "max_messages = 18446744073709551616\n"), 3, "too large"},
    {TEXT(QUEUE "message_size = 0\n"), 3, "expected 1 to 16777216"},
    {TEXT(QUEUE "message_size = 17M\n"), 3, "expected 1 to 16777216"},
    {TEXT(QUEUE "message_size = 4k\n"), 3, "is not a size"},
    {TEXT(QUEUE "message_size = 4KB\n"), 3, "is not a size"},
    {TEXT(QUEUE "message_size = 4 K\n"), 3, "is not a size"},
    {TEXT(QUEUE "message_size = K\n"), 3, "is not a size"},
    {TEXT(QUEUE "message_size = 18014398509481984K\n"), 3, "too large"},
    {TEXT(QUEUE "mode = 60\n"), 3, "is not a mode"},
    {TEXT(QUEUE "mode = 00600\n"), 3, "is not a mode"},
    {TEXT(QUEUE "mode = 0680\n"), 3, "is not a mode"},
    {TEXT(QUEUE "mode = 0400\n"), 3, "contains 0600"},
    {TEXT(QUEUE "mode = 0777\n"), 3, "outside 0666"},
    {TEXT(QUEUE "mode = 1600\n"), 3, "outside 0666"},
    {TEXT(QUEUE "posix_name = orders\n"), 3, "posix_name: "},
    {TEXT(QUEUE "posix_name = /a/b\n"), 3, "posix_name: "},
    {TEXT(QUEUE "group = group:web\n"), 3, "is not a group"},
    {TEXT(QUEUE "group = 4294967295\n"), 3, "is not a group"},
    {TEXT(QUEUE "posix_name = none\nmode = 0660\n"), 1, "[queue:a]: "},
    {TEXT(EVENTFD "semaphore = Yes\n"), 3, "neither yes nor no"},
    {TEXT(EVENTFD "semaphore = 2\n"), 3, "neither yes nor no"},
    {TEXT(EVENTFD "initial = 18446744073709551615\n"), 3, "initial: "},
    {TEXT(QUEUE "[queue:b]\nuse = any\nposix_name = /a\n"), 3, "[queue:a] at main.conf:1"},
    /* subjects */
    {TEXT("[queue:a]\nuse = root\n"), 2, "use: 'root' is not a subject"},
    {TEXT("[queue:a]\nuse = ANY\n"), 2, "is not a subject"},
    {TEXT("[queue:a]\nuse = any:1\n"), 2, "is not a subject"},
    {TEXT("[queue:a]\nuse = user\n"), 2, "is not a subject"},
    {TEXT("[queue:a]\nuse = user:\n"), 2, "not the name of a user"},
    {TEXT("[queue:a]\nuse = user: me\n"), 2, "not the name of a user"},
    {TEXT("[queue:a]\nuse = user:-1\n"), 2, "not the name of a user"},
    {TEXT("[queue:a]\nuse = user:a:b\n"), 2, "not the name of a user"},
    {TEXT("[queue:a]\nuse = group:*\n"), 2, "not the name of a group"},
    {TEXT("[queue:a]\nuse = user:4294967295\n"), 2, "too large"},
    {TEXT("[queue:a]\nuse = group:99999999999999999999\n"), 2, "too large"},
    {TEXT("[queue:a]\nuse = unit:a.service\n"), 2, "does not serve units yet"},
    {TEXT("[queue:a]\nuse = any\nsend = any, root\n"), 3, "send: 'root'"},
    {TEXT("[broker]\nadmin = root\n"), 2, "admin: 'root'"},
    {TEXT("[grant:a]\nsend = root\n"), 2, "send: 'root'"},
    {TEXT(EVENTFD "[grant:e]\nsend = any\n"), 4,
     "[grant:e]: 'send': an object of the kind eventfd"},
    {TEXT(QUEUE "[grant:a]\nread = any\n"), 4, "expected send, receive or use"},
    /* [broker] */
    {TEXT("[broker]\nsocket = run/x\n"), 2, "absolute path"},
    {TEXT("[broker]\nsocket = /run/\n"), 2, "names a directory"},
    {TEXT("[broker]\nadmin_socket = /" HUNDRED "1234567\n"), 2, "a path of 108 bytes"},
    {TEXT("[broker]\nsocket = /a\nadmin_socket = /a\n"), 1, "the same"},
    {TEXT("[broker]\nmax_clients = 0\n"), 2, "expected 1 to"},
    {TEXT("[broker]\nmax_clients = many\n"), 2, "expected 1 to"},
    {TEXT("[broker]\nmax_clients_per_user = 0\n"), 2, "expected 1 to"},
    {TEXT("[broker]\nmax_clients = 10\nmax_clients_per_user = 11\n"), 3, "no more than that"},
    {TEXT("[broker]\nmax_clients_per_user = 4097\n"), 2, "max_clients 4096"},
};

START_TEST(one_error)
{
    put_bytes("main.conf", bad[_i].text, bad[_i].size);
    ck_assert_int_eq(load(), -EBADMSG);
    ck_assert_ptr_null(config);
    expect_one_error("main.conf", bad[_i].line, bad[_i].fragment);
}
END_TEST

/* ---- what is no error ---- */

static const struct {
    const char *text;
    size_t size;
} good[] = {
    {TEXT("")},
    {TEXT("\n")},
    {TEXT(" \t\n")},
    {TEXT("# comment = [x\n;[queue:b\n#\n;\n")},
    {TEXT("[broker]\n")},
    {TEXT(QUEUE)},
    {TEXT("\xef\xbb\xbf" QUEUE)},
    {TEXT("\xef\xbb\xbf")},
    {TEXT("[queue:a]\nuse=any")},
    {TEXT("[queue:a]   ; comment ]\nuse\t=\tany\t; comment = [\n")},
    {TEXT("[queue:a]\t;\nuse = any ;\n")},
    {TEXT(QUEUE "# caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n")},
    {TEXT("[queue:" HUNDRED EIGHTY "]\nuse = any\n")},
    {TEXT("[queue:_A.b-9]\nuse = any\n")},
    {TEXT("[queue:9]\nuse = any\n")},
    {TEXT("[queue:a]\nuse = any,,user:1 group:2,\tuser:3\n")},
    {TEXT("[queue:broker]\nuse = any\n[queue:1]\nuse = any\n[eventfd:2]\nuse = any\n")},
    {TEXT(QUEUE "[grant:a]\nsend = any\n")},
    {TEXT("[broker]\nadmin =\nobserve = ; nobody\n")},
    {TEXT("[broker]\nmax_clients = 10\n")},
};

START_TEST(no_error)
{
    put_bytes("main.conf", good[_i].text, good[_i].size);
    expect_none(load());
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

/* ---- lines ---- */

static void put_line(const char *before, const char *line, size_t length, char fill,
                     const char *after)
{
    FILE *file = fopen("main.conf", "we");

    ck_assert_ptr_nonnull(file);
    (void)fprintf(file, "%s%s", before, line);
    for (size_t i = strlen(line); i < length; i++)
        (void)fputc(fill, file);
    (void)fprintf(file, "%s", after);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(line_of_198_bytes)
{
    put_line(QUEUE, "# ", 198, 'x', "\nmax_messages = 7\nnonsense\n");
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 5, "no '='");
    put_line(QUEUE, "max_messages = 7", 198, ' ', "\n");
    expect_none(load());
    ck_assert_uint_eq(weigh("a").most_messages, 7);
    put_line(QUEUE, "max_messages = ", 198, '0', "");
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 3, "0 messages; expected 1");
}
END_TEST

START_TEST(line_of_199_bytes)
{
    put_line(QUEUE, "# ", 199, 'x', "\nnonsense\n");
    ck_assert_int_eq(load(), -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, 2);
    expect(SEVERITY_ERROR, 0, "main.conf", 3, "too long");
    expect(SEVERITY_ERROR, 1, "main.conf", 4, "no '='");
    put_line(QUEUE, "max_messages = 7", 199, ' ', "");
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 3, "too long");
}
END_TEST

/* What follows the 199th byte of a line would be a line of its own. */
START_TEST(nothing_smuggled_behind_a_long_line)
{
    for (size_t length = 190; length < 210; length++) {
        put_line(QUEUE, "# ", length, 'x', "mode = 0666\nmode = 0620\n");
        ck_assert_int_eq(load(), -EBADMSG);
        expect_one_error("main.conf", 3, "too long");
        put_line(QUEUE, "use = any ; ", length, 'x', "[queue:b]\nmode = 0620\n");
        ck_assert_int_eq(load(), -EBADMSG);
        expect_one_error("main.conf", 3, "too long");
    }
}
END_TEST

START_TEST(long_header_is_dead)
{
    put_line(QUEUE, "[queue:", 300, 'b', "]\nmode = nonsense\n[queue:c]\nuse = x\n");
    ck_assert_int_eq(load(), -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, 2);
    expect(SEVERITY_ERROR, 0, "main.conf", 3, "too long");
    expect(SEVERITY_ERROR, 1, "main.conf", 6, "'x' is not a subject");
}
END_TEST

/* inih knows 49 bytes of a section's name. */
START_TEST(long_names_are_whole)
{
    char text[600];

    (void)snprintf(text, sizeof text,
                   "[queue:%s1]\nuse = user:1\nmax_messages = 3\n[queue:%s2]\nuse = user:2\n",
                   EIGHTY, EIGHTY);
    expect_none(load_text(text));
    ck_assert_uint_eq(config->n_objects, 2);
    ck_assert_uint_eq(weigh(EIGHTY "1").most_messages, 3);
    ck_assert_uint_eq(weigh(EIGHTY "2").most_messages, 10);
    ck_assert_uint_eq(access_of(EIGHTY "2", 2), WIRE_USE);
    ck_assert_uint_eq(access_of(EIGHTY "2", 1), 0);
}
END_TEST

/* A section without keys makes no call of inih's. */
START_TEST(empty_sections_are_seen)
{
    expect_none(load_text("[queue:a]\n[eventfd:b]\n[queue:c]\n"));
    ck_assert_uint_eq(config->n_objects, 3);
    ck_assert_uint_eq(count(SEVERITY_WARNING), 3);
    expect(SEVERITY_WARNING, 1, "main.conf", 2, "[eventfd:b] has no grant");
    ck_assert_uint_eq(get_object("c")->place.line, 3);
}
END_TEST

START_TEST(carriage_returns_are_said_once)
{
    ck_assert_int_eq(load_text("[queue:a]\r\nuse = any\r\nmod = 5\r\n"), -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, 2);
    expect(SEVERITY_ERROR, 0, "main.conf", 1, "carriage return at the end");
    expect(SEVERITY_ERROR, 1, "main.conf", 3, "unknown key 'mod'");
}
END_TEST

START_TEST(all_errors_in_one_run)
{
    ck_assert_int_eq(load_text("x = 1\n[quue:a]\nanything = goes\n[queue:b]\nmode = 9\nuse = a, b\n"
                               "[queue:b]\n nonsense\nmax_messages = 0\nmax_messages = 5\n"),
                     -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, 9);
    expect(SEVERITY_ERROR, 0, "main.conf", 1, "before the first");
    expect(SEVERITY_ERROR, 1, "main.conf", 2, "unknown section");
    expect(SEVERITY_ERROR, 2, "main.conf", 5, "is not a mode");
    expect(SEVERITY_ERROR, 3, "main.conf", 6, "'a' is not a subject");
    expect(SEVERITY_ERROR, 4, "main.conf", 6, "'b' is not a subject");
    expect(SEVERITY_ERROR, 5, "main.conf", 7, "at line 4");
    expect(SEVERITY_ERROR, 6, "main.conf", 8, "indented");
    expect(SEVERITY_ERROR, 7, "main.conf", 9, "expected 1 to");
    expect(SEVERITY_ERROR, 8, "main.conf", 10, "at line 9");
}
END_TEST

/* ---- what is said ---- */

START_TEST(minimal)
{
    expect_none(load_text("[queue:hello]\nuse = user:1000\n"));
    ck_assert_uint_eq(config->n_objects, 1);
    ck_assert_str_eq(config->objects[0]->kind->name, "queue");
    ck_assert_str_eq(config->objects[0]->place.path, "main.conf");
    ck_assert_uint_eq(config->objects[0]->place.line, 1);
    ck_assert_uint_eq(access_of("hello", 1000), WIRE_USE);
    ck_assert_uint_eq(access_of("hello", 0), 0);
    ck_assert_uint_eq(weigh("hello").most_messages, 10);
    ck_assert_uint_eq(weigh("hello").largest_message, 8192);
    ck_assert_ptr_null(config->socket);
    ck_assert_ptr_null(config->admin_socket);
    ck_assert_uint_eq(config->max_clients, 4096);
    ck_assert_uint_eq(config->max_clients_per_user, 256);
    ck_assert_uint_eq(config->max_clients_place.line, 0);
    ck_assert_uint_eq(config->admin.n, 0);
    ck_assert_uint_eq(config->observe.n, 1);
    ck_assert_str_eq(config->observe.items[0].subject.name, "adm");
    ck_assert_uint_eq(config->observe.items[0].place.line, 0);
}
END_TEST

START_TEST(every_key)
{
    char claim[CLAIM_SIZE];
    const struct declaration *queue;

    expect_none(load_text("[broker]\nsocket = /run/x.sock\nadmin_socket = /run/y.sock\n"
                          "max_clients = 100\nmax_clients_per_user = 50\nadmin = user:7\n"
                          "observe = group:8 any\n"
                          "[queue:q]\nmax_messages = 20\nmessage_size = 4K\nposix_name = /other\n"
                          "mode = 0660\ngroup = 12\nsend = user:1\nreceive = user:2\nuse = user:3\n"
                          "[eventfd:e]\ninitial = 5\nsemaphore = yes\nnonblocking = no\n"
                          "use = user:4\n"));
    ck_assert_str_eq(config->socket, "/run/x.sock");
    ck_assert_str_eq(config->admin_socket, "/run/y.sock");
    ck_assert_uint_eq(config->max_clients, 100);
    ck_assert_uint_eq(config->max_clients_place.line, 4);
    ck_assert_uint_eq(config->max_clients_per_user, 50);
    ck_assert_uint_eq(config->admin.n, 1);
    ck_assert_uint_eq(config->observe.n, 2);
    ck_assert_uint_eq(config->observe.items[1].place.line, 7);
    queue = get_object("q");
    ck_assert_uint_eq(weigh("q").most_messages, 20);
    ck_assert_uint_eq(weigh("q").largest_message, 4096);
    queue->kind->claim(queue, NAMING_ALL, claim, sizeof claim);
    ck_assert_str_eq(claim, "/other");
    ck_assert_uint_eq(queue->kind->settings_subject(queue->settings)->id, 12);
    ck_assert_uint_eq(access_of("q", 1), WIRE_WRITE);
    ck_assert_uint_eq(access_of("q", 2), WIRE_READ);
    ck_assert_uint_eq(access_of("q", 3), WIRE_USE);
    ck_assert_uint_eq(access_of("e", 4), WIRE_USE);
    ck_assert_uint_eq(queue->grants.items[1].place.line, 15);
}
END_TEST

START_TEST(lists_add_up)
{
    expect_none(load_text("[queue:a]\nsend = user:1,user:2\nsend = user:3\nreceive = user:1\n"
                          "[broker]\nadmin = user:1\nadmin = user:2, user:3\n"
                          "observe =\nobserve = user:9\n"));
    ck_assert_uint_eq(get_object("a")->grants.n, 4);
    ck_assert_uint_eq(access_of("a", 1), WIRE_USE);
    ck_assert_uint_eq(access_of("a", 3), WIRE_WRITE);
    ck_assert_uint_eq(config->admin.n, 3);
    ck_assert_uint_eq(config->observe.n, 1);
}
END_TEST

START_TEST(empty_observe_is_nobody)
{
    expect_none(load_text("[broker]\nobserve =\n"));
    ck_assert_uint_eq(config->observe.n, 0);
}
END_TEST

START_TEST(default_share_follows_max_clients)
{
    expect_none(load_text("[broker]\nmax_clients = 10\n"));
    ck_assert_uint_eq(config->max_clients_per_user, 10);
}
END_TEST

START_TEST(objects_are_sorted)
{
    expect_none(load_text("[queue:b]\n[queue:B]\n[eventfd:a]\n[queue:_]\n"));
    ck_assert_str_eq(config->objects[0]->name, "B");
    ck_assert_str_eq(config->objects[1]->name, "_");
    ck_assert_str_eq(config->objects[2]->name, "a");
    ck_assert_str_eq(config->objects[3]->name, "b");
}
END_TEST

START_TEST(claims_follow_the_naming)
{
    const struct config_source none = {.file = "main.conf", .naming = NAMING_NONE};
    const struct config_source if_given = {.file = "main.conf", .naming = NAMING_IF_GIVEN};

    ck_assert_int_eq(load_text(QUEUE "[queue:b]\nuse = any\nposix_name = /a\n"), -EBADMSG);
    expect_none(load_source(&if_given));
    expect_none(load_source(&none));
    put("main.conf", QUEUE "posix_name = /x\n[queue:b]\nuse = any\nposix_name = /x\n");
    ck_assert_int_eq(load_source(&if_given), -EBADMSG);
    expect_one_error("main.conf", 4, "would have the name /x, which is that of [queue:a]");
    expect_none(load_source(&none));
}
END_TEST

START_TEST(open_mode_is_a_warning)
{
    expect_none(load_text(QUEUE "mode = 0660\n"));
    ck_assert_uint_eq(count(SEVERITY_WARNING), 1);
    expect(SEVERITY_WARNING, 0, "main.conf", 1, "[queue:a]: ");
}
END_TEST

START_TEST(many_objects)
{
    FILE *file = fopen("main.conf", "we");

    for (unsigned i = 0; i < 8000; i++)
        (void)fprintf(file, "[queue:q%u]\nuse = user:%u\n", i, i);
    ck_assert_int_eq(fclose(file), 0);
    expect_none(load());
    ck_assert_uint_eq(config->n_objects, 8000);
    ck_assert_uint_eq(access_of("q7999", 7999), WIRE_USE);
}
END_TEST

START_TEST(rubbish_is_bounded)
{
    static char text[1u << 20];

    memset(text, '\n', sizeof text);
    for (size_t i = 0; i < sizeof text; i += 2)
        text[i] = 'x';
    put_bytes("main.conf", text, sizeof text);
    ck_assert_int_eq(load(), -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, sizeof text / 2);
    ck_assert_uint_eq(problems.n, PROBLEMS_KEPT_MAX);
    ck_assert_uint_eq(problems.n_dropped, sizeof text / 2 - PROBLEMS_KEPT_MAX);
}
END_TEST

/* ---- several files ---- */

START_TEST(drop_ins_in_name_order)
{
    put("main.conf", QUEUE);
    put_drop_in("20-b.conf", "[queue:b]\nuse = any\n");
    put_drop_in("10-a.conf", "[grant:a]\nreceive = user:5\n[grant:b]\nsend = user:6\n");
    put_drop_in("README", "nonsense\n");
    put_drop_in(".hidden.conf", "nonsense\n");
    put_drop_in("30-c.conf~", "nonsense\n");
    put_drop_in(".conf", "nonsense\n");
    expect_none(load());
    ck_assert_uint_eq(config->n_files, 3);
    ck_assert_uint_eq(config->n_objects, 2);
    ck_assert_uint_eq(get_object("a")->grants.n, 2);
    ck_assert_str_eq(get_object("a")->grants.items[1].place.path, "main.conf.d/10-a.conf");
    ck_assert_uint_eq(get_object("a")->grants.items[1].place.line, 2);
    ck_assert_uint_eq(get_object("b")->grants.items[1].access, WIRE_WRITE);
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

START_TEST(drop_in_with_an_error_is_left_out_whole)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[queue:b]\nuse = any\n[queue:c]\nmode = 9\n[grant:a]\nsend = user:5\n");
    put_drop_in("2.conf", "[queue:d]\nuse = any\n");
    expect_none(load() == 0 && problems.n_errors == 1 ? (int)(problems.n_errors = 0) : -1);
    expect(SEVERITY_ERROR, 0, "main.conf.d/1.conf", 4, "is not a mode");
    ck_assert_uint_eq(config->n_left_out, 1);
    ck_assert_str_eq(config->left_out[0], "main.conf.d/1.conf");
    ck_assert(!has_object("b"));
    ck_assert(has_object("d"));
    ck_assert_uint_eq(get_object("a")->grants.n, 1);
    ck_assert_uint_eq(config->n_files, 2);
    ck_assert_int_eq(load_strict(), -EBADMSG);
    expect_one_error("main.conf.d/1.conf", 4, "is not a mode");
}
END_TEST

START_TEST(broker_section_in_a_drop_in)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[broker]\nsocket = /tmp/x\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 1, "[broker] in a drop-in");
    ck_assert_uint_eq(config->n_left_out, 1);
    ck_assert_ptr_null(config->socket);
}
END_TEST

START_TEST(name_in_two_files)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[queue:z]\nuse = any\n[eventfd:a]\nuse = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 3, "[queue:a] is at main.conf:1 already");
    ck_assert(!has_object("z"));
    ck_assert_str_eq(get_object("a")->kind->name, "queue");
    ck_assert_int_eq(load_strict(), -EBADMSG);
}
END_TEST

START_TEST(claim_in_two_files)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[queue:z]\nuse = any\nposix_name = /a\n");
    put_drop_in("2.conf", "[queue:y]\nuse = any\nposix_name = /z\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 1,
                     "the name /a, which is that of [queue:a] at main.conf:1");
    ck_assert(!has_object("z"));
    ck_assert(has_object("y"));
}
END_TEST

/* 1 is left out for its own error: 2 conflicts with nobody then. */
START_TEST(a_bad_file_conflicts_with_nobody)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[queue:b]\nuse = any\nmode = 9\n");
    put_drop_in("2.conf", "[queue:b]\nuse = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 3, "is not a mode");
    ck_assert_str_eq(get_object("b")->place.path, "main.conf.d/2.conf");
}
END_TEST

/* 1 conflicts with the main file; its other object is free for 2. */
START_TEST(a_conflicting_file_conflicts_with_nobody)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[queue:b]\nuse = any\n[queue:a]\nuse = any\n");
    put_drop_in("2.conf", "[queue:b]\nuse = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 3, "[queue:a] is at main.conf:1 already");
    ck_assert_str_eq(get_object("b")->place.path, "main.conf.d/2.conf");
}
END_TEST

/* 1 is left out for a grant that no eventfd can have, so that 2 may declare b. */
START_TEST(a_misfit_grant_frees_a_name)
{
    put("main.conf", EVENTFD);
    put_drop_in("1.conf", "[queue:b]\nuse = any\n[grant:e]\nsend = any\n");
    put_drop_in("2.conf", "[queue:b]\nuse = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 4, "no single directions");
    ck_assert_str_eq(get_object("b")->place.path, "main.conf.d/2.conf");
    ck_assert_uint_eq(config->n_left_out, 1);
}
END_TEST

/* 1's grant does not fit 2's x; but 2 goes for its own grant, and 3's x is a queue. */
START_TEST(a_file_without_fault_stays)
{
    put("main.conf", EVENTFD);
    put_drop_in("1.conf", "[grant:x]\nsend = user:1\n");
    put_drop_in("2.conf", "[eventfd:x]\nuse = any\n[grant:e]\nreceive = any\n");
    put_drop_in("3.conf", "[queue:x]\nuse = user:2\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/2.conf", 4, "'receive'");
    ck_assert_uint_eq(access_of("x", 1), WIRE_WRITE);
    ck_assert_uint_eq(config->n_left_out, 1);
}
END_TEST

/* Each convicts the other: the later one goes. */
START_TEST(two_misfits_in_a_circle)
{
    put("main.conf", QUEUE);
    put_drop_in("1.conf", "[eventfd:x]\nuse = any\n[grant:y]\nsend = any\n");
    put_drop_in("2.conf", "[eventfd:y]\nuse = any\n[grant:x]\nsend = any\n");
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/2.conf", 4, "[grant:x]: 'send'");
    ck_assert(has_object("x"));
    ck_assert_uint_eq(count(SEVERITY_WARNING), 1);
    expect(SEVERITY_WARNING, 0, "main.conf.d/1.conf", 3,
           "the file that declares 'y', at main.conf.d/2.conf:1, has errors");
}
END_TEST

START_TEST(a_misfit_in_the_main_file)
{
    put("main.conf", "[grant:x]\nsend = any\n");
    put_drop_in("1.conf", "[eventfd:x]\nuse = any\n");
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 2, "no single directions");
}
END_TEST

START_TEST(orphan_grant_is_a_warning)
{
    expect_none(load_text("\n[grant:later]\nsend = any\nread = any\n"));
    ck_assert_uint_eq(problems.n, 1);
    expect(SEVERITY_WARNING, 0, "main.conf", 2, "[grant:later] waits: no file declares 'later'");
    put_drop_in("1.conf", "[queue:later]\n");
    ck_assert_int_eq(load(), -EBADMSG); /* a queue has no `read` */
    expect(SEVERITY_ERROR, 0, "main.conf", 4, "expected send, receive or use");
}
END_TEST

START_TEST(use_means_both_for_every_kind)
{
    put("main.conf", QUEUE EVENTFD);
    put_drop_in("1.conf", "[grant:a]\nuse = user:1\n[grant:e]\nuse = user:1\n");
    expect_none(load());
    ck_assert_uint_eq(get_object("a")->grants.items[1].access, WIRE_USE);
    ck_assert_uint_eq(get_object("e")->grants.items[1].access, WIRE_USE);
}
END_TEST

START_TEST(grants_of_several_files_add_up)
{
    put("main.conf", "[queue:a]\nsend = user:1\n");
    put_drop_in("1.conf", "[grant:a]\nreceive = user:1 user:2\n");
    put_drop_in("2.conf", "[grant:a]\nsend = user:2\nreceive = group:99\n");
    expect_none(load());
    ck_assert_uint_eq(access_of("a", 1), WIRE_USE);
    ck_assert_uint_eq(access_of("a", 2), WIRE_USE);
    ck_assert_uint_eq(access_of("a", 3), WIRE_READ);
    ck_assert(get_object("a")->grants.by_group);
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

START_TEST(errors_are_in_file_order)
{
    put("main.conf", "[queue:a]\n[grant:nobody]\n");
    put_drop_in("2.conf", "x\n");
    put_drop_in("1.conf", "[queue:a]\n[queue:b]\n");
    ck_assert_int_eq(load_strict(), -EBADMSG);
    ck_assert_uint_eq(problems.n, 4);
    for (size_t i = 1; i < problems.n; i++)
        if (problems.items[i - 1].file == problems.items[i].file)
            ck_assert_uint_le(problems.items[i - 1].line, problems.items[i].line);
        else
            ck_assert_uint_lt(problems.items[i - 1].file, problems.items[i].file);
}
END_TEST

/* ---- which files ---- */

static void expect_paths(const struct config_paths *paths, size_t n, const char *const *wanted)
{
    ck_assert_uint_eq(paths->n, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_str_eq(paths->items[i], wanted[i]);
}

START_TEST(one_directory_hides_and_masks_another)
{
    static const char *const wanted[] = {"main.conf", "usr/05.conf", "etc/10.conf", "etc/15.conf",
                                         "usr/20.conf"};
    _cleanup_(config_paths_deinit) struct config_paths paths = {0};

    ck_assert_int_eq(mkdir("etc", 0755), 0);
    ck_assert_int_eq(mkdir("usr", 0755), 0);
    put("main.conf", "");
    put("usr/05.conf", "x");
    put("usr/10.conf", "x");
    put("etc/10.conf", "y");
    put("etc/15.conf", "y");
    put("usr/20.conf", "x");
    put("usr/30.conf", "x");
    put("etc/30.conf", "");
    put("usr/40.conf", "x");
    ck_assert_int_eq(symlink("/dev/null", "etc/40.conf"), 0);
    put("usr/50.conf", "");
    ck_assert_int_eq(config_paths_collect("main.conf", true,
                                          (const char *const[]){"etc", "usr", "gone", NULL},
                                          &problems, &paths),
                     0);
    ck_assert(paths.has_main);
    expect_paths(&paths, ARRAY_SIZE(wanted), wanted);
}
END_TEST

START_TEST(directory_that_cannot_be_read)
{
    struct config_paths paths;

    put("file", "x");
    ck_assert_int_eq(config_paths_collect("main.conf", false, (const char *const[]){"file", NULL},
                                          &problems, &paths),
                     -EBADMSG);
    expect_one_error("file", 0, "the directory cannot be read");
}
END_TEST

START_TEST(main_file_must_be_there_when_named)
{
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "cannot be opened: No such file");
}
END_TEST

START_TEST(files_of_a_user)
{
    const struct config_source source = {.user = true};
    char *path;

    ck_assert_int_ge(asprintf(&path, "%s/.config", directory), 0);
    ck_assert_int_eq(mkdir(".config", 0700), 0);
    ck_assert_int_eq(mkdir(".config/ipcbroker", 0700), 0);
    ck_assert_int_eq(setenv("HOME", directory, 1), 0);
    ck_assert_int_eq(unsetenv("XDG_CONFIG_HOME"), 0);
    expect_none(load_source(&source));
    ck_assert_uint_eq(config->n_files, 0);
    put(".config/ipcbroker/ipcbroker.conf", QUEUE);
    expect_none(load_source(&source));
    ck_assert_uint_eq(config->n_objects, 1);
    ck_assert_int_eq(setenv("XDG_CONFIG_HOME", "relative", 1), 0);
    expect_none(load_source(&source));
    ck_assert_uint_eq(config->n_objects, 1);
    ck_assert_int_eq(setenv("HOME", "/nowhere", 1), 0);
    ck_assert_int_eq(setenv("XDG_CONFIG_HOME", path, 1), 0);
    expect_none(load_source(&source));
    ck_assert_uint_eq(config->n_objects, 1);
    ck_assert_int_eq(unsetenv("XDG_CONFIG_HOME") + unsetenv("HOME"), 0);
    ck_assert_int_eq(load_source(&source), -EBADMSG);
    ck_assert_uint_eq(problems.n_errors, 1);
    free(path);
}
END_TEST

/* ---- files that are none ---- */

START_TEST(directory_for_a_file)
{
    ck_assert_int_eq(mkdir("main.conf", 0755), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "not a regular file");
}
END_TEST

START_TEST(fifo_does_not_block)
{
    ck_assert_int_eq(mkfifo("main.conf", 0600), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "not a regular file");
}
END_TEST

START_TEST(device_is_no_file)
{
    ck_assert_int_eq(symlink("/dev/zero", "main.conf"), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "not a regular file");
}
END_TEST

START_TEST(link_loop)
{
    ck_assert_int_eq(symlink("main.conf", "main.conf"), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "symbolic links");
}
END_TEST

START_TEST(dangling_drop_in)
{
    put("main.conf", QUEUE);
    put_drop_in("2.conf", "[queue:b]\nuse = any\n");
    ck_assert_int_eq(symlink("gone", "main.conf.d/1.conf"), 0);
    ck_assert_int_eq(load(), 0);
    expect_one_error("main.conf.d/1.conf", 0, "No such file");
    ck_assert(has_object("b"));
}
END_TEST

START_TEST(link_to_a_file)
{
    ck_assert_int_eq(mkdir("there", 0755), 0);
    put("there/file", QUEUE);
    ck_assert_int_eq(symlink("there/file", "main.conf"), 0);
    expect_none(load());
    ck_assert_int_eq(chmod("there", 0777), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "its directory");
}
END_TEST

START_TEST(read_error)
{
    ck_assert_int_eq(symlink("/proc/self/mem", "main.conf"), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "cannot be read: Input/output error");
}
END_TEST

START_TEST(unreadable_file)
{
    put("main.conf", QUEUE);
    ck_assert_int_eq(chmod("main.conf", 0), 0);
    if (geteuid() == 0) { /* who may read all: as somebody else, who owns the files */
        ck_assert_int_eq(chown(".", 65534, 65534) + chown("main.conf", 65534, 65534), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "cannot be opened: Permission denied");
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(files_of_somebody_else)
{
    const struct config_source offline = {.file = "main.conf", .offline = true};

    if (geteuid() != 0)
        return;
    put("main.conf", QUEUE);
    ck_assert_int_eq(chown("main.conf", 65534, 0), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "the file belongs to uid 65534");
    expect_none(load_source(&offline));
    expect(SEVERITY_WARNING, 0, "main.conf", 0, "the file belongs to uid 65534");
    ck_assert_int_eq(seteuid(65534), 0); /* root's are anybody's */
    ck_assert_int_eq(load(), 0);
    ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(writable_file)
{
    const struct config_source offline = {.file = "main.conf", .offline = true};

    put("main.conf", QUEUE);
    ck_assert_int_eq(chmod("main.conf", 0646), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "the file is writable by others than its owner (mode 0646)");
    expect_none(load_source(&offline));
    ck_assert_uint_eq(config->n_objects, 1);
    expect(SEVERITY_WARNING, 0, "main.conf", 0, "writable by others");
    ck_assert_int_eq(chmod("main.conf", 0664), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    put("main.conf", "");
    ck_assert_int_eq(chmod("main.conf", 0644), 0);
    put_drop_in("1.conf", QUEUE);
    ck_assert_int_eq(chmod("main.conf.d/1.conf", 0666), 0);
    ck_assert_int_eq(load(), 0);
    ck_assert_uint_eq(config->n_left_out, 1);
    ck_assert_int_eq(load_strict(), -EBADMSG);
}
END_TEST

START_TEST(writable_directory)
{
    put("main.conf", QUEUE);
    ck_assert_int_eq(chmod(".", 0777), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "its directory . is writable by others");
    ck_assert_int_eq(chmod(".", 01777), 0);
    expect_none(load());
    ck_assert_int_eq(chmod(".", 0700), 0);
    expect_none(load());
}
END_TEST

START_TEST(four_mebibytes)
{
    size_t size = 4u << 20;
    char *text = malloc(size + 1);

    ck_assert_ptr_nonnull(text);
    memset(text, '\n', size + 1);
    memcpy(text + size - 8, "nonsense", 8);
    put_bytes("main.conf", text, size);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", (unsigned)size - 7, "no '='");
    put_bytes("main.conf", text, size + 1);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "expected at most 4 MiB");
    free(text);
}
END_TEST

/* ---- names of users and groups ---- */

static size_t resolve_text(const char *text, bool offline, bool lenient)
{
    const struct config_source source = {.file = "main.conf", .offline = offline};

    put("main.conf", text);
    expect_none(load_source(&source));
    ck_assert_int_eq(config_resolve(config, &source, lenient, &problems), 0);
    return problems.n_errors;
}

START_TEST(known_names)
{
    ck_assert_uint_eq(resolve_text("[queue:a]\nsend = user:root, group:root\nreceive = user:root\n"
                                   "group = root\nmode = 0600\n",
                                   false, false),
                      0);
    ck_assert_uint_eq(access_of("a", 0), WIRE_USE);
    ck_assert_uint_eq(access_of("a", 1), 0);
    ck_assert(get_object("a")->kind->settings_subject(get_object("a")->settings)->resolved);
}
END_TEST

#define UNKNOWN "[queue:a]\nuse = user:no-such-user-x, user:3\nsend = user:no-such-user-x\n"

START_TEST(unknown_names)
{
    ck_assert_uint_eq(resolve_text(UNKNOWN "receive = group:no-such-user-x\n", false, false), 3);
    expect(SEVERITY_ERROR, 0, "main.conf", 2, "unknown user 'no-such-user-x': create it, or give");
    expect(SEVERITY_ERROR, 1, "main.conf", 3, "unknown user 'no-such-user-x'");
    expect(SEVERITY_ERROR, 2, "main.conf", 4, "unknown group 'no-such-user-x'");
    ck_assert_uint_eq(access_of("a", 3), WIRE_USE);
    ck_assert_uint_eq(access_of("a", 0), 0);
    ck_assert_uint_eq(resolve_text(UNKNOWN, true, false), 0);
    ck_assert_uint_eq(count(SEVERITY_WARNING), 2);
    ck_assert_uint_eq(resolve_text(UNKNOWN, false, true), 0);
    expect(SEVERITY_WARNING, 0, "main.conf", 2, "unknown user");
}
END_TEST

START_TEST(unknown_group_of_a_queue)
{
    const struct declaration *queue;

    ck_assert_uint_eq(
        resolve_text("\n[queue:a]\nuse = any\ngroup = no-such-group-x\n", false, false), 1);
    expect(SEVERITY_ERROR, 0, "main.conf", 2, "unknown group 'no-such-group-x' in the settings");
    queue = get_object("a");
    ck_assert(!queue->kind->settings_subject(queue->settings)->resolved);
}
END_TEST

/* ---- suite ---- */

static void add_text_cases(TCase *cases)
{
    tcase_add_loop_test(cases, one_error, 0, (int)ARRAY_SIZE(bad));
    tcase_add_loop_test(cases, no_error, 0, (int)ARRAY_SIZE(good));
    tcase_add_test(cases, line_of_198_bytes);
    tcase_add_test(cases, line_of_199_bytes);
    tcase_add_test(cases, nothing_smuggled_behind_a_long_line);
    tcase_add_test(cases, long_header_is_dead);
    tcase_add_test(cases, long_names_are_whole);
    tcase_add_test(cases, empty_sections_are_seen);
    tcase_add_test(cases, carriage_returns_are_said_once);
    tcase_add_test(cases, all_errors_in_one_run);
    tcase_add_test(cases, minimal);
    tcase_add_test(cases, every_key);
    tcase_add_test(cases, lists_add_up);
    tcase_add_test(cases, empty_observe_is_nobody);
    tcase_add_test(cases, default_share_follows_max_clients);
    tcase_add_test(cases, objects_are_sorted);
    tcase_add_test(cases, claims_follow_the_naming);
    tcase_add_test(cases, open_mode_is_a_warning);
    tcase_add_test(cases, many_objects);
    tcase_add_test(cases, rubbish_is_bounded);
}

static void add_merge_cases(TCase *cases)
{
    tcase_add_test(cases, drop_ins_in_name_order);
    tcase_add_test(cases, drop_in_with_an_error_is_left_out_whole);
    tcase_add_test(cases, broker_section_in_a_drop_in);
    tcase_add_test(cases, name_in_two_files);
    tcase_add_test(cases, claim_in_two_files);
    tcase_add_test(cases, a_bad_file_conflicts_with_nobody);
    tcase_add_test(cases, a_conflicting_file_conflicts_with_nobody);
    tcase_add_test(cases, a_misfit_grant_frees_a_name);
    tcase_add_test(cases, a_file_without_fault_stays);
    tcase_add_test(cases, two_misfits_in_a_circle);
    tcase_add_test(cases, a_misfit_in_the_main_file);
    tcase_add_test(cases, orphan_grant_is_a_warning);
    tcase_add_test(cases, use_means_both_for_every_kind);
    tcase_add_test(cases, grants_of_several_files_add_up);
    tcase_add_test(cases, errors_are_in_file_order);
}

static void add_file_cases(TCase *cases)
{
    tcase_add_test(cases, one_directory_hides_and_masks_another);
    tcase_add_test(cases, directory_that_cannot_be_read);
    tcase_add_test(cases, main_file_must_be_there_when_named);
    tcase_add_test(cases, files_of_a_user);
    tcase_add_test(cases, directory_for_a_file);
    tcase_add_test(cases, fifo_does_not_block);
    tcase_add_test(cases, device_is_no_file);
    tcase_add_test(cases, link_loop);
    tcase_add_test(cases, dangling_drop_in);
    tcase_add_test(cases, link_to_a_file);
    tcase_add_test(cases, read_error);
    tcase_add_test(cases, unreadable_file);
    tcase_add_test(cases, files_of_somebody_else);
    tcase_add_test(cases, writable_file);
    tcase_add_test(cases, writable_directory);
    tcase_add_test(cases, four_mebibytes);
    tcase_add_test(cases, known_names);
    tcase_add_test(cases, unknown_names);
    tcase_add_test(cases, unknown_group_of_a_queue);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*add)(TCase *cases);
    } groups[] = {{"text", add_text_cases}, {"merge", add_merge_cases}, {"files", add_file_cases}};
    Suite *suite = suite_create("config");

    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        TCase *cases = tcase_create(groups[i].name);
        tcase_add_checked_fixture(cases, set_up, tear_down);
        tcase_set_timeout(cases, 30);
        groups[i].add(cases);
        suite_add_tcase(suite, cases);
    }
    return check_main(suite);
}
