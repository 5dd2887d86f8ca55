/* Bodies in chunks: AWS's own example, and each part of one spoiled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signature_world.h"

/** The example of https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html */
static void load_example(attempt *self, char *body)
{
    static const lambda__header HEADERS[] = {
        {"Host", "s3.amazonaws.com"},
        {"x-amz-date", "20130524T000000Z"},
        {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
        {"Authorization",
         "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-"
         "encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-"
         "class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"},
        {"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
        {"Content-Encoding", "aws-chunked"},
        {"x-amz-decoded-content-length", "66560"},
        {"Content-Length", "66824"}};
    size_t length = (size_t)sprintf(
        body, "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n");
    memset(body + length, 'a', 65536);
    length += 65536;
    length += (size_t)sprintf(
        body + length, "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n");
    memset(body + length, 'a', 1024);
    length += 1024;
    length += (size_t)sprintf(
        body + length,
        "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n");
    memset(self, 0, sizeof(*self));
    memcpy(self->headers, HEADERS, sizeof(HEADERS));
    self->request = (lambda__signed_request){.method = "PUT",
                                             .path = "/examplebucket/chunkObject.txt",
                                             .query = "",
                                             .headers_count = 8,
                                             .body = lambda_bytes_make(body, length),
                                             .region = "us-east-1",
                                             .service = "s3",
                                             .now_s = 1369353600};
}

static void test_chunks(void **state)
{
    char *body = malloc(70000);
    attempt self;
    load_example(&self, body);
    assert_int_equal(self.request.body.length, 66824);
    assert_allowed(*state, &self, "arn:aws:iam::000000000000:user/s3");
    assert_int_equal(self.result.decoded_length, 66560);
    for (size_t i = 0; i < 66560; i++)
        assert_int_equal(self.result.decoded[i], 'a');
    attempt_end(&self);
    body[100] = 'b';
    assert_refused(*state, &self, MISMATCH);
    load_example(&self, body);
    body[66600] = 'b'; /* the second chunk's */
    assert_refused(*state, &self, MISMATCH);
    load_example(&self, body);
    self.request.body.length -= 2;
    assert_refused(*state, &self, 400, "IncompleteBody",
                   "The request body terminated unexpectedly: the last chunk has no end");
    self.request.body.length -= 84; /* a stream whose last chunk was cut away */
    assert_refused(*state, &self, 400, "IncompleteBody",
                   "The request body terminated unexpectedly: a chunk has no size");
    self.request.body.length -= 3;
    assert_refused(*state, &self, 400, "IncompleteBody",
                   "The request body terminated unexpectedly: a chunk is cut off");
    load_example(&self, body);
    strcpy(body + self.request.body.length, "x");
    self.request.body.length++;
    assert_refused(*state, &self, 400, "IncompleteBody",
                   "The request body terminated unexpectedly: there is more after its end");
    load_example(&self, body);
    memcpy(body, "FFFFFFFFFFFFFFFFF;", 18);
    assert_refused(*state, &self, 400, "IncompleteBody",
                   "The request body terminated unexpectedly: a chunk's size is no number");
    free(body);
}

/** Signs a body of one chunk, with trailers. `seed` is the request's signature. */
static size_t chunk_body(const sign_request *request, const char *seed, const char *data, const char *trailer,
                         char *body)
{
    unsigned char key[32];
    char text[1024], one[65], two[65], three[65], digest[65], canonical[256];
    const char *empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const char *scope = "20150830T123600Z\n20150830/us-east-1/lambda/aws4_request";
    sign_key(request, key);
    sign_digest(data, strlen(data), digest);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256-PAYLOAD\n%s\n%.64s\n%s\n%s", scope, seed, empty, digest);
    sign_text(key, text, one);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256-PAYLOAD\n%s\n%s\n%s\n%s", scope, one, empty, empty);
    sign_text(key, text, two);
    snprintf(canonical, sizeof(canonical), "%s\n", trailer);
    sign_digest(canonical, strlen(canonical), digest);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256-TRAILER\n%s\n%s\n%s", scope, two, digest);
    sign_text(key, text, three);
    return (size_t)sprintf(
        body,
        "%zx;chunk-signature=%s\r\n%s\r\n0;chunk-signature=%s\r\n%s\r\nx-amz-trailer-signature:%s\r\n"
        "\r\n",
        strlen(data), one, data, two, trailer, three);
}

static void test_signed_trailer(void **state)
{
    attempt self;
    char body[2048];
    sign_header headers[] = {{"host", "h"}, {"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"}};
    sign_request request = plain_request();
    request.headers = headers;
    request.headers_count = 2;
    request.payload = headers[1].value;
    attempt_load(&request, &self);
    const char *seed = strstr(self.authorization, "Signature=") + 10;
    self.request.body =
        lambda_bytes_make(body, chunk_body(&request, seed, "hello", "x-amz-checksum-crc32:NhCmhg==", body));
    assert_allowed(*state, &self, ALICE);
    assert_string_equal(self.result.decoded, "hello");
    attempt_end(&self);
    attempt_replace(body, "NhCmhg==", "NhCmhQ==");
    attempt_check(*state, &self);
    assert_string_equal(self.result.error_type, "BadDigest");
    attempt_replace(body, "NhCmhQ==", "NhCmhg==");
    char *signature = strstr(body, "trailer-signature:") + 18;
    *signature = *signature == '0' ? '1' : '0';
    assert_refused(*state, &self, MISMATCH);
    size_t length = (size_t)(strstr(body, "x-amz-trailer") - body);
    strcpy(body + length, "\r\n"); /* without a signature of it */
    self.request.body.length = length + 2;
    assert_refused(*state, &self, MISMATCH);
}

static void test_unsigned_trailer(void **state)
{
    static const struct {
        const char *trailer;
        int status;
        const char *type;
    } CASES[] = {
        {"x-amz-checksum-crc32:NhCmhg==\r\n", 200, ""},
        {"x-amz-checksum-crc32c:mnG7TA==\r\n", 200, ""},
        {"x-amz-checksum-sha1:qvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n", 200, ""},
        {"x-amz-checksum-sha256: LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ= \r\n", 200, ""},
        {"x-amz-checksum-crc64nvme:M3eFcAZSQlc=\r\n", 200, ""},
        {"", 200, ""},
        {"x-amz-checksum-crc32:AAAAAA==\r\n", 400, "BadDigest"},
        {"x-amz-checksum-crc32c:NhCmhg==\r\n", 400, "BadDigest"},
        {"x-amz-checksum-md5:AAAAAA==\r\n", 400, "InvalidRequest"},
        {"nonsense\r\n", 400, "IncompleteBody"},
        {"x-amz-trailer-signature:0000000000000000000000000000000000000000000000000000000000000000\r\n", 403,
         "InvalidSignatureException"},
    };
    attempt self;
    char body[512];
    sign_header headers[] = {{"host", "h"}, {"x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}};
    sign_request request = plain_request();
    request.headers = headers;
    request.headers_count = 2;
    request.payload = headers[1].value;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        attempt_load(&request, &self);
        int length = snprintf(body, sizeof(body), "2\r\nhe\r\n3\r\nllo\r\n0\r\n%s\r\n", CASES[i].trailer);
        self.request.body = lambda_bytes_make(body, (size_t)length);
        attempt_check(*state, &self);
        if (self.result.status != CASES[i].status) print_error("%s%s\n", CASES[i].trailer, self.result.message);
        assert_int_equal(self.result.status, CASES[i].status);
        assert_string_equal(self.result.error_type, CASES[i].type);
        if (CASES[i].status == 200) assert_string_equal(self.result.decoded, "hello");
        attempt_end(&self);
        /* Cut anywhere, it is refused. */
        for (size_t cut = 0; cut < (size_t)length; cut++) {
            self.request.body.length = cut;
            attempt_check(*state, &self);
            assert_int_not_equal(self.result.status, 200);
            assert_null(self.result.decoded);
        }
    }
    attempt_load(&request, &self);
    self.headers[self.request.headers_count++] = (lambda__header){"x-amz-decoded-content-length", "6"};
    self.request.body = LAMBDA_JSON("5\r\nhello\r\n0\r\n\r\n");
    assert_refused(*state, &self, 400, "IncompleteBody",
                   "The request body terminated unexpectedly: it is not as long as x-amz-decoded-content-length says");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_chunks, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_signed_trailer, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_unsigned_trailer, signature_setup, signature_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
