/* One synchronous invocation, from the public calls down. */
#ifndef LAMBDA_LIB_INVOKE_H
#define LAMBDA_LIB_INVOKE_H

#include "environment/environment.h"

struct lambda_target {
    lambda_t *lambda;
    lambda__function *function; /* holds a reference */
    lambda__alias *alias;       /* holds a reference; NULL unless the name led to one */
    lambda__version *version;   /* likewise, for a version's number */
    lambda__name name;          /* points into text */
    char text[];
};

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

/** Where the target leads now, in a read section; NULL if its name must be looked up anew. */
lambda__version *lambda__target_resolve(const lambda_target *target, lambda__thread *thread);

/** Checks the arguments that every invocation has; all but the name. */
lambda_status lambda__invoke_check(lambda_t *lambda, lambda_bytes payload, const lambda_invoke_options *options,
                                   const lambda_result *result);

/* ---- the result: invoke/result.c */

/** Empties the result for a call, keeping its memory. */
void lambda__result_begin(lambda_t *lambda, lambda_result *result);

/** Lends the result's memory to the response, unless the payload lies in it. */
void lambda__result_lend(lambda__invocation *invocation, lambda__environment *environment);

/** Takes the response's memory back into the result. */
void lambda__result_take(lambda__invocation *invocation, lambda__environment *environment);

/* ---- what became of it: invoke/outcome.c */

/** How an invocation went, until it is reported. */
typedef struct lambda__outcome {
    lambda_status status;   /* of the handler or the init hook */
    uint32_t failures;      /* the thread's, before: tells whether a message was set */
    bool cold;              /* the environment was new */
    bool init_failed;       /* the handler did not run */
    uint64_t init_duration; /* ns */
    uint64_t duration;      /* ns */
} lambda__outcome;

/** Turns failures into Lambda's error shapes in the response; true if it is a function error. */
bool lambda__outcome_settle(lambda__invocation *invocation, lambda__environment *environment,
                            const lambda__outcome *outcome);

/** True if the handler ran longer than its timeout. */
static inline bool lambda__outcome_overran(const lambda__environment *environment, const lambda__outcome *outcome)
{
    return outcome->duration > environment->timeout_ns;
}

/** INIT_START and START lines. */
void lambda__outcome_log_start(lambda__environment *environment);

/** END and REPORT lines. */
void lambda__outcome_log_end(lambda__environment *environment, const lambda__outcome *outcome, bool failed);

/** As Lambda bills since it bills initialisation: both, in whole milliseconds up. */
static inline uint64_t lambda__outcome_billed_ms(const lambda__outcome *outcome)
{
    return (outcome->duration + outcome->init_duration + 999999) / 1000000;
}

#endif
