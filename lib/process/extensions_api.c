/*
 * The Extensions API, 2020-01-01, and the door to the Telemetry API. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 *
 * An external extension is a program that was announced by lambda__endpoint_expect_extension; whoever else registers is an internal one, of the runtime's own process: it may ask for INVOKE alone, and
 * only until the runtime has asked for its first `next`. What the errors say is as in AWS's Runtime Interface Emulator.
 */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "endpoint_parts.h"

enum { INVOKE = 1, SHUTDOWN = 2 };

static const char *const state_names[] = {
    [LAMBDA__EXTENSION_EXPECTED] = "Started",     [LAMBDA__EXTENSION_REGISTERED] = "Registered",
    [LAMBDA__EXTENSION_READY] = "Ready",          [LAMBDA__EXTENSION_RUNNING] = "Running",
    [LAMBDA__EXTENSION_INIT_ERROR] = "InitError", [LAMBDA__EXTENSION_EXIT_ERROR] = "ExitError",
};

static const char identifier_header[] = "Lambda-Extension-Identifier";

static void refuse(lambda__request *request, const char *type, const char *message)
{
    lambda__request_refuse(request, MHD_HTTP_FORBIDDEN, type, "%s", message);
}

static void refuse_transition(lambda__request *request, const char *to, const char *who)
{
    lambda__request_refuse(
        request, MHD_HTTP_FORBIDDEN, "Extension.InvalidExtensionState",
        "State transition from %s to %s failed for extension %s. Error: State transition is not allowed",
        state_names[request->extension->state], to, who);
}

static bool make_uuid(char uuid[LAMBDA__UUID_LENGTH + 1])
{
    unsigned char bytes[16];
    ssize_t got;
    do {
        got = getrandom(bytes, sizeof(bytes), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(bytes)) return false;
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    char *at = uuid;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        at += snprintf(at, 3, "%02x", bytes[i]);
    }
    return true;
}

static bool is_uuid(const char *text)
{
    for (int i = 0; i < LAMBDA__UUID_LENGTH; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) return false;
    }
    return text[LAMBDA__UUID_LENGTH] == '\0';
}

lambda__extension *lambda__extensions_find(lambda__endpoint *endpoint, const char *name)
{
    for (size_t i = 0; i < endpoint->extensions_count; i++)
        if (strcmp(endpoint->extensions[i].name, name) == 0) return &endpoint->extensions[i];
    return NULL;
}

/** `begin` of all that know their extension by its header. */
static void identify(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    const char *id = lambda__request_header(request, identifier_header);
    if (!id || !*id) {
        refuse(request, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header");
        return;
    }
    if (!is_uuid(id)) {
        refuse(request, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier");
        return;
    }
    for (size_t i = 0; i < endpoint->extensions_count; i++)
        if (strcasecmp(endpoint->extensions[i].id, id) == 0) request->extension = &endpoint->extensions[i];
    if (!request->extension)
        lambda__request_refuse(request, MHD_HTTP_FORBIDDEN, "Extension.UnknownExtensionIdentifier",
                               "Unknown extension %s", id);
}

/* ---- register */

/** True if the list of features has that one. */
static bool has_feature(const char *list, const char *feature)
{
    size_t length = strlen(feature);
    while (list) {
        list += strspn(list, " \t");
        size_t end = strcspn(list, ",");
        size_t used = end;
        while (used > 0 && (list[used - 1] == ' ' || list[used - 1] == '\t'))
            used--;
        if (used == length && strncmp(list, feature, length) == 0) return true;
        list = list[end] == ',' ? list + end + 1 : NULL;
    }
    return false;
}

/** Bits of the events that the body names; false: it was refused. */
static bool read_events(lambda__request *request, bool external, unsigned *events)
{
    json_error_t error;
    json_t *body = json_loadb(request->body ? request->body : "", request->length, 0, &error);
    json_t *list = json_object_get(body, "events");
    bool wrong = !json_is_object(body) || (list && !json_is_array(list) && !json_is_null(list));
    if (wrong) {
        if (body)
            refuse(request, "InvalidRequestFormat", "The body is no object with an array of events");
        else
            lambda__request_refuse(request, MHD_HTTP_FORBIDDEN, "InvalidRequestFormat", "line %d: %s", error.line,
                                   error.text);
        json_decref(body);
        return false;
    }
    if (json_array_size(json_object_get(body, "configurationKeys")) > 0)
        refuse(request, "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead");
    *events = 0;
    for (size_t i = 0; i < json_array_size(list) && !request->answer && !request->failed; i++) {
        const char *event = json_string_value(json_array_get(list, i));
        if (event && strcmp(event, "INVOKE") == 0)
            *events |= INVOKE;
        else if (event && strcmp(event, "SHUTDOWN") == 0 && external)
            *events |= SHUTDOWN;
        else if (event && strcmp(event, "SHUTDOWN") == 0)
            refuse(request, "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension");
        else if (event)
            lambda__request_refuse(request, MHD_HTTP_FORBIDDEN, "Extension.InvalidEventType",
                                   "%.100s: ErrorInvalidEventType", event);
        else
            refuse(request, "InvalidRequestFormat", "An event is no string");
    }
    json_decref(body);
    return !request->answer && !request->failed;
}

/** A new internal extension, or NULL: it was refused. */
static lambda__extension *new_internal(lambda__request *request, const char *name)
{
    lambda__endpoint *endpoint = request->endpoint;
    if (endpoint->registration_closed) {
        refuse(request, "Extension.RegistrationClosed", "Extension registration closed already");
        return NULL;
    }
    if (endpoint->extensions_count == LAMBDA__EXTENSIONS_MAX) {
        lambda__request_refuse(request, MHD_HTTP_FORBIDDEN, "Extension.TooManyExtensions",
                               "Extension limit (%d) reached", LAMBDA__EXTENSIONS_MAX);
        return NULL;
    }
    lambda__extension *extension = &endpoint->extensions[endpoint->extensions_count++];
    *extension = (lambda__extension){.state = LAMBDA__EXTENSION_EXPECTED};
    memcpy(extension->name, name, strlen(name) + 1);
    return extension;
}

/** 200 with what an extension is told, or a closed connection when memory is out. */
static void answer_register(lambda__request *request, const char *id)
{
    const lambda__endpoint_options *options = &request->endpoint->options;
    bool account = has_feature(lambda__request_header(request, "Lambda-Extension-Accept-Feature"), "accountId");
    json_t *answer = json_object();
    if (account) json_object_set_new(answer, "accountId", json_string(options->account_id));
    json_object_set_new(answer, "functionName", json_string(options->function_name));
    json_object_set_new(answer, "functionVersion", json_string(options->function_version));
    json_object_set_new(answer, "handler", json_string(options->handler));
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    struct MHD_Response *response = text ? lambda__json_answer(text, strlen(text)) : NULL;
    free(text);
    if (response && MHD_add_response_header(response, identifier_header, id) != MHD_YES) {
        MHD_destroy_response(response);
        response = NULL;
    }
    lambda__request_answer(request, MHD_HTTP_OK, response, true);
}

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    if (length > LAMBDA__EXTENSION_NAME_MAX) return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '/') return false;
    return true;
}

static void register_begin(lambda__request *request)
{
    const char *name = lambda__request_header(request, "Lambda-Extension-Name");
    if (!name || !*name)
        refuse(request, "Extension.InvalidExtensionName", "Empty extension name");
    else if (!is_name(name))
        refuse(request, "Extension.InvalidExtensionName", "Invalid extension name");
}

static void register_end(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    const char *name = lambda__request_header(request, "Lambda-Extension-Name");
    lambda__extension *extension = lambda__extensions_find(endpoint, name);
    unsigned events;
    if (!read_events(request, extension && extension->external, &events)) return;
    char id[LAMBDA__UUID_LENGTH + 1];
    if (!make_uuid(id)) {
        lambda__request_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "InternalServerError", "Internal Server Error");
        return;
    }
    bool added = !extension;
    if (added) extension = new_internal(request, name);
    if (!extension) return;
    request->extension = extension;
    if (extension->state != LAMBDA__EXTENSION_EXPECTED) {
        if (extension->external)
            refuse_transition(request, "Registered", name);
        else
            refuse(request, "Extension.InvalidExtensionState", "Extension with this name already registered");
        return;
    }
    answer_register(request, id);
    if (request->failed) {
        /* It does not know its identifier, and may try again. */
        if (added) endpoint->extensions_count--;
        return;
    }
    memcpy(extension->id, id, sizeof(id));
    extension->state = LAMBDA__EXTENSION_REGISTERED;
    extension->events = events;
    endpoint->options.events->extension_registered(endpoint->options.user, name, events);
}

/* ---- events */

char *lambda__extensions_invoke_event(const lambda__endpoint_invocation *invocation)
{
    json_t *event =
        json_pack("{s:s, s:I, s:s, s:s}", "eventType", "INVOKE", "deadlineMs", (json_int_t)invocation->deadline_ms,
                  "requestId", invocation->request_id, "invokedFunctionArn", invocation->invoked_function_arn);
    if (event && *invocation->trace_id)
        json_object_set_new(event, "tracing",
                            json_pack("{s:s, s:s}", "type", "X-Amzn-Trace-Id", "value", invocation->trace_id));
    char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
    json_decref(event);
    return text;
}

char *lambda__extensions_shutdown_event(const char *reason, uint64_t deadline_ms)
{
    json_t *event = json_pack("{s:s, s:I, s:s}", "eventType", "SHUTDOWN", "deadlineMs", (json_int_t)deadline_ms,
                              "shutdownReason", reason);
    char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
    json_decref(event);
    return text;
}

size_t lambda__extensions_give(lambda__endpoint *endpoint, unsigned event)
{
    size_t wanted = 0;
    for (size_t i = 0; i < endpoint->extensions_count; i++) {
        lambda__extension *extension = &endpoint->extensions[i];
        if (!(extension->events & event) || extension->state >= LAMBDA__EXTENSION_INIT_ERROR) continue;
        extension->pending |= event;
        if (extension->waiting) lambda__request_wake(extension->waiting);
        wanted++;
    }
    return wanted;
}

bool lambda__extensions_ready(const lambda__endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->extensions_count; i++) {
        const lambda__extension *extension = &endpoint->extensions[i];
        if (extension->state < LAMBDA__EXTENSION_READY || extension->state == LAMBDA__EXTENSION_RUNNING) return false;
        if (extension->pending & INVOKE) return false;
    }
    return true;
}

/** Hands the extension what is pending, the invocation first. */
static void give(lambda__request *request, lambda__extension *extension)
{
    bool invoke = extension->pending & INVOKE;
    const char *text = invoke ? request->endpoint->invoke_event : request->endpoint->shutdown_event;
    extension->pending &= invoke ? ~(unsigned)INVOKE : ~(unsigned)SHUTDOWN;
    extension->waiting = NULL;
    extension->state = LAMBDA__EXTENSION_RUNNING;
    char id[LAMBDA__UUID_LENGTH + 1];
    struct MHD_Response *answer = make_uuid(id) ? lambda__json_answer(text, strlen(text)) : NULL;
    if (answer && MHD_add_response_header(answer, "Lambda-Extension-Event-Identifier", id) != MHD_YES) {
        MHD_destroy_response(answer);
        answer = NULL;
    }
    lambda__request_answer(request, MHD_HTTP_OK, answer, true);
}

static void event_next_end(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    lambda__extension *extension = request->extension;
    if (extension->waiting != request) {
        lambda__request *former = extension->waiting;
        bool again = extension->state == LAMBDA__EXTENSION_READY && (!former || lambda__request_gone(former));
        if (!again && extension->state != LAMBDA__EXTENSION_REGISTERED &&
            extension->state != LAMBDA__EXTENSION_RUNNING) {
            refuse_transition(request, "Ready", extension->id);
            return;
        }
        extension->waiting = request;
        extension->state = LAMBDA__EXTENSION_READY;
        if (former) {
            lambda__request_wake(former);
            lambda__endpoint_run(endpoint);
        }
        lambda__endpoint_check_phase(endpoint);
    }
    if (extension->pending) give(request, extension);
}

static void event_next_over(lambda__request *request)
{
    if (request->extension && request->extension->waiting == request) request->extension->waiting = NULL;
}

/* ---- errors of extensions */

static void fail(lambda__request *request, bool exit)
{
    lambda__endpoint *endpoint = request->endpoint;
    lambda__extension *extension = request->extension;
    const char *type = lambda__request_header(request, "Lambda-Extension-Function-Error-Type");
    if (!type || !*type) {
        refuse(request, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found");
        return;
    }
    bool repeated = extension->state == (exit ? LAMBDA__EXTENSION_EXIT_ERROR : LAMBDA__EXTENSION_INIT_ERROR);
    bool allowed =
        extension->state == LAMBDA__EXTENSION_REGISTERED ||
        (exit && (extension->state == LAMBDA__EXTENSION_READY || extension->state == LAMBDA__EXTENSION_RUNNING));
    if (!repeated && !allowed) {
        refuse_transition(request, exit ? "Exited" : "InitError", extension->id);
        return;
    }
    lambda__request_accept(request);
    if (repeated) return;
    extension->state = exit ? LAMBDA__EXTENSION_EXIT_ERROR : LAMBDA__EXTENSION_INIT_ERROR;
    endpoint->options.events->extension_error(endpoint->options.user, extension->name, type,
                                              lambda_bytes_make(request->body, request->length));
    lambda__endpoint_check_phase(endpoint);
}

static void init_error_end(lambda__request *request)
{
    fail(request, false);
}

static void exit_error_end(lambda__request *request)
{
    fail(request, true);
}

/* ---- telemetry */

static void telemetry_end(lambda__request *request)
{
    lambda__endpoint *endpoint = request->endpoint;
    if (!endpoint->options.telemetry) {
        lambda__request_refuse(request, MHD_HTTP_NOT_IMPLEMENTED, "Telemetry.NotSupported",
                               "Telemetry API is not supported");
        return;
    }
    char answer[512];
    answer[0] = '\0';
    int status = lambda__telemetry_subscribe(endpoint->options.telemetry, request->extension->name,
                                             lambda_bytes_make(request->body, request->length), endpoint->init, answer);
    size_t length = strnlen(answer, sizeof(answer));
    lambda__request_answer(request, (unsigned)status, lambda__json_answer(answer, length), true);
}

const lambda__route lambda__extension_routes[] = {
    {.method = "POST",
     .path = "/2020-01-01/extension/register",
     .begin = register_begin,
     .body = lambda__request_gather_small,
     .end = register_end},
    {.method = "GET",
     .path = "/2020-01-01/extension/event/next",
     .begin = identify,
     .end = event_next_end,
     .over = event_next_over,
     .suspends = true},
    {.method = "POST",
     .path = "/2020-01-01/extension/init/error",
     .begin = identify,
     .body = lambda__request_gather_small,
     .end = init_error_end},
    {.method = "POST",
     .path = "/2020-01-01/extension/exit/error",
     .begin = identify,
     .body = lambda__request_gather_small,
     .end = exit_error_end},
    {.method = "PUT",
     .path = "/2022-07-01/telemetry",
     .begin = identify,
     .body = lambda__request_gather_small,
     .end = telemetry_end},
    {.method = "PUT",
     .path = "/2020-08-15/logs",
     .begin = identify,
     .body = lambda__request_gather_small,
     .end = telemetry_end},
    {0},
};
