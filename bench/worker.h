/*
 * What the measuring programs share. Each does one thing over and over when it is told to: it reads
 * lines "run MILLISECONDS" from standard input, and answers each with a line of JSON. So one
 * process lives through all rounds, and whoever measures can shuffle them.
 */
#pragma once

#include "base/base.h"

#include <sys/socket.h>

/* One measured step. Returns how many things it did, for a rate of things a second. */
typedef size_t (*worker_step)(void *state);

/* Serves standard input until its end. STATE is handed to each step. */
void worker_serve(worker_step step, void *state);

/* Prints what went wrong, and ends the program. */
void give_up(const char *what) __attribute__((noreturn));
/* The same of a function that returns -errno, whose result it hands on. */
int sure(int r, const char *what);

uint64_t now_ns(void);
/* The least number that ARGUMENT, a decimal number, can be is 1. */
size_t number_of(const char *argument);

/* Connects to a SOCK_SEQPACKET socket. */
int dial(const char *path);

/* A request for N objects PREFIX0000, PREFIX0001 and so on; returns its size. */
size_t make_request(uint8_t *frame, size_t size, const char *prefix, size_t n, unsigned access);
/* Receives one reply and puts its descriptors, which must be N, into FDS. */
void receive_descriptors(int socket, int *fds, size_t n);
/* Sends a reply with N descriptors; as a broker does, it does not wait. */
void send_descriptors(int socket, const void *frame, size_t size, const int *fds, size_t n);
/* Closes N descriptors, those that follow each other by one call. */
void close_all(const int *fds, size_t n);
