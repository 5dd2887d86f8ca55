/* The same as a shared object, for the program lambda-bootstrap. */
#include "handlers.h"

LAMBDA_SHARED_OBJECT;

LAMBDA_API lambda_handler choice;
LAMBDA_API lambda_init_hook lambda_init;
LAMBDA_API lambda_shutdown_hook lambda_shutdown;

lambda_status choice(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    return choose(event, context, response);
}

lambda_status lambda_init(lambda_context *context)
{
    return begin(context);
}

void lambda_shutdown(lambda_context *context)
{
    end(context);
}
