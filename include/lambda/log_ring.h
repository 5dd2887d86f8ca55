/* Log lines in memory: a ring that keeps the newest, to be queried and followed. */
#ifndef LAMBDA_LOG_RING_H
#define LAMBDA_LOG_RING_H

#include <lambda/port/allocator.h>
#include <lambda/port/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a ring of `lambda_log_ring_new`: at least, by default, and at most. */
#define LAMBDA_LOG_RING_BYTES_MIN     (UINT64_C(64) << 10)
#define LAMBDA_LOG_RING_BYTES_DEFAULT (UINT64_C(4) << 20)
#define LAMBDA_LOG_RING_BYTES_MAX     (UINT64_C(1) << 30)

/** Log lines in memory. Opaque; any number of services may write to one. Any thread. */
typedef struct lambda_log_ring lambda_log_ring;

/**
 * Makes an empty ring with `bytes` for lines (0: 4 MiB; else 64 KiB to 1 GiB), all of which are asked for at once; what it needs to find its
 * way around them comes on top, less than a tenth. A line takes its length, 40 to 100 bytes, and its names and request id where they are not
 * those of the line before.
 *
 * When it is full the oldest lines go, a block of them at a time. Each thread fills a block of its own, so lines of a thread that seldom logs
 * may stay up to twice as long as those of the others. A line of which all does not fit into a block, a sixteenth of the ring and at
 * most 64 KiB (an eighth where the ring has less than 128 KiB), is refused with LAMBDA_ERROR_REQUEST_TOO_LARGE: its service counts it as lost.
 *
 * `allocator` NULL, or zeroed: malloc and its kin. It must outlive the ring. `*ring` is NULL on failure, else the caller's to end with
 * `lambda_log_ring_free`. LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_OUT_OF_MEMORY, LAMBDA_ERROR_SERVICE (the system gave no mutex).
 */
LAMBDA_API lambda_status lambda_log_ring_new(size_t bytes, const lambda_allocator *allocator, lambda_log_ring **ring);

/** Ends a ring, after the services that write to it and after its followers. NULL is allowed. */
LAMBDA_API void lambda_log_ring_free(lambda_log_ring *ring);

/**
 * The sink that writes to the ring, for `lambda_options.log` of any number of services. Direct: a line is in the ring when the call that
 * logged it returns. It allocates nothing, and threads do not wait for each other. `ring` NULL: no sink.
 */
LAMBDA_API lambda_log_sink lambda_log_ring_sink(lambda_log_ring *ring);

/** Forgets all lines that are in it. Lines written meanwhile may stay or go. Followers do not count these as lost. NULL is ignored. */
LAMBDA_API void lambda_log_ring_clear(lambda_log_ring *ring);

/** Which lines one wants. Zero means the default, which is all of them. Borrowed for the call. */
typedef struct lambda_log_query {
    const char *log_group_name;         /**< of this group alone. Default NULL: of any */
    const char *log_stream_name_prefix; /**< of streams whose name begins so. Default NULL: of any */
    const char *request_id;             /**< of this invocation alone. Default NULL: of any, and of none */
    uint64_t start_time_ns;             /**< not older than this: nanoseconds since 1970 */
    uint64_t end_time_ns;               /**< older than this. Default 0: no end */
    const char
        *filter_pattern; /**< lines that match it, in CloudWatch Logs' syntax (log_filter.h). Default NULL or "": all */
    lambda_log_level level; /**< of this level or a coarser one. Default LAMBDA_LOG_DEFAULT: of any */
    uint64_t limit; /**< no more than so many, the oldest; of a follower: no more at each `next`. Default 0: no limit */
} lambda_log_query;

/**
 * Is handed one line: false for no more. The record is borrowed for the call, and as complete as the one that was written. On the thread that
 * asked, with no lock held: it may log, query and follow.
 */
typedef bool lambda_log_taker(void *user, const lambda_log_record *record);

/** Exported form of `lambda_log_ring_query`. */
LAMBDA_API lambda_status lambda_log_ring_query_sized(lambda_log_ring *ring, const lambda_log_query *query, size_t size,
                                                     lambda_log_taker *take, void *user);

/**
 * Hands the lines that match to `take`, as CloudWatch Logs' FilterLogEvents does: the oldest first, by `time_ns`; lines of one thread and
 * one time in the order in which they were written. All that was written before the call is seen, nothing that is written after; what is
 * overwritten before its turn is left out. Writers go on meanwhile. `query` NULL: all lines. Any thread.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE (a malformed filter pattern, too), LAMBDA_ERROR_OUT_OF_MEMORY (some lines may have been handed).
 */
static inline lambda_status lambda_log_ring_query(lambda_log_ring *ring, const lambda_log_query *query,
                                                  lambda_log_taker *take, void *user)
{
    return lambda_log_ring_query_sized(ring, query, sizeof(lambda_log_query), take, user);
}

/** Who reads a ring's lines as they come. Opaque. Of one thread at a time but for `lambda_log_follower_interrupt`. */
typedef struct lambda_log_follower lambda_log_follower;

/** Exported form of `lambda_log_follower_open`. */
LAMBDA_API lambda_status lambda_log_follower_open_sized(lambda_log_ring *ring, const lambda_log_query *query,
                                                        size_t size, lambda_log_follower **follower);

/**
 * Begins to follow, with what the ring has already; who wants new lines alone says so with `start_time_ns`. `query` NULL: all lines; it is
 * copied. `*follower` is NULL on failure, else the caller's to end with `lambda_log_follower_close`. Errors as of `lambda_log_ring_query`.
 */
static inline lambda_status lambda_log_follower_open(lambda_log_ring *ring, const lambda_log_query *query,
                                                     lambda_log_follower **follower)
{
    return lambda_log_follower_open_sized(ring, query, sizeof(lambda_log_query), follower);
}

/** For `timeout_ms`: wait without end. */
#define LAMBDA_LOG_FOREVER UINT64_MAX

/**
 * Hands each line that matches once, in the order of `lambda_log_ring_query` among those that were there at one look. Where there is none it
 * waits for some, at most `timeout_ms` of the system's monotonic time (0: it does not wait); it returns when what was there is
 * handed, when `take` has enough (the rest comes at the next call), when it was interrupted, or when time is over: LAMBDA_OK in each case.
 *
 * `*lost`, if it is not NULL, becomes how many lines were overwritten since the call before, before this follower could look at them:
 * whether they would have matched, nobody knows any more. Errors lose nothing: LAMBDA_ERROR_OUT_OF_MEMORY, LAMBDA_ERROR_INVALID_PARAMETER_VALUE.
 */
LAMBDA_API lambda_status lambda_log_follower_next(lambda_log_follower *follower, uint64_t timeout_ms,
                                                  lambda_log_taker *take, void *user, uint64_t *lost);

/** Has the `next` that waits, or else the one that would wait next, return at once. Any thread, before the follower is closed. NULL is ignored. */
LAMBDA_API void lambda_log_follower_interrupt(lambda_log_follower *follower);

/** Ends it. No call on it may be running. NULL is allowed. */
LAMBDA_API void lambda_log_follower_close(lambda_log_follower *follower);

#ifdef __cplusplus
}
#endif

#endif
