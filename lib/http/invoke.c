/* Invoke, InvokeAsync and InvokeWithResponseStream. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/async.h>

#include "json_scan.h"
#include "policy_cache.h"
#include "server.h"

/** An invocation as it was asked for. */
struct wish {
    const char *name; /* "NAME[:QUALIFIER]" */
    lambda_bytes payload;
    lambda_invoke_options options;
    lambda__url_text context; /* what the options' client context points into */
};

const char *lambda__invoke_name(const lambda__connection *connection, char name[200])
{
    const char *function = json_string_value(json_object_get(connection->input, "FunctionName"));
    const char *qualifier = json_string_value(json_object_get(connection->input, "Qualifier"));
    if (!function) return NULL;
    if (!qualifier || *qualifier == '\0') return function;
    int length = snprintf(name, 200, "%s:%s", function, qualifier);
    return length > 0 && length < 200 ? name : NULL;
}

static const char *text_of(const lambda__connection *connection, const char *name)
{
    return json_string_value(json_object_get(connection->input, name));
}

static bool is(const lambda__connection *connection, const char *name, const char *value)
{
    const char *text = text_of(connection, name);
    return text && strcmp(text, value) == 0;
}

/** Whether the caller may. False: it was answered. */
static bool may(lambda__connection *connection, const char *name)
{
    lambda_api *api = connection->http->api;
    lambda_status status = LAMBDA_OK;
    lambda__held_policy *policy = lambda__policy_hold(api, name, &status);
    if (status != LAMBDA_OK) {
        lambda__answer_status(connection, status);
        return false;
    }
    char arn[400];
    snprintf(arn, sizeof(arn), "arn:aws:lambda:%s:%s:function:%s", api->region, api->account_id,
             lambda__bare_name(name, "function"));
    bool older = connection->operation->kind == LAMBDA__KIND_INVOKE_ASYNC; /* has an action of its own */
    lambda__wish wish = {.action = older ? "lambda:InvokeAsync" : "lambda:InvokeFunction",
                         .resource = arn,
                         .caller = &connection->caller};
    char why[512] = "";
    bool allowed = lambda__caller_may(&wish, lambda__policy_document(policy), why);
    lambda__policy_let_go(policy);
    if (!allowed) lambda__answer_error(connection, 403, "AccessDeniedException", "%s", why);
    return allowed;
}

/** A payload is JSON; an empty one is {}. False: it was answered. */
static bool check_payload(lambda__connection *connection, struct wish *wish)
{
    if (wish->payload.length == 0) {
        wish->payload = LAMBDA_JSON("{}");
        return true;
    }
    char why[96];
    if (lambda__json_scan(wish->payload, why)) return true;
    lambda__answer_error(connection, 400, "InvalidRequestContentException",
                         "Could not parse request body into json: %s", why);
    return false;
}

static bool begins_object(const lambda__url_text *json)
{
    size_t at = 0;
    while (at < json->length && strchr(" \t\r\n", json->data[at]))
        at++;
    return at < json->length && json->data[at] == '{';
}

static bool take_context(lambda__connection *connection, struct wish *wish)
{
    enum { CONTEXT_MOST = 3583 };
    const char *context = text_of(connection, "ClientContext");
    if (!context) return true;
    char why[96];
    bool good = strlen(context) <= CONTEXT_MOST &&
                lambda__url_text_unbase64(&wish->context, context, strlen(context)) && !wish->context.failed;
    wish->options.client_context = lambda_bytes_make(wish->context.data, wish->context.length);
    if (!good || !lambda__json_scan(wish->options.client_context, why) || !begins_object(&wish->context)) {
        if (wish->context.failed)
            lambda__answer(connection, 500, NULL);
        else
            lambda__answer_error(connection, 400, "InvalidRequestContentException",
                                 "Client context must be a valid Base64-encoded JSON object.");
        return false;
    }
    return true;
}

/** What is not built is refused. */
static bool check_unbuilt(lambda__connection *connection)
{
    static const char *const names[] = {"TenantId", "DurableExecutionName"};
    for (size_t i = 0; i < 2; i++) {
        if (!text_of(connection, names[i])) continue;
        lambda__answer_error(connection, 400, "InvalidParameterValueException",
                             "%s is given, but the function is not configured for it.", names[i]);
        return false;
    }
    return true;
}

/** All that comes before. False: it was answered; the wish's context is to be freed all the same. */
static bool prepare(lambda__connection *connection, struct wish *wish)
{
    if (!lambda__authenticate(connection)) return false;
    wish->payload = lambda__request_body(connection);
    if (!lambda__gather_members(connection, wish->payload)) return false;
    lambda__request_id_text(connection);
    lambda__request request = lambda__request_of(connection);
    lambda__reply reply = {0};
    bool good = lambda__operation_check(connection->http->api, connection->operation, connection->input, &reply);
    if (good) wish->name = lambda__input_function(&request, &reply);
    if (!good || !wish->name) {
        lambda__answer_reply(connection, &reply);
        return false;
    }
    lambda__reply_clear(&reply);
    wish->options.trace_id = lambda__request_trace(connection);
    if (is(connection, "LogType", "Tail")) wish->options.log_type = LAMBDA_LOG_TYPE_TAIL;
    if (is(connection, "InvocationType", "DryRun")) wish->options.invocation_type = LAMBDA_DRY_RUN;
    return may(connection, wish->name) && check_unbuilt(connection) && check_payload(connection, wish) &&
           take_context(connection, wish);
}

/** A call that failed; one that was throttled says why, and when to come again. */
static void answer_failed(lambda__connection *connection, lambda_status status)
{
    const char *reason = connection->result.throttle_reason;
    if (status != LAMBDA_ERROR_TOO_MANY_REQUESTS) {
        lambda__answer_status(connection, status);
        return;
    }
    lambda__reply reply = {.status = 429, .error_type = "TooManyRequestsException"};
    json_t *json = json_pack("{s:s, s:s*, s:s, s:s}", "Type", "User", "Reason", reason, "message", "Rate Exceeded.",
                             "retryAfterSeconds", "1");
    lambda__reply_json(&reply, json);
    if (json) lambda__reply_header(&reply, "Retry-After", "1");
    lambda__answer_reply(connection, &reply);
}

/** LogResult in base64; "" where there is none. NULL when memory is out. */
static const char *log_result(const lambda_result *result, lambda__url_text *text)
{
    lambda__url_text_base64(text, result->log_result.data, result->log_result.length);
    lambda__url_text_add(text, "", 1);
    return text->failed ? NULL : text->data;
}

static struct MHD_Response *invoked(lambda__connection *connection, const struct wish *wish)
{
    lambda_result *result = &connection->result;
    struct MHD_Response *response = lambda__response_of(connection, result->payload.data, result->payload.length,
                                                        result->payload.length > 0 ? "application/json" : NULL);
    if (!response) return NULL;
    bool whole = MHD_add_response_header(response, "X-Amz-Executed-Version", result->executed_version) == MHD_YES;
    if (whole && result->function_error)
        whole = MHD_add_response_header(response, "X-Amz-Function-Error", result->function_error) == MHD_YES;
    if (whole && wish->options.log_type == LAMBDA_LOG_TYPE_TAIL && result->log_result.length > 0) {
        lambda__url_text text = {0};
        const char *log = log_result(result, &text);
        whole = log && MHD_add_response_header(response, "X-Amz-Log-Result", log) == MHD_YES;
        lambda__url_text_free(&text);
    }
    if (whole) return response;
    MHD_destroy_response(response);
    return NULL;
}

static struct MHD_Response *nothing(void)
{
    return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
}

static void invoke_later(lambda__connection *connection, const struct wish *wish, struct MHD_Response *response)
{
    lambda_async_options options = {.client_context = wish->options.client_context, .trace_id = wish->options.trace_id};
    lambda_request_id id;
    if (connection->http->access_log) snprintf(connection->log_name, sizeof(connection->log_name), "%s", wish->name);
    lambda_status status = lambda_invoke_async(connection->http->lambda, wish->name, wish->payload, &options, &id);
    if (status != LAMBDA_OK) {
        if (response) MHD_destroy_response(response);
        connection->result.throttle_reason = NULL;
        answer_failed(connection, status);
        return;
    }
    lambda_request_id_format(id, connection->request_id);
    lambda__answer(connection, 202, response);
}

static void answer_dry_run(lambda__connection *connection, const struct wish *wish)
{
    lambda_status status = lambda__roads_invoke(connection, wish->name, NULL, wish->payload, &wish->options);
    if (status == LAMBDA_OK)
        lambda__answer(connection, 204, nothing());
    else
        answer_failed(connection, status);
}

void lambda__run_invoke(lambda__connection *connection)
{
    struct wish wish = {0};
    if (!prepare(connection, &wish)) {
        lambda__url_text_free(&wish.context);
        return;
    }
    if (is(connection, "InvocationType", "Event")) {
        /* The wish's context is not needed any more when the connection goes on. */
        invoke_later(connection, &wish, nothing());
        lambda__url_text_free(&wish.context);
        return;
    }
    if (wish.options.invocation_type == LAMBDA_DRY_RUN) {
        answer_dry_run(connection, &wish);
        lambda__url_text_free(&wish.context);
        return;
    }
    lambda_status status = lambda__roads_invoke(connection, wish.name, NULL, wish.payload, &wish.options);
    lambda__url_text_free(&wish.context);
    if (status != LAMBDA_OK) {
        answer_failed(connection, status);
        return;
    }
    lambda_request_id_format(connection->result.request_id, connection->request_id);
    lambda__answer(connection, 200, invoked(connection, &wish));
}

void lambda__run_invoke_async(lambda__connection *connection)
{
    struct wish wish = {0};
    if (prepare(connection, &wish)) {
        static const char body[] = "{\"Status\":202}";
        invoke_later(connection, &wish, lambda__response_of(connection, body, sizeof(body) - 1, "application/json"));
    }
    lambda__url_text_free(&wish.context);
}

/* ---- a response in frames */

struct sink {
    lambda__connection *connection;
    lambda__flow *stream;
    bool began;
    bool counted; /* bytes, for the access log */
};

static lambda_status begin_frames(void *user, const char *content_type)
{
    struct sink *sink = user;
    /* Which version runs, of an alias with weights too, and under which id, is there since before the handler was called. */
    const lambda_result *result = &sink->connection->result;
    struct MHD_Response *response = lambda__flow_response(sink->stream);
    if (!response) return LAMBDA_ERROR_OUT_OF_MEMORY;
    lambda_request_id_format(result->request_id, sink->connection->request_id);
    if (MHD_add_response_header(response, "Content-Type", "application/vnd.amazon.eventstream") != MHD_YES ||
        MHD_add_response_header(response, "X-Amz-Executed-Version", result->executed_version) != MHD_YES ||
        MHD_add_response_header(response, "X-Amzn-Stream-Content-Type", content_type) != MHD_YES) {
        MHD_destroy_response(response);
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    lambda__flow_begin(sink->stream, 200, response);
    sink->began = true;
    return LAMBDA_OK;
}

static lambda_status write_frame(struct sink *sink, const char *type, const char *content_type, lambda_bytes payload)
{
    unsigned char head[LAMBDA__FRAME_AROUND];
    unsigned char tail[4];
    size_t length = lambda__event_stream_frame(type, content_type, payload, head, tail);
    lambda_status status = lambda__flow_write(sink->stream, head, length);
    if (status == LAMBDA_OK) status = lambda__flow_write(sink->stream, payload.data, payload.length);
    if (status == LAMBDA_OK) status = lambda__flow_write(sink->stream, tail, sizeof(tail));
    if (sink->counted) atomic_fetch_add(&sink->connection->sent, length + payload.length + sizeof(tail));
    return status;
}

static lambda_status write_frames(void *user, const void *data, size_t length)
{
    lambda_status status = LAMBDA_OK;
    for (const char *from = data; length > 0 && status == LAMBDA_OK;) {
        size_t part = length < LAMBDA__FRAME_PAYLOAD ? length : LAMBDA__FRAME_PAYLOAD;
        status = write_frame(user, "PayloadChunk", "application/octet-stream", lambda_bytes_make(from, part));
        from += part;
        length -= part;
    }
    return status;
}

/** The last frame. False: it could not be written. */
static bool write_complete(struct sink *sink, const struct wish *wish)
{
    const lambda_result *result = &sink->connection->result;
    lambda__url_text text = {0};
    bool tail = wish->options.log_type == LAMBDA_LOG_TYPE_TAIL && result->log_result.length > 0;
    const char *log = tail ? log_result(result, &text) : NULL;
    json_t *json = tail && !log ? NULL : json_object();
    bool whole = json != NULL;
    if (whole && result->function_error)
        whole =
            json_object_set_new(json, "ErrorCode", json_string(result->function_error)) == 0 &&
            json_object_set_new(json, "ErrorDetails", json_stringn(result->payload.data, result->payload.length)) == 0;
    if (whole && log) whole = json_object_set_new(json, "LogResult", json_string(log)) == 0;
    char *dump = whole ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    lambda__url_text_free(&text);
    if (!dump) return false;
    lambda_status status =
        write_frame(sink, "InvokeComplete", "application/json", lambda_bytes_make(dump, strlen(dump)));
    free(dump);
    return status == LAMBDA_OK;
}

void lambda__run_invoke_stream(lambda__connection *connection)
{
    struct wish wish = {0};
    struct sink sink = {.connection = connection, .counted = connection->http->access_log != NULL};
    bool good = prepare(connection, &wish);
    if (good && wish.options.invocation_type == LAMBDA_DRY_RUN) {
        answer_dry_run(connection, &wish);
        good = false;
    } else if (good && !(sink.stream = lambda__flow_open(connection))) {
        lambda__answer(connection, 500, NULL);
        good = false;
    }
    if (!good) {
        lambda__url_text_free(&wish.context);
        return;
    }
    lambda_response_stream stream = {.begin = begin_frames, .write = write_frames, .user = &sink};
    wish.options.stream = &stream;
    lambda_status status = lambda__roads_invoke(connection, wish.name, NULL, wish.payload, &wish.options);
    /* A function that failed before it wrote anything, too, is told of in a frame. */
    if (status == LAMBDA_OK && !sink.began) status = begin_frames(&sink, "application/octet-stream");
    bool whole = status == LAMBDA_OK && write_complete(&sink, &wish);
    lambda__url_text_free(&wish.context);
    if (!sink.began) {
        lambda__flow_end(sink.stream, true);
        answer_failed(connection, status);
        return;
    }
    lambda__request_done(connection);
    lambda__connection_release(connection);
    lambda__flow_end(sink.stream, !whole);
}
