/* Addresses of deployment packages: who may fetch what, and for how long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <lambda/http.h>
#include <openssl/evp.h>

#include "api_world.h"
#include "client.h"
#include "location.h"

#define NOW UINT64_C(1800000000)

typedef struct world {
    api_world w;
    zip zip;
    char sha256[45];
    char text[LAMBDA__LOCATION_SIZE];
} world;

/** A package that is kept, as a layer's is; its address from then on. */
static void add(lambda_api *api, lambda_packages *packages, const char *content, const char *origin, uint64_t now_s,
                world *made)
{
    made->zip = zip_one("x", content);
    lambda_package *package = NULL;
    const lambda_code code = zip_code(&made->zip);
    assert_ok(NULL, lambda_package_add(packages, &code, &package));
    assert_ok(NULL, lambda_package_keep(package, true));
    snprintf(made->sha256, sizeof made->sha256, "%s", lambda_package_sha256(package));
    lambda_package_release(package);
    const lambda__request request = {.api = api, .origin = origin};
    assert_true(lambda__location_of(&request, made->sha256, now_s, made->text));
}

static void open_world(world *made)
{
    api_world_open(&made->w);
    add(made->w.api, made->w.f.packages, "what it holds", "http://here:1", NOW, made);
}

static void close_world(world *made)
{
    zip_free(&made->zip);
    api_world_close(&made->w);
}

/** What becomes of an address at a moment. */
static int ask(const world *made, const char *address, uint64_t now_s)
{
    char path[LAMBDA__LOCATION_SIZE];
    const char *why = "";
    int file = -1;
    snprintf(path, sizeof path, "%s", address + strlen("http://here:1"));
    char *query = strchr(path, '?');
    if (query) *query++ = '\0';
    int status = lambda__location_open(made->w.api, path, query ? query : "", now_s, &why, &file);
    assert_int_equal(file >= 0, status == 200);
    assert_int_equal(*why == '\0', status == 200);
    if (file >= 0) {
        unsigned char bytes[4096];
        ssize_t length = read(file, bytes, sizeof bytes);
        close(file);
        assert_int_equal(length, made->zip.length);
        assert_memory_equal(bytes, made->zip.bytes, made->zip.length);
    }
    return status;
}

static void test_an_address_holds_for_ten_minutes(void **state)
{
    (void)state;
    world made;
    open_world(&made);
    assert_memory_equal(made.text, "http://here:1/packages/", 23);
    assert_int_equal(ask(&made, made.text, NOW), 200);
    assert_int_equal(ask(&made, made.text, NOW + 600), 200);
    assert_int_equal(ask(&made, made.text, NOW + 601), 403);
    close_world(&made);
}

static void test_nobody_makes_one(void **state)
{
    (void)state;
    world made;
    open_world(&made);
    /* Whatever character is another. */
    for (size_t i = strlen("http://here:1/packages/"); made.text[i]; i++) {
        char altered[LAMBDA__LOCATION_SIZE];
        memcpy(altered, made.text, sizeof altered);
        altered[i] = altered[i] == '0' ? '1' : '0';
        assert_int_equal(ask(&made, altered, NOW), 403);
    }
    static const char *const bad[] = {
        "", "?", "?Expires=1&Signature=", "../../../../../../../../../../../../../etc/passwd?Expires=1&Signature=",
        "0123456789012345678901234567890123456789012.?Signature=1&Expires=1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char address[200];
        snprintf(address, sizeof address, "http://here:1/packages/%s", bad[i]);
        assert_int_equal(ask(&made, address, NOW), 403);
    }
    /* Another server has another key. */
    world other;
    open_world(&other);
    assert_string_equal(other.sha256, made.sha256);
    assert_int_equal(ask(&other, made.text, NOW), 403);
    close_world(&other);
    close_world(&made);
}

static void test_where_there_is_none(void **state)
{
    (void)state;
    world made;
    char text[LAMBDA__LOCATION_SIZE];
    char host[400];
    open_world(&made);
    lambda__request request = {.api = made.w.api};
    assert_false(lambda__location_of(&request, made.sha256, NOW, text));
    request.origin = "http://here:1";
    assert_false(lambda__location_of(&request, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", NOW, text));
    assert_false(lambda__location_of(&request, "no digest", NOW, text));
    memset(host, 'h', sizeof host);
    host[sizeof host - 1] = '\0';
    request.origin = host;
    assert_false(lambda__location_of(&request, made.sha256, NOW, text));
    /* Of a function that is no package, the API says none. */
    json_t *got = api_output(&made.w, "GetFunction", 200, "{'FunctionName':'f'}");
    assert_true(api_equal(json_object_get(got, "Code"), "{'RepositoryType':'S3'}"));
    json_decref(got);
    /* What was deleted meanwhile cannot be fetched. */
    size_t removed = 0;
    assert_ok(NULL, lambda_packages_collect(made.w.f.packages, &removed));
    assert_int_equal(removed, 1);
    assert_int_equal(ask(&made, made.text, NOW), 404);
    close_world(&made);
}

/** Who takes a large one slowly is given the time that it needs: more than there is for an answer that is short. */
static void test_a_large_one_is_taken_slowly(void **state)
{
    (void)state;
    enum { LENGTH = 16 << 20 };
    world made;
    fixture large;
    lambda_api *api = NULL;
    lambda_http *http = NULL;
    client_answer answer = {0};
    char first;
    char *text = malloc(LENGTH + 1);
    assert_non_null(text);
    memset(text, 'x', LENGTH);
    text[LENGTH] = '\0';
    api_world_open(&made.w);
    fixture_open(&large, &(lambda_packages_options){.archives = true});
    assert_ok(NULL, lambda_api_open(&(lambda_api_options){.lambda = made.w.lambda, .packages = large.packages}, &api));
    add(api, large.packages, text, "", (uint64_t)time(NULL), &made);
    free(text);
    assert_ok(NULL, lambda_http_open(&(lambda_http_options){.api = api, .header_timeout_ms = 300}, &http));
    int fd = client_open(lambda_http_port(http));
    client_text(fd, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", made.text);
    assert_int_equal(recv(fd, &first, 1, MSG_PEEK), 1);
    /* One that says nothing has had the time of a short one when it is closed. */
    client_until_closed(client_open(lambda_http_port(http)));
    assert_true(client_receive(fd, &answer));
    assert_false(answer.cut);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.length, made.zip.length);
    assert_memory_equal(answer.body, made.zip.bytes, made.zip.length);
    client_answer_clear(&answer);
    close(fd);
    lambda_http_close(http, 1000);
    lambda_api_close(api);
    fixture_close(&large);
    close_world(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_holds_for_ten_minutes),
        cmocka_unit_test(test_nobody_makes_one),
        cmocka_unit_test(test_where_there_is_none),
        cmocka_unit_test(test_a_large_one_is_taken_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
