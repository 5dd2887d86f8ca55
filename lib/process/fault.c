/*
 * What goes wrong with processes, in the words that Lambda has for it. Types and messages as users of Lambda see them:
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (failures during the invoke phase),
 * https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
 */
#include <ctype.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "instance.h"
#include "telemetry_text.h"

void lambda__instance_fault(lambda__instance *instance, const char *type, const char *format, ...)
{
    if (instance->fault[0]) return;
    va_list arguments;
    va_start(arguments, format);
    snprintf(instance->fault, sizeof(instance->fault), "%s", type);
    vsnprintf(instance->fault_message, sizeof(instance->fault_message), format, arguments);
    va_end(arguments);
}

/** Signals by the names that Lambda gives them. */
static const char *signal_words(int signal)
{
    switch (signal) {
    case SIGHUP:
        return "hangup";
    case SIGINT:
        return "interrupt";
    case SIGQUIT:
        return "quit";
    case SIGILL:
        return "illegal instruction";
    case SIGTRAP:
        return "trace/breakpoint trap";
    case SIGABRT:
        return "aborted";
    case SIGBUS:
        return "bus error";
    case SIGFPE:
        return "floating point exception";
    case SIGKILL:
        return "killed";
    case SIGUSR1:
        return "user defined signal 1";
    case SIGSEGV:
        return "segmentation fault";
    case SIGUSR2:
        return "user defined signal 2";
    case SIGPIPE:
        return "broken pipe";
    case SIGALRM:
        return "alarm clock";
    case SIGTERM:
        return "terminated";
    default:
        return NULL;
    }
}

void lambda__exit_words(int status, char words[64])
{
    if (WIFEXITED(status)) {
        snprintf(words, 64, "exit status %d", WEXITSTATUS(status));
        return;
    }
    const char *name = signal_words(WTERMSIG(status));
    if (name)
        snprintf(words, 64, "signal: %s", name);
    else
        snprintf(words, 64, "signal: signal %d", WTERMSIG(status));
}

const char *lambda__errno_words(int error, char words[64])
{
    snprintf(words, 64, "%s", strerror(error));
    words[0] = (char)tolower((unsigned char)words[0]);
    return words;
}

void lambda__instance_runtime_exited(lambda__instance *instance)
{
    char words[64];
    int status = instance->runtime.status;
    if (lambda__sandbox_out_of_memory(instance->sandbox)) {
        lambda__instance_fault(instance, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed");
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        lambda__instance_fault(instance, "Runtime.ExitError", "Runtime exited without providing a reason");
    } else {
        lambda__exit_words(status, words);
        lambda__instance_fault(instance, "Runtime.ExitError", "Runtime exited with error: %s", words);
    }
}

void lambda__instance_extension_exited(lambda__instance *instance, lambda__part *extension)
{
    char words[64];
    bool fault = instance->fault[0] != '\0';
    if (WIFEXITED(extension->status))
        snprintf(words, sizeof(words), "exit code %d", WEXITSTATUS(extension->status));
    else
        lambda__exit_words(extension->status, words);
    lambda__instance_fault(instance, "Extension.Crash", "%s", words);
    if (!fault) lambda__event_extension(instance, extension, "Exited", "Extension.Crash");
}

/** Text as a JSON string; bytes that are not UTF-8 become U+FFFD. NULL when memory is out. */
static json_t *string_of(const char *text, size_t length)
{
    size_t size = lambda__telemetry_escape(NULL, 0, text, length);
    char *quoted = malloc(size + 2);
    if (!quoted) return NULL;
    quoted[0] = quoted[size + 1] = '"';
    lambda__telemetry_escape(quoted + 1, size, text, length);
    json_t *string = json_loadb(quoted, size + 2, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    free(quoted);
    return string;
}

/** The whole object, made of type and message, of which it takes the reference; NULL when memory is out. */
static char *payload_of(const char *type, json_t *message)
{
    json_t *object = json_object();
    bool made = json_object_set_new(object, "errorType", string_of(type, strlen(type))) == 0;
    made = json_object_set_new(object, "errorMessage", message) == 0 && made;
    char *text = made ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

static bool is_json(const char *text, size_t length)
{
    json_t *value = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    json_decref(value);
    return value != NULL;
}

/**
 * JSON made of a payload that is none: the same with U+FFFD for what is not UTF-8, where that is enough, else an error whose message it is. To be freed; NULL when memory is out.
 */
static char *mend(const char *type, lambda_bytes payload, size_t *length)
{
    json_t *text = string_of(payload.data, payload.length);
    if (!text) return NULL;
    char *mended = NULL;
    if (is_json(json_string_value(text), json_string_length(text))) {
        *length = json_string_length(text);
        mended = malloc(*length);
        if (mended) memcpy(mended, json_string_value(text), *length);
        json_decref(text);
    } else {
        mended = payload_of(type, text);
        if (mended) *length = strlen(mended);
    }
    return mended;
}

lambda_status lambda__instance_answer_error(lambda__instance *instance, const char *type, lambda_bytes payload)
{
    if (payload.length == 0 || is_json(payload.data, payload.length))
        return lambda_response_error_payload(instance->response, type, payload.data, payload.length);
    size_t length = 0;
    char *mended = mend(type, payload, &length);
    if (!mended) return LAMBDA_ERROR_OUT_OF_MEMORY;
    lambda_status status = lambda_response_error_payload(instance->response, type, mended, length);
    free(mended);
    if (status != LAMBDA_ERROR_REQUEST_TOO_LARGE) return status;
    /* Mended it is larger than it came: then what a message may have of it. */
    char *text = strndup(payload.data, payload.length);
    status = text ? lambda_response_error(instance->response, type, text) : LAMBDA_ERROR_OUT_OF_MEMORY;
    free(text);
    return status;
}

bool lambda__instance_tell_init_error(lambda__instance *instance, const char *type, lambda_bytes payload)
{
    if (payload.length == 0 || is_json(payload.data, payload.length))
        return lambda_context_init_error(instance->context, type, payload.data, payload.length) == LAMBDA_OK;
    size_t length = 0;
    char *mended = mend(type, payload, &length);
    bool told = mended && lambda_context_init_error(instance->context, type, mended, length) == LAMBDA_OK;
    free(mended);
    return told;
}

lambda_status lambda__instance_answer_fault(lambda__instance *instance)
{
    char message[640];
    snprintf(message, sizeof(message), "RequestId: %s Error: %s", lambda_context_aws_request_id(instance->context),
             instance->fault_message);
    char *payload = payload_of(instance->fault, string_of(message, strlen(message)));
    if (!payload) return lambda_response_error(instance->response, instance->fault, message);
    lambda_status status = lambda_response_error_payload(instance->response, instance->fault, payload, strlen(payload));
    free(payload);
    return status;
}

lambda_status lambda__instance_init_fault(lambda__instance *instance)
{
    lambda_t *lambda = lambda_context_service(instance->context);
    if (!instance->init_answered) lambda_context_init_error(instance->context, instance->fault, NULL, 0);
    return lambda_runtime_fail(lambda, LAMBDA_ERROR_SERVICE, "%s", instance->fault_message);
}
