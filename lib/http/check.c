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

enum { PATH_SIZE = 256, TEXT_SIZE = 4096, CONSTRAINT_SIZE = 2048, SHOWN_MOST = 128 };

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

typedef struct words {
    char *text;
    size_t size;
    size_t length;
} words;

__attribute__((format(printf, 2, 3))) static void say(words *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(to->text + to->length, to->size - to->length, format, arguments);
    va_end(arguments);
    to->length += length > 0 ? (size_t)length : 0;
    if (to->length >= to->size) to->length = to->size - 1;
}

/** As AWS writes values: [a, b] and {name=value}. */
static void show_value(words *to, const json_t *value)
{
    size_t index;
    const char *name;
    json_t *each;
    if (json_is_string(value)) {
        say(to, "%.*s", SHOWN_MOST, json_string_value(value));
    } else if (json_is_integer(value)) {
        say(to, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        double number = json_real_value(value);
        say(to, number == (double)(long long)number ? "%.1f" : "%g", number);
    } else if (json_is_array(value)) {
        say(to, "[");
        json_array_foreach(value, index, each)
        {
            say(to, "%s", index ? ", " : "");
            show_value(to, each);
        }
        say(to, "]");
    } else if (json_is_object(value)) {
        size_t shown = 0;
        say(to, "{");
        json_object_foreach((json_t *)value, name, each)
        {
            say(to, "%s%s=", shown++ ? ", " : "", name);
            show_value(to, each);
        }
        say(to, "}");
    } else {
        say(to, "%s", json_is_boolean(value) ? (json_is_true(value) ? "true" : "false") : "null");
    }
}

__attribute__((format(printf, 4, 5))) static void wrong(checking *c, const char *path, const json_t *value,
                                                        const char *format, ...)
{
    char shown[SHOWN_MOST + 8] = "";
    char constraint[CONSTRAINT_SIZE];
    words value_shown = {.text = shown, .size = SHOWN_MOST + 1};
    words all = {.text = c->text, .size = sizeof c->text, .length = c->length};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(constraint, sizeof constraint, format, arguments);
    va_end(arguments);
    if (value) show_value(&value_shown, value);
    say(&all, "%sValue %s%s%s at '%s' failed to satisfy constraint: %s", c->errors ? "; " : "", value ? "'" : "",
        value ? shown : "null", value ? "'" : "", path, constraint);
    c->length = all.length;
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

/** Is the text of the pattern? Also true, and answered, when memory is out. */
static bool matches(checking *c, const lambda__member *member, const char *text)
{
    if (member->takes_words && is_word(text)) return true;
    const regex_t *compiled = lambda__pattern(c->api, member->pattern);
    if (compiled) return regexec(compiled, text, 0, NULL, 0) == 0;
    lambda__reply_error(c->reply, 500, "ServiceException", "memory is out");
    c->over = true;
    return true;
}

static void check_pattern(checking *c, const lambda__member *member, const json_t *value, const char *path)
{
    if (!matches(c, member, json_string_value(value)))
        wrong(c, path, value, "Member must satisfy regular expression pattern: %s",
              member->shown ? member->shown : member->pattern);
}

static bool is_one_of(const lambda__member *member, const char *text)
{
    for (const char *const *each = member->values; *each; each++)
        if (strcmp(*each, text) == 0) return true;
    return false;
}

static void say_values(words *to, const lambda__member *member)
{
    say(to, "Member must satisfy enum value set: [");
    for (const char *const *each = member->values; *each; each++)
        say(to, "%s%s", each == member->values ? "" : ", ", *each);
    say(to, "]");
}

static void check_values(checking *c, const lambda__member *member, const json_t *value, const char *path)
{
    char text[CONSTRAINT_SIZE] = "";
    words all = {.text = text, .size = sizeof text};
    if (is_one_of(member, json_string_value(value))) return;
    say_values(&all, member);
    wrong(c, path, value, "%s", text);
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

/* ---- lists and maps: AWS tells what holds of all their values, and shows them all */

/** Does a scalar keep to its limits? Its type has been looked at. */
static bool keeps(checking *c, const lambda__member *limits, const json_t *value)
{
    const char *text = json_string_value(value);
    double size = text ? characters(text) : json_number_value(value);
    if (size < limits->min || (limits->max > 0 && size > limits->max)) return false;
    if (!text) return true;
    return (!limits->pattern || matches(c, limits, text)) && (!limits->values || is_one_of(limits, text));
}

/** All limits of values: in a map's names nothing can be null. */
static void say_limits(words *to, const lambda__member *limits, bool name)
{
    const char *separator = "";
    bool text = limits->type == LAMBDA__STRING;
    if (limits->max > 0) {
        say(to,
            text ? "Member must have length less than or equal to %.0f, Member must have length greater than or equal "
                   "to %.0f"
                 : "Member must have value less than or equal to %.1f, Member must have value greater than or equal to "
                   "%.1f",
            limits->max, limits->min);
        separator = ", ";
    }
    if (limits->pattern) {
        say(to, "%sMember must satisfy regular expression pattern: %s", separator,
            limits->shown ? limits->shown : limits->pattern);
        separator = ", ";
    }
    if (limits->values) {
        say(to, "%s", separator);
        say_values(to, limits);
        separator = ", ";
    }
    if (!name) say(to, "%sMember must not be null", separator);
}

static void wrong_within(checking *c, const char *path, const json_t *value, const char *what,
                         const lambda__member *limits, bool name)
{
    char text[CONSTRAINT_SIZE] = "";
    words all = {.text = text, .size = sizeof text};
    say_limits(&all, limits, name);
    wrong(c, path, value, "%s must satisfy constraint: [%s]", what, text);
}

static bool is_of_type(const json_t *value, lambda__type type)
{
    return type == LAMBDA__STRING ? json_is_string(value) : json_is_number(value);
}

static bool check_value(checking *c, const lambda__member *member, json_t *value, const char *path);

static bool check_structures(checking *c, const lambda__member *member, json_t *value, const char *path)
{
    size_t index;
    json_t *each;
    json_array_foreach(value, index, each)
    {
        char below[PATH_SIZE];
        snprintf(below, sizeof below, "%.200s.%zu.member", path, index + 1);
        if (!json_is_object(each)) return of_another_type(c, below, "structure");
        if (!check_members(c, member->members, each, below)) return false;
    }
    return true;
}

static const lambda__member NO_LIMITS[] = {{.type = LAMBDA__STRING}};

static bool check_list(checking *c, const lambda__member *member, json_t *value, const char *path)
{
    size_t index;
    json_t *each;
    bool good = true;
    const lambda__member *limits = member->each ? member->each : NO_LIMITS;
    if (!json_is_array(value)) return of_another_type(c, path, "list");
    check_length(c, member, value, path, (double)json_array_size(value));
    if (member->element == LAMBDA__STRUCTURE) return check_structures(c, member, value, path);
    json_array_foreach(value, index, each)
    {
        if (!json_is_null(each) && !is_of_type(each, member->element)) {
            char below[PATH_SIZE];
            snprintf(below, sizeof below, "%.200s.%zu.member", path, index + 1);
            return of_another_type(c, below, "string");
        }
        good = good && !json_is_null(each) && keeps(c, limits, each);
    }
    if (!good) wrong_within(c, path, value, "Member", limits, false);
    return !c->over;
}

static bool check_map(checking *c, const lambda__member *member, json_t *value, const char *path)
{
    const char *name;
    json_t *each;
    bool names = true;
    bool values = true;
    const lambda__member *limits = member->each ? member->each : NO_LIMITS;
    if (!json_is_object(value)) return of_another_type(c, path, "map");
    check_length(c, member, value, path, (double)json_object_size(value));
    json_object_foreach(value, name, each)
    {
        if (!json_is_null(each) && !is_of_type(each, member->element)) {
            char below[PATH_SIZE];
            snprintf(below, sizeof below, "%.100s.%.100s.member", path, name);
            return of_another_type(c, below, member->element == LAMBDA__STRING ? "string" : "number");
        }
        values = values && !json_is_null(each) && keeps(c, limits, each);
        if (!member->keys) continue;
        bool fits =
            characters(name) >= member->keys->min && (member->keys->max <= 0 || characters(name) <= member->keys->max);
        names = names && fits && (!member->keys->pattern || matches(c, member->keys, name));
    }
    if (!names) wrong_within(c, path, value, "Map keys", member->keys, true);
    if (!values) wrong_within(c, path, value, "Map value", limits, false);
    return !c->over;
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
