/* The queue port: where accepted events wait. The core has a queue in memory; lambda/sqlite.h has one in a file. */
#ifndef LAMBDA_PORT_QUEUE_H
#define LAMBDA_PORT_QUEUE_H

#include <lambda/port/allocator.h>
#include <lambda/port/clock.h>
#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A queue keeps messages: bytes, and one word that belongs to whoever receives. A message is pushed, received, and then
 * acknowledged or retried. While it is received nobody else gets it, until the visibility time that was asked for is over: then
 * it is received again. So each message is received at least once, and more than once only where a receiver was late or died.
 * Messages come about in the order in which they were pushed; no order is promised.
 *
 * All times are durations in nanoseconds from the moment of the call, on the clock that `attach` gave: a wall clock that is set
 * does not make a message late or early. Every call may be made on any thread, several at once, but attach, which is first, and
 * close, which is last. A call that fails says why with `lambda_runtime_fail` and leaves the queue as it was.
 */

/** For a visibility time: until it is acknowledged or retried, or the queue closes. */
#define LAMBDA_QUEUE_FOREVER UINT64_MAX

/** Most messages that one receive gives. */
#define LAMBDA_QUEUE_RECEIVE_MAX 32

/** A message to be pushed. Borrowed for the call. */
typedef struct lambda_queue_entry {
    const lambda_bytes *parts; /**< the body is these, one after the other */
    size_t parts_count;        /**< number of those */
    uint64_t state;            /**< the receiver's word, kept with the message */
    uint64_t delay_ns;         /**< not received before so long from now. Default 0 */
} lambda_queue_entry;

/** A message that was received, or that is browsed. */
typedef struct lambda_queue_message {
    lambda_bytes
        body;        /**< borrowed until it is acknowledged or retried, whatever its visibility; aligned for any type */
    uint64_t state;  /**< the receiver's word */
    uint64_t age_ns; /**< since it was pushed */
    uint64_t receipt;       /**< the queue's own: which receiving of which message this is */
    uint32_t receive_count; /**< how often it was received, this time included, since the queue was opened at least */
} lambda_queue_message;

/** Where a message stands. */
typedef enum lambda_queue_standing {
    LAMBDA_QUEUE_WAITING = 0, /**< can be received now */
    LAMBDA_QUEUE_DELAYED = 1, /**< will be, after its delay */
    LAMBDA_QUEUE_RECEIVED = 2 /**< is with a receiver */
} lambda_queue_standing;

/** How many messages stand where. */
typedef struct lambda_queue_counts {
    uint64_t waiting;       /**< can be received now */
    uint64_t delayed;       /**< will be, after their delay */
    uint64_t received;      /**< are with receivers */
    uint64_t oldest_age_ns; /**< how long ago the oldest of all was pushed; 0 where there is none */
} lambda_queue_counts;

/** What a queue is given by the service that it becomes part of. Copied by `attach`. */
typedef struct lambda_queue_host {
    lambda_t *lambda;           /**< for `lambda_runtime_fail` */
    lambda_allocator allocator; /**< complete; valid until the queue is closed */
    lambda_clock clock;         /**< complete; likewise */
    void (*ready)(
        void *user); /**< to be called when a message can be received that nobody here pushed; with no lock held */
    void *user;      /**< handed to it */
} lambda_queue_host;

/**
 * Looks at one message of a browse: false ends it. With the queue's lock held: it must not call the queue. `message->receipt`
 * is 0. `due_ns` is how long until a delayed message can be received, else 0.
 */
typedef bool lambda_queue_visitor(void *user, const lambda_queue_message *message, lambda_queue_standing standing,
                                  uint64_t due_ns);

/** A queue. All zero: none. The library copies the struct. */
typedef struct lambda_queue {
    /** The service opens. Once, before all others. NULL: nothing is needed. */
    lambda_status (*attach)(void *user, const lambda_queue_host *host);
    /**
     * Adds messages, all or none, and returns when they are as safe as this queue makes them. LAMBDA_ERROR_TOO_MANY_REQUESTS
     * where it is full; LAMBDA_ERROR_REQUEST_TOO_LARGE for a body, or for more messages, than there would ever be room for.
     */
    lambda_status (*push)(void *user, const lambda_queue_entry *entries, size_t count);
    /**
     * Gives up to `capacity` messages (at most LAMBDA_QUEUE_RECEIVE_MAX are given) that nobody else gets for `visible_ns`;
     * `*count` is 0 where there is none. Never waits.
     */
    lambda_status (*receive)(void *user, lambda_queue_message *messages, size_t capacity, uint64_t visible_ns,
                             size_t *count);
    /**
     * Ends received messages for good and adds others in the same step: both or neither, `entries` as for push but never refused
     * because the queue is full. LAMBDA_ERROR_RESOURCE_NOT_FOUND where the visibility of one was over and it is no longer the
     * receiver's: the others are ended, nothing is added if `count` is 1. Returns when that is as safe as a push.
     */
    lambda_status (*acknowledge)(void *user, const lambda_queue_message *messages, size_t count,
                                 const lambda_queue_entry *entries, size_t entries_count);
    /**
     * Gives a received message back with another word: it is received again, but not before `delay_ns` from now. Where it fails it
     * stays received. LAMBDA_ERROR_RESOURCE_NOT_FOUND where its visibility was over.
     */
    lambda_status (*retry)(void *user, const lambda_queue_message *message, uint64_t state, uint64_t delay_ns);
    /** Has received messages stay the receiver's for `visible_ns` from now. LAMBDA_ERROR_RESOURCE_NOT_FOUND as for retry. */
    lambda_status (*extend)(void *user, const lambda_queue_message *messages, size_t count, uint64_t visible_ns);
    /** How long until a message can be received: 0 now, UINT64_MAX where none is known to come. Cheap; may say 0 too early. */
    uint64_t (*next_due)(void *user);
    /** Counts. */
    lambda_status (*counts)(void *user, lambda_queue_counts *counts);
    /** Shows every message, the oldest first as far as that is known. */
    lambda_status (*browse)(void *user, lambda_queue_visitor *visit, void *visit_user);
    /**
     * Ends messages that wait or are delayed, those for which `chosen` is true (NULL: all); `*count` says how many. Received ones
     * stay. `chosen` is called as a visitor is.
     */
    lambda_status (*purge)(void *user, lambda_queue_visitor *chosen, void *chosen_user, uint64_t *count);
    /** The service closes: nothing of the host's may be used afterwards. What is on disk stays there. */
    void (*close)(void *user);
    void *user; /**< handed to all of them */
    /** What is left when it is closed is there at the next open; else the service hands it back to the host. */
    bool durable;
    /**
     * Others receive from it too, who may end without this process: the service then asks for a finite visibility time and extends it.
     * False: what was received stays the service's until it ends.
     */
    bool shared;
} lambda_queue;

/** Options of a queue in memory. Zero means the default. */
typedef struct lambda_queue_memory_options {
    uint64_t max_messages; /**< where there are so many, a push is refused. Default 1,000,000 */
    uint64_t max_bytes;    /**< of memory that holds messages; a push that needs more is refused. Default 1 GiB */
} lambda_queue_memory_options;

/** Exported form of `lambda_queue_memory_open`. */
LAMBDA_API lambda_status lambda_queue_memory_open_sized(const lambda_queue_memory_options *options, size_t size,
                                                        lambda_queue *queue);

/**
 * Makes a queue in memory: no lock that all threads share on the usual road, no allocation for a message. `options` NULL: all
 * defaults. `*queue` is all zero on failure; else it is given to a service in `lambda_options.queue` or to
 * `lambda_destination_register_queue`, which closes it, or is closed by the caller with its own `close`. Uses malloc until it is
 * attached. LAMBDA_ERROR_OUT_OF_MEMORY, LAMBDA_ERROR_INVALID_PARAMETER_VALUE.
 */
static inline lambda_status lambda_queue_memory_open(const lambda_queue_memory_options *options, lambda_queue *queue)
{
    return lambda_queue_memory_open_sized(options, sizeof(lambda_queue_memory_options), queue);
}

#ifdef __cplusplus
}
#endif

#endif
