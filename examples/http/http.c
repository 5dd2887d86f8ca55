/*
 * A program with Lambda's endpoint in it: the AWS CLI, the SDKs and curl talk to its functions.
 *
 *     http 9000 credentials &
 *     aws lambda invoke --endpoint-url http://127.0.0.1:9000 --function-name greet --payload '{}' answer.json
 *
 * `credentials` is a file as ~/.aws/credentials. Port 0: the system chooses one, which is printed. It ends with its standard input.
 */
#include <stdio.h>
#include <stdlib.h>

#include <lambda/http.h>
#include <lambda/lambda.h>

static lambda_status greet(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    return lambda_response_pack(response, "{s:s}", "greeting", lambda_context_function_name(context));
}

int main(int count, char **arguments)
{
    lambda_t *lambda = NULL;
    lambda_api *api = NULL;
    lambda_http *http = NULL;
    lambda_function_config function = {.function_name = "greet", .code = lambda_code_native(greet, NULL)};
    uint16_t port = count > 1 ? (uint16_t)strtoul(arguments[1], NULL, 10) : 9000;
    const char *credentials = count > 2 ? arguments[2] : NULL;
    bool open = lambda_open(NULL, &lambda) == LAMBDA_OK && lambda_function_create(lambda, &function) == LAMBDA_OK &&
                lambda_api_open(&(lambda_api_options){.lambda = lambda}, &api) == LAMBDA_OK &&
                lambda_http_open(&(lambda_http_options){.api = api, .port = port, .credentials = credentials}, &http) ==
                    LAMBDA_OK;
    if (open) {
        printf("listening on 127.0.0.1:%u\n", lambda_http_port(http));
        fflush(stdout);
        while (getchar() != EOF)
            continue;
    } else {
        fprintf(stderr, "http: %s\n", lambda_error_message(NULL));
    }
    lambda_http_close(http, 2000);
    lambda_api_close(api);
    lambda_close(lambda);
    return open ? 0 : 1;
}
