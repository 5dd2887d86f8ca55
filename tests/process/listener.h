/* A telemetry listener as an extension has one, in a thread: plain sockets, and what it is told to do with each request. */
#ifndef LAMBDA_TESTS_LISTENER_H
#define LAMBDA_TESTS_LISTENER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LISTENER_REQUESTS = 64 };

/* What it does with a request instead of answering with a text. */
#define LISTENER_HANG_UP "hang up" /* without an answer */
#define LISTENER_SILENT  "silent"  /* no answer, while the connection lasts */
#define LISTENER_OK      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define LISTENER_OK_ONCE "!" LISTENER_OK /* and hangs up afterwards, not having said that it will */

typedef struct listener_request {
    char *head;
    char *body; /* with a zero behind it */
    size_t length;
} listener_request;

typedef struct listener {
    bool tcp; /* takes bytes as they come: requests[0] holds those of the first connection, and so on */
    int socket;
    uint16_t port;
    const char *const *answers; /* to the first requests; all others LISTENER_OK */
    size_t answers_count;
    int told[2]; /* a pipe: a byte whenever something came */
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t opened;
    bool closed; /* does not read */
    bool ends;
    int connection;
    size_t count;       /* requests that came, whole */
    size_t connections; /* that were accepted */
    size_t bytes;       /* of bodies, and of those of TCP */
    listener_request requests[LISTENER_REQUESTS];
} listener;

/** Takes a port, and nothing yet: who connects is refused. */
void listener_open(listener *l, bool tcp);
/** Begins to listen. `closed`: it does not read until listener_read_on. */
void listener_begin(listener *l, const char *const *answers, size_t answers_count, bool closed);
void listener_read_on(listener *l);
/** Ends the thread. What came can be looked at until listener_free. */
void listener_end(listener *l);
void listener_free(listener *l);

/** Numbers of now. */
size_t listener_count(listener *l);
size_t listener_bytes(listener *l);
size_t listener_connections(listener *l);
bool listener_is_connected(listener *l);
/** What came of one request, or over one connection of TCP, has `text` in it and ends with a line end if it is TCP's. */
bool listener_has(listener *l, size_t number, const char *text);

/** A header's value, in static memory; NULL if it is not there. */
const char *listener_header(const listener_request *request, const char *name);

#endif
