/* Asking a ring of log lines, once or again and again. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "observe/log/ring.h"

static lambda_status invalid(const char *what)
{
    return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s", what);
}

/** Makes a query ready: its texts are borrowed, its filter is the match's to end. */
static lambda_status match_open(const lambda_log_ring *ring, const lambda_log_query *given, size_t size,
                                lambda__log_match *match)
{
    lambda_log_query query = LAMBDA_ZERO;
    if (given) memcpy(&query, given, size < sizeof(query) ? size : sizeof(query));
    if ((unsigned)query.level > LAMBDA_LOG_FATAL)
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "level: %d is no level of a line",
                            (int)query.level);
    if (query.end_time_ns > 0 && query.end_time_ns < query.start_time_ns)
        return invalid("end_time_ns: is before start_time_ns");
    const char *prefix = query.log_stream_name_prefix;
    *match = (lambda__log_match){.group = query.log_group_name,
                                 .stream_prefix = prefix,
                                 .stream_prefix_length = prefix ? strlen(prefix) : 0,
                                 .request_id = query.request_id,
                                 .start_ns = query.start_time_ns,
                                 .end_ns = query.end_time_ns > 0 ? query.end_time_ns : UINT64_MAX,
                                 .level = (uint8_t)query.level,
                                 .limit = query.limit > 0 ? query.limit : UINT64_MAX};
    if (!query.filter_pattern || !query.filter_pattern[0]) return LAMBDA_OK;
    return lambda_log_filter_new(query.filter_pattern, &ring->allocator, &match->filter);
}

lambda_status lambda_log_ring_query_sized(lambda_log_ring *ring, const lambda_log_query *query, size_t size,
                                          lambda_log_taker *take, void *user)
{
    if (!ring) return invalid("ring: is NULL");
    if (!take) return invalid("take: is NULL");
    lambda__log_match match;
    lambda__log_walk walk;
    uint64_t handed;
    lambda_status status = match_open(ring, query, size, &match);
    if (status != LAMBDA_OK) return status;
    if (lambda__log_walk_open(&walk, ring, &match)) {
        lambda__log_walk_look(&walk, NULL);
        status = lambda__log_walk_hand(&walk, match.limit, take, user, &handed);
        lambda__log_walk_close(&walk);
    } else {
        status = lambda__out_of_memory(NULL);
    }
    lambda_log_filter_free(match.filter);
    return status;
}

/* ---- following */

struct lambda_log_follower {
    lambda_log_ring *ring;
    lambda__log_match match;
    lambda__log_walk walk;
    lambda__log_place place;
    _Atomic bool interrupted;
    char texts[]; /* of the match */
};

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/** Copies a text of the query, if there is one, to where `*at` is. */
static const char *text_copy(char **at, const char *text)
{
    size_t size = text_size(text);
    char *copy = *at;
    if (!text) return NULL;
    memcpy(copy, text, size);
    *at += size;
    return copy;
}

lambda_status lambda_log_follower_open_sized(lambda_log_ring *ring, const lambda_log_query *query, size_t size,
                                             lambda_log_follower **opened)
{
    if (!opened) return invalid("follower: is NULL");
    *opened = NULL;
    if (!ring) return invalid("ring: is NULL");
    lambda__log_match match;
    lambda_status status = match_open(ring, query, size, &match);
    if (status != LAMBDA_OK) return status;
    size_t texts = text_size(match.group) + text_size(match.stream_prefix) + text_size(match.request_id);
    const lambda_allocator *allocator = &ring->allocator;
    lambda_log_follower *follower = allocator->allocate(allocator->user, sizeof(*follower) + texts);
    if (!follower || !lambda__log_walk_open(&follower->walk, ring, &follower->match)) {
        if (follower) allocator->release(allocator->user, follower);
        lambda_log_filter_free(match.filter);
        return lambda__out_of_memory(NULL);
    }
    char *at = follower->texts;
    match.group = text_copy(&at, match.group);
    match.stream_prefix = text_copy(&at, match.stream_prefix);
    match.request_id = text_copy(&at, match.request_id);
    follower->ring = ring;
    follower->match = match;
    follower->place = (lambda__log_place){0};
    atomic_init(&follower->interrupted, false);
    *opened = follower;
    return LAMBDA_OK;
}

/** Hands out what there is; where that is nothing, the walk has ended. */
static lambda_status hand_some(lambda_log_follower *follower, lambda_log_taker *take, void *user, uint64_t *handed)
{
    lambda__log_walk *walk = &follower->walk;
    if (lambda__log_walk_ended(walk)) lambda__log_walk_look(walk, &follower->place);
    return lambda__log_walk_hand(walk, follower->match.limit, take, user, handed);
}

/** Sleeps until there may be something new, it is interrupted, or so much time is over. */
static void sleep_a_while(lambda_log_follower *follower, uint64_t timeout_ns)
{
    lambda_log_ring *ring = follower->ring;
    /* From here on a writer wakes us; what was written before is seen by one more look. */
    atomic_store_explicit(&ring->asleep, 1, memory_order_seq_cst);
    lambda__log_walk_look(&follower->walk, &follower->place);
    if (!lambda__log_walk_ended(&follower->walk)) return;
    if (atomic_load_explicit(&follower->interrupted, memory_order_seq_cst)) return;
    lambda__platform_wait(&ring->asleep, 1, timeout_ns);
}

lambda_status lambda_log_follower_next(lambda_log_follower *follower, uint64_t timeout_ms, lambda_log_taker *take,
                                       void *user, uint64_t *lost)
{
    if (lost) *lost = 0;
    if (!follower) return invalid("follower: is NULL");
    if (!take) return invalid("take: is NULL");
    const uint64_t begun = timeout_ms > 0 ? lambda__platform_monotonic() : 0;
    const uint64_t timeout_ns = timeout_ms < UINT64_MAX / 1000000 ? timeout_ms * 1000000 : UINT64_MAX;
    uint64_t handed = 0;
    lambda_status status;
    while ((status = hand_some(follower, take, user, &handed)) == LAMBDA_OK && handed == 0 && timeout_ms > 0) {
        uint64_t passed = lambda__platform_monotonic() - begun;
        if (passed >= timeout_ns) break;
        if (atomic_exchange_explicit(&follower->interrupted, false, memory_order_seq_cst)) break;
        sleep_a_while(follower, timeout_ns == UINT64_MAX ? UINT64_MAX : timeout_ns - passed);
    }
    if (lost) {
        *lost = follower->walk.lost;
        follower->walk.lost = 0;
    }
    return status;
}

void lambda_log_follower_interrupt(lambda_log_follower *follower)
{
    if (!follower) return;
    atomic_store_explicit(&follower->interrupted, true, memory_order_seq_cst);
    if (atomic_exchange_explicit(&follower->ring->asleep, 0, memory_order_seq_cst))
        lambda__platform_wake(&follower->ring->asleep);
}

void lambda_log_follower_close(lambda_log_follower *follower)
{
    if (!follower) return;
    const lambda_allocator allocator = follower->ring->allocator;
    lambda__log_walk_close(&follower->walk);
    lambda_log_filter_free(follower->match.filter);
    allocator.release(allocator.user, follower);
}
