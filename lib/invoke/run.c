/* The walk of one invocation: resolve, take an environment, run, give it back, report. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/executor.h"
#include "invoke/invoke.h"
#include "observe/metrics/metrics.h"

/** How often one who waits for a scaling rate looks again. */
#define RATE_POLL_NS UINT64_C(10000000)

/** Where the invocation leads, in a read section. */
static inline lambda__version *resolve(const lambda__invocation *invocation)
{
    if (invocation->target) {
        lambda__version *version = lambda__target_resolve(invocation->target, invocation->thread);
        if (LAMBDA__LIKELY(version != NULL)) return version;
    }
    const lambda__name *name = &invocation->name;
    lambda__function *function = lambda__registry_find(invocation->lambda, name->function, name->function_length);
    if (!function) return NULL;
    if (!name->qualifier) return atomic_load_explicit(&function->latest, memory_order_acquire);
    return lambda__function_resolve(function, name->qualifier, name->qualifier_length, invocation->thread);
}

static lambda_status not_found(const lambda__invocation *invocation)
{
    char arn[LAMBDA__ARN_SIZE];
    char name[80];
    char qualifier[160] = "";
    snprintf(name, sizeof(name), "%.*s", (int)invocation->name.function_length, invocation->name.function);
    if (invocation->name.qualifier)
        snprintf(qualifier, sizeof(qualifier), "%.*s", (int)invocation->name.qualifier_length,
                 invocation->name.qualifier);
    lambda__name_arn(invocation->lambda, name, qualifier, arn, sizeof(arn));
    return lambda__fail(&invocation->lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "Function not found: %s", arn);
}

/** How often the function led to the event that began a chain. */
static uint64_t before(const lambda__chain *first, const lambda__function *function)
{
    const lambda__origin *origin = (const lambda__origin *)(const void *)first;
    for (uint32_t i = 0; i < origin->count; i++)
        if (origin->lineage[i].function == function->identity) return origin->lineage[i].times;
    return 0;
}

/** Does the function go in a loop: has it been invoked so often on the way here? */
static bool loops(const lambda__thread *thread, const lambda__function *function)
{
    uint64_t times = 0;
    for (const lambda__chain *each = thread->chain; each; each = each->parent) {
        times += each->function == function->identity;
        if (each->function == LAMBDA__ORIGIN) times += before(each, function);
    }
    return times >= LAMBDA__LOOP_MAX && !atomic_load_explicit(&function->loops_allowed, memory_order_relaxed);
}

/** A busy environment of what the invocation leads to now; `*cold` if it is new. */
static lambda_status take(lambda__invocation *invocation, lambda__environment **environment, bool *cold)
{
    lambda__thread *thread = invocation->thread;
    for (;;) {
        bool bare = false;
        lambda__read_begin(thread);
        lambda__version *version = resolve(invocation);
        bool looped = thread->chain && version && loops(thread, version->function);
        lambda__environment *warm =
            version && LAMBDA__LIKELY(!looped) ? lambda__environment_take_warm(version, thread, &bare) : NULL;
        if (LAMBDA__LIKELY(warm != NULL)) {
            lambda__read_end(thread);
            *environment = warm;
            return LAMBDA__UNLIKELY(bare) ? lambda__environment_permit(warm, thread) : LAMBDA_OK;
        }
        if (version) lambda__version_retain(version);
        lambda__read_end(thread);
        if (!version && !invocation->unparsed) return not_found(invocation);
        if (!version) {
            lambda_status parsed = lambda__name_parse(invocation->lambda, invocation->unparsed, &invocation->name);
            if (parsed != LAMBDA_OK) return parsed;
            invocation->unparsed = NULL;
            continue;
        }
        lambda_status status =
            looped ? lambda__fail(&invocation->lambda->base, LAMBDA_ERROR_RECURSIVE_INVOCATION,
                                  "%s was invoked %d times in this chain of invocations: it goes in a loop",
                                  version->function->name, LAMBDA__LOOP_MAX)
                   : lambda__environment_take(invocation->lambda, version, thread, environment, cold);
        lambda__version_release(invocation->lambda, version);
        if (status != LAMBDA_OK || *environment) return status;
    }
}

/** As take, for as long as the caller said: it was throttled. */
static lambda_status take_waiting(lambda__invocation *invocation, lambda__environment **environment, bool *cold)
{
    lambda__base *base = &invocation->lambda->base;
    lambda__environments *environments = invocation->lambda->environments;
    const lambda_invoke_options *options = invocation->options;
    lambda_status status = LAMBDA_ERROR_TOO_MANY_REQUESTS;
    if (!options || options->wait_ms == 0) return status;
    uint64_t deadline = lambda__now(base) + (uint64_t)options->wait_ms * 1000000;
    atomic_fetch_add_explicit(&environments->waiting, 1, memory_order_seq_cst);
    for (;;) {
        uint32_t freed = atomic_load_explicit(&environments->freed, memory_order_seq_cst);
        status = take(invocation, environment, cold);
        uint64_t now = lambda__now(base);
        if (status != LAMBDA_ERROR_TOO_MANY_REQUESTS || now >= deadline) break;
        /* A rate is kept by time alone: nobody will tell. */
        bool rate = strstr(invocation->thread->throttle_reason, "RateLimit") != NULL;
        uint64_t until = rate && now + RATE_POLL_NS < deadline ? now + RATE_POLL_NS : deadline;
        lambda__wait(base, &environments->freed, freed, until);
    }
    atomic_fetch_sub_explicit(&environments->waiting, 1, memory_order_seq_cst);
    return status;
}

static uint64_t mix(uint64_t state)
{
    state = (state ^ state >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    state = (state ^ state >> 27) * UINT64_C(0x94D049BB133111EB);
    return state ^ state >> 31;
}

/** A UUID of version 4 in its form; unique by the thread's key and a count. */
lambda_request_id lambda__request_id_next(lambda__thread *thread)
{
    uint64_t sequence = ++thread->sequence;
    lambda_request_id id = {.high = mix(thread->key[0] + sequence * UINT64_C(0x9E3779B97F4A7C15)),
                            .low = mix(thread->key[1] ^ sequence)};
    id.high = (id.high & ~UINT64_C(0xF000)) | UINT64_C(0x4000);
    id.low = (id.low & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    return id;
}

/** What is known of the environment, while it is the caller's. */
static inline void fill_in_environment(lambda_result *result, const lambda__environment *environment)
{
    const lambda__version *version = environment->version;
    result->status_code = 200;
    result->throttle_reason = NULL;
    result->log_result.length = 0;
    /* Word by word: what was written as two words is not read back as one. */
    result->request_id.high = environment->request_id.high;
    result->request_id.low = environment->request_id.low;
    memcpy(result->executed_version, version->label, sizeof(result->executed_version));
    result->memory_size = version->settings->memory_size;
}

static inline void fill_in_outcome(lambda_result *result, const lambda__outcome *outcome)
{
    result->function_error = outcome->failed ? "Unhandled" : NULL;
    result->duration_ns = outcome->duration;
    result->init_duration_ns = outcome->init_duration;
    result->billed_duration_ms = lambda__outcome_billed_ms(outcome);
    result->cold_start = outcome->cold;
}

/** Faults that a test wants here; the handler of a fault does not run. */
static void inject(lambda__environment *environment, lambda__outcome *outcome)
{
    const lambda__function *function = environment->version->function;
    lambda_t *lambda = environment->lambda;
    size_t length = function->entry.name_length;
    if (lambda__fault_take(lambda, function->name, length, LAMBDA_TEST_FAULT_INIT)) {
        outcome->cold = true;
        outcome->init_failed = true;
        outcome->status = LAMBDA_ERROR_SERVICE;
    } else if (lambda__fault_take(lambda, function->name, length, LAMBDA_TEST_FAULT_TIMEOUT)) {
        outcome->timed_out = true;
    }
}

/** Gives back what was taken after the invocation, keeps it for the next event, or ends it. */
static inline void give_back(lambda__environment *environment, lambda__thread *thread, const lambda__outcome *outcome,
                             lambda__invoked_event *event)
{
    environment->running = false;
    if (LAMBDA__UNLIKELY(outcome->timed_out)) {
        lambda__environment_end(environment, thread, LAMBDA_SHUTDOWN_TIMEOUT);
    } else if (LAMBDA__UNLIKELY(outcome->init_failed || environment->broken ||
                                (environment->directory && lambda__environment_storage_exceeded(environment)))) {
        lambda__environment_end(environment, thread, LAMBDA_SHUTDOWN_FAILURE);
    } else if (event) {
        event->now = environment->start + outcome->duration;
        atomic_store_explicit(&environment->released, event->now, memory_order_relaxed);
        event->kept = environment;
    } else {
        lambda__environment_give(environment, thread, environment->start + outcome->duration);
    }
}

void lambda__invoke_release(lambda__environment **kept, lambda__thread *thread)
{
    lambda__environment *environment = *kept;
    *kept = NULL;
    if (environment)
        lambda__environment_give(environment, thread,
                                 atomic_load_explicit(&environment->released, memory_order_relaxed));
}

/** True if the name still leads to what the environment runs, which nobody has asked back meanwhile. */
static inline bool fits(const lambda__environment *environment, const lambda__name *name)
{
    const lambda__version *version = environment->version;
    const lambda__function *function = version->function;
    return !name->qualifier && version->number == 0 && name->function_length == function->entry.name_length &&
           memcmp(name->function, function->name, name->function_length) == 0 &&
           !atomic_load_explicit(&version->retired, memory_order_acquire) &&
           atomic_load_explicit(&environment->state, memory_order_relaxed) == LAMBDA__BUSY;
}

/** What the last event kept, if this one can be run in it; else it is given back. */
static inline lambda__environment *take_kept(const lambda__invocation *invocation, lambda__invoked_event *event)
{
    lambda__environment *kept = event->kept;
    if (LAMBDA__LIKELY(kept && fits(kept, &invocation->name) && !lambda__faults_present(invocation->lambda))) {
        event->kept = NULL;
        return kept;
    }
    lambda__invoke_release(&event->kept, invocation->thread);
    return NULL;
}

/** What is known of an event before it runs; when it begins, if that is known. */
static inline uint64_t begin_event(lambda__invoked_event *event, lambda__environment *environment,
                                   lambda__thread *thread)
{
    /* A worker's thread begins when it begins. */
    uint64_t start = environment->worker ? 0 : event->now;
    environment->request_id = event->request_id;
    if (LAMBDA__UNLIKELY(environment->observe & LAMBDA__OBSERVE_METRICS))
        lambda__measure_age(environment, thread,
                            (event->now ? event->now : lambda__now(&environment->lambda->base)) - event->accepted);
    event->now = 0;
    event->settings = lambda__function_has_async_settings(environment->version->function);
    return start;
}

/** It was a function error; of the handler that invoked it, too, if there is one. */
static void count_error(lambda__thread *thread)
{
    lambda__counter_add(thread, LAMBDA__COUNT_ERRORS);
    if (thread->chain) lambda__trace_call_failed(thread);
}

/**
 * With a busy environment: runs the handler, gives the environment back, fills in the result. `special`: it wants its log's tail, or its response in parts,
 * and here is room for that. NULL: neither.
 */
static inline __attribute__((always_inline)) lambda_status run(lambda__invocation *invocation,
                                                               lambda__environment *environment, bool cold,
                                                               lambda__invoked_event *event, lambda__stream *special)
{
    lambda_t *lambda = invocation->lambda;
    lambda__thread *thread = invocation->thread;
    lambda_result *result = invocation->result;
    lambda__outcome outcome = {.cold = cold};
    lambda_status status = LAMBDA_OK;
    bool ours = true;
    /* Whoever takes one and is not refused has it. */
    if (!environment) LAMBDA__UNREACHABLE();
    environment->qualifier = invocation->name.qualifier;
    environment->qualifier_length = invocation->name.qualifier_length;
    environment->options = invocation->options;
    environment->event.payload.data = invocation->payload.data;
    environment->event.payload.length = invocation->payload.length;
    uint64_t start = 0;
    if (event)
        start = begin_event(event, environment, thread);
    else
        environment->request_id = lambda__request_id_next(thread);
    environment->request_text_valid = false;
    environment->running = true;
    environment->chain = (lambda__chain){.parent = thread->chain,
                                         .function = environment->version->function->identity,
                                         .depth = thread->chain ? thread->chain->depth + 1 : 1};
    if (lambda__faults_present(lambda)) inject(environment, &outcome);
    if (LAMBDA__LIKELY(result != NULL)) fill_in_environment(result, environment);
    lambda__result_lend(invocation, environment);
    if (special) lambda__special_begin(invocation, environment, special);
    if (LAMBDA__LIKELY(!environment->worker)) {
        lambda__invocation_count(thread, environment, cold);
        lambda__execute(environment, thread, &outcome, start);
    } else {
        status = lambda__execute_on_worker(invocation, environment, &outcome, &ours);
    }
    if (LAMBDA__UNLIKELY(outcome.failed)) count_error(thread);
    if (LAMBDA__UNLIKELY(outcome.timed_out)) lambda__counter_add(thread, LAMBDA__COUNT_TIMEOUTS);
    if (LAMBDA__LIKELY(result != NULL)) fill_in_outcome(result, &outcome);
    if (!ours) return LAMBDA_OK;
    if (special) lambda__special_end(invocation, environment);
    lambda__result_take(invocation, environment);
    /* A handler that could not be run has left nothing to use again. */
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK)) outcome.init_failed = true;
    give_back(environment, thread, &outcome, event);
    return status;
}

static lambda_status throttled_by_fault(const lambda__invocation *invocation)
{
    lambda__name name = invocation->name;
    /* A name that is none has no fault: the walk says what is wrong with it. */
    if (invocation->unparsed && lambda__name_parse(invocation->lambda, invocation->unparsed, &name) != LAMBDA_OK)
        return LAMBDA_OK;
    if (!lambda__fault_take(invocation->lambda, name.function, name.function_length, LAMBDA_TEST_FAULT_THROTTLE))
        return LAMBDA_OK;
    invocation->thread->throttle_reason = "ConcurrentInvocationLimitExceeded";
    return lambda__fail(&invocation->lambda->base, LAMBDA_ERROR_TOO_MANY_REQUESTS, "Rate Exceeded: injected by a test");
}

/** Counts an invocation that was refused. */
static void count_refused(const lambda__invocation *invocation, lambda_status status)
{
    lambda_t *lambda = invocation->lambda;
    lambda__thread *thread = invocation->thread;
    lambda__name name = invocation->name;
    bool throttled = status == LAMBDA_ERROR_TOO_MANY_REQUESTS;
    if (throttled) lambda__counter_add(thread, LAMBDA__COUNT_THROTTLES);
    if (!lambda->metrics || (!throttled && status != LAMBDA_ERROR_RECURSIVE_INVOCATION)) return;
    /* What a test's fault throttled was not looked up. */
    if (invocation->unparsed && lambda__name_parse(lambda, invocation->unparsed, &name) != LAMBDA_OK) return;
    lambda__measure_named(lambda, thread, &name, throttled ? LAMBDA__METER_THROTTLES : LAMBDA__METER_LOOPS, 1);
}

/** The whole walk. Each of its callers has a copy of its own, so that none pays for the others. `special` as for run. */
static inline __attribute__((always_inline)) lambda_status walk(lambda__invocation *invocation,
                                                                lambda__invoked_event *event, lambda__stream *special)
{
    lambda__thread *thread = invocation->thread;
    lambda__environment *environment = NULL;
    bool cold = false;
    uint32_t depth = atomic_load_explicit(&thread->depth, memory_order_relaxed);
    atomic_store_explicit(&thread->depth, depth + 1, memory_order_relaxed);
    lambda_status status = LAMBDA_OK;
    if (event) environment = take_kept(invocation, event);
    if (lambda__faults_present(invocation->lambda)) status = throttled_by_fault(invocation);
    if (LAMBDA__LIKELY(status == LAMBDA_OK && !environment)) {
        status = take(invocation, &environment, &cold);
        if (LAMBDA__UNLIKELY(status == LAMBDA_ERROR_TOO_MANY_REQUESTS))
            status = take_waiting(invocation, &environment, &cold);
    }
    if (LAMBDA__LIKELY(status == LAMBDA_OK))
        status = run(invocation, environment, cold, event, special);
    else
        count_refused(invocation, status);
    /* The last touch of the service: closing waits for it. */
    atomic_store_explicit(&thread->depth, depth, memory_order_release);
    return status;
}

/** The walk of what was led to by other invocations: one that is nested, or an event of one. */
static inline __attribute__((always_inline)) lambda_status nest(lambda__invocation *invocation,
                                                                lambda__invoked_event *event, lambda__stream *special)
{
    lambda__thread *thread = invocation->thread;
    const lambda__name *name = &invocation->name;
    uint32_t nested = thread->chain->depth;
    lambda__trace_call call = lambda__trace_call_begin(thread, name->function, name->function_length, false);
    lambda_status status = LAMBDA_OK;
    if (LAMBDA__UNLIKELY(nested >= invocation->lambda->limits.invocation_depth))
        status = lambda__fail(&invocation->lambda->base, LAMBDA_ERROR_RECURSIVE_INVOCATION,
                              "invocations are nested %u deep, which is the limit", nested);
    else
        status = walk(invocation, event, special);
    if (call.trace) lambda__trace_call_end(call, name->function, name->function_length, status);
    return status;
}

static __attribute__((noinline)) lambda_status walk_on(lambda__invocation *invocation, lambda__invoked_event *event)
{
    return nest(invocation, event, NULL);
}

lambda_status lambda__invoke_run(lambda__invocation *invocation)
{
    return LAMBDA__UNLIKELY(invocation->thread->chain != NULL) ? walk_on(invocation, NULL)
                                                               : walk(invocation, NULL, NULL);
}

lambda_status lambda__invoke_run_special(lambda__invocation *invocation)
{
    lambda__stream stream;
    return invocation->thread->chain ? nest(invocation, NULL, &stream) : walk(invocation, NULL, &stream);
}

lambda_status lambda__invoke_event(lambda__invocation *invocation, lambda__invoked_event *event)
{
    return LAMBDA__UNLIKELY(invocation->thread->chain != NULL) ? walk_on(invocation, event)
                                                               : walk(invocation, event, NULL);
}
