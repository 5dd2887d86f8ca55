/* What bench_cold.c loads: a shared object with a handler and nothing else. */
#include <lambda/lambda.h>

LAMBDA_SHARED_OBJECT;

LAMBDA_API lambda_handler nothing;

lambda_status nothing(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    (void)response;
    return LAMBDA_OK;
}
