/* The handler's side of an invocation: on the caller's thread, or on the environment's worker. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "environment/worker.h"
#include "invoke/invoke.h"
#include "observe/log/log.h"

/** Starts a new environment, with Lambda's second attempt; the clock's reading afterwards. */
static uint64_t initialise(lambda__environment *environment, lambda__thread *thread, lambda__outcome *outcome,
                           uint64_t now)
{
    lambda_t *lambda = environment->lambda;
    uint64_t limit = (uint64_t)lambda->limits.init_timeout_ms * 1000000;
    uint64_t ready = now;
    environment->running = false;
    if (environment->worker)
        atomic_store_explicit(&environment->worker->deadline, now + limit + environment->timeout_ns,
                              memory_order_release);
    bool traced = environment->observe & LAMBDA__OBSERVE_TRACES;
    if (traced) lambda__trace_init_begins(environment, thread, now);
    lambda__environment_tell_start(environment);
    uint64_t until = now + limit;
    for (int attempt = 1; attempt <= 2; attempt++) {
        const char *phase = attempt == 1 ? "init" : "invoke";
        environment->host_state = NULL;
        outcome->status = lambda__environment_init(environment, until);
        ready = lambda__now(&lambda->base);
        bool overran = ready > until;
        until = ready + environment->timeout_ns;
        outcome->init_duration = ready - now;
        outcome->init_failed = outcome->status != LAMBDA_OK;
        outcome->timed_out = outcome->init_duration > limit + environment->timeout_ns ||
                             (attempt == 2 && outcome->init_failed && overran);
        lambda__report_init(environment, outcome, phase,
                            outcome->init_failed ? overran : outcome->init_duration > limit);
        if (!outcome->init_failed || outcome->timed_out) break;
    }
    if (traced) lambda__trace_init_ended(environment, ready);
    if (environment->worker)
        atomic_store_explicit(&environment->worker->init_duration, outcome->init_duration, memory_order_release);
    environment->running = true;
    return ready;
}

/** Tells that the handler is about to run. */
static void tell_start(lambda__environment *environment, lambda__thread *thread, const lambda__outcome *outcome)
{
    lambda__worker *worker = environment->worker;
    if (worker && !lambda__start_claim(worker)) return;
    if (environment->observe & LAMBDA__OBSERVE_TRACES) lambda__trace_handler_begins(environment, thread, outcome);
    lambda__report_start(environment);
    if (worker) lambda__start_told(worker);
}

/** Tells that it has returned; of what ran on a worker its caller tells: once, whoever was done first. */
static void tell_end(lambda__environment *environment, const lambda__outcome *outcome)
{
    if (environment->observe & LAMBDA__OBSERVE_TRACES) lambda__trace_handler_ended(environment, outcome);
    if (!environment->worker) lambda__report_end(environment, outcome);
}

void lambda__execute(lambda__environment *environment, lambda__thread *thread, lambda__outcome *outcome, uint64_t start)
{
    lambda_t *lambda = environment->lambda;
    const lambda__chain *outer = thread->chain;
    uint8_t observe = environment->observe;
    bool injected = outcome->timed_out;
    thread->chain = &environment->chain;
    outcome->failures = thread->failures;
    if (LAMBDA__LIKELY(start == 0)) start = lambda__now(&lambda->base);
    if (LAMBDA__UNLIKELY(outcome->cold) && !outcome->init_failed)
        start = initialise(environment, thread, outcome, start);
    if (LAMBDA__UNLIKELY(injected)) outcome->timed_out = true;
    environment->start = start;
    if (LAMBDA__UNLIKELY(observe & ~LAMBDA__OBSERVE_METRICS)) tell_start(environment, thread, outcome);
    uint64_t end = start;
    if (LAMBDA__LIKELY(!outcome->init_failed && !outcome->timed_out)) {
        if (environment->worker)
            atomic_store_explicit(&environment->worker->deadline, start + environment->timeout_ns,
                                  memory_order_release);
        outcome->status = environment->handler(&environment->event, environment, &environment->response);
        end = lambda__now(&lambda->base);
        outcome->timed_out = end - start > environment->timeout_ns;
    }
    outcome->duration = LAMBDA__UNLIKELY(injected) ? environment->timeout_ns : end - start;
    thread->chain = outer;
    if (LAMBDA__UNLIKELY(outcome->status != LAMBDA_OK || outcome->timed_out || environment->response.failed ||
                         environment->response.too_large))
        lambda__outcome_settle(environment, thread, &environment->response, outcome);
    if (LAMBDA__UNLIKELY(observe)) {
        /* Metrics alone are the most common, and quick. */
        if (observe == LAMBDA__OBSERVE_METRICS && !environment->worker)
            lambda__measure_end(environment, outcome);
        else
            tell_end(environment, outcome);
    }
    lambda__event_reset(&environment->event);
}

/* ---- on a worker */

static void execute_job(lambda__environment *environment, lambda__thread *thread)
{
    /* On this thread's own memory: the caller looks at the worker's all the while. */
    lambda__outcome outcome = environment->worker->outcome;
    lambda__execute(environment, thread, &outcome, 0);
    environment->worker->outcome = outcome;
}

/** Copies bytes behind what is there already; the buffer does not move any more. */
static const void *put(lambda__buffer *buffer, const void *data, size_t length)
{
    char *at = buffer->data + buffer->length;
    if (length > 0) memcpy(at, data, length);
    at[length] = '\0';
    buffer->length += length + 1;
    return at;
}

/** Copies all that the caller only lends: it may leave before the handler is done. False when memory is out. */
static bool copy_input(lambda__environment *environment)
{
    lambda__base *base = &environment->lambda->base;
    lambda__worker *worker = environment->worker;
    const lambda_invoke_options *options = environment->options;
    const lambda_bytes payload = environment->event.payload;
    size_t trace = options && options->trace_id ? strlen(options->trace_id) : 0;
    size_t parent = options && options->traceparent ? strlen(options->traceparent) : 0;
    size_t size = payload.length + environment->qualifier_length + trace + parent + 8;
    if (options) size += options->client_context.length + options->identity.length;
    worker->input.length = 0;
    if (!lambda__buffer_reserve(base, &worker->input, size)) return false;
    environment->event.payload.data = put(&worker->input, payload.data, payload.length);
    if (environment->qualifier)
        environment->qualifier = put(&worker->input, environment->qualifier, environment->qualifier_length);
    if (options) {
        worker->options = *options;
        worker->options.qualifier = NULL;
        worker->options.stream = NULL; /* only lent: what is needed of it stands in worker->stream */
        worker->options.client_context.data =
            put(&worker->input, options->client_context.data, options->client_context.length);
        worker->options.identity.data = put(&worker->input, options->identity.data, options->identity.length);
        if (options->trace_id) worker->options.trace_id = put(&worker->input, options->trace_id, trace);
        if (options->traceparent) worker->options.traceparent = put(&worker->input, options->traceparent, parent);
        environment->options = &worker->options;
    }
    /* The chain of who invoked: those environments may be given back before the handler is done. */
    size_t links = 0;
    for (const lambda__chain *each = environment->chain.parent; each; each = each->parent)
        links++;
    worker->ancestors.length = 0;
    if (links == 0) return true;
    if (!lambda__buffer_reserve(base, &worker->ancestors, links * sizeof(lambda__chain))) return false;
    lambda__chain *copies = (lambda__chain *)(void *)worker->ancestors.data;
    size_t at = 0;
    for (const lambda__chain *each = environment->chain.parent; each; each = each->parent, at++) {
        copies[at] = *each;
        copies[at].parent = each->parent ? &copies[at + 1] : NULL;
        if (each->function != LAMBDA__ORIGIN) continue;
        worker->origin = *(const lambda__origin *)(const void *)each;
        if (at > 0) copies[at - 1].parent = &worker->origin.chain;
    }
    environment->chain.parent = copies[0].function == LAMBDA__ORIGIN ? &worker->origin.chain : copies;
    return true;
}

/** The caller's time is over: it gets its answer, the environment stays with its worker. */
static void time_out(lambda__invocation *invocation, lambda__environment *environment, lambda__outcome *outcome)
{
    lambda_response response = lambda__response_empty(invocation->lambda);
    if (environment->response.stream) lambda__stream_leave(&invocation->lambda->base, environment->response.stream);
    outcome->timed_out = true;
    outcome->duration = environment->timeout_ns;
    lambda__outcome_settle(environment, invocation->thread, &response, outcome);
    uint64_t init_duration = atomic_load_explicit(&environment->worker->init_duration, memory_order_acquire);
    if (outcome->cold && init_duration != UINT64_MAX) outcome->init_duration = init_duration;
    if (environment->observe) lambda__report_left(environment, outcome, init_duration != UINT64_MAX);
    lambda__result_close_tail(invocation, environment);
    /* Read while the environment is still there: the worker ends it once it has been left. */
    if (invocation->result) invocation->result->max_memory_used = lambda__environment_max_memory(environment);
    lambda__worker_leave(environment);
    lambda__result_give(invocation, &response.body);
}

lambda_status lambda__execute_on_worker(lambda__invocation *invocation, lambda__environment *environment,
                                        lambda__outcome *outcome, bool *ours)
{
    lambda_t *lambda = invocation->lambda;
    lambda__worker *worker = environment->worker;
    *ours = true;
    if (!copy_input(environment)) return lambda__out_of_memory(&lambda->base);
    atomic_store_explicit(&worker->start_told, LAMBDA__START_UNTOLD, memory_order_relaxed);
    atomic_store_explicit(&worker->init_duration, UINT64_MAX, memory_order_relaxed);
    if (LAMBDA__UNLIKELY(environment->observe & LAMBDA__OBSERVE_TRACES))
        lambda__trace_invocation(environment, invocation->thread, invocation->thread->chain,
                                 lambda__now(&lambda->base));
    worker->outcome = *outcome;
    lambda_status status = lambda__worker_post(environment, execute_job);
    if (status != LAMBDA_OK) return status;
    *ours = lambda__worker_wait(environment);
    bool cold = outcome->cold;
    if (!*ours) {
        lambda__invocation_count(invocation->thread, environment, cold);
        time_out(invocation, environment, outcome);
        return LAMBDA_OK;
    }
    if (worker->refused)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_OUT_OF_MEMORY,
                            "no memory for the record of the function's thread, or too many threads");
    lambda__invocation_count(invocation->thread, environment, cold);
    *outcome = worker->outcome;
    if (LAMBDA__UNLIKELY(environment->observe)) lambda__report_end(environment, outcome);
    return LAMBDA_OK;
}
