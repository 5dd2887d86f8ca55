#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/thread.h"

static _Thread_local char message_without_service[LAMBDA__ERROR_SIZE];

static char *message_of(lambda__base *base, bool failed)
{
    lambda__thread *thread = base ? lambda__thread_get(base) : NULL;
    if (!thread) return message_without_service;
    if (failed) thread->failures++;
    return thread->message;
}

lambda_status lambda__fail_va(lambda__base *base, lambda_status status, const char *format, va_list arguments)
{
    char text[LAMBDA__ERROR_SIZE];
    int length = vsnprintf(text, sizeof(text), format, arguments);
    if (length < 0) text[0] = '\0';
    if (length >= (int)sizeof(text)) memcpy(text + sizeof(text) - 4, "...", 4);
    memcpy(message_of(base, true), text, strlen(text) + 1);
    return status;
}

lambda_status lambda__fail(lambda__base *base, lambda_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    lambda__fail_va(base, status, format, arguments);
    va_end(arguments);
    return status;
}

lambda_status lambda__out_of_memory(lambda__base *base)
{
    return lambda__fail(base, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
}

const char *lambda__error_message(lambda__base *base)
{
    return message_of(base, false);
}
