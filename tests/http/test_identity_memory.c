/* Each allocation of the library's own fails once, in turn: there is an error, nothing leaks, and nobody comes in. */
#include "identities.h"
#include "signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/http.h>

#include "failing_memory.h"
#include "identity_world.h"
#include "sign.h"

static const char CREDENTIALS[] = "[a]\naws_access_key_id = " KEY "\naws_secret_access_key = " SECRET "\n[b]\n[c]\n";

static int setup(void **state)
{
    identity_world *world = malloc(sizeof(*world));
    identity_world_open(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    identity_world_close(*state);
    free(*state);
    return 0;
}

static void test_open_files(void **state)
{
    identity_world *world = *state;
    assert_ok(NULL, identity_load(world, CREDENTIALS, "{\"a\": {\"policies\": []}}"));
    for (long at = 1;; at++) {
        lambda__identities *all;
        fail_at = at;
        lambda_status status = lambda__identities_open(world->credentials, world->identities, ACCOUNT, &all);
        bool failed = fail_at == 0;
        fail_at = 0;
        if (!failed) {
            assert_ok(NULL, status);
            lambda__identities_close(all);
            assert_true(at > 7);
            return;
        }
        assert_fails(NULL, status, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
        assert_null(all);
    }
}

/** A file that has changed while memory is out is read the next time. */
static void test_change(void **state)
{
    identity_world *world = *state;
    assert_ok(NULL, identity_load(world, CREDENTIALS, NULL));
    for (long at = 1;; at++) {
        lambda__key key;
        char why[512];
        identity_write(world->credentials, "[a]\naws_access_key_id = " KEY "\naws_secret_access_key = new\n");
        fail_at = at;
        bool found = lambda__identities_find(world->all, KEY, &key);
        bool failed = fail_at == 0;
        fail_at = 0;
        assert_true(found);
        assert_string_equal(key.secret, failed ? SECRET : "new");
        lambda__key_release(&key);
        assert_true(lambda__identities_sound(world->all, why));
        assert_true(lambda__identities_find(world->all, KEY, &key));
        assert_string_equal(key.secret, "new");
        lambda__key_release(&key);
        if (!failed) return;
        identity_write(world->credentials, CREDENTIALS);
        assert_true(lambda__identities_find(world->all, KEY, &key));
        lambda__key_release(&key);
    }
}

static void test_create_key(void **state)
{
    identity_world *world = *state;
    for (long at = 1;; at++) {
        char id[21], secret[41], text[256];
        identity_write(world->credentials, CREDENTIALS);
        fail_at = at;
        lambda_status status = lambda_credentials_create(world->credentials, "admin", id, secret);
        bool failed = fail_at == 0;
        fail_at = 0;
        if (!failed) {
            assert_ok(NULL, status);
            assert_true(at > 3);
            return;
        }
        assert_fails(NULL, status, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
        FILE *file = fopen(world->credentials, "r");
        assert_non_null(file);
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
        assert_string_equal(text, CREDENTIALS);
    }
}

/** Files that have just changed are read again: where memory is out for that, they are as they were, and the request is let in. */
static void try_check(identity_world *world, const lambda__signed_request *request)
{
    long refused = 0;
    for (long at = 1;; at++) {
        lambda__signature_result result;
        fail_at = at;
        lambda__signature_check(world->all, request, &result);
        bool failed = fail_at == 0;
        fail_at = 0;
        if (result.status == 200) {
            assert_non_null(result.key.held);
            free(result.decoded);
            lambda__key_release(&result.key);
        } else {
            refused++;
            assert_true(failed);
            assert_int_equal(result.status, 500);
            assert_string_equal(result.error_type, "ServiceException");
            assert_string_equal(result.message, "out of memory");
            assert_null(result.key.held);
            assert_null(result.decoded);
        }
        if (failed) continue;
        assert_int_equal(result.status, 200);
        assert_true(refused > 6);
        return;
    }
}

static void test_check(void **state)
{
    identity_world *world = *state;
    char authorization[2048], date[17], query[8192];
    sign_header signed_headers[] = {{"host", "h"}, {"x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}};
    sign_request request = {.query = "a=1&b=2",
                            .path = "/a/b/c",
                            .headers = signed_headers,
                            .headers_count = 2,
                            .payload = signed_headers[1].value,
                            .key = KEY,
                            .secret = SECRET,
                            .time_s = 1440938160};
    assert_ok(NULL, identity_load(world, CREDENTIALS, NULL));
    sign_header_form(&request, authorization, date);
    lambda__header headers[] = {{"host", "h"},
                                {"x-amz-content-sha256", signed_headers[1].value},
                                {"x-amz-date", date},
                                {"authorization", authorization}};
    lambda__signed_request sent = {.method = "GET",
                                   .path = request.path,
                                   .query = request.query,
                                   .headers = headers,
                                   .headers_count = 4,
                                   .body = LAMBDA_JSON("0\r\n\r\n"),
                                   .region = "us-east-1",
                                   .service = "lambda",
                                   .now_s = 1440938160};
    try_check(world, &sent);
    request.headers_count = 1;
    request.payload = NULL;
    sign_query_form(&request, 60, query);
    sent.query = query;
    sent.headers_count = 1;
    sent.body = lambda_bytes_make(NULL, 0);
    try_check(world, &sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_check, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
