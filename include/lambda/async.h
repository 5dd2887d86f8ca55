/* Asynchronous invocation, Lambda's invocation type Event: accepted into a queue, run later, retried, and told of. */
#ifndef LAMBDA_ASYNC_H
#define LAMBDA_ASYNC_H

#include <lambda/invoke.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The rules are Lambda's: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html. An event that was accepted ends in exactly
 * one of: succeeded, failed (and handed to a destination or dead-letter target, or dropped with a counted reason), purged by the host,
 * or handed back when the service closes. It may run more than once, and in any order. docs/asynchronous.md has all of it.
 */

/** How an event ended. */
typedef enum lambda_async_condition {
    LAMBDA_ASYNC_SUCCESS = 0,            /**< the function ran and did not fail */
    LAMBDA_ASYNC_RETRIES_EXHAUSTED = 1,  /**< it failed, and each retry too */
    LAMBDA_ASYNC_EVENT_AGE_EXCEEDED = 2, /**< it was, or before its next attempt would be, older than it may */
    LAMBDA_ASYNC_ZERO_RESERVED_CONCURRENCY =
        3,                           /**< the function has reserved concurrency 0, and there is a target for failures */
    LAMBDA_ASYNC_RECURSIVE_LOOP = 4, /**< the function was invoked 16 times by its own invocations (concurrency.h) */
    /** Its record or dead letter could not be delivered until it was too old; seen in `lambda_async_list`, no callback is told of it. */
    LAMBDA_ASYNC_DELIVERY_FAILED = 5,
    LAMBDA_ASYNC_PURGED = 6, /**< `lambda_async_purge` */
    LAMBDA_ASYNC_CLOSED = 7  /**< the service closed before it ended */
} lambda_async_condition;

/** Lambda's word: "Success", "RetriesExhausted", "EventAgeExceeded", ...; "Unknown" for what is none. Static; any thread. */
LAMBDA_API const char *lambda_async_condition_name(lambda_async_condition condition);

/** How an event ended, for who waits. Borrowed for the call. */
typedef struct lambda_async_outcome {
    lambda_request_id request_id;     /**< the event's */
    lambda_async_condition condition; /**< how it ended */
    uint32_t invoke_count;            /**< attempts in which the handler ran */
    const char *function_error;       /**< of the last attempt: NULL or "Unhandled" */
    lambda_bytes payload;             /**< the last attempt's answer; empty where there was none */
} lambda_async_outcome;

/**
 * Is told how an event ended, once: after its last attempt, when that is kept in the queue, whatever deliveries it leads to. On the thread
 * that ran it, with no lock held. It may call any public function but `lambda_close`. A service that closes tells CLOSED to those that are
 * left, also where a durable queue keeps the event for the next open. A process that ends before tells nobody.
 */
typedef void lambda_async_callback(void *user, const lambda_async_outcome *outcome);

/** How to invoke asynchronously. Zero means the default; NULL in place of it takes all. Borrowed for the call. */
typedef struct lambda_async_options {
    const char *qualifier;       /**< a version or alias; refused where the name carries another */
    lambda_bytes client_context; /**< as in lambda_invoke_options */
    const char *trace_id;        /**< as there. Without either, what a handler invokes is linked to its own trace */
    const char *traceparent;     /**< as there */
    /**
     * Where the queue is full, wait so long for room. Default 0: the call fails at once. A handler that waits keeps its worker, which
     * others wait for: LAMBDA_WAIT_FOREVER is refused there.
     */
    uint32_t wait_ms;
    lambda_async_callback *callback; /**< is told how it ended. Default none */
    void *user;                      /**< handed to it */
} lambda_async_options;

/** Exported form of `lambda_invoke_async` and `lambda_target_invoke_async`. */
LAMBDA_API lambda_status lambda_invoke_async_sized(lambda_t *lambda, const char *function_name, lambda_bytes payload,
                                                   const lambda_async_options *options, size_t size,
                                                   lambda_request_id *request_id);
LAMBDA_API lambda_status lambda_target_invoke_async_sized(lambda_target *target, lambda_bytes payload,
                                                          const lambda_async_options *options, size_t size,
                                                          lambda_request_id *request_id);

/**
 * Has a function run later. LAMBDA_OK says that the queue has accepted the event, and that it is as safe as the queue makes it: with
 * lambda/sqlite.h on disk. The payload is copied; at most `lambda_limits.async_payload`. `request_id` NULL: nobody wants it.
 * LAMBDA_ERROR_TOO_MANY_REQUESTS: the queue is full. Else LAMBDA_ERROR_RESOURCE_NOT_FOUND, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
 * LAMBDA_ERROR_REQUEST_TOO_LARGE, LAMBDA_ERROR_OUT_OF_MEMORY, and what the queue says: LAMBDA_ERROR_SERVICE for a full disk.
 * Any thread, handlers included.
 */
static inline lambda_status lambda_invoke_async(lambda_t *lambda, const char *function_name, lambda_bytes payload,
                                                const lambda_async_options *options, lambda_request_id *request_id)
{
    return lambda_invoke_async_sized(lambda, function_name, payload, options, sizeof(lambda_async_options), request_id);
}

/** As `lambda_invoke_async`, through a target; a qualifier in the options is refused. */
static inline lambda_status lambda_target_invoke_async(lambda_target *target, lambda_bytes payload,
                                                       const lambda_async_options *options,
                                                       lambda_request_id *request_id)
{
    return lambda_target_invoke_async_sized(target, payload, options, sizeof(lambda_async_options), request_id);
}

/** Most events in one batch. */
#define LAMBDA_ASYNC_BATCH_MAX 10000

/**
 * Has a function run once for each payload: all events are accepted, or none is. `options` as above; its callback is told of each.
 * `request_ids` has room for `count`, or is NULL. 0 to LAMBDA_ASYNC_BATCH_MAX of them.
 */
LAMBDA_API lambda_status lambda_invoke_async_batch_sized(lambda_t *lambda, const char *function_name,
                                                         const lambda_bytes *payloads, size_t count,
                                                         const lambda_async_options *options, size_t size,
                                                         lambda_request_id *request_ids);

/** As said above. */
static inline lambda_status lambda_invoke_async_batch(lambda_t *lambda, const char *function_name,
                                                      const lambda_bytes *payloads, size_t count,
                                                      const lambda_async_options *options,
                                                      lambda_request_id *request_ids)
{
    return lambda_invoke_async_batch_sized(lambda, function_name, payloads, count, options,
                                           sizeof(lambda_async_options), request_ids);
}

/** For a time to wait: as long as it takes. */
#define LAMBDA_WAIT_FOREVER UINT32_MAX

/**
 * Waits until an event has ended, a delivery that it led to included. Looks through the queue once to see whether it is there. With
 * LAMBDA_EXECUTOR_NONE or _HOST it runs what is due meanwhile, as lambda_pump does. LAMBDA_ERROR_TOO_MANY_REQUESTS: the time was
 * over first. An id that is not in the queue has ended, or never was: LAMBDA_OK. Refused in a handler, which may be what is waited for,
 * with LAMBDA_ERROR_INVALID_PARAMETER_VALUE; LAMBDA_ERROR_SERVICE when the service closes meanwhile.
 */
LAMBDA_API lambda_status lambda_async_wait(lambda_t *lambda, lambda_request_id request_id, uint32_t timeout_ms);

/** Waits until all events have ended, those that are accepted meanwhile included. Else as `lambda_async_wait`. */
LAMBDA_API lambda_status lambda_async_wait_all(lambda_t *lambda, uint32_t timeout_ms);

/* ---- seeing inside */

/** What asynchronous invocation has come to: what is there now, and what has happened since the service was opened. */
typedef struct lambda_async_statistics {
    uint64_t waiting;       /**< events and deliveries that can be run now */
    uint64_t delayed;       /**< those that will be, after a delay */
    uint64_t running;       /**< those that are with a worker */
    uint64_t oldest_age_ns; /**< of the oldest, since it was accepted */
    uint64_t accepted;      /**< events accepted, redriven ones and those for functions as destinations included */
    uint64_t
        succeeded; /**< events that ended well; where there is a target, once their records are delivered or given up */
    uint64_t delivered; /**< events that failed and were handed to a destination or dead-letter target */
    uint64_t dropped_retries_exhausted;     /**< events that failed and had no target */
    uint64_t dropped_event_age_exceeded;    /**< events that were too old and had no target */
    uint64_t dropped_recursive_loop;        /**< events of a loop that had no target */
    uint64_t dropped_delivery_failed;       /**< events whose last delivery failed until it was too old */
    uint64_t dropped_damaged;               /**< messages of the queue that are no events */
    uint64_t purged;                        /**< events and deliveries that `lambda_async_purge` ended */
    uint64_t retries;                       /**< attempts after a function error */
    uint64_t postponed;                     /**< attempts that were throttled or met an error of the service */
    uint64_t destination_delivery_failures; /**< deliveries to destinations that were given up */
    uint64_t dead_letter_errors;            /**< dead letters that were given up */
    uint64_t recursive_invocations_dropped; /**< events of loops, with and without target */
} lambda_async_statistics;

/** Exported form of `lambda_async_statistics_get`. */
LAMBDA_API lambda_status lambda_async_statistics_get_sized(lambda_t *lambda, lambda_async_statistics *statistics,
                                                           size_t size);

/** Reads them. Any thread. */
static inline lambda_status lambda_async_statistics_get(lambda_t *lambda, lambda_async_statistics *statistics)
{
    return lambda_async_statistics_get_sized(lambda, statistics, sizeof(lambda_async_statistics));
}

/** Where an event stands. */
typedef enum lambda_async_state {
    LAMBDA_ASYNC_WAITING = 0, /**< can be run now */
    LAMBDA_ASYNC_DELAYED = 1, /**< will be tried again */
    LAMBDA_ASYNC_RUNNING = 2, /**< is with a worker */
    LAMBDA_ASYNC_DROPPED = 3  /**< ended without anybody being told; the last 256 are remembered */
} lambda_async_state;

/** One event. Borrowed for the call, or owned by a `lambda_async_event`. */
typedef struct lambda_async_event {
    lambda_request_id request_id;     /**< the event's, of a delivery too */
    lambda_async_state state;         /**< where it stands */
    lambda_async_condition condition; /**< DROPPED: why */
    bool delivery;                    /**< it has ended, and what waits is its record or dead letter for `target` */
    const char *function_name;        /**< as it was invoked, with its qualifier */
    const char *target;               /**< of a delivery, else "" */
    uint32_t attempts;    /**< attempts so far in which the handler ran; of a delivery, attempts to deliver */
    uint64_t age_ns;      /**< since it was accepted; DROPPED: when it was dropped */
    uint64_t due_ns;      /**< DELAYED: until it is tried again, else 0 */
    lambda_bytes payload; /**< the event, or the record; DROPPED: empty */
} lambda_async_event;

/** Is shown one event: false ends the listing. With the queue's lock held: it must not call the service. */
typedef bool lambda_async_visitor(void *user, const lambda_async_event *event);

/** Shows every event of a function, or of all (`function_name` NULL), those dropped last. Any thread. */
LAMBDA_API lambda_status lambda_async_list(lambda_t *lambda, const char *function_name, lambda_async_visitor *visit,
                                           void *user);

/** One event: a copy, the caller's to free with `lambda_async_event_free`. LAMBDA_ERROR_RESOURCE_NOT_FOUND; `*event` is NULL on failure. */
LAMBDA_API lambda_status lambda_async_get(lambda_t *lambda, lambda_request_id request_id, lambda_async_event **event);

/** Frees it. NULL is allowed. Before the service closes. */
LAMBDA_API void lambda_async_event_free(lambda_async_event *event);

/**
 * Ends events and deliveries that wait or are delayed, of a function or of all (NULL); those that run go on. `purged` may be NULL.
 */
LAMBDA_API lambda_status lambda_async_purge(lambda_t *lambda, const char *function_name, uint64_t *purged);

/**
 * Takes up to `most` dead letters and failure records back from a destination, and accepts the event of each anew, with a request id of
 * its own, for the function that it came from. One that cannot be accepted stays where it is and ends the call. `redriven` may be
 * NULL. LAMBDA_ERROR_RESOURCE_NOT_FOUND for a name that has no destination, LAMBDA_ERROR_INVALID_PARAMETER_VALUE for one that
 * gives nothing back.
 */
LAMBDA_API lambda_status lambda_async_redrive(lambda_t *lambda, const char *destination, uint64_t most,
                                              uint64_t *redriven);

/* ---- closing */

/** An event that is handed back to the host, as the service that had it closes. Borrowed for the call. */
typedef void lambda_async_returner(void *user, const lambda_async_event *event);

/** How to close. Zero means the default. */
typedef struct lambda_close_options {
    uint32_t
        drain_ms; /**< let events that can be run now, or become due by then, run for so long. Default 0: not at all.
                                          LAMBDA_WAIT_FOREVER: until none is left, delayed ones included */
    lambda_async_returner *returned; /**< is handed what is left where the queue is not durable. Default none */
    void *user;                      /**< handed to it */
} lambda_close_options;

/** Exported form of `lambda_close_with`. */
LAMBDA_API uint32_t lambda_close_with_sized(lambda_t *lambda, const lambda_close_options *options, size_t size);

/**
 * As `lambda_close`, with a drain first. While it drains nothing new is accepted from the host, but from handlers. Events that run
 * when the time is over are waited for as `lambda_close` says. What is left of a queue that is not durable is handed to `returned`,
 * each once, and an ERROR line says how many nobody took; a durable queue keeps it for the next open.
 */
static inline uint32_t lambda_close_with(lambda_t *lambda, const lambda_close_options *options)
{
    return lambda_close_with_sized(lambda, options, sizeof(lambda_close_options));
}

#ifdef __cplusplus
}
#endif

#endif
