#include "destination/redrive.h"

#include "base/error.h"
#include "observe/log/log.h"

lambda__redriven lambda__redrive_offer(lambda__redrive *redrive, lambda_bytes text)
{
    switch (lambda__line_parse(&redrive->lambda->base, text, &redrive->line)) {
    case LAMBDA__LINE_NO_MEMORY:
        redrive->status = lambda__out_of_memory(&redrive->lambda->base);
        return LAMBDA__REDRIVEN_ENDED;
    case LAMBDA__LINE_DAMAGED:
        redrive->damaged++;
        return LAMBDA__REDRIVEN_KEPT;
    case LAMBDA__LINE_DELIVERY:
        break;
    }
    /* What succeeded is not to be run again, and must not stand in the way of what failed after it. */
    if (redrive->line.delivery.kind == LAMBDA_DELIVERY_ON_SUCCESS) return LAMBDA__REDRIVEN_KEPT;
    redrive->line.delivery.target = redrive->name;
    redrive->status = redrive->take(redrive->taker, &redrive->line.delivery);
    if (redrive->status != LAMBDA_OK) return LAMBDA__REDRIVEN_ENDED;
    redrive->taken++;
    return LAMBDA__REDRIVEN_TAKEN;
}

lambda_status lambda__redrive_end(lambda__redrive *redrive)
{
    lambda__line_clear(&redrive->lambda->base, &redrive->line);
    if (redrive->damaged > 0 && lambda__log_enabled(redrive->lambda, LAMBDA_LOG_WARN)) {
        lambda_log_record record = {
            .level = LAMBDA_LOG_WARN, .platform = true, .log_group_name = "", .log_stream_name = "", .request_id = ""};
        lambda__log(&(lambda__log_out){.lambda = redrive->lambda}, &record,
                    "DESTINATION %s keeps %llu messages that are no deliveries: skipped", redrive->name,
                    (unsigned long long)redrive->damaged);
    }
    return redrive->status;
}
