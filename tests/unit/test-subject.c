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
    {"unit:shop.service", SUBJECT_UNIT, "shop.service", 0, "unit:shop.service"},
    {"unit:shop-*.service", SUBJECT_UNIT, "shop-*.service", 0, "unit:shop-*.service"},
    {"unit:*.scope", SUBJECT_UNIT, "*.scope", 0, "unit:*.scope"},
    {"unit:shop@1.service", SUBJECT_UNIT, "shop@1.service", 0, "unit:shop@1.service"},
    {"unit:shop@*.service", SUBJECT_UNIT, "shop@*.service", 0, "unit:shop@*.service"},
    {"unit:a\\x2db:1_.mount", SUBJECT_UNIT, "a\\x2db:1_.mount", 0, "unit:a\\x2db:1_.mount"},
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
    ck_assert_int_eq(subject.resolved, !good[_i].name || subject.type == SUBJECT_UNIT);
    ck_assert_str_eq(subject_format(&subject, buffer, sizeof buffer), good[_i].written);
    subject_deinit(&subject);
    subject_deinit(&subject);
    ck_assert(!subject.resolved);
}
END_TEST

static const struct {
    const char *text, *fragment;
} bad[] = {
    {"", "is not a subject; expected user:NAME, group:NAME, unit:NAME or any"},
    {"root", "'root' is not a subject"},
    {"0", "is not a subject"},
    {"Any", "is not a subject"},
    {"any:", "is not a subject"},
    {"users:x", "is not a subject"},
    {"User:x", "is not a subject"},
    {":x", "is not a subject"},
    {"user", "is not a subject"},
    {"unit:", "'' is no unit that processes can be in; expected a name that ends in .service"},
    {"unit:*", "'*' is no unit that processes can be in"},
    {"unit:nginx", "'nginx' is no unit that processes can be in"},
    {"unit:shop-*", "'shop-*' is no unit"},
    {"unit:shop.service.d", "'shop.service.d' is no unit"},
    {"unit:daily.timer", "'daily.timer' is no unit"},
    {"unit:system.slice", "'system.slice' is no unit"},
    {"unit:multi-user.target", "is no unit that processes can be in"},
    {"unit:a.Service", "'a.Service' is no unit"},
    {"unit:shop@.service", "'shop@.service' is a template, which no process is in"},
    {"unit:.service", "'.service' can never be the name of a unit"},
    {"unit:@1.service", "'@1.service' can never be"},
    {"unit:a/b.service", "'a/b.service' can never be"},
    {"unit:a b.service", "'a b.service' can never be"},
    {"unit:a?.service", "'a?.service' can never be"},
    {"unit:[ab].service", "'[ab].service' can never be"},
    {"unit:j\xc3\xbcrgen.service", "can never be the name of a unit"},
    {"unit:user:a.service:", "'user:a.service:' is no unit"},
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

/* 255 bytes and 256. */
START_TEST(the_longest_name_of_a_unit)
{
    struct subject subject;
    char text[300] = "unit:";

    memset(text + 5, 'a', 247);
    strcpy(text + 5 + 247, ".service");
    ck_assert_int_eq(subject_parse(text, &subject, NULL), 0);
    subject_deinit(&subject);
    strcpy(text + 5 + 247, "a.service");
    ck_assert_int_eq(subject_parse(text, &subject, NULL), -EINVAL);
}
END_TEST

static const struct {
    const char *pattern, *name;
    bool matches;
} units[] = {
    {"unit:a.service", "a.service", true},
    {"unit:a.service", "b.service", false},
    {"unit:a.service", "a.servic", false},
    {"unit:a.service", "a.services", false},
    {"unit:a.service", "a.scope", false},
    {"unit:a.service", "", false},
    {"unit:a.service", "A.service", false},
    {"unit:a\\x2db.service", "a\\x2db.service", true},
    {"unit:a\\x2db.service", "ax2db.service", false},
    {"unit:*.service", "a.service", true},
    {"unit:*.service", "a.b.service", true},
    {"unit:*.service", "a.scope", false},
    {"unit:shop-*.service", "shop-1.service", true},
    {"unit:shop-*.service", "shop-.service", true},
    {"unit:shop-*.service", "shop-1.service.service", true},
    {"unit:shop-*.service", "shop.service", false},
    {"unit:shop-*.service", "ashop-1.service", false},
    {"unit:shop-*.service", "shop-1.scope", false},
    {"unit:shop-*.service", "shop-", false},
    {"unit:a*b*c.service", "abc.service", true},
    {"unit:a*b*c.service", "a1b2b3c.service", true},
    {"unit:a*b*c.service", "acb.service", false},
    {"unit:a**c.service", "ac.service", true},
    {"unit:a*a.service", "a.service", false},
    {"unit:a*a.service", "aa.service", true},
    {"unit:a*b*b.service", "ab.service", false},
    {"unit:a*b*b.service", "abb.service", true},
    {"unit:*x*.service", "axb.service", true},
    {"unit:*x*.service", "ab.service", false},

    {"unit:shop@*.service", "shop@1.service", true},
    {"unit:shop@*.service", "shop.service", false},
};

START_TEST(which_units_it_matches)
{
    struct subject subject;
    struct credentials who = {.unit = units[_i].name};

    ck_assert_int_eq(subject_parse(units[_i].pattern, &subject, NULL), 0);
    ck_assert_int_eq(subject_matches(&subject, &who), units[_i].matches);
    who.unit = NULL;
    ck_assert(!subject_matches(&subject, &who));
    subject_deinit(&subject);
}
END_TEST

static const struct {
    struct credentials who;
    const char *text;
} seen[] = {
    {{1, 2, NULL, 0, NULL}, "uid 1 (gid 2)"},
    {{1, ID_NOBODY, NULL, 0, NULL}, "uid 1"},
    {{ID_NOBODY, 2, NULL, 0, NULL}, "gid 2"},
    {{ID_NOBODY, ID_NOBODY, NULL, 0, NULL}, "any"},
    {{ID_NOBODY, ID_NOBODY, NULL, 0, "a.service"}, "unit a.service"},
    {{1, ID_NOBODY, NULL, 0, "a.service"}, "uid 1, unit a.service"},
    {{1, 2, NULL, 0, "a.service"}, "uid 1 (gid 2), unit a.service"},
    {{1, 2, (const gid_t[]){3, 4}, 2, NULL}, "uid 1 (gid 2, groups 3,4)"},
    {{1, 2, (const gid_t[]){3, 4}, 2, "a.service"}, "uid 1 (gid 2, groups 3,4), unit a.service"},
};

START_TEST(how_somebody_is_seen)
{
    char buffer[CREDENTIALS_SIZE], small[10];

    ck_assert_str_eq(credentials_format(&seen[_i].who, buffer, sizeof buffer), seen[_i].text);
    credentials_format(&seen[_i].who, small, sizeof small);
    ck_assert(strncmp(small, seen[_i].text, strlen(small)) == 0);
}
END_TEST

/* The unit stands there whole. */
START_TEST(very_many_groups_and_a_unit)
{
    static gid_t many[1000];
    char buffer[CREDENTIALS_SIZE];
    const struct credentials who = {1, 2, many, ARRAY_SIZE(many), "a.service"};

    memset(many, 0x77, sizeof many);
    credentials_format(&who, buffer, sizeof buffer);
    ck_assert_msg(strstr(buffer, "), unit a.service"), "%s", buffer);
}
END_TEST

static const gid_t groups[] = {0, 20, 30};

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
    {{SUBJECT_GROUP, NULL, 30, true}, {1, 2, groups, 2}, false},
    {{SUBJECT_GROUP, NULL, 0, true}, {1, 2, groups, 3}, true},
    {{SUBJECT_GROUP, NULL, 0, false}, {1, 2, groups, 3}, false},
    {{SUBJECT_GROUP, NULL, 40, true}, {1, 2, groups, 3}, false},
};

START_TEST(whom_it_matches)
{
    ck_assert_int_eq(subject_matches(&pairs[_i].subject, &pairs[_i].who), pairs[_i].matches);
}
END_TEST

/* Each of any number of groups is found, and what is between, below and above them is not. */
START_TEST(any_of_many_groups)
{
    gid_t many[70];
    struct credentials who = {1, 2, many, 0, NULL};

    for (; who.n_groups < ARRAY_SIZE(many); who.n_groups++) {
        for (size_t i = 0; i < who.n_groups; i++)
            many[i] = (gid_t)(10 * (who.n_groups - i));
        groups_sort(many, who.n_groups);
        for (uint32_t id = 3; id < 10 * ARRAY_SIZE(many); id++) {
            const struct subject group = {.type = SUBJECT_GROUP, .id = id, .resolved = true};

            ck_assert_int_eq(subject_matches(&group, &who),
                             id % 10 == 0 && id <= 10 * who.n_groups);
        }
    }
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
    tcase_add_test(cases, the_longest_name_of_a_unit);
    tcase_add_loop_test(cases, which_units_it_matches, 0, (int)ARRAY_SIZE(units));
    tcase_add_loop_test(cases, how_somebody_is_seen, 0, (int)ARRAY_SIZE(seen));
    tcase_add_test(cases, very_many_groups_and_a_unit);
    tcase_add_test(cases, any_of_many_groups);
    tcase_add_test(cases, a_name_alone_matches_nobody);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
