/* What is counted of invocations, where metrics are on. */
#include "invoke/invoke.h"
#include "observe/metrics/metrics.h"

/** This thread's meter of what the environment runs now; NULL where there is no memory for it. */
static inline lambda__meter *meter_of(lambda__environment *environment, lambda__thread *thread)
{
    lambda__meter *meter = environment->meter;
    if (LAMBDA__LIKELY(meter &&
                       lambda__meter_fits(meter, thread, environment->qualifier, environment->qualifier_length)))
        return meter;
    const lambda__version *version = environment->version;
    const lambda__series_name name = {.function = version->function->name,
                                      .function_length = version->function->entry.name_length,
                                      .qualifier = environment->qualifier,
                                      .qualifier_length = environment->qualifier_length,
                                      .version = version->label};
    meter = lambda__meter_find(environment->lambda, thread, &name);
    if (meter) environment->meter = meter;
    return meter;
}

static void count_rare(lambda__environment *environment, lambda__meter *meter, const lambda__outcome *outcome)
{
    if (outcome->failed) lambda__meter_add(meter, LAMBDA__METER_ERRORS, 1);
    if (outcome->timed_out) lambda__meter_add(meter, LAMBDA__METER_TIMEOUTS, 1);
    if (!outcome->cold) return;
    lambda__meter_add(meter, LAMBDA__METER_COLD_STARTS, 1);
    lambda__meter_rare(environment->lambda, meter, LAMBDA__METER_INIT, outcome->init_duration);
}

static void count_provisioned(const lambda__environment *environment, lambda__meter *meter, uint64_t mb_ms)
{
    bool provisioned = atomic_load_explicit(&environment->provisioned, memory_order_relaxed);
    lambda__meter_add(meter, provisioned ? LAMBDA__METER_PROVISIONED : LAMBDA__METER_SPILLOVERS, 1);
    if (provisioned) lambda__meter_add(meter, LAMBDA__METER_PROVISIONED_MB_MS, mb_ms);
}

void lambda__measure_end(lambda__environment *environment, const lambda__outcome *outcome)
{
    lambda__base *base = &environment->lambda->base;
    lambda__thread *thread = lambda__thread_get(base);
    const lambda__version *version = environment->version;
    /* Who invokes has its record already. */
    lambda__meter *meter = LAMBDA__LIKELY(thread != NULL) ? meter_of(environment, thread) : NULL;
    if (LAMBDA__UNLIKELY(!meter)) return;
    uint64_t billed_ms = lambda__outcome_billed_ms(outcome);
    uint64_t memory_size = version->settings->memory_size;
    lambda__meter_invocation(base, meter, outcome->duration, billed_ms, memory_size);
    if (LAMBDA__UNLIKELY(outcome->failed || outcome->cold)) count_rare(environment, meter, outcome);
    if (LAMBDA__UNLIKELY(atomic_load_explicit(&version->provisioned, memory_order_relaxed)))
        count_provisioned(environment, meter, billed_ms * memory_size);
}

void lambda__measure_age(lambda__environment *environment, lambda__thread *thread, uint64_t age)
{
    lambda__meter *meter = meter_of(environment, thread);
    if (LAMBDA__LIKELY(meter != NULL)) lambda__meter_rare(environment->lambda, meter, LAMBDA__METER_AGE, age);
}

void lambda__measure_named(lambda_t *lambda, lambda__thread *thread, const lambda__name *name, int counter, uint64_t by)
{
    if (!lambda->metrics || !lambda__name_is_measured(lambda, thread, name)) return;
    lambda__meter *meter = lambda__meter_named(lambda, thread, name->function, name->function_length, name->qualifier,
                                               name->qualifier_length);
    if (LAMBDA__LIKELY(meter != NULL)) lambda__meter_add(meter, counter, by);
}
