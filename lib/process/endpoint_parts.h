/*
 * What the endpoint's files share. A connection of libmicrohttpd brings one request after the other; each goes through its route: `begin` when its head was read, `body` for each piece, `end` when it is
 * whole, and `over` when it has been answered or its connection broke. A route answers by lambda__request_answer or lambda__request_refuse; one that has not by the end of `end` waits, and `end` is
 * called again: where its route says so its connection is suspended until lambda__request_wake, else whenever libmicrohttpd is run. The runtime's own `next` waits like that: to suspend and resume a
 * connection costs five system calls, which is much of a round trip. Nothing is answered before the request was read, because libmicrohttpd closes a connection of which the rest is unread.
 */
#ifndef LAMBDA_PROCESS_ENDPOINT_PARTS_H
#define LAMBDA_PROCESS_ENDPOINT_PARTS_H

#include <microhttpd.h>

#include "endpoint.h"
#include "peer.h"

/** Connections at once; more wait to be accepted. Each has one request at a time. */
#define LAMBDA__ENDPOINT_CONNECTIONS 64
/** Memory of a connection, bytes: its request's head or its trailers, and what is read of a body at once, have to fit. */
#define LAMBDA__ENDPOINT_CONNECTION_MEMORY 131072
/** Bytes of a body that is neither a response nor an error of the function. */
#define LAMBDA__ENDPOINT_BODY_MAX 262144
/** Extensions of an environment, both kinds together. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
#define LAMBDA__EXTENSIONS_MAX 10
/** Bytes of an extension's name, as of a file's. */
#define LAMBDA__EXTENSION_NAME_MAX 255
#define LAMBDA__REQUEST_ID_MAX     255
#define LAMBDA__UUID_LENGTH        36

typedef struct lambda__request lambda__request;

typedef struct lambda__route {
    const char *method;
    const char *path;
    const char *tail; /* after `path` and a segment, which is the invocation's id; NULL: the path is whole */
    void (*begin)(lambda__request *request);
    void (*body)(lambda__request *request, const char *data, size_t length); /* NULL: it is not looked at */
    void (*end)(lambda__request *request);
    void (*over)(lambda__request *request); /* NULL: nothing to do */
    bool suspends;                          /* while it waits */
} lambda__route;

typedef struct lambda__extension {
    char name[LAMBDA__EXTENSION_NAME_MAX + 1];
    char id[LAMBDA__UUID_LENGTH + 1];
    enum {
        LAMBDA__EXTENSION_EXPECTED, /* it is started, and has not registered */
        LAMBDA__EXTENSION_REGISTERED,
        LAMBDA__EXTENSION_READY, /* it asked for `next` */
        LAMBDA__EXTENSION_RUNNING,
        LAMBDA__EXTENSION_INIT_ERROR,
        LAMBDA__EXTENSION_EXIT_ERROR
    } state;
    bool external;
    unsigned events;  /* bit 0 INVOKE, bit 1 SHUTDOWN */
    unsigned pending; /* those that it is still to be given, likewise */
    lambda__request *waiting;
} lambda__extension;

struct lambda__request {
    lambda__endpoint *endpoint;
    struct MHD_Connection *connection;
    const lambda__route *route;
    const char *id; /* the segment of the path that is an invocation's id; while `begin` runs */
    size_t id_length;
    lambda__request *next; /* of those that are free */
    struct MHD_Response *answer;
    unsigned status;
    bool owned;  /* the answer goes with the request */
    bool failed; /* there was no memory for an answer: the connection is closed */
    bool suspended;
    uint64_t run;                 /* the endpoint's last run in which libmicrohttpd called for it */
    unsigned calls;               /* how often in that */
    lambda__extension *extension; /* whose request it is */
    char *body;                   /* gathered by lambda__request_gather */
    size_t length;
    size_t capacity;
};

typedef enum lambda__runtime_state {
    LAMBDA__RUNTIME_STARTED,
    LAMBDA__RUNTIME_INIT_ERROR,
    LAMBDA__RUNTIME_READY, /* it asked for `next` */
    LAMBDA__RUNTIME_RUNNING,
    LAMBDA__RUNTIME_RESPONSE, /* its answer is being read */
    LAMBDA__RUNTIME_ERROR_RESPONSE,
    LAMBDA__RUNTIME_ANSWERED
} lambda__runtime_state;

struct lambda__endpoint {
    lambda__endpoint_options options;
    struct MHD_Daemon *daemon;
    lambda__watch watch; /* libmicrohttpd's epoll descriptor */
    lambda__timer timer; /* it has more to do at once */
    bool running;        /* libmicrohttpd calls us */
    bool again;          /* it is to be run once more */
    bool closing;        /* nobody is told anything */
    uint64_t run;        /* counts them */
    unsigned calls;      /* libmicrohttpd's of the last run */
    char address[32];
    struct sockaddr_in name; /* the same */
    lambda__peer_source peers;
    struct MHD_Response *accepted; /* 202 {"status":"OK"} */

    lambda__runtime_state state;
    lambda__request *waiting;    /* the runtime's `next` */
    lambda__request *delivering; /* the runtime's `next` while it is being answered: its connection reads the payload */
    lambda__request *answering;  /* the response or error that is being read */
    lambda__watch hangup;        /* of its connection, where it did not come at once */
    bool streamed;               /* it is a streamed response */
    size_t received;             /* bytes of it */
    struct MHD_Response
        *event; /* what `next` is answered with; NULL: there is no invocation, or it has been answered */
    char request_id[LAMBDA__REQUEST_ID_MAX + 1]; /* of the last invocation, until it is cancelled */

    bool phase_open; /* all_ready was not told in this phase */
    bool init;       /* the init phase is open */
    bool registration_closed;
    lambda__extension extensions[LAMBDA__EXTENSIONS_MAX];
    size_t extensions_count;
    char *invoke_event;   /* JSON for extensions; NULL: nobody wants it */
    char *shutdown_event; /* likewise */

    lambda__request *free_requests;
    lambda__request requests[LAMBDA__ENDPOINT_CONNECTIONS];
};

/* ---- endpoint.c */

/** Nothing is being read as an answer any more. */
void lambda__endpoint_answer_over(lambda__endpoint *endpoint);

/* ---- request.c */

/** The callbacks of libmicrohttpd. */
enum MHD_Result lambda__request_handle(void *endpoint, struct MHD_Connection *connection, const char *url,
                                       const char *method, const char *version, const char *upload_data,
                                       size_t *upload_size, void **request);
void lambda__request_completed(void *endpoint, struct MHD_Connection *connection, void **request,
                               enum MHD_RequestTerminationCode code);

/** Answers, once the request was read. `owned`: `answer` is the request's from now on; NULL: the connection is closed, memory was out. */
void lambda__request_answer(lambda__request *request, unsigned status, struct MHD_Response *answer, bool owned);
/** 202 {"status":"OK"}. */
void lambda__request_accept(lambda__request *request);
/** Answers with Lambda's error object. */
void lambda__request_refuse(lambda__request *request, unsigned status, const char *type, const char *format, ...)
    LAMBDA_PRINTF(4, 5);
/** An answer of that text, as JSON; the text is copied. NULL: memory is out. */
struct MHD_Response *lambda__json_answer(const char *text, size_t length);

/** A header's value, or a trailer's; NULL: there is none. */
const char *lambda__request_header(lambda__request *request, const char *name);
const char *lambda__request_trailer(lambda__request *request, const char *name);

/** Keeps a piece of the body. More than `most` in all: the request is refused with 413, and false. */
bool lambda__request_gather(lambda__request *request, const char *data, size_t length, size_t most);
/** For routes with a small body. */
void lambda__request_gather_small(lambda__request *request, const char *data, size_t length);

/** A suspended request is looked at again, when libmicrohttpd is run. */
void lambda__request_wake(lambda__request *request);
/** True if whoever sent it has hung up. */
bool lambda__request_gone(const lambda__request *request);
/** Nothing more is sent to or read from its connection. */
void lambda__request_cut(const lambda__request *request);

/* ---- endpoint.c */

/** Has libmicrohttpd do what there is to do; soon, where it is just calling us. */
void lambda__endpoint_run(lambda__endpoint *endpoint);
/** Tells all_ready if the phase is over. */
void lambda__endpoint_check_phase(lambda__endpoint *endpoint);

/* ---- runtime_api.c, extensions_api.c */

/** End with one without a path. */
extern const lambda__route lambda__runtime_routes[];
extern const lambda__route lambda__extension_routes[];

/** What `next` is answered with. NULL: memory is out. */
struct MHD_Response *lambda__runtime_event(const lambda__endpoint_invocation *invocation);
/** The invocation is not the runtime's any more: nothing of its payload is sent from now on. */
void lambda__runtime_release(lambda__endpoint *endpoint);

/** Gives what is pending to those who wait. `event`: bit 0 INVOKE, bit 1 SHUTDOWN. How many want it. */
size_t lambda__extensions_give(lambda__endpoint *endpoint, unsigned event);
/** JSON of an INVOKE event; to be freed. NULL: memory is out. */
char *lambda__extensions_invoke_event(const lambda__endpoint_invocation *invocation);
char *lambda__extensions_shutdown_event(const char *reason, uint64_t deadline_ms);
/** True if all that are known have registered and asked for `next`, but for those that reported an error. */
bool lambda__extensions_ready(const lambda__endpoint *endpoint);
lambda__extension *lambda__extensions_find(lambda__endpoint *endpoint, const char *name);

#endif
