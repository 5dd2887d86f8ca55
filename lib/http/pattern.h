/* Patterns of members, compiled once. */
#ifndef LAMBDA_HTTP_PATTERN_H
#define LAMBDA_HTTP_PATTERN_H

#include <regex.h>

#include "api.h"

/** The pattern for the whole of a string. `pattern` is static: it is known by its address. NULL when memory is out. Any thread, without a lock. */
const regex_t *lambda__pattern(lambda_api *api, const char *pattern);

/** Frees all of them. */
void lambda__patterns_free(lambda_api *api);

#endif
