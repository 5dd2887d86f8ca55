/* Policies of layer versions: a text that stands in the version's file, and goes with it. */
#include <stdlib.h>
#include <string.h>

#include "layers.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** Reads arguments that both calls have. */
static lambda_status begin(const lambda_packages *packages, const char *layer_name, uint64_t number,
                           lambda__layer_name *name)
{
    if (!packages) return lambda_runtime_fail(NULL, INVALID, "packages: is NULL");
    lambda_status status = lambda__layer_parse(packages, "layer_name", layer_name, name);
    if (status != LAMBDA_OK) return status;
    name->number = number;
    return number > 0 ? LAMBDA_OK : lambda_runtime_fail(NULL, INVALID, "number: versions are counted from 1");
}

/** With `changing` held: in the file, then in memory. Takes `own`. */
static lambda_status put(lambda_packages *packages, lambda__layer_record *record, char *own)
{
    lambda_status status = lambda__layer_rewrite(packages, record->about, record->package, own);
    char *old = own;
    if (status == LAMBDA_OK) {
        pthread_mutex_lock(&packages->mutex);
        old = record->policy;
        record->policy = own;
        pthread_mutex_unlock(&packages->mutex);
    }
    free(old);
    return status;
}

lambda_status lambda_layer_policy_put(lambda_packages *packages, const char *layer_name, uint64_t number,
                                      const char *policy)
{
    lambda__layer_name name;
    lambda_status status = begin(packages, layer_name, number, &name);
    if (status != LAMBDA_OK) return status;
    size_t length = policy ? strnlen(policy, LAMBDA_LAYER_POLICY_MAX + 1) : 0;
    if (length > LAMBDA_LAYER_POLICY_MAX)
        return lambda_runtime_fail(NULL, INVALID, "policy: is longer than %d bytes", LAMBDA_LAYER_POLICY_MAX);
    if (policy && !lambda__package_is_utf8(policy, length))
        return lambda_runtime_fail(NULL, INVALID, "policy: is not UTF-8");
    char *own = policy ? strdup(policy) : NULL;
    if (policy && !own) return lambda__package_no_memory();
    pthread_mutex_lock(&packages->changing);
    lambda__layer_record *record = lambda__layer_find_version(lambda__layer_find(packages, name.name), name.number);
    if (record)
        status = put(packages, record, own);
    else
        free(own);
    pthread_mutex_unlock(&packages->changing);
    return record ? status : lambda__layer_missing(packages, &name);
}

lambda_status lambda_layer_policy_get(lambda_packages *packages, const char *layer_name, uint64_t number, char **policy)
{
    lambda__layer_name name;
    if (policy) *policy = NULL;
    if (!policy) return lambda_runtime_fail(NULL, INVALID, "policy: is NULL");
    lambda_status status = begin(packages, layer_name, number, &name);
    if (status != LAMBDA_OK) return status;
    pthread_mutex_lock(&packages->mutex);
    const lambda__layer_record *record =
        lambda__layer_find_version(lambda__layer_find(packages, name.name), name.number);
    bool has = record && record->policy;
    if (has) *policy = strdup(record->policy);
    pthread_mutex_unlock(&packages->mutex);
    if (!record) return lambda__layer_missing(packages, &name);
    if (!has)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                                   "No policy is associated with the given resource.");
    return *policy ? LAMBDA_OK : lambda__package_no_memory();
}

void lambda_layer_policy_free(char *policy)
{
    free(policy);
}
