/*
 * Asynchronous invocation: what its files share.
 *
 *     accept.c   an event is checked, given an id, and pushed
 *     wake.c     who is awake when: threads, pieces of work of a host's executor, or lambda_pump
 *     worker.c   receiving some and running them
 *     steal.c    what a worker has received and not begun is taken over from one that is busy for long
 *     settle.c   what becomes of an event that was run: acknowledged, retried, handed on or dropped
 *     deliver.c  telling the targets of an event that has ended
 *     keep.c     what must be written to the queue even if the disk is full just now
 *     wait.c     who waits for an event, or for all
 *     look.c     counting, listing and purging; redrive.c takes back what was handed on
 *     life.c     opening, draining, handing back what is left, closing
 *
 * A message is received by one worker, which ends it in exactly one way: lambda__async_keep with an end or a retry. Nobody is told that an
 * event has ended before the queue keeps that.
 *
 * Workers. `active` are those that are awake: while there is one, a producer wakes nobody, as who is awake looks again before
 * it sleeps. That it may be busy for long with one event is seen by the watch, a task of the agenda, which wakes another when events wait.
 */
#ifndef LAMBDA_LIB_ASYNC_H
#define LAMBDA_LIB_ASYNC_H

#include <lambda/async.h>
#include <lambda/port/destination.h>

#include "async/message.h"
#include "base/agenda.h"
#include "base/latch.h"
#include "invoke/invoke.h"

/** Events that ended without anybody being told are remembered, so many. */
#define LAMBDA__DROPPED_MAX 256

typedef struct lambda__dropped {
    lambda_request_id request_id;
    lambda_async_condition condition;
    uint32_t attempts;
    uint64_t when; /* monotonic */
    char function_name[LAMBDA__MESSAGE_NAME_SIZE];
} lambda__dropped;

typedef struct lambda__waiter lambda__waiter;

typedef struct lambda__async {
    lambda_queue queue;
    uint64_t visible_ns; /* asked for at each receive */
    uint32_t most;       /* workers */
    bool threads;        /* they are the library's own, and live on */
    bool fenced;         /* a push ends in a full fence */
    _Alignas(LAMBDA__CACHE_LINE) _Atomic uint32_t active;
    _Atomic uint32_t watched;   /* the watch is set, or what stands for it where there are no threads */
    _Atomic uint32_t stopping;  /* nothing is received any more; a word to wait on */
    _Atomic uint32_t closing;   /* the host may push no more */
    _Atomic uint32_t want_room; /* who waits for the queue to have room */
    _Atomic uint32_t want_end;  /* who waits for it to become empty */
    _Atomic uint32_t waiters;   /* entries of the table */
    _Alignas(LAMBDA__CACHE_LINE) _Atomic uint32_t changed; /* told to those; a word to wait on */
    _Atomic uint32_t wakes;                                /* workers that may wake up; a word to wait on */
    _Atomic uint32_t asleep;
    _Atomic uint32_t started;             /* threads, or pieces of work */
    lambda__task task;                    /* the watch; what is delayed; with no executor, all */
    pthread_mutex_t mutex;                /* of the rest */
    struct lambda__async_worker *workers; /* threads that may have more than they have begun: async/steal.c */
    lambda_queue_message *stolen;         /* what was taken over from one; NULL until the first */
    _Atomic size_t stolen_count;          /* written under the mutex */
    lambda__waiter **table;               /* by request id, chained */
    size_t table_size;                    /* a power of two, or 0 */
    lambda__dropped *dropped;             /* a ring; NULL until the first */
    uint64_t dropped_count;
} lambda__async;

/* ---- async/accept.c */

/** What is accepted: the same for each of a batch. */
typedef struct lambda__acceptance {
    lambda__event_message message;        /* all but the payload and the id */
    char trace[LAMBDA_TRACE_HEADER_SIZE]; /* where its header is, if it was made here */
    uint32_t wait_ms;
    lambda_async_callback *callback;
    void *user;
} lambda__acceptance;

/** Nothing but the name. What only a delivery has is not set. */
static inline void lambda__acceptance_begin(lambda__acceptance *acceptance, const lambda__name *name)
{
    acceptance->message.head = (lambda__message_head){0};
    acceptance->message.name = *name;
    acceptance->message.trace_id = NULL;
    acceptance->message.client_context = lambda_bytes_make(NULL, 0);
    acceptance->wait_ms = 0;
    acceptance->callback = NULL;
}

/** Pushes an event for each payload, all or none. */
lambda_status lambda__async_accept(lambda_t *lambda, lambda__thread *thread, lambda__acceptance *acceptance,
                                   const lambda_bytes *payloads, size_t count, lambda_request_id *ids);

/** Handlers may push while the service drains; nobody may once it has stopped. */
bool lambda__async_closed(const lambda__async *async, const lambda__thread *thread);

/** Is there a function, version or alias of that name? */
bool lambda__async_exists(lambda_t *lambda, lambda__thread *thread, const lambda__name *name);

/** The message of an event with this payload, for entries that go with an acknowledgement; its id is new. */
void lambda__async_event(lambda__thread *thread, const lambda__name *name, lambda_bytes payload,
                         lambda__event_message *message);

/** The message is for a function that is told of what came of `parent`: its lineage, kept in `origin`, is that one's and its function. */
void lambda__async_descend(lambda_t *lambda, lambda__thread *thread, lambda__event_message *message,
                           const lambda__event_message *parent, lambda__origin *origin);

/* ---- async/worker.c */

/**
 * Messages that a worker has at once. One that is durable pays for each time something is acknowledged, so that more go
 * together there.
 */
enum { LAMBDA__WORKER_MOST = LAMBDA_QUEUE_RECEIVE_MAX, LAMBDA__WORKER_MOST_DURABLE = 8 * LAMBDA_QUEUE_RECEIVE_MAX };

/** One that receives: its memory is used again from event to event. */
typedef struct lambda__async_worker {
    lambda_t *lambda;
    lambda__thread *thread;
    lambda_queue_message messages[LAMBDA__WORKER_MOST_DURABLE];
    size_t count;           /* received */
    size_t first;           /* the first that is not given back yet */
    size_t at;              /* the one that is run now */
    size_t begun;           /* those before it are this worker's to run: async/steal.c */
    uint64_t batch;         /* number of the batch */
    _Atomic uint64_t claim; /* what others see of these */
    lambda__latch latch;    /* of the messages' end, and of `first` */
    uint64_t seen;          /* what the watch saw last; under the mutex, as what follows */
    size_t begun_seen;
    struct lambda__async_worker *next;
    struct lambda__async_worker *previous;
    size_t capacity;                       /* of the next receive */
    uint64_t received;                     /* when, monotonic */
    uint64_t now;                          /* the clock's reading just now; 0: none */
    uint64_t ran;                          /* ns of handlers since then */
    uint64_t spent;                        /* the same, since their visibility was extended last */
    uint64_t kept;                         /* of those, when the last was given back */
    bool failed;                           /* nothing could be received: not to be tried again at once */
    lambda__environment *kept_environment; /* from one event of a function to the next: invoke/invoke.h */
    lambda_result result;
    lambda__buffer record; /* of deliveries */
} lambda__async_worker;

/** Starts and ends what has a worker's memory. */
void lambda__async_worker_begin(lambda__async_worker *worker, lambda_t *lambda, lambda__thread *thread,
                                size_t capacity);
void lambda__async_worker_end(lambda__async_worker *worker);

/** Receives and runs some events on this thread. False if there was none. */
bool lambda__async_work(lambda__async_worker *worker);

/* ---- async/steal.c */

/** The worker's batches may be taken over, from here on or no longer. */
void lambda__async_worker_list(lambda__async_worker *worker);
void lambda__async_worker_unlist(lambda__async_worker *worker);

/** The batch is over: nobody looks at its messages any more. */
void lambda__async_batch_end(lambda__async_worker *worker);

/** Says that the next event is begun. False: it and those after it were taken over, the batch ends before it. */
bool lambda__async_begin_next(lambda__async_worker *worker);

/** What was run and is to be given back, up to `end`, is the caller's to give back: from which on. */
size_t lambda__async_take_done(lambda__async_worker *worker, size_t end);

/**
 * Takes over what a worker has not begun, and gives back what it has run, where it stands as it stood at the last call. True while there
 * is something to be looked at later.
 */
bool lambda__async_look_behind(lambda_t *lambda);

/** Some of what was taken over, as if they were received; how many. */
size_t lambda__async_take_stolen(lambda__async_worker *worker);

/** No worker is left: what was taken over waits in the queue again. */
void lambda__async_return_stolen(lambda_t *lambda);

/* ---- async/wake.c */

/** Until something can be received: 0 now, UINT64_MAX: nothing is known to come. */
static inline uint64_t lambda__async_due_in(const lambda__async *async)
{
    if (LAMBDA__UNLIKELY(atomic_load_explicit(&async->stolen_count, memory_order_acquire) > 0)) return 0;
    return async->queue.next_due(async->queue.user);
}

/** True once nothing is received any more. */
static inline bool lambda__async_stops(const lambda__async *async)
{
    return atomic_load_explicit(&async->stopping, memory_order_acquire) != 0;
}

/** After something was pushed: sees to it that somebody receives. */
void lambda__async_tell(lambda_t *lambda, lambda__thread *thread);

/** After something was delayed: sees to it that somebody receives when it is due. */
void lambda__async_due(lambda_t *lambda);

/** Has one more worker awake, if there is any. */
bool lambda__async_wake(lambda_t *lambda);

/** Has the task look in a moment whether a worker is busy for long. */
void lambda__async_watch(lambda_t *lambda);

/** Has the task look again in a second. */
void lambda__async_again(lambda_t *lambda);

/** The queue's own `ready`: somebody else has pushed. */
void lambda__async_ready(void *user);

/** The task: what waits is seen to. */
void lambda__async_run(lambda__base *base, lambda__task *task);

/** Tells workers that sleep to look: they stop. */
void lambda__async_stop(lambda_t *lambda);

/* ---- async/settle.c: the event at `worker->at` */

/** It was run, or could not be, with that status. */
void lambda__async_settle(lambda__async_worker *worker, lambda__event_message *message, lambda_status status);

/** Is not an event: it is dropped. */
void lambda__async_drop_damaged(lambda__async_worker *worker);

/** Who an event is, for when its message is no more: before it is given back. */
static inline lambda__dropped lambda__async_identify(const lambda__event_message *message)
{
    lambda__dropped event = {.request_id = message->head.request_id};
    lambda__message_name(message, event.function_name);
    return event;
}

/** Counts events that ended without anybody being told, or takes that back. */
void lambda__async_count_dropped(lambda__thread *thread, lambda_async_condition condition, uint64_t by);

/** Remembers one that was counted, once that it has ended is kept, and says so in its log. */
void lambda__async_dropped(lambda_t *lambda, lambda__thread *thread, lambda__dropped *dropped);

/** Wait before the next attempt of what could not run so often in a row: 1 s, twice as long each time, up to 5 min. */
uint64_t lambda__async_backoff(uint32_t postponed);

/* ---- async/deliver.c */

/** Tells the targets of a delivery. */
void lambda__async_deliver(lambda__async_worker *worker, lambda__event_message *message);

/** The ARN of what a message invoked. */
void lambda__async_arn(const lambda_t *lambda, const lambda__event_message *message, char arn[LAMBDA__ARN_SIZE]);

/** Renders the record that a message's end is told with. False when memory is out. */
bool lambda__async_record(lambda_t *lambda, const lambda__event_message *message, lambda__buffer *record);

/* ---- async/keep.c: what is told to the queue is tried until it is kept, or the service closes. False: it is not. */

bool lambda__async_keep_end(lambda__async_worker *worker, size_t first, size_t count, const lambda_queue_entry *entries,
                            size_t entries_count);
bool lambda__async_keep_retry(lambda__async_worker *worker, size_t at, lambda__tries tries, uint64_t delay_ns);

/** Gives back those that were run and need nothing more, up to the one at `worker->at`. */
bool lambda__async_flush(lambda__async_worker *worker);

/* ---- async/wait.c */

/** Has a callback told of an event; before it is pushed. */
lambda_status lambda__async_expect(lambda_t *lambda, lambda_request_id id, lambda_async_callback *callback, void *user);
void lambda__async_forget(lambda_t *lambda, lambda_request_id id);

/** Tells who waits for the event. It is kept. */
void lambda__async_ended(lambda_t *lambda, const lambda_async_outcome *outcome);

/** True if somebody waits for something: what has ended must be told of at once. */
static inline bool lambda__async_awaited(const lambda__async *async)
{
    return atomic_load_explicit(&async->waiters, memory_order_seq_cst) > 0;
}

/** Waits until none is left; with `only_due`, or none that is due by then. */
lambda_status lambda__async_wait_all(lambda_t *lambda, uint32_t timeout_ms, bool only_due);

/** Tells those who wait for room, if there are any. After something was given back. */
void lambda__async_change(lambda_t *lambda);

/** Tells those who wait for the end of all, if there are any. After there was nothing to receive, and after a purge. */
void lambda__async_idle(lambda_t *lambda);

/** Tells all who wait to look again: there is something due that they may have to do, or the service stops. */
void lambda__async_change_all(lambda_t *lambda);

/** Counts this thread's call among those that a close waits for; the other one is the call's last touch of the service. */
static inline void lambda__async_call_begin(lambda__thread *thread)
{
    uint32_t depth = atomic_load_explicit(&thread->depth, memory_order_relaxed);
    atomic_store_explicit(&thread->depth, depth + 1, memory_order_relaxed);
}

static inline void lambda__async_call_end(lambda__thread *thread)
{
    uint32_t depth = atomic_load_explicit(&thread->depth, memory_order_relaxed);
    atomic_store_explicit(&thread->depth, depth - 1, memory_order_release);
}

/** Waits until `changed` is no longer `seen`, or `until`; does what is due meanwhile where nobody else would. */
void lambda__async_pause(lambda_t *lambda, uint32_t seen, uint64_t until);

/** Shows one message that was taken apart as an event. */
void lambda__async_show(const lambda_queue_message *message, const lambda__event_message *read,
                        lambda_async_state state, uint64_t due_ns, lambda_async_visitor *visit, void *user,
                        bool *goes_on);

/* ---- async/life.c: in this order */

lambda_status lambda__async_open(lambda_t *lambda, const lambda_options *options, lambda__async **async);

/** The service is open: what is in the queue already is seen to in a second, or with the first push. */
void lambda__async_begin(lambda_t *lambda);

/** From here on the host may push no more: runs what there is, for so long. */
void lambda__async_drain(lambda_t *lambda, uint32_t drain_ms);

/** After the workers have ended: hands back what a queue that is not durable still has, and tells who waits. */
void lambda__async_return(lambda_t *lambda, lambda_async_returner *returned, void *user);

/** No worker is left. */
void lambda__async_close(lambda_t *lambda, lambda__async *async);

/** Tells all who are left that the service closes, and frees the table. */
void lambda__async_waiters_end(lambda_t *lambda);

#endif
