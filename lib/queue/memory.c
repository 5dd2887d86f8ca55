/* The queue in memory behind the port: queue/memory.h has the drawing. */
#include "queue/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/platform.h"
#include "service.h"

/** Time after which a thread looks into another lane first, as a power of two of nanoseconds: nobody starves. */
#define TURN_BITS 16

static uint64_t now_of(const lambda__queue_memory *queue)
{
    return queue->host.clock.monotonic(queue->host.clock.user);
}

static uint64_t later(uint64_t now, uint64_t ns)
{
    return ns < UINT64_MAX - now ? now + ns : UINT64_MAX;
}

static lambda_status attach(void *user, const lambda_queue_host *host)
{
    lambda__queue_memory *queue = user;
    queue->host = *host;
    queue->base = host->lambda ? &host->lambda->base : NULL;
    return LAMBDA_OK;
}

/* ---- room */

/** Collects what lanes have asked for and not used. */
static void room_collect(lambda__queue_memory *queue)
{
    for (size_t i = 0; i < LAMBDA__LANES; i++) {
        lambda__queue_lane *lane = &queue->lanes[i];
        lambda__latch_take(&lane->push_latch);
        lambda__room_give(queue, lane->room);
        lane->room = 0;
        lambda__latch_give(&lane->push_latch);
    }
}

/** Takes room for so many messages from the queue's; false if there is not enough. */
static bool room_take(lambda__queue_memory *queue, int64_t count)
{
    int64_t room = atomic_load_explicit(&queue->room, memory_order_relaxed);
    do {
        if (room < count) return false;
    } while (!atomic_compare_exchange_weak_explicit(&queue->room, &room, room - count, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

/** Under the lane's push latch: room for so many messages in it. */
static bool lane_room(lambda__queue_memory *queue, lambda__queue_lane *lane, int64_t count)
{
    if (LAMBDA__LIKELY(lane->room >= count)) return true;
    int64_t block = queue->room_block;
    if (room_take(queue, count + block))
        lane->room += count + block;
    else if (room_take(queue, count))
        lane->room += count;
    return lane->room >= count;
}

/** With the lane's push latch taken, and room in it for so many messages; else the queue is full. */
static lambda_status lane_lock(lambda__queue_memory *queue, lambda__queue_lane *lane, int64_t count)
{
    lambda__latch_take(&lane->push_latch);
    if (LAMBDA__LIKELY(lane_room(queue, lane, count))) return LAMBDA_OK;
    lambda__latch_give(&lane->push_latch);
    room_collect(queue);
    lambda__latch_take(&lane->push_latch);
    if (lane_room(queue, lane, count)) return LAMBDA_OK;
    lambda__latch_give(&lane->push_latch);
    return lambda__fail(queue->base, LAMBDA_ERROR_TOO_MANY_REQUESTS,
                        "the queue is full: %lld more would be more than its max_messages of %llu", (long long)count,
                        (unsigned long long)queue->max_messages);
}

/* ---- pushing */

static lambda__queue_lane *lane_of_thread(lambda__queue_memory *queue)
{
    /* A thread without a number has never called a service: any lane will do. */
    return &queue->lanes[lambda__thread_number() % LAMBDA__LANES];
}

/** `*bytes`: it was refused because of `max_bytes`, and no message says so. */
static lambda_status try_push(lambda__queue_memory *queue, const lambda_queue_entry *entries, size_t count, bool *bytes)
{
    lambda__queue_lane *lane = lane_of_thread(queue);
    lambda__queue_staged staged;
    lambda_status status = lane_lock(queue, lane, (int64_t)count);
    *bytes = false;
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK)) return status;
    status = lambda__lane_stage(queue, lane, entries, count, false, &staged);
    *bytes = status == LAMBDA_ERROR_TOO_MANY_REQUESTS;
    if (LAMBDA__LIKELY(status == LAMBDA_OK)) {
        bool delayed = staged.delayed != NULL;
        lane->room -= (int64_t)count;
        if (LAMBDA__UNLIKELY(delayed)) pthread_mutex_lock(&queue->mutex);
        lambda__lane_publish(queue, &staged);
        if (LAMBDA__UNLIKELY(delayed)) pthread_mutex_unlock(&queue->mutex);
        lambda__lane_published(queue, &staged);
    }
    lambda__latch_give(&lane->push_latch);
    return status;
}

static lambda_status push(void *user, const lambda_queue_entry *entries, size_t count)
{
    lambda__queue_memory *queue = user;
    bool bytes = false;
    if (LAMBDA__UNLIKELY(count > queue->max_messages))
        return lambda__fail(queue->base, LAMBDA_ERROR_REQUEST_TOO_LARGE,
                            "%zu messages at once are more than the queue's max_messages of %llu", count,
                            (unsigned long long)queue->max_messages);
    lambda_status status = try_push(queue, entries, count, &bytes);
    if (LAMBDA__LIKELY(!bytes)) return status;
    /* Chunks that nobody needs are kept for the next messages, and those of others may lie in them still: purged ones too. */
    for (size_t i = 0; i < LAMBDA__LANES; i++)
        lambda__lane_reclaim(queue, &queue->lanes[i]);
    lambda__spare_reclaim(queue);
    status = try_push(queue, entries, count, &bytes);
    if (!bytes) return status;
    return lambda__fail(queue->base, status, "the queue is full: its messages take %llu bytes, max_bytes is %llu",
                        (unsigned long long)atomic_load_explicit(&queue->bytes, memory_order_relaxed),
                        (unsigned long long)queue->max_bytes);
}

/* ---- receiving */

static bool lane_empty(const lambda__queue_lane *lane)
{
    return atomic_load_explicit(&lane->pushed, memory_order_acquire) ==
           atomic_load_explicit(&lane->taken, memory_order_relaxed);
}

/** What one call to receive is about. */
typedef struct receiving {
    lambda__queue_memory *queue;
    lambda__queue_lease *lease;
    lambda_queue_message *messages;
    size_t most;
    uint64_t now;
    uint64_t due; /* when the receiver's time is over */
} receiving;

/** Shows the receiver what it has got; from here on it is in the lease. Under the queue's mutex, and that of where it was. */
static size_t begin_lease(const receiving *what, size_t count)
{
    lambda__queue_lease *lease = what->lease;
    for (size_t i = 0; i < count; i++) {
        lambda__queue_record *record = lease->records[i];
        if (LAMBDA__UNLIKELY(record->due != what->due)) record->due = what->due;
    }
    lambda__lease_begin(what->queue, lease, count, what->due);
    for (size_t i = 0; i < count; i++) {
        lambda__queue_record *record = lease->records[i];
        what->messages[i] =
            (lambda_queue_message){.body = {.data = lambda__record_body(record), .length = record->length},
                                   .state = record->state,
                                   .age_ns = what->now > record->pushed ? what->now - record->pushed : 0,
                                   .receipt = lambda__lease_receipt(lease, i),
                                   .receive_count = record->receive_count + 1};
    }
    return count;
}

/** Those that were delayed and are due, and those whose receiver's time is over. */
static size_t take_due(const receiving *what)
{
    lambda__queue_memory *queue = what->queue;
    size_t count = 0;
    pthread_mutex_lock(&queue->mutex);
    if (what->now >= atomic_load_explicit(&queue->next_expiry, memory_order_acquire))
        lambda__leases_expire(queue, what->now);
    while (count < what->most) {
        lambda__queue_record *record = lambda__delayed_take(queue, what->now);
        if (!record) break;
        what->lease->records[count++] = record;
    }
    if (count > 0) begin_lease(what, count);
    pthread_mutex_unlock(&queue->mutex);
    return count;
}

static size_t take_from_lanes(const receiving *what)
{
    lambda__queue_memory *queue = what->queue;
    size_t count = 0;
    size_t first = lambda__thread_number() + (size_t)(what->now >> TURN_BITS);
    for (size_t i = 0; i < LAMBDA__LANES && count == 0; i++) {
        lambda__queue_lane *lane = &queue->lanes[(first + i) % LAMBDA__LANES];
        if (lane_empty(lane)) continue;
        pthread_mutex_lock(&lane->take_mutex);
        count = lambda__lane_take(queue, lane, what->lease->records, what->most);
        if (count > 0) {
            /* Nobody who counts may find it in neither place. */
            pthread_mutex_lock(&queue->mutex);
            begin_lease(what, count);
            pthread_mutex_unlock(&queue->mutex);
        }
        pthread_mutex_unlock(&lane->take_mutex);
    }
    return count;
}

static bool anything_due(const lambda__queue_memory *queue, uint64_t now)
{
    return now >= atomic_load_explicit(&queue->next_due, memory_order_acquire) ||
           now >= atomic_load_explicit(&queue->next_expiry, memory_order_acquire);
}

/** With a lease: what `take` finds, if anything. */
static lambda_status receive_some(receiving *what, size_t (*take)(const receiving *what), size_t *received)
{
    lambda__queue_memory *queue = what->queue;
    pthread_mutex_lock(&queue->mutex);
    what->lease = lambda__lease_new(queue);
    pthread_mutex_unlock(&queue->mutex);
    if (!what->lease) return lambda__out_of_memory(queue->base);
    *received = take(what);
    if (*received > 0) return LAMBDA_OK;
    pthread_mutex_lock(&queue->mutex);
    lambda__lease_drop(queue, what->lease);
    pthread_mutex_unlock(&queue->mutex);
    return LAMBDA_OK;
}

static lambda_status receive(void *user, lambda_queue_message *messages, size_t capacity, uint64_t visible_ns,
                             size_t *received)
{
    lambda__queue_memory *queue = user;
    receiving what = {.queue = queue, .messages = messages, .now = now_of(queue)};
    what.due = visible_ns == LAMBDA_QUEUE_FOREVER ? UINT64_MAX : later(what.now, visible_ns);
    what.most = capacity < LAMBDA_QUEUE_RECEIVE_MAX ? capacity : LAMBDA_QUEUE_RECEIVE_MAX;
    *received = 0;
    bool due = anything_due(queue, what.now);
    bool empty = true;
    for (size_t i = 0; empty && i < LAMBDA__LANES; i++)
        empty = lane_empty(&queue->lanes[i]);
    if (what.most == 0 || (empty && !due)) return LAMBDA_OK;

    lambda_status status = LAMBDA_OK;
    if (due) status = receive_some(&what, take_due, received);
    if (status != LAMBDA_OK || *received == what.most || empty) return status;
    /* Those that come behind have a lease of their own. */
    size_t more = 0;
    what.messages += *received;
    what.most -= *received;
    status = receive_some(&what, take_from_lanes, &more);
    *received += more;
    return *received > 0 ? LAMBDA_OK : status;
}

/* ---- giving back */

/** A run of messages of one lease. */
typedef struct run {
    uint64_t receipt; /* of any of them */
    uint32_t mask;
} run;

/** The first run of the messages; how many it takes. 0: the first of them has no lease. */
static size_t first_run(lambda__queue_memory *queue, const lambda_queue_message *messages, size_t count, run *found)
{
    *found = (run){.receipt = messages[0].receipt};
    if (!lambda__lease_of(queue, found->receipt)) return 0;
    size_t taken = 0;
    while (taken < count && lambda__receipt_lease(messages[taken].receipt) == lambda__receipt_lease(found->receipt))
        found->mask |= UINT32_C(1) << lambda__receipt_place(messages[taken++].receipt);
    return taken;
}

/** Lets the memory of ended records go, those of one chunk at once: into `*gone` what goes of it. */
static int64_t unpin_all(lambda__queue_record *const *records, uint32_t mask, lambda__queue_chunk **gone)
{
    int64_t ended = 0;
    for (uint32_t i = 0; i < LAMBDA_QUEUE_RECEIVE_MAX;) {
        if (!(mask >> i & 1)) {
            i++;
            continue;
        }
        lambda__queue_chunk *chunk = records[i]->chunk;
        int64_t count = 0;
        for (; i < LAMBDA_QUEUE_RECEIVE_MAX && (!(mask >> i & 1) || records[i]->chunk == chunk); i++)
            count += mask >> i & 1;
        lambda__chunk_unpin_locked(chunk, count, gone);
        ended += count;
    }
    return ended;
}

/** Ends one run, under the queue's mutex if it is `locked`; true if all of it was the receiver's. */
static bool end_run(lambda__queue_memory *queue, const run *ended, bool locked, lambda__queue_chunk **gone)
{
    lambda__queue_record *records[LAMBDA_QUEUE_RECEIVE_MAX];
    const lambda__queue_lease *lease = lambda__lease_of(queue, ended->receipt);
    /* Copied first: once nothing is held of it the lease is another receiver's. */
    for (uint32_t i = 0; i < LAMBDA_QUEUE_RECEIVE_MAX; i++)
        records[i] = ended->mask >> i & 1 ? lease->records[i] : NULL;
    uint32_t late = 0;
    uint32_t own = locked ? lambda__lease_end_locked(queue, ended->receipt, ended->mask, &late)
                          : lambda__lease_end(queue, ended->receipt, ended->mask, &late);
    if (own) lambda__room_give(queue, unpin_all(records, own, gone));
    if (late) unpin_all(records, late, gone);
    return own == ended->mask;
}

/** Ends all runs of the messages; true if all were the receiver's. */
static bool end_runs(lambda__queue_memory *queue, const lambda_queue_message *messages, size_t count, bool locked,
                     lambda__queue_chunk **gone)
{
    bool all = true;
    for (size_t done = 0; done < count;) {
        run ended;
        size_t taken = first_run(queue, messages + done, count - done, &ended);
        if (taken == 0 || !end_run(queue, &ended, locked, gone)) all = false;
        done += taken ? taken : 1;
    }
    return all;
}

static lambda_status not_held(const lambda__queue_memory *queue)
{
    return lambda__fail(queue->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                        "the message is no longer this receiver's: its visibility time was over");
}

/** Ends messages and adds entries, so that nobody who counts finds neither. */
static lambda_status replace(lambda__queue_memory *queue, const lambda_queue_message *messages, size_t count,
                             const lambda_queue_entry *entries, size_t entries_count)
{
    lambda__queue_lane *lane = lane_of_thread(queue);
    lambda__queue_staged staged;
    lambda__queue_chunk *gone = NULL;
    lambda__latch_take(&lane->push_latch);
    /* Not even `max_bytes` refuses them: who cannot end a message would make no room either. */
    lambda_status status = lambda__lane_stage(queue, lane, entries, entries_count, true, &staged);
    if (status != LAMBDA_OK) {
        lambda__latch_give(&lane->push_latch);
        return status;
    }
    pthread_mutex_lock(&queue->mutex);
    bool all = end_runs(queue, messages, count, true, &gone);
    bool added = all || count > 1;
    if (added) {
        lambda__room_give(queue, -(int64_t)entries_count);
        lambda__lane_publish(queue, &staged);
    }
    pthread_mutex_unlock(&queue->mutex);
    if (added)
        lambda__lane_published(queue, &staged);
    else
        lambda__lane_unstage(queue, &staged);
    lambda__latch_give(&lane->push_latch);
    lambda__chunks_end(queue, gone);
    return all ? LAMBDA_OK : not_held(queue);
}

static lambda_status acknowledge(void *user, const lambda_queue_message *messages, size_t count,
                                 const lambda_queue_entry *entries, size_t entries_count)
{
    lambda__queue_memory *queue = user;
    lambda__queue_chunk *gone = NULL;
    if (LAMBDA__UNLIKELY(entries_count > 0)) return replace(queue, messages, count, entries, entries_count);
    bool all = end_runs(queue, messages, count, false, &gone);
    lambda__chunks_end(queue, gone);
    return all ? LAMBDA_OK : not_held(queue);
}

static lambda_status retry(void *user, const lambda_queue_message *message, uint64_t state, uint64_t delay_ns)
{
    lambda__queue_memory *queue = user;
    const lambda__queue_lease *lease = lambda__lease_of(queue, message->receipt);
    uint32_t place = lambda__receipt_place(message->receipt);
    /* Copied while it is held, so that in one step it is held no more and delayed: nobody who counts may find it in neither place. */
    bool held = lease && lambda__lease_holds(lease, message->receipt);
    lambda__queue_record *record = lease ? lease->records[place] : NULL;
    lambda__queue_record *copy = held ? lambda__record_copy_out(queue, record) : NULL;
    lambda__queue_record *delayed = copy ? copy : record;
    uint64_t due = later(now_of(queue), delay_ns);
    uint32_t late = 0;
    if (!lease) return not_held(queue);
    pthread_mutex_lock(&queue->mutex);
    bool own = lambda__lease_end_locked(queue, message->receipt, UINT32_C(1) << place, &late) != 0;
    if (own) {
        delayed->receive_count = record->receive_count + 1;
        delayed->state = state;
        delayed->due = due < UINT64_MAX ? due : due - 1;
        lambda__delayed_insert(queue, delayed);
    }
    pthread_mutex_unlock(&queue->mutex);
    if (copy) lambda__chunk_unpin(queue, own ? record->chunk : copy->chunk, 1);
    if (late) lambda__chunk_unpin(queue, record->chunk, 1);
    return own ? LAMBDA_OK : not_held(queue);
}

static lambda_status extend(void *user, const lambda_queue_message *messages, size_t count, uint64_t visible_ns)
{
    lambda__queue_memory *queue = user;
    uint64_t due = visible_ns == LAMBDA_QUEUE_FOREVER ? UINT64_MAX : later(now_of(queue), visible_ns);
    bool all = true;
    pthread_mutex_lock(&queue->mutex);
    /* Others of the same lease may be given back meanwhile: their memory stays until this is done. */
    atomic_fetch_add_explicit(&queue->browsing, 1, memory_order_seq_cst);
    for (size_t i = 0; i < count; i++) {
        lambda__queue_lease *lease = lambda__lease_of(queue, messages[i].receipt);
        if (!lease || !lambda__lease_holds(lease, messages[i].receipt)) {
            all = false;
            continue;
        }
        lease->records[lambda__receipt_place(messages[i].receipt)]->due = due;
        lambda__lease_update(queue, lease);
    }
    atomic_fetch_sub_explicit(&queue->browsing, 1, memory_order_seq_cst);
    pthread_mutex_unlock(&queue->mutex);
    return all ? LAMBDA_OK : not_held(queue);
}

static uint64_t next_due(void *user)
{
    lambda__queue_memory *queue = user;
    for (size_t i = 0; i < LAMBDA__LANES; i++)
        if (!lane_empty(&queue->lanes[i])) return 0;
    uint64_t due = atomic_load_explicit(&queue->next_due, memory_order_acquire);
    uint64_t expiry = atomic_load_explicit(&queue->next_expiry, memory_order_acquire);
    uint64_t first = due < expiry ? due : expiry;
    if (first == UINT64_MAX) return UINT64_MAX;
    uint64_t now = now_of(queue);
    return first > now ? first - now : 0;
}

/* ---- the end */

static bool unpin_record(void *user, lambda__queue_record *record)
{
    lambda__queue_memory *queue = user;
    record->purged = true;
    lambda__chunk_unpin(queue, record->chunk, 1);
    return true;
}

/** Records that receivers held to the end. */
static void leases_unpin(lambda__queue_memory *queue)
{
    lambda__queue_chunk *gone = NULL;
    for (uint32_t i = 0; i < queue->blocks_count * LAMBDA__LEASE_BLOCK; i++) {
        lambda__queue_lease *block =
            atomic_load_explicit(&queue->blocks[i / LAMBDA__LEASE_BLOCK], memory_order_relaxed);
        lambda__queue_lease *lease = &block[i % LAMBDA__LEASE_BLOCK];
        uint32_t held = (uint32_t)atomic_load_explicit(&lease->word, memory_order_relaxed);
        unpin_all(lease->records, held, &gone);
        unpin_all(lease->records, lease->late, &gone);
    }
    lambda__chunks_end(queue, gone);
}

static void close_queue(void *user)
{
    lambda__queue_memory *queue = user;
    lambda__queue_record *record;
    while ((record = lambda__delayed_take(queue, UINT64_MAX)) != NULL)
        unpin_record(queue, record);
    leases_unpin(queue);
    lambda__lanes_free(queue);
    lambda__leases_free(queue);
    for (size_t i = 0; i < LAMBDA__LANES; i++) {
        pthread_mutex_destroy(&queue->lanes[i].take_mutex);
    }
    pthread_mutex_destroy(&queue->mutex);
    free(queue->memory);
}

static bool make_mutexes(lambda__queue_memory *queue)
{
    if (pthread_mutex_init(&queue->mutex, NULL) != 0) return false;
    for (size_t i = 0; i < LAMBDA__LANES; i++) {
        /* It does not fail where POSIX mutexes are plain memory, as everywhere this runs. */
        if (pthread_mutex_init(&queue->lanes[i].take_mutex, NULL) != 0) return false;
    }
    return true;
}

bool lambda__queue_is_memory(const lambda_queue *queue)
{
    return queue->push == push;
}

lambda_status lambda_queue_memory_open_sized(const lambda_queue_memory_options *given, size_t size,
                                             lambda_queue *opened)
{
    if (!opened) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "queue: is NULL");
    memset(opened, 0, sizeof(*opened));
    lambda_queue_memory_options options = LAMBDA_ZERO;
    if (given) memcpy(&options, given, size < sizeof(options) ? size : sizeof(options));
    if (options.max_messages > INT64_MAX / 2)
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "max_messages: %llu is more than %lld",
                            (unsigned long long)options.max_messages, (long long)(INT64_MAX / 2));
    void *memory = calloc(1, sizeof(lambda__queue_memory) + LAMBDA__CACHE_LINE);
    if (!memory) return lambda__out_of_memory(NULL);
    uintptr_t aligned = ((uintptr_t)memory + LAMBDA__CACHE_LINE - 1) / LAMBDA__CACHE_LINE * LAMBDA__CACHE_LINE;
    lambda__queue_memory *queue = (lambda__queue_memory *)aligned;
    queue->memory = memory;
    queue->max_messages = options.max_messages ? options.max_messages : 1000000;
    queue->max_bytes = options.max_bytes ? options.max_bytes : UINT64_C(1) << 30;
    queue->room_block = queue->max_messages >= 65536 ? 64 : 0;
    atomic_init(&queue->room, (int64_t)queue->max_messages);
    atomic_init(&queue->next_due, UINT64_MAX);
    atomic_init(&queue->next_expiry, UINT64_MAX);
    for (size_t i = 0; i < LAMBDA__LANES; i++)
        queue->lanes[i].chunk_size = 4096;
    if (!make_mutexes(queue)) {
        free(memory);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    }
    *opened = (lambda_queue){.attach = attach,
                             .push = push,
                             .receive = receive,
                             .acknowledge = acknowledge,
                             .retry = retry,
                             .extend = extend,
                             .next_due = next_due,
                             .counts = lambda__queue_memory_counts,
                             .browse = lambda__queue_memory_browse,
                             .purge = lambda__queue_memory_purge,
                             .close = close_queue,
                             .user = queue};
    return LAMBDA_OK;
}
