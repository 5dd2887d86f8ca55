/* Trace headers: X-Ray's and W3C's, read and written. */
#ifndef LAMBDA_LIB_TRACE_HEADER_H
#define LAMBDA_LIB_TRACE_HEADER_H

#include <lambda/trace.h>

static inline bool lambda__trace_id_present(lambda_trace_id id)
{
    return (id.high | id.low) != 0;
}

/** Reads an X-Ray header. NULL, or what is wrong with it; `*context` is all zero then. */
const char *lambda__trace_header_read(const char *header, lambda_trace_context *context);

/** Reads a traceparent. Likewise. */
const char *lambda__traceparent_read(const char *traceparent, lambda_trace_context *context);

#endif
