/* Attachments: what an adapter keeps with a function, in the service's store, and has gone when the function is gone. */
#ifndef LAMBDA_PORT_ATTACHMENT_H
#define LAMBDA_PORT_ATTACHMENT_H

#include <lambda/function.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most bytes of one. */
#define LAMBDA_ATTACHMENT_MAX 65536

/** Is shown one; anything but LAMBDA_OK ends it, and is what the call returns. `qualifier` is "" for the function itself. Borrowed for the call, with no lock held. */
typedef lambda_status lambda_attachment_visitor(void *user, const char *function_name, const char *qualifier,
                                                lambda_bytes value);

/**
 * Attaches a value to a function, or to the version or alias that the name carries as qualifier ("$LATEST" is the function itself), in place of the one of that kind that is there. `kind` is 1 to 32 of
 * `a-z 0-9 -`: "url", "policy"; an adapter's own business. `value` is UTF-8 without a NUL byte, copied; `data` NULL takes it away, and where there is none nothing happens. It is in the store when this returns. It goes with the
 * function, version or alias. It is no change of the function: its revision id stays. Any thread; errors as in function.h, and the store's.
 */
LAMBDA_API lambda_status lambda_attachment_put(lambda_t *lambda, const char *function_name, const char *kind,
                                               lambda_bytes value);

/** Shows the one of that very function and qualifier. LAMBDA_ERROR_RESOURCE_NOT_FOUND also where there is none. */
LAMBDA_API lambda_status lambda_attachment_get(lambda_t *lambda, const char *function_name, const char *kind,
                                               lambda_attachment_visitor *visit, void *user);

/** Shows all of a kind of a function and its qualifiers, by qualifier; `function_name`, without a qualifier, NULL: of all functions, in no order. What is put meanwhile is shown to who asks next. */
LAMBDA_API lambda_status lambda_attachment_list(lambda_t *lambda, const char *function_name, const char *kind,
                                                lambda_attachment_visitor *visit, void *user);

#ifdef __cplusplus
}
#endif

#endif
