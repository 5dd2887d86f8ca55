/*
 * The worker of an environment with THREAD isolation: init, invocations and shutdown run on it, never on the caller's thread.
 *
 * The one who has the environment busy posts a job and waits for the reply until the job is done or its time is over; then it
 * leaves, and the worker, when the job comes back, finds that nobody waits and ends the environment itself. With the
 * library's own threads the worker is one thread for as long as the environment lives; with a host's executor each
 * job is a piece of work.
 *
 *     request:  NONE (or ASLEEP, the worker sleeps)  --post-->  POSTED  --worker-->  NONE
 *     reply:    PENDING (or ASLEEP, the caller sleeps)  --worker-->  DONE
 *               PENDING or ASLEEP  --caller-->  LEAVING  --caller-->  LEFT
 */
#ifndef LAMBDA_LIB_WORKER_H
#define LAMBDA_LIB_WORKER_H

#include "base/buffer.h"
#include "environment/environment.h"

/** START of an invocation on a worker: written by who gets there first, its handler's thread or the caller that leaves. */
enum { LAMBDA__START_UNTOLD, LAMBDA__START_BEING_TOLD, LAMBDA__START_TOLD };

/** What a worker does for who has the environment busy. */
typedef void lambda__worker_job(lambda__environment *environment, lambda__thread *thread);

typedef struct lambda__worker {
    /* One line goes there and one comes back. */
    _Alignas(LAMBDA__CACHE_LINE) _Atomic uint32_t request;
    lambda__worker_job *job; /* NULL: end the environment */
    _Alignas(LAMBDA__CACHE_LINE) _Atomic uint32_t reply;
    bool refused;            /* the worker could not run the job: no memory for its thread's record */
    lambda__outcome outcome; /* what the job came to */
    _Alignas(LAMBDA__CACHE_LINE) _Atomic uint64_t
        deadline;                   /* when who waits may leave; UINT64_MAX until the job has begun */
    _Atomic uint32_t start_told;    /* LAMBDA__START_: whether START stands in the log */
    _Atomic uint64_t init_duration; /* of a cold start, ns; UINT64_MAX until its init has ended */
    bool started;                   /* the library's own thread runs */
    lambda__buffer input;           /* copies of what the invocation was given */
    lambda__buffer ancestors;       /* a copy of its chain */
    lambda__origin origin;          /* likewise, of its beginning */
    lambda_invoke_options options;
    lambda__stream stream; /* of an invocation whose response is read in parts: a late handler may still write */
    char message[LAMBDA__ERROR_SIZE]; /* why an init hook that was started ahead failed */
} lambda__worker;

/** The worker that an environment with THREAD isolation has; false when memory is out. */
bool lambda__worker_make(lambda__environment *environment);
void lambda__worker_free(lambda__environment *environment);

/** Posts a job. On failure it is not run; the message says why. */
lambda_status lambda__worker_post(lambda__environment *environment, lambda__worker_job *job);

/** Waits for the reply, at most until the job's deadline. False: it is over; say what is to be said, then leave. */
bool lambda__worker_wait(lambda__environment *environment);

/** The environment is no longer the caller's. */
void lambda__worker_leave(lambda__environment *environment);

/** Has an ended environment, out of its pool, shut down and freed by its worker. */
void lambda__worker_end(lambda__environment *environment);

#endif
