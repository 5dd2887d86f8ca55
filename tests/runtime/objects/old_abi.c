/* An object that was built for another ABI. */
#include <lambda/lambda.h>

LAMBDA_API const uint32_t lambda_abi_version = LAMBDA_ABI_VERSION + 1;
