/* Requests that two readers could take for two different ones, names that lead here from elsewhere, and whose key is said to have signed. */
#include "server.h"
#include "server_world.h"
#include "sign.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/** Behind each stands what a smuggler would have the server answer. */
#define SMUGGLED "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void ambiguous_ones_are_refused(void **state)
{
    (void)state;
    static const char *const HEADS[] = {
        "POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 51\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST /healthz HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: h\r\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: h/x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: h\r\nA: b\rHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: h\r\nA: b\x01\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: h\r\nA(b): c\r\n\r\n",
        "G\"T /healthz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://other/healthz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://h:1/healthz HTTP/1.1\r\nHost: h\r\n\r\n",
    };
    struct world world;
    world_open(&world, NULL);
    for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++) {
        int fd = client_open(world.port);
        client_answer answer;
        client_text(fd, "%s" SMUGGLED, HEADS[i]);
        assert_true(client_receive(fd, &answer));
        if (answer.status != 400) print_error("%s\n", HEADS[i]);
        assert_int_equal(answer.status, 400);
        assert_string_equal(client_header(&answer, "X-Amzn-ErrorType"), "BadRequestException");
        client_answer_clear(&answer);
        client_until_closed(fd);
    }
    world_close(&world);
    assert_null(strstr(world.log, "/metrics"));
}

/** What other servers take is taken. */
static void plain_ones_are_taken(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    client_expect(fd, "GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, "ok\n");
    client_expect(fd, "GET HTTP://LocalHost/lambda-url/" URL_HELLO "/a?b HTTP/1.1\r\nHost: localhost\r\n\r\n", 200,
                  "hello");
    client_expect(fd, "GET https://h HTTP/1.1\r\nHost: h\r\n\r\n", 404, NULL);
    client_expect(fd, "GET /healthz HTTP/1.1\r\nHost: [::1]:9000\r\nA:\tb c\x80 \r\n\r\n", 200, "ok\n");
    client_expect(fd, "GET /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200, "ok\n");
    /* Its pages are to be read. */
    client_expect(fd, "POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", 404, NULL);
    client_expect(fd, "TRACE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, NULL);
    world_close(&world);
}

static void many_headers(void **state)
{
    (void)state;
    struct world world;
    char text[8192] = "";
    size_t length = 0;
    world_open(&world, &(lambda_http_options){.header_bytes = 65536});
    for (int i = 0; i < 255; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "a%d: b\r\n", i);
    int fd = client_open(world.port);
    /* As many as there may be; with one more none is passed over in silence. */
    client_text(fd, "GET /healthz HTTP/1.1\r\nHost: h\r\n%s\r\n", text);
    client_expect(fd, "", 200, "ok\n");
    client_text(fd, "GET /healthz HTTP/1.1\r\nHost: h\r\n%sX: y\r\n\r\n", text);
    client_expect(fd, "", 431, NULL);
    client_until_closed(fd);
    world_close(&world);
}

/** A web page whose name was made to lead to 127.0.0.1 reads nothing that is for who sits at the machine. */
static void names_from_elsewhere(void **state)
{
    (void)state;
    static const char *const LOCAL[] = {"localhost", "LOCALHOST:9000", "127.0.0.1", "127.1.2.3:80", "[::1]:9000"};
    static const char *const OTHERS[] = {"evil.test", "evil.test:9000", "127.0.0.1.evil.test", "localhost.evil.test",
                                         "10.0.0.1",  "[::2]",          "xlocalhost",          "[::1]x"};
    struct world world;
    world_open(&world, NULL);
    FILE *file = fopen(world.credentials, "a");
    assert_non_null(file);
    assert_true(fputs("nonsense\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    for (int local = 0; local < 2; local++) {
        const char *const *names = local ? LOCAL : OTHERS;
        size_t count = local ? sizeof(LOCAL) / sizeof(LOCAL[0]) : sizeof(OTHERS) / sizeof(OTHERS[0]);
        for (size_t i = 0; i < count; i++) {
            client_answer answer;
            int fd = client_open(world.port);
            client_text(fd, "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", names[i]);
            client_expect(fd, "", local ? 200 : 403, NULL);
            client_text(fd, "GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", names[i]);
            assert_true(client_receive(fd, &answer));
            assert_int_equal(answer.status, 200);
            assert_int_equal(strstr(answer.body, world.credentials) != NULL, local);
            client_answer_clear(&answer);
            client_until_closed(fd);
        }
    }
    /* An old client says no name. */
    int fd = client_open(world.port);
    client_expect(fd, "GET /metrics HTTP/1.0\r\n\r\n", 200, NULL);
    client_until_closed(fd);
    world_close(&world);
}

/** The key that signed is who the function and the log are told of, whatever else the request calls a credential. */
static void whose_key(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    for (int i = 0; i < 2; i++) {
        client_answer answer;
        client_signed(fd, "GET", "/lambda-url/" URL_PRIVATE "/", i ? "Credential=AKIAEVIL" : NULL,
                      i ? "X-Amz-Credential: AKIAEVIL/\r\nCredential: AKIAEVIL/\r\n" : "", "", 0, KEY, SECRET);
        assert_true(client_receive(fd, &answer));
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(answer.body, "\"accessKey\":\"" KEY "\""));
        client_answer_clear(&answer);
    }
    /* Another name for it in the header itself. */
    char authorization[2048];
    char date[17];
    const sign_header host = {"host", "localhost"};
    sign_header_form(&(sign_request){.path = "/lambda-url/" URL_PRIVATE "/",
                                     .headers = &host,
                                     .headers_count = 1,
                                     .key = KEY,
                                     .secret = SECRET,
                                     .time_s = (uint64_t)time(NULL)},
                     authorization, date);
    const char *credential = strstr(authorization, "Credential=");
    assert_non_null(credential);
    client_text(fd,
                "GET /lambda-url/" URL_PRIVATE "/ HTTP/1.1\r\nHost: localhost\r\nX-Amz-Date: %s\r\n"
                "Authorization: %.*sXCredential=AKIAEVIL/, %s\r\n\r\n",
                date, (int)(credential - authorization), authorization, credential);
    client_answer answer;
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"accessKey\":\"" KEY "\""));
    client_answer_clear(&answer);
    world_close(&world);
    assert_null(strstr(world.log, "AKIAEVIL"));
    assert_non_null(strstr(world.log, "127.0.0.1 - " KEY " ["));
}

/** A name that came again would have its headers' values written again, which is dear: with a hundred headers of that name, megabytes for a key that is nobody's. */
static void names_of_signed_headers(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"a;a;host", "host;a", "a;A;host", ";host", "host;x-amz-date;x-amz-date"};
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        client_answer answer;
        client_text(fd,
                    "GET /2015-03-31/functions HTTP/1.1\r\nHost: h\r\nA: b\r\nX-Amz-Date: 20260101T000000Z\r\n"
                    "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/lambda/aws4_request, "
                    "SignedHeaders=%s, Signature=0\r\n\r\n",
                    NAMES[i]);
        assert_true(client_receive(fd, &answer));
        assert_int_equal(answer.status, 400);
        assert_non_null(strstr(answer.body, "must be sorted, and have each name once"));
        client_answer_clear(&answer);
    }
    world_close(&world);
}

/** What is no UTF-8 is told of all the same. */
static void bytes_in_messages(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    client_answer answer;
    client_text(fd,
                "GET /2015-03-31/functions HTTP/1.1\r\nHost: h\r\nX-Amz-Date: 20260101T000000Z\r\n"
                "Authorization: AWS4-HMAC-SHA256 Credential=\xff\xc3\xa9\xc3, SignedHeaders=host, Signature=0\r\n\r\n");
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.body, "got '?\xc3\xa9?'"));
    client_answer_clear(&answer);
    /* Cut within a character. */
    char body[1024] = "{\"FunctionName\":\"a";
    for (int i = 0; i < 200; i++)
        strcat(body, "\xc3\xa9");
    strcat(body, "\",\"Role\":\"r\",\"Code\":{}}");
    client_signed(fd, "POST", "/2015-03-31/functions", NULL, "", body, strlen(body), KEY, SECRET);
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.body, "\xc3\xa9?' at 'functionName' failed to satisfy constraint"));
    client_answer_clear(&answer);
    world_close(&world);
}

/** A signature does not tell a plus sign of a query from a blank: so the operation does not either. */
static void plus_signs(void **state)
{
    (void)state;
    json_t *input = json_object();
    const lambda__operation *operation = lambda__operation_named("UntagResource");
    assert_int_equal(lambda__gather_query(operation->members, "tagKeys=a+b%2Bc%20d&tagKeys=+", input), LAMBDA_OK);
    const json_t *keys = json_object_get(input, "TagKeys");
    assert_int_equal(json_array_size(keys), 2);
    assert_string_equal(json_string_value(json_array_get(keys, 0)), "a b+c d");
    assert_string_equal(json_string_value(json_array_get(keys, 1)), " ");
    json_decref(input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ambiguous_ones_are_refused),
        cmocka_unit_test(plain_ones_are_taken),
        cmocka_unit_test(many_headers),
        cmocka_unit_test(names_from_elsewhere),
        cmocka_unit_test(whose_key),
        cmocka_unit_test(plus_signs),
        cmocka_unit_test(bytes_in_messages),
        cmocka_unit_test(names_of_signed_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
