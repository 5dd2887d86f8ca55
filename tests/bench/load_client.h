/* The load: one thread and up to 32 connections that are kept, a request on the way on each. The same for a product and its yardstick. */
#ifndef LAMBDA_TESTS_LOAD_CLIENT_H
#define LAMBDA_TESTS_LOAD_CLIENT_H

#include <stddef.h>
#include <stdint.h>

enum { LOAD_CONNECTIONS = 32 };

typedef struct load_client {
    int epoll;
    int count;
    int fds[LOAD_CONNECTIONS];
    size_t received[LOAD_CONNECTIONS]; /* of the answer that comes */
    char request[8192];
    size_t request_length;
    char answer[4096]; /* the first one, ended by a NUL */
    size_t answer_length;
    const char *body; /* of it */
} load_client;

/** A port of loopback that is free now. */
uint16_t load_free_port(void);

/** A connection; -1: nobody listens. */
int load_connect(uint16_t port);

/** Sends a request and takes the whole answer, ended by a NUL. Gives its length; 0: the connection was closed, or the answer has no Content-Length or no room. */
size_t load_exchange(int fd, const char *request, size_t length, char *answer, size_t size);

/** Connects `count` times, and asks once: the answer has to have status 200. Ends the program where something fails. */
void load_open(load_client *client, uint16_t port, int count, const char *request);
/** So many requests, on all connections. Ends the program at an answer without status 200, or of another length than the first. */
void load_run(load_client *client, uint64_t operations);
void load_close(load_client *client);

#endif
