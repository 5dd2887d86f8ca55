/* What the handlers of tests/bindings/test_bootstrap.py do, whichever way they are run: the event says which of them it wants. */
#ifndef HANDLERS_H
#define HANDLERS_H

#include <lambda/code.h>

lambda_handler choose;
lambda_init_hook begin;
lambda_shutdown_hook end;

#endif
