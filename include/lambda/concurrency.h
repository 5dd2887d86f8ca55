/* How much of a function runs at once: reserved and provisioned concurrency, recursion, and the account's limits. */
#ifndef LAMBDA_CONCURRENCY_H
#define LAMBDA_CONCURRENCY_H

#include <lambda/function.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The rules are Lambda's: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html. Every call here may be made on
 * any thread; errors that all share stand in function.h. Where concurrency is short, an invocation is throttled: its
 * status is LAMBDA_ERROR_TOO_MANY_REQUESTS, and `lambda_result.throttle_reason` is one of Lambda's reasons:
 *
 *   "ConcurrentInvocationLimitExceeded"                  the account's concurrency that is not reserved is in use
 *   "ReservedFunctionConcurrentInvocationLimitExceeded"  the function's reserved concurrency is in use
 *   "FunctionInvocationRateLimitExceeded"                environments are started faster than the scaling rate
 *   "ReservedFunctionInvocationRateLimitExceeded"        the same, of a function with reserved concurrency
 */

/**
 * Reserves concurrency for a function: so many of its invocations may run at once, never more, and nobody else takes their
 * place. 0 throttles all of them. Invocations that run finish. LAMBDA_ERROR_INVALID_PARAMETER_VALUE where it would leave
 * the account less than `lambda_limits.unreserved_concurrent_executions`, or is less than the function has provisioned. No qualifier.
 */
LAMBDA_API lambda_status lambda_function_concurrency_put(lambda_t *lambda, const char *function_name,
                                                         uint32_t reserved_concurrent_executions);

/** What is reserved for a function. `*reserved` false: nothing is, and `*reserved_concurrent_executions` is 0. No qualifier. */
LAMBDA_API lambda_status lambda_function_concurrency_get(lambda_t *lambda, const char *function_name, bool *reserved,
                                                         uint32_t *reserved_concurrent_executions);

/** Gives a function's reserved concurrency back to the account. Where none was reserved, nothing happens. No qualifier. */
LAMBDA_API lambda_status lambda_function_concurrency_delete(lambda_t *lambda, const char *function_name);

/** How far provisioning has come; Lambda's words. */
typedef enum lambda_provisioned_concurrency_status {
    LAMBDA_PROVISIONED_CONCURRENCY_IN_PROGRESS = 0, /**< environments are being started */
    LAMBDA_PROVISIONED_CONCURRENCY_READY = 1,       /**< all are initialised */
    LAMBDA_PROVISIONED_CONCURRENCY_FAILED = 2 /**< an init hook failed; put the configuration again to try again */
} lambda_provisioned_concurrency_status;

/** "IN_PROGRESS", "READY", "FAILED"; "UNKNOWN" for what is none. Static; any thread. */
LAMBDA_API const char *lambda_provisioned_concurrency_status_name(lambda_provisioned_concurrency_status status);

/** Provisioned concurrency of a version or alias at one moment. Filled in for the caller, nothing to free. */
typedef struct lambda_provisioned_concurrency {
    char qualifier[129];                          /**< the version's number or the alias's name */
    uint32_t requested;                           /**< environments asked for */
    uint32_t allocated;                           /**< of those, initialised: idle or invoking */
    lambda_provisioned_concurrency_status status; /**< see there */
    char status_reason[128];                      /**< FAILED: why; else "" */
    uint64_t modified_ns;                         /**< when it was put, wall clock, nanoseconds since 1970 */
} lambda_provisioned_concurrency;

/**
 * Has so many environments of a version or alias initialised before they are needed, and kept: invocations go to them first, and
 * spill over to others when all are busy. They are started in the background, or by lambda_pump where the service has
 * no executor. An alias's are divided between its versions by their weights, and move when it does.
 *
 * The name carries the qualifier. LAMBDA_ERROR_INVALID_PARAMETER_VALUE for $LATEST or an alias that leads there, for 0, and where it is more
 * than the function's reserved concurrency, or more than the account has left beyond its unreserved minimum. LAMBDA_ERROR_RESOURCE_CONFLICT for a
 * version that an alias with provisioned concurrency leads to, and the other way around.
 */
LAMBDA_API lambda_status lambda_provisioned_concurrency_put(lambda_t *lambda, const char *function_name,
                                                            uint32_t provisioned_concurrent_executions);

/** Exported form of `lambda_provisioned_concurrency_get`. */
LAMBDA_API lambda_status lambda_provisioned_concurrency_get_sized(lambda_t *lambda, const char *function_name,
                                                                  lambda_provisioned_concurrency *got, size_t size);

/** How far it has come. LAMBDA_ERROR_PROVISIONED_CONCURRENCY_CONFIG_NOT_FOUND where there is none. */
static inline lambda_status lambda_provisioned_concurrency_get(lambda_t *lambda, const char *function_name,
                                                               lambda_provisioned_concurrency *got)
{
    return lambda_provisioned_concurrency_get_sized(lambda, function_name, got, sizeof(*got));
}

/** Ends it: idle environments stay as ordinary ones until they have been idle for long. Without one, nothing happens. */
LAMBDA_API lambda_status lambda_provisioned_concurrency_delete(lambda_t *lambda, const char *function_name);

/** Exported form of `lambda_provisioned_concurrency_list`. */
LAMBDA_API lambda_status lambda_provisioned_concurrency_list_sized(lambda_t *lambda, const char *function_name,
                                                                   lambda_provisioned_concurrency *items, size_t size,
                                                                   size_t capacity, size_t *count);

/**
 * All of a function's, by qualifier: fills in up to `capacity` of `items` and says in `*count` how many there are. No qualifier.
 */
static inline lambda_status lambda_provisioned_concurrency_list(lambda_t *lambda, const char *function_name,
                                                                lambda_provisioned_concurrency *items, size_t capacity,
                                                                size_t *count)
{
    return lambda_provisioned_concurrency_list_sized(lambda, function_name, items, sizeof(*items), capacity, count);
}

/** What becomes of a function that is invoked by its own invocations, over and over. */
typedef enum lambda_recursive_loop {
    LAMBDA_RECURSIVE_LOOP_TERMINATE = 0, /**< after 16 times the next is LAMBDA_ERROR_RECURSIVE_INVOCATION (default) */
    LAMBDA_RECURSIVE_LOOP_ALLOW = 1      /**< only `lambda_limits.invocation_depth` ends it */
} lambda_recursive_loop;

/**
 * Says what becomes of a function that calls itself, directly or through others.
 * The rule: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html. No qualifier.
 */
LAMBDA_API lambda_status lambda_function_recursion_config_put(lambda_t *lambda, const char *function_name,
                                                              lambda_recursive_loop recursive_loop);

/** What was said. No qualifier. */
LAMBDA_API lambda_status lambda_function_recursion_config_get(lambda_t *lambda, const char *function_name,
                                                              lambda_recursive_loop *recursive_loop);

/** The account's limits and what is used of them. */
typedef struct lambda_account_settings {
    uint32_t concurrent_executions;            /**< limit of all functions together */
    uint32_t unreserved_concurrent_executions; /**< what is left of it for functions without any of their own */
    uint64_t code_storage;                     /**< limit, bytes */
    uint64_t code_size;                        /**< in use, bytes */
    uint64_t function_count;                   /**< functions */
} lambda_account_settings;

/** Exported form of `lambda_account_settings_get`. */
LAMBDA_API lambda_status lambda_account_settings_get_sized(lambda_t *lambda, lambda_account_settings *settings,
                                                           size_t size);

/** Reads them. */
static inline lambda_status lambda_account_settings_get(lambda_t *lambda, lambda_account_settings *settings)
{
    return lambda_account_settings_get_sized(lambda, settings, sizeof(*settings));
}

#ifdef __cplusplus
}
#endif

#endif
