/* The walk of one invocation: resolve, take an environment, run, give it back, report. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "invoke/invoke.h"
#include "observe/log.h"

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

/** A busy environment of what the invocation leads to now; `*cold` if it is new. */
static lambda_status take(lambda__invocation *invocation, lambda__environment **environment, bool *cold)
{
    lambda__thread *thread = invocation->thread;
    for (;;) {
        bool bare = false;
        lambda__read_begin(thread);
        lambda__version *version = resolve(invocation);
        lambda__environment *warm = version ? lambda__environment_take_warm(version, thread, &bare) : NULL;
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
        lambda_status status = lambda__environment_take(invocation->lambda, version, thread, environment, cold);
        lambda__version_release(invocation->lambda, version);
        if (status != LAMBDA_OK || *environment) return status;
    }
}

static uint64_t mix(uint64_t state)
{
    state = (state ^ state >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    state = (state ^ state >> 27) * UINT64_C(0x94D049BB133111EB);
    return state ^ state >> 31;
}

/** A UUID of version 4 in its form; unique by the thread's key and a count. */
static lambda_request_id next_request_id(lambda__thread *thread)
{
    uint64_t sequence = ++thread->sequence;
    lambda_request_id id = {.high = mix(thread->key[0] + sequence * UINT64_C(0x9E3779B97F4A7C15)),
                            .low = mix(thread->key[1] ^ sequence)};
    id.high = (id.high & ~UINT64_C(0xF000)) | UINT64_C(0x4000);
    id.low = (id.low & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    return id;
}

static inline void fill_in(const lambda__invocation *invocation, const lambda__environment *environment,
                           const lambda__outcome *outcome, bool failed)
{
    lambda_result *result = invocation->result;
    const lambda__version *version = environment->version;
    result->status_code = 200;
    result->function_error = failed ? "Unhandled" : NULL;
    result->request_id = environment->request_id;
    memcpy(result->executed_version, version->label, sizeof(result->executed_version));
    result->duration_ns = outcome->duration;
    result->init_duration_ns = outcome->init_duration;
    result->billed_duration_ms = lambda__outcome_billed_ms(outcome);
    result->memory_size = version->settings->memory_size;
    result->cold_start = outcome->cold;
}

/** Starts a new environment; the clock's reading afterwards. */
static uint64_t initialise(lambda__environment *environment, lambda__outcome *outcome, uint64_t now)
{
    environment->running = false;
    outcome->status = lambda__environment_init(environment);
    outcome->init_failed = outcome->status != LAMBDA_OK;
    uint64_t ready = lambda__now(&environment->lambda->base);
    outcome->init_duration = ready - now;
    environment->running = true;
    return ready;
}

/** With a busy environment: runs the handler and gives the environment back. */
static void run(lambda__invocation *invocation, lambda__environment *environment, bool cold)
{
    lambda_t *lambda = invocation->lambda;
    lambda__thread *thread = invocation->thread;
    lambda__outcome outcome = {.cold = cold, .failures = thread->failures};
    bool logs = lambda__log_enabled(lambda, LAMBDA_LOG_INFO);
    environment->qualifier = invocation->name.qualifier;
    environment->qualifier_length = invocation->name.qualifier_length;
    environment->options = invocation->options;
    environment->event.payload = invocation->payload;
    environment->request_id = next_request_id(thread);
    environment->request_text_valid = false;
    environment->running = true;
    lambda__result_lend(invocation, environment);

    uint64_t start = lambda__now(&lambda->base);
    if (LAMBDA__UNLIKELY(cold)) {
        lambda__counter_add(thread, LAMBDA__COUNT_COLD_STARTS);
        start = initialise(environment, &outcome, start);
    }
    environment->start = start;
    if (LAMBDA__UNLIKELY(logs)) lambda__outcome_log_start(environment);
    uint64_t end = start;
    if (LAMBDA__LIKELY(!outcome.init_failed)) {
        outcome.status = environment->handler(&environment->event, environment, &environment->response);
        end = lambda__now(&lambda->base);
    }
    outcome.duration = end - start;

    bool overran = lambda__outcome_overran(environment, &outcome);
    bool failed = false;
    lambda__counter_add(thread, LAMBDA__COUNT_INVOCATIONS);
    if (LAMBDA__UNLIKELY(outcome.status != LAMBDA_OK || overran || environment->response.failed ||
                         environment->response.too_large)) {
        failed = lambda__outcome_settle(invocation, environment, &outcome);
        lambda__counter_add(thread, LAMBDA__COUNT_ERRORS);
    }
    if (LAMBDA__UNLIKELY(logs)) lambda__outcome_log_end(environment, &outcome, failed);
    lambda__event_reset(&environment->event);
    lambda__result_take(invocation, environment);
    if (LAMBDA__LIKELY(invocation->result != NULL)) fill_in(invocation, environment, &outcome, failed);
    environment->running = false;
    lambda__environment_give(environment, thread, end, !overran && !outcome.init_failed);
}

lambda_status lambda__invoke_run(lambda__invocation *invocation)
{
    lambda__thread *thread = invocation->thread;
    lambda__environment *environment = NULL;
    bool cold = false;
    uint32_t depth = atomic_load_explicit(&thread->depth, memory_order_relaxed);
    if (LAMBDA__UNLIKELY(depth >= invocation->lambda->limits.invocation_depth))
        return lambda__fail(&invocation->lambda->base, LAMBDA_ERROR_RECURSIVE_INVOCATION,
                            "invocations are nested %u deep on this thread, which is the limit", depth);
    atomic_store_explicit(&thread->depth, depth + 1, memory_order_relaxed);
    lambda_status status = take(invocation, &environment, &cold);
    if (LAMBDA__LIKELY(status == LAMBDA_OK)) run(invocation, environment, cold);
    /* The last touch of the service: closing waits for it. */
    atomic_store_explicit(&thread->depth, depth, memory_order_release);
    return status;
}
