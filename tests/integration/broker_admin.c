/* The admin socket: who gets in, and what he may. */
#include "tests/integration/broker_cases.h"

#include <fcntl.h>
#include <sys/stat.h>

#define NO_GRANTS "[queue:orders]\n[eventfd:wake]\n"

static mode_t mode_of(const char *path)
{
    struct stat status;

    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert(S_ISSOCK(status.st_mode));
    return status.st_mode & 07777;
}

START_TEST(root_and_the_brokers_user_need_no_grant_there)
{
    const struct who self = {.uid = broker.broker_uid, .gid = broker.broker_uid};

    serve(NO_GRANTS);
    ck_assert_uint_eq(mode_of(broker.admin), 0600);
    ck_assert_uint_eq(mode_of(broker.socket), 0666);
    ck_assert_int_eq(admin_acquire_as(&broker, root(), "orders", 0), O_RDWR);
    ck_assert_int_eq(admin_acquire_as(&broker, root(), "orders", IPCB_SEND), O_WRONLY);
    ck_assert_int_eq(admin_acquire_as(&broker, self, "wake", 0), O_RDWR);
    ck_assert_int_eq(admin_acquire_as(&broker, self, "nothing", 0), -ENOENT);
}
END_TEST

START_TEST(others_are_kept_out_by_the_mode_of_the_file)
{
    serve("[queue:orders]\nuse = any\n");
    ck_assert_int_eq(admin_acquire_as(&broker, user(0), "orders", 0), -EACCES);
    assert_has(said(), "may not be opened by uid");
}
END_TEST

START_TEST(a_named_administrator_gets_in_and_others_are_told)
{
    struct who member = user(3);

    member.gid = broker.client_uid + 6;
    serve("[broker]\nadmin = user:$C2, group:$C6\n" NO_GRANTS);
    ck_assert_int_eq(admin_acquire_as(&broker, user(2), "orders", 0), O_RDWR);
    ck_assert_int_eq(admin_acquire_as(&broker, member, "orders", 0), O_RDWR);
    ck_assert_int_eq(admin_acquire_as(&broker, root(), "orders", 0), O_RDWR);
    ck_assert_int_eq(admin_acquire_as(&broker, user(3), "orders", 0), -EACCES);
    assert_has(said(), "is no administrator of this broker");
    assert_has(said(), "'admin = user:");
    ck_assert_int_eq(get(user(2), "orders", 0), -EACCES); /* on the main socket he is like others */
}
END_TEST

START_TEST(an_administrator_sees_all)
{
    struct ipcb *b;
    struct ipcb_list *list = NULL;
    struct ipcb_facts *facts = NULL;

    serve(NO_GRANTS);
    ck_assert_int_eq(ipcb_new(&b, broker.admin), 0);
    ck_assert_int_eq(ipcb_list(b, &list), 0);
    ck_assert_uint_eq(ipcb_list_count(list), 2);
    ck_assert_str_eq(fact_text(ipcb_list_at(list, 0), "access"), "use");
    ck_assert_int_eq(ipcb_whoami(b, &facts), 0);
    ck_assert_str_eq(fact_text(facts, "administrator"), "yes");
    (void)ipcb_facts_free(facts);
    facts = show(b, "orders");
    assert_has(fact_text(facts, "declared"), "broker.conf:1");
    (void)ipcb_facts_free(facts);
    (void)ipcb_list_free(list);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(administrators_get_in_when_the_main_socket_is_full)
{
    struct ipcb *only;

    serve("[broker]\nmax_clients = 1\n" NO_GRANTS);
    only = connect_as(root());
    ck_assert_int_eq(get(root(), "orders", 0), -EBUSY);
    ck_assert_int_eq(admin_acquire_as(&broker, root(), "orders", 0), O_RDWR);
    (void)ipcb_free(only);
}
END_TEST

TCase *admin_case(void)
{
    TCase *tcase = broker_case("admin");

    tcase_add_test(tcase, root_and_the_brokers_user_need_no_grant_there);
    tcase_add_test(tcase, others_are_kept_out_by_the_mode_of_the_file);
    tcase_add_test(tcase, a_named_administrator_gets_in_and_others_are_told);
    tcase_add_test(tcase, an_administrator_sees_all);
    tcase_add_test(tcase, administrators_get_in_when_the_main_socket_is_full);
    return tcase;
}
