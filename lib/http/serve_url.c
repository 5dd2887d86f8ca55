/* Function URLs, over HTTP: BUFFERED on the event thread where the function is quick, RESPONSE_STREAM on a worker. */
#include <string.h>

#include "server.h"

/** The answer as it goes out, with CORS. NULL when memory is out. */
static struct MHD_Response *response_of(lambda__connection *connection, struct MHD_Response *response)
{
    lambda__url_answer *answer = &connection->url_answer;
    const lambda__url *url = connection->match.url;
    if (!response) return NULL;
    bool whole = true;
    if (url && url->cors)
        whole = lambda__cors_apply(url, connection->headers, connection->headers_count, answer) == LAMBDA_OK;
    for (size_t i = 0; i < answer->headers_count && whole; i++)
        whole = MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value) == MHD_YES;
    if (whole) return response;
    MHD_destroy_response(response);
    return NULL;
}

static void answer(lambda__connection *connection)
{
    const lambda__url_answer *answer = &connection->url_answer;
    struct MHD_Response *response = lambda__response_of(connection, answer->body, answer->body_length, NULL);
    lambda__answer(connection, answer->status, response_of(connection, response));
}

/** Who calls, and may they? False: it was answered. */
static bool admit(lambda__connection *connection)
{
    const lambda__url *url = connection->match.url;
    lambda__url_answer *given = &connection->url_answer;
    lambda_status status = LAMBDA_OK;
    if (!url) {
        lambda__url_answer_forbidden(given);
    } else if (lambda__cors_preflight(url, connection->method, connection->headers, connection->headers_count, given,
                                      &status)) {
        if (status != LAMBDA_OK) {
            lambda__answer(connection, 500, NULL);
            return false;
        }
        /* It has CORS's headers already. */
        struct MHD_Response *response = lambda__response_of(connection, given->body, given->body_length, NULL);
        bool whole = response != NULL;
        for (size_t i = 0; i < given->headers_count && whole; i++)
            whole = MHD_add_response_header(response, given->headers[i].name, given->headers[i].value) == MHD_YES;
        if (!whole && response) MHD_destroy_response(response);
        lambda__answer(connection, given->status, whole ? response : NULL);
        return false;
    } else {
        if (url->iam) {
            if (!lambda__signature_of(connection)) return false;
            const lambda__signature_result *signature = connection->signature;
            if (signature->status != 200) {
                lambda__url_answer_message(given, signature->status, signature->error_type, signature->message);
                answer(connection);
                return false;
            }
            lambda__caller_of(connection);
        } else {
            lambda__caller_anybody(connection);
        }
        if (lambda__url_may(url, &connection->caller, given)) return true;
    }
    answer(connection);
    return false;
}

/** The client's trace, or a new one, of the time and of the request's id. */
static const char *trace_of(lambda__connection *connection, uint64_t now_ns)
{
    static const char DIGITS[] = "0123456789abcdef";
    const char *given = lambda__request_trace(connection);
    if (given && strstr(given, "Root=1-")) return given;
    char *to = connection->trace;
    uint64_t seconds = now_ns / UINT64_C(1000000000);
    memcpy(to, "Root=1-", 7);
    to += 7;
    for (int shift = 28; shift >= 0; shift -= 4)
        *to++ = DIGITS[seconds >> shift & 15];
    *to++ = '-';
    /* All of it but its first eight digits. */
    for (const char *from = lambda__request_id_text(connection) + 8; *from; from++)
        if (*from != '-') *to++ = *from;
    *to = '\0';
    return connection->trace;
}

static lambda_status make_event(lambda__connection *connection, const char *trace, uint64_t now_ns)
{
    const lambda__url *url = connection->match.url;
    lambda__url_request request = {.method = connection->method,
                                   .query = connection->query,
                                   .protocol = connection->version,
                                   .source_ip = connection->peer,
                                   .port = connection->http->port_text,
                                   .trace = trace,
                                   .tls = (connection->http->served & LAMBDA__SERVED_TLS) != 0,
                                   .headers = connection->headers,
                                   .headers_count = connection->headers_count,
                                   .body = lambda__request_body(connection),
                                   .now_ns = now_ns,
                                   .request_id = lambda__request_id_text(connection),
                                   .caller = url->iam ? &connection->caller : NULL,
                                   .access_key = url->iam ? connection->access_key : NULL};
    return lambda__url_event(connection->http->api, &connection->match, &request, &connection->event);
}

/* ---- RESPONSE_STREAM */

struct sink {
    lambda__connection *connection;
    lambda__flow *stream;
    lambda__url_prelude prelude;
    bool began;
    bool counted;
};

/** Status and headers are known. */
static lambda_status begin_body(struct sink *sink)
{
    lambda__connection *connection = sink->connection;
    int status = connection->url_answer.status;
    struct MHD_Response *response = response_of(connection, lambda__flow_response(sink->stream));
    if (!lambda__flow_begin(sink->stream, status, response)) return LAMBDA_ERROR_OUT_OF_MEMORY;
    sink->began = true;
    return LAMBDA_OK;
}

static lambda_status stream_begin(void *user, const char *content_type)
{
    struct sink *sink = user;
    lambda_status status = lambda__url_prelude_begin(&sink->prelude, content_type, &sink->connection->url_answer);
    return status == LAMBDA_OK && sink->prelude.state == LAMBDA__PRELUDE_DONE ? begin_body(sink) : status;
}

static lambda_status stream_write(void *user, const void *data, size_t length)
{
    struct sink *sink = user;
    size_t used = 0;
    if (sink->prelude.state == LAMBDA__PRELUDE_MORE) {
        lambda_status status =
            lambda__url_prelude_feed(&sink->prelude, data, length, &used, &sink->connection->url_answer);
        if (status != LAMBDA_OK) return status;
        if (sink->prelude.state == LAMBDA__PRELUDE_DONE) status = begin_body(sink);
        if (status != LAMBDA_OK) return status;
    }
    if (sink->prelude.state == LAMBDA__PRELUDE_BAD) return LAMBDA_ERROR_SERVICE;
    if (used == length) return LAMBDA_OK;
    if (sink->counted) atomic_fetch_add(&sink->connection->sent, length - used);
    return lambda__flow_write(sink->stream, (const char *)data + used, length - used);
}

/** A function that failed, or a call that did, before anything was sent. */
static void answer_early(struct sink *sink, lambda_status status)
{
    lambda__connection *connection = sink->connection;
    lambda__url_answer *given = &connection->url_answer;
    bool failed = status == LAMBDA_OK && connection->result.function_error;
    if (status == LAMBDA_ERROR_OUT_OF_MEMORY) {
        lambda__answer(connection, 500, NULL);
        return;
    }
    if (sink->prelude.state != LAMBDA__PRELUDE_BAD) {
        if (failed || status != LAMBDA_OK)
            lambda__url_answer_failed(given, status, connection->result.throttle_reason);
        else
            lambda__url_prelude_end(&sink->prelude, given);
    }
    answer(connection);
}

static void run_stream(lambda__connection *connection, const char *trace)
{
    struct sink sink = {.connection = connection, .counted = connection->http->access_log != NULL};
    const lambda__url *url = connection->match.url;
    sink.stream = lambda__flow_open(connection);
    if (!sink.stream) {
        lambda__answer(connection, 500, NULL);
        return;
    }
    lambda_response_stream stream = {.begin = stream_begin, .write = stream_write, .user = &sink};
    lambda_invoke_options options = {.trace_id = trace, .stream = &stream};
    lambda_status status =
        lambda__roads_invoke(connection, url->name, url->target,
                             lambda_bytes_make(connection->event.data, connection->event.length), &options);
    if (!sink.began) {
        lambda__flow_end(sink.stream, true);
        answer_early(&sink, status);
        lambda__url_prelude_clear(&sink.prelude);
        return;
    }
    bool broken = status != LAMBDA_OK || connection->result.function_error;
    lambda__url_prelude_clear(&sink.prelude);
    lambda__request_done(connection);
    lambda__connection_release(connection);
    lambda__flow_end(sink.stream, broken);
}

void lambda__run_url(lambda__connection *connection)
{
    lambda__url_answer_reset(&connection->url_answer);
    if (!admit(connection)) return;
    const lambda__url *url = connection->match.url;
    uint64_t now_ns = lambda__now_wall();
    const char *trace = trace_of(connection, now_ns);
    if (make_event(connection, trace, now_ns) != LAMBDA_OK) {
        lambda__answer(connection, 500, NULL);
        return;
    }
    if (url->stream) {
        run_stream(connection, trace);
        return;
    }
    lambda_invoke_options options = {.trace_id = trace};
    lambda_status status =
        lambda__roads_invoke(connection, url->name, url->target,
                             lambda_bytes_make(connection->event.data, connection->event.length), &options);
    const lambda_result *result = &connection->result;
    if (status != LAMBDA_OK || result->function_error)
        lambda__url_answer_failed(&connection->url_answer, status, result->throttle_reason);
    else if (lambda__url_response(result->payload, &connection->url_answer) != LAMBDA_OK) {
        lambda__answer(connection, 500, NULL);
        return;
    }
    answer(connection);
}
