/* Members of an operation, from wherever they stand in a request, as one JSON object: strings of query and header, which lambda__operation_check makes what the member is. */
#include <stdlib.h>
#include <string.h>

#include "percent.h"
#include "server.h"

static const lambda__member *find(const lambda__member *members, lambda__place place, const char *name)
{
    for (const lambda__member *member = members; member && member->name; member++)
        if (member->place == place && strcmp(member->wire ? member->wire : member->name, name) == 0) return member;
    return NULL;
}

/** Adds one: of a list, behind those that are there. */
static lambda_status add(json_t *input, const lambda__member *member, const char *value)
{
    json_t *string = json_string(value);
    /* What is no UTF-8 cannot be a string. */
    if (!string) return LAMBDA_ERROR_INVALID_REQUEST_CONTENT;
    if (member->type != LAMBDA__LIST)
        return json_object_set_new(input, member->name, string) == 0 ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY;
    json_t *list = json_object_get(input, member->name);
    if (!list) {
        list = json_array();
        if (json_object_set_new(input, member->name, list) != 0) {
            json_decref(string);
            return LAMBDA_ERROR_OUT_OF_MEMORY;
        }
    }
    return json_array_append_new(list, string) == 0 ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY;
}

/** As signatures have it: a plus sign is a blank, so that nothing else is read than was signed. */
static bool decode(char *text)
{
    for (char *at = strchr(text, '+'); at; at = strchr(at, '+'))
        *at = ' ';
    return lambda__percent_decode(text);
}

lambda_status lambda__gather_query(const lambda__member *members, const char *query, json_t *input)
{
    if (*query == '\0' || !members) return LAMBDA_OK;
    char *copy = strdup(query);
    if (!copy) return LAMBDA_ERROR_OUT_OF_MEMORY;
    lambda_status status = LAMBDA_OK;
    char *rest = copy;
    while (rest && status == LAMBDA_OK) {
        char *name = strsep(&rest, "&");
        char *value = strchr(name, '=');
        if (value) *value++ = '\0';
        if (!decode(name) || (value && !decode(value))) {
            status = LAMBDA_ERROR_INVALID_REQUEST_CONTENT;
            break;
        }
        const lambda__member *member = find(members, LAMBDA__IN_QUERY, name);
        if (member) status = add(input, member, value ? value : "");
    }
    free(copy);
    return status;
}

static bool gather_headers(lambda__connection *connection)
{
    const lambda__member *members = connection->operation->members;
    for (const lambda__member *member = members; member && member->name; member++) {
        if (member->place != LAMBDA__IN_HEADER) continue;
        const char *value = lambda__connection_header(connection, member->wire ? member->wire : member->name);
        if (!value) continue;
        lambda_status status = add(connection->input, member, value);
        if (status == LAMBDA_OK) continue;
        if (status == LAMBDA_ERROR_INVALID_REQUEST_CONTENT)
            lambda__answer_refused(connection, 400, "SerializationException", "A header is no UTF-8.");
        else
            lambda__answer(connection, 500, NULL);
        return false;
    }
    return true;
}

static bool has_payload(const lambda__operation *operation)
{
    for (const lambda__member *member = operation->members; member && member->name; member++)
        if (member->place == LAMBDA__IN_PAYLOAD) return true;
    return operation->kind != LAMBDA__KIND_JSON;
}

bool lambda__gather_members(lambda__connection *connection, lambda_bytes body)
{
    if (!gather_headers(connection)) return false;
    if (body.length == 0 || has_payload(connection->operation)) return true;
    json_error_t error;
    json_t *json = json_loadb(body.data, body.length, JSON_REJECT_DUPLICATES, &error);
    if (!json && json_error_code(&error) == json_error_out_of_memory) {
        lambda__answer(connection, 500, NULL);
        return false;
    }
    if (!json_is_object(json)) {
        json_decref(json);
        lambda__answer_refused(connection, 400, "SerializationException", "The request's body is no JSON object.");
        return false;
    }
    /* Only what stands in a body: nothing there takes the place of what path, query and headers say. */
    int failed = 0;
    for (const lambda__member *member = connection->operation->members; member && member->name; member++) {
        json_t *value = member->place == LAMBDA__IN_BODY ? json_object_get(json, member->name) : NULL;
        if (value) failed |= json_object_set(connection->input, member->name, value);
    }
    json_decref(json);
    if (failed != 0) lambda__answer(connection, 500, NULL);
    return failed == 0;
}
