/* Tags: a sorted array that is replaced whole. Read and written under the registry's mutex. */
#include <stdlib.h>
#include <string.h>

#include "registry/registry_private.h"

static int compare_tags(const void *one, const void *two)
{
    return strcmp(((const lambda_pair *)one)->name, ((const lambda_pair *)two)->name);
}

/** Name and value in one allocation, which `name` points to. */
static bool copy_tag(lambda_t *lambda, const lambda_pair *from, lambda_pair *to)
{
    size_t name_size = strlen(from->name) + 1;
    size_t value_size = strlen(from->value) + 1;
    char *text = lambda__allocate(&lambda->base, name_size + value_size);
    if (!text) return false;
    memcpy(text, from->name, name_size);
    memcpy(text + name_size, from->value, value_size);
    *to = (lambda_pair){text, text + name_size};
    return true;
}

void lambda__tags_free(lambda_t *lambda, lambda_pair *tags, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lambda__release(&lambda->base, (void *)(uintptr_t)tags[i].name);
    lambda__release(&lambda->base, tags);
}

bool lambda__tags_copy(lambda_t *lambda, const lambda_pair *given, size_t count, lambda_pair **tags)
{
    *tags = NULL;
    if (count == 0) return true;
    lambda_pair *copies = lambda__allocate(&lambda->base, count * sizeof(*copies));
    if (!copies) return false;
    for (size_t i = 0; i < count; i++) {
        if (copy_tag(lambda, &given[i], &copies[i])) continue;
        lambda__tags_free(lambda, copies, i);
        return false;
    }
    qsort(copies, count, sizeof(*copies), compare_tags);
    *tags = copies;
    return true;
}

static bool holds(const lambda_pair *tags, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(tags[i].name, name) == 0) return true;
    return false;
}

/** As writer: the function's tags become a copy of these. */
static lambda_status set_tags(lambda_t *lambda, lambda__function *function, const lambda_pair *tags, size_t count)
{
    lambda_pair *copies = NULL;
    if (count > LAMBDA__TAGS_MAX)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "tags: Number of tags exceeds resource tag limit.");
    if (!lambda__tags_copy(lambda, tags, count, &copies)) return lambda__out_of_memory(&lambda->base);
    lambda__image image = lambda__image_of(function);
    image.tags = copies;
    image.tags_count = count;
    lambda_status status = lambda__store_put(lambda, &image);
    if (status != LAMBDA_OK) {
        lambda__tags_free(lambda, copies, count);
        return status;
    }
    lambda__tags_free(lambda, function->tags, function->tags_count);
    function->tags = copies;
    function->tags_count = (uint32_t)count;
    return LAMBDA_OK;
}

lambda_status lambda_function_tag(lambda_t *lambda, const char *function_name, const lambda_pair *tags,
                                  size_t tags_count)
{
    if (!lambda) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda: is NULL");
    lambda__name name;
    lambda__function *function = NULL;
    lambda_status status = lambda__name_parse_plain(lambda, function_name, &name);
    if (status == LAMBDA_OK) status = lambda__limit_tags(lambda, tags, tags_count);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    if (status == LAMBDA_OK) {
        lambda_pair merged[2 * LAMBDA__TAGS_MAX];
        size_t count = 0;
        for (size_t i = 0; i < function->tags_count; i++)
            if (!holds(tags, tags_count, function->tags[i].name)) merged[count++] = function->tags[i];
        for (size_t i = 0; i < tags_count; i++)
            merged[count++] = tags[i];
        status = set_tags(lambda, function, merged, count);
    }
    lambda__registry_unlock(lambda);
    return status;
}

lambda_status lambda_function_untag(lambda_t *lambda, const char *function_name, const char *const *names,
                                    size_t names_count)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!lambda) return lambda__fail(NULL, invalid, "lambda: is NULL");
    if (!names && names_count > 0)
        return lambda__fail(&lambda->base, invalid, "names: is NULL with a count of %zu", names_count);
    for (size_t i = 0; i < names_count; i++)
        if (!names[i]) return lambda__fail(&lambda->base, invalid, "names[%zu]: is NULL", i);
    lambda__name name;
    lambda__function *function = NULL;
    lambda_status status = lambda__name_parse_plain(lambda, function_name, &name);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    if (status == LAMBDA_OK) {
        lambda_pair kept[LAMBDA__TAGS_MAX];
        size_t count = 0;
        for (size_t i = 0; i < function->tags_count; i++) {
            bool gone = false;
            for (size_t j = 0; j < names_count; j++)
                gone = gone || strcmp(function->tags[i].name, names[j]) == 0;
            if (!gone) kept[count++] = function->tags[i];
        }
        status = set_tags(lambda, function, kept, count);
    }
    lambda__registry_unlock(lambda);
    return status;
}
