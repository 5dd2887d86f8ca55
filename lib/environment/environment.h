/*
 * Execution environments, the pools they stand in, and the permits that bound them.
 *
 * An environment runs one invocation at a time. Its state is one atomic word, and whoever moves it away from idle owns it:
 *
 *     IDLE  --take-->  BUSY  --give-->  IDLE                  the warm road, one compare-and-swap each way
 *     BARE  --take-->  BUSY                                   idle, but without a permit: it needs one first
 *     BUSY  --limit lowered-->  SURPLUS  --give-->  BARE      its permit is one too many: it is dropped on return
 *     IDLE or BARE  --retire-->  ENDED                        whoever retires it shuts it down
 *     BUSY or SURPLUS  --retire-->  DOOMED  --give-->  ENDED  whoever gives it back shuts it down
 *
 * Concurrency is a number of permits: the account's, or those of a function with reserved concurrency. An environment keeps
 * its permit while it is idle, so that the warm road needs no shared counter; when all permits are out, one is taken from
 * an idle environment. So at most `limit` environments are busy at any time, and an invocation is throttled only when
 * that many are. A provisioned environment needs none: room for it was set aside when it was configured.
 *
 * A version keeps all its environments in its pool, and in `warm` which one each thread gave back last. A thread takes
 * that one; if it can't, it looks through the pool, under the pool's mutex, for the idle one that was given back last.
 *
 * Locks are taken in this order: environments, then pool. No hook and no port but the allocator's runs under either.
 */
#ifndef LAMBDA_LIB_ENVIRONMENT_H
#define LAMBDA_LIB_ENVIRONMENT_H

#include <lambda/concurrency.h>
#include <lambda/invoke.h>

#include "base/agenda.h"
#include "base/thread.h"
#include "environment/heap.h"
#include "event/event.h"
#include "observe/log/log.h"
#include "observe/trace/tree.h"
#include "registry/registry.h"

enum { LAMBDA__BUSY, LAMBDA__IDLE, LAMBDA__BARE, LAMBDA__SURPLUS, LAMBDA__DOOMED, LAMBDA__ENDED };

/** One invocation and what led to it: how deep it is nested, and whether it goes in a loop. */
typedef struct lambda__chain {
    const struct lambda__chain *parent; /* NULL: the host began it */
    uint64_t function;                  /* its identity; LAMBDA__ORIGIN: this is a lambda__origin */
    uint32_t depth;                     /* invocations from the host's to this one, itself included */
} lambda__chain;

/** A function among those that led to an event, and how often it did. */
typedef struct lambda__ancestor {
    uint64_t function; /* its identity */
    uint64_t times;
} lambda__ancestor;

/** Functions that an event remembers; where more led to it, those that did least are forgotten. */
#define LAMBDA__LINEAGE_MAX 16

/** Where a chain begins that an event began which other invocations led to. */
#define LAMBDA__ORIGIN 0
typedef struct lambda__origin {
    lambda__chain chain; /* first */
    uint32_t count;
    lambda__ancestor lineage[LAMBDA__LINEAGE_MAX];
} lambda__origin;

/** How an invocation went, until it is reported. */
typedef struct lambda__outcome {
    lambda_status status;   /* of the handler or the init hook */
    uint32_t failures;      /* the thread's, before: tells whether a message was set */
    bool cold;              /* the environment was new */
    bool init_failed;       /* the handler did not run */
    bool timed_out;         /* it took longer than it may */
    bool failed;            /* it is a function error */
    uint64_t init_duration; /* ns */
    uint64_t duration;      /* ns */
} lambda__outcome;

/** What an init hook said of its failure: lambda_context_init_error. One allocation. */
typedef struct lambda__init_error {
    lambda_bytes payload; /* empty: it is made of the type and the thread's message */
    char type[];
} lambda__init_error;

/** What is told of an environment's invocations. */
enum { LAMBDA__OBSERVE_LOGS = 1, LAMBDA__OBSERVE_METRICS = 2, LAMBDA__OBSERVE_TRACES = 4, LAMBDA__OBSERVE_TAIL = 8 };

/** What a handler sees as its context is the environment itself. Parts without a remark are the owner's, who has it busy. */
struct lambda_context {
    _Atomic uint32_t state;
    bool running;              /* an invocation is under way, not a hook */
    bool initialised;          /* its init succeeded: shutdown runs */
    bool request_text_valid;   /* request_text is this invocation's */
    bool broken;               /* lambda_context_retire: not to be used again */
    bool for_provisioned;      /* never changes: it was started as a provisioned one */
    bool initialising;         /* its init hook runs */
    uint8_t observe;           /* LAMBDA__OBSERVE_, what is told of it. 0: nothing. Changes only for a tail */
    uint8_t log_level;         /* of the handler's lines; OFF where there is no sink. Likewise */
    uint8_t system_log_level;  /* of the platform's; likewise */
    _Atomic bool provisioned;  /* it is one; written under the environments' mutex */
    lambda_t *lambda;          /* never changes */
    lambda_handler *handler;   /* never changes, but while its response is read as a stream: invoke/special.c */
    void *user;                /* never changes */
    uint64_t timeout_ns;       /* never changes */
    lambda__version *version;  /* never changes; holds a reference */
    void *host_state;          /* lambda_context_state */
    uint64_t start;            /* of the invocation, monotonic */
    _Atomic uint64_t released; /* when it was last given back, monotonic */
    lambda_request_id request_id;
    const char *qualifier; /* as invoked, qualifier_length of it; NULL for none */
    size_t qualifier_length;
    const lambda_invoke_options *options; /* as invoked, or NULL */
    lambda_event event;
    lambda_response response;
    lambda__chain chain;
    lambda__heap heap;                      /* lambda_context_alloc */
    struct lambda__meter *meter;            /* of who reported last: observe/metrics/metrics.h. NULL until then */
    struct lambda__worker *worker;          /* never changes; NULL with INLINE isolation: environment/worker.h */
    struct lambda__permits *permits;        /* whose permit it has; NULL: none. Guarded by the environments' mutex */
    uint32_t permit;                        /* index among those; likewise */
    lambda_shutdown_reason shutdown_reason; /* set before shutdown */
    struct lambda_context *next;            /* in the pool; guarded by its mutex */
    struct lambda_context **link;           /* what points to this one; likewise */
    char *directory;                        /* /tmp; NULL until asked for */
    uint64_t started_wall;
    uint64_t id[2];
    char request_text[LAMBDA_REQUEST_ID_SIZE];
    bool arn_given;                         /* a test's: `arn` is not made of the invocation */
    char *arn;                              /* LAMBDA__ARN_SIZE bytes, made when first asked for */
    _Atomic(char *) log_group;              /* made when first asked for; also by a caller that leaves */
    _Atomic(char *) log_stream;             /* likewise */
    uint64_t start_wall;                    /* wall clock at the invocation's start, where it was logged; else 0 */
    lambda__buffer line;                    /* the handler's: memory of longer log lines */
    lambda__tail tail;                      /* of an invocation that wants it */
    char error_type[LAMBDA__LOG_TYPE_SIZE]; /* of an invocation that failed and is logged; else not looked at */
    lambda__trace *trace; /* never changes: of its invocations, one after the other; NULL where they are not traced */
    char *trace_text; /* of a caller's header in the other form, where they are not traced; made when first asked for */
    uint64_t hook_until; /* of the init or shutdown hook that runs, or ran last: when its time is over, monotonic */
    lambda__init_error *init_error; /* of the init that failed last; NULL: it said nothing */
};

typedef struct lambda_context lambda__environment;

typedef struct lambda__environments lambda__environments;

lambda_status lambda__environments_open(lambda_t *lambda, const lambda_options *options,
                                        lambda__environments **environments);

/** The registry is closed already: no environment is left. */
void lambda__environments_close(lambda_t *lambda, lambda__environments *environments);

/** From here on no environment is started or given to an invocation, and retired ones end because of the close. */
void lambda__environments_closing(lambda_t *lambda);

/** Fills in the environment half of the registry's port. */
void lambda__environments_port(lambda__registry_port *port);

/** After all functions are gone: says in the log which environments still run. How many those are. */
uint32_t lambda__environments_abandon(lambda_t *lambda);

/**
 * In a read section: the environment of this version that the thread gave back last, now busy, or NULL. With `*bare` it has
 * no permit yet: leave the section, then lambda__environment_permit.
 */
static inline lambda__environment *lambda__environment_take_warm(lambda__version *version, const lambda__thread *thread,
                                                                 bool *bare)
{
    _Atomic(void *) *slot = &version->warm[thread->number % LAMBDA__WARM_SLOTS];
    lambda__environment *environment = atomic_load_explicit(slot, memory_order_acquire);
    if (!environment) return NULL;
    uint32_t state = atomic_load_explicit(&environment->state, memory_order_relaxed);
    if (state != LAMBDA__IDLE && state != LAMBDA__BARE) return NULL;
    *bare = state == LAMBDA__BARE;
    return atomic_compare_exchange_strong_explicit(&environment->state, &state, LAMBDA__BUSY, memory_order_acquire,
                                                   memory_order_relaxed)
               ? environment
               : NULL;
}

/** A permit for a busy environment that was bare. TooManyRequests: there is none; the environment is idle again. */
lambda_status lambda__environment_permit(lambda__environment *environment, lambda__thread *thread);

/**
 * The slow road, outside of read sections, the caller holding a reference to the version: an idle environment, or a new one
 * (`*cold`, not initialised yet). LAMBDA_OK with NULL: the version was retired meanwhile, look the name up again.
 */
lambda_status lambda__environment_take(lambda_t *lambda, lambda__version *version, lambda__thread *thread,
                                       lambda__environment **environment, bool *cold);

/** Runs the init hook of a new environment, whose time is over at `until`. */
lambda_status lambda__environment_init(lambda__environment *environment, uint64_t until);

/** The error's type where the init hook failed. Borrowed. */
static inline const char *lambda__environment_init_error_type(const lambda__environment *environment)
{
    return environment->init_error ? environment->init_error->type : "Runtime.InitError";
}

/** Gives a busy environment back. `reason` NULL: to be used again, else why it is shut down. Leftovers were reset. */
void lambda__environment_give_slow(lambda__environment *environment, lambda__thread *thread,
                                   const lambda_shutdown_reason *reason);

/** Tells those who wait for concurrency that some may be free. */
void lambda__environments_freed(lambda__environments *environments);

struct lambda__environments {
    _Atomic uint32_t waiting; /* callers that wait for concurrency */
    _Atomic uint32_t freed;   /* changes when some may be free, if anybody waits */
    _Atomic bool closing;
    uint64_t idle_timeout_ns;
    pthread_mutex_t mutex; /* of the rest, and of all permits */
    struct lambda__permits *account;
    uint32_t set_aside;         /* of the account's concurrency, for functions' own */
    struct lambda__pool *pools; /* those with environments, and some without */
    lambda__task sweep;         /* retires the idle */
    _Atomic bool sweeping;      /* it is scheduled, or runs */
    struct lambda__job *jobs;   /* environments to start ahead, first in, first out */
    struct lambda__job **jobs_end;
    _Atomic uint32_t jobs_count;
    uint32_t starters;    /* pieces of work that take jobs */
    lambda__task starter; /* takes jobs where there is no executor */
};

static inline void lambda__environment_give(lambda__environment *environment, lambda__thread *thread, uint64_t now)
{
    lambda__environments *environments = environment->lambda->environments;
    atomic_store_explicit(&environment->released, now, memory_order_relaxed);
    /* Before it is idle: afterwards it may be gone. */
    _Atomic(void *) *slot = &environment->version->warm[thread->number % LAMBDA__WARM_SLOTS];
    uint32_t busy = LAMBDA__BUSY;
    if (LAMBDA__LIKELY(atomic_load_explicit(slot, memory_order_relaxed) == environment)) {
        /* Sequentially consistent with `waiting`: either this sees who waits, or who waits sees this one idle. */
        if (LAMBDA__LIKELY(atomic_compare_exchange_strong_explicit(&environment->state, &busy, LAMBDA__IDLE,
                                                                   memory_order_seq_cst, memory_order_relaxed))) {
            if (LAMBDA__UNLIKELY(atomic_load_explicit(&environments->waiting, memory_order_seq_cst)))
                lambda__environments_freed(environments);
            return;
        }
    }
    lambda__environment_give_slow(environment, thread, NULL);
}

/** Ends a busy environment. */
static inline void lambda__environment_end(lambda__environment *environment, lambda__thread *thread,
                                           lambda_shutdown_reason reason)
{
    lambda__environment_give_slow(environment, thread, &reason);
}

/** A new environment, busy, in no pool and without a permit; NULL when memory is out. */
lambda__environment *lambda__environment_new(lambda_t *lambda, lambda__version *version, lambda__thread *thread);

/** Runs the shutdown hook, if init succeeded. */
void lambda__environment_shutdown(lambda__environment *environment);

/** Frees what an ended environment has; its reference to the version goes last. */
void lambda__environment_free(lambda__environment *environment);

/** True if a line of the platform about the environment, of that level, is to be written. */
static inline bool lambda__environment_logs(const lambda__environment *environment, lambda_log_level level)
{
    return level >= (lambda_log_level)environment->system_log_level;
}

/**
 * The trace of what runs in a chain, sampled or not; NULL where nothing runs, or what runs is not traced: what that invokes begins anew. `chain` is a
 * thread's own, never a copy.
 */
static inline lambda__trace *lambda__chain_trace(const lambda__chain *chain)
{
    if (!chain || chain->function == LAMBDA__ORIGIN) return NULL;
    const char *environment = (const char *)chain - offsetof(lambda__environment, chain);
    return ((const lambda__environment *)(const void *)environment)->trace;
}

/**
 * True if the invocation that the environment runs is sampled: its trace, and the id of its own span. From when the handler, or on a cold start its
 * init, is about to run until the invocation has been reported; on the handler's thread and on the caller's.
 */
static inline bool lambda__trace_sampled(const lambda__environment *environment, lambda_trace_id *trace_id,
                                         uint64_t *span_id)
{
    const lambda__trace *trace = environment->trace;
    if (!lambda__trace_records(trace) || !trace->begun) return false;
    *trace_id = trace->context.trace_id;
    *span_id = trace->id;
    return true;
}

/** Most bytes that it had at once of lambda_context_alloc, or LAMBDA_MEMORY_UNKNOWN. Also while a late handler runs. */
static inline uint64_t lambda__environment_max_memory(const lambda__environment *environment)
{
    return lambda__heap_most(&environment->heap);
}

/** Chooses the environment's log levels and whether its invocations are logged; `heard`: somebody collects the tail. */
void lambda__environment_hear(lambda__environment *environment, bool heard);

/** Says that the environment starts: before its init, once. */
void lambda__environment_tell_start(lambda__environment *environment);

/** Where the environment's lines go. */
lambda__log_out lambda__environment_out(lambda__environment *environment);

/** The parts of a log record that the environment knows. */
void lambda__environment_record(lambda__environment *environment, lambda_log_record *record);

/** After an invocation: true if what its directory holds is more than the function may store. Says so in the log. */
bool lambda__environment_storage_exceeded(lambda__environment *environment);

#endif
