/* Which files are read, which cannot be trusted, and names of users and groups. */
#include "tests/unit/config_cases.h"

#include "daemon/config_paths.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* What lstat(), realpath() and the lookup of a group fail with in this program; 0: nothing. */
static int lstat_error, realpath_error, group_error;
static bool asprintf_fails;

int lstat(const char *path, struct stat *status)
{
    errno = lstat_error;
    return errno ? -1 : fstatat(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
}

char *realpath(const char *path, char *resolved)
{
    errno = realpath_error;
    return errno || resolved ? NULL : canonicalize_file_name(path);
}

/* So many copies and larger arrays are made before one cannot be; negative: all can. */
static int copies_left = -1;

static bool is_out_of_memory(void)
{
    return copies_left >= 0 && copies_left-- == 0;
}

void *reallocarray(void *old, size_t n, size_t size)
{
    return is_out_of_memory() ? NULL : realloc(old, n * size);
}

char *strndup(const char *text, size_t most)
{
    size_t size = strnlen(text, most);
    char *copy = is_out_of_memory() ? NULL : malloc(size + 1);

    if (copy) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

char *strdup(const char *text)
{
    return strndup(text, strlen(text));
}

__attribute__((format(printf, 2, 0))) static int print(char **ret, const char *format,
                                                       va_list arguments)
{
    return asprintf_fails ? -1 : vasprintf(ret, format, arguments);
}

int asprintf(char **ret, const char *format, ...)
{
    va_list arguments;
    int r;

    va_start(arguments, format);
    r = print(ret, format, arguments);
    va_end(arguments);
    return r;
}

/* What it is called in a build with _FORTIFY_SOURCE. */
__attribute__((format(printf, 3, 4))) int __asprintf_chk(char **ret, int flag, const char *format,
                                                         ...);
int __asprintf_chk(char **ret, int flag, const char *format, ...)
{
    va_list arguments;
    int r;

    (void)flag;
    va_start(arguments, format);
    r = print(ret, format, arguments);
    va_end(arguments);
    return r;
}

int getgrnam_r(const char *name, struct group *group, char *buffer, size_t size,
               struct group **result)
{
    __typeof__(&getgrnam_r) next = (__typeof__(&getgrnam_r))dlsym(RTLD_NEXT, "getgrnam_r");

    return group_error ? group_error : next(name, group, buffer, size, result);
}

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

/* Whose the link is, or what lies beside the file, cannot be told: the file is not taken. */
START_TEST(link_that_cannot_be_judged)
{
    ck_assert_int_eq(mkdir("there", 0755), 0);
    put("there/file", QUEUE);
    ck_assert_int_eq(symlink("there/file", "main.conf"), 0);
    lstat_error = EACCES;
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "cannot be looked at: Permission denied");
    lstat_error = 0;
    realpath_error = ENOENT;
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "cannot be followed: No such file");
    realpath_error = 0;
}
END_TEST

START_TEST(no_memory_for_paths)
{
    const struct config_source of_user = {.user = true};

    put("main.conf", QUEUE);
    asprintf_fails = true;
    ck_assert_int_eq(load(), -ENOMEM);
    ck_assert_int_eq(setenv("HOME", directory, 1), 0);
    ck_assert_int_eq(load_source(&of_user), -ENOMEM);
    asprintf_fails = false;
    expect_none(load());
    ck_assert_int_eq(rename("main.conf", "file"), 0);
    ck_assert_int_eq(symlink("file", "main.conf"), 0);
    realpath_error = ENOMEM;
    ck_assert_int_eq(load(), -ENOMEM);
    realpath_error = 0;
    expect_none(load());
}
END_TEST

/* The directory is judged once. */
START_TEST(link_within_its_directory)
{
    put("file", QUEUE);
    ck_assert_int_eq(symlink("file", "main.conf"), 0);
    expect_none(load());
    ck_assert_int_eq(chmod(".", 0777), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "its directory . is writable by others");
}
END_TEST

START_TEST(link_of_somebody_else)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(mkdir("there", 0755), 0);
    put("there/file", QUEUE);
    ck_assert_int_eq(symlink("there/file", "main.conf"), 0);
    ck_assert_int_eq(lchown("main.conf", 65534, 65534), 0);
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "the link belongs to uid 65534");
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
    ck_assert_int_eq(chmod(".", 0755), 0); /* root's directory is good for anybody */
    ck_assert_int_eq(seteuid(65534), 0);
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

/* Files of /proc are said to be empty, as one may be that grows while it is read. */
START_TEST(file_that_is_longer_than_it_says)
{
    struct stat status;

    ck_assert_int_eq(unlink("main.conf") == 0 || errno == ENOENT, true);
    ck_assert_int_eq(symlink("/proc/self/status", "main.conf"), 0);
    ck_assert_int_eq(stat("main.conf", &status), 0);
    ck_assert_int_eq(status.st_size, 0);
    ck_assert_int_eq(load(), -EBADMSG);
    ck_assert_uint_gt(count(SEVERITY_ERROR), 20); /* each line of it is one */
}
END_TEST

#define MAPPINGS 16000 /* of which /proc/self/smaps says some hundred bytes each */

/* A file that says that it is empty, and has more than is read. */
static void make_endless_file(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, MAPPINGS * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(pages, MAP_FAILED);
    for (size_t i = 0; i < MAPPINGS; i += 2)
        ck_assert_int_eq(mprotect(pages + i * page, page, PROT_NONE), 0);
    ck_assert_int_eq(symlink("/proc/self/smaps", "main.conf"), 0);
}

START_TEST(file_that_does_not_end)
{
    make_endless_file();
    ck_assert_int_eq(load(), -EBADMSG);
    expect_one_error("main.conf", 0, "expected at most 4 MiB");
}
END_TEST

START_TEST(file_that_memory_does_not_hold)
{
    const char *flags = getenv("TEST_CFLAGS");
    struct rlimit limit;

    if (flags && strstr(flags, "sanitize")) /* whose memory has no such limit */
        return;
    make_endless_file();
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = 1 << 20; /* less than there is: what malloc has is all */
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_int_eq(load(), -ENOMEM);
    ck_assert_uint_eq(problems.n, 0); /* nothing of it was read */
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
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
    expect(SEVERITY_ERROR, 0, "main.conf", 4, "unknown group 'no-such-group-x': create it");
    queue = get_object("a");
    ck_assert(!queue->kind->settings_subject(queue->settings)->resolved);
}
END_TEST

/* Who may observe by default is so as long as the name service does not say otherwise. */
START_TEST(a_default_group_that_cannot_be_looked_up)
{
    struct config_source source = {.file = "main.conf"};
    struct config *before;
    const struct subject *group;

    ck_assert_uint_eq(resolve_text(QUEUE, false, false), 0);
    before = config;
    config = NULL;
    before->observe.items[0].subject.id = 4711;
    before->observe.items[0].subject.resolved = true;
    source.previous = before;
    group_error = EIO;
    expect_none(load_source(&source));
    group_error = 0;
    group = &config->observe.items[0].subject;
    ck_assert(group->resolved);
    ck_assert_uint_eq(group->id, 4711);
    expect_none(load_source(&source));
    ck_assert_uint_ne(config->observe.items[0].subject.id, 4711);
    (void)config_free(before);
}
END_TEST

/* Whichever fails, the reload has failed, and what was in force is whole. */
START_TEST(a_reload_without_memory)
{
    struct config_source source = {.file = "main.conf"};
    struct config *before;
    int n = 0, r;

    ck_assert_int_eq(mkdir("there", 0755), 0);
    put("there/file", "[queue:a]\nuse = user:root, group:root\n");
    ck_assert_int_eq(symlink("there/file", "main.conf"), 0);
    put_drop_in("1.conf", "[queue:b]\nuse = user:root\n[grant:a]\nsend = user:daemon\n");
    expect_none(load());
    ck_assert_int_eq(config_resolve(config, &source, false, &problems), 0);
    before = config;
    config = NULL;
    source.previous = before;
    put_drop_in("1.conf", "nonsense\n");
    do {
        copies_left = n++;
        r = load_source(&source);
        ck_assert_msg(r == (copies_left < 0 ? -ENOMEM : 0), "without copy %d: %d", n, r);
    } while (copies_left < 0);
    copies_left = -1;
    ck_assert_int_gt(n, 20);
    ck_assert_uint_eq(config->n_objects, 2);
    ck_assert_uint_eq(access_of("b", 0), WIRE_USE);
    (void)config_free(before);
}
END_TEST

void add_file_cases(TCase *cases)
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
    tcase_add_test(cases, link_that_cannot_be_judged);
    tcase_add_test(cases, no_memory_for_paths);
    tcase_add_test(cases, link_within_its_directory);
    tcase_add_test(cases, link_of_somebody_else);
    tcase_add_test(cases, read_error);
    tcase_add_test(cases, unreadable_file);
    tcase_add_test(cases, files_of_somebody_else);
    tcase_add_test(cases, writable_file);
    tcase_add_test(cases, writable_directory);
    tcase_add_test(cases, four_mebibytes);
    tcase_add_test(cases, file_that_is_longer_than_it_says);
    tcase_add_test(cases, file_that_does_not_end);
    tcase_add_test(cases, file_that_memory_does_not_hold);
    tcase_add_test(cases, known_names);
    tcase_add_test(cases, unknown_names);
    tcase_add_test(cases, unknown_group_of_a_queue);
    tcase_add_test(cases, a_default_group_that_cannot_be_looked_up);
    tcase_add_test(cases, a_reload_without_memory);
}
