/* A handler as a product would have it: takes orders from an SQS queue, and says which of them it could not take. */
#ifndef ORDERS_H
#define ORDERS_H

#include <lambda/lambda.h>

lambda_init_hook orders_init;
lambda_shutdown_hook orders_shutdown;
lambda_handler orders;

#endif
