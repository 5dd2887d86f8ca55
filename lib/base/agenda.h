/*
 * What is due when. A task is a struct inside of what it is about; it stands in the agenda once at most, and runs with no lock
 * held, on the thread that calls lambda__agenda_run: the keeper's (base/executor.h) or the host's, in lambda_pump.
 * Tasks are few, each stands for a whole kind of work, so the agenda is a sorted list.
 */
#ifndef LAMBDA_LIB_AGENDA_H
#define LAMBDA_LIB_AGENDA_H

#include "base/base.h"

typedef struct lambda__task {
    uint64_t due; /* monotonic; only while scheduled */
    struct lambda__task *next;
    void (*run)(lambda__base *base, struct lambda__task *task);
    bool scheduled;
} lambda__task;

/** Has the task run at `due`, or when it is due already if that is earlier. Any thread; not in a read section. */
void lambda__agenda_schedule(lambda__base *base, lambda__task *task, uint64_t due);

/** When the first task is due; UINT64_MAX: there is none. */
static inline uint64_t lambda__agenda_next(const lambda__base *base)
{
    return atomic_load_explicit(&base->agenda_next, memory_order_acquire);
}

/** Runs the first task if it is due at `now`; false if none was. */
bool lambda__agenda_run(lambda__base *base, uint64_t now);

#endif
