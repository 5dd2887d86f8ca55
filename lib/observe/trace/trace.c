#include "observe/trace/trace.h"

#include "base/error.h"
#include "base/memory.h"
#include "observe/trace/flat.h"

#define SECOND_NS UINT64_C(1000000000)

/* ---- exporters */

/** Hands a segment to an exporter. On any thread; one that it does not take is counted. */
static void hand(lambda__exporter *to, const lambda_trace_segment *segment)
{
    if (LAMBDA__LIKELY(to->exporter.write(to->exporter.user, segment) == LAMBDA_OK)) return;
    lambda__thread *thread = lambda__thread_get(&to->lambda->base);
    if (thread) lambda__counter_add(thread, LAMBDA__COUNT_TRACES_FAILED);
}

/** A segment out of the buffer. */
static void take(void *user, void *item, size_t length)
{
    (void)length;
    hand(user, lambda__trace_flat_read(item));
}

/** What was written and could not be sent is counted by who was to send it. */
static void flush(void *user)
{
    const lambda__exporter *to = user;
    (void)to->exporter.flush(to->exporter.user);
}

static lambda_status add_exporter(lambda_t *lambda, lambda__traces *traces, const lambda_trace_exporter *exporter,
                                  size_t buffer_size)
{
    lambda__exporter *to = &traces->exporters[traces->count];
    lambda__outlet_port port = {.take = take, .flush = exporter->flush ? flush : NULL, .user = to};
    to->exporter = *exporter;
    to->lambda = lambda;
    lambda_status status =
        exporter->direct ? LAMBDA_OK : lambda__outlet_open(&to->outlet, &lambda->base, buffer_size, &port);
    traces->count += status == LAMBDA_OK;
    return status;
}

lambda_status lambda__traces_open(lambda_t *lambda, const lambda_options *options, lambda__traces **opened)
{
    *opened = NULL;
    size_t count = 0;
    for (size_t i = 0; i < LAMBDA_TRACE_EXPORTERS_MAX; i++)
        count += options->trace[i].write != NULL;
    if (count == 0) return LAMBDA_OK;
    lambda__traces *traces = lambda__allocate_lines(&lambda->base, sizeof(*traces));
    if (!traces) return lambda__out_of_memory(NULL);
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < LAMBDA_TRACE_EXPORTERS_MAX && status == LAMBDA_OK; i++)
        if (options->trace[i].write)
            status = add_exporter(lambda, traces, &options->trace[i], options->trace_buffer_size);
    double rate = options->trace_rate;
    traces->reservoir = options->trace_reservoir == LAMBDA_TRACE_NONE ? 0 : options->trace_reservoir;
    traces->threshold = rate <= 0 ? 0 : rate >= 1 ? UINT64_MAX : (uint64_t)(rate * 0x1p64);
    *opened = traces;
    return status;
}

void lambda__traces_opened(lambda__traces *traces)
{
    traces->opened = true;
    for (size_t i = 0; i < traces->count; i++)
        if (!traces->exporters[i].exporter.direct) lambda__outlet_begin(&traces->exporters[i].outlet);
}

uint32_t lambda__traces_threads(const lambda__traces *traces)
{
    uint32_t count = 0;
    for (size_t i = 0; i < traces->count; i++)
        count += atomic_load_explicit(&traces->exporters[i].outlet.thread, memory_order_relaxed);
    return count;
}

bool lambda__traces_stop(lambda__traces *traces, uint64_t until)
{
    bool stopped = true;
    for (size_t i = 0; i < traces->count; i++)
        if (!traces->exporters[i].exporter.direct)
            stopped = lambda__outlet_stop(&traces->exporters[i].outlet, until) && stopped;
    return stopped;
}

uint64_t lambda__traces_dropped(const lambda__traces *traces)
{
    uint64_t dropped = 0;
    for (size_t i = 0; i < traces->count; i++)
        dropped += lambda__outlet_dropped(&traces->exporters[i].outlet);
    return dropped;
}

void lambda__traces_close(lambda_t *lambda, lambda__traces *traces)
{
    for (size_t i = 0; i < traces->count; i++) {
        const lambda_trace_exporter *exporter = &traces->exporters[i].exporter;
        if (traces->opened && exporter->close) exporter->close(exporter->user);
        lambda__outlet_close(&traces->exporters[i].outlet);
    }
    lambda__release_lines(&lambda->base, traces);
}

void lambda__traces_export(lambda_t *lambda, const lambda_trace_segment *segment)
{
    lambda__traces *traces = lambda->traces;
    for (size_t i = 0; i < traces->count; i++) {
        lambda__exporter *to = &traces->exporters[i];
        if (to->exporter.direct) {
            hand(to, segment);
            continue;
        }
        size_t size = lambda__trace_flat_size(segment);
        void *item = lambda__outlet_reserve(&to->outlet, size);
        if (!item) continue;
        lambda__trace_flat_write(segment, item, size);
        lambda__outlet_commit(&to->outlet);
    }
}

/* ---- what is sampled */

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
