/*
 * Who has subscribed to the Telemetry API: a queue of events, cut into batches, and the listener that they are sent to, one batch at a time. A batch stays in the queue until the listener has it. It is tried
 * again and again with growing pauses, and at last dropped and counted; the next batch then begins with an event that says how many were.
 *
 * How a batch gets to its listener is another file's: telemetry_http.c, telemetry_tcp.c. They tell lambda__subscriber_sent once for each that they began.
 */
#ifndef LAMBDA_PROCESS_SUBSCRIBER_H
#define LAMBDA_PROCESS_SUBSCRIBER_H

#include <curl/curl.h>

#include "loop.h"
#include "subscription.h"
#include "telemetry_text.h"

typedef struct lambda__http lambda__http;

/** An event in a queue. */
typedef struct lambda__telemetry_link {
    struct lambda__telemetry_link *next;
    lambda__telemetry_text *text;
    uint64_t time; /* when it came, by lambda__loop_now */
} lambda__telemetry_link;

/** Events that nobody will see. */
typedef struct lambda__dropped {
    uint64_t records;
    uint64_t bytes;
} lambda__dropped;

typedef struct lambda__telemetry_queue {
    lambda__telemetry_link *first;
    lambda__telemetry_link *last;
    size_t count;
    size_t bytes; /* of texts */
} lambda__telemetry_queue;

/** Adds a reference to `text` behind all others. False when memory is out, or where it would hold more than `limit` bytes; one event it holds always. */
bool lambda__telemetry_queue_put(lambda__telemetry_queue *queue, lambda__telemetry_text *text, uint64_t time,
                                 size_t limit);
/** Removes the first `count`. */
void lambda__telemetry_queue_remove(lambda__telemetry_queue *queue, size_t count);

/** A batch as bytes, one after the other: where one who sends it is. */
typedef struct lambda__batch {
    size_t count;  /* events of the queue in it */
    size_t length; /* bytes of all, as they are sent */
    size_t bytes;  /* of the events alone */
    size_t sent;   /* bytes that were read */
    size_t index;  /* events that were */
    size_t offset; /* and bytes of the one under way, with what stands before and after it */
    const lambda__telemetry_link *at;
    bool note; /* its first event says what was dropped */
} lambda__batch;

typedef enum lambda__subscriber_state {
    LAMBDA__SUBSCRIBER_IDLE, /* what waits is not enough, or nothing */
    LAMBDA__SUBSCRIBER_SENDING,
    LAMBDA__SUBSCRIBER_PAUSING /* before it is tried again */
} lambda__subscriber_state;

typedef struct lambda__subscriber {
    struct lambda__subscriber *next;
    char *name; /* the extension's */
    lambda__loop *loop;
    lambda__http *http; /* shared by all; NULL for TCP */
    lambda__subscription wanted;
    lambda__telemetry_queue queue;
    lambda__dropped dropped; /* that it was not told of */
    lambda__dropped noted;   /* of those, what the note of this batch says */
    char reason[128];        /* why the last of them were */
    lambda__subscriber_state state;
    lambda__batch batch;
    lambda__timer timer;
    uint32_t attempts; /* of this batch */
    uint32_t ticks;    /* that it is being sent without any getting on */
    size_t at_once;    /* events that were asked to go without waiting */
    bool failing;      /* the last batch was dropped */
    size_t answer;     /* bytes of the listener's answer, its head alone */
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    lambda__watch watch; /* TCP's; its fd is -1 without a connection */
} lambda__subscriber;

/** NULL when memory is out. `http` may be NULL for TCP. */
lambda__subscriber *lambda__subscriber_open(lambda__loop *loop, const char *name);
void lambda__subscriber_close(lambda__subscriber *subscriber);

/** What it wants from now on, and where; what is being sent is begun anew. */
void lambda__subscriber_set(lambda__subscriber *subscriber, const lambda__subscription *wanted, lambda__http *http);

/** Tells it of an event, if it wants that. */
void lambda__subscriber_put(lambda__subscriber *subscriber, lambda__telemetry_text *text, uint64_t time);

/** Events that it will not be told of. */
void lambda__subscriber_drop(lambda__subscriber *subscriber, uint64_t records, uint64_t bytes, const char *reason);

/** Sends what waits at once. True while it does so; false too where its listener fails, which is tried again later. */
bool lambda__subscriber_flush(lambda__subscriber *subscriber);

/* ---- For those who send. */

/** What is next of the batch, at most `size` bytes. 0 at its end. */
size_t lambda__batch_read(lambda__subscriber *subscriber, char *to, size_t size);
/** Begins it anew, or in TCP with the event that is under way. */
void lambda__batch_rewind(lambda__subscriber *subscriber, bool event_only);

/** The batch that was begun has ended: the listener has it, or `reason` says why not. */
void lambda__subscriber_sent(lambda__subscriber *subscriber, bool done, const char *reason);

/* ---- telemetry_http.c */

/** NULL when memory is out or libcurl does not work. */
lambda__http *lambda__http_open(lambda__loop *loop);
/** All its subscribers were closed. */
void lambda__http_close(lambda__http *http);

/** Begins to send the batch. lambda__subscriber_sent is called later, by the loop; now if it cannot begin. */
void lambda__http_send(lambda__subscriber *subscriber);
/** Stops, and does not tell. */
void lambda__http_stop(lambda__subscriber *subscriber);
/** Frees what was made for it. Nothing is being sent. */
void lambda__http_forget(lambda__subscriber *subscriber);

/* ---- telemetry_tcp.c: likewise. */

void lambda__tcp_send(lambda__subscriber *subscriber);
void lambda__tcp_stop(lambda__subscriber *subscriber);

#endif
