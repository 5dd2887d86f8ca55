/* An invocation again and again, and how long it took. */
#ifndef LAMBDA_TOOL_LOAD_H
#define LAMBDA_TOOL_LOAD_H

#include "backend.h"

/**
 * Invokes `repeat` times, `concurrency` at once, and prints percentiles and a histogram; JSON if asked; meanwhile how far it is, where stderr is a terminal. SIGINT ends it early:
 * those that run are waited for, and what there is is printed. An exit code: TOOL_FUNCTION_FAILED where a function failed, TOOL_INTERRUPTED where it was ended early.
 */
int tool_load(tool_backend *backend, const tool_wish *wish, uint64_t repeat, uint64_t concurrency, bool json);

#endif
