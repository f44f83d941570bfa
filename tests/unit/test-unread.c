/* How many descriptors may be on their way. */
#include "tests/check_main.h"

#include "daemon/unread.h"

static const struct {
    size_t limit, reserved, most, share;
} shares[] = {
    {1024, 0, 768, 253},        {20000, 0, 15000, 937}, {20000, 4000, 15000, 687},
    {20000, 15001, 15254, 253}, {0, 0, 253, 253},       {1048576, 0, 786432, 49152},
};

/* A sixteenth of what the bags leave of three quarters, and a whole packet at least. */
START_TEST(a_share_is_a_part_of_what_is_left)
{
    struct quota quota = {.limit = shares[_i].limit};

    quota_reserve(&quota, shares[_i].reserved);
    ck_assert_uint_eq(quota_most(&quota), shares[_i].most);
    ck_assert_uint_eq(quota_share(&quota), shares[_i].share);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unread");
    TCase *cases = tcase_create("unread");

    tcase_add_loop_test(cases, a_share_is_a_part_of_what_is_left, 0, (int)ARRAY_SIZE(shares));
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
