/* A server: this library's, or Lambda itself. */
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "remote.h"

typedef struct remote {
    tool_backend base; /* first */
    tool_remote where;
    char *endpoint;
    CURL *curl; /* of operations, one at a time */
} remote;

/** AWS itself sometimes puts the type's address behind it. */
static bool error_is(const tool_answer *answer, const char *type)
{
    size_t length = strcspn(answer->error_type, ":");
    return strlen(type) == length && strncmp(answer->error_type, type, length) == 0;
}

/** An error answer, as an exit code; TOOL_OK where it is none. */
static int check(const tool_answer *answer)
{
    char type[64];
    if (answer->status >= 200 && answer->status < 300 && !*answer->error_type) return TOOL_OK;
    json_t *json = answer->body ? json_loadb(answer->body, answer->length, 0, NULL) : NULL;
    const char *message = json_string_value(json_object_get(json, "Message"));
    if (!message) message = json_string_value(json_object_get(json, "message"));
    snprintf(type, sizeof type, "%.*s", (int)strcspn(answer->error_type, ":"), answer->error_type);
    if (!*type) snprintf(type, sizeof type, "HTTP status %ld", answer->status);
    int code = tool_refused(type, message ? message : answer->body);
    json_decref(json);
    return code;
}

static int split(const char *operation, const json_t *input, lambda_api_request_parts *parts)
{
    char *text = json_dumps(input, JSON_COMPACT);
    if (!text) return tool_no_memory();
    lambda_status status = lambda_api_request(operation, lambda_bytes_make(text, strlen(text)), parts);
    free(text);
    return status == LAMBDA_OK ? TOOL_OK : tool_failed(NULL, status);
}

/** Is the operation libλ's own, and the endpoint of others? They say so in several ways, AWS's own with status 403. */
static bool is_unknown(const char *operation, const tool_answer *answer)
{
    const lambda_api_operation *each;
    if (answer->status < 400 || (answer->status == 404 && error_is(answer, "ResourceNotFoundException"))) return false;
    for (size_t i = 0; (each = lambda_api_operation_at(i)) != NULL; i++)
        if (strcmp(each->name, operation) == 0) break;
    return each && each->own &&
           (answer->status == 404 || answer->status == 405 || answer->status == 501 ||
            (answer->body && strstr(answer->body, "Unable to determine service/operation name")));
}

static int no_operation(const remote *self, const char *operation)
{
    char text[800];
    snprintf(text, sizeof text,
             "%.300s has no %s, which is no operation of AWS Lambda: a server that 'lambda serve' runs has it",
             self->where.endpoint, operation);
    return tool_refused("UnknownOperationException", text);
}

static int call(tool_backend *backend, const char *operation, json_t *input, json_t **output)
{
    remote *self = (remote *)backend;
    lambda_api_request_parts parts = {0};
    tool_answer answer = {0};
    *output = NULL;
    int code = input ? split(operation, input, &parts) : tool_no_memory();
    json_decref(input);
    if (code == TOOL_OK)
        code = tool_remote_send(&self->where, self->curl, &parts, lambda_bytes_make(parts.body, parts.length), &answer);
    const bool tolerated = code == TOOL_OK && backend->tolerated && error_is(&answer, backend->tolerated);
    if (code == TOOL_OK && !tolerated)
        code = is_unknown(operation, &answer) ? no_operation(self, operation) : check(&answer);
    if (code == TOOL_OK && !tolerated) {
        *output = answer.length ? json_loadb(answer.body, answer.length, 0, NULL) : json_object();
        if (!*output)
            code = tool_refused("ServiceException", "the answer is no JSON: is the endpoint one of Lambda's API?");
    }
    tool_answer_clear(&answer);
    lambda_api_request_clear(&parts);
    return code;
}

/** What a stream's frames come to. */
static bool take_frame(void *user, const char *event, const void *payload, size_t length)
{
    tool_answer *answer = user;
    if (strcmp(event, "PayloadChunk") == 0) return fwrite(payload, 1, length, stdout) == length && fflush(stdout) == 0;
    if (strcmp(event, "InvokeComplete") != 0) return true;
    json_t *json = length ? json_loadb(payload, length, 0, NULL) : NULL;
    const char *error = json_string_value(json_object_get(json, "ErrorCode"));
    const char *details = json_string_value(json_object_get(json, "ErrorDetails"));
    const char *log = json_string_value(json_object_get(json, "LogResult"));
    if (error) {
        snprintf(answer->function_error, sizeof answer->function_error, "Unhandled");
        free(answer->body);
        answer->body = strdup(details ? details : error);
        answer->length = answer->body ? strlen(answer->body) : 0;
    }
    if (log && !answer->log) answer->log = strdup(log);
    answer->no_memory = (error && !answer->body) || (log && !answer->log);
    json_decref(json);
    return !answer->no_memory;
}

static int keep(const tool_wish *wish, tool_answer *answer, tool_outcome *outcome)
{
    size_t length;
    free(outcome->payload);
    free(outcome->log);
    outcome->payload = answer->body ? answer->body : strdup("");
    outcome->length = answer->length;
    answer->body = NULL;
    outcome->log = wish->tail ? tool_unbase64(answer->log ? answer->log : "", &length) : NULL;
    memcpy(outcome->function_error, answer->function_error, sizeof outcome->function_error);
    memcpy(outcome->version, answer->version, sizeof outcome->version);
    memcpy(outcome->request_id, answer->request_id, sizeof outcome->request_id);
    return outcome->payload ? TOOL_OK : tool_no_memory();
}

static int invoke(tool_backend *backend, const tool_wish *wish, tool_outcome *outcome)
{
    remote *self = (remote *)backend;
    lambda_api_request_parts parts = {0};
    tool_answer answer = {0};
    if (!outcome->connection) outcome->connection = curl_easy_init();
    json_t *input =
        json_pack("{s:s, s:s*, s:s, s:s*}", "FunctionName", wish->name, "Qualifier", wish->qualifier, "InvocationType",
                  wish->later ? "Event" : "RequestResponse", "LogType", wish->tail ? "Tail" : NULL);
    if (wish->stream) {
        answer.visit = take_frame;
        answer.user = &answer;
    }
    int code = input && outcome->connection ? TOOL_OK : tool_no_memory();
    if (code == TOOL_OK) code = split(wish->stream ? "InvokeWithResponseStream" : "Invoke", input, &parts);
    json_decref(input);
    uint64_t begin = tool_now_ns();
    if (code == TOOL_OK) code = tool_remote_send(&self->where, outcome->connection, &parts, wish->event, &answer);
    outcome->duration_ns = tool_now_ns() - begin;
    if (code == TOOL_OK) code = check(&answer);
    if (code == TOOL_OK) code = keep(wish, &answer, outcome);
    tool_answer_clear(&answer);
    lambda_api_request_clear(&parts);
    return code;
}

static void forget(tool_outcome *outcome)
{
    curl_easy_cleanup(outcome->connection);
    outcome->connection = NULL;
}

static void close_remote(tool_backend *backend)
{
    remote *self = (remote *)backend;
    if (self->curl) curl_easy_cleanup(self->curl);
    free(self->endpoint);
    memset(&self->where.keys, 0, sizeof self->where.keys);
    free(self);
}

/** The Host header: without the port that the scheme has anyway. False: it is no address of a server. */
static bool take_host(tool_remote *where)
{
    const char *from = strstr(where->endpoint, "://");
    if (!from || strpbrk(from + 3, "?#@ ") || strchr(from + 3, '/')) return false;
    bool secure = strncmp(where->endpoint, "https:", 6) == 0;
    if (!secure && strncmp(where->endpoint, "http:", 5) != 0) return false;
    size_t length = strlen(from + 3);
    const char *usual = secure ? ":443" : ":80";
    if (length > strlen(usual) && strcmp(from + 3 + length - strlen(usual), usual) == 0) length -= strlen(usual);
    return length > 0 &&
           (size_t)snprintf(where->host, sizeof where->host, "%.*s", (int)length, from + 3) < sizeof where->host;
}

int tool_backend_open_remote(const tool_arguments *arguments, const char *endpoint, tool_backend **backend)
{
    char why[1024];
    char directory[768];
    remote *made = calloc(1, sizeof *made);
    *backend = NULL;
    if (!made) return tool_no_memory();
    made->base = (tool_backend){call, invoke, forget, close_remote, NULL, NULL};
    made->endpoint = strdup(endpoint);
    made->curl = curl_easy_init();
    int code = made->endpoint && made->curl ? TOOL_OK : tool_no_memory();
    if (code == TOOL_OK) {
        size_t length = strlen(made->endpoint);
        while (length > 0 && made->endpoint[length - 1] == '/')
            made->endpoint[--length] = '\0';
        made->where.endpoint = made->endpoint;
        made->where.region = tool_region(arguments);
        if (!take_host(&made->where))
            code = tool_usage("the endpoint '%s' has to be http://HOST:PORT or https://HOST:PORT", endpoint);
    }
    if (code == TOOL_OK && !tool_home_directory(arguments, directory)) code = TOOL_USAGE;
    if (code == TOOL_OK && !tool_keys_find(tool_option_value(arguments, "profile"), directory, &made->where.keys, why))
        code = tool_usage("%s", why);
    if (code == TOOL_OK)
        *backend = &made->base;
    else
        close_remote(&made->base);
    return code;
}
