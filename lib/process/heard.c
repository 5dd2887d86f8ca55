/* What the endpoint tells: the answer of the runtime goes into the response as it comes, and who is ready is noted for whoever waits. */
#include <stdio.h>
#include <string.h>

#include "instance.h"

static void runtime_ready(void *user)
{
    lambda__instance *instance = user;
    instance->runtime_ready = true;
}

static void all_ready(void *user)
{
    lambda__instance *instance = user;
    instance->all_ready = true;
}

static void init_error(void *user, const char *type, lambda_bytes payload)
{
    lambda__instance *instance = user;
    if (instance->fault[0] || instance->response) return;
    lambda__instance_fault(instance, type[0] ? type : "Runtime.Unknown",
                           "the runtime reported an error of its initialization");
    instance->init_answered = lambda__instance_tell_init_error(instance, type[0] ? type : "Runtime.Unknown", payload);
}

static void response_begin(void *user, bool streamed, const char *content_type)
{
    lambda__instance *instance = user;
    if (!instance->response || instance->answer != LAMBDA__ANSWER_NONE) return;
    instance->answer = LAMBDA__ANSWER_BEGUN;
    instance->streamed = streamed;
    /* One that is no content type leaves the response's default. */
    lambda_response_content_type(instance->response, content_type);
}

static lambda_status response_data(void *user, const void *data, size_t length)
{
    lambda__instance *instance = user;
    if (!instance->response || instance->answer != LAMBDA__ANSWER_BEGUN) return LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    instance->produced += length;
    if (instance->unread) return LAMBDA_OK;
    lambda_status status = lambda_response_write(instance->response, data, length);
    if (status == LAMBDA_OK && instance->streamed) status = lambda_response_flush(instance->response);
    /* A reader that has left is no affair of the runtime's, which goes on as on Lambda: its environment is as good as before, and how the function ends is told. */
    if (instance->streamed && status != LAMBDA_OK && status != LAMBDA_ERROR_REQUEST_TOO_LARGE &&
        status != LAMBDA_ERROR_OUT_OF_MEMORY) {
        instance->unread = true;
        return LAMBDA_OK;
    }
    instance->refused = status;
    return status;
}

/** The endpoint has refused it before the response could. */
static void tell_too_large(lambda__instance *instance)
{
    char message[128];
    snprintf(message, sizeof(message), "Response payload size exceeded maximum allowed payload size (%zu bytes).",
             lambda_context_response_limit(instance->context));
    lambda_response_error(instance->response, "Function.ResponseSizeTooLarge", message);
}

static void response_end(void *user, bool complete, const char *error_type, lambda_bytes error_body)
{
    lambda__instance *instance = user;
    if (!instance->response || instance->answer != LAMBDA__ANSWER_BEGUN) return;
    instance->answer = LAMBDA__ANSWER_GIVEN;
    /* One that the response did not take: it knows that itself. */
    if (instance->refused != LAMBDA_OK) return;
    if (error_type && strcmp(error_type, "Function.ResponseSizeTooLarge") == 0 && error_body.length == 0)
        tell_too_large(instance);
    else if (error_type)
        instance->refused =
            lambda__instance_answer_error(instance, error_type[0] ? error_type : "Function.Unknown", error_body);
    else if (!complete)
        instance->answer = LAMBDA__ANSWER_TRUNCATED;
}

static void function_error(void *user, const char *type, lambda_bytes payload, const char *xray_cause)
{
    lambda__instance *instance = user;
    (void)xray_cause;
    /* What comes after a response that was refused is about that refusal, which the response knows itself. */
    if (!instance->response || instance->answer == LAMBDA__ANSWER_GIVEN || instance->answer == LAMBDA__ANSWER_OVER)
        return;
    instance->answer = LAMBDA__ANSWER_GIVEN;
    instance->error_given = true;
    instance->refused = lambda__instance_answer_error(instance, type[0] ? type : "Function.Unknown", payload);
}

static lambda__part *extension_named(lambda__instance *instance, const char *name)
{
    for (size_t i = 0; i < instance->extensions_count; i++)
        if (strcmp(instance->extensions[i].name, name) == 0) return &instance->extensions[i];
    return NULL;
}

static void extension_error(void *user, const char *name, const char *type, lambda_bytes payload)
{
    lambda__instance *instance = user;
    lambda__part internal = {.instance = instance, .name = (char *)name};
    lambda__part *extension = extension_named(instance, name);
    bool init = instance->response == NULL;
    (void)payload;
    if (extension) extension->failed_told = true;
    lambda__instance_fault(instance, init ? "Extension.InitError" : "Extension.ExitError", "%s",
                           type[0] ? type : "Extension.Unknown");
    lambda__event_extension(instance, extension ? extension : &internal, init ? "InitError" : "ExitError", type);
}

static void extension_registered(void *user, const char *name, unsigned events)
{
    lambda__instance *instance = user;
    lambda__part *extension = extension_named(instance, name);
    if (extension) {
        extension->registered = true;
        extension->events = events;
    }
    bool all = true;
    for (size_t i = 0; i < instance->extensions_count; i++)
        all = all && instance->extensions[i].registered;
    instance->registered = all;
}

const lambda__endpoint_events lambda__instance_events = {.runtime_ready = runtime_ready,
                                                         .all_ready = all_ready,
                                                         .init_error = init_error,
                                                         .response_begin = response_begin,
                                                         .response_data = response_data,
                                                         .response_end = response_end,
                                                         .error = function_error,
                                                         .extension_error = extension_error,
                                                         .extension_registered = extension_registered};
