/* How quick functions lately were: the quick ones run on the thread of the connection. Read without a lock; a road that was added stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

static size_t slot_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return (size_t)((hash ^ (hash >> 32)) % LAMBDA__ROADS);
}

lambda__road *lambda__roads_find(lambda__roads *roads, const char *name)
{
    for (size_t i = slot_of(name), n = 0; n < LAMBDA__ROADS; n++, i = (i + 1) % LAMBDA__ROADS) {
        lambda__road *road = atomic_load_explicit(&roads->slots[i], memory_order_acquire);
        if (!road || strcmp(road->name, name) == 0) return road;
    }
    return NULL;
}

/** With `adding`. */
static lambda__road *add(lambda_http *http, const char *name)
{
    lambda__roads *roads = &http->roads;
    lambda__road *road = lambda__roads_find(roads, name);
    /* A table that is nearly full is slow to say no. */
    if (road || roads->count >= LAMBDA__ROADS * 3 / 4) return road;
    road = calloc(1, sizeof(*road));
    if (!road) return NULL;
    memcpy(road->name, name, strlen(name) + 1);
    atomic_init(&road->speed_ns, UINT64_MAX);
    if (lambda_target_open(http->lambda, name, &road->target) != LAMBDA_OK) {
        free(road);
        return NULL;
    }
    size_t i = slot_of(name);
    while (atomic_load_explicit(&roads->slots[i], memory_order_relaxed))
        i = (i + 1) % LAMBDA__ROADS;
    atomic_store_explicit(&roads->slots[i], road, memory_order_release);
    roads->count++;
    return road;
}

lambda__road *lambda__roads_look(lambda_http *http, const char *name)
{
    if (strlen(name) >= sizeof(((lambda__road *)0)->name)) return NULL;
    lambda__road *road = lambda__roads_find(&http->roads, name);
    uint64_t now = lambda__now_ms();
    /* Whoever lambda__road_quick sent here has to look, as nobody else will. */
    if (road && !atomic_exchange_explicit(&road->stale, false, memory_order_relaxed) &&
        now < atomic_load_explicit(&road->looked_ms, memory_order_relaxed) + LAMBDA__ROAD_MS)
        return road;
    lambda_function_configuration *configuration = NULL;
    if (lambda_function_get(http->lambda, name, &configuration) != LAMBDA_OK) {
        if (road) atomic_store_explicit(&road->inlined, false, memory_order_relaxed);
        return road;
    }
    bool inlined = configuration->isolation == LAMBDA_ISOLATION_INLINE;
    lambda_function_configuration_free(configuration);
    if (!road) {
        pthread_mutex_lock(&http->roads.adding);
        road = add(http, name);
        pthread_mutex_unlock(&http->roads.adding);
    }
    if (!road) return NULL;
    atomic_store_explicit(&road->inlined, inlined, memory_order_relaxed);
    atomic_store_explicit(&road->looked_ms, now, memory_order_relaxed);
    return road;
}

bool lambda__road_quick(lambda__road *road, uint64_t now_ms)
{
    if (!atomic_load_explicit(&road->inlined, memory_order_relaxed)) return false;
    if (atomic_load_explicit(&road->speed_ns, memory_order_relaxed) >= LAMBDA__QUICK_NS) return false;
    uint64_t looked = atomic_load_explicit(&road->looked_ms, memory_order_relaxed);
    if (now_ms < looked + LAMBDA__ROAD_MS) return true;
    /* One of those who find that goes to a worker. */
    if (!atomic_compare_exchange_strong_explicit(&road->looked_ms, &looked, now_ms, memory_order_relaxed,
                                                 memory_order_relaxed))
        return true;
    atomic_store_explicit(&road->stale, true, memory_order_relaxed);
    return false;
}

/** It took so long. */
static void took(lambda__road *road, const lambda_result *result)
{
    uint64_t time = result->duration_ns;
    uint64_t speed = atomic_load_explicit(&road->speed_ns, memory_order_relaxed);
    /* Two threads at once: one of them is lost, which does not matter. */
    uint64_t now = speed == UINT64_MAX ? time : speed - speed / 8 + time / 8;
    if (now != speed) atomic_store_explicit(&road->speed_ns, now, memory_order_relaxed);
}

lambda_status lambda__roads_invoke(lambda__connection *connection, const char *name, lambda_target *target,
                                   lambda_bytes payload, const lambda_invoke_options *options)
{
    lambda_http *http = connection->http;
    lambda__road *road =
        connection->suspended ? lambda__roads_look(http, name) : lambda__roads_find(&http->roads, name);
    if (!target && road) target = road->target;
    if (http->access_log) snprintf(connection->log_name, sizeof(connection->log_name), "%s", name);
    lambda_status status = target ? lambda_target_invoke(target, payload, options, &connection->result)
                                  : lambda_invoke_with(http->lambda, name, payload, options, &connection->result);
    if (status == LAMBDA_OK && road) took(road, &connection->result);
    return status;
}

void lambda__roads_close(lambda__roads *roads)
{
    for (size_t i = 0; i < LAMBDA__ROADS; i++) {
        lambda__road *road = atomic_load_explicit(&roads->slots[i], memory_order_relaxed);
        if (!road) continue;
        lambda_target_close(road->target);
        free(road);
    }
    pthread_mutex_destroy(&roads->adding);
}
