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

void lambda__message_va(lambda__base *base, const char *format, va_list arguments)
{
    char text[LAMBDA__ERROR_SIZE];
    int length = vsnprintf(text, sizeof(text), format, arguments);
    if (length < 0) text[0] = '\0';
    if (length >= (int)sizeof(text)) memcpy(text + sizeof(text) - 4, "...", 4);
    memcpy(message_of(base, true), text, strlen(text) + 1);
}

void lambda__message(lambda__base *base, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    lambda__message_va(base, format, arguments);
    va_end(arguments);
}

const char *lambda__error_message(lambda__base *base)
{
    return message_of(base, false);
}
