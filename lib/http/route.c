/* What a request is for, how long its body may be, and which kind of thread runs it. */
#include <stdio.h>
#include <string.h>

#include "location.h"
#include "server.h"

/** Of what has no limit of its own, as Lambda has it: a zip of 50 MiB in base64, and room for the rest. */
#define BODY_MOST 70167211
/** Of payloads: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
#define PAYLOAD_MOST       6291456
#define ASYNC_PAYLOAD_MOST 1048576

/** Server's own pages. True: it is one. */
static bool route_page(lambda__connection *connection)
{
    bool reads = strcmp(connection->method, "GET") == 0 || strcmp(connection->method, "HEAD") == 0;
    if (!reads) return false;
    if (strcmp(connection->path, "/healthz") == 0)
        connection->runner = lambda__run_health;
    else if (strcmp(connection->path, "/metrics") == 0)
        connection->runner = lambda__run_metrics;
    else if (strncmp(connection->path, LAMBDA__LOCATION_PATH, strlen(LAMBDA__LOCATION_PATH)) == 0)
        connection->runner = lambda__run_package;
    else
        return false;
    /* A signature covers the body, which these have none of. */
    connection->body_most = 0;
    return true;
}

static lambda__runner *runner_of(lambda__kind kind)
{
    switch (kind) {
    case LAMBDA__KIND_INVOKE:
        return lambda__run_invoke;
    case LAMBDA__KIND_INVOKE_STREAM:
        return lambda__run_invoke_stream;
    case LAMBDA__KIND_INVOKE_ASYNC:
        return lambda__run_invoke_async;
    case LAMBDA__KIND_JSON:
        break;
    }
    return lambda__run_operation;
}

static size_t body_most(const lambda__connection *connection)
{
    const lambda__operation *operation = connection->operation;
    const char *type = NULL;
    switch (operation->kind) {
    case LAMBDA__KIND_INVOKE:
        type = lambda__connection_header(connection, "X-Amz-Invocation-Type");
        return type && strcmp(type, "Event") == 0 ? ASYNC_PAYLOAD_MOST : PAYLOAD_MOST;
    case LAMBDA__KIND_INVOKE_STREAM:
        return PAYLOAD_MOST;
    case LAMBDA__KIND_INVOKE_ASYNC:
        return ASYNC_PAYLOAD_MOST;
    case LAMBDA__KIND_JSON:
        break;
    }
    return BODY_MOST;
}

static void route_operation(lambda__connection *connection)
{
    connection->input = json_object();
    if (!connection->input) {
        lambda__answer(connection, 500, NULL);
        return;
    }
    bool known = false;
    connection->operation =
        lambda__operation_find(connection->method, connection->path, connection->query, connection->input, &known);
    if (!connection->operation) {
        lambda__answer_refused(connection, 404, "UnknownOperationException",
                               known ? "The path has no operation of this method." : "There is no such operation.");
        return;
    }
    connection->runner = runner_of(connection->operation->kind);
    connection->body_most = body_most(connection);
    lambda_status status = lambda__gather_query(connection->operation->members, connection->query, connection->input);
    if (status == LAMBDA_ERROR_INVALID_REQUEST_CONTENT)
        lambda__answer_refused(connection, 400, "SerializationException", "The query string cannot be decoded.");
    else if (status != LAMBDA_OK)
        lambda__answer(connection, 500, NULL);
    /* Without a signature there is nothing to be had: the body is not even kept. */
    connection->ignored =
        !lambda__connection_header(connection, "Authorization") && !strstr(connection->query, "X-Amz-Signature=");
}

void lambda__route(lambda__connection *connection)
{
    lambda_http *http = connection->http;
    connection->body_most = PAYLOAD_MOST;
    if (connection->no_memory) {
        lambda__answer(connection, 500, NULL);
    } else if (!lambda__request_read(connection)) {
        return;
    } else if (atomic_load_explicit(&http->closing, memory_order_acquire)) {
        connection->last = true;
        lambda__answer_refused(connection, 503, "ServiceUnavailableException", "The server is closing.");
    } else if (http->rate && !lambda__rate_allows(http->rate, &connection->address,
                                                  atomic_load_explicit(&http->now_ms, memory_order_relaxed))) {
        lambda__answer_refused(connection, 429, "TooManyRequestsException", "Rate exceeded");
    } else {
        switch (lambda__url_find(http->api, lambda__connection_header(connection, "Host"), connection->path,
                                 &connection->match)) {
        case LAMBDA__URL_FOUND:
        case LAMBDA__URL_UNKNOWN:
            connection->runner = lambda__run_url;
            break;
        case LAMBDA__URL_NOT:
            if (!route_page(connection)) route_operation(connection);
            break;
        }
    }
}

/** Can the event thread run it, and nobody on it has to wait? */
static bool quick(const lambda__connection *connection)
{
    if (connection->body_length > LAMBDA__SMALL_BODY) return false;
    if (connection->runner == lambda__run_health) return true;
    lambda_http *http = connection->http;
    const char *name = NULL;
    char text[200];
    if (connection->runner == lambda__run_url) {
        const lambda__url *url = connection->match.url;
        if (!url) return true;
        if (url->stream) return false;
        name = url->name;
    } else if (connection->runner == lambda__run_invoke) {
        const char *type = lambda__connection_header(connection, "X-Amz-Invocation-Type");
        if (!type || strcmp(type, "RequestResponse") == 0) name = lambda__invoke_name(connection, text);
    }
    if (!name) return false;
    lambda__road *road = lambda__roads_find(&http->roads, name);
    return road && lambda__road_quick(road, atomic_load_explicit(&http->now_ms, memory_order_relaxed));
}

/** The operation as messages about sizes name it. */
static const char *sized_name(const lambda__operation *operation)
{
    if (operation->kind == LAMBDA__KIND_INVOKE) return "InvokeFunction";
    return operation->shown.name;
}

static void answer_too_large(lambda__connection *connection)
{
    const lambda__operation *operation = connection->operation;
    if (connection->match.url) {
        lambda__answer_refused(connection, 413, "RequestEntityTooLargeException",
                               "Request must be smaller than 6291456 bytes for the InvokeFunction operation");
    } else if (operation) {
        const char *type =
            operation->kind == LAMBDA__KIND_JSON ? "RequestEntityTooLargeException" : "RequestTooLargeException";
        lambda__answer_error(connection, 413, type, "Request must be smaller than %zu bytes for the %s operation",
                             connection->body_most, sized_name(operation));
    } else {
        lambda__answer_refused(connection, 413, "RequestEntityTooLargeException", "The request has too large a body.");
    }
}

bool lambda__route_run(lambda__connection *connection)
{
    if (connection->phase == LAMBDA__PHASE_ANSWERED) return true;
    if (connection->too_large) {
        answer_too_large(connection);
    } else if (connection->no_room) {
        lambda__answer_refused(connection, 503, "ServiceUnavailableException",
                               "Too many large requests are under way.");
    } else if (connection->no_memory) {
        lambda__answer(connection, 500, NULL);
    } else if (quick(connection)) {
        connection->runner(connection);
    } else {
        lambda__workers_give(connection->http, connection);
        return false;
    }
    return true;
}
