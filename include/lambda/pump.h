/* Running what is due on the host's own thread, for hosts with a loop of their own. */
#ifndef LAMBDA_PUMP_H
#define LAMBDA_PUMP_H

#include <lambda/service.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a call to lambda_pump did, and when the next one has something to do. */
typedef struct lambda_pump_report {
    uint64_t done; /**< pieces of work that it did */
    bool more;     /**< the budget was used up with work left that is due */
    uint64_t
        next_due_ns; /**< nanoseconds from now until there is work: 0 with `more`, UINT64_MAX where none is known */
} lambda_pump_report;

/** Exported form of `lambda_pump`. */
LAMBDA_API lambda_status lambda_pump_sized(lambda_t *lambda, uint64_t budget_ns, lambda_pump_report *report,
                                           size_t size);

/**
 * Does work that is due on this thread: running asynchronous events one by one, initialising environments ahead, shutting idle ones
 * down. Begins no piece once
 * `budget_ns` nanoseconds have passed, but always does one that is due; so it takes no longer than the budget and one handler's or
 * hook's own time. 0: one piece at most; UINT64_MAX: all that is due. `report` NULL: nobody wants it.
 *
 * With LAMBDA_EXECUTOR_NONE or _HOST nobody else does this work; with the library's own threads they do, and calling it is
 * allowed. Any thread, several at once. LAMBDA_ERROR_INVALID_PARAMETER_VALUE for a NULL service. Not in a handler or hook.
 */
static inline lambda_status lambda_pump(lambda_t *lambda, uint64_t budget_ns, lambda_pump_report *report)
{
    return lambda_pump_sized(lambda, budget_ns, report, sizeof(lambda_pump_report));
}

#ifdef __cplusplus
}
#endif

#endif
