/* Names and ARNs of layers: "arn:aws:lambda:REGION:ACCOUNT:layer:NAME[:VERSION]". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** A part of an ARN, and in `*at` what follows its colon; NULL if there is none. */
typedef struct part {
    const char *begin;
    size_t length;
} part;

static part take(const char **at)
{
    part taken = {.begin = *at, .length = strcspn(*at, ":")};
    *at += taken.length;
    if (**at == ':') ++*at;
    return taken;
}

static bool is(part of, const char *text)
{
    return of.length == strlen(text) && memcmp(of.begin, text, of.length) == 0;
}

static lambda_status no_name(const char *what, const char *text)
{
    return lambda_runtime_fail(NULL, INVALID, "%s: \"%.200s\" is neither 1 to 140 of a-z A-Z 0-9 - _ nor a layer's ARN",
                               what, text);
}

/** Takes a name, which is all of what is left but a version. */
static bool take_name(const char **at, lambda__layer_name *name)
{
    part own = take(at);
    if (own.length == 0 || own.length > LAMBDA__LAYER_NAME) return false;
    memcpy(name->name, own.begin, own.length);
    name->name[own.length] = '\0';
    return name->name[strspn(name->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] == '\0';
}

/** Takes "arn:aws:lambda:REGION:ACCOUNT:layer:" and then a name. */
static lambda_status take_arn(const lambda_packages *packages, const char *what, const char *text, const char **at,
                              lambda__layer_name *name)
{
    bool good = is(take(at), "arn");
    part partition = take(at);
    good = good && partition.length >= 3 && memcmp(partition.begin, "aws", 3) == 0 && is(take(at), "lambda");
    if (!good) return no_name(what, text);
    part region = take(at);
    part account = take(at);
    if (!is(take(at), "layer") || !take_name(at, name)) return no_name(what, text);
    if (is(region, packages->region) && is(account, packages->account_id)) return LAMBDA_OK;
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                               "%s: \"%.200s\" is of another region or account: this store is of %s and %s", what, text,
                               packages->region, packages->account_id);
}

lambda_status lambda__layer_parse(const lambda_packages *packages, const char *what, const char *text,
                                  lambda__layer_name *name)
{
    const char *at = text;
    *name = (lambda__layer_name){.number = 0};
    if (!text) return lambda_runtime_fail(NULL, INVALID, "%s: is missing", what);
    if (!strchr(text, ':')) return take_name(&at, name) ? LAMBDA_OK : no_name(what, text);
    lambda_status status = take_arn(packages, what, text, &at, name);
    if (status != LAMBDA_OK) return status;
    return *at == '\0' && at[-1] != ':' ? LAMBDA_OK : no_name(what, text);
}

lambda_status lambda__layer_parse_version(const lambda_packages *packages, const char *what, const char *text,
                                          lambda__layer_name *name)
{
    const char *at = text;
    *name = (lambda__layer_name){.number = 0};
    if (!text) return lambda_runtime_fail(NULL, INVALID, "%s: is missing", what);
    lambda_status status = LAMBDA_OK;
    if (strchr(text, ':')) status = take_arn(packages, what, text, &at, name);
    if (status != LAMBDA_OK) return status;
    size_t digits = strspn(at, "0123456789");
    if (at != text && digits > 0 && digits < 19 && at[digits] == '\0' && at[0] != '0')
        name->number = strtoull(at, NULL, 10);
    if (name->number > 0) return LAMBDA_OK;
    return lambda_runtime_fail(NULL, INVALID, "%s: \"%.200s\" is not the ARN of a layer version", what, text);
}

lambda_status lambda__layer_missing(const lambda_packages *packages, const lambda__layer_name *name)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                               "Layer version arn:aws:lambda:%s:%s:layer:%s:%" PRIu64 " does not exist.",
                               packages->region, packages->account_id, name->name, name->number);
}

/* ---- copies */

/** Where the next text of a copy goes. Measured first, with `out` NULL. */
typedef struct layout {
    char *out;
    size_t length;
} layout;

static const char *lay(layout *to, const char *text)
{
    size_t size = strlen(text) + 1;
    char *at = to->out ? to->out + to->length : NULL;
    if (at) memcpy(at, text, size);
    to->length += size;
    return at;
}

static void lay_all(layout *to, const char **list, const char *const *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = lay(to, from[i]);
        if (list) list[i] = text;
    }
}

lambda_layer_version *lambda__layer_copy(const lambda_packages *packages, const lambda_layer_version *from,
                                         const lambda_package *package)
{
    char arn[320];
    char version_arn[352];
    size_t count = from->compatible_runtimes_count + from->compatible_architectures_count;
    snprintf(arn, sizeof(arn), "arn:aws:lambda:%s:%s:layer:%s", packages->region, packages->account_id,
             from->layer_name);
    snprintf(version_arn, sizeof(version_arn), "%s:%" PRIu64, arn, from->version);
    layout to = {.out = NULL};
    lambda_layer_version *copy = NULL;
    const char **lists = NULL;
    lambda_layer_version made = *from;
    for (int round = 0; round < 2; round++) {
        to.length = 0;
        made.layer_name = lay(&to, from->layer_name);
        made.layer_arn = lay(&to, arn);
        made.layer_version_arn = lay(&to, version_arn);
        made.description = lay(&to, from->description);
        made.license_info = lay(&to, from->license_info);
        made.created_date = lay(&to, from->created_date);
        made.code_sha256 = lay(&to, package->sum.base64);
        lay_all(&to, lists, from->compatible_runtimes, from->compatible_runtimes_count);
        lay_all(&to, lists ? lists + from->compatible_runtimes_count : NULL, from->compatible_architectures,
                from->compatible_architectures_count);
        if (round == 1) break;
        copy = malloc(sizeof(*copy) + count * sizeof(char *) + to.length);
        if (!copy) return NULL;
        lists = (const char **)(copy + 1);
        to.out = (char *)(lists + count);
    }
    made.code_size = package->size;
    made.compatible_runtimes = lists;
    made.compatible_architectures = lists + from->compatible_runtimes_count;
    *copy = made;
    return copy;
}
