/* Subjects: what is one, and whom it matches. */
#include "tests/check_main.h"

#include "daemon/subject.h"

#include <string.h>

static const struct {
    const char *text;
    enum subject_type type;
    const char *name; /* NULL: given by number */
    uint32_t id;
    const char *written;
} good[] = {
    {"any", SUBJECT_ANY, NULL, 0, "any"},
    {"user:0", SUBJECT_USER, NULL, 0, "user:0"},
    {"user:1000", SUBJECT_USER, NULL, 1000, "user:1000"},
    {"user:0001000", SUBJECT_USER, NULL, 1000, "user:1000"},
    {"user:4294967294", SUBJECT_USER, NULL, UINT32_MAX - 1, "user:4294967294"},
    {"group:7", SUBJECT_GROUP, NULL, 7, "group:7"},
    {"user:root", SUBJECT_USER, "root", 0, "user:root"},
    {"group:web", SUBJECT_GROUP, "web", 0, "group:web"},
    {"user:www-data", SUBJECT_USER, "www-data", 0, "user:www-data"},
    {"user:_apt", SUBJECT_USER, "_apt", 0, "user:_apt"},
    {"user:a.b", SUBJECT_USER, "a.b", 0, "user:a.b"},
    {"user:host$", SUBJECT_USER, "host$", 0, "user:host$"},
    {"user:CORP\\me", SUBJECT_USER, "CORP\\me", 0, "user:CORP\\me"},
    {"user:me@corp", SUBJECT_USER, "me@corp", 0, "user:me@corp"},
    {"user:0x10", SUBJECT_USER, "0x10", 0, "user:0x10"},
    {"group:any", SUBJECT_GROUP, "any", 0, "group:any"},
    {"user:j\xc3\xbcrgen", SUBJECT_USER, "j\xc3\xbcrgen", 0, "user:j\xc3\xbcrgen"},
};

START_TEST(is_a_subject)
{
    struct sentence why = {.text = ""};
    struct subject subject;
    char buffer[100];

    ck_assert_int_eq(subject_parse(good[_i].text, &subject, &why), 0);
    ck_assert_int_eq(subject.type, good[_i].type);
    ck_assert_pstr_eq(subject.name, good[_i].name);
    ck_assert_uint_eq(subject.id, good[_i].id);
    ck_assert_int_eq(subject.resolved, !good[_i].name);
    ck_assert_str_eq(subject_format(&subject, buffer, sizeof buffer), good[_i].written);
    subject_deinit(&subject);
    subject_deinit(&subject);
    ck_assert(!subject.resolved);
}
END_TEST

static const struct {
    const char *text, *fragment;
} bad[] = {
    {"", "is not a subject; expected user:NAME, group:NAME or any"},
    {"root", "'root' is not a subject"},
    {"0", "is not a subject"},
    {"Any", "is not a subject"},
    {"any:", "is not a subject"},
    {"users:x", "is not a subject"},
    {"User:x", "is not a subject"},
    {":x", "is not a subject"},
    {"user", "is not a subject"},
    {"unit:a.service", "does not serve units yet"},
    {"unit:*", "does not serve units yet"},
    {"user:", "'' is not the name of a user"},
    {"group:", "'' is not the name of a group"},
    {"user:-1", "is not the name of a user"},
    {"user:+1", "is not the name of a user"},
    {"user:~", "is not the name of a user"},
    {"user:a b", "is not the name of a user"},
    {"user: 1", "is not the name of a user"},
    {"user:a:b", "is not the name of a user"},
    {"user:user:a", "is not the name of a user"},
    {"user:../a", "is not the name of a user"},
    {"user:*", "is not the name of a user"},
    {"group:a?", "is not the name of a group"},
    {"user:\"a\"", "is not the name of a user"},
    {"user:4294967295", "user number 4294967295 is too large; the largest is 4294967294"},
    {"group:4294967296", "group number 4294967296 is too large"},
    {"user:99999999999999999999999", "is too large"},
};

START_TEST(is_no_subject)
{
    struct sentence why = {.text = ""};
    struct subject subject = {.id = 77};

    ck_assert_int_eq(subject_parse(bad[_i].text, &subject, &why), -EINVAL);
    ck_assert_msg(strstr(why.text, bad[_i].fragment), "'%s'", why.text);
    ck_assert_uint_eq(subject.id, 77);
    ck_assert_int_eq(subject_parse(bad[_i].text, &subject, NULL), -EINVAL);
}
END_TEST

static const gid_t groups[] = {20, 30, 0};

static const struct {
    struct subject subject;
    struct credentials who;
    bool matches;
} pairs[] = {
    {{SUBJECT_ANY, NULL, 0, true}, {1, 2, NULL, 0}, true},
    {{SUBJECT_ANY, NULL, 0, false}, {1, 2, NULL, 0}, false},
    {{SUBJECT_USER, NULL, 1, true}, {1, 2, NULL, 0}, true},
    {{SUBJECT_USER, NULL, 1, false}, {1, 2, NULL, 0}, false},
    {{SUBJECT_USER, NULL, 2, true}, {1, 2, NULL, 0}, false},
    {{SUBJECT_USER, NULL, 20, true}, {1, 2, groups, 3}, false},
    {{SUBJECT_USER, NULL, 1, true}, {0, 0, NULL, 0}, false},
    {{SUBJECT_GROUP, NULL, 2, true}, {1, 2, NULL, 0}, true},
    {{SUBJECT_GROUP, NULL, 2, false}, {1, 2, NULL, 0}, false},
    {{SUBJECT_GROUP, NULL, 1, true}, {1, 2, NULL, 0}, false},
    {{SUBJECT_GROUP, NULL, 20, true}, {1, 2, groups, 3}, true},
    {{SUBJECT_GROUP, NULL, 30, true}, {1, 2, groups, 3}, true},
    {{SUBJECT_GROUP, NULL, 30, true}, {1, 2, groups, 1}, false},
    {{SUBJECT_GROUP, NULL, 0, true}, {1, 2, groups, 3}, true},
    {{SUBJECT_GROUP, NULL, 0, false}, {1, 2, groups, 3}, false},
    {{SUBJECT_GROUP, NULL, 40, true}, {1, 2, groups, 3}, false},
};

START_TEST(whom_it_matches)
{
    ck_assert_int_eq(subject_matches(&pairs[_i].subject, &pairs[_i].who), pairs[_i].matches);
}
END_TEST

/* 0 is what is in the number while a name is not resolved. */
START_TEST(a_name_alone_matches_nobody)
{
    struct subject subject;

    ck_assert_int_eq(subject_parse("user:somebody", &subject, NULL), 0);
    ck_assert(!subject_matches(&subject, &(struct credentials){0}));
    subject_deinit(&subject);
    ck_assert_int_eq(subject_parse("group:somebody", &subject, NULL), 0);
    ck_assert(!subject_matches(&subject, &(struct credentials){0}));
    subject_deinit(&subject);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("subject");
    TCase *cases = tcase_create("subject");

    tcase_add_loop_test(cases, is_a_subject, 0, (int)ARRAY_SIZE(good));
    tcase_add_loop_test(cases, is_no_subject, 0, (int)ARRAY_SIZE(bad));
    tcase_add_loop_test(cases, whom_it_matches, 0, (int)ARRAY_SIZE(pairs));
    tcase_add_test(cases, a_name_alone_matches_nobody);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
