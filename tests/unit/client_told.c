#include "tests/unit/client_told.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>

/* ---- the fake broker's side ---- */

/* The first name of an acquire, as a number. */
static unsigned number_asked_for(const struct fake_request *request)
{
    struct wire_reader fields = request->fields;
    struct wire_field field;
    struct wire_item item;
    char text[WIRE_NAME_MAX + 1] = "";

    FAKE_EXPECT(wire_next(&fields, &field) == 1 && wire_get_item(&field, &item) == 0);
    memcpy(text, item.name, item.name_size);
    return (unsigned)strtoul(text, NULL, 10);
}

void answer(int fd, const struct fake_request *request)
{
    struct wire_descriptor descriptor = {.kind = WIRE_EVENTFD, .access = WIRE_USE};
    struct wire_writer reply;
    int event;

    descriptor.identity.inode = number_asked_for(request);
    fake_begin(&reply, request, 0);
    wire_put_descriptor(&reply, &descriptor);
    fake_eventfds(&event, 1);
    fake_send(fd, &reply, &event, 1);
    close_fd(event);
}

void answer_status(int fd, const struct fake_request *request, int status)
{
    struct wire_writer reply;

    fake_begin(&reply, request, status);
    wire_put_u32(&reply, WIRE_FIELD_INDEX, 0);
    fake_send(fd, &reply, NULL, 0);
}

void answer_next(int fd)
{
    static struct fake_request request;

    FAKE_EXPECT(fake_receive(fd, &request));
    answer(fd, &request);
}

/* ---- the client's side ---- */

struct told told[N_CALLS];
size_t n_told;
struct sentence last;

void on_acquired(struct ipcb *b, int r, struct ipcb_item *items, size_t n, void *userdata)
{
    ck_assert_uint_lt(n_told, N_CALLS);
    told[n_told] = (struct told){.r = r, .asked = (unsigned)(uintptr_t)userdata};
    (void)snprintf(last.text, sizeof last.text, "%s", ipcb_message(b));
    if (r == 0) {
        ck_assert_uint_eq(n, 1);
        told[n_told].number = (unsigned)items[0].inode;
        ck_assert_int_eq(fcntl(items[0].fd, F_GETFD), FD_CLOEXEC);
        close_fd(items[0].fd);
    } else {
        ck_assert_ptr_null(items);
    }
    n_told++;
}

struct ipcb_call *ask_with(struct ipcb *b, unsigned number, unsigned flags, int64_t timeout_us)
{
    char name[16];
    struct ipcb_item item = {.name = name, .flags = flags};
    struct ipcb_call *call = NULL;

    (void)snprintf(name, sizeof name, "%u", number);
    ck_assert_int_eq(
        ipcb_acquire_async(b, &call, &item, 1, timeout_us, on_acquired, (void *)(uintptr_t)number),
        0);
    memset(name, 'x', sizeof name); /* it was copied */
    return call;
}

struct ipcb_call *ask(struct ipcb *b, unsigned number)
{
    return ask_with(b, number, 0, -1);
}

static void turn(struct ipcb *b)
{
    struct pollfd pollfd = {.fd = ipcb_get_fd(b), .events = POLLIN};

    ck_assert_int_ge(pollfd.fd, 0);
    ck_assert_int_eq(poll(&pollfd, 1, -1), 1);
    ck_assert_int_eq(pollfd.revents, POLLIN);
    ck_assert_int_ge(ipcb_process(b), 0);
}

void run_until_told(struct ipcb *b, size_t n)
{
    while (n_told < n)
        turn(b);
    ck_assert_uint_eq(n_told, n);
}

bool is_readable(struct ipcb *b)
{
    struct pollfd pollfd = {.fd = ipcb_get_fd(b), .events = POLLIN};

    return poll(&pollfd, 1, 0) == 1;
}

unsigned acquire_number(struct ipcb *b, unsigned number)
{
    char name[16];
    struct ipcb_item item = {.name = name};

    (void)snprintf(name, sizeof name, "%u", number);
    ck_assert_msg(ipcb_acquire_many(b, &item, 1, -1) == 0, "%s", ipcb_message(b));
    close_fd(item.fd);
    return (unsigned)item.inode;
}
