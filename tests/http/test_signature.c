/* Requests of real clients, of AWS's documents and of this house's own signer, as they are and with each part of them spoiled. */
#include "signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity_world.h"
#include "sign.h"
#include "signed_requests.h"

#define THEN_S 1440938160 /* 30 August 2015, 12:36:00 UTC */

static const char CREDENTIALS[] = "[alice]\naws_access_key_id = " KEY "\naws_secret_access_key = " SECRET "\n"
                                  "[session]\naws_access_key_id = ASIASESSION\naws_secret_access_key = " SECRET
                                  "\naws_session_token = IQoJb3JpZ2luX2VjE+/=\n"
                                  "[s3]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = "
                                  "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n";

static int setup(void **state)
{
    identity_world *world = malloc(sizeof(*world));
    identity_world_open(world);
    assert_ok(NULL, identity_load(world, CREDENTIALS, NULL));
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    identity_world_close(*state);
    free(*state);
    return 0;
}

/** A request, which starts as a signed one and can then be spoiled. */
typedef struct attempt {
    lambda__signed_request request;
    lambda__header headers[24];
    char authorization[2048], date[17], query[8192], path[256];
    lambda__signature_result result;
} attempt;

static void check(identity_world *world, attempt *self)
{
    self->request.headers = self->headers;
    lambda__signature_check(world->all, &self->request, &self->result);
}

static void end(attempt *self)
{
    free(self->result.decoded);
    lambda__key_release(&self->result.key);
}

static void assert_allowed(identity_world *world, attempt *self, const char *arn)
{
    check(world, self);
    if (self->result.status != 200) print_error("%s: %s\n", self->result.error_type, self->result.message);
    assert_int_equal(self->result.status, 200);
    assert_string_equal(self->result.key.arn, arn);
    assert_false(self->result.anonymous);
}

static void assert_refused(identity_world *world, attempt *self, int status, const char *type, const char *message)
{
    check(world, self);
    assert_int_equal(self->result.status, status);
    assert_string_equal(self->result.error_type, type);
    assert_string_equal(self->result.message, message);
    assert_null(self->result.key.held);
    assert_null(self->result.decoded);
}

#define MISMATCH                                                                                                       \
    403, "InvalidSignatureException",                                                                                  \
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access " \
        "Key and signing method. Consult the service documentation for details."

#define ALICE "arn:aws:iam::000000000000:user/alice"

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
        check(world, &self);
        if (self.result.status != 200) print_error("%s: %s\n", client->name, self.result.message);
        assert_int_equal(self.result.status, 200);
        end(&self);
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
        end(&self);
    }
}

/* ---- our own signer */

static const sign_header SIGNED[] = {{"Host", "localhost:9000"}};

static sign_request plain(void)
{
    return (sign_request){.method = "POST",
                          .path = "/2015-03-31/functions/area/invocations",
                          .query = "Qualifier=prod",
                          .headers = SIGNED,
                          .headers_count = 1,
                          .body = "{}",
                          .body_length = 2,
                          .key = KEY,
                          .secret = SECRET,
                          .time_s = THEN_S};
}

static void load(const sign_request *request, attempt *self)
{
    memset(self, 0, sizeof(*self));
    sign_header_form(request, self->authorization, self->date);
    self->request = (lambda__signed_request){.method = request->method,
                                             .path = request->path,
                                             .query = request->query ? request->query : "",
                                             .body = lambda_bytes_make(request->body, request->body_length),
                                             .region = "us-east-1",
                                             .service = "lambda",
                                             .now_s = THEN_S};
    size_t count = 0;
    for (size_t i = 0; i < request->headers_count; i++)
        self->headers[count++] = (lambda__header){request->headers[i].name, request->headers[i].value};
    self->headers[count++] = (lambda__header){"X-Amz-Date", self->date};
    self->headers[count++] = (lambda__header){"Authorization", self->authorization};
    if (request->token) self->headers[count++] = (lambda__header){"X-Amz-Security-Token", request->token};
    self->request.headers_count = count;
}

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
    sign_request request = plain();
    load(&request, &self);
    assert_allowed(*state, &self, ALICE);
    assert_null(self.result.key.identity);
    assert_null(self.result.decoded);
    end(&self);
    self.request.body = LAMBDA_JSON("[]");
    assert_refused(*state, &self, MISMATCH);
    load(&request, &self);
    self.headers[0].value = "localhost:9001";
    assert_refused(*state, &self, MISMATCH);
    request.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEx";
    load(&request, &self);
    assert_refused(*state, &self, MISMATCH);
    load(&request, &self);
    spoil(&self, "Signature=", "Signature=0");
    assert_refused(*state, &self, MISMATCH);
    request.key = "AKIDNOBODY";
    load(&request, &self);
    assert_refused(*state, &self, 403, "UnrecognizedClientException",
                   "The security token included in the request is invalid.");
}

static void test_payload_shown(void **state)
{
    attempt self;
    sign_header headers[] = {{"host", "h"}, {"x-amz-content-sha256", "UNSIGNED-PAYLOAD"}};
    sign_request request = plain();
    request.headers = headers;
    request.headers_count = 2;
    request.payload = "UNSIGNED-PAYLOAD";
    load(&request, &self);
    self.request.body = LAMBDA_JSON("anything");
    assert_allowed(*state, &self, ALICE);
    end(&self);
    /* Another's digest, in a header that is not signed: it must be the body's all the same. */
    char digest[65];
    request = plain();
    sign_digest("[]", 2, digest);
    request.payload = digest;
    load(&request, &self);
    self.headers[self.request.headers_count++] = (lambda__header){"x-amz-content-sha256", digest};
    assert_refused(*state, &self, MISMATCH);
    self.request.body = LAMBDA_JSON("[]");
    assert_allowed(*state, &self, ALICE);
    end(&self);
    self.headers[self.request.headers_count++] = (lambda__header){"x-amz-content-sha256", digest};
    assert_refused(*state, &self, MISMATCH);
}

static void test_anonymous(void **state)
{
    attempt self;
    sign_request request = plain();
    load(&request, &self);
    self.request.headers_count = 2;
    assert_refused(*state, &self, 403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    assert_true(self.result.anonymous);
    self.request.headers_count = 0;
    assert_refused(*state, &self, 403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    load(&request, &self);
    strcpy(self.authorization, "Bearer abc");
    check(*state, &self);
    assert_int_equal(self.result.status, 400);
    assert_false(self.result.anonymous);
}

static void test_incomplete(void **state)
{
#define INCOMPLETE 400, "IncompleteSignatureException"
    attempt self;
    sign_request request = plain();
    load(&request, &self);
    strcpy(self.authorization, "AWS4-HMAC-SHA256");
    self.headers[1].name = "X-Other";
    assert_refused(*state, &self, INCOMPLETE,
                   "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
                   "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires "
                   "existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with "
                   "Base64) Authorization=YI2YWea8FSxnksZL2ETHbs5elHm9HQufxTLK0W0ffV0=");
    load(&request, &self);
    strcpy(self.authorization, "AWS4-HMAC-SHA1 Credential=a");
    assert_refused(*state, &self, INCOMPLETE, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.");
    load(&request, &self);
    spoil(&self, "/us-east-1", "");
    assert_refused(*state, &self, INCOMPLETE,
                   "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                   "'" KEY "/20150830/lambda/aws4_request'");
    load(&request, &self);
    strcpy(self.date, "2015-08-30");
    assert_refused(*state, &self, INCOMPLETE,
                   "Date must be in ISO-8601 'basic format'. Got '2015-08-30'. See "
                   "http://en.wikipedia.org/wiki/ISO_8601");
    strcpy(self.date, "20150231T123600Z");
    check(*state, &self);
    assert_string_equal(self.result.error_type, "IncompleteSignatureException");
    load(&request, &self);
    self.headers[self.request.headers_count++] = self.headers[2];
    assert_refused(*state, &self, INCOMPLETE, "There are several Authorization headers.");
    static const char *const NO_EQUAL_SIGN[] = {"Credential=", "Signature="};
    for (size_t i = 0; i < 2; i++) {
        load(&request, &self);
        spoil(&self, NO_EQUAL_SIGN[i], "");
        check(*state, &self);
        assert_int_equal(self.result.status, 400);
        assert_non_null(strstr(self.result.message, "Invalid key=value pair (missing equal-sign) in Authorization"));
        assert_null(strstr(self.result.message, KEY));
    }
    load(&request, &self);
    spoil(&self, "Signature=", "Signature=a, Signature=");
    check(*state, &self);
    assert_int_equal(self.result.status, 400);
    load(&request, &self);
    spoil(&self, "SignedHeaders=", "SignedHeadings=");
    check(*state, &self);
    assert_non_null(strstr(self.result.message, "Authorization header requires 'SignedHeaders' parameter. (Hashed"));
}

static void test_scope(void **state)
{
#define INVALID_SIGNATURE 403, "InvalidSignatureException"
    attempt self;
    sign_request request = plain();
    request.region = "eu-west-1";
    load(&request, &self);
    assert_refused(*state, &self, INVALID_SIGNATURE, "Credential should be scoped to a valid region.");
    request = plain();
    request.service = "s3";
    load(&request, &self);
    assert_refused(*state, &self, INVALID_SIGNATURE, "Credential should be scoped to correct service: 'lambda'.");
    request = plain();
    load(&request, &self);
    spoil(&self, "aws4_request", "aws5_request");
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.");
    load(&request, &self);
    spoil(&self, "20150830", "20150829");
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                   "'20150829' != '20150830', from '20150830T123600Z'.");
    load(&request, &self);
    spoil(&self, "/us-east-1/lambda", "/a/b");
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "Credential should be scoped to a valid region. Credential should be scoped to correct service: "
                   "'lambda'.");
    load(&request, &self);
    spoil(&self, "host;", "");
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

static void test_time(void **state)
{
    attempt self;
    sign_request request = plain();
    load(&request, &self);
    self.request.now_s = THEN_S + 300;
    assert_allowed(*state, &self, ALICE);
    end(&self);
    self.request.now_s = THEN_S - 300;
    assert_allowed(*state, &self, ALICE);
    end(&self);
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
    sign_request request = plain();
    request.method = "GET";
    request.path = "/";
    request.query = "";
    request.body_length = 0;
    load(&request, &self);
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
    end(&self);
    self.request.now_s = THEN_S + 1000;
    check(*state, &self);
    assert_non_null(strstr(self.result.message, "Signature expired: 20150830T123600Z"));
    static const char *const NO_DATES[] = {"Sun, 30 Foo 2015 12:36:00 GMT", "Sun, 30 Aug 2015 12:36:00 UTC",
                                           "Sun, 31 Sep 2015 12:36:00 GMT", "Sun, 30 ugS 2015 12:36:00 GMT"};
    for (size_t i = 0; i < sizeof(NO_DATES) / sizeof(NO_DATES[0]); i++) {
        self.headers[1].value = NO_DATES[i];
        check(*state, &self);
        assert_int_equal(self.result.status, 400);
    }
}

static void test_session_token(void **state)
{
    attempt self;
    sign_request request = plain();
    request.key = "ASIASESSION";
    request.token = "IQoJb3JpZ2luX2VjE+/=";
    load(&request, &self);
    assert_allowed(*state, &self, "arn:aws:iam::000000000000:user/session");
    end(&self);
    static const char *const WRONG[] = {NULL, "", "IQoJb3JpZ2luX2VjE+/", "IQoJb3JpZ2luX2VjE+/x"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        request.token = WRONG[i];
        load(&request, &self);
        assert_refused(*state, &self, 403, "UnrecognizedClientException",
                       "The security token included in the request is invalid.");
    }
    request = plain();
    request.token = "of a key that has none";
    load(&request, &self);
    assert_refused(*state, &self, 403, "UnrecognizedClientException",
                   "The security token included in the request is invalid.");
}

/* ---- presigned */

static void load_presigned(const sign_request *request, unsigned expires, attempt *self)
{
    load(request, self);
    sign_query_form(request, expires, self->query);
    self->request.query = self->query;
    self->request.headers_count = request->headers_count;
}

static void replace(char *text, const char *from, const char *to)
{
    char *rest = strdup(strstr(text, from) + strlen(from));
    strcpy(strstr(text, from), to);
    strcat(text, rest);
    free(rest);
}

static void test_presigned(void **state)
{
    attempt self;
    sign_request request = plain();
    request.method = "GET";
    request.body_length = 0;
    load_presigned(&request, 604800, &self);
    self.request.now_s = THEN_S + 604800;
    assert_allowed(*state, &self, ALICE);
    end(&self);
    self.request.now_s++;
    assert_refused(*state, &self, INVALID_SIGNATURE,
                   "Signature expired: 20150906T123600Z is now earlier than 20150906T123601Z");
    load_presigned(&request, 604801, &self);
    assert_refused(*state, &self, INCOMPLETE,
                   "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
                   "than 604800 seconds");
    load_presigned(&request, 60, &self);
    replace(self.query, "Expires=60", "Expires=0");
    assert_refused(*state, &self, INCOMPLETE, "X-Amz-Expires must be at least 1");
    replace(self.query, "Expires=0", "Expires=-1");
    assert_refused(*state, &self, INCOMPLETE, "X-Amz-Expires should be a number");
    replace(self.query, "Expires=-1", "Expires=60");
    assert_allowed(*state, &self, ALICE);
    end(&self);
    self.request.now_s = THEN_S - 301;
    check(*state, &self);
    assert_non_null(strstr(self.result.message, "Signature not yet current"));
    load_presigned(&request, 0, &self); /* it does not say: as in a header */
    self.request.now_s = THEN_S + 301;
    check(*state, &self);
    assert_non_null(strstr(self.result.message, "- 5 min."));
    load_presigned(&request, 60, &self);
    replace(self.query, "X-Amz-Date=20150830T123600Z&", "");
    replace(self.query, "X-Amz-SignedHeaders=host", "");
    assert_refused(*state, &self, INCOMPLETE,
                   "AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must "
                   "include 'X-Amz-Date'. Re-examine the query-string parameters.");
    load_presigned(&request, 60, &self);
    replace(self.query, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512");
    assert_refused(*state, &self, INCOMPLETE, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'.");
    request.key = "ASIASESSION";
    request.token = "IQoJb3JpZ2luX2VjE+/=";
    load_presigned(&request, 60, &self);
    assert_allowed(*state, &self, "arn:aws:iam::000000000000:user/session");
    end(&self);
    replace(self.query, "X-Amz-Security-Token", "X-Amz-Other-Token");
    check(*state, &self);
    assert_string_equal(self.result.error_type, "UnrecognizedClientException");
}

/* ---- streaming */

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
    end(&self);
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
    sign_request request = plain();
    request.headers = headers;
    request.headers_count = 2;
    request.payload = headers[1].value;
    load(&request, &self);
    const char *seed = strstr(self.authorization, "Signature=") + 10;
    self.request.body =
        lambda_bytes_make(body, chunk_body(&request, seed, "hello", "x-amz-checksum-crc32:NhCmhg==", body));
    assert_allowed(*state, &self, ALICE);
    assert_string_equal(self.result.decoded, "hello");
    end(&self);
    replace(body, "NhCmhg==", "NhCmhQ==");
    check(*state, &self);
    assert_string_equal(self.result.error_type, "BadDigest");
    replace(body, "NhCmhQ==", "NhCmhg==");
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
    sign_request request = plain();
    request.headers = headers;
    request.headers_count = 2;
    request.payload = headers[1].value;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        load(&request, &self);
        int length = snprintf(body, sizeof(body), "2\r\nhe\r\n3\r\nllo\r\n0\r\n%s\r\n", CASES[i].trailer);
        self.request.body = lambda_bytes_make(body, (size_t)length);
        check(*state, &self);
        if (self.result.status != CASES[i].status) print_error("%s%s\n", CASES[i].trailer, self.result.message);
        assert_int_equal(self.result.status, CASES[i].status);
        assert_string_equal(self.result.error_type, CASES[i].type);
        if (CASES[i].status == 200) assert_string_equal(self.result.decoded, "hello");
        end(&self);
        /* Cut anywhere, it is refused. */
        for (size_t cut = 0; cut < (size_t)length; cut++) {
            self.request.body.length = cut;
            check(*state, &self);
            assert_int_not_equal(self.result.status, 200);
            assert_null(self.result.decoded);
        }
    }
    load(&request, &self);
    self.headers[self.request.headers_count++] = (lambda__header){"x-amz-decoded-content-length", "6"};
    self.request.body = LAMBDA_JSON("5\r\nhello\r\n0\r\n\r\n");
    assert_refused(*state, &self, 400, "IncompleteBody",
                   "The request body terminated unexpectedly: it is not as long as x-amz-decoded-content-length says");
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
        sign_request request = plain();
        request.query = SAME[i][1];
        load(&request, &self);
        self.request.query = SAME[i][0];
        assert_allowed(*state, &self, ALICE);
        end(&self);
        self.request.query = "a=3";
        assert_refused(*state, &self, MISMATCH);
    }
}

/** What is signed as it was sent is not good for what is another path once decoded. */
static void test_other_path(void **state)
{
    attempt self;
    sign_request request = plain();
    request.path = "/a%20b";
    load(&request, &self);
    assert_allowed(*state, &self, ALICE);
    end(&self);
    self.request.path = "/a%2520b";
    assert_refused(*state, &self, MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_real_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_suite_of_aws, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_payload_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_anonymous, setup, teardown),
        cmocka_unit_test_setup_teardown(test_incomplete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scope, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_http_date, setup, teardown),
        cmocka_unit_test_setup_teardown(test_session_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_presigned, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signed_trailer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unsigned_trailer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_path, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
