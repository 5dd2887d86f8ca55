/* One environment's life: made, initialised, shut down, freed. */
#include "environment/environment.h"

#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "environment/pool.h"
#include "environment/worker.h"
#include "observe/log/log.h"
#include "runtime/runtimes.h"

/** What the service has somebody for, and the function wants. */
static void choose_observers(lambda__environment *environment)
{
    const lambda_t *lambda = environment->lambda;
    const lambda__settings *settings = environment->version->settings;
    lambda__environment_hear(environment, false);
    if (lambda->metrics && settings->metrics_mode == LAMBDA_METRICS_ON) environment->observe |= LAMBDA__OBSERVE_METRICS;
    if (lambda->traces && settings->tracing_mode != LAMBDA_TRACING_OFF) environment->observe |= LAMBDA__OBSERVE_TRACES;
}

void lambda__environment_hear(lambda__environment *environment, bool heard)
{
    const lambda_t *lambda = environment->lambda;
    const lambda__settings *settings = environment->version->settings;
    bool anybody = heard || lambda->logs;
    lambda_log_level application =
        settings->application_log_level ? settings->application_log_level : lambda->log_level;
    lambda_log_level system = settings->system_log_level ? settings->system_log_level : lambda->system_log_level;
    environment->log_level = (uint8_t)(anybody ? application : LAMBDA_LOG_OFF);
    environment->system_log_level = (uint8_t)(anybody ? system : LAMBDA_LOG_OFF);
    environment->observe &= (uint8_t) ~(LAMBDA__OBSERVE_LOGS | LAMBDA__OBSERVE_TAIL);
    /* At WARN there is the report of what failed. */
    if (lambda__environment_logs(environment, LAMBDA_LOG_WARN)) environment->observe |= LAMBDA__OBSERVE_LOGS;
    if (heard) environment->observe |= LAMBDA__OBSERVE_TAIL;
}

void lambda__environment_tell_start(lambda__environment *environment)
{
    const lambda__version *version = environment->version;
    char runtime[96];
    lambda__log_event event = {.kind = LAMBDA__LOG_INIT_START,
                               .json = version->settings->log_format == LAMBDA_LOG_FORMAT_JSON,
                               .provisioned = environment->for_provisioned,
                               .function_name = version->function->name,
                               .runtime = runtime,
                               .version = version->label,
                               .phase = "init"};
    lambda_log_record record = {.level = lambda__log_event_level(&event), .platform = true};
    if (!lambda__environment_logs(environment, record.level)) return;
    snprintf(runtime, sizeof(runtime), "%.64s:%s", lambda__version_code(version)->driver->name, LAMBDA_VERSION_TEXT);
    lambda__environment_record(environment, &record);
    record.time_ns = lambda__wall(&environment->lambda->base);
    lambda__log_out out = lambda__environment_out(environment);
    lambda__log_event_write(&out, &record, &event);
}

lambda__environment *lambda__environment_new(lambda_t *lambda, lambda__version *version, lambda__thread *thread)
{
    lambda__environment *environment = lambda__allocate_zeroed(&lambda->base, sizeof(*environment));
    if (!environment) return NULL;
    atomic_init(&environment->state, LAMBDA__BUSY);
    environment->lambda = lambda;
    const lambda__code *code = lambda__version_code(version);
    environment->handler = code->handler.handler;
    environment->user = code->handler.user;
    environment->timeout_ns = (uint64_t)version->settings->timeout_ms * 1000000;
    environment->version = lambda__version_retain(version);
    choose_observers(environment);
    environment->event.lambda = lambda;
    environment->response = lambda__response_empty(lambda);
    bool traced = environment->observe & LAMBDA__OBSERVE_TRACES;
    if (traced) environment->trace = lambda__trace_new(&lambda->base);
    bool threaded = version->settings->isolation == LAMBDA_ISOLATION_THREAD;
    if ((traced && !environment->trace) || (threaded && !lambda__worker_make(environment))) {
        lambda__trace_free(environment->trace);
        lambda__version_release(lambda, version);
        lambda__release(&lambda->base, environment);
        return NULL;
    }
    atomic_init(&environment->released, lambda__now(&lambda->base));
    environment->started_wall = lambda__wall(&lambda->base);
    environment->id[0] = lambda__thread_random(thread);
    environment->id[1] = lambda__thread_random(thread);
    return environment;
}

lambda_status lambda__version_ready(lambda_t *lambda, const lambda__version *version)
{
    const lambda__code *code = lambda__version_code(version);
    if (LAMBDA__LIKELY(!lambda__code_is_unbound(code))) return LAMBDA_OK;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_NOT_READY,
                        "%s:%s has no code yet (%.200s): call lambda_function_bind%s", version->function->name,
                        version->label, code->origin->reason,
                        code->origin->recipe.reference ? ", or lambda_runtime_register with its driver" : "");
}

/** What an init hook said before does not hold any more. */
static void forget_init_error(lambda__environment *environment)
{
    if (LAMBDA__LIKELY(!environment->init_error)) return;
    lambda__release(&environment->lambda->base, environment->init_error);
    environment->init_error = NULL;
}

lambda_status lambda__environment_init(lambda__environment *environment, uint64_t until)
{
    lambda_init_hook *init = lambda__version_code(environment->version)->handler.init;
    forget_init_error(environment);
    environment->hook_until = until;
    environment->initialising = true;
    lambda_status status = init ? init(environment) : LAMBDA_OK;
    environment->initialising = false;
    if (status == LAMBDA_OK) forget_init_error(environment);
    environment->initialised = status == LAMBDA_OK;
    return status;
}

void lambda__environment_shutdown(lambda__environment *environment)
{
    lambda_shutdown_hook *shutdown = lambda__version_code(environment->version)->handler.shutdown;
    /* After the service has been given up the hook would find nothing as it was. */
    bool given_up = atomic_load_explicit(&environment->lambda->given_up, memory_order_acquire);
    environment->running = false;
    if (environment->initialised && shutdown && !given_up) {
        lambda_t *lambda = environment->lambda;
        environment->hook_until = lambda__now(&lambda->base) + lambda->close_grace_ns;
        shutdown(environment);
    }
    environment->initialised = false;
}

void lambda__environment_free(lambda__environment *environment)
{
    lambda_t *lambda = environment->lambda;
    lambda__version *version = environment->version;
    lambda__event_reset(&environment->event);
    lambda__response_reset_error(&environment->response);
    if (environment->worker) lambda__buffer_clear(&lambda->base, &environment->response.body);
    lambda__worker_free(environment);
    lambda__heap_clear(&lambda->base, &environment->heap);
    if (environment->directory) lambda__platform_directory_remove(environment->directory);
    lambda__release(&lambda->base, environment->directory);
    lambda__release(&lambda->base, environment->arn);
    lambda__release(&lambda->base, atomic_load_explicit(&environment->log_group, memory_order_relaxed));
    lambda__release(&lambda->base, atomic_load_explicit(&environment->log_stream, memory_order_relaxed));
    lambda__release(&lambda->base, environment->trace_text);
    lambda__release(&lambda->base, environment->init_error);
    lambda__buffer_clear(&lambda->base, &environment->line);
    lambda__trace_free(environment->trace);
    lambda__release(&lambda->base, environment);
    lambda__version_release(lambda, version);
}

bool lambda__environment_storage_exceeded(lambda__environment *environment)
{
    uint64_t bytes = 0;
    uint64_t limit = (uint64_t)environment->version->settings->ephemeral_storage_size * 1048576;
    if (LAMBDA__LIKELY(!environment->directory)) return false;
    if (lambda__platform_directory_size(environment->directory, &bytes) != 0 || bytes <= limit) return false;
    lambda_log_record record = {.level = LAMBDA_LOG_WARN, .platform = true};
    if (lambda__environment_logs(environment, record.level)) {
        lambda__environment_record(environment, &record);
        lambda__log_out out = lambda__environment_out(environment);
        lambda__log(&out, &record,
                    "RequestId: %s Warning: /tmp holds %llu bytes, more than its size of %u MB; the environment ends",
                    record.request_id, (unsigned long long)bytes,
                    environment->version->settings->ephemeral_storage_size);
    }
    return true;
}

lambda_status lambda__environments_open(lambda_t *lambda, const lambda_options *options, lambda__environments **opened)
{
    const uint32_t standard_ms = 600000;
    uint32_t idle_ms = options->idle_timeout_ms ? options->idle_timeout_ms : standard_ms;
    lambda__environments *environments = lambda__allocate_zeroed(&lambda->base, sizeof(*environments));
    lambda__permits *account = lambda__allocate_zeroed(&lambda->base, sizeof(*account));
    if (!environments || !account) {
        lambda__release(&lambda->base, environments);
        lambda__release(&lambda->base, account);
        return lambda__out_of_memory(NULL);
    }
    if (pthread_mutex_init(&environments->mutex, NULL) != 0) {
        lambda__release(&lambda->base, environments);
        lambda__release(&lambda->base, account);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    }
    account->limit = lambda->limits.concurrent_executions;
    environments->account = account;
    environments->idle_timeout_ns = idle_ms == LAMBDA_IDLE_FOREVER ? UINT64_MAX : (uint64_t)idle_ms * 1000000;
    environments->sweep.run = lambda__sweep;
    environments->starter.run = lambda__ahead_step;
    environments->jobs_end = &environments->jobs;
    *opened = environments;
    return LAMBDA_OK;
}

void lambda__environments_closing(lambda_t *lambda)
{
    atomic_store_explicit(&lambda->environments->closing, true, memory_order_seq_cst);
    lambda__environments_freed(lambda->environments);
}

/** One that still runs, as far as the log tells of it. */
typedef struct abandoned {
    lambda_request_id request_id;
    lambda__version *version; /* holds a reference */
} abandoned;

static void tell_abandoned(lambda_t *lambda, const abandoned *each)
{
    const lambda__version *version = each->version;
    char id[LAMBDA_REQUEST_ID_SIZE];
    char group[96];
    lambda_request_id_format(each->request_id, id);
    snprintf(group, sizeof(group), "/aws/lambda/%s", version->function->name);
    const lambda__settings *settings = version->settings;
    lambda__log_out out = {.lambda = lambda, .json = settings->log_format == LAMBDA_LOG_FORMAT_JSON};
    lambda_log_record record = {.level = LAMBDA_LOG_ERROR,
                                .platform = true,
                                .log_group_name = settings->log_group[0] ? settings->log_group : group,
                                .log_stream_name = "",
                                .request_id = id};
    lambda__log(&out, &record, "RequestId: %s Error: the handler of %s:%s still runs and is abandoned", id,
                version->function->name, version->label);
}

/** Those that still run, from the one after `skip` on, as many as there is room for; how many there are. */
static uint32_t collect(lambda__environments *environments, uint32_t skip, abandoned *list, uint32_t room)
{
    uint32_t count = 0;
    pthread_mutex_lock(&environments->mutex);
    for (lambda__pool *pool = environments->pools; pool; pool = pool->next) {
        pthread_mutex_lock(&pool->mutex);
        for (const lambda__environment *each = pool->first; each; each = each->next, count++)
            if (count >= skip && count - skip < room)
                list[count - skip] =
                    (abandoned){.request_id = each->request_id, .version = lambda__version_retain(each->version)};
        pthread_mutex_unlock(&pool->mutex);
    }
    pthread_mutex_unlock(&environments->mutex);
    return count;
}

uint32_t lambda__environments_abandon(lambda_t *lambda)
{
    enum { AT_ONCE = 16 };
    abandoned list[AT_ONCE];
    bool logged = lambda__log_enabled(lambda, LAMBDA_LOG_ERROR);
    uint32_t count = collect(lambda->environments, 0, list, logged ? AT_ONCE : 0);
    /* Sinks run under no lock. What ends meanwhile moves the others up, and one of them may not be told of. */
    for (uint32_t told = 0; logged && told < count; told += AT_ONCE) {
        uint32_t left = told == 0 ? count : collect(lambda->environments, told, list, AT_ONCE);
        for (uint32_t i = 0; i < AT_ONCE && told + i < left; i++) {
            tell_abandoned(lambda, &list[i]);
            lambda__version_release(lambda, list[i].version);
        }
    }
    return count;
}

void lambda__environments_close(lambda_t *lambda, lambda__environments *environments)
{
    pthread_mutex_destroy(&environments->mutex);
    lambda__release(&lambda->base, environments->account->holders);
    lambda__release(&lambda->base, environments->account);
    lambda__release(&lambda->base, environments);
}
