/* A function as a JSON document: what stands in a store. */
#ifndef LAMBDA_LIB_DOCUMENT_H
#define LAMBDA_LIB_DOCUMENT_H

#include <jansson.h>

#include "base/buffer.h"
#include "registry/registry_private.h"

/** Of the document. A later one is refused by earlier libraries; what an earlier one wrote is read for ever. */
#define LAMBDA__DOCUMENT_FORMAT 1

/** Appends the document. False when memory is out. As writer. */
bool lambda__document_write(lambda_t *lambda, const lambda__image *image, lambda__buffer *text);

/** Makes code of what a document says of it: `settings` are those of the first version that has it. */
typedef lambda_status lambda__code_maker(lambda_t *lambda, const char *function_name, const lambda__settings *settings,
                                         const lambda__recipe *recipe, const char *sha256, uint64_t size,
                                         lambda__code **code);

/** A document's text, borrowed, and what it was parsed to. */
typedef struct lambda__parsed {
    lambda_bytes text;
    json_t *document; /* NULL: it was not, or could not be */
} lambda__parsed;

/** Parses all of them, with threads of the library's own where it may have some. */
void lambda__documents_parse(lambda__base *base, lambda__parsed *items, size_t count);

/**
 * Reads a document that is kept under `name`: a function that is whole but not registered, the caller's to discard. What is wrong with
 * it is LAMBDA_ERROR_INVALID_PARAMETER_VALUE, with a message that names the place.
 */
lambda_status lambda__document_read(lambda_t *lambda, const char *name, const lambda__parsed *parsed,
                                    lambda__code_maker *make_code, lambda__function **function);

/** What a member is, and what `to` points to. */
typedef enum lambda__document_type {
    LAMBDA__MEMBER_TEXT,   /* const char *, into the document */
    LAMBDA__MEMBER_NUMBER, /* json_int_t */
    LAMBDA__MEMBER_REAL,   /* double */
    LAMBDA__MEMBER_FLAG,   /* bool */
    LAMBDA__MEMBER_ANY     /* json_t *, borrowed */
} lambda__document_type;

typedef struct lambda__document_member {
    const char *name;
    lambda__document_type type;
    void *to; /* stays as it is where an optional one is missing */
    bool optional;
} lambda__document_member;

/** Takes an object apart. False, and why: a member is missing, of another type, or unknown. */
bool lambda__document_members(json_t *object, const lambda__document_member *members, size_t count, char why[160]);

/** Settings that are one of few, and a word in the document. */
typedef enum lambda__document_choice {
    LAMBDA__WORD_ISOLATION,
    LAMBDA__WORD_LOG_FORMAT,
    LAMBDA__WORD_LOG_LEVEL,
    LAMBDA__WORD_TRACING_MODE,
    LAMBDA__WORD_METRICS_MODE
} lambda__document_choice;

/** The word for a value of the public enumeration; NULL for 0. Static. */
const char *lambda__document_word(lambda__document_choice choice, unsigned value);

/** The value of a word, 0 for NULL; false where there is no such word. */
bool lambda__document_value(lambda__document_choice choice, const char *word, unsigned *value);

#endif
