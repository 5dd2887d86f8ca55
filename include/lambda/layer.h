/* Layers: packages that functions share, in numbered versions. Library: liblambda-package. */
#ifndef LAMBDA_LAYER_H
#define LAMBDA_LAYER_H

#include <lambda/package.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * As Lambda's: https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html. Layers stand in the store's directory, and are there again when it is opened anew. Threads and errors as in
 * package.h; LAMBDA_ERROR_RESOURCE_NOT_FOUND for a layer or version that is not there. A layer is named by its name or by its ARN without a version.
 */

/** Most layers of a function. */
#define LAMBDA_LAYERS_MAX 5

/** What a new version of a layer is. Zero means the default. Copied. */
typedef struct lambda_layer_config {
    const char *layer_name;   /**< required, 1 to 140 of `A-Z a-z 0-9 - _`, or the layer's ARN */
    const char *description;  /**< at most 256 characters. Default "" */
    const char *license_info; /**< at most 512 characters. Default "" */
    const char *const *
        compatible_runtimes; /**< at most 15 names of runtimes, as functions have them. Default none, which says nothing */
    size_t compatible_runtimes_count;            /**< number of those */
    const char *const *compatible_architectures; /**< at most 2: "x86_64", "arm64". Default none, which says nothing */
    size_t compatible_architectures_count;       /**< number of those */
    const char *path;                            /**< a zip file or a directory; or else: */
    const void *data;                            /**< a zip's bytes */
    size_t data_length;                          /**< number of those */
} lambda_layer_config;

/** A version of a layer. A copy, the caller's to free with `lambda_layer_version_free`. No string is NULL. */
typedef struct lambda_layer_version {
    const char *layer_name;                      /**< without ARN */
    const char *layer_arn;                       /**< "arn:aws:lambda:REGION:ACCOUNT:layer:NAME" */
    const char *layer_version_arn;               /**< that, a colon, and the version */
    uint64_t version;                            /**< from 1; a number is never used again */
    const char *description;                     /**< as configured */
    const char *license_info;                    /**< as configured */
    const char *created_date;                    /**< "YYYY-MM-DDThh:mm:ss.sss+0000" */
    const char *const *compatible_runtimes;      /**< as configured */
    size_t compatible_runtimes_count;            /**< number of those */
    const char *const *compatible_architectures; /**< as configured */
    size_t compatible_architectures_count;       /**< number of those */
    const char *code_sha256;                     /**< as lambda_package_sha256 */
    uint64_t code_size;                          /**< as lambda_package_size */
} lambda_layer_version;

/** Which versions, or layers, to list. NULL in place of it takes all, the first page. Zero means the default. */
typedef struct lambda_layer_list_options {
    const char *compatible_runtime;      /**< only those that name it. Default all */
    const char *compatible_architecture; /**< likewise */
    const char *marker;                  /**< the `next_marker` of the page before. NULL: the first */
    uint32_t max_items;                  /**< 1 to 10,000. Default 50, Lambda's */
} lambda_layer_list_options;

/** A page. The caller's to free with `lambda_layer_list_free`. */
typedef struct lambda_layer_list {
    lambda_layer_version **items; /**< `count` of them, owned by the list */
    size_t count;                 /**< 0 where there is nothing (more) */
    const char *next_marker;      /**< NULL on the last page */
} lambda_layer_list;

/** Exported form of `lambda_layer_publish`. */
LAMBDA_API lambda_status lambda_layer_publish_sized(lambda_packages *packages, const lambda_layer_config *config,
                                                    size_t size, lambda_layer_version **version);

/** Publishes a version: the first, or the next. `*version` (NULL: not wanted) is NULL on failure. The errors of lambda_package_add. */
static inline lambda_status lambda_layer_publish(lambda_packages *packages, const lambda_layer_config *config,
                                                 lambda_layer_version **version)
{
    return lambda_layer_publish_sized(packages, config, sizeof(lambda_layer_config), version);
}

/** A version of a layer by its number. */
LAMBDA_API lambda_status lambda_layer_get(lambda_packages *packages, const char *layer_name, uint64_t number,
                                          lambda_layer_version **version);

/** The same by its ARN, as functions name it. */
LAMBDA_API lambda_status lambda_layer_get_by_arn(lambda_packages *packages, const char *layer_version_arn,
                                                 lambda_layer_version **version);

/** Frees what calls here gave. NULL is allowed. */
LAMBDA_API void lambda_layer_version_free(lambda_layer_version *version);

/** Deletes a version. Functions that have it keep it. As in Lambda, one that is not there is LAMBDA_OK. */
LAMBDA_API lambda_status lambda_layer_delete(lambda_packages *packages, const char *layer_name, uint64_t number);

/** Most bytes of a layer version's policy, Lambda's (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */
#define LAMBDA_LAYER_POLICY_MAX 20480

/**
 * Keeps a policy with a version, in place of the one that is there, until the version is deleted; NULL takes it away. Who may use a layer is not decided here: it is a text for those who decide, UTF-8 of at
 * most LAMBDA_LAYER_POLICY_MAX bytes, copied.
 */
LAMBDA_API lambda_status lambda_layer_policy_put(lambda_packages *packages, const char *layer_name, uint64_t number,
                                                 const char *policy);

/** A copy of it, the caller's to free with `lambda_layer_policy_free`; NULL on failure. LAMBDA_ERROR_RESOURCE_NOT_FOUND also where there is none. */
LAMBDA_API lambda_status lambda_layer_policy_get(lambda_packages *packages, const char *layer_name, uint64_t number,
                                                 char **policy);

/** Frees it. NULL is allowed. */
LAMBDA_API void lambda_layer_policy_free(char *policy);

/** The newest version of each layer, by name. */
LAMBDA_API lambda_status lambda_layer_list_page(lambda_packages *packages, const lambda_layer_list_options *options,
                                                lambda_layer_list **list);

/** The versions of one layer, newest first. */
LAMBDA_API lambda_status lambda_layer_versions_page(lambda_packages *packages, const char *layer_name,
                                                    const lambda_layer_list_options *options, lambda_layer_list **list);

/** Frees a page. NULL is allowed. */
LAMBDA_API void lambda_layer_list_free(lambda_layer_list *list);

/**
 * Layers as a function sees them, for drivers: the trees of up to LAMBDA_LAYERS_MAX versions, merged in their order; of a file that stands in several, the last one's. It is a package like any
 * other, made once for the same list; while it is there it is had again even if versions were deleted since. LAMBDA_ERROR_INVALID_PARAMETER_VALUE for more layers, or one twice, or no ARN; and where they are larger together with `with` (NULL is
 * allowed) than `unpacked_size`. `*merged` is NULL on failure.
 */
LAMBDA_API lambda_status lambda_layers_merge(lambda_packages *packages, const char *const *layer_version_arns,
                                             size_t count, const lambda_package *with, lambda_package **merged);

#ifdef __cplusplus
}
#endif

#endif
