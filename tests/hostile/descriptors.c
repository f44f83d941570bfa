/* Descriptors that are sent to the broker: traps whose closing lasts. */
#include "tests/hostile/hostile.h"

#include "tests/trap.h"

#define N_ATTACKERS 6u
#define LINGER_S    600 /* longer than any test: who is caught is not freed by waiting */

/* How the trap is laid. */
enum way {
    AT_ONCE,   /* alone */
    BAD_FRAME, /* behind a frame for which the broker closes */
    GONE,      /* and gone */
    MANY,      /* several in one packet, before anybody has accepted */
    EMPTY,     /* with an empty frame, which looks like the end */
    PIPELINED, /* behind requests, and nothing is read any more */
    N_WAYS,
};

static int put_requests(int fd, int n)
{
    static const struct wire_header whoami = {
        .version = WIRE_VERSION, .type = WIRE_WHOAMI, .serial = 1};
    struct wire_writer writer;
    uint8_t frame[64];

    wire_writer_init(&writer, frame, sizeof frame);
    wire_put_header(&writer, &whoami);
    while (n-- > 0)
        (void)send(fd, frame, writer.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return 0;
}

static int lay(int fd, enum way way, int trap)
{
    if (way == BAD_FRAME)
        (void)send(fd, "bad", 3, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (way == PIPELINED)
        (void)put_requests(fd, 20);
    return trap_send(fd, "x", way != EMPTY, trap, way == MANY ? 20 : 1);
}

/* With the older way it goes, unless he has been thrown out in between; with the newer it never
 * does. */
static bool is_as_promised(int r)
{
    bool refused = trap_is_refused_by_kernel() && !broker.without;

    return refused ? r == -EPERM || r == -EPIPE || r == -ECONNRESET
                   : r == 0 || r == -EPIPE || r == -ECONNRESET;
}

int lay_a_trap(void)
{
    static unsigned turn;
    enum way way = turn++ % N_WAYS;
    int trap = trap_make(LINGER_S), fd = raw_connect(broker.socket), r;
    char byte;

    EXPECT(trap >= 0 && fd >= 0);
    r = lay(fd, way, trap);
    trap_close(trap);
    EXPECT(is_as_promised(r));
    if (way == PIPELINED)
        (void)shutdown(fd, SHUT_RD);
    else if (r == 0 && way != GONE)
        while (recv(fd, &byte, 1, 0) > 0) /* until he is thrown out */
            ;
    close(fd);
    return 0;
}

static void attack_with_traps(void)
{
    struct crowd crowds[N_ATTACKERS];

    for (unsigned i = 0; i < N_ATTACKERS; i++)
        crowds[i] = crowd_begin(client(&broker, i), 2, lay_a_trap);
    await_canary(200);
    for (unsigned i = 0; i < N_ATTACKERS; i++)
        crowd_end(&crowds[i]);
}

/* Many users at once, in all ways. */
START_TEST(traps_are_refused_by_the_kernel)
{
    if (!trap_is_refused_by_kernel())
        return;
    besiege("");
    attack_with_traps();
    assert_has_not(fixture_log(&broker), "held the broker up");
}
END_TEST

START_TEST(traps_are_not_walked_into)
{
    broker.without = "passrights";
    besiege("");
    attack_with_traps();
    /* Else the attack was none. */
    assert_has(fixture_log(&broker), "held the broker up");
}
END_TEST

/* He who holds the broker up is out for a while; others, with whom he came, are not. */
START_TEST(who_lays_traps_is_kept_out)
{
    struct answer answer;
    int trap, fd;

    broker.without = "passrights";
    besiege("");
    trap = trap_make(LINGER_S); /* after the canary's birth, who would hold it too */
    fd = dial_as(client(&broker, 0));
    freeze();
    ck_assert_int_eq(trap_send(fd, "x", 1, trap, 1), 0);
    close(trap); /* he still has it: nobody is caught */
    thaw();
    ck_assert(get_answer(fd, &answer));
    ck_assert_int_eq(answer.header.status, EPERM);
    assert_has(answer.sentence, "takes no descriptors");
    close(fd);
    fd = dial_as(client(&broker, 0));
    ck_assert(get_answer(fd, &answer));
    ck_assert_int_eq(answer.header.status, EPERM);
    assert_has(answer.sentence, "gets no new connection for a minute");
    close(fd);
    fd = dial_as(client(&broker, 1));
    expect_alive(fd);
    close(fd);
}
END_TEST

/* Also where there is no place for him. */
START_TEST(traps_of_those_who_do_not_get_in)
{
    struct answer answer;
    int first, trap, fd;

    broker.without = "passrights";
    besiege("[broker]\nmax_clients_per_user = 2\n");
    first = dial_as(client(&broker, 0));
    expect_alive(first);
    fd = dial_as(client(&broker, 0));
    expect_alive(fd);
    for (int i = 0; i < load(20); i++) {
        int surplus = dial_as(client(&broker, 0));

        freeze();
        trap = trap_make(LINGER_S);
        (void)trap_send(surplus, "x", 1, trap, 1); /* the broker may have been faster */
        trap_close(trap);
        thaw();
        ck_assert(get_answer(surplus, &answer));
        ck_assert_int_eq(answer.header.status, EBUSY);
        await_canary(1);
        close(surplus);
    }
    close(first);
    close(fd);
}
END_TEST

/* ---- a socket that listened before the broker did ---- */

#define N_WAITING 5

static void lay_in_the_backlog(int *fds, unsigned user)
{
    for (int i = 0; i < N_WAITING; i++) {
        int trap = trap_make(LINGER_S);

        fds[i] = dial_as(client(&broker, user));
        ck_assert_int_eq(trap_send(fds[i], "x", 1, trap, 1), 0);
        trap_close(trap);
    }
}

/* Each is shown out for what he sent, or for what he or his others sent before. */
static void expect_shown_out(const int *fds)
{
    struct answer answer;

    for (int i = 0; i < N_WAITING; i++) {
        ck_assert(get_answer(fds[i], &answer));
        ck_assert_int_eq(answer.header.status, EPERM);
        expect_end(fds[i]);
        close(fds[i]);
    }
}

/* Nothing refuses descriptors there before the broker starts. Innocent ones who wait among the
 * attackers get their answers, and whoever comes later comes as to any other socket. */
START_TEST(traps_that_wait_for_the_broker)
{
    int fds[N_ATTACKERS][N_WAITING], innocent[N_ATTACKERS], fd, trap;
    struct answer answer;
    struct frame frame;

    fixture_listen(&broker);
    for (unsigned i = 0; i < N_ATTACKERS; i++) {
        lay_in_the_backlog(fds[i], i);
        innocent[i] = dial_as(client(&broker, 7));
        valid_request(5, &frame, 1);
        put_frame(innocent[i], &frame);
    }
    if (_i)
        broker.without = "passrights";
    besiege("");
    for (unsigned i = 0; i < N_ATTACKERS; i++) {
        expect_shown_out(fds[i]);
        expect_reply(innocent[i], &answer, WIRE_WHOAMI, 1, 0);
        expect_alive(innocent[i]); /* and stays, as when what the broker has was noted */
    }
    assert_has(fixture_log(&broker), "held the broker up");
    fd = dial_as(client(&broker, 7));
    trap = trap_make(LINGER_S);
    ck_assert(is_as_promised(trap_send(fd, "x", 1, trap, 1)));
    trap_close(trap);
    close(fd);
}
END_TEST

TCase *hostile_descriptors_case(void)
{
    TCase *tcase = hostile_case("descriptors");

    tcase_add_test(tcase, traps_are_refused_by_the_kernel);
    if (getenv("TEST_WRAPPER")) /* valgrind lets no signal interrupt a system call in time */
        return tcase;
    tcase_add_test(tcase, traps_are_not_walked_into);
    tcase_add_test(tcase, who_lays_traps_is_kept_out);
    tcase_add_test(tcase, traps_of_those_who_do_not_get_in);
    tcase_add_loop_test(tcase, traps_that_wait_for_the_broker, 0, 2);
    return tcase;
}
