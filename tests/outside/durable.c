/* Another program outside of the tree: its events wait in a file. */
#include <stdio.h>

#include <lambda/lambda.h>
#include <lambda/sqlite.h>

static lambda_status hello(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    const char *name = "nobody";
    lambda_status status = lambda_event_unpack(event, "{s?s}", "name", &name);
    if (status != LAMBDA_OK) return status;
    return lambda_response_pack(response, "{s:s, s:s}", "hello", name, "from", lambda_context_function_name(context));
}

static void print(void *user, const lambda_async_outcome *outcome)
{
    (void)user;
    printf("%s %.*s\n", lambda_async_condition_name(outcome->condition), (int)outcome->payload.length,
           (const char *)outcome->payload.data);
}

int main(int argc, char **argv)
{
    lambda_t *lambda = NULL;
    lambda_sqlite *file = NULL;
    lambda_options options = {0};
    if (argc < 2 || lambda_sqlite_open(argv[1], NULL, &file) != LAMBDA_OK) return 1;
    lambda_sqlite_use(file, &options);
    lambda_status status = lambda_open(&options, &lambda);
    lambda_function_config config = {.function_name = "hello", .code = lambda_code_native(hello, NULL)};
    lambda_async_options how = {.callback = print};
    if (status == LAMBDA_OK) status = lambda_function_create(lambda, &config);
    if (status == LAMBDA_OK)
        status = lambda_invoke_async(lambda, "hello", LAMBDA_JSON("{\"name\":\"world\"}"), &how, NULL);
    if (status == LAMBDA_OK) status = lambda_async_wait_all(lambda, 60000);
    lambda_close(lambda);
    lambda_sqlite_close(file);
    return status != LAMBDA_OK;
}
