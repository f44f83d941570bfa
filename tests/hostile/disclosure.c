/* What somebody learns by asking, about objects and people that are none of his business. */
#include "tests/hostile/hostile.h"

/* Each of his objects stands between two of others. */
static char *interleaved(unsigned n)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(stream);
    for (unsigned i = 0; i < n; i++)
        (void)fprintf(stream,
                      "[eventfd:n%04u-his]\nuse = user:$C0\n"
                      "[eventfd:n%04u-secret]\nuse = user:$C1\n",
                      i, i);
    ck_assert_int_eq(fclose(stream), 0);
    return text;
}

/* Asks for all pages; counts the objects, and looks for what must not be in any byte of them. */
static unsigned read_pages(int fd, const char *never)
{
    static struct answer answer;
    struct wire_field field, cursor = {0};
    struct frame frame;
    unsigned n = 0;

    do {
        frame_begin(&frame, WIRE_LIST, 1);
        if (cursor.value)
            wire_put(&frame.writer, WIRE_FIELD_CURSOR, cursor.value, cursor.size);
        put_frame(fd, &frame);
        expect_reply(fd, &answer, WIRE_LIST, 1, 0);
        ck_assert_ptr_null(memmem(answer.bytes, answer.size, never, strlen(never)));
        cursor = (struct wire_field){0};
        while (wire_next(&answer.fields, &field) > 0) {
            n += field.type == WIRE_FIELD_OBJECT;
            if (field.type == WIRE_FIELD_CURSOR)
                cursor = field;
        }
    } while (cursor.value);
    return n;
}

START_TEST(pages_of_a_list_name_nothing_of_others)
{
    const unsigned n = 600; /* several pages */
    char *text = interleaved(n);
    int fd;

    besiege(text);
    fd = dial_as(user(0));
    ck_assert_uint_eq(read_pages(fd, "secret"), n);
    close(fd);
    fd = dial_as(user(2)); /* who has none at all */
    ck_assert_uint_eq(read_pages(fd, "n0"), 0);
    close(fd);
    free(text);
}
END_TEST

/* ---- who asks for others, or for more of himself than the kernel says ---- */

#define SECRET "[queue:secret]\nsend = group:$C1\nuse = user:$C2\n"

START_TEST(can_tells_nobody_what_others_may)
{
    const gid_t groups[] = {user(1).gid};
    const struct ipcb_subject other = {.uid = user(2).uid, .gid = user(2).gid};
    const struct ipcb_subject more = {
        .uid = user(0).uid, .gid = user(1).gid, .groups = groups, .n_groups = 1};
    struct ipcb_facts *facts = NULL;
    struct ipcb *b;

    besiege(SECRET);
    b = connect_as(user(0));
    ck_assert_int_eq(ipcb_can(b, &other, "secret", IPCB_SEND, &facts), -EACCES);
    ck_assert_int_eq(ipcb_can(b, &more, "secret", IPCB_SEND, &facts), 0);
    ck_assert_str_eq(fact_text(facts, "allowed"), "no");
    for (size_t i = 0; i < ipcb_facts_count(facts); i++)
        assert_has_not(ipcb_facts_at(facts, i)->text, broker.directory); /* no place of a file */
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

/* No sentence and no fact tells a stranger which files there are, or who else is granted what. */
START_TEST(a_stranger_learns_his_own_lack_and_no_more)
{
    struct ipcb_facts *facts = NULL;
    struct ipcb_list *list = NULL;
    char other[32];
    struct ipcb *b;

    besiege(SECRET);
    (void)snprintf(other, sizeof other, "%u", user(2).uid);
    b = connect_as(user(0));
    ck_assert_int_eq(ipcb_acquire(b, "secret", 0), -EACCES);
    assert_has_not(ipcb_message(b), other);
    assert_has_not(ipcb_message(b), broker.directory);
    ck_assert_int_eq(ipcb_show(b, "secret", &facts), -EACCES);
    assert_has_not(ipcb_message(b), other);
    ck_assert_int_eq(ipcb_config(b, &list), -EACCES);
    ck_assert_int_eq(ipcb_list(b, &list), 0);
    ck_assert_uint_eq(ipcb_list_count(list), 0);
    (void)ipcb_list_free(list);
    facts = status(b);
    for (size_t i = 0; i < ipcb_facts_count(facts); i++)
        assert_has_not(ipcb_facts_at(facts, i)->text, broker.directory);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

TCase *hostile_disclosure_case(void)
{
    TCase *tcase = hostile_case("disclosure");

    tcase_add_test(tcase, pages_of_a_list_name_nothing_of_others);
    tcase_add_test(tcase, can_tells_nobody_what_others_may);
    tcase_add_test(tcase, a_stranger_learns_his_own_lack_and_no_more);
    return tcase;
}
