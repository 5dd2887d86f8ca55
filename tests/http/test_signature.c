/* Requests of real clients, of AWS's documents and of this house's own signer, as they are and with each part of them spoiled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signature_world.h"
#include "signed_requests.h"

/* ---- others' signatures */

static void load_client(const client_request *client, attempt *self)
{
    memset(self, 0, sizeof(*self));
    self->request = (lambda__signed_request){.method = client->method,
                                             .path = client->path,
                                             .query = client->query,
                                             .body = lambda_bytes_make(client->body, strlen(client->body)),
                                             .region = "us-east-1",
                                             .service = "lambda",
                                             .now_s = THEN_S};
    while (client->headers[self->request.headers_count].name) {
        self->headers[self->request.headers_count] = client->headers[self->request.headers_count];
        self->request.headers_count++;
    }
}

static void test_real_clients(void **state)
{
    identity_world *world = *state;
    char text[256];
    attempt self;
    for (size_t i = 0; i < sizeof(CLIENT_REQUESTS) / sizeof(CLIENT_REQUESTS[0]); i++) {
        const client_request *client = &CLIENT_REQUESTS[i];
        snprintf(text, sizeof(text), "[c]\naws_access_key_id=%s\naws_secret_access_key=%s\n%s%s\n", KEY, SECRET,
                 client->token ? "aws_session_token=" : "", client->token ? client->token : "");
        assert_ok(NULL, identity_load(world, text, NULL));
        load_client(client, &self);
        attempt_check(world, &self);
        if (self.result.status != 200) print_error("%s: %s\n", client->name, self.result.message);
        assert_int_equal(self.result.status, 200);
        attempt_end(&self);
        /* Each part counts. */
        load_client(client, &self);
        self.request.method = "PATCH";
        assert_refused(world, &self, MISMATCH);
        load_client(client, &self);
        snprintf(self.path, sizeof(self.path), "%sx", client->path);
        self.request.path = self.path;
        assert_refused(world, &self, MISMATCH);
        load_client(client, &self);
        snprintf(self.query, sizeof(self.query), "%s%sx=1", client->query, *client->query ? "&" : "");
        self.request.query = self.query;
        assert_refused(world, &self, MISMATCH);
        load_client(client, &self);
        if (strstr(client->name, "not signed")) continue;
        self.request.body = LAMBDA_JSON("{\"x\": 3}");
        assert_refused(world, &self, MISMATCH);
    }
}

typedef struct suite_case {
    const char *method, *path, *query;
    lambda__header headers[6];
    const char *names, *body, *signature;
} suite_case;

/* https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html, and the example of https://docs.aws.amazon.com/general/latest/gr/sigv4_signing.html */
static const suite_case SUITE[] = {
    {"GET",
     "/",
     "",
     {{NULL, NULL}},
     "host;x-amz-date",
     "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"POST",
     "/",
     "",
     {{NULL, NULL}},
     "host;x-amz-date",
     "",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"GET",
     "/",
     "Param2=value2&Param1=value1",
     {{NULL, NULL}},
     "host;x-amz-date",
     "",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"GET",
     "/%E1%88%B4",
     "",
     {{NULL, NULL}},
     "host;x-amz-date",
     "",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"GET",
     "/",
     "Param1=value1",
     {{NULL, NULL}},
     "host;x-amz-date",
     "",
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"GET",
     "/",
     "",
     {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
     "host;my-header1;my-header2;x-amz-date",
     "",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"GET",
     "/",
     "",
     {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"my-header1", "value1"}},
     "host;my-header1;x-amz-date",
     "",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"POST",
     "/",
     "",
     {{"Content-Type", "application/x-www-form-urlencoded"}},
     "content-type;host;x-amz-date",
     "Param1=value1",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"GET",
     "/./../a/..",
     "",
     {{NULL, NULL}},
     "host;x-amz-date",
     "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
};

static void test_suite_of_aws(void **state)
{
    for (size_t i = 0; i < sizeof(SUITE) / sizeof(SUITE[0]); i++) {
        const suite_case *one = &SUITE[i];
        attempt self = {.request = {.method = one->method,
                                    .path = one->path,
                                    .query = one->query,
                                    .body = lambda_bytes_make(one->body, strlen(one->body)),
                                    .region = "us-east-1",
                                    .service = "service",
                                    .now_s = THEN_S}};
        snprintf(self.authorization, sizeof(self.authorization),
                 "AWS4-HMAC-SHA256 Credential=" KEY "/20150830/us-east-1/service/aws4_request, SignedHeaders=%s, "
                 "Signature=%s",
                 one->names, one->signature);
        size_t count = 0;
        self.headers[count++] = (lambda__header){"Host", "example.amazonaws.com"};
        self.headers[count++] = (lambda__header){"X-Amz-Date", "20150830T123600Z"};
        self.headers[count++] = (lambda__header){"Authorization", self.authorization};
        for (size_t k = 0; one->headers[k].name; k++)
            self.headers[count++] = one->headers[k];
        self.request.headers_count = count;
        assert_allowed(*state, &self, ALICE);
        attempt_end(&self);
    }
}

/* ---- our own signer */

/** Puts another text in place of the first in the header Authorization. */
static void spoil(attempt *self, const char *from, const char *to)
{
    char text[2048];
    char *at = strstr(self->authorization, from);
    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - self->authorization), self->authorization, to,
             at + strlen(from));
    strcpy(self->authorization, text);
}

static void test_ours(void **state)
{
    attempt self;
    sign_request request = plain_request();
    attempt_load(&request, &self);
    assert_allowed(*state, &self, ALICE);
    assert_null(self.result.key.identity);
    assert_null(self.result.decoded);
    attempt_end(&self);
    self.request.body = LAMBDA_JSON("[]");
    assert_refused(*state, &self, MISMATCH);
    attempt_load(&request, &self);
    self.headers[0].value = "localhost:9001";
    assert_refused(*state, &self, MISMATCH);
    request.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEx";
    attempt_load(&request, &self);
    assert_refused(*state, &self, MISMATCH);
    attempt_load(&request, &self);
    spoil(&self, "Signature=", "Signature=0");
    assert_refused(*state, &self, MISMATCH);
    request.key = "AKIDNOBODY";
    attempt_load(&request, &self);
    assert_refused(*state, &self, 403, "UnrecognizedClientException",
                   "The security token included in the request is invalid.");
}

static void test_payload_shown(void **state)
{
    attempt self;
    sign_header headers[] = {{"host", "h"}, {"x-amz-content-sha256", "UNSIGNED-PAYLOAD"}};
    sign_request request = plain_request();
    request.headers = headers;
    request.headers_count = 2;
    request.payload = "UNSIGNED-PAYLOAD";
    attempt_load(&request, &self);
    self.request.body = LAMBDA_JSON("anything");
    assert_allowed(*state, &self, ALICE);
    attempt_end(&self);
    /* Another's digest, in a header that is not signed: it must be the body's all the same. */
    char digest[65];
    request = plain_request();
    sign_digest("[]", 2, digest);
    request.payload = digest;
    attempt_load(&request, &self);
    self.headers[self.request.headers_count++] = (lambda__header){"x-amz-content-sha256", digest};
    assert_refused(*state, &self, MISMATCH);
    self.request.body = LAMBDA_JSON("[]");
    assert_allowed(*state, &self, ALICE);
    attempt_end(&self);
    self.headers[self.request.headers_count++] = (lambda__header){"x-amz-content-sha256", digest};
    assert_refused(*state, &self, MISMATCH);
}

static void test_anonymous(void **state)
{
    attempt self;
    sign_request request = plain_request();
    attempt_load(&request, &self);
    self.request.headers_count = 2;
    assert_refused(*state, &self, 403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    assert_true(self.result.anonymous);
    self.request.headers_count = 0;
    assert_refused(*state, &self, 403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    attempt_load(&request, &self);
    strcpy(self.authorization, "Bearer abc");
    attempt_check(*state, &self);
    assert_int_equal(self.result.status, 400);
    assert_false(self.result.anonymous);
}

static void test_incomplete(void **state)
{
#define INCOMPLETE 400, "IncompleteSignatureException"
    attempt self;
    sign_request request = plain_request();
    attempt_load(&request, &self);
    strcpy(self.authorization, "AWS4-HMAC-SHA256");
    self.headers[1].name = "X-Other";
    assert_refused(*state, &self, INCOMPLETE,
                   "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
                   "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires "
                   "existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with "
                   "Base64) Authorization=YI2YWea8FSxnksZL2ETHbs5elHm9HQufxTLK0W0ffV0=");
    attempt_load(&request, &self);
    strcpy(self.authorization, "AWS4-HMAC-SHA1 Credential=a");
    assert_refused(*state, &self, INCOMPLETE, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.");
    attempt_load(&request, &self);
    spoil(&self, "/us-east-1", "");
    assert_refused(*state, &self, INCOMPLETE,
                   "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                   "'" KEY "/20150830/lambda/aws4_request'");
    attempt_load(&request, &self);
    strcpy(self.date, "2015-08-30");
    assert_refused(*state, &self, INCOMPLETE,
                   "Date must be in ISO-8601 'basic format'. Got '2015-08-30'. See "
                   "http://en.wikipedia.org/wiki/ISO_8601");
    strcpy(self.date, "20150231T123600Z");
    attempt_check(*state, &self);
    assert_string_equal(self.result.error_type, "IncompleteSignatureException");
    attempt_load(&request, &self);
    self.headers[self.request.headers_count++] = self.headers[2];
    assert_refused(*state, &self, INCOMPLETE, "There are several Authorization headers.");
    static const char *const NO_EQUAL_SIGN[] = {"Credential=", "Signature="};
    for (size_t i = 0; i < 2; i++) {
        attempt_load(&request, &self);
        spoil(&self, NO_EQUAL_SIGN[i], "");
        attempt_check(*state, &self);
        assert_int_equal(self.result.status, 400);
        assert_non_null(strstr(self.result.message, "Invalid key=value pair (missing equal-sign) in Authorization"));
        assert_null(strstr(self.result.message, KEY));
    }
    attempt_load(&request, &self);
    spoil(&self, "Signature=", "Signature=a, Signature=");
    attempt_check(*state, &self);
    assert_int_equal(self.result.status, 400);
    attempt_load(&request, &self);
    spoil(&self, "SignedHeaders=", "SignedHeadings=");
    attempt_check(*state, &self);
    assert_non_null(strstr(self.result.message, "Authorization header requires 'SignedHeaders' parameter. (Hashed"));
}

/** The C library writes the days, the check reads them: centuries, leap days, ends of months. */
static void test_calendar(void **state)
{
    static const char *const NO_DAYS[] = {"20230229T000000Z", "21000229T000000Z", "20240431T000000Z",
                                          "20241301T000000Z", "20240001T000000Z", "20240100T000000Z",
                                          "20240101T240000Z", "20240101T006000Z", "20240101T000060Z",
                                          "19691231T235959Z", "2024011 T000000Z"};
    attempt self;
    sign_request request = plain_request();
    /* A bit more than 79 days each time, to the year 2300. */
    for (uint64_t time_s = 0; time_s < UINT64_C(10413792000); time_s += 6871617) {
        request.time_s = time_s;
        attempt_load(&request, &self);
        self.request.now_s = time_s;
        assert_allowed(*state, &self, ALICE);
        attempt_end(&self);
        self.request.now_s = time_s + 301;
        attempt_check(*state, &self);
        assert_non_null(strstr(self.result.message, "Signature expired"));
    }
    request = plain_request();
    for (size_t i = 0; i < sizeof(NO_DAYS) / sizeof(NO_DAYS[0]); i++) {
        attempt_load(&request, &self);
        strcpy(self.date, NO_DAYS[i]);
        attempt_check(*state, &self);
        assert_non_null(strstr(self.result.message, "Date must be in ISO-8601"));
    }
}

static void test_scope(void **state)
{
#define INVALID_SIGNATURE 403, "InvalidSignatureException"
    attempt self;
    sign_request request = plain_request();
    request.region = "eu-west-1";
    attempt_load(&request, &self);
    assert_refused(*state, &self, INVALID_SIGNATURE, "Credential should be scoped to a valid region.");
    request = plain_request();
    request.service = "s3";
    attempt_load(&request, &self);
    assert_refused(*state, &self, INVALID_SIGNATURE, "Credential should be scoped to correct service: 'lambda'.");
    request = plain_request();
    attempt_load(&request, &self);
    spoil(&self, "aws4_request", "aws5_request");
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.");
    attempt_load(&request, &self);
    spoil(&self, "20150830", "20150829");
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                   "'20150829' != '20150830', from '20150830T123600Z'.");
    attempt_load(&request, &self);
    spoil(&self, "/us-east-1/lambda", "/a/b");
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "Credential should be scoped to a valid region. Credential should be scoped to correct service: "
                   "'lambda'.");
    attempt_load(&request, &self);
    spoil(&self, "host;", "");
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

static void test_time(void **state)
{
    attempt self;
    sign_request request = plain_request();
    attempt_load(&request, &self);
    self.request.now_s = THEN_S + 300;
    assert_allowed(*state, &self, ALICE);
    attempt_end(&self);
    self.request.now_s = THEN_S - 300;
    assert_allowed(*state, &self, ALICE);
    attempt_end(&self);
    self.request.now_s = THEN_S + 301;
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 "
                   "min.)");
    self.request.now_s = THEN_S - 301;
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z "
                   "(20150830T123059Z + 5 min.)");
}

/** The header Date, in HTTP's form, where there is no X-Amz-Date. */
static void test_http_date(void **state)
{
    attempt self;
    char digest[65], signature[65], text[512];
    unsigned char key[32];
    sign_request request = plain_request();
    request.method = "GET";
    request.path = "/";
    request.query = "";
    request.body_length = 0;
    attempt_load(&request, &self);
    const char *canonical = "GET\n/\n\ndate:Sun, 30 Aug 2015 12:36:00 GMT\nhost:localhost:9000\n\ndate;host\n"
                            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    sign_digest(canonical, strlen(canonical), digest);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/lambda/aws4_request\n%s",
             digest);
    sign_key(&request, key);
    sign_text(key, text, signature);
    snprintf(self.authorization, sizeof(self.authorization),
             "AWS4-HMAC-SHA256 Credential=" KEY
             "/20150830/us-east-1/lambda/aws4_request,SignedHeaders=date;host,Signature=%s",
             signature);
    self.headers[1] = (lambda__header){"Date", "Sun, 30 Aug 2015 12:36:00 GMT"};
    assert_allowed(*state, &self, ALICE);
    attempt_end(&self);
    self.request.now_s = THEN_S + 1000;
    attempt_check(*state, &self);
    assert_non_null(strstr(self.result.message, "Signature expired: 20150830T123600Z"));
    static const char *const NO_DATES[] = {"Sun, 30 Foo 2015 12:36:00 GMT", "Sun, 30 Aug 2015 12:36:00 UTC",
                                           "Sun, 31 Sep 2015 12:36:00 GMT", "Sun, 30 ugS 2015 12:36:00 GMT"};
    for (size_t i = 0; i < sizeof(NO_DATES) / sizeof(NO_DATES[0]); i++) {
        self.headers[1].value = NO_DATES[i];
        attempt_check(*state, &self);
        assert_int_equal(self.result.status, 400);
    }
}

static void test_session_token(void **state)
{
    attempt self;
    sign_request request = plain_request();
    request.key = "ASIASESSION";
    request.token = "IQoJb3JpZ2luX2VjE+/=";
    attempt_load(&request, &self);
    assert_allowed(*state, &self, "arn:aws:iam::000000000000:user/session");
    attempt_end(&self);
    static const char *const WRONG[] = {NULL, "", "IQoJb3JpZ2luX2VjE+/", "IQoJb3JpZ2luX2VjE+/x"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        request.token = WRONG[i];
        attempt_load(&request, &self);
        assert_refused(*state, &self, 403, "UnrecognizedClientException",
                       "The security token included in the request is invalid.");
    }
    request = plain_request();
    request.token = "of a key that has none";
    attempt_load(&request, &self);
    assert_refused(*state, &self, 403, "UnrecognizedClientException",
                   "The security token included in the request is invalid.");
}

/* ---- presigned */

static void load_presigned(const sign_request *request, unsigned expires, attempt *self)
{
    attempt_load(request, self);
    sign_query_form(request, expires, self->query);
    self->request.query = self->query;
    self->request.headers_count = request->headers_count;
}

static void test_presigned(void **state)
{
    attempt self;
    sign_request request = plain_request();
    request.method = "GET";
    request.body_length = 0;
    load_presigned(&request, 604800, &self);
    self.request.now_s = THEN_S + 604800;
    assert_allowed(*state, &self, ALICE);
    attempt_end(&self);
    self.request.now_s++;
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "Signature expired: 20150906T123600Z is now earlier than 20150906T123601Z");
    load_presigned(&request, 604801, &self);
    assert_refused(*state, &self, INCOMPLETE,
                   "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
                   "than 604800 seconds");
    load_presigned(&request, 60, &self);
    attempt_replace(self.query, "Expires=60", "Expires=0");
    assert_refused(*state, &self, INCOMPLETE, "X-Amz-Expires must be at least 1");
    attempt_replace(self.query, "Expires=0", "Expires=-1");
    assert_refused(*state, &self, INCOMPLETE, "X-Amz-Expires should be a number");
    attempt_replace(self.query, "Expires=-1", "Expires=60");
    assert_allowed(*state, &self, ALICE);
    attempt_end(&self);
    self.request.now_s = THEN_S - 301;
    attempt_check(*state, &self);
    assert_non_null(strstr(self.result.message, "Signature not yet current"));
    load_presigned(&request, 0, &self); /* it does not say: as in a header */
    self.request.now_s = THEN_S + 301;
    attempt_check(*state, &self);
    assert_non_null(strstr(self.result.message, "- 5 min."));
    load_presigned(&request, 60, &self);
    attempt_replace(self.query, "X-Amz-Date=20150830T123600Z&", "");
    attempt_replace(self.query, "X-Amz-SignedHeaders=host", "");
    assert_refused(*state, &self, INCOMPLETE,
                   "AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must "
                   "include 'X-Amz-Date'. Re-examine the query-string parameters.");
    load_presigned(&request, 60, &self);
    attempt_replace(self.query, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512");
    assert_refused(*state, &self, INCOMPLETE, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'.");
    request.key = "ASIASESSION";
    request.token = "IQoJb3JpZ2luX2VjE+/=";
    load_presigned(&request, 60, &self);
    assert_allowed(*state, &self, "arn:aws:iam::000000000000:user/session");
    attempt_end(&self);
    attempt_replace(self.query, "X-Amz-Security-Token", "X-Amz-Other-Token");
    attempt_check(*state, &self);
    assert_string_equal(self.result.error_type, "UnrecognizedClientException");
}

/** Query strings in all their shapes: each is signed in AWS's form by hand, and sent as it stands. */
static void test_queries(void **state)
{
    static const char *const SAME[][2] = {
        {"a=2&a=1&a=1", "a=1&a=1&a=2"},
        {"b&a", "a=&b="},
        {"a-b=1&a=2", "a=2&a-b=1"},
        {"a=x+y", "a=x%20y"},
        {"%61=%7e", "a=~"},
        {"a=%zz", "a=%25zz"},
        {"&&a=1&", "a=1"},
        {"a=b=c", "a=b%3Dc"},
        {"a=%e2%82%ac", "a=%E2%82%AC"},
        {"x=a/b:c", "x=a%2Fb%3Ac"},
        {"=1", "=1"},
    };
    for (size_t i = 0; i < sizeof(SAME) / sizeof(SAME[0]); i++) {
        attempt self;
        sign_request request = plain_request();
        request.query = SAME[i][1];
        attempt_load(&request, &self);
        self.request.query = SAME[i][0];
        assert_allowed(*state, &self, ALICE);
        attempt_end(&self);
        self.request.query = "a=3";
        assert_refused(*state, &self, MISMATCH);
    }
}

/** What is derived of a secret for a day is kept: not for another day, nor for another secret under the same id. */
static void test_other_day_and_secret(void **state)
{
    identity_world *world = *state;
    attempt self;
    sign_request request = plain_request();
    for (int day = 0; day < 3; day++) {
        request.time_s = THEN_S + (uint64_t)day * 86400;
        for (int twice = 0; twice < 2; twice++) {
            attempt_load(&request, &self);
            self.request.now_s = request.time_s;
            assert_allowed(world, &self, ALICE);
            attempt_end(&self);
        }
    }
    identity_write(world->credentials, "[alice]\naws_access_key_id = " KEY "\naws_secret_access_key = another\n");
    attempt_load(&request, &self);
    self.request.now_s = request.time_s;
    assert_refused(world, &self, MISMATCH);
    request.secret = "another";
    attempt_load(&request, &self);
    self.request.now_s = request.time_s;
    assert_allowed(world, &self, ALICE);
    attempt_end(&self);
    /* What is kept for keys that are not there opens nothing. */
    request.key = "AKIDNOBODY";
    for (int twice = 0; twice < 2; twice++) {
        attempt_load(&request, &self);
        self.request.now_s = request.time_s;
        assert_refused(world, &self, 403, "UnrecognizedClientException",
                       "The security token included in the request is invalid.");
    }
}

/** What is signed as it was sent is not good for what is another path once decoded. */
static void test_other_path(void **state)
{
    attempt self;
    sign_request request = plain_request();
    request.path = "/a%20b";
    attempt_load(&request, &self);
    assert_allowed(*state, &self, ALICE);
    attempt_end(&self);
    self.request.path = "/a%2520b";
    assert_refused(*state, &self, MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_real_clients, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_suite_of_aws, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_ours, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_payload_shown, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_anonymous, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_incomplete, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_calendar, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_scope, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_time, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_http_date, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_session_token, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_presigned, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_queries, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_other_day_and_secret, signature_setup, signature_teardown),
        cmocka_unit_test_setup_teardown(test_other_path, signature_setup, signature_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
