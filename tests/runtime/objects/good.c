/* A shared object with handlers; VERSION tells one build from the next. */
#include <stdlib.h>

#include <lambda/lambda.h>

LAMBDA_SHARED_OBJECT;

LAMBDA_API lambda_handler version, count;
LAMBDA_API lambda_init_hook lambda_init;
LAMBDA_API lambda_shutdown_hook lambda_shutdown;

lambda_status lambda_init(lambda_context *context)
{
    lambda_context_set_state(context, calloc(1, sizeof(int)));
    return lambda_context_state(context) ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY;
}

void lambda_shutdown(lambda_context *context)
{
    free(lambda_context_state(context));
}

lambda_status version(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    return lambda_response_pack(response, "i", VERSION);
}

lambda_status count(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    int *calls = lambda_context_state(context);
    return lambda_response_pack(response, "i", ++*calls);
}
