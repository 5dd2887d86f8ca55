/* A third program outside of the tree: its segments go to a collector, which need not be there. */
#include <stdio.h>

#include <lambda/lambda.h>
#include <lambda/otlp.h>

static lambda_status hello(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    const char *name = "nobody";
    lambda_status status = lambda_event_unpack(event, "{s?s}", "name", &name);
    if (status != LAMBDA_OK) return status;
    return lambda_response_pack(response, "{s:s, s:s}", "hello", name, "from", lambda_context_function_name(context));
}

int main(void)
{
    lambda_t *lambda = NULL;
    lambda_options options = {0};
    lambda_otlp_options how = {.endpoint = "http://127.0.0.1:9/v1/traces", .max_attempts = 1, .timeout_ms = 1000};
    if (lambda_otlp_exporter(&how, &options.trace[0]) != LAMBDA_OK) return 1;
    if (lambda_open(&options, &lambda) != LAMBDA_OK) return 1;
    lambda_function_config config = {.function_name = "hello", .code = lambda_code_native(hello, NULL)};
    lambda_result result = {0};
    if (lambda_function_create(lambda, &config) == LAMBDA_OK &&
        lambda_invoke(lambda, "hello", LAMBDA_JSON("{\"name\":\"world\"}"), &result) == LAMBDA_OK)
        printf("%.*s\n", (int)result.payload.length, (const char *)result.payload.data);
    lambda_result_clear(&result);
    lambda_close(lambda);
    return 0;
}
