#include "tests/integration/frames.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define MOST_TALK 200000 /* far more than anything takes: only a leak reaches it */

static const char frames_config[] = "[broker]\n"
                                    "max_clients_per_user = 2000\n"
                                    "[queue:q]\n"
                                    "max_messages = 4\n"
                                    "message_size = 64\n"
                                    "use = any\n"
                                    "[queue:in]\n"
                                    "max_messages = 1\n"
                                    "message_size = 1\n"
                                    "receive = any\n"
                                    "[queue:secret]\n"
                                    "max_messages = 1\n"
                                    "message_size = 1\n"
                                    "use = user:$C7\n"
                                    "[queue:" NAME_180 "]\n"
                                    "max_messages = 1\n"
                                    "message_size = 1\n"
                                    "use = any\n"
                                    "[eventfd:e]\n"
                                    "use = any\n";

void frames_setup(void)
{
    fixture_setup(&broker);
    fixture_configure(&broker, frames_config);
    fixture_start(&broker);
}

void frames_teardown(void)
{
    fixture_teardown(&broker);
}

/* ---- requests ---- */

void frame_begin(struct frame *frame, unsigned type, uint32_t serial)
{
    const struct wire_header header = {WIRE_VERSION, (uint8_t)type, 0, serial, 0};

    wire_writer_init(&frame->writer, frame->bytes, sizeof frame->bytes);
    wire_put_header(&frame->writer, &header);
}

void frame_item(struct frame *frame, const char *name, size_t size, unsigned access, unsigned flags,
                unsigned kinds)
{
    const struct wire_item item = {name, size, (uint8_t)access, (uint8_t)flags, (uint16_t)kinds};

    wire_put_item(&frame->writer, &item);
}

void frame_acquire(struct frame *frame, uint32_t serial, const char *name, unsigned access)
{
    frame_begin(frame, WIRE_ACQUIRE, serial);
    frame_item(frame, name, strlen(name), access, 0, 0);
}

unsigned valid_request(int which, struct frame *frame, uint32_t serial)
{
    static const uint8_t types[N_VALID] = {WIRE_ACQUIRE, WIRE_LIST,   WIRE_LIST, WIRE_SHOW,
                                           WIRE_STATUS,  WIRE_WHOAMI, WIRE_CAN};

    frame_begin(frame, types[which], serial);
    if (which == 0) {
        frame_item(frame, "q", 1, WIRE_WRITE, 0, 0);
        frame_item(frame, "/e", 2, 0, WIRE_NONBLOCK, 1u << WIRE_EVENTFD);
    } else if (which == 2) {
        wire_put_text(&frame->writer, WIRE_FIELD_CURSOR, "in");
    } else if (which == 3) {
        wire_put_text(&frame->writer, WIRE_FIELD_NAME, "q");
    } else if (which == 6) {
        wire_put_text(&frame->writer, WIRE_FIELD_NAME, "q");
        wire_put_u32(&frame->writer, WIRE_FIELD_ACCESS, WIRE_WRITE);
    }
    return types[which];
}

/* ---- traffic ---- */

int dial(void)
{
    int fd = raw_connect(broker.socket);

    ck_assert_msg(fd >= 0, "connect: %s", strerror(errno));
    return fd;
}

int dial_as(struct who who)
{
    int fd;

    become(who);
    fd = dial();
    become_root();
    return fd;
}

void put_bytes(int fd, const void *bytes, size_t size)
{
    ssize_t r = send(fd, bytes, size, MSG_NOSIGNAL);

    ck_assert_msg(r == (ssize_t)size, "send: %s", strerror(errno));
}

void put_frame(int fd, const struct frame *frame)
{
    ck_assert(!frame->writer.overflow);
    put_bytes(fd, frame->bytes, frame->writer.size);
}

bool offer(int fd, const void *bytes, size_t size)
{
    ssize_t r = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

    ck_assert_msg(r == (ssize_t)size || errno == EAGAIN, "send: %s", strerror(errno));
    return r >= 0;
}

/* Picks up what every reply can have, and sees that the fields are whole. */
static void read_fields(struct answer *answer)
{
    struct wire_reader fields = answer->fields;
    struct wire_field field;
    uint32_t index;
    int r;

    answer->sentence[0] = '\0';
    answer->index = -1;
    while ((r = wire_next(&fields, &field)) > 0) {
        if (field.type == WIRE_FIELD_SENTENCE)
            (void)snprintf(answer->sentence, sizeof answer->sentence, "%.*s", (int)field.size,
                           (const char *)field.value);
        if (field.type == WIRE_FIELD_INDEX) {
            ck_assert_int_eq(wire_get_u32(&field, &index), 0);
            answer->index = (int)index;
        }
    }
    ck_assert_int_eq(r, 0);
}

/* The first read after the broker's close can be the reset of what we sent, before its last frame.
 */
static ssize_t read_on(int fd, struct answer *answer)
{
    ssize_t size;

    do
        size = raw_receive(fd, answer->bytes, sizeof answer->bytes, answer->fds, &answer->n_fds);
    while (size < 0 && errno == ECONNRESET);
    ck_assert_msg(size >= 0, "recv: %s", strerror(errno));
    return size;
}

bool get_with_descriptors(int fd, struct answer *answer)
{
    ssize_t size = read_on(fd, answer);

    if (size == 0)
        return false;
    answer->size = (size_t)size;
    ck_assert_int_eq(
        wire_read_header(&answer->fields, answer->bytes, answer->size, &answer->header), 0);
    ck_assert_uint_eq(answer->header.version, WIRE_VERSION);
    read_fields(answer);
    if (answer->header.status != 0) {
        ck_assert_uint_eq(answer->n_fds, 0);
        ck_assert_str_ne(answer->sentence, "");
    }
    return true;
}

bool get_answer(int fd, struct answer *answer)
{
    bool got = get_with_descriptors(fd, answer);

    for (size_t i = 0; got && i < answer->n_fds; i++)
        close(answer->fds[i]);
    return got;
}

void expect_reply(int fd, struct answer *answer, unsigned type, uint32_t serial, int error)
{
    ck_assert_msg(get_answer(fd, answer), "the broker closed instead of replying to type %u", type);
    ck_assert_msg(answer->header.status == (uint32_t)error, "type %u: status %u instead of %d: %s",
                  type, answer->header.status, error, answer->sentence);
    ck_assert_uint_eq(answer->header.flags, WIRE_REPLY);
    ck_assert_uint_eq(answer->header.type, type);
    ck_assert_uint_eq(answer->header.serial, serial);
}

void expect_refusal(int fd, struct answer *answer, int error)
{
    ck_assert_msg(get_answer(fd, answer), "the broker closed and said nothing");
    ck_assert_uint_eq(answer->header.type, WIRE_EVENT);
    ck_assert_uint_eq(answer->header.flags, 0);
    ck_assert_uint_eq(answer->header.serial, 0);
    ck_assert_uint_eq(answer->header.status, (uint32_t)error);
}

void expect_end(int fd)
{
    struct answer answer;

    ck_assert_msg(!get_answer(fd, &answer), "a frame of type %u and status %u instead of the end",
                  answer.header.type, answer.header.status);
}

void expect_alive(int fd)
{
    struct answer answer;
    struct frame frame;

    frame_begin(&frame, WIRE_STATUS, 4711);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_STATUS, 4711, 0);
}

void expect_service(void)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_acquire(&frame, 1, "q", WIRE_WRITE);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 1, 0);
    ck_assert_uint_eq(answer.n_fds, 1);
    close(fd);
}

/* ---- the broker ---- */

void freeze(void)
{
    int status;

    ck_assert_int_eq(kill(broker.broker, SIGSTOP), 0);
    ck_assert_int_eq(waitpid(broker.broker, &status, WUNTRACED), broker.broker);
    ck_assert(WIFSTOPPED(status));
}

void thaw(void)
{
    ck_assert_int_eq(kill(broker.broker, SIGCONT), 0);
}

size_t descriptors(void)
{
    size_t n;
    int fd = dial();

    expect_alive(fd); /* what it needed for telling that it is ready is closed by now */
    n = count_descriptors(broker.broker) - 1;
    close(fd);
    expect_descriptors(n);
    return n;
}

void expect_descriptors(size_t n)
{
    size_t is = 0;
    int fd = dial();

    for (int i = 0; i < MOST_TALK; i++) {
        expect_alive(fd);
        is = count_descriptors(broker.broker);
        if (is == n + 1) /* and this connection's */
            break;
    }
    close(fd);
    ck_assert_uint_eq(is, n + 1);
}

uint64_t resident(void)
{
    return process_number(broker.broker, "VmRSS:", 10);
}
