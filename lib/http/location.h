/* Where a deployment package can be fetched from. */
#ifndef LAMBDA_HTTP_LOCATION_H
#define LAMBDA_HTTP_LOCATION_H

#include "api.h"

/** Room for an address. */
#define LAMBDA__LOCATION_SIZE 560

/** What the paths of packages begin with. */
#define LAMBDA__LOCATION_PATH "/packages/"

/** The address of the package of that CodeSha256, for ten minutes from `now_s`. False: there is none, as the caller did not come through a server, or the zip is not kept. */
bool lambda__location_of(const lambda__request *request, const char *code_sha256, uint64_t now_s,
                         char text[LAMBDA__LOCATION_SIZE]);

/** Whether path and query are an address that was given, and that still holds: `why` says why not, and `file` is the zip, the caller's to close. The status of HTTP's: 200, 403 or 404. */
int lambda__location_open(lambda_api *api, const char *path, const char *query, uint64_t now_s, const char **why,
                          int *file);

#endif
