/* `next`, `response` and `error`: one request after the other, on one connection that is kept. */
#include "api.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <lambda/base.h>

#define API_PATH "/2018-06-01/runtime/"

bool lambda__bytes_append(lambda__bytes *bytes, const void *data, size_t length)
{
    if (bytes->capacity - bytes->length <= length) {
        size_t capacity = bytes->capacity ? bytes->capacity : 256;
        while (capacity - bytes->length <= length) {
            if (capacity > SIZE_MAX / 2) return false;
            capacity *= 2;
        }
        char *grown = realloc(bytes->data, capacity);
        if (!grown) return false;
        bytes->data = grown;
        bytes->capacity = capacity;
    }
    if (length > 0) memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
    bytes->data[bytes->length] = '\0';
    return true;
}

static size_t receive(char *data, size_t size, size_t count, void *user)
{
    return lambda__bytes_append(user, data, size * count) ? size * count : 0;
}

/** One header of `next`, its line end included. */
static size_t receive_header(char *line, size_t size, size_t count, void *user)
{
    static const char *const names[LAMBDA__HEADERS] = {[LAMBDA__REQUEST_ID] = "lambda-runtime-aws-request-id:",
                                                       [LAMBDA__DEADLINE] = "lambda-runtime-deadline-ms:",
                                                       [LAMBDA__ARN] = "lambda-runtime-invoked-function-arn:",
                                                       [LAMBDA__TRACE] = "lambda-runtime-trace-id:",
                                                       [LAMBDA__CLIENT_CONTEXT] = "lambda-runtime-client-context:",
                                                       [LAMBDA__IDENTITY] = "lambda-runtime-cognito-identity:"};
    lambda__api *api = user;
    size_t length = size * count;
    for (size_t i = 0; i < LAMBDA__HEADERS; i++) {
        size_t name = strlen(names[i]);
        if (length < name || strncasecmp(line, names[i], name) != 0) continue;
        size_t from = name;
        size_t to = length;
        while (from < to && (line[from] == ' ' || line[from] == '\t'))
            from++;
        while (to > from && strchr("\r\n \t", line[to - 1]))
            to--;
        api->headers[i].length = 0;
        if (!lambda__bytes_append(&api->headers[i], line + from, to - from)) return 0;
    }
    return length;
}

/** What every request has in common; false when memory is out. */
static CURL *make_easy(lambda__api *api)
{
    CURL *easy = curl_easy_init();
    if (!easy) return NULL;
    bool made = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_USERAGENT, "liblambda/" LAMBDA_VERSION_TEXT) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, api->error) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_HTTPHEADER, api->plain) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_WRITEDATA, &api->reply) == CURLE_OK;
    if (made) return easy;
    curl_easy_cleanup(easy);
    return NULL;
}

static bool append_header(struct curl_slist **list, const char *header)
{
    struct curl_slist *longer = curl_slist_append(*list, header);
    if (longer) *list = longer;
    return longer != NULL;
}

static bool set_url(lambda__api *api, CURL *easy, const char *prefix, const char *id, const char *suffix)
{
    char url[1024];
    int length = snprintf(url, sizeof(url), "http://%s" API_PATH "%s%s%s", api->address, prefix, id, suffix);
    return length > 0 && (size_t)length < sizeof(url) && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
}

/** Room for what is received, and the headers of requests that have none of their own; false when memory is out. */
static bool make_room(lambda__api *api)
{
    for (size_t i = 0; i < LAMBDA__HEADERS; i++)
        if (!lambda__bytes_append(&api->headers[i], "", 0)) return false;
    /* No request asks whether it may go on before it sends a body. */
    return lambda__bytes_append(&api->payload, "", 0) && lambda__bytes_append(&api->reply, "", 0) &&
           append_header(&api->plain, "Accept:") && append_header(&api->plain, "Expect:") &&
           append_header(&api->json, "Accept:") && append_header(&api->json, "Expect:") &&
           append_header(&api->json, "Content-Type: application/json");
}

static bool make_handles(lambda__api *api)
{
    api->multi = curl_multi_init();
    api->next = api->multi ? make_easy(api) : NULL;
    api->answer = api->next ? make_easy(api) : NULL;
    return api->answer && set_url(api, api->next, "invocation/next", "", "") &&
           curl_easy_setopt(api->next, CURLOPT_WRITEDATA, &api->payload) == CURLE_OK &&
           curl_easy_setopt(api->next, CURLOPT_HEADERFUNCTION, receive_header) == CURLE_OK &&
           curl_easy_setopt(api->next, CURLOPT_HEADERDATA, api) == CURLE_OK;
}

bool lambda__api_open(lambda__api *api, int wake)
{
    memset(api, 0, sizeof(*api));
    api->wake = wake;
    api->address = getenv("AWS_LAMBDA_RUNTIME_API");
    if (!api->address || !api->address[0]) {
        fprintf(
            stderr,
            "lambda-bootstrap: AWS_LAMBDA_RUNTIME_API is not set: this program runs where Lambda's Runtime API is\n");
        return false;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && make_room(api) && make_handles(api)) return true;
    fprintf(stderr, "lambda-bootstrap: libcurl cannot be set up for \"%s\"\n", api->address);
    lambda__api_close(api);
    return false;
}

void lambda__api_close(lambda__api *api)
{
    if (api->upload.easy) curl_easy_cleanup(api->upload.easy);
    if (api->next) curl_easy_cleanup(api->next);
    if (api->answer) curl_easy_cleanup(api->answer);
    if (api->multi) curl_multi_cleanup(api->multi);
    curl_slist_free_all(api->upload.headers);
    curl_slist_free_all(api->plain);
    curl_slist_free_all(api->json);
    for (size_t i = 0; i < LAMBDA__HEADERS; i++)
        free(api->headers[i].data);
    free(api->payload.data);
    free(api->reply.data);
    memset(api, 0, sizeof(*api));
    curl_global_cleanup();
}

/** Runs one request to its end; with `*woken` not NULL, or until something wakes. */
static CURLcode perform(lambda__api *api, CURL *easy, bool *woken)
{
    CURLcode result = CURLE_FAILED_INIT;
    int running = 1;
    api->error[0] = '\0';
    if (curl_multi_add_handle(api->multi, easy) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
    for (;;) {
        struct curl_waitfd wake = {.fd = api->wake, .events = CURL_WAIT_POLLIN};
        unsigned count = woken && api->wake >= 0;
        if (curl_multi_perform(api->multi, &running) != CURLM_OK || running == 0) break;
        if (curl_multi_poll(api->multi, &wake, count, 3600000, NULL) != CURLM_OK) break;
        if (count > 0 && wake.revents) {
            *woken = true;
            break;
        }
    }
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(api->multi, &left)) != NULL;)
        if (message->msg == CURLMSG_DONE && message->easy_handle == easy) result = message->data.result;
    curl_multi_remove_handle(api->multi, easy);
    return result;
}

static void tell(const lambda__api *api, const char *what, CURLcode result)
{
    fprintf(stderr, "lambda-bootstrap: %s: %s\n", what, api->error[0] ? api->error : curl_easy_strerror(result));
}

lambda__next lambda__api_next(lambda__api *api)
{
    bool woken = false;
    long code = 0;
    for (size_t i = 0; i < LAMBDA__HEADERS; i++) {
        api->headers[i].length = 0;
        api->headers[i].data[0] = '\0';
    }
    api->payload.length = 0;
    /* An event that it was given now would be lost. */
    struct pollfd wake = {.fd = api->wake, .events = POLLIN};
    if (api->wake >= 0 && poll(&wake, 1, 0) > 0) return LAMBDA__NEXT_WOKEN;
    CURLcode result = perform(api, api->next, &woken);
    if (woken) return LAMBDA__NEXT_WOKEN;
    if (result != CURLE_OK) {
        tell(api, "next", result);
        return LAMBDA__NEXT_FAILED;
    }
    curl_easy_getinfo(api->next, CURLINFO_RESPONSE_CODE, &code);
    if (code == 200 && api->headers[LAMBDA__REQUEST_ID].length > 0) return LAMBDA__NEXT_EVENT;
    fprintf(stderr, "lambda-bootstrap: next was answered with status %ld%s\n", code,
            code == 200 ? " and no request id" : "");
    return LAMBDA__NEXT_FAILED;
}

/** What the Runtime API answered to an answer: false if this process cannot go on. */
static bool accepted(lambda__api *api, CURL *easy, const char *what, CURLcode result)
{
    long code = 0;
    if (result != CURLE_OK) {
        tell(api, what, result);
        return false;
    }
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    if (code >= 200 && code < 300) return true;
    fprintf(stderr, "lambda-bootstrap: %s was answered with status %ld: %.*s\n", what, code, (int)api->reply.length,
            api->reply.data);
    /* https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html: 500 says that the runtime should exit promptly. */
    return code < 500;
}

static bool post(lambda__api *api, const char *what, struct curl_slist *headers, lambda_bytes payload)
{
    api->reply.length = 0;
    api->reply.data[0] = '\0';
    bool made = curl_easy_setopt(api->answer, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
                curl_easy_setopt(api->answer, CURLOPT_POST, 1L) == CURLE_OK &&
                curl_easy_setopt(api->answer, CURLOPT_POSTFIELDS, payload.length > 0 ? payload.data : "") == CURLE_OK &&
                curl_easy_setopt(api->answer, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)payload.length) == CURLE_OK;
    return accepted(api, api->answer, what, made ? perform(api, api->answer, NULL) : CURLE_OUT_OF_MEMORY);
}

bool lambda__api_response(lambda__api *api, lambda_bytes payload)
{
    return set_url(api, api->answer, "invocation/", api->headers[LAMBDA__REQUEST_ID].data, "/response") &&
           post(api, "response", api->json, payload);
}

/** "NAME: VALUE" as a header: what cannot stand in one is left away. */
static void header_line(char *line, size_t size, const char *name, const char *value)
{
    size_t length = (size_t)snprintf(line, size, "%s: ", name);
    for (; *value && length + 1 < size; value++)
        if (*value >= ' ' && *value <= '~') line[length++] = *value;
    line[length] = '\0';
}

bool lambda__api_error(lambda__api *api, bool init, const char *type, lambda_bytes payload)
{
    char line[512];
    struct curl_slist *headers = NULL;
    header_line(line, sizeof(line), "Lambda-Runtime-Function-Error-Type", type);
    bool made = append_header(&headers, "Accept:") && append_header(&headers, "Expect:") &&
                append_header(&headers, "Content-Type: application/json") && append_header(&headers, line) &&
                (init ? set_url(api, api->answer, "init/error", "", "")
                      : set_url(api, api->answer, "invocation/", api->headers[LAMBDA__REQUEST_ID].data, "/error"));
    bool sent = made && post(api, init ? "init error" : "error", headers, payload);
    curl_easy_setopt(api->answer, CURLOPT_HTTPHEADER, api->plain);
    curl_slist_free_all(headers);
    return sent;
}

/* ---- streamed responses */

/** libcurl asks for bytes. */
static size_t give(char *to, size_t size, size_t count, void *user)
{
    lambda__upload *upload = user;
    size_t room = size * count;
    if (upload->length == 0 && upload->whole) return 0;
    if (upload->length == 0) {
        upload->waits = true;
        return CURL_READFUNC_PAUSE;
    }
    size_t given = upload->length < room ? upload->length : room;
    memcpy(to, upload->data, given);
    upload->data += given;
    upload->length -= given;
    return given;
}

static int give_trailers(struct curl_slist **list, void *user)
{
    lambda__upload *upload = user;
    for (size_t i = 0; i < 2; i++)
        if (upload->error_headers[i] && !append_header(list, upload->error_headers[i])) return CURL_TRAILERFUNC_ABORT;
    return CURL_TRAILERFUNC_OK;
}

/** Goes on with it until libcurl has sent all there is, or is done. */
static void drive(lambda__api *api)
{
    lambda__upload *upload = &api->upload;
    upload->waits = false;
    curl_easy_pause(upload->easy, CURLPAUSE_CONT);
    while (!upload->over) {
        int running = 0;
        int left;
        if (curl_multi_perform(api->multi, &running) != CURLM_OK) running = 0;
        for (CURLMsg *message; (message = curl_multi_info_read(api->multi, &left)) != NULL;)
            if (message->msg == CURLMSG_DONE && message->easy_handle == upload->easy)
                upload->result = message->data.result;
        upload->over = running == 0;
        if (upload->over || (upload->waits && !upload->whole)) break;
        if (curl_multi_poll(api->multi, NULL, 0, 3600000, NULL) != CURLM_OK) upload->over = true;
    }
}

lambda_status lambda__api_stream_begin(lambda__api *api, const char *content_type)
{
    lambda__upload *upload = &api->upload;
    char line[300];
    api->reply.length = 0;
    api->reply.data[0] = '\0';
    upload->begun = true;
    upload->waits = upload->whole = false;
    upload->over = true;
    upload->result = CURLE_OUT_OF_MEMORY;
    upload->length = 0;
    header_line(line, sizeof(line), "Content-Type", content_type);
    curl_slist_free_all(upload->headers);
    upload->headers = NULL;
    /* A handle that has sent trailers writes before its buffer when it is used again (libcurl 7.88). */
    CURL *easy = upload->easy = make_easy(api);
    bool made = easy && append_header(&upload->headers, "Accept:") && append_header(&upload->headers, "Expect:") &&
                append_header(&upload->headers, "Lambda-Runtime-Function-Response-Mode: streaming") &&
                append_header(&upload->headers, "Transfer-Encoding: chunked") &&
                append_header(&upload->headers,
                              "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body") &&
                append_header(&upload->headers, line) &&
                set_url(api, easy, "invocation/", api->headers[LAMBDA__REQUEST_ID].data, "/response") &&
                curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_HTTPHEADER, upload->headers) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_READFUNCTION, give) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_READDATA, upload) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_TRAILERFUNCTION, give_trailers) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_TRAILERDATA, upload) == CURLE_OK &&
                /* The custom runtime's guide: the connection is closed after a streamed response. */
                curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
                curl_multi_add_handle(api->multi, easy) == CURLM_OK;
    if (!made) return LAMBDA_ERROR_OUT_OF_MEMORY;
    upload->over = false;
    return LAMBDA_OK;
}

lambda_status lambda__api_stream_write(lambda__api *api, const void *data, size_t length)
{
    lambda__upload *upload = &api->upload;
    upload->data = data;
    upload->length = length;
    if (!upload->over) drive(api);
    upload->length = 0;
    return upload->over ? LAMBDA_ERROR_SERVICE : LAMBDA_OK;
}

/** "Lambda-Runtime-Function-Error-Body: " and the payload in base64; NULL when memory is out. */
static char *body_trailer(lambda_bytes payload)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    static const char name[] = "Lambda-Runtime-Function-Error-Body: ";
    const unsigned char *from = payload.data;
    size_t length = payload.length;
    char *line = malloc(sizeof(name) + (length + 2) / 3 * 4);
    if (!line) return NULL;
    memcpy(line, name, sizeof(name));
    char *to = line + sizeof(name) - 1;
    for (size_t i = 0; i < length; i += 3) {
        unsigned second = i + 1 < length ? from[i + 1] : 0;
        unsigned third = i + 2 < length ? from[i + 2] : 0;
        unsigned bits = (unsigned)from[i] << 16 | second << 8 | third;
        to[0] = digits[bits >> 18 & 63];
        to[1] = digits[bits >> 12 & 63];
        to[2] = digits[i + 1 < length ? bits >> 6 & 63 : 64];
        to[3] = digits[i + 2 < length ? bits & 63 : 64];
        to += 4;
    }
    *to = '\0';
    return line;
}

bool lambda__api_stream_end(lambda__api *api, const char *type, lambda_bytes payload)
{
    lambda__upload *upload = &api->upload;
    char line[512];
    if (type) {
        header_line(line, sizeof(line), "Lambda-Runtime-Function-Error-Type", type);
        upload->error_headers[0] = line;
        upload->error_headers[1] = body_trailer(payload);
    }
    upload->whole = true;
    upload->begun = false;
    upload->length = 0;
    if (!upload->over) drive(api);
    bool sent = accepted(api, upload->easy, "streamed response", upload->result);
    if (upload->easy) {
        curl_multi_remove_handle(api->multi, upload->easy);
        curl_easy_cleanup(upload->easy);
    }
    free(upload->error_headers[1]);
    *upload = (lambda__upload){.headers = upload->headers};
    return sent;
}
