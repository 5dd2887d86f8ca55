/* JSON documents that the API keeps with functions, as attachments of the service. */
#include <lambda/port/attachment.h>
#include <lambda/port/runtime.h>

#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "url.h"

static lambda_status parse(void *user, const char *function_name, const char *qualifier, lambda_bytes value)
{
    json_t **document = user;
    json_error_t error;
    (void)function_name;
    (void)qualifier;
    *document = json_loadb(value.data, value.length, JSON_REJECT_DUPLICATES, &error);
    if (*document) return LAMBDA_OK;
    return json_error_code(&error) == json_error_out_of_memory ? LAMBDA_ERROR_OUT_OF_MEMORY : LAMBDA_ERROR_SERVICE;
}

json_t *lambda__document_get(lambda_api *api, const char *name, const char *kind, lambda_status *status)
{
    json_t *document = NULL;
    *status = lambda_attachment_get(api->lambda, name, kind, parse, &document);
    if (*status == LAMBDA_ERROR_SERVICE)
        *status = lambda_runtime_fail(api->lambda, LAMBDA_ERROR_SERVICE, "%s: the %s that is kept with it is no JSON",
                                      name, kind);
    return document;
}

static lambda_status put(lambda_api *api, const char *name, const char *kind, const json_t *document)
{
    if (!document) return lambda_attachment_put(api->lambda, name, kind, lambda_bytes_make(NULL, 0));
    char *text = json_dumps(document, JSON_COMPACT);
    if (!text) return LAMBDA_ERROR_OUT_OF_MEMORY;
    lambda_status status = lambda_attachment_put(api->lambda, name, kind, lambda_bytes_make(text, strlen(text)));
    free(text);
    return status;
}

lambda_status lambda__document_put(lambda_api *api, const char *name, const char *kind, const json_t *document)
{
    lambda_status status = put(api, name, kind, document);
    /* Function URLs and who may use them are looked up in an index of their own. */
    bool indexed = strcmp(kind, "url") == 0 || strcmp(kind, "policy") == 0;
    return status == LAMBDA_OK && indexed && api->urls ? lambda__url_index_reload(api, name) : status;
}
