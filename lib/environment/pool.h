/* What the files of the environment floor share: pools, permits, and what a function has of its own. */
#ifndef LAMBDA_LIB_POOL_H
#define LAMBDA_LIB_POOL_H

#include "environment/environment.h"

/** A version's environments. `mutex` guards `first`, `closed` and the links; the rest is the environments' mutex's. */
typedef struct lambda__pool {
    pthread_mutex_t mutex;
    lambda__environment *first;
    bool closed; /* the version is retired: no environment joins any more */
    bool listed; /* among the service's pools */
    struct lambda__pool *next;
    struct lambda__pool **link;
    lambda__version *version; /* whose it is; no reference */
    uint32_t provisioned_wanted;
    uint32_t provisioned; /* ready */
    uint32_t starting_provisioned;
    uint32_t starting_spare;
    bool provisioning_failed; /* the last one that was started failed */
    char failure[120];        /* why */
} lambda__pool;

/** The version's pool, made at its first use; NULL when memory is out. */
lambda__pool *lambda__pool_of(lambda_t *lambda, lambda__version *version);

/** ResourceNotReady where the version's code is unbound; no environment of it is ever made. */
lambda_status lambda__version_ready(lambda_t *lambda, const lambda__version *version);

/** Puts a busy environment into its pool; false if the pool is closed. */
bool lambda__pool_join(lambda__pool *pool, lambda__environment *environment);

/** Under both mutexes: adds the pool to the service's list, or takes it away. */
void lambda__pool_list(lambda__environments *environments, lambda__pool *pool);
void lambda__pool_unlist(lambda__pool *pool);

/** True if the environment was idle, and is now ended and the caller's to shut down; a busy one is doomed. */
bool lambda__environment_retire(lambda__environment *environment, lambda_shutdown_reason reason);

/** Takes an environment out of its pool's list. Under the pool's mutex. */
void lambda__pool_unlink(lambda__environment *environment);

/** Shuts down and frees environments that were retired and unlinked, chained by `next`. */
void lambda__environments_end(lambda_t *lambda, lambda__environment *ended);

/** On its own worker: the same for one. */
void lambda__environment_end_here(lambda__environment *environment);

/** The task that retires idle environments: environment/sweep.c. */
void lambda__sweep(lambda__base *base, lambda__task *task);

/* ---- permits: environment/permit.c. All under the environments' mutex unless they say otherwise. */

typedef struct lambda__permits {
    uint32_t limit;
    bool reserved;                 /* a function's own */
    lambda__environment **holders; /* who has those that are out: the first `count` */
    size_t count;                  /* more than the limit only while some are surplus */
    size_t capacity;
} lambda__permits;

/** Not under the mutex: a permit for a new or bare environment. TooManyRequests with the thread's reason set. */
lambda_status lambda__permit_take(lambda__environment *environment, lambda__thread *thread);

/** Gives back the permit that the environment has, if it has one. */
void lambda__permit_drop(lambda__environment *environment);

/** Sets the limit: idle environments beyond it lose their permits, busy ones when they come back. */
void lambda__permits_limit(lambda__permits *permits, uint32_t limit);

/** Makes room, so that the move cannot fail while the mutex is held. False when memory is out. */
bool lambda__permits_prepare(lambda_t *lambda, const lambda__function *function, const lambda__permits *from,
                             lambda__permits *to);

/** Moves all of the function's permits. False when memory is out: nothing was moved. */
bool lambda__permits_move(lambda_t *lambda, const lambda__function *function, lambda__permits *from,
                          lambda__permits *to);

/** A permit for a busy environment whatever the limit says. False when memory is out. */
bool lambda__permit_join(lambda__environment *environment);

/** Refuses an invocation for want of concurrency. */
lambda_status lambda__throttle(lambda_t *lambda, lambda__thread *thread, const char *reason, const char *message);

/* ---- a function's own concurrency: environment/concurrency.c and provisioned.c */

/** Provisioned concurrency as it was asked for, for a version or an alias. */
typedef struct lambda__provision {
    struct lambda__provision *next;
    uint32_t requested;
    uint64_t modified; /* wall clock, ns */
    char qualifier[];
} lambda__provision;

/** Made when a function first gets concurrency of its own; kept until the function is freed. */
typedef struct lambda__concurrency {
    lambda__permits permits;       /* limit and holders, where concurrency is reserved */
    bool reserved;                 /* it is */
    uint32_t reserved_count;       /* how much */
    uint32_t provisioned;          /* all that was requested */
    lambda__provision *provisions; /* by rising qualifier */
    lambda__version **versions;    /* that have provisioned environments; each holds a reference */
    size_t versions_count;
} lambda__concurrency;

/** What the function has of its own, or NULL. */
static inline lambda__concurrency *lambda__concurrency_of(const lambda__function *function)
{
    return atomic_load_explicit(&function->concurrency, memory_order_acquire);
}

/** How much of the account's concurrency is set aside for it. */
static inline uint32_t lambda__concurrency_share(const lambda__concurrency *concurrency)
{
    return concurrency->reserved ? concurrency->reserved_count : concurrency->provisioned;
}

/** The function of that name with a reference; ResourceNotFound. */
lambda_status lambda__function_hold(lambda_t *lambda, const lambda__name *name, lambda__function **function);

/** The function's own, made if there is none; NULL when memory is out. */
lambda__concurrency *lambda__concurrency_make(lambda_t *lambda, lambda__function *function);

/** Under the mutex: reserves so much, if there is room for it. `keep`: writes it to the store first, under the registry's lock. */
lambda_status lambda__concurrency_reserve(lambda_t *lambda, lambda__function *function, uint32_t wanted, bool keep);

/** Under the mutex: adds a provision or changes it, if there is room for it. Likewise. */
lambda_status lambda__provision_put(lambda_t *lambda, lambda__function *function, const char *qualifier,
                                    uint32_t wanted, uint64_t modified, bool keep);

/** Sets the limits of the function's and the account's permits to what is set aside now. */
void lambda__concurrency_apply(lambda_t *lambda, lambda__concurrency *concurrency, uint32_t share_before);

/** Takes a provision out and frees it. */
void lambda__provision_remove(lambda_t *lambda, lambda__concurrency *concurrency, lambda__provision *provision);

/** Not under the mutex: brings provisioned environments to where the function's provisions and aliases want them. */
void lambda__provisioned_settle(lambda_t *lambda, lambda__function *function);

/** Under the mutex: an environment has ended that was provisioned; another is started in its place. */
void lambda__provisioned_lost(lambda__environment *environment);

/* ---- what stands in a store: environment/kept.c */

/** What is about to change of a function's concurrency. */
typedef struct lambda__concurrency_change {
    bool reserved; /* what will be */
    uint32_t reserved_count;
    const char *qualifier; /* of the provision that changes; NULL for none */
    uint32_t requested;    /* of it; 0: it goes */
    uint64_t modified;
} lambda__concurrency_change;

/** Under the registry's lock and the mutex: writes the function with the change to the store, if there is one. */
lambda_status lambda__concurrency_keep(lambda_t *lambda, lambda__function *function,
                                       const lambda__concurrency_change *change);

/** What the registry asks for (registry/registry.h). */
lambda_status lambda__concurrency_describe(lambda_t *lambda, lambda__function *function,
                                           lambda__kept_concurrency **kept);
lambda_status lambda__concurrency_restore(lambda_t *lambda, lambda__function *function,
                                          const lambda__kept_concurrency *kept);

/** What the registry tells of functions. */
void lambda__function_changed(lambda_t *lambda, lambda__function *function);
void lambda__qualifier_deleted(lambda_t *lambda, lambda__function *function, const char *qualifier);
void lambda__function_retired(lambda_t *lambda, lambda__function *function);
void lambda__function_freed(lambda_t *lambda, lambda__function *function);

/* ---- starting ahead: environment/ahead.c */

/** Under the mutex: has an environment of the pool started in the background. False when memory is out. */
bool lambda__ahead_add(lambda_t *lambda, lambda__pool *pool, bool provisioned);

/** Not under the mutex: has somebody take the jobs that were added. */
void lambda__ahead_go(lambda_t *lambda);

/** The task that takes jobs where there is no executor. */
void lambda__ahead_step(lambda__base *base, lambda__task *task);

/** Drops all jobs; nobody takes any more. */
void lambda__ahead_clear(lambda_t *lambda);

#endif
