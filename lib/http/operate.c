/* Operations of the API: who calls, and what is answered. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

/* ---- answers */

/** Takes the text, which is malloc'd; NULL: memory is out. */
static void answer_text(lambda__connection *connection, int status, const char *type, char *text)
{
    struct MHD_Response *response = NULL;
    if (text) {
        size_t length = strlen(text);
        response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
        if (!response) free(text);
        atomic_store_explicit(&connection->sent, length, memory_order_relaxed);
    }
    if (response && (MHD_add_response_header(response, "Content-Type", "application/json") != MHD_YES ||
                     MHD_add_response_header(response, "X-Amzn-ErrorType", type) != MHD_YES)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    lambda__answer(connection, status, response);
}

static char *dump(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

void lambda__answer_error(lambda__connection *connection, int status, const char *type, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    lambda__url_text_mend(message);
    answer_text(connection, status, type,
                dump(json_pack("{s:s, s:s}", "Type", status < 500 ? "User" : "Server", "Message", message)));
}

void lambda__answer_refused(lambda__connection *connection, int status, const char *type, const char *message)
{
    char mended[1024];
    snprintf(mended, sizeof(mended), "%s", message);
    lambda__url_text_mend(mended);
    answer_text(connection, status, type, dump(json_pack("{s:s}", "message", mended)));
}

void lambda__answer_status(lambda__connection *connection, lambda_status status)
{
    if (status == LAMBDA_ERROR_OUT_OF_MEMORY) {
        lambda__answer(connection, 500, NULL);
        return;
    }
    lambda__reply reply = {0};
    lambda__reply_status(&reply, connection->http->lambda, status);
    lambda__answer_reply(connection, &reply);
}

void lambda__answer_reply(lambda__connection *connection, lambda__reply *reply)
{
    int status = reply->status ? reply->status : connection->operation->shown.status;
    char *text = reply->raw;
    size_t length = reply->raw_length;
    if (reply->json) {
        text = json_dumps(reply->json, JSON_COMPACT);
        length = text ? strlen(text) : 0;
    }
    bool failed = reply->json && !text;
    if (text == reply->raw) reply->raw = NULL;
    struct MHD_Response *response =
        failed ? NULL
               : MHD_create_response_from_buffer(length, text, text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (!response) free(text);
    bool whole = response != NULL;
    if (whole && length > 0) {
        const char *type = reply->content_type ? reply->content_type : "application/json";
        whole = MHD_add_response_header(response, "Content-Type", type) == MHD_YES;
    }
    if (whole && reply->error_type[0] != '\0')
        whole = MHD_add_response_header(response, "X-Amzn-ErrorType", reply->error_type) == MHD_YES;
    for (size_t i = 0; i < reply->headers_count && whole; i++)
        whole = MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value) == MHD_YES;
    if (!whole && response) {
        MHD_destroy_response(response);
        response = NULL;
    }
    lambda__reply_clear(reply);
    atomic_store_explicit(&connection->sent, length, memory_order_relaxed);
    lambda__answer(connection, status, response);
}

/* ---- who */

lambda_bytes lambda__request_body(const lambda__connection *connection)
{
    const lambda__signature_result *signature = connection->signature;
    if (signature && signature->decoded) return lambda_bytes_make(signature->decoded, signature->decoded_length);
    return lambda_bytes_make(connection->body, connection->body_length);
}

bool lambda__signature_of(lambda__connection *connection)
{
    if (!connection->signature) connection->signature = calloc(1, sizeof(lambda__signature_result));
    if (!connection->signature) {
        lambda__answer(connection, 500, NULL);
        return false;
    }
    lambda__signature_result *result = connection->signature;
    result->status = 0;
    result->error_type[0] = result->message[0] = '\0';
    result->anonymous = false;
    lambda__signed_request request = {.method = connection->method,
                                      .path = connection->path,
                                      .query = connection->query,
                                      .headers = connection->headers,
                                      .headers_count = connection->headers_count,
                                      .body = lambda_bytes_make(connection->body, connection->body_length),
                                      .region = connection->http->api->region,
                                      .service = "lambda",
                                      .now_s = lambda__now_wall() / UINT64_C(1000000000)};
    lambda__signature_check(connection->http->identities, &request, result);
    return true;
}

void lambda__caller_anybody(lambda__connection *connection)
{
    bool tls = (connection->http->served & LAMBDA__SERVED_TLS) != 0;
    connection->caller = (lambda__caller){
        .arn = "", .account_id = "", .source_ip = connection->peer, .secure_transport = tls ? "true" : "false"};
}

void lambda__caller_of(lambda__connection *connection)
{
    const lambda__key *key = &connection->signature->key;
    lambda__caller_anybody(connection);
    connection->caller.arn = key->arn;
    connection->caller.account_id = key->account_id;
    connection->caller.identity = key->identity;
    snprintf(connection->access_key, sizeof(connection->access_key), "%s", connection->signature->access_key);
}

bool lambda__authenticate(lambda__connection *connection)
{
    if (!lambda__signature_of(connection)) return false;
    const lambda__signature_result *result = connection->signature;
    if (result->status != 200) {
        lambda__answer_refused(connection, result->status, result->error_type, result->message);
        return false;
    }
    lambda__caller_of(connection);
    return true;
}

/* ---- what */

lambda__request lambda__request_of(const lambda__connection *connection)
{
    return (lambda__request){.api = connection->http->api,
                             .operation = connection->operation,
                             .input = connection->input,
                             .payload = lambda__request_body(connection),
                             .caller = &connection->caller,
                             .request_id = connection->request_id};
}

void lambda__run_operation(lambda__connection *connection)
{
    if (!lambda__authenticate(connection)) return;
    if (!lambda__gather_members(connection, lambda__request_body(connection))) return;
    lambda__request_id_text(connection);
    lambda__request request = lambda__request_of(connection);
    lambda__reply reply = {0};
    char origin[320];
    const char *host = lambda__connection_header(connection, "Host");
    if (host && strlen(host) < 300) {
        snprintf(origin, sizeof origin, "http%s://%s", connection->http->served & LAMBDA__SERVED_TLS ? "s" : "", host);
        request.origin = origin;
    }
    lambda__operation_run(&request, &reply);
    lambda__answer_reply(connection, &reply);
}
