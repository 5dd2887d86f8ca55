/* Faults that tests inject: a list on the service, looked at only while there is one. */
#include <lambda/testing.h>

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "invoke/invoke.h"

typedef struct fault {
    struct fault *next;
    lambda_test_fault_kind kind;
    uint32_t count;
    char function_name[LAMBDA__NAME_MAX + 1];
} fault;

/** Made at the first fault, kept until the service closes. */
typedef struct lambda__faults {
    pthread_mutex_t mutex;
    fault *first;
} lambda__faults;

static lambda__faults *faults_of(lambda_t *lambda)
{
    lambda__faults *present = atomic_load_explicit(&lambda->faults, memory_order_acquire);
    if (present) return present;
    lambda__faults *made = lambda__allocate_zeroed(&lambda->base, sizeof(*made));
    if (!made || pthread_mutex_init(&made->mutex, NULL) != 0) {
        lambda__release(&lambda->base, made);
        return NULL;
    }
    if (atomic_compare_exchange_strong_explicit(&lambda->faults, &present, made, memory_order_acq_rel,
                                                memory_order_acquire))
        return made;
    pthread_mutex_destroy(&made->mutex);
    lambda__release(&lambda->base, made);
    return present;
}

static void remove_fault(lambda_t *lambda, fault **link)
{
    fault *gone = *link;
    *link = gone->next;
    lambda__release(&lambda->base, gone);
}

lambda_status lambda_test_fault(lambda_t *lambda, const char *function_name, lambda_test_fault_kind kind,
                                uint32_t count)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    lambda__name name;
    if (!lambda) return lambda__fail(NULL, invalid, "lambda: is NULL");
    if ((unsigned)kind > LAMBDA_TEST_FAULT_INIT)
        return lambda__fail(&lambda->base, invalid, "kind: %d is none", (int)kind);
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status != LAMBDA_OK) return status;
    if (name.qualifier)
        return lambda__fail(&lambda->base, invalid,
                            "function_name: \"%.200s\" has a qualifier; a fault is the function's", function_name);
    lambda__faults *faults = faults_of(lambda);
    fault *made = faults && count > 0 ? lambda__allocate_zeroed(&lambda->base, sizeof(*made)) : NULL;
    if (!faults || (count > 0 && !made)) return lambda__out_of_memory(&lambda->base);
    pthread_mutex_lock(&faults->mutex);
    for (fault **link = &faults->first; *link;) {
        bool same = (*link)->kind == kind && strlen((*link)->function_name) == name.function_length &&
                    memcmp((*link)->function_name, name.function, name.function_length) == 0;
        if (same)
            remove_fault(lambda, link);
        else
            link = &(*link)->next;
    }
    if (made) {
        made->kind = kind;
        made->count = count;
        memcpy(made->function_name, name.function, name.function_length);
        made->next = faults->first;
        faults->first = made;
    }
    pthread_mutex_unlock(&faults->mutex);
    return LAMBDA_OK;
}

bool lambda__fault_take(lambda_t *lambda, const char *function_name, size_t length, lambda_test_fault_kind kind)
{
    lambda__faults *faults = atomic_load_explicit(&lambda->faults, memory_order_acquire);
    bool taken = false;
    pthread_mutex_lock(&faults->mutex);
    for (fault **link = &faults->first; *link && !taken; link = taken ? link : &(*link)->next) {
        taken = (*link)->kind == kind && strlen((*link)->function_name) == length &&
                memcmp((*link)->function_name, function_name, length) == 0;
        if (taken && --(*link)->count == 0) {
            remove_fault(lambda, link);
            break;
        }
    }
    pthread_mutex_unlock(&faults->mutex);
    return taken;
}

void lambda__faults_free(lambda_t *lambda)
{
    lambda__faults *faults = atomic_load_explicit(&lambda->faults, memory_order_acquire);
    if (!faults) return;
    while (faults->first)
        remove_fault(lambda, &faults->first);
    pthread_mutex_destroy(&faults->mutex);
    lambda__release(&lambda->base, faults);
}
