/* What the makers of answers share. */
#ifndef LAMBDA_HTTP_URL_ANSWER_H
#define LAMBDA_HTTP_URL_ANSWER_H

#include "url.h"

/** Status, headers and cookies of an object, which must outlive the answer. False: they are not valid. */
bool lambda__url_answer_head(lambda__url_answer *answer, json_t *object, lambda_status *status);
/** Any JSON that a function gives. NULL: it is none, or none that can be held, or memory is out, as the error says. */
json_t *lambda__url_answer_read(lambda_bytes text, json_error_t *error);
/** A header whose name and value stay where they are. False: there is no room. */
bool lambda__url_answer_borrow(lambda__url_answer *answer, const char *name, const char *value);
/** 502: the function answered what is no answer, or failed. */
void lambda__url_answer_bad(lambda__url_answer *answer);

#endif
