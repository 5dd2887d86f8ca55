/* lambda event KIND: events as Lambda's services send them, to invoke with. */
#include <string.h>

#include <lambda/testing.h>

#include "commands.h"
#include "output.h"

const tool_option TOOL_OPTIONS_EVENT[] = {{"name", "TEXT", "the bucket, queue, topic or rule (default example)"},
                                          {"key", "TEXT", "s3: the object (default key)"},
                                          {"method", "NAME", "http kinds: the method (default GET)"},
                                          {"path", "PATH", "http kinds: the path (default /)"},
                                          {"body", "TEXT", "of messages and requests"},
                                          {0}};

static const char *given(const tool_arguments *arguments, const char *name, const char *otherwise)
{
    const char *value = tool_option_value(arguments, name);
    return value ? value : otherwise;
}

int tool_event(const tool_arguments *arguments)
{
    const char *kind = tool_operand(arguments, 0);
    const char *name = given(arguments, "name", "example");
    const char *method = given(arguments, "method", "GET");
    const char *path = given(arguments, "path", "/");
    const char *body = tool_option_value(arguments, "body");
    const char *message = body ? body : "hello";
    if (strcmp(kind, "s3") == 0)
        return tool_print_json(lambda_test_event_s3_put(name, given(arguments, "key", "key"), strlen(message)));
    if (strcmp(kind, "sqs") == 0) return tool_print_json(lambda_test_event_sqs(name, &message, 1));
    if (strcmp(kind, "sns") == 0) return tool_print_json(lambda_test_event_sns(name, NULL, message));
    if (strcmp(kind, "schedule") == 0) return tool_print_json(lambda_test_event_schedule(name));
    if (strcmp(kind, "apigateway") == 0)
        return tool_print_json(lambda_test_event_api_gateway_v2(method, path, NULL, body));
    if (strcmp(kind, "apigateway-v1") == 0)
        return tool_print_json(lambda_test_event_api_gateway_v1(method, path, body));
    if (strcmp(kind, "alb") == 0) return tool_print_json(lambda_test_event_alb(method, path, body));
    return tool_usage("'%s' is none of s3, sqs, sns, schedule, apigateway, apigateway-v1 and alb", kind);
}
