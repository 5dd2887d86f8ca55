/*
 * Packages that functions in a store name. Several functions, of several services, may name one package, and the mark on disk is one: so they are counted,
 * for the whole process, as a store of packages is of one process alone.
 */
#include <stdlib.h>

#include "driver.h"

typedef struct kept {
    struct kept *next;
    lambda_package *package;
    size_t count;
} kept;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static kept *all;

static kept **find(const lambda_package *package)
{
    kept **link = &all;
    while (*link && (*link)->package != package)
        link = &(*link)->next;
    return link;
}

/** Marks it on disk and notes it in `*link`. */
static lambda_status begin(lambda_package *package, kept **link)
{
    kept *made = calloc(1, sizeof(*made));
    if (!made) return lambda_runtime_fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
    lambda_status status = lambda_package_keep(package, true);
    if (status != LAMBDA_OK) {
        free(made);
        return status;
    }
    made->package = package;
    *link = made;
    return LAMBDA_OK;
}

lambda_status lambda__kept_add(lambda_package *package)
{
    lambda_status status = LAMBDA_OK;
    pthread_mutex_lock(&mutex);
    kept **link = find(package);
    if (!*link) status = begin(package, link);
    if (*link) (*link)->count++;
    pthread_mutex_unlock(&mutex);
    return status;
}

void lambda__kept_remove(lambda_package *package, bool forget)
{
    pthread_mutex_lock(&mutex);
    kept **link = find(package);
    kept *found = *link;
    if (found && --found->count == 0) {
        *link = found->next;
        free(found);
        /* A mark that cannot be taken away keeps the package on disk until lambda_packages_collect. */
        if (forget) lambda_package_keep(package, false);
    }
    pthread_mutex_unlock(&mutex);
}
