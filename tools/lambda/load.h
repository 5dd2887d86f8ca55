/* An invocation again and again, and how long it took. */
#ifndef LAMBDA_TOOL_LOAD_H
#define LAMBDA_TOOL_LOAD_H

#include "backend.h"

/** Invokes `repeat` times, `concurrency` at once, and prints percentiles and a histogram; JSON if asked. An exit code: 1 where a function failed. */
int tool_load(tool_backend *backend, const tool_wish *wish, uint64_t repeat, uint64_t concurrency, bool json);

#endif
