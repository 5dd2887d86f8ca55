/* A function that does what a test says, and a reader of its response that notes what it gets. */
#ifndef LAMBDA_TESTS_STREAM_WORLD_H
#define LAMBDA_TESTS_STREAM_WORLD_H

#include "support.h"

#include <lambda/port/runtime.h>
#include <lambda/testing.h>

/** A reader that notes what it gets. */
typedef struct notes {
    char text[200000];
    size_t length;
    int begun;
    int parts;
    char content_type[256];
    const void *last; /* where the last part stood */
    size_t last_length;
} notes;

/** And what it does. */
typedef struct wishes {
    int refuse_at;     /* the part of that number is refused; 0: none */
    bool refuse_begin; /* so is the beginning */
    bool says_why;     /* with a message of its own */
} wishes;

/** What a function does. */
typedef lambda_status stream_handler(lambda_response *response);

extern test_memory memory;
extern lambda_t *lambda; /* with a function "f" */
extern lambda_result result;
extern wishes wanted;
extern notes noted;
extern const lambda_response_stream reader;
extern const lambda_invoke_options streamed; /* to the reader */
extern stream_handler *next;                 /* what the function does this time */

lambda_status does_next(const lambda_event *event, lambda_context *context, lambda_response *response);

/** Another service, with these options but for its memory. */
void open_service(lambda_options options);

/** cmocka's: opens one, and closes it with all its memory back. */
int set_up(void **state);
int tear_down(void **state);

/** Invokes the function, whose handler does that. */
void invoke(stream_handler *handler);

/** The reader got this text. */
void assert_noted(const char *text);

/** The function failed with this payload. */
void assert_failed(const char *payload);

#endif
