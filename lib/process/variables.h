/* Environment variables of an environment's processes: Lambda's, the function's own, and nothing of the host's. */
#ifndef LAMBDA_PROCESS_VARIABLES_H
#define LAMBDA_PROCESS_VARIABLES_H

#include <lambda/function.h>

#include "driver.h"

/** What they say. Borrowed for the call; no string is NULL. */
typedef struct lambda__facts {
    const lambda__runtime *runtime;
    const char *handler;
    const char *region;
    const char *function_name;
    const char *function_version;
    const char *initialization_type;
    const char *log_group_name;
    const char *log_stream_name;
    uint32_t memory_mb;
    lambda_log_format log_format;
    lambda_log_level log_level;
    const char *runtime_api; /* host and port */
    const char *task;        /* directories, as the processes see them */
    const char *opt;
    const char *tmp;
    const char *runtime_directory;
    const lambda_pair *own; /* the function's variables */
    size_t own_count;
} lambda__facts;

/**
 * "NAME=value" of all of them, NULL at the end; freed by lambda__variables_free. Of a name that stands there twice the reserved one wins over the function's, and the function's over
 * what is only a default. `extension`: those that an extension gets, which are fewer. NULL when memory is out.
 */
char **lambda__variables_make(const lambda__facts *facts, bool extension);

/** NULL is allowed. */
void lambda__variables_free(char **variables);

/** The value of one of them, or NULL. */
const char *lambda__variables_find(char *const *variables, const char *name);

#endif
