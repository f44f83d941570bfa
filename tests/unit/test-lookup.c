/* The look-up of names, with a name service of its own: this program's getpwnam_r() is found before
 * the C library's. */
#include "tests/check_main.h"

#include "daemon/lookup.h"
#include "daemon/resolve.h"

#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>

#define NEVER  "never-answered"
#define LARGE  "large"
#define BROKEN "broken"
#define UID    4711u

/* What the service saw. Written by its threads, read when they are done, but for `release`. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned n_calls, n_stuck;
    bool release, signals_open;
} service = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void note_call(void)
{
    sigset_t blocked;

    (void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    (void)pthread_mutex_lock(&service.mutex);
    service.n_calls++;
    service.signals_open |= !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGHUP);
    (void)pthread_mutex_unlock(&service.mutex);
}

static void get_stuck(void)
{
    (void)pthread_mutex_lock(&service.mutex);
    service.n_stuck++;
    while (!service.release)
        (void)pthread_cond_wait(&service.changed, &service.mutex);
    service.n_stuck--;
    (void)pthread_cond_broadcast(&service.changed);
    (void)pthread_mutex_unlock(&service.mutex);
}

/* Knows names that begin with "known", and those above. */
int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
               struct passwd **ret)
{
    (void)buffer;
    note_call();
    *ret = NULL;
    if (strcmp(name, NEVER) == 0)
        get_stuck();
    if (strcmp(name, BROKEN) == 0)
        return EIO;
    if (strcmp(name, LARGE) == 0 && size < 100000)
        return ERANGE;
    if (strcmp(name, LARGE) != 0 && strncmp(name, "known", 5) != 0)
        return 0;
    *entry = (struct passwd){.pw_uid = UID};
    *ret = entry;
    return 0;
}

static struct subject subjects[8];
static struct resolve_item items[8];
static size_t n_items;

static void ask(const char *path, const char *name)
{
    subjects[n_items] = (struct subject){.type = SUBJECT_USER, .name = (char *)(uintptr_t)name};
    items[n_items] = (struct resolve_item){&subjects[n_items], {path, 1}, 0};
    n_items++;
}

/* The items have another order by now. */
static int error_of(const char *path, const char *name)
{
    for (size_t i = 0; i < n_items; i++) {
        const struct subject *subject = items[i].subject;

        if (strcmp(items[i].place.path, path) != 0 || strcmp(subject->name, name) != 0)
            continue;
        ck_assert(subject->resolved == (items[i].error == 0));
        if (subject->resolved)
            ck_assert_uint_eq(subject->id, UID);
        return items[i].error;
    }
    ck_abort_msg("%s: %s is gone", path, name);
}

START_TEST(each_name_once_and_no_signal_taken)
{
    ask("a", "known");
    ask("a", "other");
    ask("a", "known");
    ask("a", BROKEN);
    ask("a", "known");
    ck_assert_int_eq(resolve(items, n_items), 0);
    ck_assert_int_eq(error_of("a", "known"), 0);
    ck_assert_int_eq(error_of("a", "other"), -ENOENT);
    ck_assert_int_eq(error_of("a", BROKEN), -EIO);
    for (size_t i = 0; i < n_items; i++)
        ck_assert(subjects[i].resolved == (strcmp(subjects[i].name, "known") == 0));
    ck_assert_uint_eq(service.n_calls, 3);
    ck_assert(!service.signals_open);
}
END_TEST

START_TEST(an_entry_that_needs_room)
{
    ask("a", LARGE);
    ck_assert_int_eq(resolve(items, n_items), 0);
    ck_assert_int_eq(error_of("a", LARGE), 0);
    ck_assert_uint_gt(service.n_calls, 1);
}
END_TEST

/* What was known before may not be so any more. */
START_TEST(nothing_is_remembered)
{
    ask("a", "known");
    ask("a", "other");
    subjects[1].resolved = true;
    ck_assert_int_eq(resolve(items, n_items), 0);
    ck_assert_int_eq(error_of("a", "other"), -ENOENT);
    ck_assert_int_eq(resolve(items, n_items), 0);
    ck_assert_uint_eq(service.n_calls, 4);
}
END_TEST

static void await_stuck(unsigned n)
{
    (void)pthread_mutex_lock(&service.mutex);
    while (service.n_stuck != n)
        (void)pthread_cond_wait(&service.changed, &service.mutex);
    (void)pthread_mutex_unlock(&service.mutex);
}

/* Two files hang, and both of them only until the limit: the rest of each is not answered either.
 * What is abandoned is freed when the service lets it go, which a sanitizer sees. */
START_TEST(a_name_that_is_never_answered)
{
    ask("a", "known-before");
    ask("a", NEVER);
    ask("a", "unknown-behind");
    ask("b", "known");
    ask("c", NEVER);
    ask("d", "other");
    ck_assert_int_eq(resolve(items, n_items), 0);
    ck_assert_int_eq(error_of("a", "known-before"), 0);
    ck_assert_int_eq(error_of("a", NEVER), -ETIME);
    ck_assert_int_eq(error_of("a", "unknown-behind"), -ETIME);
    ck_assert_int_eq(error_of("b", "known"), 0);
    ck_assert_int_eq(error_of("c", NEVER), -ETIME);
    ck_assert_int_eq(error_of("d", "other"), -ENOENT);
    (void)pthread_mutex_lock(&service.mutex); /* the two that are stuck are not done */
    ck_assert_uint_eq(service.n_stuck, 2);
    ck_assert_uint_eq(service.n_calls, 5);
    service.release = true;
    (void)pthread_cond_broadcast(&service.changed);
    (void)pthread_mutex_unlock(&service.mutex);
    await_stuck(0);
}
END_TEST

START_TEST(more_files_than_threads)
{
    static struct subject many[100];
    static struct resolve_item of_many[100];
    static char paths[100][8];

    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%zu", i);
        many[i] = (struct subject){.type = SUBJECT_USER, .name = (char *)(uintptr_t) "known"};
        of_many[i] = (struct resolve_item){&many[i], {paths[i], 1}, 0};
    }
    ck_assert_int_eq(resolve(of_many, ARRAY_SIZE(many)), 0);
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        ck_assert(many[i].resolved && of_many[i].error == 0);
    ck_assert_uint_eq(service.n_calls, ARRAY_SIZE(many));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lookup");
    TCase *cases = tcase_create("lookup");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, each_name_once_and_no_signal_taken);
    tcase_add_test(cases, an_entry_that_needs_room);
    tcase_add_test(cases, nothing_is_remembered);
    tcase_add_test(cases, a_name_that_is_never_answered);
    tcase_add_test(cases, more_files_than_threads);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
