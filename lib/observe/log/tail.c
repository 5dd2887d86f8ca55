#include "observe/log/tail.h"

#include <string.h>

#include "base/memory.h"

/** Twice what is shown, so that lines are seldom moved; and a NUL. */
#define CAPACITY (2 * LAMBDA__TAIL_SIZE + 1)

/** Where a character begins, from here on. */
static size_t character(const char *text, size_t at, size_t length)
{
    while (at < length && ((unsigned char)text[at] & 0xC0u) == 0x80u)
        at++;
    return at;
}

/** Keeps the last bytes: whole lines, unless too little would be left of them because one is so long; that one is cut. */
static void trim(lambda__buffer *buffer)
{
    if (buffer->length <= LAMBDA__TAIL_SIZE) return;
    size_t start = buffer->length - LAMBDA__TAIL_SIZE;
    /* The byte before tells whether a line begins here. */
    const char *end = memchr(buffer->data + start - 1, '\n', LAMBDA__TAIL_SIZE / 2);
    start = end ? (size_t)(end - buffer->data) + 1 : character(buffer->data, start, buffer->length);
    buffer->length -= start;
    memmove(buffer->data, buffer->data + start, buffer->length);
}

void lambda__tail_open(lambda__tail *tail, lambda__buffer lent)
{
    lambda__latch_take(&tail->latch);
    tail->open = true;
    tail->left = false;
    tail->buffer = lent;
    tail->buffer.length = 0;
    lambda__latch_give(&tail->latch);
}

static void add(lambda__base *base, lambda__buffer *buffer, const char *line, size_t length)
{
    if (length >= LAMBDA__TAIL_SIZE) {
        /* Of a line that is longer than all that is shown, the end. */
        size_t start = character(line, length - LAMBDA__TAIL_SIZE + 1, length);
        buffer->length = 0;
        line += start;
        length -= start;
    }
    if (buffer->capacity < CAPACITY && !lambda__buffer_reserve(base, buffer, CAPACITY - 1 - buffer->length)) return;
    if (buffer->length + length + 1 >= CAPACITY) trim(buffer);
    memcpy(buffer->data + buffer->length, line, length);
    buffer->data[buffer->length + length] = '\n';
    buffer->length += length + 1;
}

void lambda__tail_leave(lambda__tail *tail)
{
    lambda__latch_take(&tail->latch);
    tail->left = true;
    lambda__latch_give(&tail->latch);
}

void lambda__tail_add(lambda__base *base, lambda__tail *tail, bool leaving, const char *line, size_t length)
{
    lambda__latch_take(&tail->latch);
    if (tail->open && (leaving || !tail->left)) add(base, &tail->buffer, line, length);
    lambda__latch_give(&tail->latch);
}

lambda__buffer lambda__tail_close(lambda__tail *tail)
{
    lambda__latch_take(&tail->latch);
    lambda__buffer buffer = tail->buffer;
    tail->buffer = (lambda__buffer){0};
    tail->open = false;
    lambda__latch_give(&tail->latch);
    trim(&buffer);
    if (buffer.capacity > 0) buffer.data[buffer.length] = '\0';
    return buffer;
}
