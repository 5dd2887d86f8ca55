/* Lambda's limits and defaults: one table, with their public sources. */
#ifndef LAMBDA_LIB_LIMITS_H
#define LAMBDA_LIB_LIMITS_H

#include <lambda/function.h>

#include "registry/registry.h"

/* X(name, minimum, maximum, default, source); `$DOCS` is https://docs.aws.amazon.com/lambda/latest */
#define LAMBDA__LIMIT_MAP(X)                                                                                           \
    X(MEMORY_SIZE, 128, 10240, 128, "$DOCS/dg/gettingstarted-limits.html, MB")                                         \
    X(TIMEOUT_MS, 1, 900000, 3000, "$DOCS/dg/gettingstarted-limits.html, 15 minutes; milliseconds are our own")        \
    X(EPHEMERAL_STORAGE_SIZE, 512, 10240, 512, "$DOCS/api/API_EphemeralStorage.html, MB")                              \
    X(SPARE_ENVIRONMENTS, 0, 1000, 0, "our own: Lambda starts some ahead by rules it does not tell")                   \
    X(FUNCTION_NAME, 1, LAMBDA__NAME_MAX, 0, "$DOCS/api/API_CreateFunction.html, characters")                          \
    X(QUALIFIER, 1, 128, 0, "$DOCS/api/API_Invoke.html, characters")                                                   \
    X(DESCRIPTION, 0, 256, 0, "$DOCS/api/API_CreateFunction.html, characters")                                         \
    X(HANDLER, 0, 128, 0, "$DOCS/api/API_CreateFunction.html, characters")                                             \
    X(ROLE, 0, 512, 0, "https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html, path and name")             \
    X(LAYERS, 0, 5, 0, "$DOCS/dg/gettingstarted-limits.html")                                                          \
    X(LOG_GROUP, 1, 512, 0, "$DOCS/api/API_LoggingConfig.html, characters")                                            \
    X(TAGS, 0, 50, 0, "$DOCS/dg/configuration-tags.html")                                                              \
    X(TAG_NAME, 1, 128, 0, "$DOCS/dg/configuration-tags.html, characters")                                             \
    X(TAG_VALUE, 0, 256, 0, "$DOCS/dg/configuration-tags.html, characters")                                            \
    X(MAXIMUM_RETRY_ATTEMPTS, 0, 2, 2, "$DOCS/api/API_PutFunctionEventInvokeConfig.html")                              \
    X(MAXIMUM_EVENT_AGE_S, 60, 21600, 21600, "$DOCS/api/API_PutFunctionEventInvokeConfig.html, seconds")               \
    X(TARGET, 0, 350, 0, "$DOCS/api/API_OnFailure.html, characters; here of one byte each")                            \
    X(MAX_ITEMS, 1, 10000, 50, "$DOCS/api/API_ListFunctions.html")

enum {
#define LAMBDA__LIMIT_ENUM(name, minimum, maximum, standard, source)                                                   \
    LAMBDA__##name##_MIN = (minimum), LAMBDA__##name##_MAX = (maximum), LAMBDA__##name##_DEFAULT = (standard),
    LAMBDA__LIMIT_MAP(LAMBDA__LIMIT_ENUM)
#undef LAMBDA__LIMIT_ENUM
};

/** A number that is zero, or within the limits; the message names `field`. */
lambda_status lambda__limit_number(lambda_t *lambda, const char *field, uint64_t value, uint64_t minimum,
                                   uint64_t maximum);

/** A text that is NULL, or UTF-8 of so many characters. */
lambda_status lambda__limit_text(lambda_t *lambda, const char *field, const char *text, size_t minimum, size_t maximum);

/** A handler string, an IAM role's ARN, or NULL. */
lambda_status lambda__limit_handler(lambda_t *lambda, const char *handler);
lambda_status lambda__limit_role(lambda_t *lambda, const char *role);

/** ARNs of layer versions: form, number, no layer twice. */
lambda_status lambda__limit_layers(lambda_t *lambda, const char *const *layers, size_t count);

/** A function's log: format, levels, and a group of at least so many characters. */
lambda_status lambda__limit_logging(lambda_t *lambda, const lambda_logging_config *logging, size_t group_minimum);

/** A level of the platform's lines, https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html, or DEFAULT. */
static inline bool lambda__system_log_level_valid(lambda_log_level level)
{
    return level == LAMBDA_LOG_DEFAULT || level == LAMBDA_LOG_DEBUG || level == LAMBDA_LOG_INFO ||
           level == LAMBDA_LOG_WARN || level == LAMBDA_LOG_OFF;
}

/** Variables of a function: names, reserved names, duplicates, bytes in all. */
lambda_status lambda__limit_environment(lambda_t *lambda, const lambda_pair *pairs, size_t count);

/** Tags: names, values, duplicates, number. */
lambda_status lambda__limit_tags(lambda_t *lambda, const lambda_pair *pairs, size_t count);

#endif
