/* Eventfds, and epoll on what is shared. */
#include "tests/kernel/kernel_cases.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

START_TEST(an_eventfd_cannot_be_opened_anew)
{
    int fd = eventfd(0, EFD_CLOEXEC);

    CONTRACT(reopen(fd, O_RDWR) == -ENXIO && reopen(fd, O_RDONLY) == -ENXIO,
             "an eventfd can be opened anew: holders need not share one description any more");
}
END_TEST

START_TEST(an_eventfd_reads_without_waiting)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    uint64_t count = 0;
    struct iovec bytes = {&count, sizeof count};

    if (preadv2(fd, &bytes, 1, -1, RWF_NOWAIT) < 0 && errno == EOPNOTSUPP) {
        (void)dprintf(STDOUT_FILENO, "# before Linux 5.8: no RWF_NOWAIT, the library polls\n");
        return;
    }
    CONTRACT(errno == EAGAIN, "RWF_NOWAIT on an empty blocking eventfd: %s", strerror(errno));
    ck_assert_int_eq(eventfd_write(fd, 3), 0);
    CONTRACT(preadv2(fd, &bytes, 1, -1, RWF_NOWAIT) == 8 && count == 3,
             "RWF_NOWAIT does not read what is there: ipcb_event_wait() loses counts");
}
END_TEST

START_TEST(an_eventfd_cannot_be_written_without_waiting)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    uint64_t one = 1;
    struct iovec bytes = {&one, sizeof one};

    CONTRACT(pwritev2(fd, &bytes, 1, -1, RWF_NOWAIT) < 0 && errno == EOPNOTSUPP,
             "this kernel writes eventfds with RWF_NOWAIT: ipcb_event_signal() could use it, and "
             "the warning about a saturated eventfd in ipcbroker.h be dropped");
}
END_TEST

START_TEST(a_saturated_eventfd_takes_no_more)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct pollfd wait = {fd, POLLOUT, 0};

    CONTRACT(eventfd_write(fd, UINT64_MAX) < 0 && errno == EINVAL,
             "2^64-1 can be added to an eventfd");
    ck_assert_int_eq(eventfd_write(fd, UINT64_MAX - 1), 0);
    CONTRACT(poll(&wait, 1, 0) == 0, "a saturated eventfd is writable");
    CONTRACT(eventfd_write(fd, 1) < 0 && errno == EAGAIN, "a saturated eventfd takes more");
}
END_TEST

static uint64_t fdinfo_number(int fd, const char *key, int base)
{
    char path[64], line[128];
    FILE *file;
    uint64_t value = UINT64_MAX;

    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtoull(line + strlen(key), NULL, base);
    (void)fclose(file);
    return value;
}

START_TEST(fdinfo_tells_count_and_id_of_an_eventfd)
{
    int fd = eventfd(26, EFD_CLOEXEC), other = eventfd(0, EFD_CLOEXEC);

    CONTRACT(fdinfo_number(fd, "eventfd-count:", 16) == 26,
             "fdinfo does not have eventfd-count in hexadecimal any more: show and status "
             "tell wrong counts");
    CONTRACT(fdinfo_number(fd, "eventfd-count:", 16) == 26, "reading fdinfo has changed the count");
    CONTRACT(fdinfo_number(fd, "eventfd-id:", 10) != UINT64_MAX &&
                 fdinfo_number(fd, "eventfd-id:", 10) != fdinfo_number(other, "eventfd-id:", 10),
             "fdinfo has no eventfd-id of each eventfd: there is no identity");
}
END_TEST

START_TEST(a_closed_descriptor_stays_in_epoll_while_a_copy_lives)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), copy = dup(fd);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0xdead}, got = {0};

    ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    close(fd);
    ck_assert_int_eq(eventfd_write(copy, 1), 0);
    CONTRACT(epoll_wait(epoll, &got, 1, 0) == 1 && got.data.u64 == 0xdead,
             "a closed descriptor leaves epoll although a copy lives: loop_remove() before close() "
             "is not needed any more");
    CONTRACT(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) < 0 && errno == EBADF,
             "a closed descriptor can be taken from epoll by its number");
}
END_TEST

TCase *event_contracts(void)
{
    TCase *tcase = broker_case("eventfds");

    tcase_add_test(tcase, an_eventfd_cannot_be_opened_anew);
    tcase_add_test(tcase, an_eventfd_reads_without_waiting);
    tcase_add_test(tcase, an_eventfd_cannot_be_written_without_waiting);
    tcase_add_test(tcase, a_saturated_eventfd_takes_no_more);
    tcase_add_test(tcase, fdinfo_tells_count_and_id_of_an_eventfd);
    tcase_add_test(tcase, a_closed_descriptor_stays_in_epoll_while_a_copy_lives);
    return tcase;
}
