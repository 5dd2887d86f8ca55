/*
 * The Runtime API, 2018-06-01. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, and for streams
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
 *
 * What is not written there (which state allows what, and what the errors say) is as in AWS's Runtime Interface Emulator. A `next` while an invocation runs brings the same invocation again, as there: so
 * a runtime whose connection broke gets what it lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint_parts.h"

static const char *const state_names[] = {
    [LAMBDA__RUNTIME_STARTED] = "Started",
    [LAMBDA__RUNTIME_INIT_ERROR] = "InitError",
    [LAMBDA__RUNTIME_READY] = "Ready",
    [LAMBDA__RUNTIME_RUNNING] = "Running",
    [LAMBDA__RUNTIME_RESPONSE] = "InvocationResponse",
    [LAMBDA__RUNTIME_ERROR_RESPONSE] = "InvocationErrorResponse",
    [LAMBDA__RUNTIME_ANSWERED] = "RuntimeResponseSentState",
};

static void refuse_transition(lambda__request *request, lambda__runtime_state to)
{
    lambda__request_refuse(request, MHD_HTTP_FORBIDDEN, "InvalidStateTransition",
                           "State transition from %s to %s failed for runtime. Error: State transition is not allowed",
                           state_names[request->endpoint->state], state_names[to]);
}

/* ---- next */

/** A header, if there is anything in it; what would end it or is not text becomes a space, as in JSON may stand between any two values. */
static bool add_header(struct MHD_Response *event, const char *name, const void *data, size_t length)
{
    if (length == 0) return true;
    char small[1024];
    char *value = length < sizeof(small) ? small : malloc(length + 1);
    if (!value) return false;
    memcpy(value, data, length);
    value[length] = '\0';
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)value[i] < ' ') value[i] = ' ';
    bool added = MHD_add_response_header(event, name, value) == MHD_YES;
    if (value != small) free(value);
    return added;
}

static bool add_text(struct MHD_Response *event, const char *name, const char *text)
{
    return add_header(event, name, text, strlen(text));
}

struct MHD_Response *lambda__runtime_event(const lambda__endpoint_invocation *invocation)
{
    /* Not copied: it stays until the response, and whoever reads it longer is cut off. */
    struct MHD_Response *event = MHD_create_response_from_buffer(
        invocation->payload.length, (void *)invocation->payload.data, MHD_RESPMEM_PERSISTENT);
    if (!event) return NULL;
    char deadline[24];
    snprintf(deadline, sizeof(deadline), "%llu", (unsigned long long)invocation->deadline_ms);
    if (add_text(event, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json") &&
        add_text(event, "Lambda-Runtime-Aws-Request-Id", invocation->request_id) &&
        add_text(event, "Lambda-Runtime-Deadline-Ms", deadline) &&
        add_text(event, "Lambda-Runtime-Invoked-Function-Arn", invocation->invoked_function_arn) &&
        add_text(event, "Lambda-Runtime-Trace-Id", invocation->trace_id) &&
        add_header(event, "Lambda-Runtime-Client-Context", invocation->client_context.data,
                   invocation->client_context.length) &&
        add_header(event, "Lambda-Runtime-Cognito-Identity", invocation->cognito_identity.data,
                   invocation->cognito_identity.length))
        return event;
    MHD_destroy_response(event);
    return NULL;
}

void lambda__runtime_release(lambda__endpoint *endpoint)
{
    lambda__request *delivering = endpoint->delivering;
    endpoint->delivering = NULL;
    if (endpoint->event) MHD_destroy_response(endpoint->event);
    endpoint->event = NULL;
    if (!delivering) return;
    /* It still reads the payload, which is about to go. Once its socket is shut down no byte of it is looked at. */
    lambda__request_cut(delivering);
    lambda__endpoint_run(endpoint);
}

/** The runtime is ready, at the end of its init or of an invocation. */
static void become_ready(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    endpoint->state = LAMBDA__RUNTIME_READY;
    endpoint->waiting = request;
    endpoint->registration_closed = true;
    endpoint->options.events->runtime_ready(endpoint->options.user);
    lambda__endpoint_check_phase(endpoint);
}

/** Another `next` in the place of one that waits. */
static void wait_again(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    lambda__request *former = endpoint->waiting;
    if (former && !lambda__request_gone(former)) {
        refuse_transition(request, LAMBDA__RUNTIME_READY);
        return;
    }
    /* The former is refused when it is looked at, and that nobody hears. */
    endpoint->waiting = request;
}

static void next_end(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    if (endpoint->waiting != request) {
        switch (endpoint->state) {
        case LAMBDA__RUNTIME_STARTED:
        case LAMBDA__RUNTIME_ANSWERED:
            become_ready(request);
            break;
        case LAMBDA__RUNTIME_READY:
            wait_again(request);
            break;
        case LAMBDA__RUNTIME_RUNNING:
            if (endpoint->delivering) lambda__request_cut(endpoint->delivering);
            endpoint->waiting = request;
            break;
        default:
            refuse_transition(request, LAMBDA__RUNTIME_READY);
            break;
        }
    }
    if (request->answer || request->failed || !endpoint->event) return;
    endpoint->waiting = NULL;
    endpoint->delivering = request;
    endpoint->state = LAMBDA__RUNTIME_RUNNING;
    lambda__request_answer(request, MHD_HTTP_OK, endpoint->event, false);
}

static void next_over(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    if (endpoint->waiting == request) endpoint->waiting = NULL;
    if (endpoint->delivering == request) endpoint->delivering = NULL;
}

/* ---- response and error */

/** True if it is the answer to the invocation, which runs. */
static bool begin_answer(lambda__request *request, lambda__runtime_state to)
{
    lambda__endpoint *endpoint = request->endpoint;
    size_t length = strlen(endpoint->request_id);
    if (length == 0 || request->id_length != length || memcmp(request->id, endpoint->request_id, length) != 0) {
        lambda__request_refuse(request, MHD_HTTP_BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        return false;
    }
    if (endpoint->state != LAMBDA__RUNTIME_RUNNING) {
        refuse_transition(request, to);
        return false;
    }
    endpoint->state = to;
    endpoint->answering = request;
    endpoint->received = 0;
    return true;
}

/** The answer has ended. */
static void end_answer(lambda__endpoint *endpoint)
{
    lambda__endpoint_answer_over(endpoint);
    endpoint->state = LAMBDA__RUNTIME_ANSWERED;
    lambda__runtime_release(endpoint);
}

/** False if the invocation was over before its answer was: then the request is refused. */
static bool still_answering(lambda__request *request)
{
    if (request->endpoint->answering == request) return true;
    lambda__request_refuse(request, MHD_HTTP_BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
    return false;
}

static void tell_response_end(lambda__endpoint *endpoint, bool complete, const char *type, lambda_bytes body)
{
    endpoint->options.events->response_end(endpoint->options.user, complete, type, body);
}

/** The header Content-Type, where it can stand in one; else what nothing is known of. */
static const char *content_type(lambda__request *request)
{
    static const char unknown[] = "application/octet-stream";
    const char *type = lambda__request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
    size_t length = type ? strlen(type) : 0;
    if (length == 0 || length > 255) return unknown;
    for (size_t i = 0; i < length; i++)
        if (type[i] < ' ' || type[i] > '~') return unknown;
    return type;
}

static void response_begin(lambda__request *request)
{
    if (!begin_answer(request, LAMBDA__RUNTIME_RESPONSE)) return;
    lambda__endpoint *endpoint = request->endpoint;
    const lambda__endpoint_events *events = endpoint->options.events;
    const char *mode = lambda__request_header(request, "Lambda-Runtime-Function-Response-Mode");
    endpoint->streamed = mode && strcmp(mode, "streaming") == 0;
    if (mode && *mode && !endpoint->streamed) {
        lambda__request_refuse(request, MHD_HTTP_BAD_REQUEST, "InvalidFunctionResponseMode",
                               "Invalid function response mode");
        end_answer(endpoint);
        events->error(endpoint->options.user, "Runtime.InvalidResponseModeHeader", lambda_bytes_make(NULL, 0), "");
        return;
    }
    events->response_begin(endpoint->options.user, endpoint->streamed, content_type(request));
}

/** What comes of the answer is not taken. */
static void refuse_response(lambda__request *request, lambda_status status, size_t most)
{
    lambda__endpoint *endpoint = request->endpoint;
    bool large = status == LAMBDA_ERROR_REQUEST_TOO_LARGE;
    if (large)
        lambda__request_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "RequestEntityTooLarge",
                               "Exceeded maximum allowed payload size (%zu bytes).", most);
    else
        lambda__request_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "InternalServerError", "Internal Server Error");
    end_answer(endpoint);
    tell_response_end(endpoint, false, large ? "Function.ResponseSizeTooLarge" : NULL, lambda_bytes_make(NULL, 0));
}

static void response_body(lambda__request *request, const char *data, size_t length)
{
    lambda__endpoint *endpoint = request->endpoint;
    if (!still_answering(request)) return;
    size_t limit = endpoint->options.response_limit;
    if (!endpoint->streamed && length > limit - endpoint->received) {
        refuse_response(request, LAMBDA_ERROR_REQUEST_TOO_LARGE, limit);
        return;
    }
    endpoint->received += length;
    lambda_status status = endpoint->options.events->response_data(endpoint->options.user, data, length);
    if (status == LAMBDA_OK || endpoint->answering != request) return;
    refuse_response(request, status, endpoint->streamed ? endpoint->received : limit);
}

/** Base64 in place; what is none ends it. The length. */
static size_t decode(char *text)
{
    size_t length = 0;
    unsigned bits = 0;
    unsigned count = 0;
    for (const char *at = text; *at; at++) {
        unsigned value;
        if (*at >= 'A' && *at <= 'Z')
            value = (unsigned)(*at - 'A');
        else if (*at >= 'a' && *at <= 'z')
            value = (unsigned)(*at - 'a') + 26;
        else if (*at >= '0' && *at <= '9')
            value = (unsigned)(*at - '0') + 52;
        else if (*at == '+' || *at == '-')
            value = 62;
        else if (*at == '/' || *at == '_')
            value = 63;
        else
            break;
        bits = (bits << 6 | value) & 0xffff;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        text[length++] = (char)(bits >> count & 0xff);
    }
    return length;
}

static void response_end(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    if (!still_answering(request)) return;
    const char *type = NULL;
    const char *encoded = NULL;
    if (endpoint->streamed) {
        type = lambda__request_trailer(request, "Lambda-Runtime-Function-Error-Type");
        encoded = lambda__request_trailer(request, "Lambda-Runtime-Function-Error-Body");
    }
    char *body = encoded ? strdup(encoded) : NULL;
    size_t length = body ? decode(body) : 0;
    end_answer(endpoint);
    lambda__request_accept(request);
    if (encoded && !type) type = "";
    tell_response_end(endpoint, true, type, lambda_bytes_make(body, length));
    free(body);
}

static void response_over(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    if (endpoint->answering != request) return;
    end_answer(endpoint);
    tell_response_end(endpoint, false, NULL, lambda_bytes_make(NULL, 0));
}

static const char *header_or_empty(lambda__request *request, const char *name)
{
    const char *value = lambda__request_header(request, name);
    return value ? value : "";
}

static const char *error_type(lambda__request *request)
{
    return header_or_empty(request, "Lambda-Runtime-Function-Error-Type");
}

/** An error was read, as far as it came. */
static void tell_error(lambda__request *request, bool whole)
{
    lambda__endpoint *endpoint = request->endpoint;
    end_answer(endpoint);
    endpoint->options.events->error(endpoint->options.user, error_type(request),
                                    lambda_bytes_make(request->body, whole ? request->length : 0),
                                    header_or_empty(request, "Lambda-Runtime-Function-XRay-Error-Cause"));
}

static void error_begin(lambda__request *request)
{
    begin_answer(request, LAMBDA__RUNTIME_ERROR_RESPONSE);
}

static void error_body(lambda__request *request, const char *data, size_t length)
{
    if (!still_answering(request)) return;
    if (!lambda__request_gather(request, data, length, request->endpoint->options.response_limit))
        tell_error(request, false);
}

static void error_end(lambda__request *request)
{
    if (!still_answering(request)) return;
    lambda__request_accept(request);
    tell_error(request, true);
}

static void error_over(lambda__request *request)
{
    if (request->endpoint->answering == request) tell_error(request, false);
}

/* ---- init error */

static void init_error_begin(lambda__request *request)
{
    if (request->endpoint->state != LAMBDA__RUNTIME_STARTED) refuse_transition(request, LAMBDA__RUNTIME_INIT_ERROR);
}

static void init_error_body(lambda__request *request, const char *data, size_t length)
{
    lambda__request_gather(request, data, length, request->endpoint->options.response_limit);
}

static void init_error_end(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    /* Its body took time. */
    init_error_begin(request);
    if (request->answer || request->failed) return;
    endpoint->state = LAMBDA__RUNTIME_INIT_ERROR;
    lambda__request_accept(request);
    endpoint->options.events->init_error(endpoint->options.user, error_type(request),
                                         lambda_bytes_make(request->body, request->length));
}

const lambda__route lambda__runtime_routes[] = {
    {.method = "GET", .path = "/2018-06-01/runtime/invocation/next", .end = next_end, .over = next_over},
    {.method = "POST",
     .path = "/2018-06-01/runtime/invocation/",
     .tail = "/response",
     .begin = response_begin,
     .body = response_body,
     .end = response_end,
     .over = response_over},
    {.method = "POST",
     .path = "/2018-06-01/runtime/invocation/",
     .tail = "/error",
     .begin = error_begin,
     .body = error_body,
     .end = error_end,
     .over = error_over},
    {.method = "POST",
     .path = "/2018-06-01/runtime/init/error",
     .begin = init_error_begin,
     .body = init_error_body,
     .end = init_error_end},
    {0},
};
