/* Grants: what all that match give together. */
#include "tests/check_main.h"

#include "daemon/grants.h"
#include "protocol/wire.h"

static struct grants grants;

static void add(const char *text, unsigned access)
{
    struct subject subject;

    ck_assert_int_eq(subject_parse(text, &subject, NULL), 0);
    ck_assert_int_eq(grants_add(&grants, &subject, access, (struct place){"file", 7}), 0);
    ck_assert_ptr_null(subject.name); /* taken over */
}

static void tear_down(void)
{
    grants_deinit(&grants);
}

static unsigned access_of(uid_t uid, gid_t gid, gid_t supplementary)
{
    return grants_access(&grants, &(struct credentials){uid, gid, &supplementary, 1});
}

START_TEST(none_is_nothing)
{
    ck_assert_uint_eq(access_of(0, 0, 0), 0);
    ck_assert(!grants.by_group);
}
END_TEST

START_TEST(the_union_of_all)
{
    add("user:1", WIRE_WRITE);
    add("group:2", WIRE_READ);
    ck_assert_uint_eq(access_of(1, 9, 9), WIRE_WRITE);
    ck_assert_uint_eq(access_of(9, 2, 9), WIRE_READ);
    ck_assert_uint_eq(access_of(9, 9, 2), WIRE_READ);
    ck_assert_uint_eq(access_of(1, 2, 9), WIRE_USE);
    ck_assert_uint_eq(access_of(1, 9, 2), WIRE_USE);
    ck_assert_uint_eq(access_of(2, 1, 1), 0);
    ck_assert_uint_eq(access_of(0, 0, 0), 0);
}
END_TEST

START_TEST(the_order_does_not_matter)
{
    add("any", WIRE_READ);
    add("user:1", WIRE_USE);
    add("user:1", WIRE_READ);
    ck_assert_uint_eq(access_of(1, 9, 9), WIRE_USE);
    ck_assert_uint_eq(access_of(2, 9, 9), WIRE_READ);
}
END_TEST

START_TEST(root_needs_a_grant_too)
{
    add("user:1", WIRE_USE);
    ck_assert_uint_eq(access_of(0, 0, 0), 0);
}
END_TEST

START_TEST(an_unresolved_name_is_void)
{
    add("user:somebody", WIRE_USE);
    add("group:somebody", WIRE_USE);
    ck_assert_uint_eq(access_of(0, 0, 0), 0);
    grants.items[0].subject.resolved = true;
    grants.items[0].subject.id = 5;
    ck_assert_uint_eq(access_of(5, 9, 9), WIRE_USE);
}
END_TEST

START_TEST(groups_are_noticed)
{
    add("user:1", WIRE_USE);
    ck_assert(!grants.by_group);
    add("group:1", WIRE_USE);
    ck_assert(grants.by_group);
    ck_assert_str_eq(grants.items[1].place.path, "file");
    ck_assert_uint_eq(grants.items[1].place.line, 7);
    grants_deinit(&grants);
    ck_assert(!grants.by_group);
    ck_assert_uint_eq(grants.n, 0);
}
END_TEST

START_TEST(units_are_noticed)
{
    struct credentials who = {1, 2, NULL, 0, "shop-1.service"};

    add("user:1", WIRE_READ);
    ck_assert_uint_eq(grants.by_unit, 0);
    add("unit:shop-*.service", WIRE_WRITE);
    ck_assert_uint_eq(grants.by_unit, WIRE_WRITE);
    ck_assert(!grants.by_group);
    ck_assert_uint_eq(grants_access(&grants, &who), WIRE_USE);
    who.unit = NULL;
    ck_assert_uint_eq(grants_access(&grants, &who), WIRE_READ);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grants");
    TCase *cases = tcase_create("grants");

    tcase_add_checked_fixture(cases, NULL, tear_down);
    tcase_add_test(cases, none_is_nothing);
    tcase_add_test(cases, the_union_of_all);
    tcase_add_test(cases, the_order_does_not_matter);
    tcase_add_test(cases, root_needs_a_grant_too);
    tcase_add_test(cases, an_unresolved_name_is_void);
    tcase_add_test(cases, groups_are_noticed);
    tcase_add_test(cases, units_are_noticed);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
