/*
 * A request as text: "METHOD PATH?QUERY", lines "NAME: VALUE", an empty line, the body. Whatever it is, it gets an answer; one that is let in is not let in any more once its method is another. The canonical
 * forms of a path and of a query are their own canonical forms, and a body in chunks is never longer decoded.
 */
#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "signature_parts.h"

enum { HEADERS = 32 };

static void require(bool holds)
{
    if (!holds) abort();
}

/** A file in memory. */
static lambda__identities *identities(void)
{
    static const char TEXT[] = "[a]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = "
                               "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n";
    static lambda__identities *all;
    char path[64];
    if (all) return all;
    int fd = memfd_create("credentials", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, TEXT, sizeof(TEXT) - 1) == (ssize_t)sizeof(TEXT) - 1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    require(lambda__identities_open(path, NULL, "000000000000", &all) == LAMBDA_OK);
    return all;
}

static void check(lambda__signed_request *request)
{
    lambda__signature_result result;
    lambda__signature_check(identities(), request, &result);
    require(result.status == 200 || result.status == 400 || result.status == 403);
    require((result.status == 200) == (result.key.held != NULL));
    require((result.status == 200) == (result.error_type[0] == '\0'));
    require(!result.anonymous || result.status == 403);
    require(!result.decoded || (result.status == 200 && result.decoded_length <= request->body.length));
    free(result.decoded);
    lambda__key_release(&result.key);
    if (result.status != 200) return;
    request->method = "OTHER";
    lambda__signature_check(identities(), request, &result);
    require(result.status == 403);
}

static void same_again(const char *path, const char *query)
{
    lambda__text one = {.data = NULL};
    lambda__text two = {.data = NULL};
    lambda__query parsed;
    require(lambda__query_open(&parsed, query));
    lambda__canonical_query(&parsed, 0, false, &one);
    lambda__query_close(&parsed);
    require(lambda__query_open(&parsed, one.data));
    lambda__canonical_query(&parsed, 0, false, &two);
    lambda__query_close(&parsed);
    require(strcmp(one.data, two.data) == 0);
    lambda__text_clear(&one);
    lambda__text_clear(&two);
    require(lambda__canonical_path(path, 0, &one));
    require(one.data[0] == '/' && !strstr(one.data, "//") && !strstr(one.data, "/../") && !strstr(one.data, "/./"));
    lambda__text_clear(&one);
}

static void chunks(const lambda__signed_request *request, const char *payload)
{
    static const unsigned char KEY[32];
    lambda__hasher hasher;
    lambda__signature_result result = {.status = 0};
    lambda__claim claim = {.scope = "a", .time = "b"};
    snprintf(claim.payload, sizeof(claim.payload), "%s", payload);
    lambda__hasher_open(&hasher);
    bool decoded = lambda__chunks_decode(request, &claim, KEY, &hasher, &result);
    require(decoded == (result.decoded != NULL) && decoded == (result.status == 0));
    require(!decoded || result.decoded_length <= request->body.length);
    free(result.decoded);
    lambda__hasher_close(&hasher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    char *rest = text;
    lambda__header headers[HEADERS];
    lambda__signed_request request = {
        .region = "us-east-1", .service = "lambda", .now_s = 1440938160, .headers = headers};
    char *line = strsep(&rest, "\n");
    request.method = strsep(&line, " ");
    char *path = line ? line : "/";
    char *query = strchr(path, '?');
    if (query) *query++ = '\0';
    request.path = path;
    request.query = query ? query : "";
    while (rest && *rest && *rest != '\n' && request.headers_count < HEADERS) {
        char *header = strsep(&rest, "\n");
        const char *name = strsep(&header, ":");
        headers[request.headers_count++] = (lambda__header){name, header ? header : ""};
    }
    if (rest && *rest == '\n') rest++;
    if (rest) request.body = lambda_bytes_make(rest, size - (size_t)(rest - text));
    same_again(request.path, request.query);
    chunks(&request, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    chunks(&request, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
    check(&request);
    free(text);
    return 0;
}
