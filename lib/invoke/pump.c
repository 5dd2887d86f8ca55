/* The host's own loop. */
#include <lambda/pump.h>

#include <string.h>

#include "base/agenda.h"
#include "base/error.h"
#include "service.h"

/** Does what is due within the budget; the time afterwards. */
static uint64_t work(lambda__base *base, uint64_t now, uint64_t budget_ns, uint64_t *done)
{
    uint64_t end = budget_ns < UINT64_MAX - now ? now + budget_ns : UINT64_MAX;
    while (lambda__agenda_run(base, now)) {
        ++*done;
        now = lambda__now(base);
        if (now >= end) break;
    }
    return now;
}

lambda_status lambda_pump_sized(lambda_t *lambda, uint64_t budget_ns, lambda_pump_report *report, size_t size)
{
    if (LAMBDA__UNLIKELY(!lambda)) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda: is NULL");
    lambda__base *base = &lambda->base;
    uint64_t done = 0;
    uint64_t now = lambda__now(base);
    if (LAMBDA__UNLIKELY(now >= lambda__agenda_next(base))) now = work(base, now, budget_ns, &done);
    if (!report) return LAMBDA_OK;
    uint64_t next = lambda__agenda_next(base);
    lambda_pump_report made = {.done = done, .more = next <= now, .next_due_ns = UINT64_MAX};
    if (next != UINT64_MAX) made.next_due_ns = next > now ? next - now : 0;
    if (LAMBDA__LIKELY(size == sizeof(made))) {
        *report = made;
        return LAMBDA_OK;
    }
    memset(report, 0, size);
    memcpy(report, &made, size < sizeof(made) ? size : sizeof(made));
    return LAMBDA_OK;
}
