#include "server_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lambda/port/attachment.h>

#include "url.h"

static lambda_status hello(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    return lambda_response_write(response, "\"hello\"", 7);
}

static lambda_status failing(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_log(context, LAMBDA_LOG_INFO, "about to fail");
    return lambda_response_error(response, "Oops", "it failed");
}

static lambda_status waiting(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    struct world *world = lambda_context_user(context);
    pthread_mutex_lock(&world->lock);
    world->waiting++;
    pthread_cond_broadcast(&world->changed);
    while (!world->open)
        pthread_cond_wait(&world->changed, &world->lock);
    world->waiting--;
    pthread_mutex_unlock(&world->lock);
    return lambda_response_write(response, "\"waited\"", 8);
}

static lambda_status streaming(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    struct world *world = lambda_context_user(context);
    char part[1000];
    lambda_status status = lambda_response_content_type(response, "text/plain");
    for (unsigned i = 0; i < world->parts && status == LAMBDA_OK; i++) {
        memset(part, 'a' + (int)(i % 26), sizeof(part));
        status = lambda_response_write(response, part, sizeof(part));
        if (status == LAMBDA_OK) status = lambda_response_flush(response);
    }
    pthread_mutex_lock(&world->lock);
    world->written = status;
    world->ended++;
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->lock);
    return status;
}

static lambda_status note(void *user, const char *text, size_t length)
{
    struct world *world = user;
    if (world->log_length + length + 2 > sizeof(world->log)) return LAMBDA_ERROR_SERVICE;
    memcpy(world->log + world->log_length, text, length);
    world->log_length += length;
    world->log[world->log_length++] = '\n';
    world->log[world->log_length] = '\0';
    return LAMBDA_OK;
}

static void attach(struct world *world, const char *name, const char *kind, const char *value)
{
    assert_ok(world->lambda, lambda_attachment_put(world->lambda, name, kind, lambda_bytes_make(value, strlen(value))));
}

/** A URL that anybody may use. */
static void add_url(struct world *world, const char *name, const char *id, bool stream)
{
    char text[1200];
    snprintf(text, sizeof(text), "{\"Id\":\"%s\",\"AuthType\":\"NONE\",\"InvokeMode\":\"%s\"}", id,
             stream ? "RESPONSE_STREAM" : "BUFFERED");
    attach(world, name, "url", text);
    snprintf(
        text, sizeof(text),
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"u\",\"Effect\":\"Allow\",\"Principal\":\"*\","
        "\"Action\":\"lambda:InvokeFunctionUrl\",\"Resource\":\"arn:aws:lambda:us-east-1:000000000000:function:%s\","
        "\"Condition\":{\"StringEquals\":{\"lambda:FunctionUrlAuthType\":\"NONE\"}}},{\"Sid\":\"f\",\"Effect\":"
        "\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":"
        "\"arn:aws:lambda:us-east-1:000000000000:function:%s\",\"Condition\":{\"Bool\":{"
        "\"lambda:InvokedViaFunctionUrl\":\"true\"}}}]}",
        name, name);
    attach(world, name, "policy", text);
}

static void add_function(struct world *world, const char *name, lambda_handler *handler)
{
    lambda_function_config config = {
        .function_name = name, .code = lambda_code_native(handler, world), .timeout_ms = 60000};
    assert_ok(world->lambda, lambda_function_create(world->lambda, &config));
}

void world_open(struct world *world, const lambda_http_options *options)
{
    memset(world, 0, sizeof(*world));
    pthread_mutex_init(&world->lock, NULL);
    pthread_cond_init(&world->changed, NULL);
    world->parts = 3;
    world->lambda = test_open(&(lambda_options){.metrics = true});
    add_function(world, "hello", hello);
    add_function(world, "echo", test_echo);
    add_function(world, "wait", waiting);
    add_function(world, "stream", streaming);
    add_function(world, "fail", failing);
    add_url(world, "hello", URL_HELLO, false);
    add_url(world, "echo", URL_ECHO, false);
    add_url(world, "wait", URL_WAIT, false);
    add_url(world, "stream", URL_STREAM, true);
    add_url(world, "fail", URL_FAIL, false);
    add_function(world, "private", test_echo);
    attach(world, "private", "url",
           "{\"Id\":\"" URL_PRIVATE "\",\"AuthType\":\"AWS_IAM\",\"InvokeMode\":\"BUFFERED\","
           "\"Cors\":{\"AllowOrigins\":[\"https://a.test\"],\"AllowMethods\":[\"GET\"],\"MaxAge\":5}}");
    snprintf(world->directory, sizeof(world->directory), "/tmp/lambda-http-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    snprintf(world->credentials, sizeof(world->credentials), "%s/credentials", world->directory);
    FILE *file = fopen(world->credentials, "w");
    assert_non_null(file);
    fprintf(file, "[admin]\naws_access_key_id = %s\naws_secret_access_key = %s\n", KEY, SECRET);
    fclose(file);
    chmod(world->credentials, 0600);
    assert_ok(NULL, lambda_api_open(&(lambda_api_options){.lambda = world->lambda}, &world->api));
    lambda_http_options all = options ? *options : (lambda_http_options){0};
    all.api = world->api;
    all.credentials = world->credentials;
    all.access_log = note;
    all.user = world;
    assert_ok(NULL, lambda_http_open(&all, &world->http));
    world->port = lambda_http_port(world->http);
    assert_true(world->port > 0);
}

void world_policy(struct world *world, const char *name, const char *condition)
{
    char text[1200];
    snprintf(text, sizeof(text),
             "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"s\",\"Effect\":\"Allow\",\"Principal\":\"*\","
             "\"Action\":\"lambda:Invoke*\",\"Resource\":\"*\",\"Condition\":%s}]}",
             condition);
    attach(world, name, "policy", text);
    assert_int_equal(lambda__url_index_reload(world->api, name), LAMBDA_OK);
}

void world_close(struct world *world)
{
    world_let_go(world);
    lambda_http_close(world->http, 5000);
    lambda_api_close(world->api);
    assert_int_equal(lambda_close(world->lambda), 0);
    unlink(world->credentials);
    rmdir(world->directory);
    pthread_cond_destroy(&world->changed);
    pthread_mutex_destroy(&world->lock);
}

void world_expect_url(struct world *world, const char *scheme, uint16_t port)
{
    char expected[256];
    char suffix[8] = "";
    lambda_api_answer answer = {0};
    if (port > 0) snprintf(suffix, sizeof(suffix), ":%u", (unsigned)port);
    snprintf(expected, sizeof(expected), "\"FunctionUrl\":\"%s://" URL_HELLO ".lambda-url.us-east-1.localhost%s/\"",
             scheme, suffix);
    assert_ok(NULL, lambda_api_call(world->api, "GetFunctionUrlConfig", LAMBDA_JSON("{\"FunctionName\":\"hello\"}"),
                                    &answer));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.json, expected));
    lambda_api_answer_clear(&answer);
}

void world_until_waiting(struct world *world, unsigned count)
{
    pthread_mutex_lock(&world->lock);
    while (world->waiting != count)
        pthread_cond_wait(&world->changed, &world->lock);
    pthread_mutex_unlock(&world->lock);
}

void world_let_go(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    world->open = true;
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->lock);
}

void world_until_ended(struct world *world, unsigned count)
{
    pthread_mutex_lock(&world->lock);
    while (world->ended < count)
        pthread_cond_wait(&world->changed, &world->lock);
    pthread_mutex_unlock(&world->lock);
}
