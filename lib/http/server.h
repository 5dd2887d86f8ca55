/*
 * What the files of the server share. A request goes this way:
 *
 *     connection.c   its first bytes, its body, and the answer that is queued; on the connection's event thread
 *     framing.c      its headers, and whether they can be taken for another request
 *     route.c        what it is for, and on which kind of thread it runs
 *     worker.c       threads for what may take its time; the connection is suspended meanwhile
 *     operate.c      operations of the API; invoke.c the three that invoke; serve_url.c function URLs; health.c the server's own pages
 *     stream.c       answers that are written while they are sent
 *
 * A request belongs to one thread at a time: the event thread, or a worker from lambda__workers_give until it resumes the connection. Where an answer is a stream both have it: then
 * `users` says who of them is done, and the last one clears it.
 */
#ifndef LAMBDA_HTTP_SERVER_H
#define LAMBDA_HTTP_SERVER_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include <lambda/http.h>
#include <microhttpd.h>

#include "api.h"
#include "url.h"

/** Bytes that a function can be ahead of who reads its stream. */
#define LAMBDA__STREAM_BUFFER 65536
/** Most headers of a request. */
#define LAMBDA__REQUEST_HEADERS 256
/** Functions whose speed is known. Others run on workers. */
#define LAMBDA__ROADS 4096
/** A body of more bytes is no work for an event thread, nor is its memory kept for the next request. */
#define LAMBDA__SMALL_BODY 65536
/** A function that needs less runs on the event thread. */
#define LAMBDA__QUICK_NS UINT64_C(1000000)
/** How long what is known of a function's isolation is believed, and how long a worker waits for work. */
#define LAMBDA__ROAD_MS   1000
#define LAMBDA__WORKER_MS 5000

typedef struct lambda__connection lambda__connection;
typedef struct lambda__flow lambda__flow;

/* ---- how quick functions are */

/** A function as it is invoked. Never freed before the server. */
typedef struct lambda__road {
    char name[200]; /* "NAME" or "NAME:QUALIFIER" */
    lambda_target *target;
    atomic_bool inlined;        /* its isolation is INLINE */
    _Atomic uint64_t speed_ns;  /* a moving estimate; UINT64_MAX: none yet */
    _Atomic uint64_t looked_ms; /* when its isolation was read */
    atomic_bool stale;          /* somebody is on the way to a worker to read it again */
} lambda__road;

typedef struct lambda__roads {
    _Atomic(lambda__road *) slots[LAMBDA__ROADS];
    pthread_mutex_t adding;
    size_t count; /* with it */
} lambda__roads;

/** NULL: nothing is known of it. */
lambda__road *lambda__roads_find(lambda__roads *roads, const char *name);
/** On a worker: as above, but adds it if it is there, and reads its isolation again if that is old. NULL: there is no such function, or no room. */
lambda__road *lambda__roads_look(lambda_http *http, const char *name);
/** May an event thread run it? False now and then too, so that a worker looks at it again. */
bool lambda__road_quick(lambda__road *road, uint64_t now_ms);
/**
 * Invokes through the target, or through that of the road where it is NULL, or by the name, into connection->result; and notes how long that took.
 */
lambda_status lambda__roads_invoke(lambda__connection *connection, const char *name, lambda_target *target,
                                   lambda_bytes payload, const lambda_invoke_options *options);
void lambda__roads_close(lambda__roads *roads);

/* ---- connections */

/** Runs a request, and answers it. */
typedef void lambda__runner(lambda__connection *connection);

typedef enum lambda__phase {
    LAMBDA__PHASE_IDLE = 0, /* between requests */
    LAMBDA__PHASE_LINE,     /* the request's line is there */
    LAMBDA__PHASE_BODY,
    LAMBDA__PHASE_RUNS,
    LAMBDA__PHASE_ANSWERED /* `response` is to be queued, or was */
} lambda__phase;

struct lambda__connection {
    lambda_http *http;
    struct MHD_Connection *mhd;
    int fd;
    struct sockaddr_storage address;
    char peer[INET6_ADDRSTRLEN];
    lambda__connection *next; /* of all; with http->listing */
    lambda__connection *previous;
    atomic_uint references;       /* libmicrohttpd, and a worker */
    _Atomic uint64_t deadline_ms; /* the watchman ends it then; 0: never */
    atomic_bool busy;             /* there is a request */
    atomic_bool reading;          /* which is not whole yet */
    bool left;                    /* the watchman's: its client had ended before its request was whole */

    /* The request. Memory is used again by the next one. */
    lambda__phase phase;
    atomic_uint users;
    char *uri; /* raw; cut into path and query */
    size_t uri_size;
    const char *path;
    const char *query;
    const char *method;
    const char *version;
    lambda__header *headers;
    size_t headers_count;
    char *body;
    size_t body_length;
    size_t body_size;
    size_t body_most; /* one more is 413 */
    size_t body_told; /* what the deadline was moved for */
    uint64_t discarded;
    bool too_large;
    bool no_memory;
    bool no_room; /* bodies have all the memory that they may */
    bool ignored; /* nobody wants the body */
    lambda__runner *runner;
    lambda__connection *queued; /* after this one */
    char request_id[LAMBDA_REQUEST_ID_SIZE];
    const lambda__operation *operation;
    json_t *input;
    lambda__url_match match;
    lambda__url_answer url_answer;
    lambda__url_text event;
    lambda_result result;
    lambda__signature_result *signature;
    lambda__caller caller;
    char access_key[136];
    char trace[48]; /* of a function URL, where the client gives none */

    /* The answer. */
    struct MHD_Response *response;
    int status;
    bool last;     /* the connection is closed after it */
    bool unframed; /* and at once, as nobody knows where the request ends */
    bool suspended;
    uint64_t began_ns;     /* of the access log */
    _Atomic uint64_t sent; /* bytes of its body: all that are to be, or of a stream those so far */
    char log_name[200];    /* of the function, for the access log */
};

/** A header of the request; NULL: there is none. */
const char *lambda__connection_header(const lambda__connection *connection, const char *name);
/** The trace header, as an invocation takes it; NULL: none, or one that is longer than any is. */
const char *lambda__request_trace(const lambda__connection *connection);
/** The watchman ends it when so many header timeouts have passed; 0: never. Each time that something has come, or was taken, it is told anew. */
void lambda__connection_due(lambda__connection *connection, uint64_t times);
/** Its headers, into `headers`; a target that names its host becomes a path. False: it was answered, as it is none that may go on. */
bool lambda__request_read(lambda__connection *connection);
/** Its id as text; made at the first call. */
const char *lambda__request_id_text(lambda__connection *connection);
/** Nanoseconds since 1970, and milliseconds that only go on. */
uint64_t lambda__now_wall(void);
uint64_t lambda__now_ms(void);

/** Takes the response, NULL included: memory is out then. Once for each request, by whoever runs it. */
void lambda__answer(lambda__connection *connection, int status, struct MHD_Response *response);
/** Bytes that stay as they are until the request is over. `type` NULL: there is none. */
struct MHD_Response *lambda__response_of(lambda__connection *connection, const void *data, size_t length,
                                         const char *content_type);
/** An error of the API: {"Type":...,"Message":...}. */
void lambda__answer_error(lambda__connection *connection, int status, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** As AWS words what comes before an operation: {"message":...}. */
void lambda__answer_refused(lambda__connection *connection, int status, const char *type, const char *message);
/** What a call of the library said. */
void lambda__answer_status(lambda__connection *connection, lambda_status status);
/** Takes what is in the reply, and clears it. */
void lambda__answer_reply(lambda__connection *connection, lambda__reply *reply);

/** Gives up the request: who is last clears it. */
void lambda__request_done(lambda__connection *connection);
void lambda__connection_release(lambda__connection *connection);

/* libmicrohttpd's calls. */
void *lambda__connection_line(void *user, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result lambda__connection_handle(void *user, struct MHD_Connection *mhd, const char *url, const char *method,
                                          const char *version, const char *data, size_t *length, void **context);
void lambda__connection_completed(void *user, struct MHD_Connection *mhd, void **context,
                                  enum MHD_RequestTerminationCode code);
void lambda__connection_changed(void *user, struct MHD_Connection *mhd, void **context,
                                enum MHD_ConnectionNotificationCode code);
enum MHD_Result lambda__connection_admit(void *user, const struct sockaddr *address, socklen_t length);

/* ---- where requests go */

/** Its line and headers are there: what is it for, and how long may its body be? It may be answered already. */
void lambda__route(lambda__connection *connection);
/** All of it is there. False: a worker has it now. */
bool lambda__route_run(lambda__connection *connection);

/** Members of headers and of the JSON body, which is `body`, become `input`, where those of path and query are. False: it was answered. */
bool lambda__gather_members(lambda__connection *connection, lambda_bytes body);
/** Members of the query become `input`; names that are no members' are passed over. LAMBDA_ERROR_INVALID_REQUEST_CONTENT: it cannot be read. LAMBDA_ERROR_OUT_OF_MEMORY. */
lambda_status lambda__gather_query(const lambda__member *members, const char *query, json_t *input);

/** The body as it was signed. */
lambda_bytes lambda__request_body(const lambda__connection *connection);
/** Checks who sent it, into `signature`. False: memory is out, which was answered. */
bool lambda__signature_of(lambda__connection *connection);
/** The same, and fills in `caller`. False: it was answered. */
bool lambda__authenticate(lambda__connection *connection);
/** Fills in `caller` of a signature that was right; of a request without one. */
void lambda__caller_of(lambda__connection *connection);
void lambda__caller_anybody(lambda__connection *connection);
/** The request, for what operation.h has. */
lambda__request lambda__request_of(const lambda__connection *connection);

lambda__runner lambda__run_operation;
lambda__runner lambda__run_invoke;
lambda__runner lambda__run_invoke_stream;
lambda__runner lambda__run_invoke_async;
lambda__runner lambda__run_url;
lambda__runner lambda__run_health;
lambda__runner lambda__run_metrics;
lambda__runner lambda__run_package;

/** The function that an invocation is for, "NAME[:QUALIFIER]": NULL where it cannot be said yet. */
const char *lambda__invoke_name(const lambda__connection *connection, char name[200]);

/* ---- workers */

typedef struct lambda__worker lambda__worker;

typedef struct lambda__workers {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t ended;
    lambda__connection *first;
    lambda__connection *last;
    size_t waiting; /* in that list */
    uint32_t idle;
    uint32_t count;
    uint32_t most;
    bool closing;
    lambda__worker *gone; /* threads to be joined */
} lambda__workers;

lambda_status lambda__workers_open(lambda__workers *workers, uint32_t most);
/** Suspends the connection, and has its runner run. On its event thread. */
void lambda__workers_give(lambda_http *http, lambda__connection *connection);
/** Waits for what runs and what waits. What is given after that is answered with 503. */
void lambda__workers_stop(lambda__workers *workers);
void lambda__workers_free(lambda__workers *workers);

/* ---- streams */

/** One for a request, which its worker writes. NULL when memory is out. */
lambda__flow *lambda__flow_open(lambda__connection *connection);
/** The response that reads it; the connection goes on. Takes the reference of its reader. False: memory is out. */
bool lambda__flow_begin(lambda__flow *stream, int status, struct MHD_Response *response);
struct MHD_Response *lambda__flow_response(lambda__flow *stream);
/** Waits for room. LAMBDA_ERROR_SERVICE: nobody reads any more. */
lambda_status lambda__flow_write(lambda__flow *stream, const void *data, size_t length);
/** The server ends: nobody reads any of them any more. */
void lambda__flows_cut(lambda_http *http);
/** Nothing comes any more. `broken`: the reader's connection is cut, so that it sees that something is missing. After lambda__request_done, as the next request may come at once. */
void lambda__flow_end(lambda__flow *stream, bool broken);

/* ---- frames of application/vnd.amazon.eventstream: https://smithy.io/2.0/aws/amazon-eventstream.html */

/** Bytes that a frame has around its payload, with the headers that are written here. */
#define LAMBDA__FRAME_AROUND 160
/** Most bytes of a payload in one frame. */
#define LAMBDA__FRAME_PAYLOAD 32768

/** Writes what stands before and behind a payload: `head` has room for LAMBDA__FRAME_AROUND bytes, `tail` for 4. The length of the head. */
size_t lambda__event_stream_frame(const char *event_type, const char *content_type, lambda_bytes payload,
                                  unsigned char *head, unsigned char tail[4]);
/** CRC-32 of IEEE 802.3, of what is checked already. */
uint32_t lambda__crc32(uint32_t crc, const void *data, size_t length);

/* ---- others */

/** Is there one too many of this address? */
typedef struct lambda__rate lambda__rate;
lambda__rate *lambda__rate_open(uint32_t most);
bool lambda__rate_allows(lambda__rate *rate, const struct sockaddr_storage *address, uint64_t now_ms);
void lambda__rate_close(lambda__rate *rate);

void lambda__access_log(lambda__connection *connection);

struct lambda_http {
    lambda_api *api;
    lambda_t *lambda;
    lambda__identities *identities;
    struct MHD_Daemon *daemon;
    int listening; /* -1: libmicrohttpd has it */
    uint16_t port;
    char port_text[8];
    uint32_t served; /* as the API has it; 0: it does not listen yet */
    uint32_t connections_most;
    uint32_t header_bytes;
    uint32_t header_timeout_ms;
    uint64_t bodies_most;
    _Atomic uint64_t bodies; /* bytes of memory that those have which are not small */
    lambda_writer *access_log;
    void *user;
    pthread_mutex_t logging;
    lambda__rate *rate; /* NULL: no limit */
    lambda__roads roads;
    lambda__workers workers;
    atomic_bool closing;     /* new requests are answered with 503 */
    atomic_bool ending;      /* streams are cut */
    _Atomic uint64_t now_ms; /* as the watchman last saw it */
    uint32_t tick_ms;
    pthread_mutex_t streaming;
    lambda__flow *streams;       /* that began, with `streaming` */
    struct MHD_Response *failed; /* for when memory is out */
    pthread_mutex_t listing;
    lambda__connection *connections; /* with `listing` */
    atomic_uint connections_count;
    pthread_cond_t watching; /* with `listing`: there is a connection, or it ends */
    pthread_cond_t quiet;    /* with `listing`: a request has ended while it is closing */
    pthread_t watchman;
    bool watched;
    bool watch_ends; /* with `listing` */
};

#endif
