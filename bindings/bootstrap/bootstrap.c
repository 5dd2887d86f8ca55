/* The life of a bootstrap: init, one event after the other, shutdown. */
#include <lambda/bootstrap.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "settings.h"

#include "api.h"

/** Bytes of `_X_AMZN_TRACE_ID=`, a trace header and a NUL. */
#define TRACE_VARIABLE_SIZE 1024

typedef struct bootstrap {
    lambda__api api;
    lambda_t *lambda;
    lambda_environment *environment;
    lambda_result result; /* used again and again */
    /* The variable itself: setenv would keep every value that it ever had. */
    char trace[TRACE_VARIABLE_SIZE];
} bootstrap;

/* ---- the end */

/** Where SIGTERM writes to: a signal handler knows nothing else. */
static int end_pipe[2] = {-1, -1};

static void on_term(int signal_number)
{
    int error = errno;
    (void)signal_number;
    if (write(end_pipe[1], "", 1) < 0) { /* it is full, so that it wakes all the same */
    }
    errno = error;
}

/** Has SIGTERM wake who waits, unless the program does something else with it. */
static void listen_for_end(void)
{
    struct sigaction action = {.sa_handler = on_term, .sa_flags = SA_RESTART};
    struct sigaction before;
    if (sigaction(SIGTERM, NULL, &before) != 0 || before.sa_handler != SIG_DFL) return;
    if (pipe2(end_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- one event */

static uint64_t remaining_ns(const char *deadline)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t until = strtoull(deadline, NULL, 10);
    uint64_t present = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    if (until > UINT64_MAX / 1000000) return UINT64_MAX - present;
    return until * 1000000 > present ? until * 1000000 - present : 0;
}

/** X-Ray's variable, https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html. */
static void set_trace(bootstrap *self, const char *trace)
{
    static const char name[] = "_X_AMZN_TRACE_ID";
    if (trace[0] && strlen(trace) < TRACE_VARIABLE_SIZE - sizeof(name)) {
        snprintf(self->trace, sizeof(self->trace), "%s=%s", name, trace);
        putenv(self->trace);
    } else {
        unsetenv(name);
    }
}

static lambda_status stream_begin(void *user, const char *content_type)
{
    bootstrap *self = user;
    lambda_status status = lambda__api_stream_begin(&self->api, content_type);
    if (status == LAMBDA_OK) return status;
    return lambda_runtime_fail(self->lambda, status, "response: out of memory");
}

static lambda_status stream_write(void *user, const void *data, size_t length)
{
    bootstrap *self = user;
    lambda_status status = lambda__api_stream_write(&self->api, data, length);
    if (status == LAMBDA_OK) return status;
    return lambda_runtime_fail(self->lambda, status, "response: the Runtime API takes no more of it");
}

/** "errorType" of an error's object. The caller frees it; NULL when memory is out. */
static char *error_type(lambda_bytes payload)
{
    json_t *object = json_loadb(payload.data, payload.length, JSON_ALLOW_NUL, NULL);
    const char *type = json_string_value(json_object_get(object, "errorType"));
    char *copy = strdup(type ? type : "Runtime.Unknown");
    json_decref(object);
    return copy;
}

/** Runs an event and answers; false if the process cannot go on. */
static bool run_event(bootstrap *self)
{
    lambda__api *api = &self->api;
    const lambda_response_stream stream = {.begin = stream_begin, .write = stream_write, .user = self};
    const lambda__bytes *headers = api->headers;
    const lambda__bytes *client = &headers[LAMBDA__CLIENT_CONTEXT];
    const lambda__bytes *identity = &headers[LAMBDA__IDENTITY];
    lambda_environment_invocation invocation = {.aws_request_id = headers[LAMBDA__REQUEST_ID].data,
                                                .invoked_function_arn = headers[LAMBDA__ARN].data,
                                                .remaining_ns = remaining_ns(headers[LAMBDA__DEADLINE].data),
                                                .client_context = lambda_bytes_make(client->data, client->length),
                                                .identity = lambda_bytes_make(identity->data, identity->length),
                                                .trace_id = headers[LAMBDA__TRACE].data,
                                                .stream = &stream};
    set_trace(self, invocation.trace_id);
    lambda_bytes event = lambda_bytes_make(api->payload.data, api->payload.length);
    lambda_status status = lambda_environment_invoke(self->environment, event, &invocation, &self->result);
    if (status != LAMBDA_OK) {
        char text[1024];
        int length = snprintf(text, sizeof(text), "{\"errorType\":\"%s\",\"errorMessage\":\"the event cannot be run\"}",
                              lambda_status_name(status));
        fprintf(stderr, "lambda-bootstrap: %s\n", lambda_error_message(self->lambda));
        return lambda__api_error(api, false, lambda_status_name(status), lambda_bytes_make(text, (size_t)length));
    }
    char *type = self->result.function_error ? error_type(self->result.payload) : NULL;
    bool sent = !self->result.function_error || type;
    if (sent && api->upload.begun)
        sent = lambda__api_stream_end(api, type, self->result.payload);
    else if (sent && type)
        sent = lambda__api_error(api, false, type, self->result.payload);
    else if (sent)
        sent = lambda__api_response(api, self->result.payload);
    free(type);
    return sent;
}

/** Runs events; the exit status. */
static int run_events(bootstrap *self)
{
    for (;;) {
        lambda__next next = lambda__api_next(&self->api);
        if (next == LAMBDA__NEXT_WOKEN) return 0;
        if (next == LAMBDA__NEXT_FAILED || !run_event(self)) return 1;
        if (lambda_environment_retired(self->environment)) return 1;
    }
}

/* ---- all of it */

static int fail_init(bootstrap *self)
{
    char *type = error_type(self->result.payload);
    fprintf(stderr, "lambda-bootstrap: init failed: %.*s\n", (int)self->result.payload.length,
            (const char *)self->result.payload.data);
    if (type) lambda__api_error(&self->api, true, type, self->result.payload);
    free(type);
    return 1;
}

static int live(bootstrap *self)
{
    if (lambda_environment_init(self->environment, &self->result) != LAMBDA_OK) {
        fprintf(stderr, "lambda-bootstrap: %s\n", lambda_error_message(self->lambda));
        return 1;
    }
    return self->result.function_error ? fail_init(self) : run_events(self);
}

int lambda_bootstrap_run_with_sized(const lambda_bootstrap_options *given, size_t size)
{
    lambda_bootstrap_options options = LAMBDA_ZERO;
    if (given) memcpy(&options, given, size < sizeof(options) ? size : sizeof(options));
    static bootstrap self;
    listen_for_end();
    if (!lambda__api_open(&self.api, end_pipe[0])) return 1;
    lambda_status status = lambda__settings_open(&options, &self.lambda, &self.environment);
    int code = 1;
    if (status == LAMBDA_OK)
        code = live(&self);
    else
        fprintf(stderr, "lambda-bootstrap: %s\n", lambda_error_message(self.lambda));
    lambda_shutdown_reason reason =
        lambda_environment_retired(self.environment) ? LAMBDA_SHUTDOWN_FAILURE : LAMBDA_SHUTDOWN_CLOSE;
    lambda_environment_close(self.environment, reason);
    if (self.lambda) lambda_result_clear(&self.result);
    lambda_close(self.lambda);
    lambda__api_close(&self.api);
    unsetenv("_X_AMZN_TRACE_ID");
    self = (bootstrap){0};
    return code;
}

int lambda_bootstrap_fail(const char *type, const char *message)
{
    lambda__api api;
    if (!type) type = "Runtime.InitError";
    fprintf(stderr, "lambda-bootstrap: %s: %s\n", type, message ? message : "");
    json_t *object =
        json_pack("{s:s, s:s, s:[]}", "errorMessage", message ? message : "", "errorType", type, "stackTrace");
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (lambda__api_open(&api, -1)) {
        lambda_bytes payload = text ? lambda_bytes_make(text, strlen(text)) : LAMBDA_JSON("{}");
        lambda__api_error(&api, true, type, payload);
        lambda__api_close(&api);
    }
    free(text);
    return 1;
}
