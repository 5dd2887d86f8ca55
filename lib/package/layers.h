/* Layers in memory: all of them, read when the store is opened; on disk each version is a file. */
#ifndef LAMBDA_PACKAGE_LAYERS_H
#define LAMBDA_PACKAGE_LAYERS_H

#include "add.h"

#define LAMBDA__LAYER_NAME          140
#define LAMBDA__LAYER_RUNTIMES      15
#define LAMBDA__LAYER_ARCHITECTURES 2

/** A version that is there. */
typedef struct lambda__layer_record {
    struct lambda__layer_record *next; /* an older one */
    lambda_layer_version *about;       /* owned */
    lambda_package *package;           /* held */
    char *policy;                      /* owned. NULL: none */
} lambda__layer_record;

/** A layer, even if all its versions are deleted: their numbers stay used. */
struct lambda__layer {
    struct lambda__layer *next; /* by name */
    uint64_t number;            /* of the next version */
    lambda__layer_record *newest;
    char name[LAMBDA__LAYER_NAME + 1];
};

/** What a text names. */
typedef struct lambda__layer_name {
    char name[LAMBDA__LAYER_NAME + 1];
    uint64_t number; /* 0: no version */
} lambda__layer_name;

/** Reads a layer's name or ARN. INVALID_PARAMETER_VALUE; RESOURCE_NOT_FOUND for one of another region or account. `what` names it in messages. */
lambda_status lambda__layer_parse(const lambda_packages *packages, const char *what, const char *text,
                                  lambda__layer_name *name);

/** Reads a layer version's ARN; likewise. */
lambda_status lambda__layer_parse_version(const lambda_packages *packages, const char *what, const char *text,
                                          lambda__layer_name *name);

/** A copy in one piece of memory; NULL when memory is out. Its ARNs are made anew, and size and digest are the package's. */
lambda_layer_version *lambda__layer_copy(const lambda_packages *packages, const lambda_layer_version *from,
                                         const lambda_package *package);

/** The layer of that name; NULL if there is none. `mutex` or `changing` is held. */
lambda__layer *lambda__layer_find(const lambda_packages *packages, const char *name);

/** Its version of that number; NULL if there is none. Likewise. */
lambda__layer_record *lambda__layer_find_version(const lambda__layer *layer, uint64_t number);

/** The layer of that name, made if there is none; NULL when memory is out. Both locks are held, or nobody else has the store. */
lambda__layer *lambda__layer_obtain(lambda_packages *packages, const char *name);

/** Adds a version, which the layer owns from now on. Likewise. */
void lambda__layer_insert(lambda__layer *layer, lambda__layer_record *record);

/** Writes a version's file, and before it the number of the next. With `changing` held. In layer_file.c. */
lambda_status lambda__layer_write(lambda_packages *packages, const lambda_layer_version *about,
                                  const lambda_package *package);

/** Writes a version's file anew, with that policy (NULL: none). Likewise. */
lambda_status lambda__layer_rewrite(lambda_packages *packages, const lambda_layer_version *about,
                                    const lambda_package *package, const char *policy);

/** Frees a record that no layer has. NULL is allowed. */
void lambda__layer_record_free(lambda__layer_record *record);

/** Removes a version's file. Likewise. */
lambda_status lambda__layer_unlink(lambda_packages *packages, const char *name, uint64_t number);

/** Fails: there is no such version. */
lambda_status lambda__layer_missing(const lambda_packages *packages, const lambda__layer_name *name);

#endif
