/* Looking into the queue in memory: counting, showing and purging. */
#include "queue/memory.h"

typedef struct look {
    lambda__queue_memory *queue;
    uint64_t now;
    lambda_queue_standing standing; /* of those that are shown now */
    lambda_queue_visitor *visit;
    void *user;
    bool purges;
    uint64_t ended;
    lambda_queue_counts *counts;
} look;

/** All lanes' take mutexes and the queue's: nothing is received meanwhile, but it may be pushed and acknowledged. */
static void lock(lambda__queue_memory *queue)
{
    for (size_t i = 0; i < LAMBDA__LANES; i++)
        pthread_mutex_lock(&queue->lanes[i].take_mutex);
    pthread_mutex_lock(&queue->mutex);
}

static void unlock(lambda__queue_memory *queue)
{
    pthread_mutex_unlock(&queue->mutex);
    for (size_t i = LAMBDA__LANES; i-- > 0;)
        pthread_mutex_unlock(&queue->lanes[i].take_mutex);
}

/** Shows each record that stands in the lanes. */
static bool lanes_each(lambda__queue_memory *queue, bool (*visit)(void *user, lambda__queue_record *record), void *user)
{
    for (size_t i = 0; i < LAMBDA__LANES; i++) {
        lambda__queue_lane *lane = &queue->lanes[i];
        uint64_t count = atomic_load_explicit(&lane->pushed, memory_order_acquire) -
                         atomic_load_explicit(&lane->taken, memory_order_relaxed);
        lambda__queue_chunk *chunk = atomic_load_explicit(&lane->first, memory_order_acquire);
        size_t offset = lane->read;
        for (uint64_t at = 0; at < count; at++) {
            lambda__queue_record *record = lambda__lane_next(&chunk, &offset);
            if (record->purged) continue;
            bool goes_on = visit(user, record);
            if (record->purged) lane->purged++;
            if (!goes_on) return false;
        }
    }
    return true;
}

static bool everything(look *what, bool (*visit)(void *user, lambda__queue_record *record))
{
    what->standing = LAMBDA_QUEUE_RECEIVED;
    if (!what->purges && !lambda__leases_each(what->queue, visit, what)) return false;
    /* Those that were given back are mostly older than those that were never received. */
    what->standing = LAMBDA_QUEUE_DELAYED;
    if (!lambda__delayed_each(what->queue, visit, what)) return false;
    what->standing = LAMBDA_QUEUE_WAITING;
    return lanes_each(what->queue, visit, what);
}

static uint64_t age_of(const look *what, const lambda__queue_record *record)
{
    return what->now > record->pushed ? what->now - record->pushed : 0;
}

/* ---- counting */

static bool count(void *user, lambda__queue_record *record)
{
    look *what = user;
    uint64_t age = age_of(what, record);
    if (what->standing == LAMBDA_QUEUE_RECEIVED)
        what->counts->received++;
    else if (what->standing == LAMBDA_QUEUE_DELAYED && record->due > what->now)
        what->counts->delayed++;
    else
        what->counts->waiting++;
    if (age > what->counts->oldest_age_ns) what->counts->oldest_age_ns = age;
    return true;
}

/** In a lane the first is the oldest: the others are counted, not looked at. */
static bool oldest_of_lane(void *user, lambda__queue_record *record)
{
    look *what = user;
    uint64_t age = age_of(what, record);
    if (age > what->counts->oldest_age_ns) what->counts->oldest_age_ns = age;
    return false;
}

static void count_lane(look *what, lambda__queue_lane *lane)
{
    uint64_t left = atomic_load_explicit(&lane->pushed, memory_order_acquire) -
                    atomic_load_explicit(&lane->taken, memory_order_relaxed);
    lambda__queue_chunk *chunk = atomic_load_explicit(&lane->first, memory_order_acquire);
    size_t offset = lane->read;
    what->counts->waiting += left - lane->purged;
    bool goes_on = true;
    for (uint64_t at = 0; goes_on && at < left; at++) {
        lambda__queue_record *record = lambda__lane_next(&chunk, &offset);
        if (!record->purged) goes_on = oldest_of_lane(what, record);
    }
}

lambda_status lambda__queue_memory_counts(void *user, lambda_queue_counts *counts)
{
    lambda__queue_memory *queue = user;
    look what = {.queue = queue, .now = queue->host.clock.monotonic(queue->host.clock.user), .counts = counts};
    *counts = (lambda_queue_counts){0};
    lock(queue);
    for (size_t i = 0; i < LAMBDA__LANES; i++)
        count_lane(&what, &queue->lanes[i]);
    lambda__leases_expire(queue, what.now);
    what.standing = LAMBDA_QUEUE_RECEIVED;
    lambda__leases_each(queue, count, &what);
    what.standing = LAMBDA_QUEUE_DELAYED;
    lambda__delayed_each(queue, count, &what);
    unlock(queue);
    return LAMBDA_OK;
}

/* ---- showing and purging */

static bool show(void *user, lambda__queue_record *record)
{
    look *what = user;
    lambda_queue_message message = {.body = {.data = lambda__record_body(record), .length = record->length},
                                    .state = record->state,
                                    .age_ns = age_of(what, record),
                                    .receive_count = record->receive_count + (what->standing == LAMBDA_QUEUE_RECEIVED)};
    bool delayed = what->standing == LAMBDA_QUEUE_DELAYED && record->due > what->now;
    lambda_queue_standing standing =
        what->standing == LAMBDA_QUEUE_DELAYED && !delayed ? LAMBDA_QUEUE_WAITING : what->standing;
    bool answer = !what->visit || what->visit(what->user, &message, standing, delayed ? record->due - what->now : 0);
    if (!what->purges) return answer;
    if (answer) {
        record->purged = true;
        what->ended++;
    }
    return true;
}

lambda_status lambda__queue_memory_browse(void *user, lambda_queue_visitor *visit, void *visit_user)
{
    lambda__queue_memory *queue = user;
    look what = {
        .queue = queue, .now = queue->host.clock.monotonic(queue->host.clock.user), .visit = visit, .user = visit_user};
    lock(queue);
    lambda__leases_expire(queue, what.now);
    everything(&what, show);
    unlock(queue);
    return LAMBDA_OK;
}

/** What was purged from the delayed goes at once; what stands in a lane, when a receiver comes by. */
static bool purge(void *user, lambda__queue_record *record)
{
    look *what = user;
    bool goes_on = show(user, record);
    if (record->purged && what->standing == LAMBDA_QUEUE_DELAYED) {
        record->sibling = what->queue->purged;
        what->queue->purged = record;
    }
    return goes_on;
}

lambda_status lambda__queue_memory_purge(void *user, lambda_queue_visitor *chosen, void *chosen_user, uint64_t *count)
{
    lambda__queue_memory *queue = user;
    look what = {.queue = queue,
                 .now = queue->host.clock.monotonic(queue->host.clock.user),
                 .visit = chosen,
                 .user = chosen_user,
                 .purges = true};
    lock(queue);
    lambda__leases_expire(queue, what.now);
    everything(&what, purge);
    lambda__queue_record *gone = queue->purged;
    queue->purged = NULL;
    unlock(queue);
    while (gone) {
        lambda__queue_record *next = gone->sibling;
        lambda__chunk_unpin(queue, gone->chunk, 1);
        gone = next;
    }
    lambda__room_give(queue, (int64_t)what.ended);
    *count = what.ended;
    return LAMBDA_OK;
}
