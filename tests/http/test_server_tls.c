/* A server that speaks TLS, with a certificate that openssl makes here, and libcurl as its client. */
#include "server_world.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct body {
    char text[4096];
    size_t length;
};

static size_t take(char *data, size_t size, size_t count, void *user)
{
    struct body *body = user;
    if (body->length + size * count >= sizeof(body->text)) return 0;
    memcpy(body->text + body->length, data, size * count);
    body->length += size * count;
    return size * count;
}

/** The status of a GET; 0 with what went wrong in `*code`. */
static long get(CURL *curl, uint16_t port, const char *path, const char *authority, struct body *body, CURLcode *code)
{
    char url[256];
    snprintf(url, sizeof(url), "https://localhost:%u%s", port, path);
    memset(body, 0, sizeof(*body));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_IPRESOLVE, CURL_IPRESOLVE_V4);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_CAINFO, authority);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    *code = curl_easy_perform(curl);
    long status = 0;
    if (*code == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/** Does a client that speaks only this come in? */
static bool comes_in(uint16_t port, const char *only)
{
    char command[256];
    snprintf(command, sizeof(command),
             "openssl s_client %s -cipher ALL:@SECLEVEL=0 -connect 127.0.0.1:%u </dev/null >/dev/null 2>&1", only,
             port);
    return system(command) == 0;
}

static void speaks_tls(void **state)
{
    (void)state;
    char directory[] = "/tmp/lambda-tls-XXXXXX";
    assert_non_null(mkdtemp(directory));
    char certificate[64];
    char key[64];
    char command[512];
    snprintf(certificate, sizeof(certificate), "%s/certificate.pem", directory);
    snprintf(key, sizeof(key), "%s/key.pem", directory);
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
             "subjectAltName=DNS:localhost -keyout %s -out %s 2>/dev/null",
             key, certificate);
    assert_int_equal(system(command), 0);
    struct world world;
    /* The certificate says that it may be reached from elsewhere, and so it is. */
    world_open(&world, &(lambda_http_options){
                           .address = "0.0.0.0", .certificate = certificate, .key = key, .header_timeout_ms = 500});
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    struct body body;
    CURLcode code;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get(curl, world.port, "/lambda-url/" URL_HELLO "/", certificate, &body, &code), 200);
        assert_string_equal(body.text, "hello");
    }
    assert_int_equal(get(curl, world.port, "/lambda-url/" URL_ECHO "/", certificate, &body, &code), 200);
    assert_non_null(strstr(body.text, "\"x-forwarded-proto\":\"https\""));
    world_expect_url(&world, "https", world.port);
    /* And so do conditions: what wants TLS has it. */
    world_policy(&world, "echo", "{\"Bool\":{\"aws:SecureTransport\":\"true\"}}");
    assert_int_equal(get(curl, world.port, "/lambda-url/" URL_ECHO "/", certificate, &body, &code), 200);
    world_policy(&world, "echo", "{\"Bool\":{\"aws:SecureTransport\":\"false\"}}");
    assert_int_equal(get(curl, world.port, "/lambda-url/" URL_ECHO "/", certificate, &body, &code), 403);
    /* Nothing that is older than what AWS takes. */
    assert_true(comes_in(world.port, "-tls1_3"));
    assert_true(comes_in(world.port, "-tls1_2"));
    assert_false(comes_in(world.port, "-tls1_1"));
    assert_false(comes_in(world.port, "-tls1"));
    /* A stream, which suspends its connection. */
    world.parts = 0;
    assert_int_equal(get(curl, world.port, "/lambda-url/" URL_STREAM "/", certificate, &body, &code), 200);
    assert_int_equal(body.length, 0);
    curl_easy_cleanup(curl);
    /* Plain HTTP is no TLS, and a handshake that does not come ends in time. */
    int fd = client_open(world.port);
    client_text(fd, GET("/healthz"));
    client_until_closed(fd);
    client_until_closed(client_open(world.port));
    world_close(&world);
    unlink(certificate);
    unlink(key);
    rmdir(directory);
    curl_global_cleanup();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(speaks_tls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
