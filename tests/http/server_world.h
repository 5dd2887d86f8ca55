/* A server with functions, function URLs and one identity, for tests of it. */
#ifndef LAMBDA_TESTS_HTTP_SERVER_WORLD_H
#define LAMBDA_TESTS_HTTP_SERVER_WORLD_H

#include "support.h"

#include <lambda/http.h>
#include <pthread.h>
#include <stdatomic.h>

#include "client.h"

#define KEY    "AKIAIOSFODNN7EXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

/** Ids of the function URLs of the functions of those names. */
#define URL_HELLO  "hellohellohellohellohellohello00"
#define URL_ECHO   "echoechoechoechoechoechoechoecho"
#define URL_WAIT   "waitwaitwaitwaitwaitwaitwaitwait"
#define URL_STREAM "streamstreamstreamstreamstream00"
#define URL_FAIL   "failfailfailfailfailfailfailfail"
/** Of AuthType AWS_IAM, of the function "private", which echoes. */
#define URL_PRIVATE "privateprivateprivateprivate0000"

#define GET(path)    "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define GET_URL(id)  GET("/lambda-url/" id "/")
#define INVOKE(name) "/2015-03-31/functions/" name "/invocations"
#define STREAM(name) "/2021-11-15/functions/" name "/response-streaming-invocations"
#define ASYNC(name)  "/2014-11-13/functions/" name "/invoke-async"

struct world {
    lambda_t *lambda;
    lambda_api *api;
    lambda_http *http;
    uint16_t port;
    char directory[64];
    char credentials[96];
    /* What handlers do. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned waiting;      /* handlers of "wait" that run */
    bool open;             /* they may go on */
    unsigned parts;        /* that "stream" writes, of 1,000 bytes each */
    unsigned ended;        /* handlers of "stream" that ended */
    lambda_status written; /* what the last write of "stream" gave */
    /* The access log. */
    char log[65536];
    size_t log_length;
};

/** Opens all; `options` has what is not the world's business, and may be NULL. */
void world_open(struct world *world, const lambda_http_options *options);
void world_close(struct world *world);
/** The API says that the function URL of "hello" has this scheme and port; 0: none. */
void world_expect_url(struct world *world, const char *scheme, uint16_t port);
/** The policy of a function, in place of its own: all may invoke it, by its URL too, where that condition holds. */
void world_policy(struct world *world, const char *name, const char *condition);
/** Waits until so many handlers of "wait" run. */
void world_until_waiting(struct world *world, unsigned count);
void world_let_go(struct world *world);
/** Waits until so many of "stream" have ended. */
void world_until_ended(struct world *world, unsigned count);

#endif
