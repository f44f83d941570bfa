/* The descriptor store: there and back, killed in between, and what is wrong in it. */
#include "tests/unit/store_cases.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* ---- there and back ---- */

START_TEST(each_kind_comes_back_as_it_was)
{
    uint64_t five = 5, count, depth;
    struct wire_identity queue, pipe;

    queue = add("queue", "a")->identity;
    ck_assert_int_eq(write(add("eventfd", "b")->fd, &five, sizeof five), sizeof five);
    pipe = add("pipe", "c")->identity;
    ck_assert_int_eq(write(find("c")->fd, "xyz", 3), 3);
    save();
    ck_assert_uint_eq(manager.n, 1);
    ck_assert_uint_eq(quota.reserved, 2 * (3 + 1)); /* with the text; and when renewed */
    die();

    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 3);
    ck_assert_mem_eq(&find("a")->identity, &queue, sizeof queue);
    ck_assert_int_eq(read(find("b")->fd, &count, sizeof count), sizeof count);
    ck_assert_uint_eq(count, 5);
    ck_assert_mem_eq(&find("c")->identity, &pipe, sizeof pipe);
    ck_assert_int_eq(find("c")->declaration->kind->depth(find("c"), &depth), 0);
    ck_assert_uint_eq(depth, 3);
    ck_assert_str_eq(find("a")->declaration->place.path, "/etc/some file");
    ck_assert_uint_eq(find("a")->declaration->place.line, 7);
}
END_TEST

START_TEST(settings_and_traits_come_back)
{
    struct declaration *declaration = declaration_new(kind_find("eventfd"), "e", (struct place){0});
    struct object *object = object_new(declaration, &environment);
    char *difference = NULL;

    ck_assert_int_eq(declaration_set(declaration, "semaphore", "yes", NULL), 0);
    own(declaration);
    ck_assert_int_eq(object_create(object, 0), 0);
    object_retire(object, declaration_copy(declaration, "e@3", NAMING_NONE));
    ck_assert_int_eq(registry_reserve(&registry, registry.n, 1), 0);
    registry_add_retired(&registry, object);
    save();
    die();

    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 0);
    ck_assert_uint_eq(registry.n_retired, 1);
    object = find("e@3");
    ck_assert(object_is_retired(object));
    ck_assert_int_eq(object->declaration->kind->compare(object, object->declaration, &difference),
                     0);
    ck_assert_ptr_null(difference);
}
END_TEST

/* But that an eventfd's identity is known after its first return, and is stored then. */
START_TEST(nothing_new_is_nothing_told)
{
    size_t before;

    add("pipe", "a");
    save();
    before = manager.n_messages;
    save();
    ck_assert_uint_eq(manager.n_messages, before);
    die();
    ck_assert_int_eq(come_back(), 0);
    save();
    ck_assert_uint_eq(manager.n_messages, before);
}
END_TEST

START_TEST(more_than_a_bag_holds_are_several)
{
    char name[16];

    for (int i = 0; i < 2100; i++) {
        (void)snprintf(name, sizeof name, "e%04d", i);
        add("eventfd", name);
    }
    save();
    ck_assert_uint_eq(manager.n, 2);
    die();
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 2100);
}
END_TEST

/* What was in one bag is not put into another, which would leave it in none for a moment. */
START_TEST(an_object_stays_in_its_bag)
{
    struct object *first = add("eventfd", "b");

    save();
    add("eventfd", "a");
    save();
    ck_assert_uint_eq(first->bag, 1);
    ck_assert_uint_eq(manager.n, 1);
    ck_assert(manager_has("bag.1.2"));
}
END_TEST

START_TEST(without_a_store_nothing_is_told)
{
    ck_assert_int_eq(unsetenv("FDSTORE"), 0);
    store_init(&store, &notifier, &quota, false);
    ck_assert(!store_is_there(&store));
    add("eventfd", "a");
    save();
    ck_assert_uint_eq(manager.n_messages, 0);
    ck_assert_int_eq(setenv("FDSTORE", "64", 1), 0);
    store_init(&store, &notifier, &quota, true);
    ck_assert(!store_is_there(&store));
}
END_TEST

/* ---- killed in between ---- */

/* A renewal is two messages: killed after none, one or both of them, all is there. */
START_TEST(killed_at_any_step_of_a_renewal)
{
    add("eventfd", "a");
    add("pipe", "b");
    save();
    add("queue", "c");
    store_save(&store, &registry);
    manager_read((size_t)_i);
    die();

    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, _i == 0 ? 2 : 3);
    ck_assert_ptr_nonnull(find("a"));
    ck_assert_ptr_nonnull(find("b"));
    ck_assert_uint_eq(manager.n, 1); /* what was left over is removed */
    save();
    die();
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, _i == 0 ? 2 : 3);
}
END_TEST

/* ---- what is wrong ---- */

#define HEAD "ipcbroker objects 1\nbag 9 holds "

START_TEST(a_pair_with_one_end_is_refused_and_left_alone)
{
    struct sentence ignored;
    int ends[2], fd = eventfd(0, EFD_CLOEXEC);

    ck_assert_int_eq(bag_pack(&fd, 1, HEAD "1\neventfd x declared id=0:0\n", ends, &ignored), 0);
    close(ends[0]);
    close(fd);
    manager_put("bag.9.4", ends[1], -1);
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 0);
    add("eventfd", "y");
    save();
    ck_assert(manager_has("bag.9.4"));
    ck_assert(manager_has("bag.10.1")); /* its number is not taken */
}
END_TEST

/* An older whole one is used instead of it, and what is stored next does not get its name, under
 * which there would be more than a bag's two ends. */
START_TEST(an_older_one_is_used_where_the_newest_is_not_whole)
{
    int fd = eventfd(0, EFD_CLOEXEC), lonely = eventfd(0, EFD_CLOEXEC);

    manager_put_bag("bag.9.3", &fd, 1, HEAD "1\neventfd x declared id=0:0\n");
    manager_put("bag.9.4", lonely, -1);
    close(fd);
    ck_assert_int_eq(come_back(), 0);
    ck_assert_ptr_nonnull(find("x"));
    add("eventfd", "y");
    save();
    ck_assert(manager_has("bag.9.4"));
    ck_assert(manager_has("bag.9.5"));
    ck_assert(!manager_has("bag.9.3"));
    die();
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 2);
}
END_TEST

static const char *const bad_tables[] = {
    "",
    "ipcbroker objects 2\nbag 9 holds 1\neventfd x declared id=0:0\n",
    "ipcbroker objects 1\nbag 8 holds 1\neventfd x declared id=0:0\n",
    HEAD "2\neventfd x declared id=0:0\n",
    HEAD "2\neventfd x declared id=0:0\neventfd y declared id=0:0\n",
    HEAD "0\n",
    HEAD "1\neventfd x declared id=0:0",
    HEAD "1\neventfd x declared id=0:0\n\n",
    HEAD "1\nsemaphore x declared id=0:0\n",
    HEAD "1\neventfd x\n",
    HEAD "1\neventfd  declared id=0:0\n",
    HEAD "1\neventfd x forgotten id=0:0\n",
    HEAD "1\neventfd x@1 declared id=0:0\n",
    HEAD "1\neventfd x retired id=0:0\n",
    HEAD "1\neventfd .x declared id=0:0\n",
    HEAD "1\neventfd x\033y declared id=0:0\n",
    HEAD "1\neventfd x@ retired id=0:0\n",
    HEAD "1\neventfd @1 retired id=0:0\n",
    HEAD "1\neventfd x@1@2 retired id=0:0\n",
    HEAD "1\neventfd x declared id=0\n",
    HEAD "1\neventfd x declared id=0:0 colour=red\n",
    HEAD "1\neventfd x declared id=0:0 kernel_name=/a kernel_name=/b\n",
    HEAD "1\neventfd x declared id=0:0 initial=many\n",
    HEAD "1\neventfd x declared id=0:0 at=7\n",
};

/* As a whole, since it cannot be told which line is whose; it is left for those who know it. */
START_TEST(a_table_that_is_not_understood)
{
    int fd = eventfd(0, EFD_CLOEXEC);

    manager_put_bag("bag.9.1", &fd, 1, bad_tables[_i]);
    close(fd);
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 0);
    ck_assert_uint_eq(list.n, 0);
    save();
    ck_assert(manager_has("bag.9.1"));
}
END_TEST

START_TEST(an_unknown_format_is_left_alone)
{
    int ends[2], fd = eventfd(0, EFD_CLOEXEC);

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(send(ends[0], "ipcbroker bag 2", 15, 0), 15);
    manager_put("bag.3.1", ends[0], ends[1]);
    manager_put("sack.1", fd, -1);
    ck_assert_int_eq(come_back(), 0);
    add("eventfd", "a");
    save();
    ck_assert(manager_has("bag.3.1"));
    ck_assert(manager_has("sack.1"));
    ck_assert(manager_has("bag.4.1"));
}
END_TEST

/* Somebody who could still write to the table could change what is what. */
START_TEST(a_table_that_can_be_changed_is_refused)
{
    static const char text[] = HEAD "1\neventfd x declared id=0:0\n";
    int ends[2],
        fds[2] = {memfd_create("table", MFD_CLOEXEC | MFD_ALLOW_SEALING), eventfd(0, EFD_CLOEXEC)};
    static const char *const packets[] = {"ipcbroker bag 1", "descriptors"};

    ck_assert_int_eq(write(fds[0], text, sizeof text - 1), sizeof text - 1);
    ck_assert_int_eq(fcntl(fds[0], F_ADD_SEALS,
                           _i ? F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE : 0),
                     0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    for (int i = 0; i < 2; i++) {
        union {
            char bytes[CMSG_SPACE(sizeof(int))];
            struct cmsghdr align;
        } control = {.bytes = {0}};
        struct iovec data = {(void *)(uintptr_t)packets[i], strlen(packets[i])};
        struct msghdr message = {.msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fds[i], sizeof(int));
        ck_assert_int_gt(sendmsg(ends[0], &message, 0), 0);
        close(fds[i]);
    }
    manager_put("bag.9.1", ends[0], ends[1]);
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, _i ? 1 : 0); /* the sealed one is what is otherwise the same */
}
END_TEST

/* Another kind in the place of one is refused alone, and is no more stored afterwards. */
START_TEST(a_poisoned_entry_is_refused_alone)
{
    int fds[2] = {eventfd(0, EFD_CLOEXEC), open("/dev/null", O_RDWR | O_CLOEXEC)};
    static const char *const lines[] = {"queue", "eventfd", "pipe"};
    char text[256];

    (void)snprintf(text, sizeof text,
                   HEAD "2\neventfd good declared id=0:0\n%s bad declared id=0:0\n", lines[_i]);
    manager_put_bag("bag.9.1", fds, 2, text);
    close(fds[0]);
    close(fds[1]);
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 1);
    ck_assert_ptr_nonnull(find("good"));
    save();
    ck_assert(!manager_has("bag.9.1"));
    die();
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(list.n, 1);
}
END_TEST

/* The same kind, but another object than its line says. */
START_TEST(a_swapped_entry_is_refused)
{
    struct wire_identity is = add("pipe", "a")->identity;
    char text[256];

    (void)snprintf(text, sizeof text, HEAD "1\npipe a declared id=%" PRIu64 ":%" PRIu64 "\n",
                   is.device, is.inode + (uint64_t)_i);
    manager_put_bag("bag.9.1", &find("a")->fd, 1, text);
    die();
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, _i ? 0 : 1);
}
END_TEST

START_TEST(a_name_that_comes_twice_is_taken_once)
{
    int fds[2] = {eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)};

    manager_put_bag("bag.9.1", fds, 2,
                    HEAD "2\neventfd x declared id=0:0\neventfd x declared id=0:0\n");
    close(fds[0]);
    close(fds[1]);
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 1);
    save();
    die();
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(list.n, 1);
}
END_TEST

START_TEST(an_object_that_comes_twice_is_taken_once)
{
    int fd = eventfd(0, EFD_CLOEXEC), fds[2] = {fd, fd};

    manager_put_bag("bag.9.1", fds, 2,
                    HEAD "2\neventfd x declared id=0:0\neventfd y declared id=0:0\n");
    close(fd);
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 1);
}
END_TEST

/* It may be good, and must not be taken for bad: the start fails, and is tried again. */
START_TEST(too_few_descriptors_end_the_start)
{
    struct rlimit limit, low;
    char name[16];
    int r;

    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof name, "e%03d", i);
        add("eventfd", name);
    }
    save();
    die();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit){120, limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    r = come_back();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(r, -EMFILE);
    ck_assert_uint_eq(manager.n, 1);
    die();
    ck_assert_int_eq(come_back(), 0);
    ck_assert_uint_eq(registry.n, 300);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *back = tcase_create("back"), *killed = tcase_create("killed"),
          *wrong = tcase_create("wrong");

    tcase_add_checked_fixture(back, set_up, tear_down);
    tcase_add_test(back, each_kind_comes_back_as_it_was);
    tcase_add_test(back, settings_and_traits_come_back);
    tcase_add_test(back, nothing_new_is_nothing_told);
    tcase_add_test(back, more_than_a_bag_holds_are_several);
    tcase_add_test(back, an_object_stays_in_its_bag);
    tcase_add_test(back, without_a_store_nothing_is_told);
    suite_add_tcase(suite, back);
    tcase_add_checked_fixture(killed, set_up, tear_down);
    tcase_add_loop_test(killed, killed_at_any_step_of_a_renewal, 0, 3);
    suite_add_tcase(suite, killed);
    add_busy(suite);
    tcase_add_checked_fixture(wrong, set_up, tear_down);
    tcase_add_test(wrong, a_pair_with_one_end_is_refused_and_left_alone);
    tcase_add_test(wrong, an_older_one_is_used_where_the_newest_is_not_whole);
    tcase_add_loop_test(wrong, a_table_that_is_not_understood, 0, ARRAY_SIZE(bad_tables));
    tcase_add_test(wrong, an_unknown_format_is_left_alone);
    tcase_add_loop_test(wrong, a_table_that_can_be_changed_is_refused, 0, 2);
    tcase_add_loop_test(wrong, a_poisoned_entry_is_refused_alone, 0, 3);
    tcase_add_loop_test(wrong, a_swapped_entry_is_refused, 0, 2);
    tcase_add_test(wrong, a_name_that_comes_twice_is_taken_once);
    tcase_add_test(wrong, an_object_that_comes_twice_is_taken_once);
    tcase_add_test(wrong, too_few_descriptors_end_the_start);
    suite_add_tcase(suite, wrong);
    return check_main(suite);
}
