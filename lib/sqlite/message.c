#include "message.h"

#include <string.h>

lambda__sqlite_message *lambda__sqlite_message_new(const lambda_allocator *allocator, size_t length)
{
    if (length > SIZE_MAX - sizeof(lambda__sqlite_message)) return NULL;
    lambda__sqlite_message *message = allocator->allocate(allocator->user, sizeof(lambda__sqlite_message) + length);
    if (!message) return NULL;
    memset(message, 0, sizeof(*message));
    message->length = length;
    return message;
}

void lambda__sqlite_list_free(const lambda_allocator *allocator, lambda__sqlite_list *list)
{
    for (lambda__sqlite_message *message; (message = lambda__sqlite_list_take(list));)
        allocator->release(allocator->user, message);
}
