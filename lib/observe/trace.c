#include "observe/trace.h"

#include "base/error.h"
#include "base/memory.h"
#include "observe/trace_flat.h"

#define SECOND_NS UINT64_C(1000000000)

lambda_status lambda__traces_open(lambda_t *lambda, const lambda_options *options, lambda__traces **opened)
{
    *opened = NULL;
    double rate = options->trace_rate;
    size_t count = 0;
    for (size_t i = 0; i < LAMBDA_TRACE_EXPORTERS_MAX; i++)
        count += options->trace[i].write != NULL;
    if (count == 0) return LAMBDA_OK;
    lambda__traces *traces = lambda__allocate_lines(&lambda->base, sizeof(*traces));
    if (!traces) return lambda__out_of_memory(NULL);
    for (size_t i = 0; i < LAMBDA_TRACE_EXPORTERS_MAX; i++)
        if (options->trace[i].write) traces->exporters[traces->count++] = options->trace[i];
    traces->reservoir = options->trace_reservoir;
    if (traces->reservoir == LAMBDA_TRACE_NONE) traces->reservoir = 0;
    traces->threshold = rate <= 0 ? 0 : rate >= 1 ? UINT64_MAX : (uint64_t)(rate * 0x1p64);
    *opened = traces;
    return LAMBDA_OK;
}

void lambda__traces_opened(lambda__traces *traces)
{
    traces->opened = true;
}

void lambda__traces_close(lambda_t *lambda, lambda__traces *traces)
{
    for (size_t i = 0; traces->opened && i < traces->count; i++) {
        const lambda_trace_exporter *exporter = &traces->exporters[i];
        if (exporter->close) exporter->close(exporter->user);
    }
    lambda__release_lines(&lambda->base, traces);
}

/** One of those that each second has for sure. */
static bool take_reserved(lambda__traces *traces, uint64_t now)
{
    uint64_t second = (now / SECOND_NS) << 32;
    uint64_t window = atomic_load_explicit(&traces->window, memory_order_relaxed);
    for (;;) {
        /* From 1 on: a second that was used has a number that one which was not has not. */
        bool fresh = (window & ~(uint64_t)UINT32_MAX) != second || (uint32_t)window == 0;
        uint32_t used = fresh ? 0 : (uint32_t)window - 1;
        if (used >= traces->reservoir) return false;
        if (atomic_compare_exchange_weak_explicit(&traces->window, &window, second | (used + 2), memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    }
}

bool lambda__traces_sample(lambda__traces *traces, lambda__thread *thread, uint64_t now)
{
    if (traces->threshold == UINT64_MAX) return true;
    if (take_reserved(traces, now)) return true;
    return traces->threshold > 0 && lambda__thread_random(thread) < traces->threshold;
}

lambda_trace_id lambda__trace_id_next(lambda__thread *thread, uint64_t wall)
{
    lambda_trace_id id;
    id.high = wall / SECOND_NS << 32 | lambda__thread_random(thread) >> 32;
    id.low = lambda__thread_random(thread); /* never 0 */
    return id;
}

void lambda__trace_identify(lambda__trace *trace, lambda__thread *thread)
{
    if (!lambda__trace_id_present(trace->context.trace_id))
        trace->context.trace_id = lambda__trace_id_next(thread, lambda__wall(trace->base));
    if (trace->id == 0) trace->id = lambda__thread_random(thread);
}

void lambda__traces_export(lambda_t *lambda, const lambda_trace_segment *segment)
{
    const lambda__traces *traces = lambda->traces;
    for (size_t i = 0; i < traces->count; i++) {
        const lambda_trace_exporter *exporter = &traces->exporters[i];
        if (LAMBDA__LIKELY(exporter->write(exporter->user, segment) == LAMBDA_OK)) continue;
        lambda__thread *thread = lambda__thread_get(&lambda->base);
        if (thread) lambda__counter_add(thread, LAMBDA__COUNT_TRACES_FAILED);
    }
}
