#include "http_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bench.h"
#include "sign.h"

static const char key[] = "AKIAIOSFODNN7EXAMPLE";
static const char secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

static void require(int holds, const char *what)
{
    if (holds) return;
    perror(what);
    exit(1);
}

void http_directory_make(char directory[64])
{
    snprintf(directory, 64, "/tmp/bench-http-XXXXXX");
    require(mkdtemp(directory) != NULL && chmod(directory, 0755) == 0, directory);
}

void http_directory_remove(const char *directory)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    require(system(command) == 0, command);
}

void http_credentials_write(const char *directory, char path[128])
{
    snprintf(path, 128, "%s/credentials", directory);
    FILE *file = fopen(path, "w");
    require(file != NULL, path);
    fprintf(file, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", key, secret);
    require(fclose(file) == 0 && chmod(path, 0600) == 0, path);
}

void http_signed(const char *method, const char *path, const char *body, char request[HTTP_REQUEST])
{
    const sign_header host = {"host", "localhost"};
    const sign_request asked = {.method = method,
                                .path = path,
                                .headers = &host,
                                .headers_count = 1,
                                .body = body,
                                .body_length = strlen(body),
                                .key = key,
                                .secret = secret,
                                .time_s = (uint64_t)time(NULL)};
    char authorization[2048], date[17];
    sign_header_form(&asked, authorization, date);
    snprintf(
        request, HTTP_REQUEST,
        "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nX-Amz-Date: %s\r\nContent-Length: %zu\r\n\r\n%s",
        method, path, authorization, date, strlen(body), body);
}

static lambda_status hello(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    return lambda_response_write(response, "\"hello\"", 7);
}

static void call(http_world *world, const char *operation, const char *input, lambda_api_answer *answer)
{
    bench_check(world->lambda, lambda_api_call(world->api, operation, lambda_bytes_make(input, strlen(input)), answer));
    if (answer->error_type[0] == '\0') return;
    fprintf(stderr, "%s: %s\n", operation, answer->json);
    exit(1);
}

/** A function URL that anybody may use. */
static void make_url(http_world *world)
{
    static const char *const permissions[] = {
        "{\"FunctionName\":\"hello\",\"StatementId\":\"url\",\"Action\":\"lambda:InvokeFunctionUrl\","
        "\"Principal\":\"*\",\"FunctionUrlAuthType\":\"NONE\"}",
        "{\"FunctionName\":\"hello\",\"StatementId\":\"function\",\"Action\":\"lambda:InvokeFunction\","
        "\"Principal\":\"*\",\"InvokedViaFunctionUrl\":true}"};
    lambda_api_answer answer = {0};
    char id[33] = "";
    call(world, "CreateFunctionUrlConfig", "{\"FunctionName\":\"hello\",\"AuthType\":\"NONE\"}", &answer);
    const char *at = strstr(answer.json, "http://");
    require(at && sscanf(at, "http://%32[a-z0-9]", id) == 1, "FunctionUrl");
    snprintf(world->url, sizeof(world->url), "GET /lambda-url/%s/ HTTP/1.1\r\nHost: localhost\r\n\r\n", id);
    for (size_t i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++) {
        lambda_api_answer_clear(&answer);
        call(world, "AddPermission", permissions[i], &answer);
    }
    lambda_api_answer_clear(&answer);
}

void http_world_open(http_world *world, unsigned threads)
{
    char credentials[128];
    *world = (http_world){0};
    http_directory_make(world->directory);
    http_credentials_write(world->directory, credentials);
    bench_check(NULL, lambda_open(NULL, &world->lambda));
    bench_check(world->lambda,
                lambda_function_create(world->lambda, &(lambda_function_config){.function_name = "hello",
                                                                                .code = lambda_code_native(hello, NULL),
                                                                                .isolation = LAMBDA_ISOLATION_INLINE}));
    bench_check(NULL, lambda_api_open(&(lambda_api_options){.lambda = world->lambda}, &world->api));
    make_url(world);
    bench_check(NULL, lambda_http_open(
                          &(lambda_http_options){.api = world->api, .credentials = credentials, .threads = threads},
                          &world->http));
}

void http_world_close(http_world *world)
{
    lambda_http_close(world->http, 1000);
    lambda_api_close(world->api);
    lambda_close(world->lambda);
    http_directory_remove(world->directory);
}
