/* A line as bytes in one piece, for the buffers in front of sinks: the record as it is, and behind it its texts. The same process's alone. */
#ifndef LAMBDA_LIB_LOG_FLAT_H
#define LAMBDA_LIB_LOG_FLAT_H

#include <lambda/port/log.h>

/** Bytes that lambda__log_flat_write writes. */
size_t lambda__log_flat_size(const lambda_log_record *record);

/** Writes it; `to` is aligned as a record is. */
void lambda__log_flat_write(const lambda_log_record *record, void *to);

/** Makes pointers of the offsets, once, where the bytes stand now. */
const lambda_log_record *lambda__log_flat_read(void *flat);

#endif
