/* What is done to a world, and what must come of it. */
#include "world.h"

#include <string.h>

#define INVALID   LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define NOT_FOUND LAMBDA_ERROR_RESOURCE_NOT_FOUND
#define CONFLICT  LAMBDA_ERROR_RESOURCE_CONFLICT

/* ---- functions, versions, aliases */

static void create(sim_world *world, sim_function *function)
{
    sim_code *made;
    lambda_function_config config = {.function_name = function->name,
                                     .code = code_new(world, function, &made),
                                     .isolation = !world->threadless && chance(world, 300) ? LAMBDA_ISOLATION_THREAD
                                                                                           : LAMBDA_ISOLATION_INLINE,
                                     .spare_environments = chance(world, 100) ? 1 + draw(world, 3) : 0};
    bool existed = function->exists;
    lambda_status status = lambda_function_create(world->lambda, &config);
    CHECK(world, ONE_OF(world, status, CONFLICT));
    CHECK(world, (status == CONFLICT) == existed || status == LAMBDA_ERROR_OUT_OF_MEMORY);
    if (status != LAMBDA_OK) return;
    function->exists = true;
    function->latest = made;
}

static void delete_function(sim_world *world, sim_function *function)
{
    lambda_status status = lambda_function_delete(world->lambda, function->name);
    CHECK(world, status == (function->exists ? LAMBDA_OK : NOT_FOUND) || status == LAMBDA_ERROR_OUT_OF_MEMORY);
    if (status != LAMBDA_OK) return;
    sim_function fresh = {.reserved = -1, .running = function->running, .loose = true};
    memcpy(fresh.name, function->name, sizeof(fresh.name));
    *function = fresh;
    event_age(world, function, SIM_AGE_NS);
    world->loose = true;
}

static void update_code(sim_world *world, sim_function *function)
{
    sim_code *made;
    lambda_status status = lambda_function_update_code(
        world->lambda, function->name, &(lambda_function_code_update){.code = code_new(world, function, &made)});
    CHECK(world, status == (function->exists ? LAMBDA_OK : NOT_FOUND) || status == LAMBDA_ERROR_OUT_OF_MEMORY);
    if (status == LAMBDA_OK) function->latest = made;
}

static void update_configuration(sim_world *world, sim_function *function)
{
    lambda_function_config config = {.memory_size = 128 + draw(world, 10) * 64};
    lambda_status status = lambda_function_update_configuration(world->lambda, function->name, &config);
    CHECK(world, status == (function->exists ? LAMBDA_OK : NOT_FOUND) || status == LAMBDA_ERROR_OUT_OF_MEMORY);
}

static void publish(sim_world *world, sim_function *function)
{
    if (function->newest + 1 >= VERSIONS) return;
    lambda_function_configuration *made = NULL;
    lambda_status status = lambda_version_publish(world->lambda, function->name, NULL, &made);
    CHECK(world, status == (function->exists ? LAMBDA_OK : NOT_FOUND) || status == LAMBDA_ERROR_OUT_OF_MEMORY);
    if (status != LAMBDA_OK) {
        /* The version may be there though there was no memory to tell of it. */
        if (status == LAMBDA_ERROR_OUT_OF_MEMORY) function->newest = VERSIONS;
        return;
    }
    uint32_t number = (uint32_t)atoi(made->version);
    CHECK(world, number == function->newest + 1 || (number == function->newest && function->versions[number]));
    if (number == function->newest) CHECK(world, function->versions[number] == function->latest);
    function->newest = number;
    function->versions[number] = function->latest;
    lambda_function_configuration_free(made);
}

/** A version that exists, 0 if there is none. */
static uint32_t some_version(sim_world *world, const sim_function *function)
{
    if (function->newest == 0 || function->newest >= VERSIONS) return 0;
    uint32_t number = 1 + draw(world, function->newest);
    return function->versions[number] ? number : 0;
}

static void flip_alias(sim_world *world, sim_function *function)
{
    uint32_t to = some_version(world, function);
    uint32_t other = some_version(world, function);
    if (to == 0) return;
    char version[12];
    char additional[12];
    snprintf(version, sizeof(version), "%u", to);
    snprintf(additional, sizeof(additional), "%u", other);
    bool weighted = other != 0 && other != to && chance(world, 300);
    lambda_alias_config config = {.name = "live",
                                  .function_version = version,
                                  .additional_version = weighted ? additional : "",
                                  .additional_weight = weighted ? 0.25 : 0};
    if (!function->aliased && !weighted) config.additional_version = NULL;
    lambda_status status = function->aliased ? lambda_alias_update(world->lambda, function->name, &config)
                                             : lambda_alias_create(world->lambda, function->name, &config);
    CHECK(world, ONE_OF(world, status, LAMBDA_OK));
    if (status != LAMBDA_OK) return;
    function->aliased = true;
    function->alias = to;
    function->weighted = weighted;
    world->loose = function->loose = true;
}

static void delete_alias(sim_world *world, sim_function *function)
{
    if (!function->aliased) return;
    lambda_status status = lambda_alias_delete(world->lambda, function->name, "live");
    CHECK(world, ONE_OF(world, status, LAMBDA_OK));
    if (status == LAMBDA_OK) function->aliased = false;
}

/* ---- concurrency */

static void reserve(sim_world *world, sim_function *function)
{
    uint32_t wanted = draw(world, 4) ? draw(world, world->limit / 4 + 1) : draw(world, 3);
    if (chance(world, 300)) {
        lambda_status status = lambda_function_concurrency_delete(world->lambda, function->name);
        CHECK(world, ONE_OF(world, status, NOT_FOUND));
        if (status == LAMBDA_OK) function->reserved = -1;
    } else {
        lambda_status status = lambda_function_concurrency_put(world->lambda, function->name, wanted);
        CHECK(world, ONE_OF(world, status, NOT_FOUND, INVALID));
        if (status == LAMBDA_OK) function->reserved = wanted;
    }
    world->loose = function->loose = true;
}

static void provision(sim_world *world, sim_function *function)
{
    char name[32];
    uint32_t version = some_version(world, function);
    if (version && chance(world, 500))
        snprintf(name, sizeof(name), "%s:%u", function->name, version);
    else
        snprintf(name, sizeof(name), "%s:live", function->name);
    lambda_status status = chance(world, 300)
                               ? lambda_provisioned_concurrency_delete(world->lambda, name)
                               : lambda_provisioned_concurrency_put(world->lambda, name, 1 + draw(world, 3));
    CHECK(world, ONE_OF(world, status, NOT_FOUND, INVALID, CONFLICT));
    world->loose = function->loose = true;
}

void meddle(sim_world *world, sim_function *function)
{
    static void (*const deeds[])(sim_world *, sim_function *) = {
        create,     create,       create,  update_code, update_code, update_configuration, publish, publish, flip_alias,
        flip_alias, delete_alias, reserve, provision,   provision};
    const size_t count = sizeof(deeds) / sizeof(deeds[0]);
    if (chance(world, 30))
        delete_function(world, function);
    else
        deeds[draw(world, (uint32_t)count)](world, function);
}

/* ---- invoking */

/** What an invocation by this name may run: codes as they stood when it began. */
typedef struct sim_expectation {
    bool exists;
    uint64_t generation; /* exactly, or at least for $LATEST; 0: not known */
    bool latest;
} sim_expectation;

static sim_expectation name_one(sim_world *world, const sim_function *function, char name[32])
{
    uint32_t version = some_version(world, function);
    if (function->aliased && chance(world, 400)) {
        snprintf(name, 32, "%s:live", function->name);
        return (sim_expectation){true, function->weighted ? 0 : function->versions[function->alias]->generation, false};
    }
    if (version && chance(world, 300)) {
        snprintf(name, 32, "%s:%u", function->name, version);
        return (sim_expectation){true, function->versions[version]->generation, false};
    }
    snprintf(name, 32, "%s", function->name);
    return (sim_expectation){function->exists, function->exists ? function->latest->generation : 0, true};
}

static void count(sim_world *world, const lambda_result *result)
{
    const char *text = (const char *)result->payload.data;
    world->counts.invocations++;
    world->counts.cold_starts += result->cold_start;
    world->counts.errors += result->function_error != NULL;
    world->counts.timeouts += result->function_error && text && strstr(text, "Sandbox.Timedout");
}

/** The code that answered is the one that was asked for. */
static void check_answer(sim_world *world, const lambda_result *result, const sim_expectation *expected, bool changed)
{
    if (result->function_error) return;
    uint64_t generation = strtoull((const char *)result->payload.data, NULL, 10);
    bool right = expected->generation == 0 || generation == expected->generation;
    /* Somebody changed things meanwhile: then it is what was asked for, or newer. */
    if (changed) right = !expected->latest || generation >= expected->generation;
    CHECK(world, right);
}

/** All of its reserved concurrency, which may be none, is provisioned: there is nothing for others. */
static bool nothing_left(sim_world *world, const sim_function *function)
{
    lambda_provisioned_concurrency items[VERSIONS + 1];
    size_t count = 0;
    uint32_t provisioned = 0;
    if (function->reserved < 0 || !function->exists) return false;
    lambda_status status =
        lambda_provisioned_concurrency_list(world->lambda, function->name, items, VERSIONS + 1, &count);
    CHECK(world, status == LAMBDA_OK && count <= VERSIONS + 1);
    for (size_t i = 0; i < count; i++)
        provisioned += items[i].requested;
    CHECK(world, provisioned <= function->reserved);
    return provisioned == function->reserved;
}

/** A refusal for want of concurrency has a cause: others run, or none was allowed, or the rate. */
static void check_throttle(sim_world *world, const sim_function *function, const lambda_result *result)
{
    const char *reason = result->throttle_reason;
    CHECK(world, reason != NULL);
    /* Events run when they like. */
    if (world->eventful) return;
    bool rate = strstr(reason, "RateLimit") != NULL;
    bool none = function->loose || nothing_left(world, function);
    CHECK(world, rate || none || world->calls > 1 || world->running > 0 || world->inits > 0 || world->pieces > 0);
}

void invoke(sim_world *world, sim_function *function)
{
    char name[32];
    lambda_result result = {0};
    uint64_t newest = world->codes ? world->codes->generation : 0;
    sim_expectation expected = name_one(world, function, name);
    /* In a world that meddles anything may change while this waits or runs. */
    bool loose = world->meddles && (world->calls > 0 || world->pieces > 0);
    lambda_invoke_options options = {.wait_ms = !world->threadless && chance(world, 50) ? draw(world, 2000) : 0};
    world->calls++;
    world->depth++;
    lambda_status status = lambda_invoke_with(world->lambda, name, LAMBDA_JSON("{}"), &options, &result);
    world->depth--;
    bool changed = loose || world->meddles || (world->codes ? world->codes->generation : 0) != newest;
    /* Events that push events and invoke others: a loop may be ended here. */
    bool looped = world->eventful && status == LAMBDA_ERROR_RECURSIVE_INVOCATION;
    CHECK(world, looped || ONE_OF(world, status, NOT_FOUND, LAMBDA_ERROR_TOO_MANY_REQUESTS));
    if (status == LAMBDA_OK) {
        CHECK(world, expected.exists || changed);
        count(world, &result);
        check_answer(world, &result, &expected, changed);
    } else if (status == LAMBDA_ERROR_TOO_MANY_REQUESTS) {
        world->counts.throttles++;
        check_throttle(world, function, &result);
    } else if (status == NOT_FOUND) {
        CHECK(world, !expected.exists || changed);
    }
    world->calls--;
    lambda_result_clear(&result);
}

typedef struct sim_client {
    sim_world *world;
    sim_function *function;
} sim_client;

static void run_client(void *user)
{
    sim_client taken = *(sim_client *)user;
    free(user);
    uint64_t depth = taken.world->depth;
    taken.world->depth += 4; /* it may stand deep in others that wait: no endless nesting */
    invoke(taken.world, taken.function);
    taken.world->depth = depth;
    taken.world->pieces--;
}

void burst(sim_world *world, sim_function *function)
{
    uint32_t clients = 1 + draw(world, 20);
    if (world->pieces > 40 || world->closing) return;
    for (uint32_t i = 0; i < clients; i++) {
        sim_client *made = malloc(sizeof(*made));
        CHECK(world, made != NULL);
        *made = (sim_client){world, chance(world, 500) ? function : &world->functions[draw(world, world->count)]};
        world->pieces++;
        CHECK(world, world->executor.start(world->executor.user, run_client, made) == LAMBDA_OK);
    }
}

void act(sim_world *world)
{
    sim_function *function = &world->functions[draw(world, world->count)];
    if (world->starves) world->memory.fail_at = chance(world, 200) ? world->memory.requests + 1 + draw(world, 40) : 0;
    if (world->eventful && chance(world, 500)) event_act(world, function);
    uint32_t what = draw(world, 1000);
    if (what < 450)
        invoke(world, function);
    else if (what < 550)
        burst(world, function);
    else if (what < 900)
        meddle(world, function);
    else
        for (uint32_t i = 0; i < 5; i++)
            invoke(world, function);
    uint64_t most = chance(world, 100) ? 600 : 20;
    lambda_clock_virtual_step(world->clock, draw(world, (uint32_t)(most * 1000)) * UINT64_C(1000000));
    lambda_pump(world->lambda, UINT64_MAX, NULL);
    while (world->pieces > 0)
        CHECK(world, lambda_clock_virtual_step_next(world->clock));
    world->memory.fail_at = 0;
}
