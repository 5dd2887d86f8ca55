/* Function URLs from what is attached to functions. */
#ifndef LAMBDA_HTTP_URL_LOAD_H
#define LAMBDA_HTTP_URL_LOAD_H

#include "url.h"

/**
 * Fills in a zeroed URL from an attachment of kind "url": {"Id", "AuthType", "InvokeMode", "Cors", ...}, and the policy that is attached beside it. What failed is to be unloaded too.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE: it is no such document.
 */
lambda_status lambda__url_load(lambda_api *api, const char *function_name, const char *qualifier, lambda_bytes document,
                               lambda__url *url);
void lambda__url_unload(lambda__url *url);

#endif
