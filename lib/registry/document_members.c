/* The members of an object of a document, each into its place: as json_unpack does it, without its price, as a service reads thousands of them while it opens. */
#include <stdio.h>
#include <string.h>

#include "registry/document.h"

static const char *const types[] = {
    [LAMBDA__MEMBER_TEXT] = "string",
    [LAMBDA__MEMBER_NUMBER] = "whole number",
    [LAMBDA__MEMBER_REAL] = "number",
    [LAMBDA__MEMBER_FLAG] = "true or false",
};

/** False: it is of another type. */
static bool take(const lambda__document_member *member, json_t *value)
{
    switch (member->type) {
    case LAMBDA__MEMBER_TEXT:
        *(const char **)member->to = json_string_value(value);
        return json_is_string(value);
    case LAMBDA__MEMBER_NUMBER:
        *(json_int_t *)member->to = json_integer_value(value);
        return json_is_integer(value);
    case LAMBDA__MEMBER_REAL:
        *(double *)member->to = json_number_value(value);
        return json_is_number(value);
    case LAMBDA__MEMBER_FLAG:
        *(bool *)member->to = json_is_true(value);
        return json_is_boolean(value);
    case LAMBDA__MEMBER_ANY:
        *(json_t **)member->to = value;
        return true;
    }
    return false;
}

/** Says which member is none of these. */
static void find_unknown(json_t *object, const lambda__document_member *members, size_t count, char why[160])
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        size_t i = 0;
        while (i < count && strcmp(members[i].name, name) != 0)
            i++;
        if (i < count) continue;
        snprintf(why, 160, "\"%.80s\" is unknown", name);
        return;
    }
}

bool lambda__document_members(json_t *object, const lambda__document_member *members, size_t count, char why[160])
{
    size_t found = 0;
    if (!json_is_object(object)) {
        snprintf(why, 160, "is no object");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(object, members[i].name);
        if (!value && members[i].optional) continue;
        if (!value || !take(&members[i], value)) {
            snprintf(why, 160, "%s: is %s%s", members[i].name, value ? "no " : "missing",
                     value ? types[members[i].type] : "");
            return false;
        }
        found++;
    }
    if (found == json_object_size(object)) return true;
    find_unknown(object, members, count, why);
    return false;
}
