/* Names and whose they are: among many that meet at the same places. */
#include "tests/check_main.h"

#include "daemon/names.h"

#include <string.h>

#define MANY 5000

static char texts[MANY][16];
static struct names names;

static void *find(const char *name)
{
    return names_find(&names, name, strlen(name));
}

static void set_up(void)
{
    ck_assert_int_eq(names_reserve(&names, MANY), 0);
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "n%zu", i * i);
        ck_assert_ptr_eq(names_add(&names, texts[i], texts[i]), texts[i]);
    }
}

static void tear_down(void)
{
    names_deinit(&names);
}

START_TEST(a_name_is_the_first_ones)
{
    char again[] = "n49";

    ck_assert_ptr_eq(names_add(&names, again, again), texts[7]);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_ptr_eq(find(texts[i]), texts[i]);
}
END_TEST

START_TEST(nothing_else_is_found)
{
    ck_assert_ptr_null(find("n"));
    ck_assert_ptr_null(find("n50"));
    ck_assert_ptr_null(find(""));
    ck_assert_ptr_eq(names_find(&names, "n491", 3), texts[7]);
}
END_TEST

/* In a small table each look-up meets each name soon. */
START_TEST(a_name_does_not_go_on_behind_its_end)
{
    struct names few = {NULL, 0};

    ck_assert_int_eq(names_reserve(&few, 3), 0);
    for (size_t i = 0; i < 3; i++)
        ck_assert_ptr_eq(names_add(&few, texts[i], texts[i]), texts[i]);
    for (size_t i = 0; i < 3; i++)
        for (size_t size = strlen(texts[i]) + 1; size < sizeof texts[i]; size++)
            ck_assert_ptr_null(names_find(&few, texts[i], size));
    names_deinit(&few);
}
END_TEST

/* What was added before is found all the time, whatever places they share. */
START_TEST(the_last_ones_can_be_dropped)
{
    for (size_t i = MANY; i-- > MANY / 2;) {
        names_drop(&names, texts[i], texts[0]); /* not his */
        ck_assert_ptr_eq(find(texts[i]), texts[i]);
        names_drop(&names, texts[i], texts[i]);
        ck_assert_ptr_null(find(texts[i]));
    }
    for (size_t i = 0; i < MANY / 2; i++)
        ck_assert_ptr_eq(find(texts[i]), texts[i]);
}
END_TEST

START_TEST(more_room_changes_nothing)
{
    ck_assert_int_eq(names_reserve(&names, 20 * MANY), 0);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_ptr_eq(find(texts[i]), texts[i]);
    names_clear(&names);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_ptr_null(find(texts[i]));
}
END_TEST

START_TEST(without_room_nothing_is_found)
{
    names_deinit(&names);
    ck_assert_ptr_null(find("n49"));
    names_clear(&names);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names");
    TCase *cases = tcase_create("names");

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_name_is_the_first_ones);
    tcase_add_test(cases, nothing_else_is_found);
    tcase_add_test(cases, a_name_does_not_go_on_behind_its_end);
    tcase_add_test(cases, the_last_ones_can_be_dropped);
    tcase_add_test(cases, more_room_changes_nothing);
    tcase_add_test(cases, without_room_nothing_is_found);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
