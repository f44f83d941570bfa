/* The descriptor store while the service manager has no time, or the kernel no room. */
#include "tests/unit/store_cases.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* ---- a service manager that is busy ---- */

/* Changes go on, nothing waits, and of each bag only the last waits: killed after any number of
 * messages, what is stored is whole. */
START_TEST(what_is_not_taken_is_offered_again)
{
    char name[2] = "b";

    add("pipe", "a");
    save();
    manager_fill();
    for (; name[0] <= 'f'; name[0]++) {
        add("pipe", name);
        store_save(&store, &registry);
    }
    manager_read(0);
    notifier_drain(&notifier, 1000000);
    manager_read((size_t)_i);
    die();
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, _i == 0 ? 1 : 6);
    ck_assert_uint_eq(manager.n, 1);
}
END_TEST

/* Not even the bag is, if nothing is left to be stored. */
START_TEST(what_was_not_taken_is_not_forgotten)
{
    manager_fill();
    add("pipe", "a");
    store_save(&store, &registry);
    object_free(registry.objects[--registry.n]);
    registry_index(&registry);
    store_save(&store, &registry);
    ck_assert(TAILQ_EMPTY(&notifier.notices));
    manager_read(SIZE_MAX);
    ck_assert_uint_eq(manager.n, 0);
}
END_TEST

/* The state comes after the descriptors; only the last one is told, but for a READY. */
START_TEST(the_last_state_is_told)
{
    char text[256];
    ssize_t size;

    manager_fill();
    service_reloading(&notifier);
    service_ready(&notifier, "one");
    service_status(&notifier, "two");
    manager_read(0);
    notifier_drain(&notifier, 0);
    notifier.timer.fire(&notifier.timer);
    size = recv(manager.socket, text, sizeof text - 1, 0);
    ck_assert_int_gt(size, 0);
    text[size] = '\0';
    ck_assert_str_eq(text, "READY=1\nSTATUS=two");
    ck_assert_int_lt(recv(manager.socket, text, sizeof text, 0), 0);
}
END_TEST

/* ---- too many descriptors on their way ---- */

/* What the store said, to stderr; to be called once. */
static const char *said_by(void (*call)(void))
{
    static char text[4096];
    int pipe_ends[2], old = dup(STDERR_FILENO);
    ssize_t size;

    ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
    (void)fflush(stderr);
    (void)dup2(pipe_ends[1], STDERR_FILENO);
    call();
    (void)dup2(old, STDERR_FILENO);
    size = read(pipe_ends[0], text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    close(old);
    return text;
}

static void save_unread(void)
{
    store_save(&store, &registry);
}

static void set_soft_limit(uint64_t soft)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = soft;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The kernel refuses; what is not stored is named, the rest stays, and the next change has it. */
/* A service manager that is full keeps half of a bag, or nothing, and says nothing. So the bag of
 * before stays, where there is no room for a new one beside it. */
START_TEST(what_is_stored_stays_where_there_is_no_room_to_renew_it)
{
    const char *said;

    store.most = 2;
    add("eventfd", "early");
    save();
    add("eventfd", "late");
    said = said_by(save_unread);
    ck_assert_ptr_nonnull(strstr(said, "a restart before would lose: late\n"));
    manager_read(SIZE_MAX);
    ck_assert_uint_eq(manager.n, 1);
    ck_assert(manager_has("bag.1.1"));
    store.most = 4;
    save();
    die();
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 2);
}
END_TEST

START_TEST(what_cannot_be_stored_is_named_and_stored_later)
{
    const char *said;
    char name[16];

    /* A user of this test's own, since the kernel counts by user and lets root have all. */
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(manager.path, 1000000000 + (uid_t)getpid(), (gid_t)-1), 0);
        ck_assert_int_eq(setresuid(1000000000 + (uid_t)getpid(), 1000000000 + (uid_t)getpid(),
                                   1000000000 + (uid_t)getpid()),
                         0);
    }
    for (int i = 0; i < 40; i++) {
        (void)snprintf(name, sizeof name, "e%02d", i);
        add("eventfd", name);
    }
    set_soft_limit(87); /* two savings take 41 + 2 and 42 + 2: the third is refused */
    store_save(&store, &registry);
    add("pipe", "first");
    store_save(&store, &registry);
    add("pipe", "late");
    said = said_by(save_unread);
    ck_assert_ptr_nonnull(strstr(said, "too many descriptors under way"));
    ck_assert_ptr_nonnull(strstr(said, "a restart before would lose: late\n"));
    manager_read(SIZE_MAX);
    ck_assert_str_eq(said_by(save_unread), "");
    manager_read(SIZE_MAX);
    die();
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 42);
}
END_TEST

START_TEST(bags_count_twice_in_the_quota)
{
    for (int i = 0; i < 3; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "e%d", i);
        add("eventfd", name);
    }
    quota.limit = 1000;
    ck_assert_str_eq(said_by(save), "");
    ck_assert_uint_eq(quota.reserved, 2 * (3 + 1));
    quota.limit = 8; /* of which three quarters are 6 */
    ck_assert_ptr_nonnull(strstr(said_by(save), "raise it with LimitNOFILE=12 "));
    ck_assert_str_eq(said_by(save), ""); /* it is said once */
    ck_assert_uint_eq(store_weight(0), 0);
    ck_assert_uint_eq(store_weight(2000), 4002);
    ck_assert_uint_eq(store_weight(2001), 4006);
    quota.limit = store_needs_limit(4002);
    ck_assert_uint_ge(quota_most(&quota), 4002);
}
END_TEST

void add_busy(Suite *suite)
{
    TCase *cases = tcase_create("busy");

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, what_is_not_taken_is_offered_again, 0, 3);
    tcase_add_test(cases, what_was_not_taken_is_not_forgotten);
    tcase_add_test(cases, the_last_state_is_told);
    tcase_add_test(cases, what_is_stored_stays_where_there_is_no_room_to_renew_it);
    tcase_add_test(cases, what_cannot_be_stored_is_named_and_stored_later);
    tcase_add_test(cases, bags_count_twice_in_the_quota);
    suite_add_tcase(suite, cases);
}
