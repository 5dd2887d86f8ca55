/* What becomes of asynchronous invocations: how often they are tried, how old they may get, and who is told. */
#ifndef LAMBDA_EVENT_INVOKE_CONFIG_H
#define LAMBDA_EVENT_INVOKE_CONFIG_H

#include <lambda/function.h>

#ifdef __cplusplus
extern "C" {
#endif

/** For `maximum_retry_attempts`: none. */
#define LAMBDA_NO_RETRY_ATTEMPTS UINT32_MAX

/**
 * Settings of a function, version or alias (https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html).
 * Zero means the default in a put, and "as it was" in an update. Everything is copied. A target is the name or ARN of a function of
 * this service, or a name that has a destination (lambda/port/destination.h).
 */
typedef struct lambda_event_invoke_config {
    uint32_t maximum_retry_attempts; /**< after a function error: 1 or 2, or LAMBDA_NO_RETRY_ATTEMPTS. Default 2 */
    uint32_t maximum_event_age_s;    /**< seconds since it was accepted, 60 to 21,600. Default 21,600 */
    const char *
        on_success; /**< target of records of successes, at most 350 characters. Default none; "" to update: none any more */
    const char *on_failure; /**< target of records of failures, likewise */
} lambda_event_invoke_config;

/** The settings of one qualifier: a copy, the caller's to free with `lambda_event_invoke_configuration_free`. No string is NULL. */
typedef struct lambda_event_invoke_configuration {
    const char *function_arn;        /**< with the qualifier; $LATEST too */
    uint32_t maximum_retry_attempts; /**< 0 to 2 */
    uint32_t maximum_event_age_s;    /**< seconds */
    const char *on_success;          /**< "" for none */
    const char *on_failure;          /**< "" for none */
    uint64_t modified_ns;            /**< wall clock, nanoseconds since 1970 */
} lambda_event_invoke_configuration;

/** All of a function. The caller's to free with `lambda_event_invoke_configuration_list_free`. */
typedef struct lambda_event_invoke_configuration_list {
    lambda_event_invoke_configuration **items; /**< `count` of them by qualifier, owned by the list */
    size_t count;                              /**< 0 where there is none */
} lambda_event_invoke_configuration_list;

/** Exported form of `lambda_event_invoke_config_put`. */
LAMBDA_API lambda_status lambda_event_invoke_config_put_sized(lambda_t *lambda, const char *function_name,
                                                              const lambda_event_invoke_config *config, size_t size);

/**
 * Sets all settings of a function ($LATEST), version or alias; what was set before is forgotten. They hold for every event that has
 * not ended yet. LAMBDA_ERROR_INVALID_PARAMETER_VALUE for a target that is neither a function nor a destination, and for the
 * function itself. Any thread; errors as in function.h.
 */
static inline lambda_status lambda_event_invoke_config_put(lambda_t *lambda, const char *function_name,
                                                           const lambda_event_invoke_config *config)
{
    return lambda_event_invoke_config_put_sized(lambda, function_name, config, sizeof(lambda_event_invoke_config));
}

/** Exported form of `lambda_event_invoke_config_update`. */
LAMBDA_API lambda_status lambda_event_invoke_config_update_sized(lambda_t *lambda, const char *function_name,
                                                                 const lambda_event_invoke_config *changes,
                                                                 size_t size);

/** Changes what is not zero. LAMBDA_ERROR_RESOURCE_NOT_FOUND where the function, version or alias has none. */
static inline lambda_status lambda_event_invoke_config_update(lambda_t *lambda, const char *function_name,
                                                              const lambda_event_invoke_config *changes)
{
    return lambda_event_invoke_config_update_sized(lambda, function_name, changes, sizeof(lambda_event_invoke_config));
}

/** What is set. LAMBDA_ERROR_RESOURCE_NOT_FOUND where nothing is. `*configuration` is NULL on failure. */
LAMBDA_API lambda_status lambda_event_invoke_config_get(lambda_t *lambda, const char *function_name,
                                                        lambda_event_invoke_configuration **configuration);

/** Goes back to the defaults. LAMBDA_ERROR_RESOURCE_NOT_FOUND where nothing is set. */
LAMBDA_API lambda_status lambda_event_invoke_config_delete(lambda_t *lambda, const char *function_name);

/** All of a function's. No qualifier. `*list` is NULL on failure. */
LAMBDA_API lambda_status lambda_event_invoke_config_list(lambda_t *lambda, const char *function_name,
                                                         lambda_event_invoke_configuration_list **list);

/** Frees it. NULL is allowed. */
LAMBDA_API void lambda_event_invoke_configuration_free(lambda_event_invoke_configuration *configuration);

/** Frees it. NULL is allowed. */
LAMBDA_API void lambda_event_invoke_configuration_list_free(lambda_event_invoke_configuration_list *list);

#ifdef __cplusplus
}
#endif

#endif
