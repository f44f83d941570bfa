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

static int lay_a_trap(void)
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

TCase *hostile_descriptors_case(void)
{
    TCase *tcase = hostile_case("descriptors");

    tcase_add_test(tcase, traps_are_refused_by_the_kernel);
    if (getenv("TEST_WRAPPER")) /* valgrind lets no signal interrupt a system call in time */
        return tcase;
    tcase_add_test(tcase, traps_are_not_walked_into);
    tcase_add_test(tcase, who_lays_traps_is_kept_out);
    return tcase;
}
