/* A collector for tests: a small HTTP server on the loopback that answers as it was told, in turn. */
#ifndef LAMBDA_TESTS_COLLECTOR_H
#define LAMBDA_TESTS_COLLECTOR_H

#include <pthread.h>
#include <stddef.h>

enum { COLLECTOR_REQUESTS = 16 };

/** In place of an answer: the connection is closed, or kept open and nothing said until the collector ends. */
#define COLLECTOR_CLOSES NULL
#define COLLECTOR_SILENT ""

/** An answer with a status, further header lines that end in "\r\n", and a body. */
#define COLLECTOR_ANSWER(status, headers, body) "HTTP/1.1 " status "\r\nConnection: close\r\n" headers "\r\n" body

/** What OTLP has a collector answer. */
#define COLLECTOR_OK COLLECTOR_ANSWER("200 OK", "Content-Type: application/json\r\n", "{\"partialSuccess\":{}}")

/** A request that came in. */
typedef struct collector_request {
    char *head; /* its lines, a NUL behind them */
    char *body; /* likewise */
    size_t body_length;
} collector_request;

typedef struct collector {
    int listener;
    unsigned port;
    char endpoint[64];
    const char *const *answers; /* one a request; then none is taken any more */
    size_t answers_count;
    collector_request requests[COLLECTOR_REQUESTS]; /* read them when it has ended */
    size_t count;
    int silent[COLLECTOR_REQUESTS]; /* connections that are kept open */
    size_t silent_count;
    pthread_t thread;
} collector;

/** Begins; `answers` are borrowed. */
void collector_begin(collector *c, const char *const *answers, size_t count);

/** Ends it: no more is taken, and its thread has ended. Fails the test where what came in was no request. */
void collector_end(collector *c);

/** Frees what came in. */
void collector_free(collector *c);

/** The value of a header of a request, as text that ends with the line; NULL if there is none. */
const char *collector_header(const collector_request *request, const char *name);

#endif
