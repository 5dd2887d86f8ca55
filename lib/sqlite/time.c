/*
 * Queue time: what the wall clock showed when the service opened, or the newest time in the file where that is later, and from
 * then on the monotonic clock. Every time in the file is at most the queue time of each later run, so that a message is never
 * delayed by more than its own delay, however the wall clock is set.
 */
#include "file.h"

#include <stdatomic.h>

int64_t lambda__sqlite_later(int64_t time, uint64_t duration)
{
    return duration > (uint64_t)(INT64_MAX - time) ? INT64_MAX : time + (int64_t)duration;
}

uint64_t lambda__sqlite_between(int64_t since, int64_t time)
{
    return since < time ? (uint64_t)time - (uint64_t)since : 0;
}

void lambda__sqlite_time_start(lambda_sqlite *file, int64_t newest)
{
    const lambda_clock *clock = &file->host.clock;
    uint64_t wall = clock->wall(clock->user);
    /* Half of what fits: no clock, however wrong, makes later times overflow. */
    const int64_t most = INT64_MAX / 2;
    int64_t start = wall > (uint64_t)most ? most : (int64_t)wall;
    if (newest > start) start = newest > most ? most : newest;
    int64_t floor = atomic_load(&file->floor);
    file->time_base = start > floor ? start : floor;
    file->clock_base = clock->monotonic(clock->user);
    atomic_store(&file->floor, file->time_base);
}

int64_t lambda__sqlite_now(const lambda_sqlite *file)
{
    const lambda_clock *clock = &file->host.clock;
    uint64_t shown = clock->monotonic(clock->user);
    uint64_t elapsed = shown > file->clock_base ? shown - file->clock_base : 0;
    int64_t now = lambda__sqlite_later(file->time_base, elapsed);
    int64_t floor = atomic_load_explicit(&file->floor, memory_order_relaxed);
    return now > floor ? now : floor;
}
