/*
 * Is the input what the operation takes? All that is wrong with values is told at once, in AWS's words; a value of another type ends it, as there.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"

enum { PATH_SIZE = 256, TEXT_SIZE = 1600, SHOWN_MOST = 128 };

typedef struct checking {
    lambda_api *api;
    lambda__reply *reply;
    unsigned errors;
    size_t length;
    char text[TEXT_SIZE];
    bool over; /* the reply has its error already */
} checking;

static bool check_members(checking *c, const lambda__member *members, json_t *object, const char *path);

/** "functionName" of "FunctionName", below what it is in. */
static void name_path(char path[PATH_SIZE], const char *above, const char *name)
{
    snprintf(path, PATH_SIZE, "%s%s%c%s", above, *above ? "." : "", tolower((unsigned char)name[0]), name + 1);
}

static void show(char text[SHOWN_MOST + 8], const json_t *value)
{
    if (json_is_string(value)) {
        snprintf(text, SHOWN_MOST + 8, "'%.*s'", SHOWN_MOST, json_string_value(value));
    } else if (json_is_integer(value)) {
        snprintf(text, SHOWN_MOST + 8, "'%lld'", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(text, SHOWN_MOST + 8, "'%g'", json_real_value(value));
    } else {
        char *json = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        snprintf(text, SHOWN_MOST + 8, "'%.*s'", SHOWN_MOST, json ? json : "");
        free(json);
    }
}

__attribute__((format(printf, 4, 5))) static void wrong(checking *c, const char *path, const json_t *value,
                                                        const char *format, ...)
{
    char shown[SHOWN_MOST + 8] = "null";
    char constraint[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(constraint, sizeof constraint, format, arguments);
    va_end(arguments);
    if (value) show(shown, value);
    int length =
        snprintf(c->text + c->length, sizeof c->text - c->length, "%sValue %s at '%s' failed to satisfy constraint: %s",
                 c->errors ? "; " : "", shown, path, constraint);
    c->length += length > 0 ? (size_t)length : 0;
    if (c->length >= sizeof c->text) c->length = sizeof c->text - 1;
    c->errors++;
}

static bool of_another_type(checking *c, const char *path, const char *wanted)
{
    lambda__reply_error(c->reply, 400, "SerializationException", "the value at '%s' is no %s", path, wanted);
    c->over = true;
    return false;
}

static void check_length(checking *c, const lambda__member *member, const json_t *value, const char *path,
                         double length)
{
    if (length < member->min)
        wrong(c, path, value, "Member must have length greater than or equal to %.0f", member->min);
    if (member->max > 0 && length > member->max)
        wrong(c, path, value, "Member must have length less than or equal to %.0f", member->max);
}

static bool is_word(const char *text)
{
    const char *at = text;
    while ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') || *at == '_' ||
           *at == '-')
        at++;
    return at > text && !*at;
}

static void check_pattern(checking *c, const lambda__member *member, const json_t *value, const char *path)
{
    if (member->takes_words && is_word(json_string_value(value))) return;
    const regex_t *compiled = lambda__pattern(c->api, member->pattern);
    if (!compiled) {
        lambda__reply_error(c->reply, 500, "ServiceException", "memory is out");
        c->over = true;
        return;
    }
    if (regexec(compiled, json_string_value(value), 0, NULL, 0) != 0)
        wrong(c, path, value, "Member must satisfy regular expression pattern: %s",
              member->shown ? member->shown : member->pattern);
}

static void check_values(checking *c, const lambda__member *member, const json_t *value, const char *path)
{
    char all[400] = "";
    size_t length = 0;
    for (const char *const *each = member->values; *each; each++) {
        if (strcmp(*each, json_string_value(value)) == 0) return;
        int more = snprintf(all + length, sizeof all - length, "%s%s", length ? ", " : "", *each);
        if (more < 0 || length + (size_t)more >= sizeof all) break;
        length += (size_t)more;
    }
    wrong(c, path, value, "Member must satisfy enum value set: [%s]", all);
}

/** Characters of UTF-8, as Lambda counts them. */
static double characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return (double)count;
}

static bool check_string(checking *c, const lambda__member *member, const json_t *value, const char *path)
{
    if (!json_is_string(value)) return of_another_type(c, path, "string");
    check_length(c, member, value, path, characters(json_string_value(value)));
    if (member->values) check_values(c, member, value, path);
    if (member->pattern) check_pattern(c, member, value, path);
    return !c->over;
}

static bool check_number(checking *c, const lambda__member *member, const json_t *value, const char *path)
{
    if (member->type == LAMBDA__INTEGER && !json_is_integer(value)) return of_another_type(c, path, "whole number");
    if (!json_is_number(value)) return of_another_type(c, path, "number");
    double number = json_number_value(value);
    if (number < member->min) wrong(c, path, value, "Member must have value greater than or equal to %g", member->min);
    if (member->max > 0 && number > member->max)
        wrong(c, path, value, "Member must have value less than or equal to %.0f", member->max);
    return true;
}

static bool check_blob(checking *c, const lambda__member *member, const json_t *value, const char *path)
{
    if (!json_is_string(value)) return of_another_type(c, path, "base64");
    size_t length = json_string_length(value);
    const char *text = json_string_value(value);
    size_t padding = length >= 2 ? (size_t)(text[length - 1] == '=') + (size_t)(text[length - 2] == '=') : 0;
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (length % 4 != 0 || strspn(text, ALPHABET) != length - padding) return of_another_type(c, path, "base64");
    (void)member;
    return true;
}

static bool check_value(checking *c, const lambda__member *member, json_t *value, const char *path);

static bool check_list(checking *c, const lambda__member *member, json_t *value, const char *path)
{
    size_t index;
    json_t *each;
    if (!json_is_array(value)) return of_another_type(c, path, "list");
    check_length(c, member, value, path, (double)json_array_size(value));
    const lambda__member element = {
        .name = "member", .type = member->element, .members = member->members, .values = member->values};
    json_array_foreach(value, index, each)
    {
        char below[PATH_SIZE];
        snprintf(below, sizeof below, "%.200s.%zu.member", path, index + 1);
        if (!check_value(c, &element, each, below)) return false;
    }
    return true;
}

static bool check_map(checking *c, const lambda__member *member, json_t *value, const char *path)
{
    const char *key;
    json_t *each;
    if (!json_is_object(value)) return of_another_type(c, path, "map");
    check_length(c, member, value, path, (double)json_object_size(value));
    json_object_foreach(value, key, each)
    {
        bool right = member->element == LAMBDA__STRING ? json_is_string(each) : json_is_number(each);
        char below[PATH_SIZE];
        snprintf(below, sizeof below, "%.100s.%.100s.member", path, key);
        if (!right) return of_another_type(c, below, member->element == LAMBDA__STRING ? "string" : "number");
    }
    return true;
}

static bool check_value(checking *c, const lambda__member *member, json_t *value, const char *path)
{
    switch (member->type) {
    case LAMBDA__STRING:
        return check_string(c, member, value, path);
    case LAMBDA__INTEGER:
    case LAMBDA__NUMBER:
        return check_number(c, member, value, path);
    case LAMBDA__BOOLEAN:
        return json_is_boolean(value) || of_another_type(c, path, "boolean");
    case LAMBDA__BLOB:
        return check_blob(c, member, value, path);
    case LAMBDA__STRUCTURE:
        return json_is_object(value) ? check_members(c, member->members, value, path)
                                     : of_another_type(c, path, "structure");
    case LAMBDA__LIST:
        return check_list(c, member, value, path);
    case LAMBDA__MAP:
        return check_map(c, member, value, path);
    }
    return true;
}

/** What the text of a path, query or header is of the member's type: NULL where it is none, or memory is out. */
static json_t *converted(const lambda__member *member, const char *text)
{
    char *end;
    errno = 0;
    if (member->type == LAMBDA__BOOLEAN) {
        if (strcmp(text, "true") == 0) return json_true();
        return strcmp(text, "false") == 0 ? json_false() : NULL;
    }
    if (member->type == LAMBDA__INTEGER) {
        long long number = strtoll(text, &end, 10);
        return *text && !*end && errno == 0 ? json_integer(number) : NULL;
    }
    double number = strtod(text, &end);
    return *text && !*end && errno == 0 ? json_real(number) : NULL;
}

static bool is_scalar(lambda__type type)
{
    return type == LAMBDA__BOOLEAN || type == LAMBDA__INTEGER || type == LAMBDA__NUMBER;
}

/** Strings of what is no JSON become what the member is; one string of a list is a list. False: the reply says why. */
static bool convert(checking *c, const lambda__member *member, json_t *object, const json_t *value, const char *path)
{
    json_t *made = NULL;
    if (member->place == LAMBDA__IN_BODY || member->place == LAMBDA__IN_PAYLOAD || !json_is_string(value)) return true;
    if (member->type == LAMBDA__LIST)
        made = json_pack("[O]", value);
    else if (is_scalar(member->type))
        made = converted(member, json_string_value(value));
    else
        return true;
    if (!made) return of_another_type(c, path, member->type == LAMBDA__BOOLEAN ? "boolean" : "number");
    if (json_object_set_new(object, member->name, made) == 0) return true;
    lambda__reply_error(c->reply, 500, "ServiceException", "memory is out");
    c->over = true;
    return false;
}

static bool check_members(checking *c, const lambda__member *members, json_t *object, const char *above)
{
    for (const lambda__member *member = members; member && member->name; member++) {
        char path[PATH_SIZE];
        json_t *value = json_object_get(object, member->name);
        bool there = value && !json_is_null(value);
        if (value && !there) json_object_del(object, member->name);
        if (!there && (!member->required || member->place == LAMBDA__IN_PAYLOAD)) continue;
        name_path(path, above, member->name);
        if (!there) {
            wrong(c, path, NULL, "Member must not be null");
            continue;
        }
        if (!convert(c, member, object, value, path)) return false;
        if (!check_value(c, member, json_object_get(object, member->name), path)) return false;
    }
    return true;
}

bool lambda__operation_check(lambda_api *api, const lambda__operation *operation, json_t *input, lambda__reply *reply)
{
    checking c = {.reply = reply, .api = api};
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(input, next, name, value) if (!lambda__operation_takes(operation, name))
        json_object_del(input, name);
    if (!check_members(&c, operation->members, input, "")) return false;
    if (c.errors == 0) return true;
    lambda__reply_error(reply, 400, "ValidationException", "%u validation error%s detected: %s", c.errors,
                        c.errors == 1 ? "" : "s", c.text);
    return false;
}
