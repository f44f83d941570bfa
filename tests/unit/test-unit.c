/* The unit of a process, as a service manager would tell it: this program stands in for libsystemd.
 */
#include "tests/check_main.h"

#include "daemon/unit.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>

/* ---- libsystemd ---- */

static struct {
    const char *unit; /* of each process */
    int error;        /* instead, if it is negative */
    uid_t owner;
    pid_t asked;   /* for whom it was, last */
    bool ends_him; /* he ends before he is answered */
    unsigned n_asked;
} manager;

static void end(pid_t pid)
{
    siginfo_t info;

    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static int tell(pid_t pid, char **ret)
{
    manager.asked = pid;
    manager.n_asked++;
    if (manager.ends_him)
        end(pid);
    if (manager.error < 0)
        return manager.error;
    *ret = strdup(manager.unit);
    return 0;
}

int sd_pid_get_unit(pid_t pid, char **ret)
{
    return tell(pid, ret);
}

int sd_pid_get_user_unit(pid_t pid, char **ret)
{
    return tell(pid, ret);
}

int sd_pid_get_owner_uid(pid_t pid, uid_t *ret)
{
    (void)pid;
    *ret = manager.owner;
    return 0;
}

/* ---- a process ---- */

static pid_t child;
static int pidfd;

static void set_up(void)
{
    manager.unit = "shop-1.service";
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            (void)pause();
    }
    pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    ck_assert_int_ge(pidfd, 0);
}

static void tear_down(void)
{
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    close(pidfd);
}

static void expect_unit(bool user, const char *expected)
{
    char *unit = NULL;

    ck_assert_int_eq(unit_of_process(pidfd, user, &unit), 0);
    ck_assert_pstr_eq(unit, expected);
    free(unit);
}

START_TEST(of_a_process_that_lives)
{
    expect_unit(false, "shop-1.service");
    ck_assert_int_eq(manager.asked, child);
}
END_TEST

/* Its number may be another's any moment. */
START_TEST(of_one_that_has_ended)
{
    end(child);
    expect_unit(false, NULL);
}
END_TEST

START_TEST(of_one_that_ends_meanwhile)
{
    manager.ends_him = true;
    expect_unit(false, NULL);
    ck_assert_int_eq(manager.asked, child);
}
END_TEST

/* It has no number any more, and nobody is asked about another's. */
START_TEST(of_one_that_is_gone)
{
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    expect_unit(false, NULL);
    ck_assert_uint_eq(manager.n_asked, 0);
}
END_TEST

START_TEST(of_a_name_that_no_grant_can_have)
{
    static const char *const names[] = {"shop-1.slice", "shop", "a b.service", "shop@.service", ""};

    manager.unit = names[_i];
    expect_unit(false, NULL);
}
END_TEST

START_TEST(of_a_user_who_is_not_ours)
{
    manager.owner = geteuid();
    expect_unit(true, "shop-1.service");
    manager.owner = geteuid() + 1;
    expect_unit(true, NULL);
}
END_TEST

/* Short of something he is not taken for one without a unit; else he is. */
START_TEST(errors_are_told_apart)
{
    static const struct {
        int error, expected;
    } errors[] = {{-EMFILE, -EMFILE}, {-ENFILE, -ENFILE}, {-ENOMEM, -ENOMEM},
                  {-ENODATA, 0},      {-ESRCH, 0},        {-EIO, 0}};
    char *unit = NULL;

    manager.error = errors[_i].error;
    ck_assert_int_eq(unit_of_process(pidfd, false, &unit), errors[_i].expected);
    ck_assert_ptr_null(unit);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unit");
    TCase *cases = tcase_create("unit");

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, of_a_process_that_lives);
    tcase_add_test(cases, of_one_that_has_ended);
    tcase_add_test(cases, of_one_that_ends_meanwhile);
    tcase_add_test(cases, of_one_that_is_gone);
    tcase_add_loop_test(cases, of_a_name_that_no_grant_can_have, 0, 5);
    tcase_add_test(cases, of_a_user_who_is_not_ours);
    tcase_add_loop_test(cases, errors_are_told_apart, 0, 6);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
