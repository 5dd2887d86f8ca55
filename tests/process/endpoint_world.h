/* An endpoint with whoever it tells written down, and clients of it with bare sockets; all on one thread: whoever waits runs the loop. */
#ifndef LAMBDA_TESTS_ENDPOINT_WORLD_H
#define LAMBDA_TESTS_ENDPOINT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "endpoint.h"

struct world {
    lambda__loop loop;
    lambda__endpoint *endpoint;
    lambda__endpoint_events events;
    /* What it was told, one word each with a space before it: "ready all begin data(3) end". */
    char told[4096];
    char *data; /* of the last response, error or init error */
    size_t data_length;
    size_t data_size;
    bool complete;
    char type[256];    /* of the error, or the trailer's */
    char body[100000]; /* of the trailer */
    char content_type[256];
    char cause[100000];
    lambda_status refuse; /* what response_data returns */
    bool cancel;          /* response_data cancels the invocation */
    /* What runtime_ready does. */
    const lambda__endpoint_invocation *invoke_when_ready;
};

/** What came back. */
struct answer {
    int status;
    char head[8192];
    char *body; /* ends in NUL */
    size_t length;
};

/** One that takes connections of that user alone; the others take anybody's. */
void world_open_for(struct world *world, uid_t peer);
void world_open(struct world *world, size_t response_limit, lambda__telemetry *telemetry);
/** For who expects that it may fail. */
lambda_status world_try_open(struct world *world, size_t response_limit, lambda__telemetry *telemetry,
                             char message[256]);
void world_close(struct world *world);
/** What it was told since the last time. Borrowed until the next call. */
const char *world_told(struct world *world);
/** Runs the loop until it was told that word. */
void world_until_told(struct world *world, const char *word);
/** Runs the loop as long as there is something ready. */
void world_settle(struct world *world);

/** An invocation with this payload; `payload` is borrowed. */
lambda__endpoint_invocation world_invocation(const char *id, const char *payload);
void world_invoke(struct world *world, const char *id, const char *payload);

/** A connection. */
int client_open(struct world *world);
void client_close(int fd);
/** Sends all of it, running the loop where that takes room. */
void client_send(struct world *world, int fd, const char *data, size_t length);
void client_text(struct world *world, int fd, const char *format, ...) LAMBDA_PRINTF(3, 4);
/** Waits for an answer and reads that alone. `answer_clear` it. */
void client_receive(struct world *world, int fd, struct answer *answer);
/** True if there is nothing to be read, after the loop has settled. */
bool client_silent(struct world *world, int fd);
/** Runs the loop until the other side has closed it; what it sent before is thrown away. */
void client_until_closed(struct world *world, int fd);
void answer_clear(struct answer *answer);

/** Sends text, and checks the answer's status, and body where one is given. */
void client_expect(struct world *world, int fd, const char *request, int status, const char *body);
/** A header of the answer; NULL: there is none. Borrowed until the next call. */
const char *answer_header(const struct answer *answer, const char *name);

#define GET_NEXT   "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: h\r\n\r\n"
#define INVOCATION "/2018-06-01/runtime/invocation/"
#define OK_BODY    "{\"status\":\"OK\"}\n"

/** POST with that body and further heads, each ending in CR LF. Its text; borrowed until the next call. */
const char *post(const char *path, const char *headers, const char *body);

#endif
