/* The head of a streamed response, in parts of any size. */
#include "support.h"

#include <string.h>

#include "url.h"

#define TYPE "application/vnd.awslambda.http-integration-response"

static const char STREAM[] = "{\"statusCode\":207,\"headers\":{\"Content-Type\":\"text/plain\"},\"cookies\":[\"a=b\"]}"
                             "\0\0\0\0\0\0\0\0"
                             "body\0\0\0\0\0\0\0\0more";

typedef struct world {
    lambda__url_prelude prelude;
    lambda__url_answer answer;
    char body[256];
    size_t body_length;
} world;

static void feed(world *with, const char *data, size_t length)
{
    size_t used = 99;
    assert_int_equal(lambda__url_prelude_feed(&with->prelude, data, length, &used, &with->answer), LAMBDA_OK);
    assert_true(used <= length);
    assert_true(used == length || with->prelude.state != LAMBDA__PRELUDE_MORE);
    if (with->prelude.state == LAMBDA__PRELUDE_DONE) {
        memcpy(with->body + with->body_length, data + used, length - used);
        with->body_length += length - used;
    }
}

static void end(world *with)
{
    lambda__url_prelude_clear(&with->prelude);
    lambda__url_answer_clear(&with->answer);
}

static void assert_whole(world *with)
{
    assert_int_equal(with->prelude.state, LAMBDA__PRELUDE_DONE);
    assert_int_equal(with->answer.status, 207);
    assert_int_equal(with->answer.headers_count, 2);
    assert_string_equal(with->answer.headers[0].value, "text/plain");
    assert_string_equal(with->answer.headers[1].name, "Set-Cookie");
    assert_string_equal(with->answer.headers[1].value, "a=b");
    assert_int_equal(with->body_length, 16);
    assert_memory_equal(with->body, "body\0\0\0\0\0\0\0\0more", 16);
}

static void split_anywhere(void **state)
{
    (void)state;
    size_t length = sizeof STREAM - 1;
    for (size_t cut = 0; cut <= length; cut++) {
        world with = {0};
        assert_int_equal(lambda__url_prelude_begin(&with.prelude, TYPE, &with.answer), LAMBDA_OK);
        feed(&with, STREAM, cut);
        feed(&with, STREAM + cut, length - cut);
        assert_whole(&with);
        end(&with);
    }
}

static void byte_by_byte(void **state)
{
    (void)state;
    world with = {0};
    assert_int_equal(lambda__url_prelude_begin(&with.prelude, TYPE, &with.answer), LAMBDA_OK);
    for (size_t i = 0; i < sizeof STREAM - 1; i++) {
        feed(&with, STREAM + i, 1);
    }
    assert_whole(&with);
    end(&with);
}

static void other_types_have_none(void **state)
{
    (void)state;
    world with = {0};
    assert_int_equal(lambda__url_prelude_begin(&with.prelude, "text/event-stream", &with.answer), LAMBDA_OK);
    assert_int_equal(with.prelude.state, LAMBDA__PRELUDE_DONE);
    feed(&with, "{}\0", 3);
    assert_int_equal(with.body_length, 3);
    assert_int_equal(with.answer.status, 200);
    assert_int_equal(with.answer.headers_count, 1);
    assert_string_equal(with.answer.headers[0].value, "text/event-stream");
    lambda__url_prelude_end(&with.prelude, &with.answer);
    assert_int_equal(with.prelude.state, LAMBDA__PRELUDE_DONE);
    end(&with);
}

static void an_empty_object_is_a_prelude(void **state)
{
    (void)state;
    world with = {0};
    assert_int_equal(lambda__url_prelude_begin(&with.prelude, TYPE, &with.answer), LAMBDA_OK);
    feed(&with, "{}\0\0\0\0\0\0\0\0", 10);
    assert_int_equal(with.prelude.state, LAMBDA__PRELUDE_DONE);
    assert_int_equal(with.answer.status, 200);
    assert_string_equal(with.answer.headers[0].value, "application/json");
    end(&with);
}

static void bad_ones(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t length;
    } rows[] = {
        {"\0\0\0\0\0\0\0\0", 8},
        {"[]\0\0\0\0\0\0\0\0", 10},
        {"{\0\0\0\0\0\0\0\0", 9},
        {"{}\0\0\0\0\0\0\0x", 10},
        {"{}\0\0", 4},
        {"{}", 2},
        {"", 0},
        {"{\"statusCode\":1}\0\0\0\0\0\0\0\0", 24},
        {"{\"headers\":{\"a\":\"\\n\"}}\0\0\0\0\0\0\0\0", 30},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world with = {0};
        assert_int_equal(lambda__url_prelude_begin(&with.prelude, TYPE, &with.answer), LAMBDA_OK);
        feed(&with, rows[i].data, rows[i].length);
        lambda__url_prelude_end(&with.prelude, &with.answer);
        assert_int_equal(with.prelude.state, LAMBDA__PRELUDE_BAD);
        assert_int_equal(with.answer.status, 502);
        end(&with);
    }
}

static void one_too_long(void **state)
{
    (void)state;
    world with = {0};
    char spaces[1024];
    memset(spaces, ' ', sizeof spaces);
    assert_int_equal(lambda__url_prelude_begin(&with.prelude, TYPE, &with.answer), LAMBDA_OK);
    for (size_t i = 0; i < LAMBDA__URL_PRELUDE_MAX / sizeof spaces; i++) {
        feed(&with, spaces, sizeof spaces);
        assert_int_equal(with.prelude.state, LAMBDA__PRELUDE_MORE);
    }
    feed(&with, spaces, 1);
    assert_int_equal(with.prelude.state, LAMBDA__PRELUDE_BAD);
    end(&with);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_anywhere),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(other_types_have_none),
        cmocka_unit_test(an_empty_object_is_a_prelude),
        cmocka_unit_test(bad_ones),
        cmocka_unit_test(one_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
