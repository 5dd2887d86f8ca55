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

/** The whole object, made of type and message; NULL when memory is out. */
static char *payload_of(const char *type, const char *message)
{
    json_t *object = json_pack("{s:s, s:s}", "errorType", type, "errorMessage", message);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

lambda_status lambda__instance_answer_fault(lambda__instance *instance)
{
    char message[640];
    snprintf(message, sizeof(message), "RequestId: %s Error: %s", lambda_context_aws_request_id(instance->context),
             instance->fault_message);
    char *payload = payload_of(instance->fault, message);
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
