/* A runtime driver of a test's own: its code is a text, and what it makes ready answers with all that it was asked for. */
#ifndef LAMBDA_TESTS_DRIVER_H
#define LAMBDA_TESTS_DRIVER_H

#include "support.h"

#include <lambda/port/runtime.h>

/** What it is to do, and what it has done. All zero: it refers to nothing and fails never. */
typedef struct test_driver {
    bool process;                /* its kind */
    bool refers;                 /* it gives a reference: "text:TEXT" */
    bool fails;                  /* it loads nothing */
    bool swaps;                  /* what it has by a reference is other code */
    bool no_handler;             /* it answers without one */
    const char *gives_reference; /* instead of the text's */
    const char *gives_sha256;    /* likewise */
    _Atomic bool kept;           /* what the last request said */
    _Atomic int loads;           /* that succeeded, as all below */
    _Atomic int reloads;
    _Atomic int unloads;
    _Atomic int late_unloads; /* after `closing` */
    _Atomic int closings;
    _Atomic int closes;
    _Atomic int live; /* loaded now */
} test_driver;

/** The driver's port. `reloads`: it is asked when handler or layers change. */
lambda_runtime_driver test_driver_port(test_driver *driver, const char *name, bool reloads);

/** Code of the driver of that name: the text. */
lambda_code test_driver_code(const char *name, const char *text);

#endif
