/*
 * Provisioned concurrency. A function's provisions say how many environments each of its qualifiers wants; settling works out
 * what that means for each version, has what is missing started (environment/ahead.c), and turns what is too much into
 * ordinary environments. It is done whenever a provision or an alias changes.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "environment/pool.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

const char *lambda_provisioned_concurrency_status_name(lambda_provisioned_concurrency_status status)
{
    static const char *const names[] = {"IN_PROGRESS", "READY", "FAILED"};
    return (unsigned)status < 3 ? names[status] : "UNKNOWN";
}

void lambda__provision_remove(lambda_t *lambda, lambda__concurrency *own, lambda__provision *provision)
{
    lambda__provision **link = &own->provisions;
    while (*link != provision)
        link = &(*link)->next;
    *link = provision->next;
    uint32_t share = lambda__concurrency_share(own);
    own->provisioned -= provision->requested;
    lambda__concurrency_apply(lambda, own, share);
    lambda__release(&lambda->base, provision);
}

/* ---- what is wanted of each version */

/** The versions that a qualifier leads to, in a read section; false if it leads nowhere. */
typedef struct destination {
    lambda__version *version;    /* NULL: $LATEST, which is never provisioned */
    lambda__version *additional; /* NULL without weighted routing */
    double weight;
} destination;

static bool find(lambda__function *function, const char *qualifier, destination *found)
{
    *found = (destination){0};
    size_t length = strlen(qualifier);
    if (strspn(qualifier, "0123456789") == length) {
        uint64_t number = 0;
        for (size_t i = 0; i < length; i++)
            number = number * 10 + (uint64_t)(qualifier[i] - '0');
        found->version = lambda__function_version(function, number);
        return found->version != NULL;
    }
    const lambda__alias *alias = lambda__function_alias(function, qualifier, length);
    const lambda__route *route = alias ? atomic_load_explicit(&alias->route, memory_order_acquire) : NULL;
    if (!route) return false;
    *found = (destination){route->version, route->additional, route->weight};
    return true;
}

/** A growing list of versions with what is wanted of each. */
typedef struct wants {
    lambda__version **versions; /* each with a reference */
    uint32_t *counts;
    size_t count;
} wants;

static void want(wants *all, lambda__version *version, uint32_t count)
{
    if (!version || count == 0) return;
    for (size_t i = 0; i < all->count; i++) {
        if (all->versions[i] != version) continue;
        all->counts[i] += count;
        return;
    }
    all->versions[all->count] = lambda__version_retain(version);
    all->counts[all->count++] = count;
}

static void add_up(lambda__function *function, const lambda__concurrency *own, lambda__thread *thread, wants *all)
{
    for (const lambda__provision *each = own->provisions; each; each = each->next) {
        destination found;
        lambda__read_begin(thread);
        if (find(function, each->qualifier, &found)) {
            uint32_t aside = found.additional ? (uint32_t)(each->requested * found.weight + 0.5) : 0;
            want(all, found.version, each->requested - aside);
            want(all, found.additional, aside);
        }
        lambda__read_end(thread);
    }
}

/* ---- bringing a pool there */

/** Turns provisioned environments that are too many into ordinary ones. */
static void demote(lambda__pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    for (lambda__environment *each = pool->first; each && pool->provisioned > pool->provisioned_wanted;
         each = each->next) {
        if (!atomic_load_explicit(&each->provisioned, memory_order_relaxed)) continue;
        uint32_t idle = LAMBDA__IDLE;
        atomic_store_explicit(&each->provisioned, false, memory_order_relaxed);
        pool->provisioned--;
        if (atomic_compare_exchange_strong_explicit(&each->state, &idle, LAMBDA__BARE, memory_order_acq_rel,
                                                    memory_order_relaxed))
            continue;
        /* It is busy, and counts among the others from now on; without memory for that, until it comes back only. */
        if (idle == LAMBDA__BUSY && !lambda__permit_join(each))
            atomic_compare_exchange_strong_explicit(&each->state, &idle, LAMBDA__SURPLUS, memory_order_acq_rel,
                                                    memory_order_relaxed);
    }
    pthread_mutex_unlock(&pool->mutex);
}

static bool fill(lambda_t *lambda, lambda__pool *pool)
{
    while (pool->provisioned + pool->starting_provisioned < pool->provisioned_wanted)
        if (!lambda__ahead_add(lambda, pool, true)) return false;
    return true;
}

static bool set_wanted(lambda_t *lambda, lambda__version *version, uint32_t wanted)
{
    lambda__pool *pool = lambda__pool_of(lambda, version);
    if (!pool) return false;
    pool->provisioned_wanted = wanted;
    pool->provisioning_failed = false;
    atomic_store_explicit(&version->provisioned, wanted, memory_order_relaxed);
    demote(pool);
    return fill(lambda, pool);
}

/** Under the mutex. `*before`: versions to release when it is left. False when memory was out for a part of it. */
static bool settle(lambda_t *lambda, lambda__function *function, lambda__concurrency *own, lambda__thread *thread,
                   wants *before)
{
    size_t provisions = 0;
    for (const lambda__provision *each = own->provisions; each; each = each->next)
        provisions++;
    wants all = {0};
    if (provisions > 0) {
        all.versions = lambda__allocate(&lambda->base, provisions * 2 * sizeof(*all.versions));
        all.counts = lambda__allocate(&lambda->base, provisions * 2 * sizeof(*all.counts));
        if (!all.versions || !all.counts) {
            lambda__release(&lambda->base, all.versions);
            lambda__release(&lambda->base, all.counts);
            return false;
        }
        add_up(function, own, thread, &all);
    }
    bool complete = true;
    for (size_t i = 0; i < own->versions_count; i++) {
        bool kept = false;
        for (size_t k = 0; k < all.count; k++)
            kept = kept || all.versions[k] == own->versions[i];
        if (!kept) complete = set_wanted(lambda, own->versions[i], 0) && complete;
    }
    for (size_t i = 0; i < all.count; i++)
        complete = set_wanted(lambda, all.versions[i], all.counts[i]) && complete;
    *before = (wants){.versions = own->versions, .count = own->versions_count};
    own->versions = all.versions;
    own->versions_count = all.count;
    lambda__release(&lambda->base, all.counts);
    return complete;
}

/** As settle, without the mutex. */
static bool settle_all(lambda_t *lambda, lambda__function *function)
{
    lambda__concurrency *own = lambda__concurrency_of(function);
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    wants before = {0};
    bool complete = false;
    if (own && thread) {
        pthread_mutex_lock(&lambda->environments->mutex);
        complete = settle(lambda, function, own, thread, &before);
        pthread_mutex_unlock(&lambda->environments->mutex);
    }
    for (size_t i = 0; i < before.count; i++)
        lambda__version_release(lambda, before.versions[i]);
    lambda__release(&lambda->base, before.versions);
    lambda__ahead_go(lambda);
    lambda__environments_freed(lambda->environments);
    return complete;
}

void lambda__provisioned_settle(lambda_t *lambda, lambda__function *function)
{
    /* Where memory is out the provision is IN_PROGRESS until the next change of it. */
    (void)settle_all(lambda, function);
}

void lambda__function_changed(lambda_t *lambda, lambda__function *function)
{
    lambda__provisioned_settle(lambda, function);
}

void lambda__provisioned_lost(lambda__environment *environment)
{
    lambda_t *lambda = environment->lambda;
    lambda__pool *pool = atomic_load_explicit(&environment->version->pool, memory_order_acquire);
    atomic_store_explicit(&environment->provisioned, false, memory_order_relaxed);
    pool->provisioned--;
    if (!atomic_load_explicit(&pool->version->retired, memory_order_acquire)) (void)fill(lambda, pool);
}

/* ---- public calls */

/** Takes the name apart, holds its function, and refuses a qualifier that is none. */
static lambda_status hold(lambda_t *lambda, const char *function_name, lambda__name *name, lambda__function **function)
{
    *function = NULL;
    if (!lambda) return lambda__fail(NULL, INVALID, "lambda: is NULL");
    lambda_status status = lambda__name_parse(lambda, function_name, name);
    if (status != LAMBDA_OK) return status;
    if (!name->qualifier || name->qualifier[0] == '$')
        return lambda__fail(&lambda->base, INVALID,
                            "function_name: The function resource provided must be an alias or a published version.");
    return lambda__function_hold(lambda, name, function);
}

static lambda__provision *provision_of(const lambda__concurrency *own, const char *qualifier, size_t length)
{
    for (lambda__provision *each = own ? own->provisions : NULL; each; each = each->next)
        if (strlen(each->qualifier) == length && memcmp(each->qualifier, qualifier, length) == 0) return each;
    return NULL;
}

/** May this qualifier be provisioned? In a read section's place: takes one itself. */
static lambda_status check_place(lambda_t *lambda, lambda__function *function, const lambda__name *name,
                                 const char *qualifier, lambda__thread *thread)
{
    const lambda__concurrency *own = lambda__concurrency_of(function);
    destination found;
    const char *taken = NULL;
    lambda__read_begin(thread);
    bool leads = find(function, qualifier, &found);
    for (const lambda__provision *each = own ? own->provisions : NULL; leads && each; each = each->next) {
        destination other;
        if (strcmp(each->qualifier, qualifier) == 0 || !find(function, each->qualifier, &other)) continue;
        bool shares = found.version == other.version || (found.additional && found.additional == other.version) ||
                      (other.additional && (other.additional == found.version || other.additional == found.additional));
        if (shares) taken = each->qualifier;
    }
    lambda__read_end(thread);
    if (!leads) return lambda__function_missing(lambda, name);
    if (!found.version)
        return lambda__fail(&lambda->base, INVALID,
                            "function_name: the alias \"%s\" leads to $LATEST, which cannot be provisioned", qualifier);
    if (taken)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_CONFLICT, "function_name: %s",
                            strspn(qualifier, "0123456789") == strlen(qualifier)
                                ? "Version is pointed by a Provisioned Concurrency alias"
                                : "Alias can't be used for Provisioned Concurrency configuration on an already "
                                  "Provisioned version");
    return LAMBDA_OK;
}

/** Is there room for it? Under the mutex. */
static lambda_status check_room(lambda_t *lambda, const lambda__concurrency *own, uint32_t before, uint32_t wanted)
{
    uint32_t others = own->provisioned - before;
    if (own->reserved && (others > own->reserved_count || wanted > own->reserved_count - others))
        return lambda__fail(
            &lambda->base, INVALID,
            "provisioned_concurrent_executions: %u are more than is left of the function's reserved concurrency of %u",
            wanted, own->reserved_count);
    if (own->reserved || wanted <= before) return LAMBDA_OK;
    uint32_t set_aside = lambda->environments->set_aside - before;
    uint32_t most = lambda->limits.concurrent_executions - lambda->limits.unreserved_concurrent_executions;
    if (set_aside > most || wanted > most - set_aside)
        return lambda__fail(&lambda->base, INVALID,
                            "provisioned_concurrent_executions: Specified ConcurrentExecutions for function decreases "
                            "account's UnreservedConcurrentExecution below its "
                            "minimum value of [%u].",
                            lambda->limits.unreserved_concurrent_executions);
    return LAMBDA_OK;
}

void lambda__qualifier_deleted(lambda_t *lambda, lambda__function *function, const char *qualifier)
{
    lambda__concurrency *own = lambda__concurrency_of(function);
    pthread_mutex_lock(&lambda->environments->mutex);
    lambda__provision *provision = provision_of(own, qualifier, strlen(qualifier));
    if (provision) lambda__provision_remove(lambda, own, provision);
    pthread_mutex_unlock(&lambda->environments->mutex);
}

/** A provision of nothing, not yet the function's; NULL when memory is out. */
static lambda__provision *new_provision(lambda_t *lambda, const char *qualifier)
{
    size_t size = strlen(qualifier) + 1;
    lambda__provision *provision = lambda__allocate_zeroed(&lambda->base, sizeof(*provision) + size);
    if (provision) memcpy(provision->qualifier, qualifier, size);
    return provision;
}

static void link_provision(lambda__concurrency *own, lambda__provision *provision)
{
    lambda__provision **link = &own->provisions;
    while (*link && strcmp((*link)->qualifier, provision->qualifier) < 0)
        link = &(*link)->next;
    provision->next = *link;
    *link = provision;
}

lambda_status lambda__provision_put(lambda_t *lambda, lambda__function *function, const char *qualifier,
                                    uint32_t wanted, uint64_t modified, bool keep)
{
    lambda__concurrency *own = lambda__concurrency_make(lambda, function);
    if (!own) return lambda__out_of_memory(&lambda->base);
    lambda__provision *present = provision_of(own, qualifier, strlen(qualifier));
    lambda_status status = check_room(lambda, own, present ? present->requested : 0, wanted);
    if (status != LAMBDA_OK) return status;
    lambda__provision *provision = present ? present : new_provision(lambda, qualifier);
    if (!provision) return lambda__out_of_memory(&lambda->base);
    const lambda__concurrency_change change = {.reserved = own->reserved,
                                               .reserved_count = own->reserved_count,
                                               .qualifier = qualifier,
                                               .requested = wanted,
                                               .modified = modified};
    if (keep) status = lambda__concurrency_keep(lambda, function, &change);
    if (status != LAMBDA_OK) {
        if (!present) lambda__release(&lambda->base, provision);
        return status;
    }
    uint32_t share = lambda__concurrency_share(own);
    if (!present) link_provision(own, provision);
    own->provisioned = own->provisioned - provision->requested + wanted;
    provision->requested = wanted;
    provision->modified = modified;
    lambda__concurrency_apply(lambda, own, share);
    return LAMBDA_OK;
}

lambda_status lambda_provisioned_concurrency_put(lambda_t *lambda, const char *function_name,
                                                 uint32_t provisioned_concurrent_executions)
{
    lambda__name name;
    lambda__function *function = NULL;
    lambda_status status = hold(lambda, function_name, &name, &function);
    if (status != LAMBDA_OK) return status;
    char qualifier[LAMBDA__QUALIFIER_SIZE] = "";
    memcpy(qualifier, name.qualifier, name.qualifier_length);
    if (provisioned_concurrent_executions == 0)
        status = lambda__fail(&lambda->base, INVALID, "provisioned_concurrent_executions: is 0; delete it instead");
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (status == LAMBDA_OK) {
        lambda__registry_lock(lambda);
        pthread_mutex_lock(&lambda->environments->mutex);
        status = check_place(lambda, function, &name, qualifier, thread);
        if (status == LAMBDA_OK)
            status = lambda__provision_put(lambda, function, qualifier, provisioned_concurrent_executions,
                                           lambda__wall(&lambda->base), true);
        pthread_mutex_unlock(&lambda->environments->mutex);
        lambda__registry_unlock(lambda);
    }
    if (status == LAMBDA_OK && !settle_all(lambda, function)) status = lambda__out_of_memory(&lambda->base);
    lambda__function_release(lambda, function);
    return status;
}

lambda_status lambda_provisioned_concurrency_delete(lambda_t *lambda, const char *function_name)
{
    lambda__name name;
    lambda__function *function = NULL;
    lambda_status status = hold(lambda, function_name, &name, &function);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    pthread_mutex_lock(&lambda->environments->mutex);
    lambda__concurrency *own = lambda__concurrency_of(function);
    lambda__provision *provision = provision_of(own, name.qualifier, name.qualifier_length);
    if (provision) {
        const lambda__concurrency_change change = {
            .reserved = own->reserved, .reserved_count = own->reserved_count, .qualifier = provision->qualifier};
        status = lambda__concurrency_keep(lambda, function, &change);
        if (status == LAMBDA_OK) lambda__provision_remove(lambda, own, provision);
    }
    pthread_mutex_unlock(&lambda->environments->mutex);
    lambda__registry_unlock(lambda);
    if (provision && status == LAMBDA_OK) lambda__provisioned_settle(lambda, function);
    lambda__function_release(lambda, function);
    return status;
}

/** Adds what one version has of a provision's share. */
static void look_at(const lambda__version *version, uint32_t share, lambda_provisioned_concurrency *seen, bool *failed)
{
    const lambda__pool *pool = version ? atomic_load_explicit(&version->pool, memory_order_acquire) : NULL;
    if (!pool) return;
    seen->allocated += pool->provisioned < share ? pool->provisioned : share;
    if (!pool->provisioning_failed || pool->provisioned >= pool->provisioned_wanted) return;
    *failed = true;
    snprintf(seen->status_reason, sizeof(seen->status_reason), "%s", pool->failure);
}

/** Under the mutex. */
static void look(lambda__function *function, const lambda__provision *provision, lambda__thread *thread,
                 lambda_provisioned_concurrency *seen)
{
    destination found;
    bool failed = false;
    *seen = (lambda_provisioned_concurrency){.requested = provision->requested, .modified_ns = provision->modified};
    snprintf(seen->qualifier, sizeof(seen->qualifier), "%s", provision->qualifier);
    lambda__read_begin(thread);
    if (find(function, provision->qualifier, &found)) {
        uint32_t aside = found.additional ? (uint32_t)(provision->requested * found.weight + 0.5) : 0;
        look_at(found.version, provision->requested - aside, seen, &failed);
        look_at(found.additional, aside, seen, &failed);
    }
    lambda__read_end(thread);
    if (failed)
        seen->status = LAMBDA_PROVISIONED_CONCURRENCY_FAILED;
    else if (seen->allocated >= seen->requested)
        seen->status = LAMBDA_PROVISIONED_CONCURRENCY_READY;
}

lambda_status lambda_provisioned_concurrency_get_sized(lambda_t *lambda, const char *function_name,
                                                       lambda_provisioned_concurrency *got, size_t size)
{
    lambda__name name;
    lambda__function *function = NULL;
    if (!got) return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "got: is NULL");
    lambda_status status = hold(lambda, function_name, &name, &function);
    if (status != LAMBDA_OK) return status;
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    lambda_provisioned_concurrency seen;
    pthread_mutex_lock(&lambda->environments->mutex);
    const lambda__provision *provision =
        provision_of(lambda__concurrency_of(function), name.qualifier, name.qualifier_length);
    if (provision) look(function, provision, thread, &seen);
    pthread_mutex_unlock(&lambda->environments->mutex);
    if (provision) {
        memset(got, 0, size);
        memcpy(got, &seen, size < sizeof(seen) ? size : sizeof(seen));
    } else {
        status = lambda__fail(&lambda->base, LAMBDA_ERROR_PROVISIONED_CONCURRENCY_CONFIG_NOT_FOUND,
                              "No Provisioned Concurrency Config found for this function");
    }
    lambda__function_release(lambda, function);
    return status;
}

lambda_status lambda_provisioned_concurrency_list_sized(lambda_t *lambda, const char *function_name,
                                                        lambda_provisioned_concurrency *items, size_t size,
                                                        size_t capacity, size_t *count)
{
    if (!lambda || !count || (!items && capacity > 0))
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL",
                            !lambda  ? "lambda"
                            : !count ? "count"
                                     : "items");
    lambda__name name;
    lambda__function *function = NULL;
    *count = 0;
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status == LAMBDA_OK && name.qualifier) status = lambda__name_qualified(lambda);
    if (status == LAMBDA_OK) status = lambda__function_hold(lambda, &name, &function);
    if (status != LAMBDA_OK) return status;
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    pthread_mutex_lock(&lambda->environments->mutex);
    const lambda__concurrency *own = lambda__concurrency_of(function);
    for (const lambda__provision *each = own ? own->provisions : NULL; each; each = each->next) {
        lambda_provisioned_concurrency seen;
        if (*count < capacity) {
            char *item = (char *)items + *count * size;
            look(function, each, thread, &seen);
            memset(item, 0, size);
            memcpy(item, &seen, size < sizeof(seen) ? size : sizeof(seen));
        }
        ++*count;
    }
    pthread_mutex_unlock(&lambda->environments->mutex);
    lambda__function_release(lambda, function);
    return LAMBDA_OK;
}
