#include "signature_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char CREDENTIALS[] = "[alice]\naws_access_key_id = " KEY "\naws_secret_access_key = " SECRET "\n"
                                  "[session]\naws_access_key_id = ASIASESSION\naws_secret_access_key = " SECRET
                                  "\naws_session_token = IQoJb3JpZ2luX2VjE+/=\n"
                                  "[s3]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = "
                                  "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n";

int signature_setup(void **state)
{
    identity_world *world = malloc(sizeof(*world));
    identity_world_open(world);
    assert_ok(NULL, identity_load(world, CREDENTIALS, NULL));
    *state = world;
    return 0;
}

int signature_teardown(void **state)
{
    identity_world_close(*state);
    free(*state);
    return 0;
}

void attempt_check(identity_world *world, attempt *self)
{
    self->request.headers = self->headers;
    lambda__signature_check(world->all, &self->request, &self->result);
}

void attempt_end(attempt *self)
{
    free(self->result.decoded);
    lambda__key_release(&self->result.key);
}

void assert_allowed(identity_world *world, attempt *self, const char *arn)
{
    attempt_check(world, self);
    if (self->result.status != 200) print_error("%s: %s\n", self->result.error_type, self->result.message);
    assert_int_equal(self->result.status, 200);
    assert_string_equal(self->result.key.arn, arn);
    assert_false(self->result.anonymous);
}

void assert_refused(identity_world *world, attempt *self, int status, const char *type, const char *message)
{
    attempt_check(world, self);
    assert_int_equal(self->result.status, status);
    assert_string_equal(self->result.error_type, type);
    assert_string_equal(self->result.message, message);
    assert_null(self->result.key.held);
    assert_null(self->result.decoded);
}

static const sign_header SIGNED[] = {{"Host", "localhost:9000"}};

sign_request plain_request(void)
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

void attempt_load(const sign_request *request, attempt *self)
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

void attempt_replace(char *text, const char *from, const char *to)
{
    char *rest = strdup(strstr(text, from) + strlen(from));
    strcpy(strstr(text, from), to);
    strcat(text, rest);
    free(rest);
}
