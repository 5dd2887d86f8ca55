/* The store port: where functions are kept from one run of the host to the next. lambda/sqlite.h has one. */
#ifndef LAMBDA_PORT_STORE_H
#define LAMBDA_PORT_STORE_H

#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One change: sets the value of a name, or takes the name away. Borrowed for the call. */
typedef struct lambda_store_change {
    const char *kind;   /**< what the name is of: "function", "code"; at most 16 characters */
    const char *name;   /**< at most 256 characters */
    lambda_bytes value; /**< `data` NULL: the name is taken away, which is no error where it is not there */
} lambda_store_change;

/** Is shown one value of a `read`; anything but LAMBDA_OK ends it, and is what `read` returns. Borrowed for the call. */
typedef lambda_status lambda_store_visitor(void *user, const char *name, lambda_bytes value);

/**
 * A store of named values. All zero: none. The library copies the struct. Calls come one at a time, on any thread, with the lock held
 * under which functions are changed: they call nothing of the service but lambda_runtime_fail. One that fails says why with that and
 * has changed nothing. A `visit` may take long, as it may load code.
 */
typedef struct lambda_store {
    /** The service opens; `lambda` is for lambda_runtime_fail. Once, before all others. NULL: nothing is needed. */
    lambda_status (*attach)(void *user, lambda_t *lambda);
    /** Makes all changes or none, and returns when they are as safe as this store makes them. */
    lambda_status (*write)(void *user, const lambda_store_change *changes, size_t count);
    /** Shows every value of a kind by rising name, or that of one `name` (NULL: all); a name that is not there shows nothing. */
    lambda_status (*read)(void *user, const char *kind, const char *name, lambda_store_visitor *visit,
                          void *visit_user);
    /** The service closes. NULL: nothing is to be done. */
    void (*close)(void *user);
    void *user; /**< handed to all of them */
} lambda_store;

#ifdef __cplusplus
}
#endif

#endif
