/* Buffers, digests, hashing, statuses, errors, and opening the base. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"

static test_memory memory;

static lambda__base *open_base(void)
{
    lambda__base *base = calloc(1, sizeof(*base));
    assert_non_null(base);
    memory = (test_memory){0};
    lambda_allocator allocator = test_allocator(&memory);
    assert_int_equal(
        lambda__base_open(base, &allocator, &(lambda_clock){0}, &(lambda_random){0}, &(lambda_executor){0}), LAMBDA_OK);
    return base;
}

static void close_base(lambda__base *base)
{
    lambda__base_close(base);
    assert_int_equal(memory.live, 0);
    free(base);
}

static void half_a_port_is_refused(void **state)
{
    (void)state;
    lambda__base base;
    test_memory counted = {0};
    lambda_allocator allocator = test_allocator(&counted);
    allocator.release = NULL;
    assert_fails(NULL,
                 lambda__base_open(&base, &allocator, &(lambda_clock){0}, &(lambda_random){0}, &(lambda_executor){0}),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "allocator");
    test_clock clock = {0};
    lambda_clock half = test_clock_port(&clock);
    half.wall = NULL;
    assert_fails(NULL,
                 lambda__base_open(&base, &(lambda_allocator){0}, &half, &(lambda_random){0}, &(lambda_executor){0}),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "clock");
}

static void buffer_grows_and_ends_in_nul(void **state)
{
    (void)state;
    lambda__base *base = open_base();
    lambda__buffer buffer = {0};
    for (int i = 0; i < 1000; i++) {
        assert_true(lambda__buffer_append(base, &buffer, "abc", 3));
        assert_int_equal(buffer.data[buffer.length], '\0');
    }
    assert_int_equal(buffer.length, 3000);
    assert_int_equal(strspn(buffer.data, "abc"), 3000);
    size_t before = buffer.length;
    assert_false(lambda__buffer_reserve(base, &buffer, SIZE_MAX - 10));
    memory.requests = 0;
    memory.fail_at = 1;
    assert_false(lambda__buffer_reserve(base, &buffer, 100000));
    memory.fail_at = 0;
    assert_int_equal(buffer.length, before);
    lambda__buffer_clear(base, &buffer);
    assert_null(buffer.data);
    close_base(base);
}

static void array_doubles(void **state)
{
    (void)state;
    lambda__base *base = open_base();
    int *items = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < 100; i++) {
        assert_true(lambda__array_reserve(base, (void **)&items, &capacity, i, sizeof(*items)));
        items[i] = (int)i;
    }
    assert_int_equal(capacity, 128);
    assert_int_equal(items[99], 99);
    lambda__release(base, items);
    close_base(base);
}

static void utf8_is_told_from_bytes(void **state)
{
    (void)state;
    assert_true(lambda__utf8_valid("", 0));
    assert_true(lambda__utf8_valid("lambda \xCE\xBB \xE2\x82\xAC \xF0\x9F\x98\x80", 18));
    assert_int_equal(lambda__utf8_count("\xCE\xBB\xE2\x82\xAC!", 6), 3);
    static const struct {
        const char *data;
        size_t length;
    } bad[] = {{"\x80", 1},
               {"\xC0\xAF", 2},
               {"\xC1\xBF", 2},
               {"\xE0\x80\x80", 3},
               {"\xED\xA0\x80", 3},
               {"\xF4\x90\x80\x80", 4},
               {"\xF0\x80\x80\x80", 4},
               {"\xCE", 1},
               {"\xE2\x82", 2},
               {"\xF5\x80\x80\x80", 4},
               {"\xFF", 1},
               {"\xCE\x41", 2}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(lambda__utf8_valid(bad[i].data, bad[i].length));
}

static void assert_sha256(const char *data, size_t length, const char *base64)
{
    uint8_t digest[32];
    char text[45];
    lambda__sha256(data, length, digest);
    lambda__sha256_base64(digest, text);
    assert_string_equal(text, base64);
}

static void sha256_of_known_messages(void **state)
{
    (void)state;
    /* FIPS 180-4's examples, in base64. */
    assert_sha256("abc", 3, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    assert_sha256("", 0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                  "JI1qYdIGOLjlwCaTDD5gOaM85Flk/yFn9uzt1BnbBsE=");
    char *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    assert_sha256(million, 1000000, "zcduXJkU+5KBocfihNc+Z/GAmkiklyAOBG05zMcRLNA=");
    free(million);
}

static void base64_comes_back(void **state)
{
    (void)state;
    uint8_t bytes[256];
    char text[345];
    uint8_t back[258];
    size_t length;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 167);
    for (size_t i = 0; i <= sizeof(bytes); i++) {
        lambda__base64(bytes, i, text);
        assert_true(lambda__base64_decode(text, strlen(text), back, &length));
        assert_int_equal(length, i);
        assert_memory_equal(back, bytes, i);
        assert_true(lambda__base64_decode(text, strlen(text), text, &length)); /* in place */
        assert_memory_equal(text, bytes, i);
    }
    static const char *const bad[] = {
        "Y", "YQ", "YQ=", "YR==", "YWJ=", "Y===", "====", "YQ==YQ==", "YQ=a", "Y Q=", "YQ\n="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(lambda__base64_decode(bad[i], strlen(bad[i]), back, &length));
}

static void hash_depends_on_all(void **state)
{
    (void)state;
    const char *text = "a-name-of-some-length";
    for (size_t length = 0; length < 20; length++) {
        assert_true(lambda__hash(1, text, length) != lambda__hash(2, text, length));
        assert_true(lambda__hash(1, text, length) != lambda__hash(1, text, length + 1));
        char other[24] = {0};
        memcpy(other, text, 21);
        other[length] ^= 1;
        assert_true(lambda__hash(1, text, length + 1) != lambda__hash(1, other, length + 1));
    }
}

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(lambda_status_name(LAMBDA_OK), "OK");
    assert_string_equal(lambda_status_name(LAMBDA_ERROR_RESOURCE_NOT_FOUND), "ResourceNotFoundException");
    assert_string_equal(lambda_status_text(LAMBDA_ERROR_OUT_OF_MEMORY), "an allocation failed");
    assert_string_equal(lambda_status_name((lambda_status)999), "Unknown");
    assert_string_equal(lambda_status_text((lambda_status)-1), "unknown status");
    assert_int_equal(lambda_version_number(), LAMBDA_VERSION_NUMBER);
}

static void message_is_kept_until_the_next(void **state)
{
    (void)state;
    lambda__base *base = open_base();
    assert_string_equal(lambda__error_message(base), "");
    lambda__fail(base, LAMBDA_ERROR_SERVICE, "one %d", 1);
    assert_string_equal(lambda__error_message(base), "one 1");
    lambda__fail(base, LAMBDA_ERROR_SERVICE, "again: %s", lambda__error_message(base));
    assert_string_equal(lambda__error_message(base), "again: one 1");
    char longer[2000];
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    lambda__fail(base, LAMBDA_ERROR_SERVICE, "%s", longer);
    assert_int_equal(strlen(lambda__error_message(base)), LAMBDA__ERROR_SIZE - 1);
    assert_string_equal(lambda__error_message(base) + LAMBDA__ERROR_SIZE - 4, "...");
    close_base(base);
}

static void no_memory_for_a_record_is_survived(void **state)
{
    (void)state;
    lambda__base *base = open_base();
    memory.requests = 0;
    memory.fail_at = 1;
    memory.fail_on = true;
    assert_null(lambda__thread_get(base));
    assert_int_equal(lambda__out_of_memory(base), LAMBDA_ERROR_OUT_OF_MEMORY);
    assert_string_equal(lambda__error_message(base), "out of memory");
    memory.fail_at = 0;
    assert_non_null(lambda__thread_get(base));
    close_base(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_a_port_is_refused),
        cmocka_unit_test(buffer_grows_and_ends_in_nul),
        cmocka_unit_test(array_doubles),
        cmocka_unit_test(utf8_is_told_from_bytes),
        cmocka_unit_test(sha256_of_known_messages),
        cmocka_unit_test(base64_comes_back),
        cmocka_unit_test(hash_depends_on_all),
        cmocka_unit_test(statuses_have_names),
        cmocka_unit_test(message_is_kept_until_the_next),
        cmocka_unit_test(no_memory_for_a_record_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
