/* Asynchronous invocation in a world: what is done with events, and what must come of them. */
#include "world.h"

#include <string.h>

#include <lambda/port/destination.h>

#define SECOND    UINT64_C(1000000000)
#define NOT_FOUND LAMBDA_ERROR_RESOURCE_NOT_FOUND
#define RECORD    UINT64_MAX
/** Hooks and handlers that stand between receiving an event and its handler take virtual time. */
#define BEFORE_NS (1800 * SECOND)

static uint64_t now_of(const sim_world *world)
{
    return lambda_clock_virtual_now(world->clock);
}

static sim_event *event_at(sim_world *world, uint64_t number)
{
    CHECK(world, number < world->events_count);
    return &world->events[number];
}

/** The next number; the event is there before anybody can run it. */
static uint64_t event_new(sim_world *world, sim_function *function, bool qualified, bool calls)
{
    if (world->events_count == world->events_capacity) {
        world->events_capacity = world->events_capacity ? world->events_capacity * 2 : 64;
        world->events = realloc(world->events, world->events_capacity * sizeof(*world->events));
        CHECK(world, world->events != NULL);
    }
    world->events[world->events_count] = (sim_event){.function = function,
                                                     .accepted = now_of(world),
                                                     .age_ns = qualified ? SIM_AGE_NS : function->age_ns,

                                                     .calls = calls};
    return world->events_count++;
}

void event_age(sim_world *world, sim_function *function, uint64_t age_ns)
{
    function->age_ns = age_ns;
    for (uint64_t i = 0; i < world->events_count; i++)
        if (world->events[i].function == function && world->events[i].age_ns < age_ns) world->events[i].age_ns = age_ns;
}

/* ---- what the library tells */

typedef struct sim_watch {
    sim_world *world;
    uint64_t first; /* numbers of a batch follow one another */
    uint64_t left;
} sim_watch;

static void told(void *user, const lambda_async_outcome *outcome)
{
    sim_watch *watch = user;
    sim_world *world = watch->world;
    CHECK(world, outcome->condition != LAMBDA_ASYNC_DELIVERY_FAILED);
    CHECK(world, world->starves || outcome->invoke_count <= 3);
    if (outcome->condition == LAMBDA_ASYNC_SUCCESS) {
        CHECK(world, outcome->invoke_count >= 1 && !outcome->function_error);
        world->succeeded++;
    }
    /* Which of a batch it was is not said: each of them was told of as often as all together. */
    sim_event *event = event_at(world, watch->first + --watch->left);
    event->told++;
    CHECK(world, event->told == 1 && event->calls);
    if (watch->left == 0) free(watch);
}

bool event_enter(sim_world *world, const sim_function *function, lambda_bytes payload, uint64_t *number)
{
    char text[24] = "";
    const char *data = payload.data;
    if (payload.length == 2 && memcmp(data, "{}", 2) == 0) return false;
    *number = RECORD;
    if (data[0] == '{') return true;
    CHECK(world, payload.length < sizeof(text));
    memcpy(text, data, payload.length);
    *number = strtoull(text, NULL, 10);
    sim_event *event = event_at(world, *number);
    CHECK(world, event->function == function);
    CHECK(world, !event->ended);
    event->runs++;
    /* No more attempts than there may be, none before its time, and none when it is too old. */
    CHECK(world, world->starves || event->runs <= 3);
    uint64_t least = event->runs > 1 ? event->left + (event->runs - 1) * 60 * SECOND : event->accepted;
    CHECK(world, now_of(world) >= least || world->starves);
    CHECK(world, now_of(world) - event->accepted <= event->age_ns + BEFORE_NS);
    return true;
}

void event_leave(sim_world *world, uint64_t number)
{
    if (number != RECORD) event_at(world, number)->left = now_of(world);
}

/** The number that a record or dead letter is about. */
static uint64_t number_of(const lambda_delivery *delivery)
{
    char text[4096] = "";
    size_t length = delivery->body.length < sizeof(text) ? delivery->body.length : sizeof(text) - 1;
    memcpy(text, delivery->body.data, length);
    const char *at = delivery->kind == LAMBDA_DELIVERY_DEAD_LETTER ? text : strstr(text, "\"requestPayload\":");
    if (at && at != text) at += strlen("\"requestPayload\":");
    return at && *at >= '0' && *at <= '9' ? strtoull(at, NULL, 10) : RECORD;
}

static lambda_status deliver(void *user, const lambda_delivery *delivery)
{
    sim_world *world = user;
    CHECK(world, strcmp(delivery->target, "kept") == 0);
    if (chance(world, 300)) {
        world->refused++;
        return LAMBDA_ERROR_SERVICE;
    }
    world->records++;
    if (delivery->kind == LAMBDA_DELIVERY_ON_SUCCESS || world->kept_count == KEPT_MAX) return LAMBDA_OK;
    sim_kept *kept = &world->kept[world->kept_count++];
    kept->number = number_of(delivery);
    CHECK(world, strlen(delivery->function_arn) < sizeof(kept->arn));
    memcpy(kept->arn, delivery->function_arn, strlen(delivery->function_arn) + 1);
    return LAMBDA_OK;
}

static lambda_status redrive(void *user, uint64_t most, lambda_redrive_taker *take, void *taker)
{
    sim_world *world = user;
    for (uint64_t i = 0; i < most && world->kept_count > 0; i++) {
        char text[24];
        sim_kept kept = world->kept[world->kept_count - 1];
        uint64_t number = RECORD;
        int length = snprintf(text, sizeof(text), "{\"again\":1}");
        if (kept.number != RECORD) {
            number = event_new(world, event_at(world, kept.number)->function, true, false);
            length = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
        }
        lambda_delivery delivery = {.kind = LAMBDA_DELIVERY_DEAD_LETTER,
                                    .function_arn = kept.arn,
                                    .target = "kept",
                                    .body = lambda_bytes_make(text, (size_t)length),
                                    .error_code = "",
                                    .error_message = ""};
        lambda_status status = take(taker, &delivery);
        if (status != LAMBDA_OK) {
            if (number != RECORD) event_at(world, number)->ended = true;
            return status;
        }
        world->accepted++;
        world->kept_count--;
    }
    return LAMBDA_OK;
}

/* ---- acts */

static void push(sim_world *world, sim_function *function)
{
    enum { BATCH = 6 };
    char name[32];
    char texts[BATCH][24];
    lambda_bytes payloads[BATCH];
    lambda_request_id ids[BATCH];
    uint32_t count = chance(world, 300) ? 2 + draw(world, BATCH - 1) : 1;
    bool calls = chance(world, 600);
    uint32_t which = draw(world, 4);
    if (which == 0 && function->newest > 0 && function->newest < VERSIONS)
        snprintf(name, sizeof(name), "%s:%u", function->name, function->newest);
    else
        snprintf(name, sizeof(name), "%s%s", function->name, which == 1 && function->aliased ? ":live" : "");
    uint64_t first = world->events_count;
    for (uint32_t i = 0; i < count; i++) {
        int length = snprintf(texts[i], sizeof(texts[i]), "%llu",
                              (unsigned long long)event_new(world, function, strchr(name, ':') != NULL, calls));
        payloads[i] = lambda_bytes_make(texts[i], (size_t)length);
    }
    sim_watch *watch = NULL;
    lambda_async_options options = {0};
    if (calls) {
        watch = malloc(sizeof(*watch));
        CHECK(world, watch != NULL);
        *watch = (sim_watch){.world = world, .first = first, .left = count};
        options.callback = told;
        options.user = watch;
    }
    lambda_status status = count > 1 ? lambda_invoke_async_batch(world->lambda, name, payloads, count, &options, ids)
                                     : lambda_invoke_async(world->lambda, name, payloads[0], &options, ids);
    CHECK(world, ONE_OF(world, status, NOT_FOUND, LAMBDA_ERROR_TOO_MANY_REQUESTS));
    if (status == LAMBDA_OK) {
        world->accepted += count;
        return;
    }
    free(watch);
    /* None of them may run. */
    for (uint32_t i = 0; i < count; i++) {
        event_at(world, first + i)->ended = true;
        event_at(world, first + i)->calls = false;
    }
}

static void configure(sim_world *world, sim_function *function)
{
    static const uint32_t ages[] = {0, 60, 200, 3600, 21600};
    lambda_event_invoke_config config = {.maximum_event_age_s = ages[draw(world, 5)]};
    uint32_t retries = draw(world, 4);
    config.maximum_retry_attempts = retries == 3 ? LAMBDA_NO_RETRY_ATTEMPTS : retries;
    const sim_function *other = &world->functions[draw(world, world->count)];
    uint32_t target = draw(world, 4);
    if (target == 1) config.on_success = "kept";
    if (target == 2) config.on_failure = "kept";
    if (target == 3 && other != function) {
        config.on_success = other->name;
        config.on_failure = chance(world, 500) ? "kept" : other->name;
        world->chained = true;
    }
    bool deletes = chance(world, 200);
    lambda_status status = deletes ? lambda_event_invoke_config_delete(world->lambda, function->name)
                                   : lambda_event_invoke_config_put(world->lambda, function->name, &config);
    CHECK(world, ONE_OF(world, status, NOT_FOUND, LAMBDA_ERROR_INVALID_PARAMETER_VALUE));
    bool standard = deletes || config.maximum_event_age_s == 0;
    if (status == LAMBDA_OK) event_age(world, function, standard ? SIM_AGE_NS : config.maximum_event_age_s * SECOND);
}

static bool look(void *user, const lambda_async_event *event)
{
    sim_world *world = user;
    CHECK(world, event->function_name[0] == 'f');
    CHECK(world, event->state == LAMBDA_ASYNC_DELAYED ? event->due_ns > 0 : event->due_ns == 0);
    CHECK(world, event->delivery == (event->target[0] != '\0'));
    CHECK(world, event->delivery || world->starves || event->attempts <= 3);
    return true;
}

void event_act(sim_world *world, sim_function *function)
{
    uint32_t what = draw(world, 100);
    uint64_t count = 0;
    lambda_status status = LAMBDA_OK;
    if (what < 70) {
        push(world, function);
    } else if (what < 85) {
        configure(world, function);
    } else if (what < 90) {
        status = lambda_async_redrive(world->lambda, "kept", 1 + draw(world, 5), &count);
        CHECK(world, ONE_OF(world, status, LAMBDA_ERROR_TOO_MANY_REQUESTS));
    } else if (what < 96) {
        status = lambda_async_list(world->lambda, chance(world, 500) ? function->name : NULL, look, world);
        CHECK(world, status == LAMBDA_OK);
    } else {
        status = lambda_async_purge(world->lambda, chance(world, 200) ? NULL : function->name, &count);
        CHECK(world, ONE_OF(world, status, LAMBDA_OK));
        world->purged += count;
    }
}

/* ---- checks */

static lambda_async_statistics statistics(sim_world *world)
{
    lambda_async_statistics now;
    CHECK(world, lambda_async_statistics_get(world->lambda, &now) == LAMBDA_OK);
    return now;
}

static uint64_t left_of(const lambda_async_statistics *now)
{
    return now->waiting + now->delayed + now->running;
}

void events_open(sim_world *world)
{
    lambda_destination destination = {.deliver = deliver, .redrive = redrive, .user = world};
    CHECK(world, lambda_destination_register(world->lambda, "kept", &destination) == LAMBDA_OK);
    world->events_count = world->accepted = world->purged = world->returned = 0;
    world->succeeded = world->records = world->refused = world->kept_count = 0;
    world->chained = false;
    for (uint32_t i = 0; i < world->count; i++)
        world->functions[i].age_ns = SIM_AGE_NS;
}

void events_check(sim_world *world)
{
    lambda_async_statistics now = statistics(world);
    /* Every event has ended in exactly one way, or is there. */
    uint64_t ended = now.succeeded + now.delivered + now.dropped_retries_exhausted + now.dropped_event_age_exceeded +
                     now.dropped_recursive_loop + now.dropped_delivery_failed + now.purged;
    CHECK(world, now.accepted == ended + left_of(&now));
    CHECK(world, world->chained ? now.accepted >= world->accepted : now.accepted == world->accepted);
    CHECK(world, now.purged == world->purged);
    /* Where nothing could be received for want of memory, that is tried again in a second. */
    CHECK(world, now.running == 0 && (now.waiting == 0 || world->starves));
    CHECK(world, now.dropped_damaged == 0 && now.dead_letter_errors == 0);
    CHECK(world, now.dropped_delivery_failed <= now.destination_delivery_failures);
    /* Of a success its record may be what was purged. */
    CHECK(world, world->succeeded <= now.succeeded + left_of(&now) + now.purged);
    CHECK(world, world->chained || now.delivered <= world->records);
    CHECK(world, now.oldest_age_ns <= 2 * SIM_AGE_NS + BEFORE_NS);
    /* Callbacks are told once each, and none too many: told() has seen to that. */
    uint64_t waits = 0;
    for (uint64_t i = 0; i < world->events_count; i++)
        waits += world->events[i].calls && !world->events[i].told;
    CHECK(world, waits <= left_of(&now));
}

void events_drain(sim_world *world)
{
    lambda_async_statistics now = statistics(world);
    /* A handler that ran last may have started clients, whose invocations push more. */
    while (left_of(&now) > 0 || world->pieces > 0) {
        /* What is left is due some day. */
        CHECK(world, lambda_clock_virtual_step_next(world->clock));
        now = statistics(world);
    }
    world_check(world);
    for (uint64_t i = 0; i < world->events_count; i++)
        CHECK(world, world->events[i].told == world->events[i].calls);
}

static void give(void *user, const lambda_async_event *event)
{
    sim_world *world = user;
    CHECK(world, event->state != LAMBDA_ASYNC_DROPPED);
    world->returned++;
}

void events_close(sim_world *world)
{
    lambda_async_statistics now = statistics(world);
    lambda_close_options options = {.returned = give, .user = world};
    /* Without threads nobody but the clock lets time pass: a drain would wait for ever. */
    if (!world->threadless && chance(world, 500))
        options.drain_ms = chance(world, 300) ? LAMBDA_WAIT_FOREVER : draw(world, 600000) + 1;
    world->closing = true;
    CHECK(world, lambda_close_with(world->lambda, &options) == 0);
    world->closing = false;
    CHECK(world, world->pieces == 0);
    if (options.drain_ms == 0) CHECK(world, world->returned == left_of(&now));
    if (options.drain_ms == LAMBDA_WAIT_FOREVER) CHECK(world, world->returned == 0);
    for (uint64_t i = 0; i < world->events_count; i++)
        CHECK(world, world->events[i].told == world->events[i].calls);
    free(world->events);
    world->events = NULL;
    world->events_count = world->events_capacity = 0;
}
