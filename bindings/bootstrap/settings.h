/* What Lambda's environment variables say. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html */
#ifndef LAMBDA_BOOTSTRAP_SETTINGS_H
#define LAMBDA_BOOTSTRAP_SETTINGS_H

#include <lambda/bootstrap.h>
#include <lambda/port/environment.h>
#include <lambda/port/runtime.h>

/** A service and an environment as they say; on failure `*environment` is NULL, and the service's message, if there is one, says why. */
lambda_status lambda__settings_open(const lambda_bootstrap_options *options, lambda_t **lambda,
                                    lambda_environment **environment);

#endif
