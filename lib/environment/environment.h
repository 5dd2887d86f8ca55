/*
 * Execution environments and the permits that bound them.
 *
 * An environment runs one invocation at a time. Its state is one atomic word, and whoever moves it away from idle owns it:
 *
 *     IDLE  --take-->  BUSY  --give-->  IDLE                  the warm road, one compare-and-swap each way
 *     BARE  --take-->  BUSY                                   idle, but its permit was taken for another: it needs one again
 *     IDLE or BARE  --retire-->  ENDED                        whoever retires it shuts it down
 *     BUSY  --retire-->  DOOMED  --give-->  ENDED             whoever gives it back shuts it down
 *
 * The account's concurrency limit is a number of permits. An environment keeps its permit while it is idle, so that
 * the warm road needs no shared counter; when all permits are out, one is taken from an idle environment. So at most
 * `limit` environments are busy at any time, and an invocation is throttled only when that many are.
 *
 * A version keeps all its environments in its pool, and in `warm` which one each thread gave back last. A thread takes
 * that one; if it can't, it looks through the pool, under the pool's mutex, for the idle one that was given back last.
 */
#ifndef LAMBDA_LIB_ENVIRONMENT_H
#define LAMBDA_LIB_ENVIRONMENT_H

#include <lambda/invoke.h>

#include "base/thread.h"
#include "event/event.h"
#include "registry/registry.h"

enum { LAMBDA__BUSY, LAMBDA__IDLE, LAMBDA__BARE, LAMBDA__DOOMED, LAMBDA__ENDED };

/** What a handler sees as its context is the environment itself. Parts without a remark are the owner's, who has it busy. */
struct lambda_context {
    _Atomic uint32_t state;
    bool running;              /* an invocation is under way, not a hook */
    bool initialised;          /* its init succeeded: shutdown runs */
    bool request_text_valid;   /* request_text is this invocation's */
    lambda_t *lambda;          /* never changes */
    lambda_handler *handler;   /* never changes */
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
    uint32_t permit;              /* index among the permits; guarded by their mutex */
    struct lambda_context *next;  /* in the pool; guarded by its mutex */
    struct lambda_context **link; /* what points to this one; likewise */
    char *directory;              /* /tmp; NULL until asked for */
    uint64_t started_wall;
    uint64_t id[2];
    char request_text[LAMBDA_REQUEST_ID_SIZE];
    char *arn;        /* LAMBDA__ARN_SIZE bytes, made when first asked for */
    char *log_group;  /* made when first asked for */
    char *log_stream; /* likewise */
};

typedef struct lambda_context lambda__environment;

/** Permits and what all pools share. */
typedef struct lambda__environments lambda__environments;

lambda_status lambda__environments_open(lambda_t *lambda, lambda__environments **environments);

/** The registry is closed already: no environment is left. */
void lambda__environments_close(lambda_t *lambda, lambda__environments *environments);

/** From here on nobody reads: ending environments waits for no grace period. */
void lambda__environments_closing(lambda__environments *environments);

/** Fills in the environment half of the registry's port. */
void lambda__environments_port(lambda__registry_port *port);

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

/** Runs the init hook of a new environment. */
lambda_status lambda__environment_init(lambda__environment *environment);

/** Gives a busy environment back. `keep` false: it is shut down. The invocation's leftovers were reset. */
void lambda__environment_give_slow(lambda__environment *environment, lambda__thread *thread, bool keep);

static inline void lambda__environment_give(lambda__environment *environment, lambda__thread *thread, uint64_t now,
                                            bool keep)
{
    atomic_store_explicit(&environment->released, now, memory_order_relaxed);
    /* Before it is idle: afterwards it may be gone. */
    _Atomic(void *) *slot = &environment->version->warm[thread->number % LAMBDA__WARM_SLOTS];
    uint32_t busy = LAMBDA__BUSY;
    if (LAMBDA__LIKELY(keep && atomic_load_explicit(slot, memory_order_relaxed) == environment)) {
        if (LAMBDA__LIKELY(atomic_compare_exchange_strong_explicit(&environment->state, &busy, LAMBDA__IDLE,
                                                                   memory_order_release, memory_order_relaxed)))
            return;
    }
    lambda__environment_give_slow(environment, thread, keep);
}

/** The permits: environment/permit.c. Takes one, from an idle environment if need be; false where all are busy. */
lambda_status lambda__permit_take(lambda__environment *environment, lambda__thread *thread);

/** Gives the permit of an ended environment back. */
void lambda__permit_give(lambda__environment *environment);

/** Frees what an ended environment has; its reference to the version goes last. */
void lambda__environment_free(lambda__environment *environment);

/** A new environment, busy, in no pool and without a permit; NULL when memory is out. */
lambda__environment *lambda__environment_new(lambda_t *lambda, lambda__version *version, lambda__thread *thread);

/** Runs the shutdown hook, if init succeeded. */
void lambda__environment_shutdown(lambda__environment *environment);

/** The parts of a log record that the environment knows. */
void lambda__environment_record(lambda__environment *environment, lambda_log_record *record);

struct lambda__environments {
    bool closing;                  /* set when nobody else is in a call any more */
    pthread_mutex_t permits_mutex; /* of the rest */
    lambda__environment **permits; /* who holds each permit that is out */
    size_t permits_count;          /* permits out, at most the limit */
    size_t permits_capacity;       /* of the array */
};

#endif
