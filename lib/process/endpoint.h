/*
 * One environment's HTTP endpoint on loopback: Lambda's Runtime API (2018-06-01), Extensions API (2020-01-01), and Telemetry API (2022-07-01, handed on to telemetry.h).
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, runtimes-extensions-api.html, telemetry-api.html
 *
 * Any program of the machine that finds the port can connect to it, and the API knows no secret. Who connects is looked up (peer.h), once for a connection, and connections of users other than the sandbox's
 * are closed before anything is read from them. Where each sandbox has a user of its own, that is everybody else; else all programs of this process's user can do what the runtime can: take an
 * invocation, and answer one.
 *
 * It is a state machine over libmicrohttpd, run by the environment's loop: it parks who asks for `next`, hands them what the environment gives, and tells the environment what they answered. It knows
 * nothing of processes or time.
 */
#ifndef LAMBDA_PROCESS_ENDPOINT_H
#define LAMBDA_PROCESS_ENDPOINT_H

#include <sys/types.h>

#include <lambda/base.h>
#include <lambda/status.h>

#include "loop.h"
#include "telemetry.h"

typedef struct lambda__endpoint lambda__endpoint;

/** Whom the endpoint tells. Called by the loop, one at a time; none of them may close the endpoint. Bytes are borrowed for the call. */
typedef struct lambda__endpoint_events {
    /** The runtime asked for `next`: at the end of its init, and then after each invocation; once for each time. */
    void (*runtime_ready)(void *user);
    /** All extensions that have registered wait in `next`, and the runtime does too: the phase is over. Also where there are no extensions. */
    void (*all_ready)(void *user);
    /** `/runtime/init/error`. `type` is the header's, "" if there was none. */
    void (*init_error)(void *user, const char *type, lambda_bytes payload);
    /**
     * `/runtime/invocation/ID/response` begins. `streamed`: its mode was streaming. `content_type` never NULL. Then `response_data` any number of times, as it arrives; while it has not returned nothing more is
     * read from the runtime. Anything but LAMBDA_OK: the answer is refused (413 RequestEntityTooLarge for LAMBDA_ERROR_REQUEST_TOO_LARGE), and response_end says so with
     * `complete` false.
     */
    void (*response_begin)(void *user, bool streamed, const char *content_type);
    lambda_status (*response_data)(void *user, const void *data, size_t length);
    /**
     * It has ended: `complete`, or the connection broke. `error_type` and `error_body`: the trailers Lambda-Runtime-Function-Error-Type and -Body (base64 decoded) of a streamed one that
     * failed in the middle; NULL and empty without. Not complete and `error_type` "Function.ResponseSizeTooLarge": it was refused because it was too large.
     */
    void (*response_end)(void *user, bool complete, const char *error_type, lambda_bytes error_body);
    /**
     * `/runtime/invocation/ID/error`, whole. `type` is the header's, "" if there was none. `xray_cause` is that header's, "" if none. The payload is empty where it was larger than the limit, or the
     * connection broke; and a response with a mode that is none is an error of type "Runtime.InvalidResponseModeHeader", without a payload.
     */
    void (*error)(void *user, const char *type, lambda_bytes payload, const char *xray_cause);
    /** An extension reported an init or exit error. */
    void (*extension_error)(void *user, const char *name, const char *type, lambda_bytes payload);
    /** An extension registered; `events`: bit 0 INVOKE, bit 1 SHUTDOWN. */
    void (*extension_registered)(void *user, const char *name, unsigned events);
} lambda__endpoint_events;

/** Whoever connects. */
#define LAMBDA__ENDPOINT_ANYBODY ((uid_t)-1)

typedef struct lambda__endpoint_options {
    lambda__loop *loop;
    const lambda__endpoint_events *events; /* borrowed while it is open */
    void *user;                            /* handed to all of them */
    lambda__telemetry *telemetry;          /* borrowed likewise; NULL: 501 to who subscribes */
    size_t response_limit;                 /* bytes of a response or an error that is not streamed: more is 413 */
    const char *function_name;             /* what extensions are told when they register; borrowed while it is open */
    const char *function_version;
    const char *handler;
    const char *account_id;
    uid_t peer; /* whose sockets may connect, in this process's user namespace; or LAMBDA__ENDPOINT_ANYBODY */
} lambda__endpoint_options;

/** LAMBDA_ERROR_SERVICE (also where this machine does not tell who connects, and that matters) or OUT_OF_MEMORY, with the reason in `message`. */
lambda_status lambda__endpoint_open(const lambda__endpoint_options *options, lambda__endpoint **endpoint,
                                    char message[256]);
void lambda__endpoint_close(lambda__endpoint *endpoint);

/** "127.0.0.1:PORT": AWS_LAMBDA_RUNTIME_API. Borrowed while it is open. */
const char *lambda__endpoint_address(const lambda__endpoint *endpoint);

/** Names of external extensions that are going to be started: each has to register before the init phase can end (all_ready). */
lambda_status lambda__endpoint_expect_extension(lambda__endpoint *endpoint, const char *name);

/** What `next` is answered with. Borrowed for the call but for the payload, which stays until the response, the error, or lambda__endpoint_cancel. */
typedef struct lambda__endpoint_invocation {
    const char *request_id;
    const char *invoked_function_arn;
    uint64_t deadline_ms;        /* wall clock, ms since 1970 */
    const char *trace_id;        /* "" for none */
    lambda_bytes client_context; /* empty for none */
    lambda_bytes cognito_identity;
    lambda_bytes payload;
} lambda__endpoint_invocation;

/**
 * Gives the runtime, and the extensions that want INVOKE, the next invocation: now, or as soon as they ask. One at a time: runtime_ready was told since the last.
 */
lambda_status lambda__endpoint_invoke(lambda__endpoint *endpoint, const lambda__endpoint_invocation *invocation);

/** The invocation is over without an answer: what comes for it now is answered with Lambda's 400 InvalidRequestID. */
void lambda__endpoint_cancel(lambda__endpoint *endpoint);

/** Gives extensions that want it SHUTDOWN, with that reason ("spindown", "timeout", "failure") and deadline. How many want it. */
size_t lambda__endpoint_shutdown(lambda__endpoint *endpoint, const char *reason, uint64_t deadline_ms);

/** True if the runtime waits in `next`; true if any extension has registered. */
bool lambda__endpoint_runtime_waits(const lambda__endpoint *endpoint);
bool lambda__endpoint_has_extensions(const lambda__endpoint *endpoint);

#endif
