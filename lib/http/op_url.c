/* Operations of function URLs: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunctionUrlConfig.html */
#include <lambda/port/attachment.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api.h"
#include "handlers.h"
#include "resource.h"

#define LIST_MAX 50

static const char *const AUTH_TYPES[] = {"NONE", "AWS_IAM", NULL};
static const char *const INVOKE_MODES[] = {"BUFFERED", "RESPONSE_STREAM", NULL};

static const lambda__member HEADER = {.max = 1024, .pattern = "[^\r\n]*", .shown = ".*"};
static const lambda__member METHOD = {.max = 6, .pattern = "[^\r\n]*", .shown = ".*"};
static const lambda__member ORIGIN = {.min = 1, .max = 253, .pattern = "[^\r\n]*", .shown = ".*"};
static const lambda__member CORS[] = {
    {.name = "AllowCredentials", .type = LAMBDA__BOOLEAN},
    {.name = "AllowHeaders", .type = LAMBDA__LIST, .element = LAMBDA__STRING, .max = 100, .each = &HEADER},
    {.name = "AllowMethods", .type = LAMBDA__LIST, .element = LAMBDA__STRING, .max = 6, .each = &METHOD},
    {.name = "AllowOrigins", .type = LAMBDA__LIST, .element = LAMBDA__STRING, .max = 100, .each = &ORIGIN},
    {.name = "ExposeHeaders", .type = LAMBDA__LIST, .element = LAMBDA__STRING, .max = 100, .each = &HEADER},
    {.name = "MaxAge", .type = LAMBDA__INTEGER, .max = 86400},
    {0},
};

/* clang-format off */
/* An alias: POSIX has no way to say "not only digits" but to name one that is none. */
#define QUALIFIER                                                                                                      \
    {.name = "Qualifier", .place = LAMBDA__IN_QUERY, .min = 1, .max = 128,                                             \
     .pattern = "\\$LATEST|[0-9]*[a-zA-Z_-][a-zA-Z0-9_-]*",                                                            \
     .shown = "(^\\$LATEST$)|((?!^[0-9]+$)([a-zA-Z0-9-_]+))"}
/* clang-format on */

const lambda__member lambda__members_create_function_url_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    QUALIFIER,
    {.name = "AuthType", .required = true, .values = AUTH_TYPES},
    {.name = "Cors", .type = LAMBDA__STRUCTURE, .members = CORS},
    {.name = "InvokeMode", .values = INVOKE_MODES},
    {0},
};
const lambda__member lambda__members_update_function_url_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    QUALIFIER,
    {.name = "AuthType", .values = AUTH_TYPES},
    {.name = "Cors", .type = LAMBDA__STRUCTURE, .members = CORS},
    {.name = "InvokeMode", .values = INVOKE_MODES},
    {0},
};
const lambda__member lambda__members_get_function_url_config[] = {LAMBDA__MEMBER_FUNCTION_NAME, QUALIFIER, {0}};
const lambda__member lambda__members_delete_function_url_config[] = {LAMBDA__MEMBER_FUNCTION_NAME, QUALIFIER, {0}};
const lambda__member lambda__members_list_function_url_configs[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_MARKER,
    {.name = "MaxItems", .type = LAMBDA__INTEGER, .place = LAMBDA__IN_QUERY, .min = 1, .max = LIST_MAX},
    {0},
};

/* ---- of which function */

typedef struct subject {
    char function_name[65];
    char name[200]; /* with the alias, if there is one */
    char arn[320];  /* likewise */
} subject;

/* False: answered. */
static bool find_subject(const lambda__request *request, lambda__reply *reply, subject *of)
{
    const char *asked = lambda__input_function(request, reply);
    if (!asked) {
        return false;
    }
    lambda_function_configuration *found = NULL;
    lambda_status status = lambda_function_get(request->api->lambda, asked, &found);
    if (status) {
        lambda__reply_status(reply, request->api->lambda, status);
        return false;
    }
    snprintf(of->function_name, sizeof of->function_name, "%s", found->function_name);
    snprintf(of->arn, sizeof of->arn, "%s", found->function_arn);
    lambda_function_configuration_free(found);
    /* arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER] */
    char *at = of->arn;
    for (int colons = 0; at && colons < 7; colons++) {
        at = strchr(at, ':');
        at = at ? at + 1 : NULL;
    }
    if (at && !strcmp(at, "$LATEST")) {
        at[-1] = '\0';
        at = NULL;
    }
    if (at && !at[strspn(at, "0123456789")]) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "A function URL belongs to a function or to an alias, not to a version: %s", of->arn);
        return false;
    }
    snprintf(of->name, sizeof of->name, "%s%s%s", of->function_name, at ? ":" : "", at ? at : "");
    return true;
}

static void refuse_missing(lambda__reply *reply)
{
    lambda__reply_error(reply, 404, "ResourceNotFoundException", "The resource you requested does not exist.");
}

/* The document, or NULL, which is answered. */
static json_t *find_document(const lambda__request *request, lambda__reply *reply, const subject *of)
{
    lambda_status status = LAMBDA_OK;
    json_t *document = lambda__document_get(request->api, of->name, "url", &status);
    if (!document && status == LAMBDA_ERROR_RESOURCE_NOT_FOUND) {
        refuse_missing(reply);
    } else if (!document) {
        lambda__reply_status(reply, request->api->lambda, status);
    }
    return document;
}

/* ---- what is shown */

static json_t *now(void)
{
    struct timespec time = {0};
    char text[32];
    clock_gettime(CLOCK_REALTIME, &time);
    lambda__time_text((uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec, text);
    return json_string(text);
}

static json_t *url_text(const lambda_api *api, const char *id)
{
    const char *at = strstr(api->function_url, "%s");
    if (at) return json_sprintf("%.*s%s%s", (int)(at - api->function_url), api->function_url, id, at + 2);
    const uint32_t served = atomic_load(&api->served);
    if (served == 0) return json_sprintf("http://%s.lambda-url.%s.localhost/", id, api->region);
    return json_sprintf("http%s://%s.lambda-url.%s.localhost:%u/", served & LAMBDA__SERVED_TLS ? "s" : "", id,
                        api->region, (unsigned)(served & UINT16_MAX));
}

static json_t *shape(const lambda_api *api, const json_t *document, const char *arn, bool created)
{
    static const char *const members[] = {"AuthType", "CreationTime", "InvokeMode", "Cors", "LastModifiedTime"};
    json_t *shown = json_object();
    const char *id = json_string_value(json_object_get(document, "Id"));
    bool good = shown && !json_object_set_new(shown, "FunctionUrl", url_text(api, id ? id : "")) &&
                !json_object_set_new(shown, "FunctionArn", json_string(arn));
    for (size_t i = 0; good && i < sizeof members / sizeof members[0] - (created ? 1 : 0); i++) {
        json_t *value = json_object_get(document, members[i]);
        good = !value || !json_object_set(shown, members[i], value);
    }
    if (!good) {
        json_decref(shown);
        return NULL;
    }
    return shown;
}

/* ---- what is given */

/* What the request says goes into the document; Cors without a member takes it away. False: memory is out. */
static bool take_input(const lambda__request *request, json_t *document)
{
    static const char *const members[] = {"AuthType", "InvokeMode", "Cors"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *value = json_object_get(request->input, members[i]);
        if (!value || json_is_null(value)) {
            continue;
        }
        if (json_is_object(value) && !json_object_size(value)) {
            json_object_del(document, members[i]);
        } else if (json_object_set(document, members[i], value)) {
            return false;
        }
    }
    return !json_object_set_new(document, "LastModifiedTime", now());
}

static bool make_id(char id[33])
{
    unsigned char bytes[64];
    size_t made = 0;
    while (made < 32) {
        if (RAND_bytes(bytes, sizeof bytes) != 1) {
            return false;
        }
        for (size_t i = 0; i < sizeof bytes && made < 32; i++) {
            /* 252 is a multiple of 36: each character is as likely as any other. */
            if (bytes[i] < 252) {
                id[made++] = "abcdefghijklmnopqrstuvwxyz0123456789"[bytes[i] % 36];
            }
        }
    }
    id[32] = '\0';
    return true;
}

/* ---- the operations */

static void create(const lambda__request *request, lambda__reply *reply, const subject *of)
{
    lambda_status status = LAMBDA_OK;
    json_t *present = lambda__document_get(request->api, of->name, "url", &status);
    if (present) {
        json_decref(present);
        lambda__reply_error(reply, 409, "ResourceConflictException",
                            "Failed to create function url config for [functionArn = %s]. Error message:  "
                            "FunctionUrlConfig exists for this Lambda function",
                            of->arn);
        return;
    }
    if (status != LAMBDA_ERROR_RESOURCE_NOT_FOUND) {
        lambda__reply_status(reply, request->api->lambda, status);
        return;
    }
    char id[33];
    if (!make_id(id)) {
        lambda__reply_error(reply, 500, "ServiceException", "The system gives no random numbers.");
        return;
    }
    json_t *document = json_object();
    bool good = document && !json_object_set_new(document, "Id", json_string(id)) &&
                !json_object_set_new(document, "InvokeMode", json_string("BUFFERED")) &&
                !json_object_set_new(document, "CreationTime", now()) && take_input(request, document);
    status = good ? lambda__document_put(request->api, of->name, "url", document) : LAMBDA_ERROR_OUT_OF_MEMORY;
    if (status) {
        lambda__reply_status(reply, request->api->lambda, status);
    } else {
        lambda__reply_json(reply, shape(request->api, document, of->arn, true));
    }
    json_decref(document);
}

void lambda__op_create_function_url_config(const lambda__request *request, lambda__reply *reply)
{
    subject of;
    if (!find_subject(request, reply, &of)) {
        return;
    }
    pthread_mutex_lock(&request->api->changing);
    create(request, reply, &of);
    pthread_mutex_unlock(&request->api->changing);
}

static void update(const lambda__request *request, lambda__reply *reply, const subject *of)
{
    json_t *document = find_document(request, reply, of);
    if (!document) {
        return;
    }
    lambda_status status = take_input(request, document) ? lambda__document_put(request->api, of->name, "url", document)
                                                         : LAMBDA_ERROR_OUT_OF_MEMORY;
    if (status) {
        lambda__reply_status(reply, request->api->lambda, status);
    } else {
        lambda__reply_json(reply, shape(request->api, document, of->arn, false));
    }
    json_decref(document);
}

void lambda__op_update_function_url_config(const lambda__request *request, lambda__reply *reply)
{
    subject of;
    if (!find_subject(request, reply, &of)) {
        return;
    }
    pthread_mutex_lock(&request->api->changing);
    update(request, reply, &of);
    pthread_mutex_unlock(&request->api->changing);
}

void lambda__op_get_function_url_config(const lambda__request *request, lambda__reply *reply)
{
    subject of;
    json_t *document = find_subject(request, reply, &of) ? find_document(request, reply, &of) : NULL;
    if (document) {
        lambda__reply_json(reply, shape(request->api, document, of.arn, false));
        json_decref(document);
    }
}

void lambda__op_delete_function_url_config(const lambda__request *request, lambda__reply *reply)
{
    subject of;
    if (!find_subject(request, reply, &of)) {
        return;
    }
    pthread_mutex_lock(&request->api->changing);
    json_t *document = find_document(request, reply, &of);
    if (document) {
        lambda__reply_status(reply, request->api->lambda, lambda__document_put(request->api, of.name, "url", NULL));
    }
    pthread_mutex_unlock(&request->api->changing);
    json_decref(document);
}

/* ---- lists */

typedef struct listing {
    const lambda__request *request;
    const subject *of;
    const char *marker; /* the qualifier to begin with; "": from the first */
    uint64_t max;
    json_t *items;
    char next[130]; /* the qualifier that the next page begins with; "": there is none */
} listing;

static lambda_status list_one(void *user, const char *function_name, const char *qualifier, lambda_bytes value)
{
    (void)function_name;
    listing *list = user;
    if (strcmp(qualifier, list->marker) < 0 || list->next[0]) {
        return LAMBDA_OK;
    }
    if (json_array_size(list->items) == list->max) {
        snprintf(list->next, sizeof list->next, "%s", qualifier);
        return LAMBDA_OK;
    }
    json_t *document = json_loadb(value.data, value.length, 0, NULL);
    char arn[480];
    snprintf(arn, sizeof arn, "%s%s%s", list->of->arn, *qualifier ? ":" : "", qualifier);
    json_t *shown = document ? shape(list->request->api, document, arn, false) : NULL;
    json_decref(document);
    return json_array_append_new(list->items, shown) ? LAMBDA_ERROR_OUT_OF_MEMORY : LAMBDA_OK;
}

void lambda__op_list_function_url_configs(const lambda__request *request, lambda__reply *reply)
{
    subject of;
    if (!find_subject(request, reply, &of)) {
        return;
    }
    /* All of the function are listed, whatever qualifier came with its name. */
    char *qualifier = strlen(of.name) > strlen(of.function_name) ? strrchr(of.arn, ':') : NULL;
    if (qualifier) {
        *qualifier = '\0';
    }
    const char *marker = lambda__input_string(request, "Marker");
    listing list = {.request = request,
                    .of = &of,
                    .marker = marker ? marker : "",
                    .max = lambda__input_number(request, "MaxItems", LIST_MAX),
                    .items = json_array()};
    json_t *answer = json_object();
    lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
    if (list.items && answer) {
        status = lambda_attachment_list(request->api->lambda, of.function_name, "url", list_one, &list);
    }
    if (!status && (json_object_set(answer, "FunctionUrlConfigs", list.items) ||
                    (list.next[0] && json_object_set_new(answer, "NextMarker", json_string(list.next))))) {
        status = LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    json_decref(list.items);
    if (status) {
        json_decref(answer);
        lambda__reply_status(reply, request->api->lambda, status);
        return;
    }
    lambda__reply_json(reply, answer);
}
