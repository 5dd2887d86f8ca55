/* Aliases: names for a version, or for two with a weight. */
#ifndef LAMBDA_ALIAS_H
#define LAMBDA_ALIAS_H

#include <lambda/function.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What an alias is to be (https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html). Zero means the default to create
 * one, and "as it was" to update one. Everything is copied.
 */
typedef struct lambda_alias_config {
    const char *name;             /**< required, 1 to 128 of `A-Z a-z 0-9 - _`, not only digits */
    const char *function_version; /**< a version that exists, or "$LATEST". Required to create */
    const char *description;      /**< at most 256 characters. Default "" */
    const char *
        additional_version; /**< a second version for weighted routing; neither may then be "$LATEST". "" to update: no second version any more */
    double additional_weight; /**< the share of invocations for that one, 0.0 to 1.0 */
    const char *revision_id;  /**< update: only if this is still the revision. NULL: any */
} lambda_alias_config;

/** What an alias is: a copy, the caller's to free with `lambda_alias_free`. No string in it is NULL. */
typedef struct lambda_alias {
    const char *alias_arn;          /**< the function's ARN and the name */
    const char *name;               /**< the alias's name */
    const char *function_version;   /**< where it points */
    const char *description;        /**< as configured */
    const char *additional_version; /**< "" without weighted routing */
    double additional_weight;       /**< 0 without it */
    const char *revision_id;        /**< a UUID, new with every change */
} lambda_alias;

/** A page of aliases, sorted by name. The caller's to free with `lambda_alias_list_free`. */
typedef struct lambda_alias_list {
    lambda_alias **items;    /**< `count` of them, owned by the list */
    size_t count;            /**< 0 where there is nothing (more) */
    const char *next_marker; /**< NULL on the last page */
} lambda_alias_list;

/** Exported form of `lambda_alias_create`. */
LAMBDA_API lambda_status lambda_alias_create_sized(lambda_t *lambda, const char *function_name,
                                                   const lambda_alias_config *config, size_t size);

/** Creates an alias. LAMBDA_ERROR_RESOURCE_CONFLICT where it exists. Any thread; errors as in function.h. */
static inline lambda_status lambda_alias_create(lambda_t *lambda, const char *function_name,
                                                const lambda_alias_config *config)
{
    return lambda_alias_create_sized(lambda, function_name, config, sizeof(lambda_alias_config));
}

/** Exported form of `lambda_alias_update`. */
LAMBDA_API lambda_status lambda_alias_update_sized(lambda_t *lambda, const char *function_name,
                                                   const lambda_alias_config *changes, size_t size);

/** Changes an alias; the next invocation through it follows. LAMBDA_ERROR_PRECONDITION_FAILED for another revision. */
static inline lambda_status lambda_alias_update(lambda_t *lambda, const char *function_name,
                                                const lambda_alias_config *changes)
{
    return lambda_alias_update_sized(lambda, function_name, changes, sizeof(lambda_alias_config));
}

/** What an alias is now. `*alias` is NULL on failure, else the caller's to free. */
LAMBDA_API lambda_status lambda_alias_get(lambda_t *lambda, const char *function_name, const char *alias_name,
                                          lambda_alias **alias);

/** Deletes an alias; the versions it pointed to stay. As in Lambda, one that does not exist is no error. */
LAMBDA_API lambda_status lambda_alias_delete(lambda_t *lambda, const char *function_name, const char *alias_name);

/** Lists a function's aliases; `function_version` not NULL: only those that point to it. `*list` is NULL on failure. */
LAMBDA_API lambda_status lambda_alias_list_page(lambda_t *lambda, const char *function_name,
                                                const char *function_version, const lambda_list_options *options,
                                                lambda_alias_list **list);

/** Frees an alias. NULL is allowed. */
LAMBDA_API void lambda_alias_free(lambda_alias *alias);

/** Frees a page. NULL is allowed. */
LAMBDA_API void lambda_alias_list_free(lambda_alias_list *list);

#ifdef __cplusplus
}
#endif

#endif
