/* The service of a data directory, in this process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/async.h>

#include "backend.h"

typedef struct local {
    tool_backend base; /* first */
    tool_home home;
} local;

static int call(tool_backend *backend, const char *operation, json_t *input, json_t **output)
{
    lambda_api_answer answer = {0};
    char *text = input ? json_dumps(input, JSON_COMPACT) : NULL;
    *output = NULL;
    json_decref(input);
    if (!text) return tool_no_memory();
    lambda_status status =
        lambda_api_call(backend->home->api, operation, lambda_bytes_make(text, strlen(text)), &answer);
    free(text);
    if (status != LAMBDA_OK) return tool_failed(NULL, status);
    json_t *json = answer.length ? json_loadb(answer.json, answer.length, 0, NULL) : json_object();
    int code = json ? TOOL_OK : tool_no_memory();
    const bool tolerated = backend->tolerated && strcmp(answer.error_type, backend->tolerated) == 0;
    if (json && tolerated) {
        json_decref(json);
        json = NULL;
    } else if (json && answer.error_type[0]) {
        const json_t *message = json_object_get(json, "Message");
        if (!message) message = json_object_get(json, "message");
        code = tool_refused(answer.error_type, json_string_value(message));
    }
    lambda_api_answer_clear(&answer);
    if (code == TOOL_OK)
        *output = json;
    else
        json_decref(json);
    return code;
}

static lambda_status write_part(void *user, const void *data, size_t length)
{
    (void)user;
    return fwrite(data, 1, length, stdout) == length && fflush(stdout) == 0 ? LAMBDA_OK : LAMBDA_ERROR_SERVICE;
}

static char *copy(lambda_bytes bytes)
{
    char *made = malloc(bytes.length + 1);
    if (!made) return NULL;
    if (bytes.length) memcpy(made, bytes.data, bytes.length);
    made[bytes.length] = '\0';
    return made;
}

static int keep(const tool_wish *wish, const lambda_result *result, tool_outcome *outcome)
{
    free(outcome->payload);
    free(outcome->log);
    outcome->payload = copy(result->payload);
    outcome->log = wish->tail ? copy(result->log_result) : NULL;
    outcome->length = result->payload.length;
    snprintf(outcome->function_error, sizeof outcome->function_error, "%s",
             result->function_error ? result->function_error : "");
    snprintf(outcome->version, sizeof outcome->version, "%s", result->executed_version);
    lambda_request_id_format(result->request_id, outcome->request_id);
    return outcome->payload && (outcome->log || !wish->tail) ? TOOL_OK : tool_no_memory();
}

static int invoke_later(lambda_t *lambda, const tool_wish *wish, tool_outcome *outcome)
{
    lambda_request_id id;
    lambda_status status = lambda_invoke_async(lambda, wish->name, wish->event,
                                               &(lambda_async_options){.qualifier = wish->qualifier}, &id);
    if (status != LAMBDA_OK) return tool_failed(lambda, status);
    lambda_request_id_format(id, outcome->request_id);
    return TOOL_OK;
}

static int invoke(tool_backend *backend, const tool_wish *wish, tool_outcome *outcome)
{
    static const lambda_response_stream STREAM = {.write = write_part};
    lambda_t *lambda = backend->home->lambda;
    lambda_result result = {0};
    const lambda_invoke_options options = {.qualifier = wish->qualifier,
                                           .stream = wish->stream ? &STREAM : NULL,
                                           .log_type = wish->tail ? LAMBDA_LOG_TYPE_TAIL : LAMBDA_LOG_TYPE_NONE};
    uint64_t begin = tool_now_ns();
    if (wish->later) return invoke_later(lambda, wish, outcome);
    lambda_status status = lambda_invoke_with(lambda, wish->name, wish->event, &options, &result);
    outcome->duration_ns = tool_now_ns() - begin;
    int code = status == LAMBDA_OK ? keep(wish, &result, outcome) : tool_failed(lambda, status);
    lambda_result_clear(&result);
    return code;
}

static void forget(tool_outcome *outcome)
{
    outcome->connection = NULL;
}

static void close_local(tool_backend *backend)
{
    local *self = (local *)backend;
    tool_home_close(&self->home);
    free(self);
}

int tool_backend_open_local(const tool_arguments *arguments, tool_backend **backend)
{
    local *made = calloc(1, sizeof *made);
    *backend = NULL;
    if (!made) return tool_no_memory();
    made->base = (tool_backend){call, invoke, forget, close_local, &made->home, NULL};
    int code = tool_home_open(arguments, &made->home);
    if (code == TOOL_OK)
        *backend = &made->base;
    else
        close_local(&made->base);
    return code;
}
