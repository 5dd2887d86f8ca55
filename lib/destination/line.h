/* Deliveries as lines of JSON, in the form that lambda/port/destination.h gives: what files and queues keep. */
#ifndef LAMBDA_LIB_LINE_H
#define LAMBDA_LIB_LINE_H

#include <lambda/port/destination.h>

#include "base/buffer.h"

/** Appends a delivery as a line without line end. False when memory is out, the buffer's content as it was. */
bool lambda__line_render(lambda__base *base, const lambda_delivery *delivery, lambda__buffer *buffer);

typedef enum lambda__line_verdict {
    LAMBDA__LINE_DELIVERY, /* it was read */
    LAMBDA__LINE_DAMAGED,  /* it is no delivery */
    LAMBDA__LINE_NO_MEMORY /* it cannot be said */
} lambda__line_verdict;

/** A line that was read. Zeroed before its first use; may be used again and again; ended by lambda__line_clear. */
typedef struct lambda__line {
    lambda_delivery delivery; /* points into `texts` and into what was read; its target is "" */
    lambda__buffer texts;
} lambda__line;

/** Reads any bytes as a line. */
lambda__line_verdict lambda__line_parse(lambda__base *base, lambda_bytes text, lambda__line *line);

/** Frees it. */
void lambda__line_clear(lambda__base *base, lambda__line *line);

#endif
