/* One message in memory, and lists of them. */
#ifndef LAMBDA_SQLITE_MESSAGE_H
#define LAMBDA_SQLITE_MESSAGE_H

#include <stdalign.h>

#include <lambda/port/allocator.h>

/** Where a message in memory stands. */
typedef enum lambda__sqlite_standing {
    MESSAGE_NEW,    /* about to be pushed, or it waits */
    MESSAGE_HELD,   /* its receiver's */
    MESSAGE_ENDING, /* its receiver's, and being acknowledged or retried */
    MESSAGE_LATE    /* its visibility is over */
} lambda__sqlite_standing;

/** The body follows. */
typedef struct lambda__sqlite_message {
    struct lambda__sqlite_message *next; /* of the list that it is on */
    int64_t id;                          /* its row */
    int64_t pushed;                      /* queue time */
    int64_t due;                         /* the row's; 0: it has none, it was never delayed */
    int64_t delay;                       /* of which `due` is the end */
    uint64_t state;
    uint32_t receive_count;
    lambda__sqlite_standing standing;
    bool borrowed;   /* a receiver may read the body: it has a slot */
    bool redelivery; /* LATE, and on the list of those that are received again */
    bool purged;     /* purge has chosen it */
    uint32_t slot;
    int64_t expires; /* end of its visibility; INT64_MAX: never */
    size_t place;    /* in the heap */
    size_t length;
    alignas(max_align_t) unsigned char body[];
} lambda__sqlite_message;

/** Messages in a row. All zero: none. */
typedef struct lambda__sqlite_list {
    lambda__sqlite_message *first;
    lambda__sqlite_message *last;
    size_t count;
} lambda__sqlite_list;

static inline void lambda__sqlite_list_add(lambda__sqlite_list *list, lambda__sqlite_message *message)
{
    message->next = NULL;
    if (list->last)
        list->last->next = message;
    else
        list->first = message;
    list->last = message;
    list->count++;
}

/** Takes the first one off; NULL where there is none. */
static inline lambda__sqlite_message *lambda__sqlite_list_take(lambda__sqlite_list *list)
{
    lambda__sqlite_message *message = list->first;
    if (!message) return NULL;
    list->first = message->next;
    if (!list->first) list->last = NULL;
    list->count--;
    message->next = NULL;
    return message;
}

/** A message with room for a body, all else zero; NULL when memory is out. */
lambda__sqlite_message *lambda__sqlite_message_new(const lambda_allocator *allocator, size_t length);

/** Frees all of a list, which is empty afterwards. */
void lambda__sqlite_list_free(const lambda_allocator *allocator, lambda__sqlite_list *list);

#endif
