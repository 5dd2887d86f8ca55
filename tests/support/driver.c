#include "driver.h"

#include <stdio.h>
#include <string.h>

/** What was made ready: all that it answers with. */
typedef struct instance {
    const lambda_allocator *allocator;
    char text[64];
    char reference[80];
    char sha256[45];
    char answer[512];
} instance;

static lambda_status answers(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    const instance *code = lambda_context_user(context);
    return lambda_response_write(response, code->answer, strlen(code->answer));
}

static lambda_status make(test_driver *driver, const lambda_runtime_request *request, const char *text,
                          lambda_runtime_handler *handler)
{
    driver->kept = request->kept;
    if (driver->fails) return lambda_runtime_fail(request->lambda, LAMBDA_ERROR_INVALID_CODE, "the text is lost");
    instance *made = request->allocator->allocate(request->allocator->user, sizeof(*made));
    if (!made) return lambda_runtime_fail(request->lambda, LAMBDA_ERROR_OUT_OF_MEMORY, "no memory for a text");
    *made = (instance){.allocator = request->allocator};
    snprintf(made->text, sizeof(made->text), "%s", text);
    snprintf(made->reference, sizeof(made->reference), "text:%s", text);
    memset(made->sha256, text[0], 43);
    made->sha256[43] = '=';
    int length = snprintf(made->answer, sizeof(made->answer), "%s %s", text, request->handler);
    for (size_t i = 0; i < request->layers_count; i++)
        length += snprintf(made->answer + length, sizeof(made->answer) - (size_t)length, " %s", request->layers[i]);
    handler->handler = driver->no_handler ? NULL : answers;
    handler->user = handler->instance = made;
    handler->code_sha256 = driver->gives_sha256 ? driver->gives_sha256 : made->sha256;
    if (driver->refers) handler->reference = made->reference;
    if (driver->gives_reference) handler->reference = driver->gives_reference;
    handler->code_size = strlen(text);
    driver->live++;
    return LAMBDA_OK;
}

static lambda_status load(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler)
{
    test_driver *driver = user;
    const char *text = request->code->data;
    if (request->code->reference) text = driver->swaps ? "swapped" : request->code->reference + strlen("text:");
    lambda_status status = make(driver, request, text, handler);
    driver->loads += status == LAMBDA_OK;
    return status;
}

static lambda_status reload(void *user, const lambda_runtime_request *request, const lambda_runtime_handler *current,
                            lambda_runtime_handler *handler)
{
    test_driver *driver = user;
    const instance *code = current->instance;
    assert_null(request->code);
    lambda_status status = make(driver, request, code->text, handler);
    driver->reloads += status == LAMBDA_OK;
    return status;
}

static void unload(void *user, lambda_runtime_handler *handler)
{
    test_driver *driver = user;
    instance *code = handler->instance;
    assert_int_equal(driver->closes, 0);
    driver->unloads++;
    driver->late_unloads += driver->closings;
    driver->live--;
    code->allocator->release(code->allocator->user, code);
}

static void closing(void *user)
{
    test_driver *driver = user;
    driver->closings++;
}

static void close_driver(void *user)
{
    test_driver *driver = user;
    assert_int_equal(driver->closings, 1);
    assert_int_equal(driver->live, 0);
    driver->closes++;
}

lambda_runtime_driver test_driver_port(test_driver *driver, const char *name, bool reloads)
{
    return (lambda_runtime_driver){.name = name,
                                   .process = driver->process,
                                   .load = load,
                                   .reload = reloads ? reload : NULL,
                                   .unload = unload,
                                   .closing = closing,
                                   .close = close_driver,
                                   .user = driver};
}

lambda_code test_driver_code(const char *name, const char *text)
{
    return (lambda_code){.runtime = name, .data = text, .data_length = strlen(text)};
}
