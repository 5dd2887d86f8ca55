/* Versions: immutable snapshots of a function's code and configuration. Delete one with `lambda_function_delete`. */
#ifndef LAMBDA_VERSION_H
#define LAMBDA_VERSION_H

#include <lambda/function.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How to publish. Zero means the default; NULL in place of it takes all. */
typedef struct lambda_version_options {
    const char *description; /**< the version's own description, at most 256 characters. NULL: that of $LATEST */
    const char *code_sha256; /**< only if this is $LATEST's CodeSha256. NULL: any */
    const char *revision_id; /**< only if this is $LATEST's revision. NULL: any */
} lambda_version_options;

/** Exported form of `lambda_version_publish`. */
LAMBDA_API lambda_status lambda_version_publish_sized(lambda_t *lambda, const char *function_name,
                                                      const lambda_version_options *options, size_t size,
                                                      lambda_function_configuration **version);

/**
 * Publishes $LATEST as the next number, or gives the newest version where neither code nor configuration has changed since
 * (https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html). Numbers are never used twice.
 * `version` may be NULL; else `*version` is NULL on failure and the caller's to free.
 * LAMBDA_ERROR_PRECONDITION_FAILED for another revision, LAMBDA_ERROR_INVALID_PARAMETER_VALUE for another CodeSha256.
 */
static inline lambda_status lambda_version_publish(lambda_t *lambda, const char *function_name,
                                                   const lambda_version_options *options,
                                                   lambda_function_configuration **version)
{
    return lambda_version_publish_sized(lambda, function_name, options, sizeof(lambda_version_options), version);
}

/** Lists $LATEST, then the versions by rising number. `*list` is NULL on failure, else freed by `lambda_function_list_free`. */
LAMBDA_API lambda_status lambda_version_list_page(lambda_t *lambda, const char *function_name,
                                                  const lambda_list_options *options, lambda_function_list **list);

#ifdef __cplusplus
}
#endif

#endif
