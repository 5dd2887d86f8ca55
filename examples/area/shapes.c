/* The function of area.c in a shared object: for hosts that load it, in any isolation. */
#include <lambda/lambda.h>

LAMBDA_SHARED_OBJECT;

LAMBDA_API lambda_handler area;

lambda_status area(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    double length, width;
    lambda_status status = lambda_event_unpack(event, "{s:F, s:F}", "length", &length, "width", &width);
    if (status != LAMBDA_OK) return status;
    lambda_log(context, LAMBDA_LOG_INFO, "log group: %s", lambda_context_log_group_name(context));
    return lambda_response_pack(response, "{s:f}", "area", length * width);
}
