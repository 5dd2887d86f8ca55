/* The options of a service. Ports are checked by whoever uses them, but for what can be said of their functions alone. */
#ifndef LAMBDA_LIB_OPTIONS_H
#define LAMBDA_LIB_OPTIONS_H

#include <lambda/service.h>

/**
 * Copies what a caller gave, `size` bytes of it or NULL, checks it, and fills in the defaults of limits, texts, levels and numbers.
 * Texts and ports are the caller's still. The message is where lambda_open's stands.
 */
lambda_status lambda__options_choose(const lambda_options *given, size_t size, lambda_options *chosen);

#endif
