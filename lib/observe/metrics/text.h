/* Text on its way to a writer: gathered, so that the writer is called for pieces worth it. */
#ifndef LAMBDA_LIB_TEXT_H
#define LAMBDA_LIB_TEXT_H

#include <lambda/writer.h>

#include "base/base.h"

typedef struct lambda__text {
    lambda_writer *write;
    void *user;
    lambda_status status; /* LAMBDA_OK until the writer answers something else: nothing is written any more */
    size_t length;
    char piece[2048];
} lambda__text;

static inline void lambda__text_begin(lambda__text *text, lambda_writer *write, void *user)
{
    text->write = write;
    text->user = user;
    text->status = LAMBDA_OK;
    text->length = 0;
}

/** Writes what is left; what the writer answered. */
lambda_status lambda__text_end(lambda__text *text);

void lambda__text_put(lambda__text *text, const char *bytes, size_t length);

/** A string that ends in NUL. */
void lambda__text_string(lambda__text *text, const char *string);

/** Formatted; at most 1,023 bytes. */
void lambda__text_format(lambda__text *text, const char *format, ...) LAMBDA_PRINTF(2, 3);

/** A JSON string with its quotes; bytes that are not ASCII stand as they are. */
void lambda__text_json(lambda__text *text, const char *string);

/** A number, finite, as JSON and Prometheus write it: shortest of 15 to 17 digits that reads back the same, whatever the locale. */
void lambda__text_number(lambda__text *text, double value);

#endif
