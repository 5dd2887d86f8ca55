/* What is answered, and what was asked. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "url_text.h"

void lambda__reply_clear(lambda__reply *reply)
{
    json_decref(reply->json);
    free(reply->raw);
    for (size_t i = 0; i < reply->headers_count; i++)
        free(reply->headers[i].value);
    *reply = (lambda__reply){0};
}

static void out_of_memory(lambda__reply *reply)
{
    lambda__reply_error(reply, 500, "ServiceException", "memory is out");
}

bool lambda__reply_header(lambda__reply *reply, const char *name, const char *value)
{
    char *copy = reply->headers_count < LAMBDA__REPLY_HEADERS ? strdup(value) : NULL;
    if (!copy) {
        out_of_memory(reply);
        return false;
    }
    reply->headers[reply->headers_count].name = name;
    reply->headers[reply->headers_count++].value = copy;
    return true;
}

void lambda__reply_json(lambda__reply *reply, json_t *json)
{
    if (!json) {
        out_of_memory(reply);
        return;
    }
    json_decref(reply->json);
    reply->json = json;
}

void lambda__reply_error(lambda__reply *reply, int status, const char *type, const char *format, ...)
{
    char message[4608];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    lambda__reply_clear(reply);
    reply->status = status;
    snprintf(reply->error_type, sizeof reply->error_type, "%s", type);
    lambda__url_text_mend(message);
    /* NULL when memory is out: the status and the type say enough. */
    reply->json = json_pack("{s:s, s:s}", "Type", status < 500 ? "User" : "Server", "Message", message);
}

/** Lambda's status of each error: https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html and those of the operations. */
static int status_of(lambda_status status)
{
    switch (status) {
    case LAMBDA_ERROR_INVALID_PARAMETER_VALUE:
    case LAMBDA_ERROR_INVALID_REQUEST_CONTENT:
    case LAMBDA_ERROR_INVALID_RUNTIME:
    case LAMBDA_ERROR_INVALID_CODE:
    case LAMBDA_ERROR_CODE_STORAGE_EXCEEDED:
    case LAMBDA_ERROR_RECURSIVE_INVOCATION:
        return 400;
    case LAMBDA_ERROR_RESOURCE_NOT_FOUND:
    case LAMBDA_ERROR_PROVISIONED_CONCURRENCY_CONFIG_NOT_FOUND:
        return 404;
    case LAMBDA_ERROR_RESOURCE_CONFLICT:
        return 409;
    case LAMBDA_ERROR_PRECONDITION_FAILED:
        return 412;
    case LAMBDA_ERROR_REQUEST_TOO_LARGE:
        return 413;
    case LAMBDA_ERROR_TOO_MANY_REQUESTS:
        return 429;
    case LAMBDA_ERROR_RESOURCE_NOT_READY:
        return 502;
    default:
        return 500;
    }
}

/**
 * What the library says of a field of its own: AWS's words stand alone, "layers: Cannot reference more than 5 layers."; its own say of which member they are, "dead_letter_target_arn: is ..." becomes
 * "deadLetterTargetArn: is ...".
 */
static void name_member(const char *message, char text[1024])
{
    static const char NAME[] = "abcdefghijklmnopqrstuvwxyz_0123456789[].";
    static const char CAPITALS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t length = strspn(message, NAME);
    if (length > 100 || message[length] != ':' || message[length + 1] != ' ') length = 0;
    if (length > 0 && (message[length + 2] == '$' || strspn(message + length + 2, CAPITALS) > 0)) {
        message += length + 2;
        length = 0;
    }
    size_t at = 0;
    for (size_t i = strncmp(message, "code.", 5) == 0 ? 5 : 0; i < length; i++) {
        bool joint = message[i] == '_' && i + 1 < length;
        i += joint;
        bool letter = joint && message[i] >= 'a' && message[i] <= 'z';
        text[at] = message[i];
        if (letter) text[at] = CAPITALS[message[i] - 'a'];
        at++;
    }
    snprintf(text + at, 1024 - at, "%s", message + length);
}

void lambda__reply_status(lambda__reply *reply, lambda_t *lambda, lambda_status status)
{
    char text[1024];
    if (status == LAMBDA_OK) return;
    /* Those that a client cannot tell from a wrong parameter are one: a runtime that is not had, code that is no zip. */
    const char *type = status == LAMBDA_ERROR_INVALID_RUNTIME || status == LAMBDA_ERROR_INVALID_CODE
                           ? "InvalidParameterValueException"
                       : status == LAMBDA_ERROR_OUT_OF_MEMORY ? "ServiceException"
                                                              : lambda_status_name(status);
    const char *message = lambda_error_message(lambda);
    if (!*message) message = lambda_error_message(NULL);
    name_member(*message ? message : lambda_status_text(status), text);
    lambda__reply_error(reply, status_of(status), type, "%s", text);
}

const char *lambda__input_string(const lambda__request *request, const char *name)
{
    return json_string_value(json_object_get(request->input, name));
}

uint64_t lambda__input_number(const lambda__request *request, const char *name, uint64_t otherwise)
{
    const json_t *value = json_object_get(request->input, name);
    return json_is_integer(value) && json_integer_value(value) >= 0 ? (uint64_t)json_integer_value(value) : otherwise;
}

bool lambda__input_boolean(const lambda__request *request, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(request->input, name);
    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

const char *lambda__bare_name(const char *name, const char *kind)
{
    size_t length = strlen(kind);
    for (const char *at = strchr(name, ':'); at; at = strchr(at + 1, ':'))
        if (strncmp(at + 1, kind, length) == 0 && at[length + 1] == ':') return at + length + 2;
    return name;
}

/** The qualifier that a name carries, or NULL: behind the name of a function or the whole of an ARN. */
static const char *qualifier_of(const char *name)
{
    const char *at = strchr(lambda__bare_name(name, "function"), ':');
    return at ? at + 1 : NULL;
}

/** Is the name one that a function here can have? Its account is this one's, its length allowed. False is answered. */
static bool is_ours(const lambda__request *request, const char *name, lambda__reply *reply)
{
    enum { NAME_MOST = 64 };
    const char *operation = request->operation->shown.name;
    const char *bare = lambda__bare_name(name, "function");
    size_t length = strcspn(bare, ":");
    /* What stands before ":function:", and what before that. */
    size_t before = bare == name ? 0 : (size_t)(bare - name) - strlen("function:");
    const char *account = before > 12 ? name + before - 13 : NULL;
    if (length > NAME_MOST) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "1 validation error detected: Value '%.*s' at 'functionName' failed to satisfy constraint: "
                            "Member must have length less than or equal to %d",
                            (int)length, bare, NAME_MOST);
        return false;
    }
    if (!account || strspn(account, "0123456789") != 12 || strncmp(account, request->api->account_id, 12) == 0)
        return true;
    char root[48];
    snprintf(root, sizeof root, "arn:aws:iam::%s:root", request->api->account_id);
    lambda__reply_error(
        reply, 403, "AccessDeniedException",
        "User: %s is not authorized to perform: lambda:%s on resource: arn:aws:lambda:%s:%.12s:function:%s "
        "because no resource-based policy allows the lambda:%s action",
        request->caller && *request->caller->arn ? request->caller->arn : root, operation, request->api->region,
        account, bare, operation);
    return false;
}

const char *lambda__input_function(const lambda__request *request, lambda__reply *reply)
{
    static const char KEY[] = "\1function"; /* no member of the model has such a name */
    const char *name = lambda__input_string(request, "FunctionName");
    const char *qualifier =
        lambda__operation_takes(request->operation, "Qualifier") ? lambda__input_string(request, "Qualifier") : NULL;
    if (!name) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException", "FunctionName is required");
        return NULL;
    }
    if (!is_ours(request, name, reply)) return NULL;
    const char *carried = qualifier_of(name);
    if (carried && qualifier && strcmp(carried, qualifier) != 0) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "The derived qualifier from the function name does not match the specified qualifier.");
        return NULL;
    }
    const char *asked = carried ? carried : qualifier;
    /* Lambda has more in qualifiers than a version or an alias can be called. */
    if (asked && strchr(asked, '$') && strcmp(asked, "$LATEST") != 0) {
        const char *bare = lambda__bare_name(name, "function");
        lambda__reply_error(reply, 404, "ResourceNotFoundException",
                            "Function not found: arn:aws:lambda:%s:%s:function:%.*s:%s", request->api->region,
                            request->api->account_id, (int)strcspn(bare, ":"), bare, asked);
        return NULL;
    }
    if (carried || !qualifier) return name;
    json_t *text = json_sprintf("%s:%s", name, qualifier);
    if (!text || json_object_set_new(request->input, KEY, text) != 0) {
        out_of_memory(reply);
        return NULL;
    }
    return json_string_value(text);
}
