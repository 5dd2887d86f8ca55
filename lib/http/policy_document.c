/* Documents of resource policies: a list of statements that operations add to and take from. */
#include "resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/** A UUID that is the same for the same text. */
static bool revision_of(const char *text, char revision[37])
{
    unsigned char d[EVP_MAX_MD_SIZE];
    if (EVP_Digest(text, strlen(text), d, NULL, EVP_sha256(), NULL) != 1) return false;
    snprintf(revision, 37, "%02x%02x%02x%02x-%02x%02x-8%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0], d[1], d[2],
             d[3], d[4], d[5], d[6] & 15, d[7], (d[8] & 63) | 128, d[9], d[10], d[11], d[12], d[13], d[14], d[15]);
    return true;
}

json_t *lambda__policy_shape(const json_t *document)
{
    char revision[37];
    char *text = json_dumps(document, JSON_COMPACT);
    json_t *shape =
        text && revision_of(text, revision) ? json_pack("{s:s, s:s}", "Policy", text, "RevisionId", revision) : NULL;
    free(text);
    return shape;
}

bool lambda__policy_expect(const lambda__request *request, const json_t *document, lambda__reply *reply)
{
    const char *wanted = lambda__input_string(request, "RevisionId");
    if (!wanted) return true;
    json_t *shape = document ? lambda__policy_shape(document) : NULL;
    const char *revision = shape ? json_string_value(json_object_get(shape, "RevisionId")) : "";
    bool same = strcmp(wanted, revision) == 0;
    if (document && !shape)
        lambda__reply_json(reply, NULL);
    else if (!same)
        lambda__reply_error(
            reply, 412, "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the %s API to retrieve the latest "
            "Revision Id",
            lambda__operation_takes(request->operation, "LayerName") ? "GetLayerPolicy" : "GetPolicy");
    json_decref(shape);
    return same;
}

bool lambda__policy_fits(const json_t *document, lambda__reply *reply)
{
    char *text = json_dumps(document, JSON_COMPACT);
    size_t length = text ? strlen(text) : 0;
    bool whole = text != NULL;
    free(text);
    if (whole && length <= LAMBDA__POLICY_BYTES) return true;
    if (whole)
        lambda__reply_error(reply, 400, "PolicyLengthExceededException",
                            "The final policy size (%zu) is bigger than the limit (%d).", length, LAMBDA__POLICY_BYTES);
    else
        lambda__reply_json(reply, NULL);
    return false;
}

/** Where the statement of that Sid is; the number of statements where it is not. */
static size_t find(const json_t *statements, const char *sid)
{
    size_t at = 0;
    for (; at < json_array_size(statements); at++) {
        const char *own = json_string_value(json_object_get(json_array_get(statements, at), "Sid"));
        if (own && strcmp(own, sid) == 0) break;
    }
    return at;
}

/** The statements as a list: a policy may have one that stands alone. Borrowed; NULL when memory is out. */
static json_t *statements_of(json_t *document)
{
    json_t *statements = json_object_get(document, "Statement");
    if (json_is_array(statements)) return statements;
    json_t *list = statements ? json_pack("[O]", statements) : json_array();
    return list && json_object_set_new(document, "Statement", list) == 0 ? list : NULL;
}

bool lambda__policy_add(json_t **document, json_t *statement, lambda__reply *reply)
{
    if (!*document) *document = json_pack("{s:s, s:s, s:[]}", "Version", "2012-10-17", "Id", "default", "Statement");
    json_t *statements = *document ? statements_of(*document) : NULL;
    const char *sid = json_string_value(json_object_get(statement, "Sid"));
    if (statements && sid && find(statements, sid) < json_array_size(statements)) {
        lambda__reply_error(
            reply, 409, "ResourceConflictException",
            "The statement id (%s) provided already exists. Please provide a new statement id, or remove "
            "the existing statement.",
            sid);
        json_decref(statement);
        return false;
    }
    if (!statements || !statement || json_array_append(statements, statement) != 0) {
        json_decref(statement);
        lambda__reply_json(reply, NULL);
        return false;
    }
    json_decref(statement);
    return lambda__policy_fits(*document, reply);
}

bool lambda__policy_remove(const lambda__request *request, json_t *document, bool *empty, lambda__reply *reply)
{
    const char *sid = lambda__input_string(request, "StatementId");
    json_t *statements = statements_of(document);
    if (!statements) {
        lambda__reply_json(reply, NULL);
        return false;
    }
    size_t at = find(statements, sid);
    if (at == json_array_size(statements)) {
        lambda__reply_error(reply, 404, "ResourceNotFoundException", "Statement %s is not found in resource policy.",
                            sid);
        return false;
    }
    json_array_remove(statements, at);
    *empty = json_array_size(statements) == 0;
    return true;
}

/** "s3.amazonaws.com", and as services are called elsewhere. */
static bool is_service(const char *principal)
{
    static const char *const ENDS[] = {".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".amazon.com",
                                       ".aws.internal"};
    size_t length = strlen(principal);
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++) {
        size_t end = strlen(ENDS[i]);
        if (length > end && strcmp(principal + length - end, ENDS[i]) == 0) return principal[0] != '.';
    }
    return false;
}

/** What a principal of AddPermission is in a policy; NULL for what is none, and when memory is out. */
static json_t *principal_of(const char *principal)
{
    char arn[48];
    if (strcmp(principal, "*") == 0) return json_string("*");
    if (strlen(principal) == 12 && strspn(principal, "0123456789") == 12) {
        snprintf(arn, sizeof(arn), "arn:aws:iam::%s:root", principal);
        return json_pack("{s:s}", "AWS", arn);
    }
    if (strncmp(principal, "arn:", 4) == 0) return json_pack("{s:s}", "AWS", principal);
    return is_service(principal) ? json_pack("{s:s}", "Service", principal) : NULL;
}

json_t *lambda__policy_statement(const lambda__request *request, const char *resource, json_t *condition,
                                 lambda__reply *reply)
{
    json_t *principal = principal_of(lambda__input_string(request, "Principal"));
    if (!principal) {
        json_decref(condition);
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "The provided principal was invalid. Please check the principal and try again.");
        return NULL;
    }
    json_t *statement =
        json_pack("{s:s, s:s, s:o, s:s, s:s, s:o*}", "Sid", lambda__input_string(request, "StatementId"), "Effect",
                  "Allow", "Principal", principal, "Action", lambda__input_string(request, "Action"), "Resource",
                  resource, "Condition", condition);
    if (!statement) lambda__reply_json(reply, NULL);
    return statement;
}
