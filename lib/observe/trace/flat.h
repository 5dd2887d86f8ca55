/*
 * A segment as bytes in one piece, for what keeps segments: rings, and buffers in front of exporters. The struct, its spans and annotations as they are, and
 * behind them all texts; a pointer is an offset until it is read. So it is the same process's alone.
 */
#ifndef LAMBDA_LIB_TRACE_FLAT_H
#define LAMBDA_LIB_TRACE_FLAT_H

#include <lambda/port/trace.h>

/** What a flat segment must stand on, and its length is a multiple of. */
#define LAMBDA__TRACE_FLAT_ALIGN 8

/** Bytes that lambda__trace_flat_write writes. */
size_t lambda__trace_flat_size(const lambda_trace_segment *segment);

/** Writes it; `to` has room for `size` bytes, what lambda__trace_flat_size said, and is aligned. */
void lambda__trace_flat_write(const lambda_trace_segment *segment, void *to, size_t size);

/** Makes pointers of the offsets, once, where the bytes stand now. They are aligned, and stay the caller's. */
const lambda_trace_segment *lambda__trace_flat_read(void *flat);

#endif
