/* Parses a C declaration: structs, then one function. One token is looked at ahead. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "runtime/typed.h"

typedef struct parser {
    lambda__base *base;
    lambda__typed_declaration *declaration;
    const char *text;
    const char *at;           /* behind the token */
    lambda__typed_name token; /* length 0 at the end */
    lambda_status status;
} parser;

static void fail(parser *parse, const char *reason)
{
    if (parse->status != LAMBDA_OK) return;
    const char *shown = parse->token.length > 0 ? parse->token.text : "the end";
    int length = parse->token.length > 0 ? (int)parse->token.length : 7;
    size_t place = parse->token.length > 0 ? (size_t)(parse->token.text - parse->text) + 1 : strlen(parse->text) + 1;
    parse->status = lambda__fail(parse->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                                 "code.declaration: at character %zu, \"%.*s\": %s", place, length > 40 ? 40 : length,
                                 shown, reason);
}

static bool is_word(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_';
}

static void next(parser *parse)
{
    while (*parse->at == ' ' || *parse->at == '\t' || *parse->at == '\n' || *parse->at == '\r')
        parse->at++;
    parse->token = (lambda__typed_name){parse->at, *parse->at ? 1 : 0};
    while (is_word(*parse->token.text) && is_word(parse->token.text[parse->token.length]))
        parse->token.length++;
    parse->at += parse->token.length;
}

static bool equals(lambda__typed_name name, const char *text)
{
    return name.length == strlen(text) && memcmp(name.text, text, name.length) == 0;
}

static bool same(lambda__typed_name one, lambda__typed_name two)
{
    return one.length == two.length && memcmp(one.text, two.text, one.length) == 0;
}

static bool take(parser *parse, const char *text)
{
    if (parse->status != LAMBDA_OK || !equals(parse->token, text)) return false;
    next(parse);
    return true;
}

static void expect(parser *parse, const char *text, const char *reason)
{
    if (!take(parse, text)) fail(parse, reason);
}

static const char *const keywords[] = {"void",   "bool",  "_Bool",  "char",   "short",    "int", "long",  "float",
                                       "double", "const", "signed", "struct", "unsigned", "out", "status"};

static lambda__typed_name take_name(parser *parse, const char *reason)
{
    lambda__typed_name name = parse->token;
    bool valid = name.length > 0 && is_word(name.text[0]) && !(name.text[0] >= '0' && name.text[0] <= '9');
    for (size_t i = 0; valid && i < sizeof(keywords) / sizeof(keywords[0]); i++)
        valid = !equals(name, keywords[i]);
    if (!valid)
        fail(parse, reason);
    else
        next(parse);
    return name;
}

/* ---- types */

static const struct {
    const char *name;
    lambda__typed_kind kind;
    uint8_t size;
} named_types[] = {
    {"void", LAMBDA__TYPED_VOID, 0},
    {"bool", LAMBDA__TYPED_BOOL, sizeof(bool)},
    {"_Bool", LAMBDA__TYPED_BOOL, sizeof(bool)},
    {"float", LAMBDA__TYPED_FLOAT, sizeof(float)},
    {"int8_t", LAMBDA__TYPED_SIGNED, 1},
    {"int16_t", LAMBDA__TYPED_SIGNED, 2},
    {"int32_t", LAMBDA__TYPED_SIGNED, 4},
    {"int64_t", LAMBDA__TYPED_SIGNED, 8},
    {"uint8_t", LAMBDA__TYPED_UNSIGNED, 1},
    {"uint16_t", LAMBDA__TYPED_UNSIGNED, 2},
    {"uint32_t", LAMBDA__TYPED_UNSIGNED, 4},
    {"uint64_t", LAMBDA__TYPED_UNSIGNED, 8},
    {"size_t", LAMBDA__TYPED_UNSIGNED, sizeof(size_t)},
    {"ssize_t", LAMBDA__TYPED_SIGNED, sizeof(size_t)},
    {"ptrdiff_t", LAMBDA__TYPED_SIGNED, sizeof(ptrdiff_t)},
    {"intptr_t", LAMBDA__TYPED_SIGNED, sizeof(intptr_t)},
    {"uintptr_t", LAMBDA__TYPED_UNSIGNED, sizeof(uintptr_t)},
    {"intmax_t", LAMBDA__TYPED_SIGNED, sizeof(intmax_t)},
    {"uintmax_t", LAMBDA__TYPED_UNSIGNED, sizeof(uintmax_t)},
};

/** The words of C that may come together in any order. */
typedef struct words {
    int count;
    int longs;
    bool is_short, is_signed, is_unsigned, is_int, is_char, is_double;
} words;

static bool take_word(parser *parse, words *seen)
{
    bool *flag = equals(parse->token, "short")      ? &seen->is_short
                 : equals(parse->token, "signed")   ? &seen->is_signed
                 : equals(parse->token, "unsigned") ? &seen->is_unsigned
                 : equals(parse->token, "int")      ? &seen->is_int
                 : equals(parse->token, "char")     ? &seen->is_char
                 : equals(parse->token, "double")   ? &seen->is_double
                                                    : NULL;
    bool is_long = equals(parse->token, "long");
    if (!flag && !is_long) return false;
    if (flag && *flag) fail(parse, "stands here twice");
    if (flag) *flag = true;
    seen->longs += is_long;
    seen->count++;
    next(parse);
    return true;
}

/** Words of C that make no type together. */
static bool contradict(const words *seen)
{
    bool sized = seen->is_short || seen->longs > 0;
    bool with_sign = seen->is_signed || seen->is_unsigned;
    if (seen->is_signed && seen->is_unsigned) return true;
    if ((seen->is_short && seen->longs > 0) || seen->longs > 2) return true;
    if (seen->is_double) return sized || with_sign || seen->is_int || seen->is_char;
    return seen->is_char && (sized || seen->is_int);
}

static lambda__typed_type type_of_words(parser *parse, const words *seen)
{
    lambda__typed_kind sign = seen->is_unsigned ? LAMBDA__TYPED_UNSIGNED : LAMBDA__TYPED_SIGNED;
    if (seen->is_double && seen->longs > 0) fail(parse, "long double is not supported");
    if (contradict(seen)) fail(parse, "the words before it are not a type together");
    if (seen->is_double) return (lambda__typed_type){.kind = LAMBDA__TYPED_DOUBLE, .size = sizeof(double)};
    if (seen->is_char && !seen->is_signed && !seen->is_unsigned) sign = LAMBDA__TYPED_CHAR;
    size_t size = seen->is_char      ? sizeof(char)
                  : seen->is_short   ? sizeof(short)
                  : seen->longs == 0 ? sizeof(int)
                  : seen->longs == 1 ? sizeof(long)
                                     : sizeof(long long);
    return (lambda__typed_type){.kind = sign, .size = (uint8_t)size};
}

static lambda__typed_type struct_type(parser *parse)
{
    lambda__typed_declaration *declaration = parse->declaration;
    lambda__typed_name name = parse->token;
    for (size_t i = 0; i < declaration->structs_count; i++) {
        if (!same(declaration->structs[i]->name, name)) continue;
        next(parse);
        return (lambda__typed_type){.kind = LAMBDA__TYPED_STRUCT, .structure = declaration->structs[i]};
    }
    fail(parse, "this struct is not declared before its use");
    return (lambda__typed_type){0};
}

/** A type, `const` before or behind it. */
static lambda__typed_type take_type(parser *parse, bool *is_const)
{
    words seen = {0};
    lambda__typed_type type = {0};
    *is_const = take(parse, "const");
    while (parse->status == LAMBDA_OK && take_word(parse, &seen))
        *is_const = take(parse, "const") || *is_const;
    if (seen.count > 0) return type_of_words(parse, &seen);
    bool found = false;
    if (take(parse, "struct")) {
        type = struct_type(parse);
        found = true;
    }
    for (size_t i = 0; !found && i < sizeof(named_types) / sizeof(named_types[0]); i++) {
        if (!take(parse, named_types[i].name)) continue;
        type = (lambda__typed_type){.kind = named_types[i].kind, .size = named_types[i].size};
        found = true;
    }
    if (!found) fail(parse, "is not a type that is known here");
    *is_const = take(parse, "const") || *is_const;
    return type;
}

/** A type that a value has: with `const char *` as a string; no other pointer. */
static lambda__typed_type take_value_type(parser *parse, const char *pointer_reason)
{
    bool is_const = false;
    lambda__typed_type type = take_type(parse, &is_const);
    if (!equals(parse->token, "*")) return type;
    if (type.kind != LAMBDA__TYPED_CHAR || !is_const) fail(parse, pointer_reason);
    next(parse);
    take(parse, "const");
    return (lambda__typed_type){.kind = LAMBDA__TYPED_STRING};
}

/* ---- structs */

static size_t take_number(parser *parse, size_t maximum)
{
    size_t number = 0;
    for (size_t i = 0; i < parse->token.length && number <= maximum; i++) {
        char digit = parse->token.text[i];
        if (digit < '0' || digit > '9') fail(parse, "is not a number");
        number = number * 10 + (size_t)(digit - '0');
    }
    if (parse->status == LAMBDA_OK && (number == 0 || number > maximum)) fail(parse, "is not a size from 1 to 32");
    next(parse);
    return number;
}

static void take_member(parser *parse, lambda__typed_struct *structure, size_t *elements)
{
    lambda__typed_member member = {0};
    member.type = take_value_type(parse, "the only pointers in a struct are const char *");
    if (member.type.kind == LAMBDA__TYPED_VOID) fail(parse, "a member cannot be void");
    member.name = take_name(parse, "a member's name is missing");
    for (size_t i = 0; i < structure->members_count; i++)
        if (same(structure->members[i].name, member.name)) fail(parse, "the member before it is there twice");
    if (take(parse, "[")) {
        member.count = take_number(parse, LAMBDA__TYPED_MEMBERS);
        expect(parse, "]", "] is missing");
    }
    expect(parse, ";", "; is missing after a member");
    *elements += member.count ? member.count : 1;
    if (*elements > LAMBDA__TYPED_MEMBERS) fail(parse, "the struct has more than 32 members and elements");
    if (parse->status == LAMBDA_OK) structure->members[structure->members_count++] = member;
}

static void take_struct(parser *parse)
{
    lambda__typed_declaration *declaration = parse->declaration;
    if (declaration->structs_count == LAMBDA__TYPED_STRUCTS) {
        fail(parse, "more than 16 structs");
        return;
    }
    lambda__typed_struct *structure = lambda__allocate_zeroed(parse->base, sizeof(*structure));
    if (!structure) {
        parse->status = lambda__out_of_memory(parse->base);
        return;
    }
    /* Counted only when it is whole: a struct cannot have itself as a member. */
    declaration->structs[declaration->structs_count] = structure;
    structure->name = take_name(parse, "a struct's name is missing");
    for (size_t i = 0; i < declaration->structs_count; i++)
        if (same(declaration->structs[i]->name, structure->name)) fail(parse, "the struct before it is declared twice");
    expect(parse, "{", "{ is missing");
    size_t elements = 0;
    while (parse->status == LAMBDA_OK && !take(parse, "}"))
        take_member(parse, structure, &elements);
    expect(parse, ";", "; is missing after a struct");
    if (structure->members_count == 0) fail(parse, "the struct before it has no members");
    declaration->structs_count++;
}

/** True if `struct NAME {` is next. */
static bool begins_struct(const parser *parse)
{
    if (!equals(parse->token, "struct")) return false;
    parser ahead = *parse;
    next(&ahead);
    next(&ahead);
    return equals(ahead.token, "{");
}

/* ---- parameters */

/** `*` and what may follow it, or nothing; the parameter's name; `[]`. True if it is a pointer. */
static bool take_declarator(parser *parse, lambda__typed_parameter *parameter)
{
    bool pointer = take(parse, "*");
    if (pointer) take(parse, "const");
    if (equals(parse->token, "*")) fail(parse, "pointers to pointers are not supported");
    if (equals(parse->token, "(")) fail(parse, "pointers to functions are not supported");
    parameter->name = take_name(parse, "a parameter's name is missing");
    if (!take(parse, "[")) return pointer;
    if (pointer) fail(parse, "arrays of pointers are not supported");
    expect(parse, "]", "] is missing");
    return true;
}

/** What a pointer is for must be said, and nothing that is no pointer can be out. */
static void check_pointer(parser *parse, const lambda__typed_parameter *parameter, bool pointer, bool out,
                          bool is_const)
{
    if (parameter->type.kind == LAMBDA__TYPED_VOID) fail(parse, "void parameters and pointers are not supported");
    if (out && (!pointer || is_const)) fail(parse, "what is out must be a pointer that is not const");
    if (!out && pointer && !is_const) fail(parse, "the pointer before it must say whether it is const or out");
}

static void take_parameter(parser *parse)
{
    lambda__typed_declaration *declaration = parse->declaration;
    if (declaration->parameters_count == LAMBDA__TYPED_PARAMETERS) {
        fail(parse, "more than 32 parameters");
        return;
    }
    if (equals(parse->token, ".")) fail(parse, "functions with a variable number of arguments are not supported");
    lambda__typed_parameter parameter = {0};
    bool is_const = false;
    bool out = take(parse, "out");
    parameter.type = take_type(parse, &is_const);
    bool pointer = take_declarator(parse, &parameter);
    for (size_t i = 0; i < declaration->parameters_count; i++)
        if (same(declaration->parameters[i].name, parameter.name))
            fail(parse, "the parameter before it is there twice");
    check_pointer(parse, &parameter, pointer, out, is_const);
    if (pointer && !out && parameter.type.kind == LAMBDA__TYPED_CHAR) {
        parameter.type = (lambda__typed_type){.kind = LAMBDA__TYPED_STRING};
        pointer = false;
    }
    if (pointer) parameter.role = out ? LAMBDA__TYPED_OUT_VALUE : LAMBDA__TYPED_IN;
    if (parse->status == LAMBDA_OK) declaration->parameters[declaration->parameters_count++] = parameter;
}

/** The parameter NAME_count or NAME_length, or -1. */
static int find_count(const lambda__typed_declaration *declaration, lambda__typed_name name)
{
    static const char *const endings[] = {"_count", "_length"};
    for (size_t i = 0; i < declaration->parameters_count; i++) {
        const lambda__typed_parameter *other = &declaration->parameters[i];
        bool integer = other->type.kind == LAMBDA__TYPED_SIGNED || other->type.kind == LAMBDA__TYPED_UNSIGNED;
        if (!integer || other->role != LAMBDA__TYPED_VALUE || other->name.length <= name.length ||
            memcmp(other->name.text, name.text, name.length) != 0)
            continue;
        lambda__typed_name rest = {other->name.text + name.length, other->name.length - name.length};
        for (size_t j = 0; j < 2; j++)
            if (equals(rest, endings[j])) return (int)i;
    }
    return -1;
}

/** Pointers that have a count are arrays. */
static void pair_arrays(parser *parse)
{
    lambda__typed_declaration *declaration = parse->declaration;
    for (size_t i = 0; parse->status == LAMBDA_OK && i < declaration->parameters_count; i++) {
        lambda__typed_parameter *parameter = &declaration->parameters[i];
        if (parameter->role != LAMBDA__TYPED_IN && parameter->role != LAMBDA__TYPED_OUT_VALUE) continue;
        int count = find_count(declaration, parameter->name);
        bool in = parameter->role == LAMBDA__TYPED_IN;
        if (count < 0 && in && parameter->type.kind != LAMBDA__TYPED_STRUCT) {
            parse->token = parameter->name;
            fail(parse, "an array needs an integer parameter of its name and _count or _length");
        }
        if (count < 0) continue;
        parameter->role = in ? LAMBDA__TYPED_ARRAY : LAMBDA__TYPED_OUT_ARRAY;
        parameter->partner = (size_t)count;
        declaration->parameters[count].partner = i;
        if (in) declaration->parameters[count].role = LAMBDA__TYPED_COUNT;
    }
}

static void take_function(parser *parse)
{
    lambda__typed_declaration *declaration = parse->declaration;
    declaration->status = take(parse, "status");
    declaration->result = take_value_type(parse, "the only pointer that can be returned is const char *");
    if (declaration->status &&
        (declaration->result.kind != LAMBDA__TYPED_SIGNED || declaration->result.size != sizeof(int)))
        fail(parse, "a status is an int");
    declaration->name = take_name(parse, "the function's name is missing");
    expect(parse, "(", "( is missing");
    parser ahead = *parse;
    if (take(&ahead, "void") && equals(ahead.token, ")")) next(parse);
    if (!take(parse, ")")) {
        do
            take_parameter(parse);
        while (take(parse, ","));
        expect(parse, ")", ") is missing");
    }
    take(parse, ";");
    if (parse->status == LAMBDA_OK && parse->token.length > 0) fail(parse, "stands after the declaration");
    pair_arrays(parse);
}

lambda_status lambda__typed_parse(lambda__base *base, const char *text, lambda__typed_declaration *declaration)
{
    parser parse = {.base = base, .declaration = declaration, .text = text, .at = text};
    *declaration = (lambda__typed_declaration){0};
    if (strnlen(text, LAMBDA__TYPED_TEXT + 1) > LAMBDA__TYPED_TEXT)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "code.declaration: is longer than %d bytes",
                            LAMBDA__TYPED_TEXT);
    next(&parse);
    while (parse.status == LAMBDA_OK && begins_struct(&parse)) {
        next(&parse);
        take_struct(&parse);
    }
    take_function(&parse);
    return parse.status;
}

void lambda__typed_free(lambda__base *base, lambda__typed_declaration *declaration)
{
    for (size_t i = 0; i < LAMBDA__TYPED_STRUCTS; i++)
        lambda__release(base, declaration->structs[i]);
}
