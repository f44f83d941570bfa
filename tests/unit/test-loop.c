/* The event loop: sources that go while others are served, timers, the end. */
#include "tests/check_main.h"

#include "daemon/clock.h"
#include "daemon/loop.h"

#include <sys/eventfd.h>

#define N 8

/* One of several things that the loop calls. */
struct actor {
    struct source source;
    struct timer timer;
    unsigned n_calls;
    uint32_t events;
};

static struct loop loop;
static struct actor actors[N];
static unsigned order[64], n_order; /* who was called */

static struct actor *of_source(struct source *source)
{
    return (struct actor *)(void *)((char *)source - offsetof(struct actor, source));
}

static struct actor *of_timer(struct timer *timer)
{
    return (struct actor *)(void *)((char *)timer - offsetof(struct actor, timer));
}

static void called(struct actor *actor)
{
    ck_assert_uint_lt(n_order, ARRAY_SIZE(order));
    order[n_order++] = (unsigned)(actor - actors);
    actor->n_calls++;
}

static void set_up(void)
{
    ck_assert_int_eq(loop_init(&loop), 0);
    for (size_t i = 0; i < N; i++)
        actors[i].source.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void tear_down(void)
{
    for (size_t i = 0; i < N; i++)
        close(actors[i].source.fd);
    loop_deinit(&loop);
    loop_deinit(&loop);
}

static void poke(size_t i)
{
    ck_assert_int_eq(eventfd_write(actors[i].source.fd, 1), 0);
}

static void watch(size_t i, void (*ready)(struct source *, uint32_t))
{
    actors[i].source.ready = ready;
    ck_assert_int_eq(loop_add(&loop, &actors[i].source, EPOLLIN), 0);
}

/* ---- sources ---- */

static void take(struct source *source, uint32_t events)
{
    eventfd_t count;

    of_source(source)->events = events;
    called(of_source(source));
    ck_assert_int_eq(eventfd_read(source->fd, &count), 0);
}

static void take_and_stop(struct source *source, uint32_t events)
{
    take(source, events);
    loop_stop(&loop, 42);
}

START_TEST(what_is_ready_is_called)
{
    watch(0, take);
    watch(1, take);
    watch(2, take_and_stop);
    poke(1);
    poke(2);
    ck_assert_int_eq(loop_run(&loop), 42);
    ck_assert_uint_eq(actors[0].n_calls, 0);
    ck_assert_uint_eq(actors[1].n_calls, 1);
    ck_assert_uint_eq(actors[1].events, EPOLLIN);
    ck_assert_uint_eq(actors[2].n_calls, 1);
}
END_TEST

/* Whoever is called first takes away all the others, who are ready too, and himself. */
static void remove_all(struct source *source, uint32_t events)
{
    take(source, events);
    for (size_t i = 0; i < N; i++)
        loop_remove(&loop, &actors[i].source);
    loop_stop(&loop, 0);
}

START_TEST(removed_in_the_same_batch_are_not_called)
{
    for (size_t i = 0; i < N; i++) {
        watch(i, remove_all);
        poke(i);
    }
    ck_assert_int_eq(loop_run(&loop), 0);
    ck_assert_uint_eq(n_order, 1);
}
END_TEST

static struct source *victim;

static void free_the_other(struct source *source, uint32_t events)
{
    take(source, events);
    if (!victim)
        return;
    loop_remove(&loop, victim);
    close(victim->fd);
    free(victim); /* a sanitizer sees who looks at it after this */
    victim = NULL;
    loop_stop(&loop, 0);
}

static void not_me(struct source *source, uint32_t events)
{
    (void)source;
    (void)events;
    ck_abort_msg("a source was called that is gone");
}

/* Between two that both free it, so that it is removed before its turn or was not in its turn yet.
 */
START_TEST(a_freed_source_is_not_touched)
{
    watch(0, free_the_other);
    victim = malloc(sizeof *victim);
    ck_assert_ptr_nonnull(victim);
    *victim = (struct source){eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK), not_me};
    poke(0);
    ck_assert_int_eq(loop_add(&loop, victim, EPOLLIN), 0);
    ck_assert_int_eq(loop_run(&loop), 0);
    ck_assert_uint_eq(n_order, 1);
}
END_TEST

/* A new source in the place of a removed one must not get the old one's event. */
static void replace_next(struct source *source, uint32_t events)
{
    eventfd_t count;

    take(source, events);
    loop_remove(&loop, &actors[1].source);
    ck_assert_int_eq(eventfd_read(actors[1].source.fd, &count), 0);
    watch(1, not_me);
    loop_remove(&loop, source);
    poke(2);
}

START_TEST(a_new_source_at_the_same_place_waits_for_its_own_event)
{
    watch(0, replace_next);
    watch(1, take);
    watch(2, take_and_stop);
    poke(0);
    poke(1);
    ck_assert_int_eq(loop_run(&loop), 42);
    ck_assert_uint_eq(actors[1].n_calls, 0);
}
END_TEST

START_TEST(changed_to_nothing_is_not_called)
{
    watch(0, not_me);
    watch(1, take_and_stop);
    ck_assert_int_eq(loop_change(&loop, &actors[0].source, 0), 0);
    poke(0);
    poke(1);
    ck_assert_int_eq(loop_run(&loop), 42);
    actors[0].source.ready = take_and_stop;
    ck_assert_int_eq(loop_change(&loop, &actors[0].source, EPOLLIN), 0);
    loop.stopping = false;
    ck_assert_int_eq(loop_run(&loop), 42);
    ck_assert_uint_eq(actors[0].n_calls, 1);
}
END_TEST

START_TEST(what_cannot_be_watched)
{
    struct source twice = actors[0].source, none = {.fd = -1}, file = {.fd = loop.epoll};

    watch(0, take);
    ck_assert_int_eq(loop_add(&loop, &twice, EPOLLIN), -EEXIST);
    ck_assert_int_eq(loop_add(&loop, &none, EPOLLIN), -EBADF);
    ck_assert_int_eq(loop_add(&loop, &file, EPOLLIN), -EINVAL);
    ck_assert_int_eq(loop_change(&loop, &actors[1].source, EPOLLIN), -ENOENT);
}
END_TEST

#define CROWD (3 * LOOP_BATCH)

static struct source crowd[CROWD];
static unsigned n_crowd;

static void one_of_many(struct source *source, uint32_t events)
{
    (void)events;
    loop_remove(&loop, source);
    close(source->fd);
    if (++n_crowd == CROWD)
        loop_stop(&loop, 0);
}

START_TEST(more_than_a_batch)
{
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = (struct source){eventfd(1, EFD_CLOEXEC), one_of_many};
        ck_assert_int_eq(loop_add(&loop, &crowd[i], EPOLLIN), 0);
    }
    ck_assert_int_eq(loop_run(&loop), 0);
    ck_assert_uint_eq(n_crowd, CROWD);
}
END_TEST

START_TEST(stopped_before_it_runs)
{
    loop_stop(&loop, -EIO);
    ck_assert_int_eq(loop_run(&loop), -EIO);
}
END_TEST

START_TEST(a_broken_loop_says_so)
{
    loop.epoll = close_fd(loop.epoll);
    ck_assert_int_eq(loop_run(&loop), -EBADF);
}
END_TEST

/* ---- timers ---- */

static void note(struct timer *timer)
{
    ck_assert_uint_ge(now_us(), timer->due_us);
    ck_assert(!timer->armed);
    called(of_timer(timer));
}

static void note_and_stop(struct timer *timer)
{
    note(timer);
    loop_stop(&loop, 0);
}

static void arm(size_t i, void (*fire)(struct timer *), uint64_t due_us)
{
    actors[i].timer.fire = fire;
    loop_arm(&loop, &actors[i].timer, due_us);
}

START_TEST(timers_fire_in_the_order_of_their_times)
{
    static const unsigned wanted[] = {3, 0, 2, 4, 1};
    uint64_t now = now_us();

    arm(0, note, now + 1000);
    arm(1, note_and_stop, now + 9000);
    arm(2, note, now + 5000);
    arm(3, note, now - 1000);
    arm(4, note, now + 5001);
    ck_assert_int_eq(loop_run(&loop), 0);
    ck_assert_uint_eq(n_order, 5);
    ck_assert_mem_eq(order, wanted, sizeof wanted);
}
END_TEST

/* None fires early: what is less than a millisecond away is waited for. */
START_TEST(not_before_its_time)
{
    for (int i = 0; i < 30; i++) {
        loop.stopping = false;
        arm(0, note_and_stop, now_us() + (uint64_t)i * 77);
        ck_assert_int_eq(loop_run(&loop), 0);
    }
    ck_assert_uint_eq(actors[0].n_calls, 30);
}
END_TEST

START_TEST(armed_again_is_moved)
{
    uint64_t now = now_us();

    arm(0, note, now + 1000);
    arm(1, note, now + 3000);
    arm(0, note_and_stop, now + 6000);
    ck_assert_int_eq(loop_run(&loop), 0);
    ck_assert_uint_eq(n_order, 2);
    ck_assert_uint_eq(order[0], 1);
    ck_assert_uint_eq(order[1], 0);
}
END_TEST

static void note_and_disarm_next(struct timer *timer)
{
    note(timer);
    loop_disarm(&actors[1].timer);
    loop_disarm(&actors[1].timer);
}

START_TEST(disarmed_does_not_fire)
{
    uint64_t now = now_us();

    arm(0, note_and_disarm_next, now);
    arm(1, note, now);
    actors[1].timer.due_us = now + 1; /* due in the same round, after the first */
    arm(2, note_and_stop, now + 2000);
    ck_assert_int_eq(loop_run(&loop), 0);
    ck_assert_uint_eq(n_order, 2);
    ck_assert_uint_eq(order[1], 2);
}
END_TEST

static void note_and_arm_again(struct timer *timer)
{
    note(timer);
    if (of_timer(timer)->n_calls < 5)
        loop_arm(&loop, timer, now_us() + 300);
    else
        loop_stop(&loop, 0);
}

START_TEST(a_timer_may_arm_itself)
{
    arm(0, note_and_arm_again, now_us());
    ck_assert_int_eq(loop_run(&loop), 0);
    ck_assert_uint_eq(actors[0].n_calls, 5);
    ck_assert(!actors[0].timer.armed);
}
END_TEST

/* Timers do not keep descriptors from being served, nor the other way round. */
static void take_and_stay(struct source *source, uint32_t events)
{
    of_source(source)->events = events;
    of_source(source)->n_calls++;
}

START_TEST(a_busy_source_does_not_hold_timers_up)
{
    watch(0, take_and_stay); /* does not read: ready at each wake-up */
    poke(0);
    arm(1, note_and_stop, now_us() + 2000);
    ck_assert_int_eq(loop_run(&loop), 0);
    ck_assert_uint_eq(actors[1].n_calls, 1);
    ck_assert_uint_ge(actors[0].n_calls, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *cases = tcase_create("loop");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, what_is_ready_is_called);
    tcase_add_test(cases, removed_in_the_same_batch_are_not_called);
    tcase_add_test(cases, a_freed_source_is_not_touched);
    tcase_add_test(cases, a_new_source_at_the_same_place_waits_for_its_own_event);
    tcase_add_test(cases, changed_to_nothing_is_not_called);
    tcase_add_test(cases, what_cannot_be_watched);
    tcase_add_test(cases, more_than_a_batch);
    tcase_add_test(cases, stopped_before_it_runs);
    tcase_add_test(cases, a_broken_loop_says_so);
    tcase_add_test(cases, timers_fire_in_the_order_of_their_times);
    tcase_add_test(cases, not_before_its_time);
    tcase_add_test(cases, armed_again_is_moved);
    tcase_add_test(cases, disarmed_does_not_fire);
    tcase_add_test(cases, a_timer_may_arm_itself);
    tcase_add_test(cases, a_busy_source_does_not_hold_timers_up);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
