/* What a URL's policy says of anybody, asked once. */
#ifndef LAMBDA_HTTP_URL_ACCESS_H
#define LAMBDA_HTTP_URL_ACCESS_H

#include "url.h"

/** Fills in `open` and `settled` of a URL whose policy is there. */
void lambda__url_settle(lambda__url *url);

#endif
