/* SEQPACKET sockets: ends, resets, room, who is at the other end. */
#include "tests/kernel/kernel_cases.h"

#include <poll.h>
#include <sys/un.h>

START_TEST(a_reset_comes_before_what_was_sent)
{
    int ends[2];
    char byte;

    make_pair(ends);
    ck_assert_int_eq(send(ends[0], "q", 1, 0), 1); /* a request that nobody reads */
    ck_assert_int_eq(send(ends[1], "a", 1, 0), 1); /* the sentence */
    close(ends[1]);
    CONTRACT(recv(ends[0], &byte, 1, 0) < 0 && errno == ECONNRESET,
             "a close with a request unread is no reset any more: the broker need not drain, nor "
             "the library read on after ECONNRESET");
    CONTRACT(recv(ends[0], &byte, 1, 0) == 1 && byte == 'a',
             "after the reset the sentence is gone: the library tells no cause");
}
END_TEST

START_TEST(an_empty_packet_looks_like_the_end)
{
    int ends[2];
    char byte;
    struct pollfd wait;

    make_pair(ends);
    wait = (struct pollfd){ends[1], POLLIN | POLLRDHUP, 0};
    ck_assert_int_eq(send(ends[0], "", 0, 0), 0);
    CONTRACT(poll(&wait, 1, 0) == 1 && !(wait.revents & (POLLRDHUP | POLLHUP)),
             "an empty packet hangs up: daemon/connection.c takes it for a frame");
    CONTRACT(recv(ends[1], &byte, 1, 0) == 0, "an empty packet does not read as 0");
    close(ends[0]);
    CONTRACT(poll(&wait, 1, 0) == 1 && (wait.revents & POLLRDHUP),
             "the end of a connection shows no POLLRDHUP: the broker would not see clients go");
}
END_TEST

START_TEST(packets_keep_their_bounds)
{
    int ends[2];
    char bytes[4];

    make_pair(ends);
    ck_assert_int_eq(send(ends[0], "0123456789", 10, 0), 10);
    ck_assert_int_eq(send(ends[0], "ab", 2, 0), 2);
    CONTRACT(recv(ends[1], bytes, sizeof bytes, MSG_TRUNC) == 10,
             "MSG_TRUNC does not tell the whole length: too long requests pass for short ones");
    CONTRACT(recv(ends[1], bytes, sizeof bytes, 0) == 2, "the rest of a packet is not dropped");
}
END_TEST

START_TEST(the_send_buffer_is_not_inherited)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), one = 1, size = 0;
    int peer = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), accepted;
    socklen_t length = sizeof size;

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/buffer", broker.directory);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &one, sizeof one), 0);
    ck_assert_int_eq(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
    accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_eq(getsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &size, &length), 0);
    CONTRACT(size > 65536, "SO_SNDBUF is inherited now (%d): setting it once would do", size);
}
END_TEST

START_TEST(a_largest_reply_fits_the_buffer)
{
    int ends[2], wanted = 65536;
    static char reply[32768];

    make_pair(ends);
    ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted), 0);
    CONTRACT(send(ends[0], reply, sizeof reply, 0) == sizeof reply,
             "a reply of 32 KiB does not fit a send buffer of 64 KiB: %s; a client that waits for "
             "it waits for ever",
             strerror(errno));
}
END_TEST

static int connect_and_leave(void *argument)
{
    int fd = raw_connect(argument);

    return fd < 0;
}

START_TEST(the_peer_is_known_although_he_is_gone)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), accepted;
    struct ucred who = {0};
    socklen_t size = sizeof who;

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/peer", broker.directory);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(chmod(address.sun_path, 0666), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(as_user(user(3), connect_and_leave, address.sun_path), 0);
    accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(accepted, 0);
    CONTRACT(getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
                 who.uid == user(3).uid,
             "SO_PEERCRED does not tell who connected once he has ended");
    size = 0;
    CONTRACT(getsockopt(accepted, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0,
             "SO_PEERGROUPS of somebody without supplementary groups: %s", strerror(errno));
}
END_TEST

TCase *socket_contracts(void)
{
    TCase *tcase = broker_case("sockets");

    tcase_add_test(tcase, a_reset_comes_before_what_was_sent);
    tcase_add_test(tcase, an_empty_packet_looks_like_the_end);
    tcase_add_test(tcase, packets_keep_their_bounds);
    tcase_add_test(tcase, the_send_buffer_is_not_inherited);
    tcase_add_test(tcase, a_largest_reply_fits_the_buffer);
    tcase_add_test(tcase, the_peer_is_known_although_he_is_gone);
    return tcase;
}
