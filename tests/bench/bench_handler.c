/* The `bootstrap` of process_bootstrap and process_cold: a handler that answers with its event. */
#include <lambda/bootstrap.h>
#include <lambda/event.h>

static lambda_status echo(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)context;
    lambda_bytes payload = lambda_event_payload(event);
    return lambda_response_write(response, payload.data, payload.length);
}

int main(void)
{
    return lambda_bootstrap_run(echo);
}
