/*
 * Environments that rest are frozen, but not at once: one that is used again within some milliseconds would have been stopped and woken for nothing, which costs more than all else of a
 * short invocation. So there is one thread a lambda_process, started when the first environment rests and asleep while none does, which freezes those that have rested long enough.
 *
 *     awake --rest--> resting --the thread, later--> frozen
 *       ^--wake----------+                              |
 *       ^--wake, which thaws it-------------------------+
 */
#ifndef LAMBDA_PROCESS_FREEZER_H
#define LAMBDA_PROCESS_FREEZER_H

#include "sandbox.h"

/** How long an environment rests before it is frozen, nanoseconds; at most twice that. */
#define LAMBDA__REST_NS 2000000

typedef struct lambda__freezer lambda__freezer;

/** An environment's place in it; zero but for `sandbox`, in memory that does not move. */
typedef struct lambda__rest {
    lambda__sandbox *sandbox;
    uint64_t due; /* by lambda__loop_now */
    bool resting;
    bool frozen;
    struct lambda__rest *next;
    struct lambda__rest *previous;
} lambda__rest;

/** NULL when memory is out. Its thread is started when it is needed. */
lambda__freezer *lambda__freezer_open(void);
/** Nothing rests any more. NULL is allowed. */
void lambda__freezer_close(lambda__freezer *freezer);

/** The environment rests from now on. Where there is no thread for it, it is frozen at once. */
void lambda__freezer_rest(lambda__freezer *freezer, lambda__rest *rest);

/** It is awake when this returns, and stays so. */
void lambda__freezer_wake(lambda__freezer *freezer, lambda__rest *rest);

#endif
