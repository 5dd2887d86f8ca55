/* Every allocation of the endpoint's fails once: of its own, and of what jansson and libmicrohttpd make for it. Nobody gets half an answer, nothing is lost, and what is tried again goes well. */
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "endpoint_world.h"

#define LIMIT ((size_t)1024 * 1024)

static unsigned count;   /* of allocations */
static unsigned failing; /* the one that fails; 0: none */

static bool fails(void)
{
    return ++count == failing;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
char *__real_json_dumps(const json_t *json, size_t flags);
struct MHD_Response *__real_MHD_create_response_from_buffer(size_t size, void *buffer,
                                                            enum MHD_ResponseMemoryMode mode);
enum MHD_Result __real_MHD_add_response_header(struct MHD_Response *response, const char *header, const char *content);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_json_dumps(const json_t *json, size_t flags);
struct MHD_Response *__wrap_MHD_create_response_from_buffer(size_t size, void *buffer,
                                                            enum MHD_ResponseMemoryMode mode);
enum MHD_Result __wrap_MHD_add_response_header(struct MHD_Response *response, const char *header, const char *content);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size)
{
    return fails() ? NULL : __real_calloc(number, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_json_dumps(const json_t *json, size_t flags)
{
    return fails() ? NULL : __real_json_dumps(json, flags);
}

struct MHD_Response *__wrap_MHD_create_response_from_buffer(size_t size, void *buffer, enum MHD_ResponseMemoryMode mode)
{
    return fails() ? NULL : __real_MHD_create_response_from_buffer(size, buffer, mode);
}

enum MHD_Result __wrap_MHD_add_response_header(struct MHD_Response *response, const char *header, const char *content)
{
    return fails() ? MHD_NO : __real_MHD_add_response_header(response, header, content);
}

/** A status, or 0: the connection was closed instead. Then there is another one. `id` is the extension's, if there is one in the answer. */
static int exchange(struct world *world, int *fd, const char *request, char id[37])
{
    static char text[65536];
    size_t length = 0;
    client_send(world, *fd, request, strlen(request));
    uint64_t deadline = lambda__loop_now() + UINT64_C(10000000000);
    for (;;) {
        ssize_t got = recv(*fd, text + length, sizeof(text) - 1 - length, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            assert_int_equal(length, 0);
            client_close(*fd);
            *fd = client_open(world);
            return 0;
        }
        if (got > 0) length += (size_t)got;
        text[length] = '\0';
        const char *body = strstr(text, "\r\n\r\n");
        const char *size = strcasestr(text, "Content-Length: ");
        if (body && size && length >= (size_t)(body + 4 - text) + strtoul(size + 16, NULL, 10)) break;
        assert_true(lambda__loop_now() < deadline);
        assert_int_equal(lambda__loop_run(&world->loop, lambda__loop_now() + 1000000), 0);
    }
    const char *header = strstr(text, "Lambda-Extension-Identifier: ");
    if (header && id) snprintf(id, 37, "%s", header + 29);
    return atoi(text + 9);
}

/** An invocation's answers, each tried until it goes well. */
static void answer_all(struct world *world, int *runtime)
{
    static const char *const answers[] = {
        "POST " INVOCATION "id/response HTTP/1.1\r\nHost: h\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: E\r\n"
        "Lambda-Runtime-Function-Error-Body: eyJlIjoxfQ==\r\n\r\n",
        "POST " INVOCATION "id/error HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
        "POST " INVOCATION "id/response HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1",
    };
    static char context[2000];
    memset(context, 'c', sizeof(context));
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        lambda__endpoint_invocation invocation = world_invocation("id", "{}");
        invocation.client_context = lambda_bytes_make(context, sizeof(context));
        lambda_status status = lambda__endpoint_invoke(world->endpoint, &invocation);
        if (status == LAMBDA_ERROR_OUT_OF_MEMORY) status = lambda__endpoint_invoke(world->endpoint, &invocation);
        assert_int_equal(status, LAMBDA_OK);
        int got = exchange(world, runtime, GET_NEXT, NULL);
        if (got == 0) got = exchange(world, runtime, GET_NEXT, NULL);
        assert_int_equal(got, 200);
        got = exchange(world, runtime, answers[i], NULL);
        assert_true(got == 202 || got == 500 || got == 0);
    }
}

/** Asks until there is an answer; what fails, fails once. */
static int ask(struct world *world, int *fd, const char *request, char id[37])
{
    int status = exchange(world, fd, request, id);
    return status != 0 ? status : exchange(world, fd, request, id);
}

/** An extension's life. */
static void extension(struct world *world, int *fd)
{
    char id[37] = "";
    char text[512];
    int status =
        ask(world, fd,
            "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: h\r\nLambda-Extension-Name: e\r\n"
            "Lambda-Extension-Accept-Feature: accountId\r\nContent-Length: 21\r\n\r\n{\"events\":[\"INVOKE\"]}",
            id);
    assert_true(status == 200 || status == 500);
    if (!*id) return;
    snprintf(text, sizeof(text),
             "POST /2020-01-01/extension/exit/error HTTP/1.1\r\nHost: h\r\nLambda-Extension-Identifier: %s\r\n"
             "Content-Length: 2\r\n\r\n{}",
             id);
    status = ask(world, fd, text, NULL);
    assert_true(status == 403 || status == 500);
    assert_int_equal(lambda__endpoint_shutdown(world->endpoint, "spindown", 1), 0);
}

static unsigned occurrences(const char *text, const char *word)
{
    unsigned found = 0;
    while ((text = strstr(text, word))) {
        text += strlen(word);
        found++;
    }
    return found;
}

/** Everything once. */
static void play(struct world *world)
{
    int runtime = client_open(world);
    int other = client_open(world);
    extension(world, &other);
    answer_all(world, &runtime);
    assert_int_equal(ask(world, &other, "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", NULL), 404);
    assert_int_equal(ask(world, &other, "PUT /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: h\r\n\r\n", NULL), 405);
    client_close(runtime);
    client_close(other);
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    char *data = malloc(65536);
    assert_non_null(data);
    bool all = false;
    for (unsigned n = 1; !all; n++) {
        struct world world;
        char message[256] = "";
        count = 0;
        failing = n;
        lambda_status status = world_try_open(&world, LIMIT, NULL, message);
        if (status == LAMBDA_OK) {
            /* What the world itself keeps is not looked at. */
            world.data = data;
            world.data_size = 65536;
            play(&world);
            world.data = NULL;
            /* What began has ended. */
            unsigned begun = occurrences(world.told, " stream") + occurrences(world.told, " begin");
            unsigned ended = occurrences(world.told, " end") + occurrences(world.told, " broken");
            assert_int_equal(begun, ended);
        } else {
            assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
            assert_non_null(strstr(message, "no memory"));
        }
        world_close(&world);
        all = count < n;
        failing = 0;
    }
    assert_true(count > 40);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
