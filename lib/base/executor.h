/*
 * Pieces of work on other threads, and the keeper: the thread that runs the agenda where the library has threads of its own.
 *
 * `work` counts the pieces that have begun and not ended, and one for the service itself. Whoever brings it to zero frees the
 * service: normally lambda_close, which waits for the pieces; after its grace is over, the last piece that was abandoned.
 */
#ifndef LAMBDA_LIB_EXECUTOR_H
#define LAMBDA_LIB_EXECUTOR_H

#include "base/base.h"

/** Most pieces that last as long as the service and are ended last: closing it waits for the others first. */
#define LAMBDA__LASTING_WORK 8

/** Fills in the executor; InvalidParameterValue for one that makes no sense. */
lambda_status lambda__executor_open(lambda__base *base, const lambda_executor *executor);

/** True where work can be started at all. */
static inline bool lambda__executor_present(const lambda__base *base)
{
    return base->executor.kind != LAMBDA_EXECUTOR_NONE;
}

/** Starts a piece of work, whose last act is lambda__work_end. On failure it is not run; the message says why. */
lambda_status lambda__work_start(lambda__base *base, void (*work)(void *argument), void *argument);

/** The end of a piece: nothing of the service may be touched after it. */
void lambda__work_end(lambda__base *base);

/** Tells the keeper that something is due sooner; starts it where there is none yet. */
void lambda__keeper_tell(lambda__base *base);

/** From now on no keeper runs a task. Returns when it has ended. */
void lambda__keeper_stop(lambda__base *base);

/**
 * Waits until `*word` is no longer `value`, or the service's clock has reached `until`. True if the word changed.
 * Whoever changes the word calls lambda__platform_wake on it.
 */
bool lambda__wait(lambda__base *base, _Atomic uint32_t *word, uint32_t value, uint64_t until);

/** Looks at the word for as long as it pays: not at all where the other side has no CPU to run on. True if it changed. */
bool lambda__spin(const lambda__base *base, const _Atomic uint32_t *word, uint32_t value);

#endif
