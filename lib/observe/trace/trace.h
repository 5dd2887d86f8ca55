/* Traces: which invocations are sampled, and handing their segments to the exporters. */
#ifndef LAMBDA_LIB_TRACE_H
#define LAMBDA_LIB_TRACE_H

#include <lambda/port/trace.h>

#include "base/thread.h"
#include "observe/outlet.h"
#include "observe/trace/tree.h"
#include "service.h"

/** An exporter, and the buffer in front of it where it has one. */
typedef struct lambda__exporter {
    lambda_trace_exporter exporter;
    lambda_t *lambda;
    lambda__outlet outlet; /* of an exporter that is not direct */
} lambda__exporter;

/** A service's exporters, and what it samples. */
typedef struct lambda__traces {
    lambda__exporter exporters[LAMBDA_TRACE_EXPORTERS_MAX];
    size_t count;
    bool opened;        /* the exporters are the service's */
    uint32_t reservoir; /* traces in each second that are sampled in any case */
    uint64_t threshold; /* a random number below it is sampled; UINT64_MAX: each is */
    /* The second and how many were sampled in it; written until the reservoir is used up, and by nobody afterwards. */
    _Alignas(LAMBDA__CACHE_LINE) _Atomic uint64_t window;
} lambda__traces;

/** Copies the exporters; `*traces` NULL where there are none. The options are checked, and without defaults. They are the service's once lambda__traces_opened was called. */
lambda_status lambda__traces_open(lambda_t *lambda, const lambda_options *options, lambda__traces **traces);

/** Nothing else can fail: the exporters are the service's, and somebody empties their buffers. */
void lambda__traces_opened(lambda__traces *traces);

/** Threads of the library's own that empty buffers. */
uint32_t lambda__traces_threads(const lambda__traces *traces);

/** The service closes: hands over what waits. False: an exporter had not come back by `until`, and is abandoned. */
bool lambda__traces_stop(lambda__traces *traces, uint64_t until);

/** Segments that found a buffer full. */
uint64_t lambda__traces_dropped(const lambda__traces *traces);

/** Closes the exporters, if they are the service's, and frees it. */
void lambda__traces_close(lambda_t *lambda, lambda__traces *traces);

/** Whether a trace that begins at `now` is sampled. */
bool lambda__traces_sample(lambda__traces *traces, lambda__thread *thread, uint64_t now);

/** A new trace's id; `wall` is the wall clock. */
lambda_trace_id lambda__trace_id_next(lambda__thread *thread, uint64_t wall);

/** Gives what is not sampled a trace and an id, if it has none yet: somebody asks for them. On the handler's thread. */
void lambda__trace_identify(lambda__trace *trace, lambda__thread *thread);

/** Hands a segment to all exporters. */
void lambda__traces_export(lambda_t *lambda, const lambda_trace_segment *segment);

#endif
