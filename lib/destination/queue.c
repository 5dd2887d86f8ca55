/* A queue as destination: one message a delivery, the line that a file would have. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "destination/destination.h"
#include "destination/redrive.h"

/** How long a redrive has for the messages that it looks at: where a process ends meanwhile, another gets them after that. */
#define VISIBLE_NS (UINT64_C(60) * 1000000000)

typedef struct queue_destination {
    lambda_t *lambda;
    char *name;
    lambda_queue queue;
} queue_destination;

static lambda_status queue_deliver(void *user, const lambda_delivery *delivery)
{
    queue_destination *destination = user;
    lambda__base *base = &destination->lambda->base;
    lambda__buffer line = {0};
    lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
    if (lambda__line_render(base, delivery, &line)) {
        const lambda_bytes body = lambda_bytes_make(line.data, line.length);
        const lambda_queue_entry entry = {.parts = &body, .parts_count = 1};
        status = destination->queue.push(destination->queue.user, &entry, 1);
    } else {
        lambda__out_of_memory(base);
    }
    lambda__buffer_clear(base, &line);
    return status;
}

/* ---- redriving */

/** Messages that a redrive has received and that stay: they are given back at its end, lest it receives them again. */
typedef struct held_messages {
    lambda_queue_message *items;
    size_t count;
    size_t capacity;
} held_messages;

/** Room for all that one more receive may give, so that nothing that was received has nowhere to go. */
static bool reserve_held(lambda__base *base, held_messages *held)
{
    while (held->capacity - held->count < LAMBDA_QUEUE_RECEIVE_MAX)
        if (!lambda__array_reserve(base, (void **)&held->items, &held->capacity, held->capacity, sizeof(*held->items)))
            return false;
    return true;
}

/** Offers what was received, and ends in one step what was taken. */
static void offer_messages(queue_destination *destination, lambda__redrive *redrive,
                           const lambda_queue_message *messages, size_t count, held_messages *held)
{
    const lambda_queue *queue = &destination->queue;
    lambda_queue_message taken[LAMBDA_QUEUE_RECEIVE_MAX];
    size_t taken_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (redrive->status == LAMBDA_OK && lambda__redrive_offer(redrive, messages[i].body) == LAMBDA__REDRIVEN_TAKEN)
            taken[taken_count++] = messages[i];
        else
            held->items[held->count++] = messages[i];
    }
    if (taken_count == 0) return;
    lambda_status status = queue->acknowledge(queue->user, taken, taken_count, NULL, 0);
    /* A taker that was too slow: what it took is another's too, as may happen with every queue. */
    if (status != LAMBDA_OK && status != LAMBDA_ERROR_RESOURCE_NOT_FOUND) redrive->status = status;
}

static void offer_all(queue_destination *destination, lambda__redrive *redrive, uint64_t most, held_messages *held)
{
    const lambda_queue *queue = &destination->queue;
    lambda__base *base = &destination->lambda->base;
    while (redrive->status == LAMBDA_OK && redrive->taken < most) {
        lambda_queue_message messages[LAMBDA_QUEUE_RECEIVE_MAX];
        uint64_t left = most - redrive->taken;
        size_t capacity = left < LAMBDA_QUEUE_RECEIVE_MAX ? (size_t)left : LAMBDA_QUEUE_RECEIVE_MAX;
        size_t count = 0;
        if (reserve_held(base, held))
            redrive->status = queue->receive(queue->user, messages, capacity, VISIBLE_NS, &count);
        else
            redrive->status = lambda__out_of_memory(base);
        if (redrive->status != LAMBDA_OK || count == 0) return;
        offer_messages(destination, redrive, messages, count, held);
    }
}

/** Gives back what stays, in the order in which it was received. */
static lambda_status give_back(const queue_destination *destination, const held_messages *held)
{
    const lambda_queue *queue = &destination->queue;
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < held->count; i++) {
        lambda_status each = queue->retry(queue->user, &held->items[i], held->items[i].state, 0);
        if (each != LAMBDA_OK && each != LAMBDA_ERROR_RESOURCE_NOT_FOUND) status = each;
    }
    return status;
}

static lambda_status queue_redrive(void *user, uint64_t most, lambda_redrive_taker *take, void *taker)
{
    queue_destination *destination = user;
    held_messages held = {0};
    lambda__redrive redrive = {.lambda = destination->lambda, .name = destination->name, .take = take, .taker = taker};
    offer_all(destination, &redrive, most, &held);
    lambda_status given = give_back(destination, &held);
    lambda__release(&destination->lambda->base, held.items);
    lambda_status status = lambda__redrive_end(&redrive);
    return status != LAMBDA_OK ? status : given;
}

/* ---- registering */

static void free_destination(queue_destination *destination)
{
    lambda__base *base = &destination->lambda->base;
    lambda__release(base, destination->name);
    lambda__release(base, destination);
}

/** Nobody waits for messages of a destination. */
static void nothing_is_ready(void *user)
{
    (void)user;
}

static lambda_status queue_begin(void *user)
{
    queue_destination *destination = user;
    const lambda_queue *queue = &destination->queue;
    const lambda_queue_host host = {.lambda = destination->lambda,
                                    .allocator = destination->lambda->base.allocator,
                                    .clock = destination->lambda->base.clock,
                                    .ready = nothing_is_ready};
    return queue->attach ? queue->attach(queue->user, &host) : LAMBDA_OK;
}

static void queue_close(void *user)
{
    queue_destination *destination = user;
    if (destination->queue.close) destination->queue.close(destination->queue.user);
    free_destination(destination);
}

/** Which function the queue lacks that is needed here; NULL: none. */
static const char *missing_function(const lambda_queue *queue)
{
    if (!queue->push) return "its push";
    if (!queue->receive) return "its receive";
    if (!queue->acknowledge) return "its acknowledge";
    return queue->retry ? NULL : "its retry";
}

lambda_status lambda_destination_register_queue(lambda_t *lambda, const char *name, const lambda_queue *queue)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!lambda) return lambda__fail(NULL, invalid, "lambda: is NULL");
    lambda__base *base = &lambda->base;
    if (!name) return lambda__fail(base, invalid, "name: is NULL");
    const char *missing = queue ? missing_function(queue) : "the queue";
    if (missing) return lambda__fail(base, invalid, "queue: %s is NULL", missing);
    queue_destination *destination = lambda__allocate_zeroed(base, sizeof(*destination));
    if (!destination) return lambda__out_of_memory(base);
    destination->lambda = lambda;
    destination->queue = *queue;
    destination->name = lambda__duplicate(base, name);
    const lambda_destination registered = {
        .deliver = queue_deliver, .redrive = queue_redrive, .close = queue_close, .user = destination};
    lambda_status status = destination->name ? lambda__destination_add(lambda, name, &registered, queue_begin)
                                             : lambda__out_of_memory(base);
    if (status != LAMBDA_OK) free_destination(destination);
    return status;
}
