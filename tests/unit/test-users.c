/* Accounts: how many connections each user has. */
#include "tests/check_main.h"

#include "daemon/users.h"

static struct users users;

static void set_up(void)
{
    users_init(&users);
}

START_TEST(one_account_a_user)
{
    struct user *a, *b, *again;

    ck_assert_int_eq(users_enter(&users, 1, 9, &a), 0);
    ck_assert_int_eq(users_enter(&users, 2, 9, &b), 0);
    ck_assert_int_eq(users_enter(&users, 1, 9, &again), 0);
    ck_assert_ptr_eq(a, again);
    ck_assert_ptr_ne(a, b);
    ck_assert_uint_eq(a->uid, 1);
    ck_assert_uint_eq(a->n_clients, 2);
    ck_assert_uint_eq(b->n_clients, 1);
    users_leave(&users, a);
    users_leave(&users, a);
    users_leave(&users, b);
    ck_assert_ptr_null(users.tree);
}
END_TEST

START_TEST(no_more_than_the_most)
{
    struct user *user, *other, *refused = NULL;

    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(users_enter(&users, 7, 3, &user), 0);
    ck_assert_int_eq(users_enter(&users, 7, 3, &refused), -EBUSY);
    ck_assert_ptr_null(refused);
    ck_assert_uint_eq(user->n_clients, 3);
    ck_assert_int_eq(users_enter(&users, 8, 3, &other), 0);
    users_leave(&users, user);
    ck_assert_int_eq(users_enter(&users, 7, 3, &user), 0);
    for (size_t i = 0; i < 3; i++)
        users_leave(&users, user);
    users_leave(&users, other);
    ck_assert_ptr_null(users.tree);
}
END_TEST

/* A limit of none leaves no account behind. */
START_TEST(nobody_may)
{
    struct user *user;

    ck_assert_int_eq(users_enter(&users, 7, 0, &user), -EBUSY);
    ck_assert_ptr_null(users.tree);
}
END_TEST

/* Who is barred is so for as long as it lasts, also without a connection; others are not. */
START_TEST(who_is_barred_gets_no_connection)
{
    struct user *user, *other, *refused = NULL;

    ck_assert_int_eq(users_enter(&users, 7, 2, &user), 0);
    users_bar(&users, user);
    users_bar(&users, user);
    ck_assert_int_eq(users_enter(&users, 7, 2, &refused), -EPERM);
    users_leave(&users, user);
    ck_assert_int_eq(users_enter(&users, 7, 2, &refused), -EPERM);
    ck_assert_int_eq(users_enter(&users, 8, 2, &other), 0);
    user->barred_until_us = 1; /* it is over */
    ck_assert_int_eq(users_enter(&users, 7, 2, &user), 0);
    users_leave(&users, other);
    users_bar(&users, user);
    users_leave(&users, user);
    ck_assert_ptr_nonnull(users.tree);
    users_deinit(&users);
    ck_assert_ptr_null(users.tree);
}
END_TEST

START_TEST(all_the_numbers)
{
    static const uid_t uids[] = {0, 1, 0x7fffffff, 0x80000000u, 0xfffffffeu};
    struct user *accounts[ARRAY_SIZE(uids)];

    for (size_t i = 0; i < ARRAY_SIZE(uids); i++)
        ck_assert_int_eq(users_enter(&users, uids[i], 1, &accounts[i]), 0);
    for (size_t i = 0; i < ARRAY_SIZE(uids); i++) {
        ck_assert_uint_eq(accounts[i]->uid, uids[i]);
        ck_assert_uint_eq(accounts[i]->n_clients, 1);
    }
    for (size_t i = 0; i < ARRAY_SIZE(uids); i++)
        users_leave(&users, accounts[i]);
    ck_assert_ptr_null(users.tree);
}
END_TEST

#define MANY 5000u

/* They come in one order and go in another. */
START_TEST(many_come_and_go)
{
    static struct user *accounts[MANY];

    for (uid_t i = 0; i < MANY; i++)
        ck_assert_int_eq(users_enter(&users, i * 7919 % MANY, 1, &accounts[i * 7919 % MANY]), 0);
    for (uid_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(accounts[i]->uid, i);
    for (uid_t i = 0; i < MANY; i++)
        users_leave(&users, accounts[i * 4001 % MANY]);
    ck_assert_ptr_null(users.tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("users");
    TCase *cases = tcase_create("users");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, NULL);
    tcase_add_test(cases, one_account_a_user);
    tcase_add_test(cases, no_more_than_the_most);
    tcase_add_test(cases, nobody_may);
    tcase_add_test(cases, who_is_barred_gets_no_connection);
    tcase_add_test(cases, all_the_numbers);
    tcase_add_test(cases, many_come_and_go);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
