/* The lines of a file that grows at its end. */
#ifndef LAMBDA_LIB_LINES_H
#define LAMBDA_LIB_LINES_H

#include "base/base.h"
#include "base/platform.h"

/** Is shown a line, without its end. False: it is not taken, and the reading ends before it. */
typedef bool lambda__lines_taker(void *user, const char *line, size_t length);

/**
 * Shows the whole lines of an open file from an offset on, and moves the offset behind those that were taken; a last line without an end is left. `*ended`: the taker took one no more.
 * 0 or an errno: ENOMEM where memory is out.
 */
int lambda__lines_show(lambda__base *base, int descriptor, uint64_t *offset, lambda__lines_taker *take, void *user,
                       bool *ended);

#endif
