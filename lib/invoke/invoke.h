/* One synchronous invocation, from the public calls down. */
#ifndef LAMBDA_LIB_INVOKE_H
#define LAMBDA_LIB_INVOKE_H

#include <lambda/testing.h>

#include "environment/environment.h"

/** Times that Lambda lets a function be invoked in one chain, https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html. */
#define LAMBDA__LOOP_MAX 16

struct lambda_target {
    lambda_t *lambda;
    lambda__function *function; /* holds a reference */
    lambda__alias *alias;       /* holds a reference; NULL unless the name led to one */
    lambda__version *version;   /* likewise, for a version's number */
    lambda__name name;          /* points into text */
    char text[];
};

/** What an invocation of an event from the queue brings, and what it learns. */
typedef struct lambda__invoked_event {
    lambda_request_id request_id;
    uint64_t now;      /* the clock's reading just before; 0: none. Afterwards that at its end, or 0 */
    uint64_t accepted; /* when the queue took it, monotonic; wraps around where that was before the clock began */
    /**
     * A busy environment that the last event was run in, kept for the next: NULL for none. After the walk, that of this event, or NULL
     * where it had to be given back. Who keeps one gives it back with lambda__invoke_release, soon.
     */
    lambda__environment *kept;
    bool settings; /* set by the walk: there are some for what becomes of the function's events */
} lambda__invoked_event;

/** What one invocation is about. */
typedef struct lambda__invocation {
    lambda_t *lambda;
    lambda__thread *thread;
    const lambda_target *target; /* NULL: by name */
    lambda__name name;
    const char *unparsed; /* the name as given, until it has been taken apart: a plain name never is. NULL afterwards */
    lambda_bytes payload;
    const lambda_invoke_options *options; /* NULL: all defaults */
    lambda_result *result;                /* NULL: nobody wants it */
} lambda__invocation;

/** Takes an environment, runs the handler, gives it back, fills in the result. */
lambda_status lambda__invoke_run(lambda__invocation *invocation);

/** The same for one that wants its log's tail, or its response in parts: apart, so that no other pays for it. */
lambda_status lambda__invoke_run_special(lambda__invocation *invocation);

/** The same for an event from the queue. */
lambda_status lambda__invoke_event(lambda__invocation *invocation, lambda__invoked_event *event);

/** Gives back what lambda__invoked_event kept; sets it to NULL. */
void lambda__invoke_release(lambda__environment **kept, lambda__thread *thread);

/** A new id, unique. */
lambda_request_id lambda__request_id_next(lambda__thread *thread);

/** Where the target leads now, in a read section; NULL if its name must be looked up anew. */
lambda__version *lambda__target_resolve(const lambda_target *target, lambda__thread *thread);

/** True if the target leads somewhere without looking its name up anew. Any time, in a read section or not. */
bool lambda__target_leads(const lambda_target *target);

/** Checks the arguments that every invocation has; all but the name. */
lambda_status lambda__invoke_check(lambda_t *lambda, lambda_bytes payload, const lambda_invoke_options *options,
                                   const lambda_result *result);

/** That a host's result is of a size that we know: at least up to its last field that the library keeps. */
lambda_status lambda__invoke_check_size(lambda__base *base, const lambda_result *result, size_t size);

/** The same for the options alone. */
lambda_status lambda__invoke_check_options(lambda__base *base, const lambda_invoke_options *options);

/* ---- what only some want: invoke/special.c */

/** True if the invocation wants its log's tail, and has somewhere to put it. */
static inline bool lambda__invocation_wants_tail(const lambda__invocation *invocation)
{
    return invocation->result && invocation->options->log_type == LAMBDA_LOG_TYPE_TAIL;
}

/** Before an invocation with options runs: prepares the environment for what those want. `room` is the stream's where the handler's thread is the caller's. */
void lambda__special_begin(const lambda__invocation *invocation, lambda__environment *environment,
                           lambda__stream *room);

/** Afterwards, where the environment is still the caller's: it is as it was. */
void lambda__special_end(const lambda__invocation *invocation, lambda__environment *environment);

/* ---- what led to it: invoke/lineage.c */

/** The function led to it so often more. */
void lambda__lineage_count(lambda__origin *origin, uint64_t function, uint64_t times);

/** All invocations that led to this thread's call; of the origin only its chain is not written. */
void lambda__lineage_find(const lambda__thread *thread, lambda__origin *origin);

/* ---- the result: invoke/result.c */

/** Empties the result for a call, keeping its memory. */
void lambda__result_begin(lambda_t *lambda, lambda_result *result);

/** Lends the result's memory to the response, unless the payload lies in it. */
void lambda__result_lend(lambda__invocation *invocation, lambda__environment *environment);

/** Collects the environment's log for a result that is asked for it, in the result's memory. */
void lambda__result_open_tail(const lambda__invocation *invocation, lambda__environment *environment);

/** Gives the result what was collected, if anything was; nothing is collected any more. */
void lambda__result_close_tail(const lambda__invocation *invocation, lambda__environment *environment);

/** After the environment was left: gives the result another body's memory. */
void lambda__result_give(const lambda__invocation *invocation, lambda__buffer *body);

/** Ours becomes that of a host, which may be shorter; what that has no room for ends here. What the host's held before was cleared. */
void lambda__result_export(lambda_result *own, lambda_result *result, size_t size);

/** Takes the response's memory back into the result. */
void lambda__result_take(lambda__invocation *invocation, lambda__environment *environment);

/* ---- the handler's side of it: invoke/execute.c */

/**
 * Runs init where it is due, then the handler, and settles what came of it. On the handler's thread. `start` is the clock's reading just
 * before, 0 if it has to be read.
 */
void lambda__execute(lambda__environment *environment, lambda__thread *thread, lambda__outcome *outcome,
                     uint64_t start);

/** Counts an invocation that runs, or ran. */
static inline void lambda__invocation_count(lambda__thread *thread, const lambda__environment *environment, bool cold)
{
    lambda__counter_add(thread, LAMBDA__COUNT_INVOCATIONS);
    if (LAMBDA__UNLIKELY(cold)) lambda__counter_add(thread, LAMBDA__COUNT_COLD_STARTS);
    if (LAMBDA__LIKELY(atomic_load_explicit(&environment->version->provisioned, memory_order_relaxed) == 0)) return;
    bool provisioned = atomic_load_explicit(&environment->provisioned, memory_order_relaxed);
    lambda__counter_add(thread, provisioned ? LAMBDA__COUNT_PROVISIONED : LAMBDA__COUNT_SPILLOVERS);
}

/** The same on the environment's worker; the caller waits. False: its time was over, the environment is the worker's now. */
lambda_status lambda__execute_on_worker(lambda__invocation *invocation, lambda__environment *environment,
                                        lambda__outcome *outcome, bool *ours);

/* ---- what became of it: invoke/outcome.c */

/** Turns failures into Lambda's error shapes in the response. On the thread that the code ran on. */
void lambda__outcome_settle(lambda__environment *environment, const lambda__thread *thread, lambda_response *response,
                            lambda__outcome *outcome);

/** As Lambda bills since it bills initialisation: both, in whole milliseconds up. */
static inline uint64_t lambda__outcome_billed_ms(const lambda__outcome *outcome)
{
    return (outcome->duration + outcome->init_duration + 999999) / 1000000;
}

/* ---- who is told of it: invoke/report.c */

/** Of an attempt at init; `phase` is Lambda's "init" or "invoke"; `too_long`: it took longer than it may. On the handler's thread. */
void lambda__report_init(lambda__environment *environment, const lambda__outcome *outcome, const char *phase,
                         bool too_long);

/**
 * Who tells that what a worker runs begins: its thread, or the caller that leaves sooner. True for the first who asks, once; for the other when what the
 * first told is there. Who was first says lambda__start_told; where that is the caller that leaves, the thread tells nothing any more.
 */
bool lambda__start_claim(struct lambda__worker *worker);

/** What there was to tell is there. */
void lambda__start_told(struct lambda__worker *worker);

/** The handler is about to run. On its thread, where environment->observe is not 0. */
void lambda__report_start(lambda__environment *environment);

/** The invocation has ended, and its outcome is settled: once, on the thread of who gives the answer. Likewise. */
void lambda__report_end(lambda__environment *environment, const lambda__outcome *outcome);

/** The same by a caller that leaves its handler, which still runs. `init_known`: its init has ended. */
void lambda__report_left(lambda__environment *environment, const lambda__outcome *outcome, bool init_known);

/* ---- its trace: invoke/trace.c. Where environment->observe has LAMBDA__OBSERVE_TRACES, but for the calls */

/**
 * Chooses the trace and begins the invocation's tree: on the thread that invokes, before anything of the function runs. `outer` is the chain of who
 * invokes, as it stands on that thread.
 */
void lambda__trace_invocation(lambda__environment *environment, lambda__thread *thread, const lambda__chain *outer,
                              uint64_t now);

/** A cold start's init begins, and has ended. On the handler's thread, as the two below it. */
void lambda__trace_init_begins(lambda__environment *environment, lambda__thread *thread, uint64_t now);
void lambda__trace_init_ended(lambda__environment *environment, uint64_t now);

/** The handler is about to run, or would be, as environment->start says. */
void lambda__trace_handler_begins(lambda__environment *environment, lambda__thread *thread,
                                  const lambda__outcome *outcome);

/** It has returned. */
void lambda__trace_handler_ended(lambda__environment *environment, const lambda__outcome *outcome);

/** What it failed with. `left`: the caller's time was over, and the handler still runs. On the thread that settles the outcome. */
void lambda__trace_failed(lambda__environment *environment, const char *error_type, const char *error_message,
                          bool left);

/** Hands the segment to the exporters, if there is one. On the thread of who gives the answer. */
void lambda__trace_report(lambda__environment *environment, const lambda__outcome *outcome);

/**
 * A handler invokes another function, or accepts an event for one: what it is in the handler's trace. NULL: in none. On the handler's thread; `name` has
 * room for what lambda__trace_call_end gives.
 */
typedef struct lambda__trace_call {
    lambda__trace *trace;
    uint32_t span;
} lambda__trace_call;
lambda__trace_call lambda__trace_call_begin(lambda__thread *thread, const char *name, size_t length, bool asynchronous);

/** It has ended with that status. `name` is that of the function, no longer than before. */
void lambda__trace_call_end(lambda__trace_call call, const char *name, size_t length, lambda_status status);

/** The call that this thread's handler is in led to a function error. */
void lambda__trace_call_failed(const lambda__thread *thread);

/**
 * The header that an event for a function is to be kept with, so that all its attempts belong to the same trace: what the caller gave, or the trace of
 * the handler that accepts it, or a new one that is sampled or not. NULL: none. Only where the service traces; `text` is where it may be written.
 */
const char *lambda__trace_event(lambda_t *lambda, lambda__thread *thread, const lambda__name *name, const char *given,
                                char text[LAMBDA_TRACE_HEADER_SIZE]);
/* ---- what is counted of it: invoke/measure.c, where the service has metrics */

/** The invocation has ended. On the thread of who gives the answer, where environment->observe says so. */
void lambda__measure_end(lambda__environment *environment, const lambda__outcome *outcome);

/** An event is about to run that was accepted so long ago, ns. Likewise; the environment knows its qualifier. */
void lambda__measure_age(lambda__environment *environment, lambda__thread *thread, uint64_t age);

/** Counts what has no environment, by the name that was invoked; nothing where metrics are off. Not in a read section. */
void lambda__measure_named(lambda_t *lambda, lambda__thread *thread, const lambda__name *name, int counter,
                           uint64_t by);

/* ---- faults that tests inject: invoke/fault.c */

/** The next fault of that kind for the function, used up; false if there is none. */
bool lambda__fault_take(lambda_t *lambda, const char *function_name, size_t length, lambda_test_fault_kind kind);

/** Frees all that are left. */
void lambda__faults_free(lambda_t *lambda);

static inline bool lambda__faults_present(lambda_t *lambda)
{
    return LAMBDA__UNLIKELY(atomic_load_explicit(&lambda->faults, memory_order_acquire) != NULL);
}

#endif
