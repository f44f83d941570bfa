/* Values and numbers from text. */
#include "tests/check_main.h"

#include "base/number.h"
#include "base/utf8.h"
#include "daemon/subject.h"
#include "daemon/value.h"

#include <string.h>
#include <sys/types.h>

#define HUNDRED                                                                                    \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                           \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* ---- numbers ---- */

static const struct {
    const char *text;
    uint64_t max;
    int r;
    uint64_t value;
} numbers[] = {
    {"0", 0, 0, 0},
    {"1", 0, -ERANGE, 0},
    {"0010", 10, 0, 10},
    {"10", 10, 0, 10},
    {"11", 10, -ERANGE, 0},
    {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
    {"18446744073709551616", UINT64_MAX, -ERANGE, 0},
    {"99999999999999999999999999", UINT64_MAX, -ERANGE, 0},
    {"99999999999999999999999999x", UINT64_MAX, -EINVAL, 0},
    {"", 9, -EINVAL, 0},
    {" 1", 9, -EINVAL, 0},
    {"1 ", 9, -EINVAL, 0},
    {"+1", 9, -EINVAL, 0},
    {"-1", 9, -EINVAL, 0},
    {"0x1", 9, -EINVAL, 0},
    {"1.0", 9, -EINVAL, 0},
    {"1e0", 9, -EINVAL, 0},
    {"\xd9\xa1", 9, -EINVAL, 0}, /* a digit of another script */
};

START_TEST(number)
{
    uint64_t value = 77;

    ck_assert_int_eq(parse_number(numbers[_i].text, numbers[_i].max, &value), numbers[_i].r);
    ck_assert_uint_eq(value, numbers[_i].r == 0 ? numbers[_i].value : 77);
}
END_TEST

static const struct {
    const char *text;
    int r;
    int64_t us;
} seconds[] = {
    {"0", 0, 0},
    {"2", 0, 2000000},
    {"0.25", 0, 250000},
    {".5", 0, 500000},
    {"1.000001", 0, 1000001},
    {"1.0000019", 0, 1000001},
    {"2.", -EINVAL, 0},
    {".", -EINVAL, 0},
    {"", -EINVAL, 0},
    {"-1", -EINVAL, 0},
    {"1s", -EINVAL, 0},
    {"1.5s", -EINVAL, 0},
    {"1,5", -EINVAL, 0},
    {"1.2.3", -EINVAL, 0},
    {"inf", -EINVAL, 0},
    {"9223372036853", 0, 9223372036853000000},
    {"9223372036855", -ERANGE, 0},
    {"99999999999999999999999999999999999", -ERANGE, 0},
};

START_TEST(second)
{
    int64_t us = 77;

    ck_assert_int_eq(parse_seconds(seconds[_i].text, &us), seconds[_i].r);
    ck_assert_int_eq(us, seconds[_i].r == 0 ? seconds[_i].us : 77);
}
END_TEST

/* ---- values ---- */

START_TEST(boolean)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};
    static const char *const neither[] = {"", "Yes", "TRUE", "y", "2", "yes ", "yesno", "00"};
    struct sentence why;

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        bool value = false;
        ck_assert_int_eq(value_bool(yes[i], &value, &why), 0);
        ck_assert(value);
        ck_assert_int_eq(value_bool(no[i], &value, &why), 0);
        ck_assert(!value);
    }
    for (size_t i = 0; i < ARRAY_SIZE(neither); i++) {
        bool value = true;
        ck_assert_int_eq(value_bool(neither[i], &value, &why), -EINVAL);
        ck_assert(value);
        ck_assert_ptr_nonnull(strstr(why.text, "neither yes nor no"));
    }
}
END_TEST

static const struct {
    const char *text;
    uint64_t value; /* 0: bad, but for "0" */
    const char *fragment;
} sizes[] = {
    {"0", 0, NULL},
    {"8192", 8192, NULL},
    {"4K", 4096, NULL},
    {"1M", 1048576, NULL},
    {"0K", 0, NULL},
    {"18014398509481983K", 18446744073709550592u, NULL},
    {"18014398509481984K", 0, "too large"},
    {"17592186044416M", 0, "too large"},
    {"18446744073709551616", 0, "too large"},
    {"", 0, "is not a size"},
    {"K", 0, "is not a size"},
    {"4k", 0, "is not a size"},
    {"4m", 0, "is not a size"},
    {"4G", 0, "is not a size"},
    {"4KK", 0, "is not a size"},
    {"4 K", 0, "is not a size"},
    {"K4", 0, "is not a size"},
    {"-4K", 0, "is not a size"},
    {"4.5K", 0, "is not a size"},
    {"0x4K", 0, "is not a size"},
};

START_TEST(size)
{
    struct sentence why = {.text = ""};
    uint64_t value = 77;
    int r = value_size(sizes[_i].text, &value, &why);

    if (!sizes[_i].fragment) {
        ck_assert_int_eq(r, 0);
        ck_assert_uint_eq(value, sizes[_i].value);
    } else {
        ck_assert_int_eq(r, -EINVAL);
        ck_assert_uint_eq(value, 77);
        ck_assert_ptr_nonnull(strstr(why.text, sizes[_i].fragment));
    }
}
END_TEST

START_TEST(whole_number)
{
    uint64_t value = 77;

    ck_assert_int_eq(value_u64("18446744073709551615", &value, NULL), 0);
    ck_assert_uint_eq(value, UINT64_MAX);
    ck_assert_int_eq(value_u64("18446744073709551616", &value, NULL), -EINVAL);
    ck_assert_int_eq(value_u64("1K", &value, NULL), -EINVAL);
    ck_assert_int_eq(value_u64("-0", &value, NULL), -EINVAL);
    ck_assert_uint_eq(value, UINT64_MAX);
}
END_TEST

static const struct {
    const char *text;
    int r;
    mode_t mode;
    const char *fragment;
} modes[] = {
    {"600", 0, 0600, ""},
    {"0600", 0, 0600, ""},
    {"0660", 0, 0660, ""},
    {"666", 0, 0666, ""},
    {"0622", 0, 0622, ""},
    {"", -EINVAL, 0, "3 or 4 octal digits"},
    {"60", -EINVAL, 0, "3 or 4 octal digits"},
    {"00660", -EINVAL, 0, "3 or 4 octal digits"},
    {"0680", -EINVAL, 0, "3 or 4 octal digits"},
    {"0o60", -EINVAL, 0, "3 or 4 octal digits"},
    {"-600", -EINVAL, 0, "3 or 4 octal digits"},
    {"rw-", -EINVAL, 0, "3 or 4 octal digits"},
    {"0060", -EINVAL, 0, "contains 0600"},
    {"0466", -EINVAL, 0, "contains 0600"},
    {"0266", -EINVAL, 0, "contains 0600"},
    {"0700", -EINVAL, 0, "outside 0666"},
    {"0610", -EINVAL, 0, "outside 0666"},
    {"0601", -EINVAL, 0, "outside 0666"},
    {"4600", -EINVAL, 0, "outside 0666"},
};

START_TEST(mode)
{
    struct sentence why = {.text = ""};
    mode_t value = 01;

    ck_assert_int_eq(value_mode(modes[_i].text, &value, &why), modes[_i].r);
    ck_assert_uint_eq(value, modes[_i].r == 0 ? modes[_i].mode : 01);
    ck_assert_ptr_nonnull(strstr(why.text, modes[_i].fragment));
}
END_TEST

START_TEST(socket_path)
{
    struct sentence why;
    char *path = NULL;

    ck_assert_int_eq(value_socket_path("/run/a", &path, &why), 0);
    ck_assert_int_eq(value_socket_path("/" HUNDRED "123456", &path, &why), 0);
    ck_assert_uint_eq(strlen(path), 107);
    ck_assert_int_eq(value_socket_path("/" HUNDRED "1234567", &path, &why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why.text, "108 bytes; expected at most 107"));
    ck_assert_int_eq(value_socket_path("", &path, &why), -EINVAL);
    ck_assert_int_eq(value_socket_path("run/a", &path, &why), -EINVAL);
    ck_assert_int_eq(value_socket_path("@a", &path, &why), -EINVAL);
    ck_assert_int_eq(value_socket_path("/run/", &path, &why), -EINVAL);
    ck_assert_int_eq(value_socket_path("/", &path, &why), -EINVAL);
    ck_assert_uint_eq(strlen(path), 107);
    free(path);
}
END_TEST

START_TEST(group)
{
    struct subject subject = {0};
    struct sentence why;

    ck_assert_int_eq(value_group("web", &subject, &why), 0);
    ck_assert_int_eq(subject.type, SUBJECT_GROUP);
    ck_assert_str_eq(subject.name, "web");
    ck_assert(!subject.resolved);
    ck_assert_int_eq(value_group("group:web", &subject, &why), -EINVAL);
    ck_assert_int_eq(value_group("web adm", &subject, &why), -EINVAL);
    ck_assert_int_eq(value_group("", &subject, &why), -EINVAL);
    ck_assert_str_eq(subject.name, "web");
    ck_assert_int_eq(value_group("12", &subject, &why), 0);
    ck_assert_ptr_null(subject.name);
    ck_assert(subject.resolved);
    ck_assert_uint_eq(subject.id, 12);
    subject_deinit(&subject);
}
END_TEST

/* ---- lists ---- */

static const struct {
    const char *list;
    const char *joined;
} lists[] = {
    {"", ""},         {" ,\t, ", ""},   {"a", "a|"},
    {"a,b", "a|b|"},  {"a b", "a|b|"},  {", a ,,\tb , ", "a|b|"},
    {"a\tb", "a|b|"}, {"a,,b", "a|b|"}, {"user:a,any", "user:a|any|"},
    {"a;b", "a;b|"},
};

START_TEST(list)
{
    char joined[100] = "", element[20];
    const char *rest = lists[_i].list;

    while ((rest = value_next(rest, element, sizeof element)))
        strcat(strcat(joined, element), "|");
    ck_assert_str_eq(joined, lists[_i].joined);
}
END_TEST

/* ---- UTF-8 ---- */

static const struct {
    const char *text;
    bool valid;
} utf8[] = {
    {"", true},
    {"plain", true},
    {"\x7f", true},
    {"\xc2\x80", true},
    {"\xdf\xbf", true},
    {"\xe0\xa0\x80", true},
    {"\xed\x9f\xbf", true},
    {"\xee\x80\x80", true},
    {"\xf0\x90\x80\x80", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\x80", false},
    {"\xbf", false},
    {"\xc0\x80", false},
    {"\xc1\xbf", false},
    {"\xc2", false},
    {"\xc2"
     "a",
     false},
    {"\xc2\xc2\x80", false},
    {"\xe0\x9f\xbf", false},
    {"\xed\xa0\x80", false},
    {"\xe2\x82", false},
    {"\xe2\x82"
     "a",
     false},
    {"\xf0\x8f\xbf\xbf", false},
    {"\xf4\x90\x80\x80", false},
    {"\xf5\x80\x80\x80", false},
    {"\xf0\x9f\x98", false},
    {"\xff", false},
};

START_TEST(encoding)
{
    char *exact = strdup(utf8[_i].text); /* so that a read past the end is seen */

    ck_assert_int_eq(utf8_is_valid(exact, strlen(exact)), utf8[_i].valid);
    free(exact);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("value");
    TCase *cases = tcase_create("value");

    tcase_add_loop_test(cases, number, 0, (int)ARRAY_SIZE(numbers));
    tcase_add_loop_test(cases, second, 0, (int)ARRAY_SIZE(seconds));
    tcase_add_test(cases, boolean);
    tcase_add_loop_test(cases, size, 0, (int)ARRAY_SIZE(sizes));
    tcase_add_test(cases, whole_number);
    tcase_add_loop_test(cases, mode, 0, (int)ARRAY_SIZE(modes));
    tcase_add_test(cases, socket_path);
    tcase_add_test(cases, group);
    tcase_add_loop_test(cases, list, 0, (int)ARRAY_SIZE(lists));
    tcase_add_loop_test(cases, encoding, 0, (int)ARRAY_SIZE(utf8));
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
