/*
 * Plain frames against the real daemon: what test-frames and test-load are made of.
 *
 * Everything fails the running test when it does not go as its name says.
 */
#pragma once

#include "base/base.h"
#include "protocol/wire.h"
#include "tests/check_main.h"
#include "tests/integration/cases.h"

#define NAME_180                                                                                   \
    "n123456789n123456789n123456789n123456789n123456789n123456789"                                 \
    "n123456789n123456789n123456789n123456789n123456789n123456789"                                 \
    "n123456789n123456789n123456789n123456789n123456789n123456789"

/* A frame to be sent; room for one that is too long. */
struct frame {
    struct wire_writer writer; /* over `bytes` */
    uint8_t bytes[WIRE_REQUEST_MAX];
};

/* A frame that came. Descriptors are closed unless they are asked for. */
struct answer {
    struct wire_header header;
    struct wire_reader fields;
    uint8_t bytes[WIRE_REPLY_MAX];
    size_t size, n_fds;
    int fds[WIRE_DESCRIPTORS_MAX];
    char sentence[1024];
    int index; /* -1: none */
};

/* Checked fixtures: a broker that declares what frames_config says. */
void frames_setup(void);
void frames_teardown(void);

/* ---- requests ---- */

void frame_begin(struct frame *frame, unsigned type, uint32_t serial);
void frame_item(struct frame *frame, const char *name, size_t size, unsigned access, unsigned flags,
                unsigned kinds);
/* One whole acquire. */
void frame_acquire(struct frame *frame, uint32_t serial, const char *name, unsigned access);

/* The valid requests: acquire of two, list, next page of a list, show, status, whoami, can. */
#define N_VALID 7
unsigned valid_request(int which, struct frame *frame, uint32_t serial);

/* ---- traffic ---- */

int dial(void);
int dial_as(struct who who);
void put_bytes(int fd, const void *bytes, size_t size);
void put_frame(int fd, const struct frame *frame);
/* Whether it went; false: the socket is full. */
bool offer(int fd, const void *bytes, size_t size);
/* The next frame; false: the end of the connection. Keeps the descriptors in answer->fds. */
bool get_with_descriptors(int fd, struct answer *answer);
bool get_answer(int fd, struct answer *answer);

/* A reply to TYPE and SERIAL with this status comes. */
void expect_reply(int fd, struct answer *answer, unsigned type, uint32_t serial, int error);
/* The broker says ERROR to no request in particular. */
void expect_refusal(int fd, struct answer *answer, int error);
void expect_end(int fd);
/* FD goes on being answered. */
void expect_alive(int fd);
/* A newcomer is answered. */
void expect_service(void);

/* The broker stops for a while, so that what is sent waits for it all at once. */
void freeze(void);
void thaw(void);
/* How many descriptors the broker has open while nobody is connected. */
size_t descriptors(void);
/* Talks with the broker until it has N descriptors open. */
void expect_descriptors(size_t n);
/* KiB. */
uint64_t resident(void);

/* ---- the parts of test-frames ---- */

void add_malformed_cases(Suite *suite);
void add_field_cases(Suite *suite);
void add_flow_cases(Suite *suite);
void add_can_cases(Suite *suite);
void add_await_cases(Suite *suite);
void add_calls_cases(Suite *suite);
void add_proof_cases(Suite *suite);
void add_hostile_cases(Suite *suite);
