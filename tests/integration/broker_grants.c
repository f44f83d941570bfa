/* Who may: subjects, directions, and what the denied one is told. */
#include "tests/integration/broker_cases.h"

#include <fcntl.h>

START_TEST(a_user_is_granted_by_number)
{
    serve("[queue:orders]\nuse = user:$C0\n");
    ck_assert_int_eq(get(user(0), "orders", 0), O_RDWR);
    ck_assert_int_eq(get(user(1), "orders", 0), -EACCES);
}
END_TEST

START_TEST(a_user_is_granted_by_name)
{
    serve("[queue:orders]\nuse = user:root\n");
    ck_assert_int_eq(get(root(), "orders", 0), O_RDWR);
    ck_assert_int_eq(get(user(0), "orders", 0), -EACCES);
}
END_TEST

START_TEST(a_users_number_is_not_a_groups)
{
    serve("[queue:orders]\nsend = user:$C0\nreceive = group:$C1\n");
    ck_assert_int_eq(
        get((struct who){.uid = broker.client_uid + 1, .gid = broker.client_uid}, "orders", 0),
        -EACCES);
}
END_TEST

START_TEST(a_group_is_granted_to_its_members)
{
    const gid_t groups[] = {broker.client_uid + 5, broker.client_uid + 6};
    struct who member = user(0);

    serve("[queue:orders]\nuse = group:$C6\n");
    ck_assert_int_eq(get(member, "orders", 0), -EACCES);
    member.gid = broker.client_uid + 6; /* by his primary group */
    ck_assert_int_eq(get(member, "orders", 0), O_RDWR);
    member.gid = member.uid; /* by a supplementary one */
    member.groups = groups;
    member.n_groups = 2;
    ck_assert_int_eq(get(member, "orders", 0), O_RDWR);
    member.n_groups = 1;
    ck_assert_int_eq(get(member, "orders", 0), -EACCES);
}
END_TEST

START_TEST(any_of_very_many_groups_counts)
{
    gid_t groups[1000];
    struct who member = user(0);

    for (unsigned i = 0; i < 1000; i++)
        groups[i] = 2000000 + i;
    member.groups = groups;
    member.n_groups = 1000;
    serve("[queue:first]\nuse = group:2000000\n"
          "[queue:last]\nuse = group:2000999\n"
          "[queue:none]\nuse = group:2001000\n");
    ck_assert_int_eq(get(member, "first", 0), O_RDWR);
    ck_assert_int_eq(get(member, "last", 0), O_RDWR);
    ck_assert_int_eq(get(member, "none", 0), -EACCES);
    assert_has(said(), "groups 2000000,2000001,"); /* as many as there is room for */
    assert_has(said(), "'use = user:");
}
END_TEST

START_TEST(any_is_everybody)
{
    serve("[queue:orders]\nsend = any\n");
    ck_assert_int_eq(get(user(0), "orders", 0), O_WRONLY);
    ck_assert_int_eq(get(user(7), "orders", 0), O_WRONLY);
    ck_assert_int_eq(get(root(), "orders", 0), O_WRONLY);
    ck_assert_int_eq(get(user(0), "orders", IPCB_RECEIVE), -EACCES);
}
END_TEST

START_TEST(without_a_grant_everybody_is_denied_even_root_and_the_broker)
{
    const struct who self = {.uid = broker.broker_uid, .gid = broker.broker_uid};

    serve("[queue:orders]\n[eventfd:wake]\n");
    ck_assert_int_eq(get(user(0), "orders", 0), -EACCES);
    ck_assert_int_eq(get(user(0), "orders", IPCB_SEND), -EACCES);
    ck_assert_int_eq(get(user(0), "wake", 0), -EACCES);
    ck_assert_int_eq(get(root(), "orders", 0), -EACCES);
    ck_assert_int_eq(get(root(), "wake", 0), -EACCES);
    ck_assert_int_eq(get(self, "orders", 0), -EACCES);
}
END_TEST

START_TEST(a_direction_is_granted_and_the_other_is_not)
{
    serve("[queue:orders]\nsend = user:$C0\nreceive = user:$C1\n");
    ck_assert_int_eq(get(user(0), "orders", IPCB_SEND), O_WRONLY);
    ck_assert_int_eq(get(user(0), "orders", IPCB_RECEIVE), -EACCES);
    ck_assert_int_eq(get(user(0), "orders", IPCB_USE), -EACCES);
    assert_has(said(), "is granted send on queue 'orders'");
    ck_assert_int_eq(get(user(1), "orders", IPCB_RECEIVE), O_RDONLY);
    ck_assert_int_eq(get(user(1), "orders", IPCB_SEND), -EACCES);
    ck_assert_int_eq(get(user(1), "orders", IPCB_USE), -EACCES);
}
END_TEST

START_TEST(grants_add_up)
{
    struct who both = user(0);

    both.gid = broker.client_uid + 6;
    serve("[queue:orders]\nsend = user:$C0\nreceive = group:$C6\n");
    ck_assert_int_eq(get(user(0), "orders", 0), O_WRONLY);
    ck_assert_int_eq(get(both, "orders", 0), O_RDWR);
    ck_assert_int_eq(get(both, "orders", IPCB_USE), O_RDWR);
}
END_TEST

START_TEST(another_file_may_grant)
{
    fixture_drop_in(&broker, "50-monitor.conf",
                    "[grant:orders]\nreceive = user:$C1\n"
                    "[grant:not-yet]\nsend = any\n");
    serve("[queue:orders]\nsend = user:$C0\n");
    ck_assert_int_eq(get(user(1), "orders", 0), O_RDONLY);
    ck_assert_int_eq(get(user(0), "orders", 0), O_WRONLY);
}
END_TEST

/* ---- what the denied one is told ---- */

START_TEST(a_denied_one_is_told_how_the_broker_sees_him)
{
    const gid_t groups[] = {broker.client_uid + 3, broker.client_uid + 4};
    struct who denied = {broker.client_uid, broker.client_uid + 1, groups, 2};
    char expected[256];

    serve("[queue:orders]\nsend = user:$C7\n");
    (void)snprintf(expected, sizeof expected,
                   "uid %u (gid %u, groups %u,%u) is granted nothing on queue 'orders'", denied.uid,
                   denied.gid, groups[0], groups[1]);
    ck_assert_int_eq(get(denied, "orders", IPCB_SEND), -EACCES);
    assert_has(said(), expected);
    ck_assert_int_eq(get(user(0), "orders", IPCB_SEND), -EACCES);
    (void)snprintf(expected, sizeof expected, "uid %u (gid %u) is granted", broker.client_uid,
                   broker.client_uid);
    assert_has(said(), expected);
}
END_TEST

/* The "KEY = VALUE" that the sentence quotes, as a section of its own. */
static void follow_advice(char *ret, size_t size)
{
    const char *quoted = strchr(strstr(said(), ";"), '\'');
    const char *end;

    ck_assert_ptr_nonnull(quoted);
    end = strchr(quoted + 1, '\'');
    ck_assert_ptr_nonnull(end);
    assert_has(end, "in a [grant:orders] section would grant");
    (void)snprintf(ret, size, "[grant:orders]\n%.*s\n", (int)(end - quoted - 1), quoted + 1);
}

static const unsigned accesses[] = {IPCB_SEND, IPCB_RECEIVE, IPCB_USE, 0};
static const int modes[] = {O_WRONLY, O_RDONLY, O_RDWR, O_RDWR};

START_TEST(the_line_that_the_denied_one_is_told_helps)
{
    char line[256];

    serve("[queue:orders]\nsend = user:$C7\n");
    ck_assert_int_eq(get(user(0), "orders", accesses[_i]), -EACCES);
    follow_advice(line, sizeof line);
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
    fixture_drop_in(&broker, "advice.conf", line);
    fixture_start(&broker);
    ck_assert_int_eq(get(user(0), "orders", accesses[_i]), modes[_i]);
    ck_assert_int_eq(get(user(1), "orders", accesses[_i]), -EACCES);
}
END_TEST

TCase *grants_case(void)
{
    TCase *tcase = broker_case("grants");

    tcase_add_test(tcase, a_user_is_granted_by_number);
    tcase_add_test(tcase, a_user_is_granted_by_name);
    tcase_add_test(tcase, a_users_number_is_not_a_groups);
    tcase_add_test(tcase, a_group_is_granted_to_its_members);
    tcase_add_test(tcase, any_of_very_many_groups_counts);
    tcase_add_test(tcase, any_is_everybody);
    tcase_add_test(tcase, without_a_grant_everybody_is_denied_even_root_and_the_broker);
    tcase_add_test(tcase, a_direction_is_granted_and_the_other_is_not);
    tcase_add_test(tcase, grants_add_up);
    tcase_add_test(tcase, another_file_may_grant);
    tcase_add_test(tcase, a_denied_one_is_told_how_the_broker_sees_him);
    tcase_add_loop_test(tcase, the_line_that_the_denied_one_is_told_helps, 0, 4);
    return tcase;
}
