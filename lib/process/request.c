#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "endpoint_parts.h"

/* ---- answers */

void lambda__request_answer(lambda__request *request, unsigned status, struct MHD_Response *answer, bool owned)
{
    request->status = status;
    request->answer = answer;
    request->owned = owned;
    request->failed = !answer;
}

void lambda__request_accept(lambda__request *request)
{
    lambda__request_answer(request, MHD_HTTP_ACCEPTED, request->endpoint->accepted, false);
}

struct MHD_Response *lambda__json_answer(const char *text, size_t length)
{
    struct MHD_Response *answer = MHD_create_response_from_buffer(length, (void *)text, MHD_RESPMEM_MUST_COPY);
    if (!answer) return NULL;
    if (MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json") == MHD_YES) return answer;
    MHD_destroy_response(answer);
    return NULL;
}

void lambda__request_refuse(lambda__request *request, unsigned status, const char *type, const char *format, ...)
{
    char message[640];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    json_t *error = json_pack("{s:s, s:s}", "errorMessage", message, "errorType", type);
    /* Where what they sent is not UTF-8 it is not said again. */
    if (!error) error = json_pack("{s:s, s:s}", "errorMessage", "Bad request", "errorType", type);
    char *text = error ? json_dumps(error, JSON_COMPACT) : NULL;
    json_decref(error);
    struct MHD_Response *answer = text ? lambda__json_answer(text, strlen(text)) : NULL;
    free(text);
    lambda__request_answer(request, status, answer, true);
}

/* ---- what was sent */

const char *lambda__request_header(lambda__request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *lambda__request_trailer(lambda__request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_FOOTER_KIND, name);
}

bool lambda__request_gather(lambda__request *request, const char *data, size_t length, size_t most)
{
    if (length > most - request->length) {
        lambda__request_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "RequestEntityTooLarge",
                               "Exceeded maximum allowed payload size (%zu bytes).", most);
        return false;
    }
    if (length > request->capacity - request->length) {
        size_t capacity = request->capacity > 0 ? request->capacity : 1024;
        while (capacity - request->length < length)
            capacity *= 2;
        char *body = realloc(request->body, capacity);
        if (!body) {
            lambda__request_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "InternalServerError",
                                   "Internal Server Error");
            return false;
        }
        request->body = body;
        request->capacity = capacity;
    }
    memcpy(request->body + request->length, data, length);
    request->length += length;
    return true;
}

void lambda__request_gather_small(lambda__request *request, const char *data, size_t length)
{
    lambda__request_gather(request, data, length, LAMBDA__ENDPOINT_BODY_MAX);
}

/* ---- its connection */

void lambda__request_wake(lambda__request *request)
{
    if (!request->suspended) return;
    request->suspended = false;
    MHD_resume_connection(request->connection);
}

static int descriptor(const lambda__request *request)
{
    const union MHD_ConnectionInfo *information =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return information ? information->connect_fd : -1;
}

bool lambda__request_gone(const lambda__request *request)
{
    struct pollfd look = {.fd = descriptor(request), .events = POLLRDHUP};
    return poll(&look, 1, 0) == 1;
}

void lambda__request_cut(const lambda__request *request)
{
    shutdown(descriptor(request), SHUT_RDWR);
}

/* ---- routes */

/** Where `url` leads to. NULL: to nothing, or to something with another method: `*allowed` is that one. */
static const lambda__route *find(lambda__request *request, const lambda__route *routes, const char *url,
                                 const char *method, const char **allowed)
{
    for (const lambda__route *route = routes; route->path; route++) {
        size_t length = strlen(route->path);
        if (strncmp(url, route->path, length) != 0) continue;
        const char *rest = url + length;
        if (route->tail) {
            const char *slash = strchr(rest, '/');
            if (!slash || strcmp(slash, route->tail) != 0) continue;
            request->id = rest;
            request->id_length = (size_t)(slash - rest);
        } else if (*rest != '\0') {
            continue;
        }
        if (strcmp(method, route->method) == 0) return route;
        *allowed = route->method;
    }
    return NULL;
}

static void refuse_route(lambda__request *request, const char *allowed)
{
    if (!allowed) {
        lambda__request_refuse(request, MHD_HTTP_NOT_FOUND, "NotFound", "404 page not found");
        return;
    }
    lambda__request_refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "MethodNotAllowed", "Method not allowed");
    if (request->answer && MHD_add_response_header(request->answer, MHD_HTTP_HEADER_ALLOW, allowed) != MHD_YES) {
        MHD_destroy_response(request->answer);
        lambda__request_answer(request, 0, NULL, true);
    }
}

/** The head of a request was read. */
static void begin(lambda__request *request, const char *url, const char *method)
{
    const char *allowed = NULL;
    request->route = find(request, lambda__runtime_routes, url, method, &allowed);
    if (!request->route) request->route = find(request, lambda__extension_routes, url, method, &allowed);
    if (!request->route)
        refuse_route(request, allowed);
    else if (request->route->begin)
        request->route->begin(request);
}

enum MHD_Result lambda__request_handle(void *user, struct MHD_Connection *connection, const char *url,
                                       const char *method, const char *version, const char *upload_data,
                                       size_t *upload_size, void **context)
{
    (void)version;
    lambda__endpoint *endpoint = user;
    lambda__request *request = *context;
    endpoint->calls++;
    if (!request) {
        if (endpoint->closing || !endpoint->free_requests) return MHD_NO;
        request = endpoint->free_requests;
        endpoint->free_requests = request->next;
        *request = (lambda__request){.endpoint = endpoint, .connection = connection, .run = endpoint->run, .calls = 1};
        *context = request;
        begin(request, url, method);
        return request->failed ? MHD_NO : MHD_YES;
    }
    if (request->run != endpoint->run) request->calls = 0;
    request->run = endpoint->run;
    request->calls++;
    if (*upload_size > 0) {
        if (!request->answer && request->route->body) request->route->body(request, upload_data, *upload_size);
        *upload_size = 0;
        return request->failed ? MHD_NO : MHD_YES;
    }
    if (!request->answer && !request->failed) request->route->end(request);
    if (request->failed) return MHD_NO;
    if (!request->answer) {
        request->suspended = request->route->suspends;
        if (request->suspended) MHD_suspend_connection(connection);
        return MHD_YES;
    }
    return MHD_queue_response(connection, request->status, request->answer);
}

void lambda__request_completed(void *user, struct MHD_Connection *connection, void **context,
                               enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    lambda__endpoint *endpoint = user;
    lambda__request *request = *context;
    if (!request) return;
    *context = NULL;
    if (request->route && request->route->over && !endpoint->closing) request->route->over(request);
    if (request->answer && request->owned) MHD_destroy_response(request->answer);
    free(request->body);
    request->body = NULL;
    request->suspended = false;
    request->next = endpoint->free_requests;
    endpoint->free_requests = request;
}
