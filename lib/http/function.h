/* What the operations of functions, versions and aliases share. */
#ifndef LAMBDA_HTTP_FUNCTION_H
#define LAMBDA_HTTP_FUNCTION_H

#include <lambda/alias.h>

#include "resource.h"

/* Members of CreateFunction and UpdateFunctionConfiguration alike: function_members.c. */
extern const lambda__member lambda__members_of_code[];

/** Names of Lambda's runtimes, NULL-terminated, whether they are had here or not. */
extern const char *const lambda__runtimes[];

/** {"team": "blue"}: new, NULL when memory is out. */
json_t *lambda__shape_tags(const lambda_function_configuration *configuration);

/** Likewise of an alias. */
json_t *lambda__shape_alias(const lambda_alias *alias);

/** Lambda's name of what this library was built for. */
const char *lambda__architecture(void);

/** Answers with a configuration (taken; NULL is allowed after a status) or with the status. */
void lambda__reply_configuration(const lambda__request *request, lambda__reply *reply, lambda_status status,
                                 lambda_function_configuration *configuration);

/** What of the input became a config. All zero to begin with; ended by lambda__taken_clear. */
typedef struct lambda__taken {
    lambda_function_config config;
    lambda_pair *environment;
    lambda_pair *tags;
    const char **layers;
    char *zip; /* decoded; its length is config.code.data_length */
} lambda__taken;

/** The configuration that the input has. Borrowed from the input, but for what is in `taken`. `log_format` is the function's until now; NULL: it is new. False: the reply says what is refused. */
bool lambda__take_configuration(const lambda__request *request, const char *log_format, lambda__taken *taken,
                                lambda__reply *reply);
/** The package in `code` (the input itself in UpdateFunctionCode), for that runtime. False likewise. */
bool lambda__take_code(const json_t *code, const char *runtime, lambda__taken *taken, lambda__reply *reply);
void lambda__taken_clear(lambda__taken *taken);

#endif
