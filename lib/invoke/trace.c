/* The trace of an invocation: which it belongs to, its spans, and its segment. */
#include <string.h>

#include "environment/worker.h"
#include "invoke/invoke.h"
#include "observe/trace/trace.h"

_Static_assert(LAMBDA__TRACE_ARN_SIZE >= LAMBDA__ARN_SIZE, "an ARN fits");
_Static_assert(LAMBDA__TRACE_QUALIFIER_SIZE >= LAMBDA__QUALIFIER_SIZE, "a qualifier fits");

/* ---- which trace */

/** What the caller gave; false for nothing. Of a malformed header nothing is left: Lambda begins a new trace then. */
static bool read_given(const char *header, const char *traceparent, lambda_trace_context *context)
{
    *context = (lambda_trace_context)LAMBDA_ZERO;
    if (traceparent)
        (void)lambda__traceparent_read(traceparent, context);
    else if (header && header[0])
        (void)lambda__trace_header_read(header, context);
    else
        return false;
    return true;
}

/** What a handler's call hands on. */
static void read_outer(lambda__trace *outer, lambda__thread *thread, lambda_trace_context *context)
{
    lambda__trace_identify(outer, thread);
    *context = outer->context;
    context->parent_id = lambda__trace_parent(outer);
    context->decided = true;
}

/** The ARN that was invoked; that of the last invocation where it is the same. */
static void keep_arn(const lambda__environment *environment, lambda__trace *trace)
{
    size_t length = environment->qualifier ? environment->qualifier_length : 0;
    if (LAMBDA__LIKELY(trace->arn[0] && trace->arn_qualifier_length == length &&
                       (length == 0 || memcmp(trace->arn_qualifier, environment->qualifier, length) == 0)))
        return;
    if (length > 0) memcpy(trace->arn_qualifier, environment->qualifier, length);
    trace->arn_qualifier[length] = '\0';
    trace->arn_qualifier_length = length;
    lambda__name_arn(environment->lambda, environment->version->function->name, trace->arn_qualifier, trace->arn,
                     sizeof(trace->arn));
}

void lambda__trace_invocation(lambda__environment *environment, lambda__thread *thread, const lambda__chain *chain,
                              uint64_t now)
{
    lambda_t *lambda = environment->lambda;
    lambda__trace *trace = environment->trace;
    lambda_trace_context *context = &trace->context;
    const lambda_invoke_options *options = environment->options;
    lambda__trace *outer = NULL;
    bool given = options && read_given(options->trace_id, options->traceparent, context);
    if (!given) {
        outer = lambda__chain_trace(chain);
        if (outer)
            read_outer(outer, thread, context);
        else
            *context = (lambda_trace_context)LAMBDA_ZERO;
    }
    if (!context->decided)
        context->sampled = environment->version->settings->tracing_mode == LAMBDA_TRACING_ACTIVE &&
                           lambda__traces_sample(lambda->traces, thread, now);
    context->decided = true;
    trace->id = 0;
    trace->start = now;
    if (context->sampled) {
        uint64_t wall = 0;
        if (outer)
            trace->offset = outer->offset; /* so that what is within is not seen to begin before */
        else
            trace->offset = (wall = lambda__wall(&lambda->base)) - now;
        if (!lambda__trace_id_present(context->trace_id)) context->trace_id = lambda__trace_id_next(thread, wall);
        trace->id = lambda__thread_random(thread);
        trace->service_id = lambda__thread_random(thread);
        keep_arn(environment, trace);
    }
    lambda__trace_begin(trace);
}

/* ---- the handler's side */

void lambda__trace_init_begins(lambda__environment *environment, lambda__thread *thread, uint64_t now)
{
    lambda__trace *trace = environment->trace;
    /* For a worker its caller has done so. */
    if (!environment->worker) lambda__trace_invocation(environment, thread, environment->chain.parent, now);
    if (trace->context.sampled)
        trace->initialization = lambda__trace_push(trace, LAMBDA_TRACE_INITIALIZATION, "Initialization",
                                                   lambda__thread_random(thread), now);
}

void lambda__trace_init_ended(lambda__environment *environment, uint64_t now)
{
    lambda__trace *trace = environment->trace;
    if (trace->context.sampled) lambda__trace_pop(trace, trace->initialization, now);
}

void lambda__trace_handler_begins(lambda__environment *environment, lambda__thread *thread,
                                  const lambda__outcome *outcome)
{
    lambda__trace *trace = environment->trace;
    if (LAMBDA__LIKELY(!trace->begun))
        lambda__trace_invocation(environment, thread, environment->chain.parent, environment->start);
    if (!trace->context.sampled || outcome->init_failed) return;
    trace->invocation = lambda__trace_push(trace, LAMBDA_TRACE_INVOCATION, "Invocation", lambda__thread_random(thread),
                                           environment->start);
}

void lambda__trace_handler_ended(lambda__environment *environment, const lambda__outcome *outcome)
{
    lambda__trace *trace = environment->trace;
    if (trace->context.sampled && trace->invocation)
        lambda__trace_pop(trace, trace->invocation, environment->start + outcome->duration);
}

static void copy_text(char *to, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);
    memcpy(to, text, length);
    to[length] = '\0';
}

void lambda__trace_failed(lambda__environment *environment, const char *error_type, const char *error_message,
                          bool left)
{
    lambda__trace *trace = environment->trace;
    if (!trace->context.sampled) return;
    if (left) {
        trace->left = true;
        copy_text(trace->left_type, sizeof(trace->left_type), error_type);
        copy_text(trace->left_message, sizeof(trace->left_message), error_message);
        return;
    }
    uint32_t phase = trace->invocation ? trace->invocation : trace->initialization;
    lambda__trace_fail(trace, 0, error_type, error_message);
    if (!phase) return;
    trace->spans[phase].fault = true;
    trace->spans[phase].error_type = trace->spans[0].error_type;
    trace->spans[phase].error_message = trace->spans[0].error_message;
}

/* ---- the segment */

static void hand_over(lambda__environment *environment, const lambda__outcome *outcome, lambda_trace_span *spans,
                      size_t spans_count)
{
    const lambda__trace *trace = environment->trace;
    const lambda__version *version = environment->version;
    spans[0].name = version->function->name;
    lambda_trace_segment segment = {.trace_id = trace->context.trace_id,
                                    .parent_id = trace->context.parent_id,
                                    .service_id = trace->service_id,
                                    .request_id = environment->request_id,
                                    .function_name = version->function->name,
                                    .function_arn = trace->arn,
                                    .executed_version = version->label,
                                    .log_group_name = lambda_context_log_group_name(environment),
                                    .log_stream_name = lambda_context_log_stream_name(environment),
                                    .memory_size = version->settings->memory_size,
                                    .cold_start = outcome->cold,
                                    .spans = spans,
                                    .spans_count = spans_count};
    if (!trace->left) {
        segment.spans_dropped = trace->dropped;
        segment.annotations = trace->annotations;
        segment.annotations_count = trace->annotations_count;
    }
    lambda__traces_export(environment->lambda, &segment);
}

/** A handler that still runs: what its caller knows of it. */
static void report_left(lambda__environment *environment, const lambda__outcome *outcome, lambda__thread *thread,
                        uint64_t now)
{
    const lambda__trace *trace = environment->trace;
    uint64_t deadline = atomic_load_explicit(&environment->worker->deadline, memory_order_acquire);
    /* When its time began to count, if it did. */
    uint64_t began = deadline == UINT64_MAX ? trace->start : deadline - environment->timeout_ns;
    if (began < trace->start || began > now) began = trace->start;
    lambda_trace_span spans[3];
    size_t count = 0;
    spans[count++] = (lambda_trace_span){.kind = LAMBDA_TRACE_FUNCTION, .id = trace->id, .start_ns = trace->start};
    if (outcome->cold)
        spans[count++] = (lambda_trace_span){.kind = LAMBDA_TRACE_INITIALIZATION,
                                             .id = lambda__thread_random(thread),
                                             .start_ns = trace->start,
                                             .end_ns = began,
                                             .name = "Initialization"};
    spans[count++] = (lambda_trace_span){.kind = LAMBDA_TRACE_INVOCATION,
                                         .id = lambda__thread_random(thread),
                                         .start_ns = began,
                                         .end_ns = now,
                                         .name = "Invocation"};
    spans[0].end_ns = now;
    for (size_t i = 0; i < count; i++) {
        bool failed = spans[i].kind != LAMBDA_TRACE_INITIALIZATION;
        spans[i].start_ns += trace->offset;
        spans[i].end_ns += trace->offset;
        spans[i].fault = failed;
        spans[i].error_type = failed ? trace->left_type : "";
        spans[i].error_message = failed ? trace->left_message : "";
    }
    hand_over(environment, outcome, spans, count);
}

/** An init that only a test's fault says there was. */
static void add_initialization(lambda__trace *trace, uint64_t id, uint64_t now)
{
    uint32_t span = lambda__trace_push(trace, LAMBDA_TRACE_INITIALIZATION, "Initialization", id, now);
    trace->spans[span].fault = trace->spans[0].fault;
    trace->spans[span].error_type = trace->spans[0].error_type;
    trace->spans[span].error_message = trace->spans[0].error_message;
    lambda__trace_pop(trace, span, now);
}

void lambda__trace_report(lambda__environment *environment, const lambda__outcome *outcome)
{
    lambda__trace *trace = environment->trace;
    lambda__base *base = &environment->lambda->base;
    lambda__thread *thread = trace->context.sampled ? lambda__thread_get(base) : NULL;
    if (thread && trace->left) {
        report_left(environment, outcome, thread, lambda__now(base));
    } else if (thread) {
        uint64_t end = environment->start + outcome->duration;
        if (LAMBDA__UNLIKELY(outcome->cold && !trace->initialization))
            add_initialization(trace, lambda__thread_random(thread), environment->start);
        lambda__trace_push(trace, LAMBDA_TRACE_OVERHEAD, "Overhead", lambda__thread_random(thread), end);
        uint64_t now = lambda__now(base);
        lambda__trace_pop(trace, 0, now > end ? now : end);
        hand_over(environment, outcome, trace->spans, trace->spans_count);
    }
    trace->begun = false;
}

/* ---- what a handler invokes */

lambda__trace_call lambda__trace_call_begin(lambda__thread *thread, const char *name, size_t length, bool asynchronous)
{
    lambda__trace *trace = lambda__chain_trace(thread->chain);
    if (!lambda__trace_records(trace)) return (lambda__trace_call){0};
    uint32_t span = lambda__trace_start(trace, LAMBDA_TRACE_CALL, name, length, lambda__thread_random(thread),
                                        lambda__now(trace->base));
    if (span != LAMBDA__TRACE_NONE) trace->spans[span].asynchronous = asynchronous;
    return (lambda__trace_call){.trace = trace, .span = span};
}

/** The kept name: what led nowhere may be anything. */
static void set_name(lambda_trace_span *span, const char *name, size_t length, bool valid)
{
    char *kept = (char *)(uintptr_t)span->name;
    if (length > 0) {
        memcpy(kept, name, length);
        kept[length] = '\0';
    } else {
        length = strlen(kept);
    }
    for (size_t i = 0; !valid && i < length; i++) {
        char each = kept[i];
        bool word = (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9');
        if (!word && !strchr("-_:.", each)) kept[i] = '_';
    }
}

/** X-Ray's flags: a status that is the caller's own doing, or not. */
static void set_status(lambda_trace_span *span, lambda_status status)
{
    bool service = status == LAMBDA_ERROR_SERVICE || status == LAMBDA_ERROR_OUT_OF_MEMORY;
    span->fault = service;
    span->error = !service;
    span->throttle = status == LAMBDA_ERROR_TOO_MANY_REQUESTS;
    span->error_type = lambda_status_name(status);
}

void lambda__trace_call_end(lambda__trace_call call, const char *name, size_t length, lambda_status status)
{
    lambda__trace *trace = call.trace;
    if (call.span != LAMBDA__TRACE_NONE) {
        lambda_trace_span *span = &trace->spans[call.span];
        set_name(span, name, length, status == LAMBDA_OK);
        if (status != LAMBDA_OK) set_status(span, status);
    }
    lambda__trace_pop(trace, call.span, lambda__now(trace->base));
}

void lambda__trace_call_failed(const lambda__thread *thread)
{
    lambda__trace *trace = lambda__chain_trace(thread->chain);
    if (!lambda__trace_records(trace)) return;
    lambda_trace_span *span = &trace->spans[trace->open];
    if (span->kind != LAMBDA_TRACE_CALL) return;
    span->fault = true;
    span->error_type = "Unhandled";
}

/* ---- events */

/** How a function's traces begin, as far as it is known before one of its versions is chosen. */
static bool begins_traces(lambda_t *lambda, lambda__thread *thread, const lambda__name *name)
{
    lambda__read_begin(thread);
    lambda__function *function = lambda__registry_find(lambda, name->function, name->function_length);
    const lambda__version *version =
        function ? lambda__function_resolve(function, name->qualifier, name->qualifier_length, thread) : NULL;
    bool begins = version && version->settings->tracing_mode == LAMBDA_TRACING_ACTIVE;
    lambda__read_end(thread);
    return begins;
}

const char *lambda__trace_event(lambda_t *lambda, lambda__thread *thread, const lambda__name *name, const char *given,
                                char text[LAMBDA_TRACE_HEADER_SIZE])
{
    lambda_trace_context context;
    if (!read_given(given, NULL, &context)) {
        lambda__trace *outer = lambda__chain_trace(thread->chain);
        if (outer) read_outer(outer, thread, &context);
    } else if (context.decided && lambda__trace_id_present(context.trace_id)) {
        return given;
    }
    if (!context.decided) {
        if (!begins_traces(lambda, thread, name)) return given;
        context.sampled = lambda__traces_sample(lambda->traces, thread, lambda__now(&lambda->base));
        context.decided = true;
    }
    if (!lambda__trace_id_present(context.trace_id))
        context.trace_id = lambda__trace_id_next(thread, lambda__wall(&lambda->base));
    lambda_trace_header_format(&context, text);
    return text;
}
