/*
 * Typed functions: a C declaration is parsed into a description (typed_declaration.c), laid out for libffi
 * (typed_layout.c), and each invocation converts fields to arguments and results to JSON (typed_value.c, typed.c).
 */
#ifndef LAMBDA_LIB_TYPED_H
#define LAMBDA_LIB_TYPED_H

#include <ffi.h>

#include "event/event.h"

enum {
    LAMBDA__TYPED_PARAMETERS = 32, /* of one function */
    LAMBDA__TYPED_STRUCTS = 16,    /* in one declaration */
    LAMBDA__TYPED_MEMBERS = 32,    /* of one struct, arrays in it counted by element */
    LAMBDA__TYPED_TEXT = 8192,     /* bytes of a declaration */
    LAMBDA__TYPED_OUT = 1048576,   /* bytes of an array that a function fills in */
};

typedef enum lambda__typed_kind {
    LAMBDA__TYPED_VOID,
    LAMBDA__TYPED_BOOL,
    LAMBDA__TYPED_CHAR,
    LAMBDA__TYPED_SIGNED,
    LAMBDA__TYPED_UNSIGNED,
    LAMBDA__TYPED_FLOAT,
    LAMBDA__TYPED_DOUBLE,
    LAMBDA__TYPED_STRING,
    LAMBDA__TYPED_STRUCT,
} lambda__typed_kind;

/** A piece of the declaration's text. */
typedef struct lambda__typed_name {
    const char *text;
    size_t length;
} lambda__typed_name;

typedef struct lambda__typed_struct lambda__typed_struct;

typedef struct lambda__typed_type {
    lambda__typed_kind kind;
    uint8_t size;                          /* bytes of a number */
    const lambda__typed_struct *structure; /* of a struct */
    ffi_type *ffi;                         /* set by the layout */
} lambda__typed_type;

typedef struct lambda__typed_member {
    lambda__typed_name name;
    lambda__typed_type type;
    size_t count;  /* 0: no array */
    size_t offset; /* set by the layout */
} lambda__typed_member;

struct lambda__typed_struct {
    lambda__typed_name name;
    lambda__typed_member members[LAMBDA__TYPED_MEMBERS];
    size_t members_count;
    ffi_type ffi;
    ffi_type *elements[LAMBDA__TYPED_MEMBERS + 1];
};

typedef enum lambda__typed_role {
    LAMBDA__TYPED_VALUE,     /* by value, from the event */
    LAMBDA__TYPED_IN,        /* const pointer to a struct, from the event */
    LAMBDA__TYPED_OUT_VALUE, /* pointer that the function writes one value to */
    LAMBDA__TYPED_ARRAY,     /* const pointer to elements, from the event */
    LAMBDA__TYPED_OUT_ARRAY, /* pointer that the function writes elements to; their count is from the event */
    LAMBDA__TYPED_COUNT,     /* how many elements the array has that `array` names */
} lambda__typed_role;

typedef struct lambda__typed_parameter {
    lambda__typed_name name;
    lambda__typed_type type;
    lambda__typed_role role;
    size_t partner; /* array: its count's index; count: its array's */
    size_t offset;  /* of the argument in a call's frame */
    size_t pointee; /* of what it points to there, where that has a fixed size */
} lambda__typed_parameter;

typedef struct lambda__typed_declaration {
    lambda__typed_name name;
    lambda__typed_type result;
    bool status; /* the result says whether the call failed, and is not part of the answer */
    size_t parameters_count;
    size_t structs_count;
    lambda__typed_parameter parameters[LAMBDA__TYPED_PARAMETERS];
    lambda__typed_struct *structs[LAMBDA__TYPED_STRUCTS]; /* owned; NULL from structs_count on, once parsed */
} lambda__typed_declaration;

/**
 * Parses `text`, which must outlive the declaration. InvalidParameterValue with a message that names the place. Whatever
 * comes of it, lambda__typed_free ends it.
 */
lambda_status lambda__typed_parse(lambda__base *base, const char *text, lambda__typed_declaration *declaration);

void lambda__typed_free(lambda__base *base, lambda__typed_declaration *declaration);

/** Finds sizes, offsets and libffi's types; `*frame` is the bytes of a call's arguments. */
lambda_status lambda__typed_layout(lambda__base *base, lambda__typed_declaration *declaration, ffi_cif *cif,
                                   ffi_type *types[LAMBDA__TYPED_PARAMETERS], size_t *frame);

/** Where a value stands in the event, for messages. */
typedef struct lambda__typed_path {
    const struct lambda__typed_path *parent;
    lambda__typed_name name; /* NULL text: an element */
    size_t index;
} lambda__typed_path;

/** Converts JSON to a value of the type at `to`. The message names the field. Strings are borrowed from the JSON. */
lambda_status lambda__typed_read(lambda__base *base, const lambda__typed_type *type, const json_t *json, void *to,
                                 const lambda__typed_path *path);

/** Appends the value at `from` as JSON to the response. */
lambda_status lambda__typed_write(lambda_response *response, const lambda__typed_type *type, const void *from);

/** Reads an object's members; every one must be there, and no other. */
lambda_status lambda__typed_read_struct(lambda__base *base, const lambda__typed_struct *structure, const json_t *json,
                                        void *to, const lambda__typed_path *path);

/** InvalidParameterValue: "event: field PATH: REASON". */
lambda_status lambda__typed_refuse(lambda__base *base, const lambda__typed_path *path, const char *reason);

/** A function that is ready to be called. */
typedef struct lambda__typed lambda__typed;

/** One invocation: arguments from the event, the call, the result into the response. Any thread. */
lambda_status lambda__typed_call(const lambda__typed *typed, const lambda_event *event, lambda_response *response);

#endif
