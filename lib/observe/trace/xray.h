/* Segments as X-Ray's documents, and the exporters that carry them. */
#ifndef LAMBDA_LIB_TRACE_XRAY_H
#define LAMBDA_LIB_TRACE_XRAY_H

#include <lambda/trace.h>

#include "base/base.h"

/**
 * lambda_trace_write_xray with memory from `base`. With a `limit`, bytes, no document is longer: subsegments are then written as documents
 * of their own behind that of their segment, and annotations that leave no room for the rest of their span are left out, and counted in
 * its metadata. LAMBDA_ERROR_REQUEST_TOO_LARGE where even that does not do. `limit` 0: no limit; else at least
 * 32,768.
 */
lambda_status lambda__xray_write(lambda__base *base, const lambda_trace_segment *segment, size_t limit,
                                 lambda_writer *write, void *user);

/** The exporters with memory from `base`. */
lambda_status lambda__xray_exporter_udp(lambda__base *base, const char *address, lambda_trace_exporter *exporter);
lambda_status lambda__xray_exporter_file(lambda__base *base, const char *path, lambda_trace_exporter *exporter);

#endif
