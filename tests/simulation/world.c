/* The world's service, what its handlers and hooks do, and what must hold. */
#include "world.h"

#include <string.h>

#define MS UINT64_C(1000000)

_Noreturn void world_fail(const sim_world *world, const char *what, const char *file, int line)
{
    printf("FAILED at %s:%d: %s\n", file, line, what);
    printf("last message: %s\n", lambda_error_message(world->lambda));
    printf("seed %llu, step %llu; again with: simulation --seed %llu --count 1 --verbose\n",
           (unsigned long long)world->seed, (unsigned long long)world->step, (unsigned long long)world->seed);
    fflush(stdout);
    abort();
}

uint32_t draw(sim_world *world, uint32_t below)
{
    uint64_t mixed = world->random += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((mixed ^ mixed >> 31) % below);
}

bool chance(sim_world *world, uint32_t thousandth)
{
    return draw(world, 1000) < thousandth;
}

bool is_one_of(const sim_world *world, lambda_status status, const lambda_status *statuses, size_t count)
{
    if (status == LAMBDA_OK || (world->starves && status == LAMBDA_ERROR_OUT_OF_MEMORY)) return true;
    for (size_t i = 0; i < count; i++)
        if (statuses[i] == status) return true;
    return false;
}

static lambda_status digest(void *user, const lambda_log_record *record)
{
    sim_world *world = user;
    const char *texts[] = {record->request_id, record->log_stream_name, record->message};
    for (size_t i = 0; i < 3; i++)
        for (const char *at = texts[i]; *at; at++)
            world->log = (world->log ^ (unsigned char)*at) * UINT64_C(0x100000001B3);
    if (world->verbose)
        printf("%10llu %s\n", (unsigned long long)(lambda_clock_virtual_now(world->clock) / MS), record->message);
    return LAMBDA_OK;
}

/* ---- hooks and handlers */

static lambda_status starts(lambda_context *context)
{
    const sim_code *ours = lambda_context_user(context);
    sim_world *world = ours->world;
    CHECK(world, lambda_context_state(context) == NULL);
    world->inits++;
    if (chance(world, 300)) lambda_clock_virtual_step(world->clock, draw(world, 400) * MS);
    if (chance(world, 3)) lambda_clock_virtual_step(world->clock, 20000 * MS);
    world->inits--;
    if (chance(world, 60)) return LAMBDA_ERROR_SERVICE;
    sim_room *made = calloc(1, sizeof(*made));
    CHECK(world, made != NULL);
    made->generation = ours->generation;
    made->provisioned = strcmp(lambda_context_initialization_type(context), "provisioned-concurrency") == 0;
    world->provisioned_rooms += made->provisioned;
    world->rooms++;
    if (world->verbose) printf("%10s init %p %s\n", "", (void *)context, ours->function->name);
    lambda_context_set_state(context, made);
    return LAMBDA_OK;
}

static void ends(lambda_context *context)
{
    const sim_code *ours = lambda_context_user(context);
    sim_room *left = lambda_context_state(context);
    CHECK(ours->world, left != NULL && !left->inside && left->generation == ours->generation);
    CHECK(ours->world, lambda_context_shutdown_reason(context) != LAMBDA_SHUTDOWN_NONE);
    if (ours->world->verbose)
        printf("%10s end %p %s %d\n", "", (void *)context, ours->function->name,
               (int)lambda_context_shutdown_reason(context));
    ours->world->rooms--;
    ours->world->provisioned_rooms -= left->provisioned;
    free(left);
}

static void enter(sim_world *world, sim_function *function, sim_room *entered)
{
    CHECK(world, !entered->inside);
    entered->inside = true;
    world->running++;
    function->running++;
    CHECK(world, world->running <= world->limit || world->loose);
    CHECK(world, function->reserved < 0 || function->loose || (int64_t)function->running <= function->reserved);
}

static lambda_status works(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    const sim_code *ours = lambda_context_user(context);
    sim_world *world = ours->world;
    sim_room *entered = lambda_context_state(context);
    uint64_t number = 0;
    CHECK(world, entered->generation == ours->generation);
    enter(world, ours->function, entered);
    bool event_runs = event_enter(world, ours->function, lambda_event_payload(event), &number);
    lambda_status status = LAMBDA_OK;
    uint32_t what = draw(world, 1000);
    if (what < 250)
        lambda_clock_virtual_step(world->clock, draw(world, 2500) * MS);
    else if (what < 270)
        lambda_clock_virtual_step(world->clock, (3001 + draw(world, 3000)) * MS);
    else if (what < 320)
        status = LAMBDA_ERROR_SERVICE;
    else if (what < 350)
        lambda_context_retire(context);
    else if (what < 380)
        lambda_response_error(response, "Wrong", "as the seed says");
    else if (what < 550 && world->depth < 12)
        invoke(world, &world->functions[draw(world, world->count)]);
    else if (what < 560 && world->depth < 12)
        burst(world, &world->functions[draw(world, world->count)]);
    else if (what < 600 && world->meddles)
        meddle(world, &world->functions[draw(world, world->count)]);
    else if (what < 640 && world->eventful)
        event_act(world, &world->functions[draw(world, world->count)]);
    if (status == LAMBDA_OK) {
        char text[24];
        int length = snprintf(text, sizeof(text), "%llu", (unsigned long long)ours->generation);
        status = lambda_response_write(response, text, (size_t)length);
    }
    if (event_runs) event_leave(world, number);
    entered->inside = false;
    world->running--;
    ours->function->running--;
    return status;
}

lambda_code code_new(sim_world *world, sim_function *function, sim_code **made)
{
    sim_code *fresh = calloc(1, sizeof(*fresh));
    CHECK(world, fresh != NULL);
    *fresh = (sim_code){.world = world,
                        .function = function,
                        .generation = world->codes ? world->codes->generation + 1 : 1,
                        .next = world->codes};
    world->codes = fresh;
    *made = fresh;
    return lambda_code_native_hooks(works, starts, ends, fresh);
}

/* ---- open, check, close */

static void configure(sim_world *world, lambda_options *options)
{
    static const uint32_t idles[] = {60000, 600000, LAMBDA_IDLE_FOREVER};
    world->limit = chance(world, 500) ? 3 + draw(world, 20) : 1000;
    lambda_clock_virtual_options(world->clock, options);
    world->executor = options->executor;
    options->allocator = lambda_test_allocator(&world->memory);
    options->log[0] = (lambda_log_sink){.write = digest, .user = world, .direct = true};
    world->threadless = chance(world, 250);
    if (world->threadless) options->executor = (lambda_executor){.kind = LAMBDA_EXECUTOR_NONE};
    options->idle_timeout_ms = idles[draw(world, 3)];
    options->limits.concurrent_executions = world->limit;
    options->limits.unreserved_concurrent_executions = 1 + world->limit / 10;
    options->limits.scaling_rate = chance(world, 300) ? 2 + draw(world, 10) : 0;
    options->limits.invocation_depth = 64;
    options->async_workers = 1 + draw(world, 4);
}

void world_open(sim_world *world)
{
    lambda_options options = {0};
    if (lambda_clock_virtual_open(world->random, 0, &world->clock) != LAMBDA_OK) abort();
    configure(world, &options);
    world->memory = (lambda_test_memory){0};
    world->counts = (lambda_statistics){0};
    world->loose = false;
    if (lambda_open(&options, &world->lambda) != LAMBDA_OK) {
        printf("%s\n", lambda_error_message(NULL));
        abort();
    }
    if (world->eventful) events_open(world);
}

static void check_counts(sim_world *world)
{
    lambda_statistics seen;
    CHECK(world, lambda_statistics_get(world->lambda, &seen) == LAMBDA_OK);
    if (!world->eventful) {
        CHECK(world, seen.invocations == world->counts.invocations);
        CHECK(world, seen.errors == world->counts.errors);
        CHECK(world, seen.throttles == world->counts.throttles);
        CHECK(world, seen.cold_starts == world->counts.cold_starts);
    }
    CHECK(world, seen.invocations >= world->counts.invocations && seen.throttles >= world->counts.throttles);
    /* Without memory an error has no text to be counted by; those of events nobody here has seen. */
    CHECK(world, world->starves || world->eventful ? seen.timeouts >= world->counts.timeouts
                                                   : seen.timeouts == world->counts.timeouts);
    CHECK(world, seen.environments_ended <= seen.environments_started);
    if (world->verbose)
        printf("%llu rooms, %llu started %llu ended\n", (unsigned long long)world->rooms,
               (unsigned long long)seen.environments_started, (unsigned long long)seen.environments_ended);
    CHECK(world, world->rooms <= seen.environments_started - seen.environments_ended);
}

static void check_account(sim_world *world)
{
    lambda_account_settings account;
    CHECK(world, lambda_account_settings_get(world->lambda, &account) == LAMBDA_OK);
    uint64_t functions = 0;
    uint64_t reserved = 0;
    for (uint32_t i = 0; i < world->count; i++) {
        const sim_function *each = &world->functions[i];
        functions += each->exists;
        if (each->exists && each->reserved > 0) reserved += (uint64_t)each->reserved;
    }
    CHECK(world, account.function_count == functions);
    CHECK(world, account.unreserved_concurrent_executions + reserved <= world->limit);
    CHECK(world, account.unreserved_concurrent_executions >= 1 + world->limit / 10);
}

/** With nothing due any more: what is provisioned is there, or has failed; and what is said to be there is. */
static void check_provisioned(sim_world *world)
{
    uint64_t allocated = 0;
    for (uint32_t i = 0; i < world->count; i++) {
        lambda_provisioned_concurrency items[VERSIONS + 1];
        size_t count = 0;
        if (!world->functions[i].exists) continue;
        lambda_status status =
            lambda_provisioned_concurrency_list(world->lambda, world->functions[i].name, items, VERSIONS + 1, &count);
        CHECK(world, status == LAMBDA_OK && count <= VERSIONS + 1);
        for (size_t k = 0; k < count; k++) {
            CHECK(world, world->starves || items[k].status != LAMBDA_PROVISIONED_CONCURRENCY_IN_PROGRESS);
            CHECK(world, items[k].allocated <= items[k].requested);
            allocated += items[k].allocated;
        }
    }
    CHECK(world, allocated <= world->provisioned_rooms);
}

void world_check(sim_world *world)
{
    world->memory.fail_at = 0;
    /* All that is due, and what becomes due because hooks take time. */
    uint64_t before;
    do {
        before = lambda_clock_virtual_now(world->clock);
        lambda_clock_virtual_step(world->clock, 0);
        CHECK(world, lambda_pump(world->lambda, UINT64_MAX, NULL) == LAMBDA_OK);
    } while (lambda_clock_virtual_now(world->clock) != before);
    CHECK(world, world->running == 0 && world->calls == 0 && world->inits == 0);
    world->loose = false;
    for (uint32_t i = 0; i < world->count; i++) {
        CHECK(world, world->functions[i].running == 0);
        world->functions[i].loose = false;
    }
    check_counts(world);
    check_account(world);
    check_provisioned(world);
    if (world->eventful) events_check(world);
}

/** Deletes all functions first, so that the counts must come out even while the service is open to be asked. */
static void delete_all(sim_world *world)
{
    lambda_statistics seen;
    for (uint32_t i = 0; i < world->count; i++)
        if (world->functions[i].exists)
            CHECK(world, lambda_function_delete(world->lambda, world->functions[i].name) == LAMBDA_OK);
    while (lambda_clock_virtual_step_next(world->clock))
        ;
    CHECK(world, world->rooms == 0);
    CHECK(world, lambda_statistics_get(world->lambda, &seen) == LAMBDA_OK);
    CHECK(world, seen.environments_started == seen.environments_ended);
}

void world_close(sim_world *world)
{
    world->memory.fail_at = 0;
    while (world->pieces > 0)
        CHECK(world, lambda_clock_virtual_step_next(world->clock));
    if (world->eventful && chance(world, 500)) events_drain(world);
    if (chance(world, 500)) delete_all(world);
    if (world->eventful)
        events_close(world);
    else
        CHECK(world, lambda_close(world->lambda) == 0);
    world->lambda = NULL;
    world->hours += lambda_clock_virtual_now(world->clock);
    lambda_clock_virtual_close(world->clock);
    CHECK(world, world->rooms == 0 && world->provisioned_rooms == 0);
    CHECK(world, world->memory.live == 0);
    for (uint32_t i = 0; i < world->count; i++) {
        sim_function *each = &world->functions[i];
        sim_function fresh = {.reserved = -1};
        memcpy(fresh.name, each->name, sizeof(fresh.name));
        *each = fresh;
    }
    while (world->codes) {
        sim_code *next = world->codes->next;
        free(world->codes);
        world->codes = next;
    }
}
