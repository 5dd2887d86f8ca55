/*
 * The end of one invocation's log, for Lambda's LogType Tail. A handler whose caller has left goes on logging: who adds, and who closes, holds the
 * latch, and what comes after the close is dropped.
 */
#ifndef LAMBDA_LIB_LOG_TAIL_H
#define LAMBDA_LIB_LOG_TAIL_H

#include "base/buffer.h"
#include "base/latch.h"

/** Bytes that Lambda shows, https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. */
#define LAMBDA__TAIL_SIZE 4096

typedef struct lambda__tail {
    lambda__latch latch;
    bool open;             /* an invocation collects */
    bool left;             /* its caller leaves: the handler adds no more */
    lambda__buffer buffer; /* lines with their ends; empty while it is not open */
} lambda__tail;

/** Begins, in memory that is lent until the close; an empty buffer is made when the first line comes. */
void lambda__tail_open(lambda__tail *tail, lambda__buffer lent);

/** The caller leaves: from here on only its own lines are added, so that a late handler does not push them out. */
void lambda__tail_leave(lambda__tail *tail);

/** Adds a line, if it is open; `leaving`: of the caller that leaves. One for which there is no memory is missing; one that is longer than all of the tail leaves nothing before it. */
void lambda__tail_add(lambda__base *base, lambda__tail *tail, bool leaving, const char *line, size_t length);

/** Ends it: the memory, and in it the whole lines among the last LAMBDA__TAIL_SIZE bytes, a NUL behind them. */
lambda__buffer lambda__tail_close(lambda__tail *tail);

#endif
