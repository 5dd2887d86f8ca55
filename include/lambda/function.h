/* Functions: their configuration, code, tags. */
#ifndef LAMBDA_FUNCTION_H
#define LAMBDA_FUNCTION_H

#include <lambda/code.h>
#include <lambda/service.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Wherever a function's name is taken, these are the forms (Lambda's, https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html):
 * a name "area", a name with a qualifier "area:prod" or "area:3" or "area:$LATEST", a partial ARN
 * "000000000000:function:area" and a full one "arn:aws:lambda:us-east-1:000000000000:function:area", both with or
 * without a qualifier. A region or account that is not the service's own is LAMBDA_ERROR_RESOURCE_NOT_FOUND.
 *
 * Every call here may be made on any thread. Errors that all of them share: LAMBDA_ERROR_INVALID_PARAMETER_VALUE for a NULL
 * or malformed argument, LAMBDA_ERROR_RESOURCE_NOT_FOUND for what does not exist, LAMBDA_ERROR_OUT_OF_MEMORY. After
 * any error the service is as it was before the call.
 */

/** A pair of strings: an environment variable, or a tag. */
typedef struct lambda_pair {
    const char *name;  /**< environment variable: a letter, then letters, digits and _; tag: 1 to 128 characters */
    const char *value; /**< tag: at most 256 characters. Not NULL */
} lambda_pair;

/** Where a function's code runs. */
typedef enum lambda_isolation {
    LAMBDA_ISOLATION_DEFAULT =
        0, /**< INLINE, or PROCESS where code of its runtime can do nothing else; in an update, as it was */
    /** On the thread that invokes. Costs nothing; an overrun is seen when the handler returns. */
    LAMBDA_ISOLATION_INLINE = 1,
    /**
     * On another thread: with the library's own threads, one for each environment, on which all its hooks and invocations
     * run. Who invokes gets the timeout on time; the environment is shut down when its handler comes back, and counts as
     * concurrency until then. Event and options are copied. Refused where the service's executor is LAMBDA_EXECUTOR_NONE.
     */
    LAMBDA_ISOLATION_THREAD = 2,
    /**
     * In a process of its own, killed when its time is over; its memory and files are its own. For code whose driver starts processes (process.h), which is
     * what DEFAULT is there; other code refuses it. The thread that invokes waits for the process, and serves it meanwhile. An update
     * cannot change it to or from the others.
     */
    LAMBDA_ISOLATION_PROCESS = 3
} lambda_isolation;

/** Lambda's tracing mode of a function, https://docs.aws.amazon.com/lambda/latest/api/API_TracingConfig.html. */
typedef enum lambda_tracing_mode {
    LAMBDA_TRACING_DEFAULT = 0,      /**< PASS_THROUGH; in an update, as it was */
    LAMBDA_TRACING_PASS_THROUGH = 1, /**< an invocation is traced where its caller's trace is sampled */
    LAMBDA_TRACING_ACTIVE = 2,       /**< it may also begin a trace, as `lambda_options.trace_rate` says */
    LAMBDA_TRACING_OFF = 3           /**< never, whoever asks. Not Lambda's */
} lambda_tracing_mode;

/** Whether a function is counted by function, version and alias, where the service counts at all (`lambda_options.metrics`). */
typedef enum lambda_metrics_mode {
    LAMBDA_METRICS_DEFAULT = 0, /**< ON; in an update, as it was */
    LAMBDA_METRICS_ON = 1,      /**< it is */
    LAMBDA_METRICS_OFF = 2      /**< it is not; `lambda_statistics_get` counts it all the same */
} lambda_metrics_mode;

/** For `spare_environments` in an update: none any more. */
#define LAMBDA_NO_SPARE_ENVIRONMENTS UINT32_MAX

/**
 * What a function is to be. The limits are Lambda's (https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html).
 * Zero means the default when a function is created, and "as it was" when one is updated. Everything is copied.
 */
typedef struct lambda_function_config {
    const char *function_name; /**< required to create, 1 to 64 of `A-Z a-z 0-9 - _`; NULL to update */
    lambda_code code;          /**< required to create; empty to update (see lambda_function_update_code) */
    const char *description;   /**< at most 256 characters. Default "" */
    const char *
        runtime; /**< to create: NULL, or the same as the code's, which decides. To update: the runtime that the code is for from now on; only of code that its driver knows by a reference, as packages are (port/runtime.h) */
    const char *handler;             /**< at most 128 characters, no space. Default "" */
    const char *role;                /**< an IAM role's ARN; kept and shown. Default "" */
    uint32_t memory_size;            /**< MB, 128 to 10,240. Default 128 */
    uint32_t timeout_ms;             /**< milliseconds, 1 to 900,000. Default 3,000 */
    uint32_t ephemeral_storage_size; /**< MB, 512 to 10,240. Default 512 */
    lambda_isolation
        isolation; /**< where the code runs. Default LAMBDA_ISOLATION_INLINE, or _PROCESS where code of its runtime can do nothing else */
    /**
     * Environments beyond those in use that are initialised ahead, in the background, once the function is being used: an
     * invocation that finds the others busy then waits for no init hook. At most 1,000. Default 0.
     */
    uint32_t spare_environments;
    const char *dead_letter_target_arn; /**< where asynchronous events go that failed: as a target in
                                             event_invoke_config.h, at most 350 characters. Default none; "" to update: none any more */
    const lambda_pair *environment; /**< variables of the function; not NULL replaces all. Reserved names are refused */
    size_t environment_count;       /**< number of those */
    const lambda_pair *tags;        /**< at most 50; to create only (see lambda_function_tag) */
    size_t tags_count;              /**< number of those */
    bool publish;                   /**< create: publish version 1 at once */
    const char *
        revision_id; /**< update: only if this is still the revision, else LAMBDA_ERROR_PRECONDITION_FAILED. NULL: any */
    lambda_logging_config logging_config; /**< its log (log.h) */
    lambda_tracing_mode tracing_mode;     /**< its traces (trace.h). Default LAMBDA_TRACING_PASS_THROUGH */
    lambda_metrics_mode metrics_mode;     /**< its metrics (metrics.h). Default LAMBDA_METRICS_ON */
    const char *const *
        layers; /**< ARNs of layer versions (layer.h), at most 5, no two of one layer, merged in this order under /opt; only for code whose driver has them. Default none;
                     in an update NULL: as it was, and with `layers_count` 0 not NULL: none any more */
    size_t layers_count; /**< number of those */
    /**
     * Not NULL: gets what the function is by this call, whatever others do to it meanwhile, or the version that was published with it. The caller's to free
     * with `lambda_function_configuration_free`; NULL on failure. Of a function that is created its ARN has no qualifier, as in Lambda.
     */
    struct lambda_function_configuration **made;
} lambda_function_config;

/**
 * What a function is: its configuration at one moment, a copy that later changes leave alone. The caller's to free with
 * `lambda_function_configuration_free`. No string in it is NULL.
 */
typedef struct lambda_function_configuration {
    const char *function_name;            /**< without qualifier */
    const char *function_arn;             /**< with the qualifier that was asked for, if one was */
    const char *version;                  /**< "$LATEST" or a number */
    const char *description;              /**< as configured */
    const char *runtime;                  /**< the driver's name */
    const char *handler;                  /**< as configured */
    const char *role;                     /**< as configured */
    const char *code_sha256;              /**< base64 of the SHA-256 of the code, 44 characters */
    const char *revision_id;              /**< a UUID, new with every change */
    const char *last_modified;            /**< "YYYY-MM-DDThh:mm:ss.sss+0000" */
    uint64_t code_size;                   /**< bytes; 0 where code has no such figure */
    uint32_t memory_size;                 /**< MB */
    uint32_t timeout_ms;                  /**< milliseconds */
    uint32_t ephemeral_storage_size;      /**< MB */
    lambda_isolation isolation;           /**< never LAMBDA_ISOLATION_DEFAULT */
    uint32_t spare_environments;          /**< number of those */
    const char *dead_letter_target_arn;   /**< as configured, "" for none */
    const lambda_pair *environment;       /**< variables, in the order given */
    size_t environment_count;             /**< number of those */
    const lambda_pair *tags;              /**< the function's tags, sorted by name */
    size_t tags_count;                    /**< number of those */
    const char *state;                    /**< "Active", or "Inactive" where it needs `lambda_function_bind` */
    const char *state_reason;             /**< "Inactive": why; else "" */
    lambda_logging_config logging_config; /**< its log_group is never NULL or ""; levels that are the service's are
                                               LAMBDA_LOG_DEFAULT */
    lambda_tracing_mode tracing_mode;     /**< never LAMBDA_TRACING_DEFAULT */
    lambda_metrics_mode metrics_mode;     /**< never LAMBDA_METRICS_DEFAULT */
    const char *const *layers;            /**< ARNs of layer versions, in their order */
    size_t layers_count;                  /**< number of those */
} lambda_function_configuration;

/** Which page of a list to give. NULL in place of it: the first page of the default size. */
typedef struct lambda_list_options {
    const char *marker; /**< the `next_marker` of the page before; NULL for the first */
    uint32_t max_items; /**< 1 to 10,000. Default 50 */
} lambda_list_options;

/** A page of functions or of versions. The caller's to free with `lambda_function_list_free`. */
typedef struct lambda_function_list {
    lambda_function_configuration **items; /**< `count` of them, owned by the list */
    size_t count;                          /**< 0 where there is nothing (more) */
    const char *next_marker;               /**< NULL on the last page */
} lambda_function_list;

/** Exported form of `lambda_function_create`. */
LAMBDA_API lambda_status lambda_function_create_sized(lambda_t *lambda, const lambda_function_config *config,
                                                      size_t size);

/**
 * Creates a function; it can be invoked when the call returns. LAMBDA_ERROR_RESOURCE_CONFLICT where the name is taken;
 * LAMBDA_ERROR_INVALID_RUNTIME for a driver that is not there; LAMBDA_ERROR_INVALID_CODE for code that its driver
 * cannot load; LAMBDA_ERROR_CODE_STORAGE_EXCEEDED.
 */
static inline lambda_status lambda_function_create(lambda_t *lambda, const lambda_function_config *config)
{
    return lambda_function_create_sized(lambda, config, sizeof(lambda_function_config));
}

/** What a function, version or alias is now. `*configuration` is NULL on failure, else the caller's to free. */
LAMBDA_API lambda_status lambda_function_get(lambda_t *lambda, const char *function_name,
                                             lambda_function_configuration **configuration);

/** Frees what calls here gave. NULL is allowed. May be called after the service has closed only if its allocator still works. */
LAMBDA_API void lambda_function_configuration_free(lambda_function_configuration *configuration);

/** Exported form of `lambda_function_update_configuration`. */
LAMBDA_API lambda_status lambda_function_update_configuration_sized(lambda_t *lambda, const char *function_name,
                                                                    const lambda_function_config *changes, size_t size);

/**
 * Changes the configuration of $LATEST: what is not zero in `changes`. Invocations that run finish as they began; warm
 * environments of the old configuration are shut down before the call returns, or when their invocation ends. A name
 * with a qualifier other than $LATEST is refused: versions never change.
 */
static inline lambda_status lambda_function_update_configuration(lambda_t *lambda, const char *function_name,
                                                                 const lambda_function_config *changes)
{
    return lambda_function_update_configuration_sized(lambda, function_name, changes, sizeof(lambda_function_config));
}

/** New code for a function. Zero means the default. */
typedef struct lambda_function_code_update {
    lambda_code code;        /**< required */
    const char *revision_id; /**< only if this is still the revision. NULL: any */
    bool publish;            /**< publish a version afterwards */
    bool dry_run;            /**< only check that it would work, the code loaded and unloaded again */
    struct lambda_function_configuration **made; /**< as in lambda_function_config; with `dry_run` what it would be */
} lambda_function_code_update;

/** Exported form of `lambda_function_update_code`. */
LAMBDA_API lambda_status lambda_function_update_code_sized(lambda_t *lambda, const char *function_name,
                                                           const lambda_function_code_update *update, size_t size);

/** Changes the code of $LATEST. As `lambda_function_update_configuration`, with the errors of `lambda_function_create`. */
static inline lambda_status lambda_function_update_code(lambda_t *lambda, const char *function_name,
                                                        const lambda_function_code_update *update)
{
    return lambda_function_update_code_sized(lambda, function_name, update, sizeof(lambda_function_code_update));
}

/**
 * Gives functions that came back from a store (lambda_options.store) the code that no store can keep: native callbacks, functions
 * that the host points to, a host's own drivers without references (port/runtime.h); or a library that was not there. Until then they are "Inactive": listed, configured
 * and given aliases like any other, but an invocation is LAMBDA_ERROR_RESOURCE_NOT_READY, and asynchronous events wait.
 *
 * $LATEST and every published version that has no code and is of the code's runtime gets it; with a version as qualifier that version
 * alone. It is not an update: CodeSha256 and revision ids stay, nothing is written, and the next open needs it again.
 * LAMBDA_ERROR_RESOURCE_CONFLICT where nothing lacks code; LAMBDA_ERROR_INVALID_PARAMETER_VALUE for an alias as qualifier, or where what
 * lacks code is of another runtime; the errors of `lambda_function_create` for what cannot be loaded, with nothing bound.
 */
LAMBDA_API lambda_status lambda_function_bind(lambda_t *lambda, const char *function_name, const lambda_code *code);

/**
 * Deletes a function with all its versions and aliases, or, where the name carries a version number, that version alone.
 * Invocations that run finish. LAMBDA_ERROR_RESOURCE_CONFLICT for a version that an alias points to;
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE for "$LATEST" or an alias as qualifier.
 */
LAMBDA_API lambda_status lambda_function_delete(lambda_t *lambda, const char *function_name);

/** Lists functions ($LATEST of each) in the order of their creation. `*list` is NULL on failure. */
LAMBDA_API lambda_status lambda_function_list_page(lambda_t *lambda, const lambda_list_options *options,
                                                   lambda_function_list **list);

/** Frees a page. NULL is allowed. */
LAMBDA_API void lambda_function_list_free(lambda_function_list *list);

/** Adds tags to a function, or gives those of the same name new values. No qualifier. */
LAMBDA_API lambda_status lambda_function_tag(lambda_t *lambda, const char *function_name, const lambda_pair *tags,
                                             size_t tags_count);

/** Takes tags from a function. Names that it has not are ignored, as in Lambda. No qualifier. */
LAMBDA_API lambda_status lambda_function_untag(lambda_t *lambda, const char *function_name, const char *const *names,
                                               size_t names_count);

#ifdef __cplusplus
}
#endif

#endif
