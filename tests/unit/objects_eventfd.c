/* Eventfds. */
#include "tests/unit/objects_cases.h"

/* ---- eventfds ---- */

static void hand_out_eventfd(unsigned access, unsigned flags)
{
    int r = object_hand_out(&object, WIRE_USE, access, flags, &handout, &why);

    ck_assert_msg(r == 0, "%s", why.text);
    ck_assert_int_eq(handout.fd, object.fd); /* there is no other description of it */
    ck_assert(!handout.owned);
    ck_assert_uint_eq(handout.descriptor.kind, WIRE_EVENTFD);
    ck_assert_uint_eq(handout.descriptor.access, WIRE_USE);
}

START_TEST(an_eventfd)
{
    eventfd_t count;

    declare("eventfd", "e", NULL);
    create();
    ck_assert_ptr_null(object.kernel_name);
    ck_assert_int_eq(fcntl(object.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    ck_assert_int_eq(fcntl(object.fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(eventfd_read(object.fd, &count), -1);
    hand_out_eventfd(0, 0);
    ck_assert_uint_eq(handout.descriptor.flags, WIRE_NONBLOCK);
    hand_out_eventfd(WIRE_USE, WIRE_NONBLOCK);
    ck_assert_uint_eq(handout.descriptor.identity.device, 0);
    handout_deinit(&handout);
    ck_assert_int_ge(fcntl(object.fd, F_GETFD), 0);
}
END_TEST

START_TEST(an_eventfd_has_no_single_directions)
{
    declare("eventfd", "e", NULL);
    create();
    for (unsigned access = WIRE_WRITE; access <= WIRE_READ; access++) {
        ck_assert_int_eq(object_hand_out(&object, WIRE_USE, access, 0, &handout, &why), -EINVAL);
        assert_why("no single directions");
    }
    ck_assert_int_eq(object_hand_out(&object, 0, WIRE_USE, 0, &handout, &why), -EACCES);
}
END_TEST

START_TEST(a_blocking_eventfd)
{
    declare("eventfd", "e", "nonblocking", "no", NULL);
    create();
    ck_assert_int_eq(fcntl(object.fd, F_GETFL) & O_NONBLOCK, 0);
    hand_out_eventfd(0, 0);
    ck_assert_uint_eq(handout.descriptor.flags, 0);
    ck_assert_int_eq(object_hand_out(&object, WIRE_USE, 0, WIRE_NONBLOCK, &handout, &why), -EINVAL);
    assert_why("nonblocking = no");
    ck_assert_uint_eq(number_fact("nonblocking"), 0);
}
END_TEST

static const struct {
    const char *initial;
    uint64_t value;
} initials[] = {
    {"1", 1},
    {"4294967295", UINT32_MAX},
    {"4294967296", UINT64_C(4294967296)},
    {"18446744073709551614", UINT64_MAX - 1}, /* saturated: nobody can add to it */
};

/* Telling the count does not take it. */
START_TEST(the_initial_value)
{
    eventfd_t count;

    declare("eventfd", "e", "initial", initials[_i].initial, NULL);
    create();
    ck_assert_uint_eq(number_fact("count"), initials[_i].value);
    ck_assert_uint_eq(number_fact("initial"), initials[_i].value);
    hand_out_eventfd(0, 0);
    ck_assert_uint_eq(number_fact("count"), initials[_i].value);
    ck_assert_int_eq(eventfd_read(object.fd, &count), 0);
    ck_assert_uint_eq(count, initials[_i].value);
    ck_assert_uint_eq(number_fact("count"), 0);
}
END_TEST

START_TEST(a_semaphore)
{
    eventfd_t count;

    declare("eventfd", "e", "semaphore", "yes", "initial", "3", NULL);
    create();
    ck_assert_int_eq(eventfd_read(object.fd, &count), 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(number_fact("count"), 2);
    ck_assert_uint_eq(number_fact("semaphore"), 1);
}
END_TEST

/* A holder can fill it; being looked at must not wait for him. */
START_TEST(a_saturated_eventfd_is_described)
{
    declare("eventfd", "e", "nonblocking", "no", "semaphore", "yes", NULL);
    create();
    ck_assert_int_eq(eventfd_write(object.fd, UINT64_MAX - 1), 0);
    ck_assert_uint_eq(number_fact("count"), UINT64_MAX - 1);
    ck_assert_str_eq(text_fact("state"), "ready");
    object_look(&object);
    hand_out_eventfd(0, 0);
}
END_TEST

/* What costs more than a system call is told only to those who ask for one object. */
START_TEST(the_count_is_a_detail)
{
    struct wire_fact fact;

    declare("eventfd", "e", NULL);
    create();
    ck_assert(find_fact(true, "count", &fact));
    ck_assert(!find_fact(false, "count", &fact));
    ck_assert(!find_fact(false, "inode", &fact));
    ck_assert(find_fact(false, "semaphore", &fact));
}
END_TEST

static uint64_t eventfd_id(int fd)
{
    char path[64], line[128];
    uint64_t id = UINT64_MAX;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "eventfd-id:", 11) == 0)
            id = strtoull(line + 11, NULL, 10);
    (void)fclose(file);
    return id;
}

START_TEST(the_identity_is_the_kernels)
{
    int first = eventfd(0, EFD_CLOEXEC); /* so that ours has not the number 0 */

    declare("eventfd", "e", NULL);
    create();
    hand_out_eventfd(0, 0);
    ck_assert_uint_ne(eventfd_id(object.fd), UINT64_MAX);
    ck_assert_uint_eq(handout.descriptor.identity.inode, eventfd_id(object.fd));
    ck_assert_uint_eq(number_fact("inode"), eventfd_id(object.fd));
    ck_assert_uint_eq(number_fact("device"), 0);
    close(first);
}
END_TEST

void add_eventfds(Suite *suite)
{
    TCase *cases = new_cases("eventfds");

    tcase_add_test(cases, an_eventfd);
    tcase_add_test(cases, an_eventfd_has_no_single_directions);
    tcase_add_test(cases, a_blocking_eventfd);
    tcase_add_loop_test(cases, the_initial_value, 0, (int)ARRAY_SIZE(initials));
    tcase_add_test(cases, a_semaphore);
    tcase_add_test(cases, a_saturated_eventfd_is_described);
    tcase_add_test(cases, the_count_is_a_detail);
    tcase_add_test(cases, the_identity_is_the_kernels);
    suite_add_tcase(suite, cases);
}
