/* Requests to function URLs: whatever comes, the event is JSON, and says what came. */
#include "fuzz.h"

#include <jansson.h>

#include "api.h"
#include "url.h"

#define HEADERS 64

static void require(bool holds)
{
    if (!holds) abort();
}

/* Lines: method, host, path, query, then headers "name: value" to an empty line, then the body. */
static char *line(char **at)
{
    char *begin = *at;
    size_t length = strcspn(begin, "\n");
    *at = begin + length + (begin[length] == '\n');
    begin[length] = '\0';
    return begin;
}

static size_t read_headers(char **at, lambda__header *headers)
{
    size_t count = 0;
    while (**at && count < HEADERS) {
        char *name = line(at);
        if (!*name) break;
        char *colon = strchr(name, ':');
        if (colon) *colon = '\0';
        headers[count++] = (lambda__header){name, colon ? colon + 1 : ""};
    }
    return count;
}

static void check(const lambda__url_text *text, const lambda__url_request *request)
{
    json_error_t error;
    json_t *event = json_loadb(text->data, text->length, 0, &error);
    require(event);
    json_t *body = json_object_get(event, "body");
    require(json_is_string(body) == (request->body.length > 0));
    if (body) {
        lambda__url_text decoded = {0};
        bool encoded = json_is_true(json_object_get(event, "isBase64Encoded"));
        if (encoded)
            require(lambda__url_text_unbase64(&decoded, json_string_value(body), json_string_length(body)));
        else
            lambda__url_text_add(&decoded, json_string_value(body), json_string_length(body));
        require(decoded.length == request->body.length);
        require(memcmp(decoded.data, request->body.data, decoded.length) == 0);
        lambda__url_text_free(&decoded);
    }
    require(json_object_size(json_object_get(event, "headers")) <= request->headers_count + 4);
    require(strcmp(json_string_value(json_object_get(json_object_get(event, "headers"), "x-amzn-trace-id")), "t") == 0);
    json_decref(event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lambda_api api = {.region = "us-east-1", .account_id = "000000000000"};
    static lambda__url_text text;
    if (!api.urls) {
        api.lambda = fuzz_service();
        require(lambda__url_index_open(&api, &api.urls) == LAMBDA_OK);
    }
    char *copy = fuzz_text(data, size);
    char *at = copy;
    lambda__header headers[HEADERS];
    lambda__url_request request = {
        .protocol = "HTTP/1.1", .source_ip = "127.0.0.1", .port = "1", .trace = "t", .request_id = "id"};
    request.method = line(&at);
    char *host = line(&at);
    char *path = line(&at);
    request.query = line(&at);
    request.headers = headers;
    request.headers_count = read_headers(&at, headers);
    request.body = lambda_bytes_make(at, size - (size_t)(at - copy));
    request.now_ns = size * 1000000007ULL * 1000000007ULL;
    lambda__url_match match = {0};
    require(lambda__url_find(&api, host, path, &match) != LAMBDA__URL_FOUND);
    static const lambda__url url = {.id = "abcdefghijklmnopqrstuvwxyz012345"};
    match.url = &url;
    require(lambda__url_event(&api, &match, &request, &text) == LAMBDA_OK);
    check(&text, &request);
    free(copy);
    return 0;
}
