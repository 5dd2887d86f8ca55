/* What became of an invocation: Lambda's error shapes. */
#include <stdio.h>

#include "base/error.h"
#include "invoke/invoke.h"

/** The thread's message if the code set one since the invocation began, else the status in plain words. */
static const char *message_since(const lambda__environment *environment, const lambda__thread *thread,
                                 const lambda__outcome *outcome)
{
    bool said = thread->failures != outcome->failures;
    return said ? lambda__error_message(&environment->lambda->base) : lambda_status_text(outcome->status);
}

/** Tells the trace; of an error that the function gave whole the message is taken out of it. */
static void trace_failed(lambda__environment *environment, const char *type, lambda_bytes whole, const char *message,
                         bool left)
{
    json_t *object = whole.length > 0 ? json_loadb(whole.data, whole.length, 0, NULL) : NULL;
    const char *own = json_string_value(json_object_get(object, "errorMessage"));
    lambda__trace_failed(environment, type, own ? own : whole.length > 0 ? "" : message, left);
    json_decref(object);
}

void lambda__outcome_settle(lambda__environment *environment, const lambda__thread *thread, lambda_response *response,
                            lambda__outcome *outcome)
{
    char text[LAMBDA__ERROR_SIZE + 64];
    const char *type = lambda_status_name(outcome->status);
    const char *message = text;
    const json_t *trace = NULL;
    lambda_bytes whole = {NULL, 0};
    if (outcome->timed_out) {
        /* Not the environment's own text, which a late handler may be asking for just now. */
        char id[LAMBDA_REQUEST_ID_SIZE];
        lambda_request_id_format(environment->request_id, id);
        type = "Sandbox.Timedout";
        snprintf(text, sizeof(text), "RequestId: %s Error: Task timed out after %.2f seconds", id,
                 (double)environment->timeout_ns / 1e9);
    } else if (outcome->init_failed) {
        type = lambda__environment_init_error_type(environment);
        message = message_since(environment, thread, outcome);
        if (environment->init_error) {
            char id[LAMBDA_REQUEST_ID_SIZE];
            lambda_request_id_format(environment->request_id, id);
            snprintf(text, sizeof(text), "RequestId: %s Error: %s", id, message);
            message = text;
            whole = environment->init_error->payload;
        }
    } else if (response->failed) {
        type = response->error_type;
        message = response->error_message;
        trace = response->error_trace;
        whole = lambda_bytes_make(response->error_payload.data, response->error_payload.length);
    } else if (response->too_large) {
        type = "Function.ResponseSizeTooLarge";
        snprintf(text, sizeof(text), "Response payload size exceeded maximum allowed payload size (%llu bytes).",
                 (unsigned long long)lambda__response_limit(response));
    } else {
        message = message_since(environment, thread, outcome);
    }
    outcome->failed = true;
    /* Of a handler that has been left its caller knows that it timed out. */
    if (LAMBDA__UNLIKELY(environment->observe & LAMBDA__OBSERVE_LOGS) && response == &environment->response)
        snprintf(environment->error_type, sizeof(environment->error_type), "%s", type);
    if (LAMBDA__UNLIKELY(environment->observe & LAMBDA__OBSERVE_TRACES))
        trace_failed(environment, type, whole, message, response != &environment->response);
    if (whole.length > 0) {
        response->body.length = 0;
        (void)lambda__buffer_append(&environment->lambda->base, &response->body, whole.data, whole.length);
    } else if (!lambda__response_error_body(response, type, message, trace)) {
        response->body.length = 0;
    }
    lambda__response_reset_error(response);
    response->too_large = false;
}
