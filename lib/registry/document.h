/* A function as a JSON document: what stands in a store. */
#ifndef LAMBDA_LIB_DOCUMENT_H
#define LAMBDA_LIB_DOCUMENT_H

#include "base/buffer.h"
#include "registry/registry_private.h"

/** Of the document. A later one is refused by earlier libraries; what an earlier one wrote is read for ever. */
#define LAMBDA__DOCUMENT_FORMAT 1

/** Appends the document. False when memory is out. As writer. */
bool lambda__document_write(lambda_t *lambda, const lambda__image *image, lambda__buffer *text);

/** Makes code of what a document says of it: `handler` is the handler string of the first version that has it. */
typedef lambda_status lambda__code_maker(lambda_t *lambda, const char *function_name, const char *handler,
                                         const lambda__recipe *recipe, const char *sha256, uint64_t size,
                                         lambda__code **code);

/**
 * Reads a document that is kept under `name`: a function that is whole but not registered, the caller's to discard. What is wrong with
 * it is LAMBDA_ERROR_INVALID_PARAMETER_VALUE, with a message that names the place.
 */
lambda_status lambda__document_read(lambda_t *lambda, const char *name, lambda_bytes text,
                                    lambda__code_maker *make_code, lambda__function **function);

#endif
