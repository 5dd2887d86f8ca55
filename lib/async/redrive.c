/* Taking back what was handed to a destination: its events are accepted anew. */
#include "async/async.h"

#include <string.h>

#include "base/error.h"
#include "destination/destination.h"
#include "destination/record.h"

typedef struct redriving {
    lambda_t *lambda;
    lambda__thread *thread;
    lambda__buffer payload;
    uint64_t count;
} redriving;

static lambda_status accept(void *taker, const lambda_delivery *delivery)
{
    redriving *what = taker;
    lambda_bytes payload = delivery->body;
    lambda__acceptance acceptance;
    lambda__name name;
    lambda_status status = lambda__name_parse(what->lambda, delivery->function_arn, &name);
    if (status != LAMBDA_OK) return status;
    lambda__acceptance_begin(&acceptance, &name);
    if (delivery->kind != LAMBDA_DELIVERY_DEAD_LETTER) {
        what->payload.length = 0;
        status = lambda__record_request(what->lambda, delivery->body, &what->payload, NULL);
        payload = lambda_bytes_make(what->payload.data, what->payload.length);
    }
    if (status == LAMBDA_OK) status = lambda__async_accept(what->lambda, what->thread, &acceptance, &payload, 1, NULL);
    if (status == LAMBDA_OK) what->count++;
    return status;
}

lambda_status lambda_async_redrive(lambda_t *lambda, const char *destination, uint64_t most, uint64_t *redriven)
{
    if (redriven) *redriven = 0;
    if (!lambda || !destination)
        return lambda__fail(lambda ? &lambda->base : NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL",
                            lambda ? "destination" : "lambda");
    lambda__base *base = &lambda->base;
    const lambda_destination *found = lambda__destination_find(lambda, destination);
    if (!found)
        return lambda__fail(base, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "destination: \"%.80s\" is none", destination);
    if (!found->redrive)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "destination: \"%.80s\" gives nothing back",
                            destination);
    redriving what = {.lambda = lambda, .thread = lambda__thread_get(base)};
    if (!what.thread) return lambda__out_of_memory(base);
    if (lambda__async_closed(lambda->async, what.thread))
        return lambda__fail(base, LAMBDA_ERROR_SERVICE, "the service closes");
    lambda_status status = found->redrive(found->user, most, accept, &what);
    lambda__buffer_clear(base, &what.payload);
    if (redriven) *redriven = what.count;
    return status;
}
