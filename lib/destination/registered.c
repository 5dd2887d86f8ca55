/* The table of names. Entries are only ever added, each in an allocation of its own: one that was found stays until the end. */
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "destination/destination.h"
#include "registry/registry.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

typedef struct named_destination {
    struct named_destination *next;
    lambda_destination destination;
    char name[];
} named_destination;

struct lambda__destinations {
    pthread_mutex_t mutex;              /* of the list's head, for writers; readers follow atomic pointers */
    _Atomic(named_destination *) added; /* the last one first */
};

const lambda_destination *lambda__destination_find(lambda_t *lambda, const char *name)
{
    const named_destination *each = atomic_load_explicit(&lambda->destinations->added, memory_order_acquire);
    for (; each; each = each->next)
        if (strcmp(each->name, name) == 0) return &each->destination;
    return NULL;
}

/** True for a text that begins as the ARN of something of Lambda's does, in whatever partition. */
static bool is_lambda_arn(const char *name)
{
    if (strncmp(name, "arn:", 4) != 0) return false;
    const char *partition_end = strchr(name + 4, ':');
    return partition_end && strncmp(partition_end, ":lambda:", 8) == 0;
}

/** True if the text is the name of a function that is there, with or without a qualifier. */
static bool is_function(lambda_t *lambda, lambda__thread *thread, const char *name)
{
    size_t length = strcspn(name, ":");
    lambda__read_begin(thread);
    bool found = lambda__registry_find(lambda, name, length) != NULL;
    lambda__read_end(thread);
    return found;
}

static lambda_status check_name(lambda_t *lambda, const char *name)
{
    lambda__base *base = &lambda->base;
    if (!name) return lambda__fail(base, INVALID, "name: is NULL");
    const size_t most = 4; /* bytes of a character */
    size_t length = strnlen(name, most * LAMBDA__DESTINATION_NAME_MAX + 1);
    if (length == 0) return lambda__fail(base, INVALID, "name: is empty");
    if (length > most * LAMBDA__DESTINATION_NAME_MAX || lambda__utf8_count(name, length) > LAMBDA__DESTINATION_NAME_MAX)
        return lambda__fail(base, INVALID, "name: \"%.40s...\" is longer than %d characters", name,
                            LAMBDA__DESTINATION_NAME_MAX);
    if (!lambda__utf8_valid(name, length)) return lambda__fail(base, INVALID, "name: is not UTF-8");
    if (is_lambda_arn(name)) return lambda__fail(base, INVALID, "name: \"%.200s\" is an ARN of Lambda", name);
    lambda__thread *thread = lambda__thread_get(base);
    if (!thread) return lambda__out_of_memory(base);
    if (is_function(lambda, thread, name)) return lambda__fail(base, INVALID, "name: \"%.200s\" is a function's", name);
    return LAMBDA_OK;
}

/** Adds what is complete, unless the name has one; with the table's mutex held. */
static lambda_status link_named(lambda_t *lambda, named_destination *named, lambda_status (*begin)(void *user))
{
    if (lambda__destination_find(lambda, named->name))
        return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_CONFLICT, "name: \"%.200s\" has a destination already",
                            named->name);
    lambda_status status = begin ? begin(named->destination.user) : LAMBDA_OK;
    if (status != LAMBDA_OK) return status;
    _Atomic(named_destination *) *added = &lambda->destinations->added;
    named->next = atomic_load_explicit(added, memory_order_relaxed);
    atomic_store_explicit(added, named, memory_order_release);
    return LAMBDA_OK;
}

lambda_status lambda__destination_add(lambda_t *lambda, const char *name, const lambda_destination *destination,
                                      lambda_status (*begin)(void *user))
{
    lambda_status status = check_name(lambda, name);
    if (status != LAMBDA_OK) return status;
    size_t size = strlen(name) + 1;
    named_destination *named = lambda__allocate(&lambda->base, sizeof(*named) + size);
    if (!named) return lambda__out_of_memory(&lambda->base);
    memcpy(named->name, name, size);
    named->destination = *destination;
    pthread_mutex_lock(&lambda->destinations->mutex);
    status = link_named(lambda, named, begin);
    pthread_mutex_unlock(&lambda->destinations->mutex);
    if (status != LAMBDA_OK) lambda__release(&lambda->base, named);
    return status;
}

lambda_status lambda_destination_register(lambda_t *lambda, const char *name, const lambda_destination *destination)
{
    if (!lambda) return lambda__fail(NULL, INVALID, "lambda: is NULL");
    if (!destination || !destination->deliver)
        return lambda__fail(&lambda->base, INVALID, "destination: %s is NULL",
                            destination ? "its deliver" : "the destination");
    return lambda__destination_add(lambda, name, destination, NULL);
}

lambda_status lambda__destinations_open(lambda_t *lambda, lambda__destinations **opened)
{
    lambda__destinations *destinations = lambda__allocate_zeroed(&lambda->base, sizeof(*destinations));
    if (!destinations) return lambda__out_of_memory(NULL);
    if (pthread_mutex_init(&destinations->mutex, NULL) != 0) {
        lambda__release(&lambda->base, destinations);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    }
    *opened = destinations;
    return LAMBDA_OK;
}

void lambda__destinations_close(lambda_t *lambda, lambda__destinations *destinations)
{
    named_destination *named = atomic_load_explicit(&destinations->added, memory_order_acquire);
    while (named) {
        named_destination *next = named->next;
        if (named->destination.close) named->destination.close(named->destination.user);
        lambda__release(&lambda->base, named);
        named = next;
    }
    pthread_mutex_destroy(&destinations->mutex);
    lambda__release(&lambda->base, destinations);
}
