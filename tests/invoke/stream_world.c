#include "stream_world.h"

#include <string.h>

test_memory memory;
lambda_t *lambda;
lambda_result result;
wishes wanted;
notes noted;
stream_handler *next;

static lambda_status begin(void *user, const char *content_type)
{
    notes *own = user;
    own->begun++;
    assert_int_equal(own->parts, 0);
    strncpy(own->content_type, content_type, sizeof(own->content_type) - 1);
    return wanted.refuse_begin ? LAMBDA_ERROR_PRECONDITION_FAILED : LAMBDA_OK;
}

static lambda_status take(void *user, const void *data, size_t length)
{
    notes *own = user;
    assert_true(length > 0);
    own->parts++;
    if (own->parts == wanted.refuse_at) {
        if (wanted.says_why) return lambda_runtime_fail(lambda, LAMBDA_ERROR_PRECONDITION_FAILED, "the pipe is broken");
        return LAMBDA_ERROR_PRECONDITION_FAILED;
    }
    assert_true(own->length + length <= sizeof(own->text));
    memcpy(own->text + own->length, data, length);
    own->length += length;
    own->last = data;
    own->last_length = length;
    return LAMBDA_OK;
}

const lambda_response_stream reader = {.begin = begin, .write = take, .user = &noted};
const lambda_invoke_options streamed = {.stream = &reader};

lambda_status does_next(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    return next(response);
}

void open_service(lambda_options options)
{
    lambda_close(lambda);
    options.allocator = test_allocator(&memory);
    lambda = test_open(&options);
    test_create(lambda, "f", does_next, NULL);
}

int set_up(void **state)
{
    (void)state;
    memory = (test_memory){0};
    wanted = (wishes){0};
    memset(&noted, 0, sizeof(noted));
    open_service((lambda_options){0});
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    lambda_result_clear(&result);
    lambda_close(lambda);
    lambda = NULL;
    assert_int_equal(memory.live, 0);
    return 0;
}

void invoke(stream_handler *handler)
{
    memset(&noted, 0, sizeof(noted));
    next = handler;
    assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &streamed, &result));
    assert_int_equal(result.status_code, 200);
}

void assert_noted(const char *text)
{
    assert_int_equal(noted.length, strlen(text));
    assert_memory_equal(noted.text, text, noted.length);
}

void assert_failed(const char *payload)
{
    assert_string_equal(result.function_error, "Unhandled");
    test_assert_payload(&result, payload);
}
