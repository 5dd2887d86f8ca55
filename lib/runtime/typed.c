/* The typed driver: any C function, by its declaration. */
#include "runtime/typed.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "runtime/runtimes.h"

/** Frames up to this size are on the stack. */
#define FRAME_ON_STACK 1024

struct lambda__typed {
    lambda_t *lambda;
    void *library; /* NULL: none was opened */
    void (*function)(void);
    char *text; /* the declaration's, which its names point into; before it stands what identifies the code */
    char *identity;
    size_t expected; /* fields of the event */
    size_t frame;    /* bytes of the arguments */
    bool outs;       /* the result is an object with what is out */
    ffi_cif cif;
    ffi_type *types[LAMBDA__TYPED_PARAMETERS];
    lambda__typed_declaration declaration;
};

/* ---- one call */

/** Arguments while a call is prepared: the frame, pointers to each argument, and arrays that are freed afterwards. */
typedef struct call {
    const lambda__typed *typed;
    char *frame;
    void *values[LAMBDA__TYPED_PARAMETERS];
    void *arrays[LAMBDA__TYPED_PARAMETERS];
    size_t counts[LAMBDA__TYPED_PARAMETERS]; /* elements of those */
} call;

static bool is_expected(const lambda__typed_parameter *parameter)
{
    return parameter->role == LAMBDA__TYPED_VALUE || parameter->role == LAMBDA__TYPED_IN ||
           parameter->role == LAMBDA__TYPED_ARRAY;
}

/** The event has as many fields as are expected, or the first that is not is named. */
static lambda_status check_fields(const lambda__typed *typed, const json_t *json)
{
    if (json_object_size(json) == typed->expected) return LAMBDA_OK;
    const lambda__typed_declaration *declaration = &typed->declaration;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < declaration->parameters_count && !known; i++) {
            const lambda__typed_parameter *parameter = &declaration->parameters[i];
            known = is_expected(parameter) && strlen(key) == parameter->name.length &&
                    memcmp(key, parameter->name.text, parameter->name.length) == 0;
        }
        if (!known)
            return lambda__typed_refuse(&typed->lambda->base, &(lambda__typed_path){.name = {key, strlen(key)}},
                                        "is not a parameter");
    }
    return LAMBDA_OK;
}

static void set_pointer(call *made, const lambda__typed_parameter *parameter, const void *pointer)
{
    memcpy(made->frame + parameter->offset, &pointer, sizeof(pointer));
}

/** Room for the elements of an array; at least one, so that the pointer is never NULL. */
static lambda_status make_array(call *made, size_t index, size_t count)
{
    const lambda__typed_parameter *parameter = &made->typed->declaration.parameters[index];
    lambda__base *base = &made->typed->lambda->base;
    size_t size = parameter->type.ffi->size;
    made->counts[index] = count;
    made->arrays[index] = count > SIZE_MAX / size ? NULL : lambda__allocate_zeroed(base, count ? count * size : size);
    if (!made->arrays[index]) return lambda__out_of_memory(base);
    set_pointer(made, parameter, made->arrays[index]);
    return LAMBDA_OK;
}

static lambda_status read_array(call *made, size_t index, const json_t *json, const lambda__typed_path *path)
{
    const lambda__typed_declaration *declaration = &made->typed->declaration;
    const lambda__typed_parameter *parameter = &declaration->parameters[index];
    const lambda__typed_parameter *count = &declaration->parameters[parameter->partner];
    lambda__base *base = &made->typed->lambda->base;
    if (!json_is_array(json)) return lambda__typed_refuse(base, path, "expected array");
    lambda_status status = make_array(made, index, json_array_size(json));
    for (size_t i = 0; i < json_array_size(json) && status == LAMBDA_OK; i++)
        status = lambda__typed_read(base, &parameter->type, json_array_get(json, i),
                                    (char *)made->arrays[index] + i * parameter->type.ffi->size,
                                    &(lambda__typed_path){.parent = path, .index = i});
    if (status != LAMBDA_OK) return status;
    json_t *length = json_integer((json_int_t)json_array_size(json));
    if (!length) return lambda__out_of_memory(base);
    /* The count may be too narrow for so many: that is checked as any number is. */
    status = lambda__typed_read(base, &count->type, length, made->frame + count->offset, path);
    json_decref(length);
    return status;
}

/** An array that the function fills in: as long as its count says, which was read before or is read later. */
static lambda_status prepare_out_array(call *made, size_t index, const json_t *json)
{
    const lambda__typed_declaration *declaration = &made->typed->declaration;
    const lambda__typed_parameter *parameter = &declaration->parameters[index];
    const lambda__typed_parameter *count = &declaration->parameters[parameter->partner];
    lambda__typed_path path = {.name = count->name};
    const json_t *value = json_object_getn(json, count->name.text, count->name.length);
    if (!value) return lambda__typed_refuse(&made->typed->lambda->base, &path, "is missing");
    json_int_t length = json_is_real(value) ? (json_int_t)json_real_value(value) : json_integer_value(value);
    if (length < 0 || (uint64_t)length > LAMBDA__TYPED_OUT / parameter->type.ffi->size)
        return lambda__typed_refuse(&made->typed->lambda->base, &path, "the array would be larger than 1 MiB");
    return make_array(made, index, (size_t)length);
}

static lambda_status prepare(call *made, size_t index, const json_t *json)
{
    const lambda__typed_parameter *parameter = &made->typed->declaration.parameters[index];
    lambda__base *base = &made->typed->lambda->base;
    made->values[index] = made->frame + parameter->offset;
    if (parameter->role == LAMBDA__TYPED_COUNT) return LAMBDA_OK;
    if (parameter->role == LAMBDA__TYPED_OUT_ARRAY) return prepare_out_array(made, index, json);
    if (parameter->role == LAMBDA__TYPED_OUT_VALUE) {
        set_pointer(made, parameter, made->frame + parameter->pointee);
        memset(made->frame + parameter->pointee, 0, parameter->type.ffi->size);
        return LAMBDA_OK;
    }
    lambda__typed_path path = {.name = parameter->name};
    const json_t *value = json_object_getn(json, parameter->name.text, parameter->name.length);
    if (LAMBDA__UNLIKELY(!value)) return lambda__typed_refuse(base, &path, "is missing");
    if (parameter->role == LAMBDA__TYPED_ARRAY) return read_array(made, index, value, &path);
    char *to = made->frame + (parameter->role == LAMBDA__TYPED_IN ? parameter->pointee : parameter->offset);
    if (parameter->role == LAMBDA__TYPED_IN) set_pointer(made, parameter, to);
    return lambda__typed_read(base, &parameter->type, value, to, &path);
}

/** libffi widens small integers to a register; this is the value itself. */
typedef union result {
    ffi_arg widened;
    double real;
    const char *text;
    uint64_t number;
    max_align_t aligned;
} result;

static const void *result_value(const lambda__typed_type *type, const void *stored, result *narrowed)
{
    bool integer = type->kind == LAMBDA__TYPED_BOOL || type->kind == LAMBDA__TYPED_CHAR ||
                   type->kind == LAMBDA__TYPED_SIGNED || type->kind == LAMBDA__TYPED_UNSIGNED;
    if (!integer || type->size >= sizeof(ffi_arg)) return stored;
    ffi_arg widened;
    memcpy(&widened, stored, sizeof(widened));
    uint8_t v8 = (uint8_t)widened;
    uint16_t v16 = (uint16_t)widened;
    uint32_t v32 = (uint32_t)widened;
    if (type->size == 1)
        memcpy(narrowed, &v8, 1);
    else if (type->size == 2)
        memcpy(narrowed, &v16, 2);
    else
        memcpy(narrowed, &v32, 4);
    return narrowed;
}

static lambda_status write_out(call *made, size_t index, bool *comma, lambda_response *response)
{
    const lambda__typed_parameter *parameter = &made->typed->declaration.parameters[index];
    bool array = parameter->role == LAMBDA__TYPED_OUT_ARRAY;
    if (!array && parameter->role != LAMBDA__TYPED_OUT_VALUE) return LAMBDA_OK;
    lambda_status status = lambda__response_append(response, *comma ? ",\"" : "\"", *comma ? 2 : 1);
    *comma = true;
    if (status == LAMBDA_OK) status = lambda__response_append(response, parameter->name.text, parameter->name.length);
    if (status == LAMBDA_OK) status = lambda__response_append(response, array ? "\":[" : "\":", array ? 3 : 2);
    if (!array)
        return status == LAMBDA_OK ? lambda__typed_write(response, &parameter->type, made->frame + parameter->pointee)
                                   : status;
    for (size_t i = 0; i < made->counts[index] && status == LAMBDA_OK; i++) {
        if (i > 0) status = lambda__response_append(response, ",", 1);
        if (status == LAMBDA_OK)
            status = lambda__typed_write(response, &parameter->type,
                                         (char *)made->arrays[index] + i * parameter->type.ffi->size);
    }
    return status == LAMBDA_OK ? lambda__response_append(response, "]", 1) : status;
}

static lambda_status write_answer(call *made, const void *value, lambda_response *response)
{
    const lambda__typed_declaration *declaration = &made->typed->declaration;
    bool bare = !made->typed->outs;
    if (bare && declaration->status) return lambda__response_append(response, "null", 4);
    if (bare) return lambda__typed_write(response, &declaration->result, value);
    bool comma = declaration->result.kind != LAMBDA__TYPED_VOID && !declaration->status;
    lambda_status status = lambda__response_append(response, "{\"result\":", comma ? 10 : 1);
    if (comma && status == LAMBDA_OK) status = lambda__typed_write(response, &declaration->result, value);
    for (size_t i = 0; i < declaration->parameters_count && status == LAMBDA_OK; i++)
        status = write_out(made, i, &comma, response);
    return status == LAMBDA_OK ? lambda__response_append(response, "}", 1) : status;
}

static lambda_status perform(call *made, lambda_response *response)
{
    const lambda__typed *typed = made->typed;
    const lambda__typed_type *type = &typed->declaration.result;
    lambda__base *base = &typed->lambda->base;
    result small;
    result narrowed;
    void *stored = &small;
    if (type->kind == LAMBDA__TYPED_STRUCT && type->ffi->size > sizeof(small)) {
        stored = lambda__allocate_zeroed(base, type->ffi->size);
        if (!stored) return lambda__out_of_memory(base);
    }
    ffi_call((ffi_cif *)(uintptr_t)&typed->cif, typed->function, stored, made->values);
    const void *value = result_value(type, stored, &narrowed);
    lambda_status status = LAMBDA_OK;
    int code = 0;
    if (typed->declaration.status) memcpy(&code, value, sizeof(code));
    if (code != 0) {
        char message[120];
        snprintf(message, sizeof(message), "%.*s returned %d", (int)typed->declaration.name.length,
                 typed->declaration.name.text, code);
        status = lambda_response_error(response, "StatusError", message);
    } else {
        status = write_answer(made, value, response);
    }
    if (stored != &small) lambda__release(base, stored);
    return status;
}

lambda_status lambda__typed_call(const lambda__typed *typed, const lambda_event *event, lambda_response *response)
{
    _Alignas(max_align_t) char small[FRAME_ON_STACK];
    lambda__base *base = &typed->lambda->base;
    json_t *json = NULL;
    lambda_status status = lambda_event_json(event, &json);
    if (status != LAMBDA_OK) return status;
    if (!json_is_object(json))
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "event: expected an object with the arguments");
    call made;
    made.typed = typed;
    made.frame = typed->frame <= sizeof(small) ? small : lambda__allocate(base, typed->frame);
    if (!made.frame) return lambda__out_of_memory(base);
    size_t count = typed->declaration.parameters_count;
    for (size_t i = 0; i < count; i++)
        made.arrays[i] = NULL;
    for (size_t i = 0; i < count && status == LAMBDA_OK; i++)
        status = prepare(&made, i, json);
    if (status == LAMBDA_OK) status = check_fields(typed, json);
    if (status == LAMBDA_OK) status = perform(&made, response);
    for (size_t i = 0; i < count; i++)
        lambda__release(base, made.arrays[i]);
    if (made.frame != small) lambda__release(base, made.frame);
    return status;
}

static lambda_status typed_handler(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    return lambda__typed_call(lambda_context_user(context), event, response);
}

/* ---- the driver */

static void free_typed(lambda__typed *typed)
{
    lambda__base *base = &typed->lambda->base;
    if (typed->library) dlclose(typed->library);
    lambda__typed_free(base, &typed->declaration);
    lambda__release(base, typed->text);
    lambda__release(base, typed->identity);
    lambda__release(base, typed);
}

/** Finds the function: the host's pointer, or by name in the library. */
static lambda_status find_function(lambda__typed *typed, const lambda_code *code)
{
    lambda__base *base = &typed->lambda->base;
    const lambda__typed_name *name = &typed->declaration.name;
    if (code->function && code->path)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "code: has both a function and a library");
    typed->function = code->function;
    if (typed->function) return LAMBDA_OK;
    typed->library = dlopen(code->path, RTLD_NOW | RTLD_LOCAL);
    if (!typed->library) return lambda__fail(base, LAMBDA_ERROR_INVALID_CODE, "code.path: %s", dlerror());
    char symbol[LAMBDA__TYPED_TEXT + 1];
    memcpy(symbol, name->text, name->length);
    symbol[name->length] = '\0';
    void *found = dlsym(typed->library, symbol);
    if (!found)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_CODE, "code.declaration: \"%.80s\" has no function \"%.80s\"",
                            code->path ? code->path : "the program", symbol);
    /* POSIX says that this conversion works, C does not. */
    memcpy(&typed->function, &found, sizeof(found));
    return LAMBDA_OK;
}

/** Library, function pointer and declaration: the same three are the same code. */
static bool identify(lambda__typed *typed, const lambda_code *code, size_t *length)
{
    const char *library = code->path ? code->path : "";
    size_t room = strlen(library) + strlen(code->declaration) + 40;
    typed->identity = lambda__allocate_zeroed(&typed->lambda->base, room);
    if (!typed->identity) return false;
    int used = snprintf(typed->identity, room, "typed\n%s\n%llx\n%s", library,
                        (unsigned long long)(uintptr_t)code->function, code->declaration);
    *length = used > 0 ? (size_t)used : 0;
    return true;
}

static lambda_status prepare_typed(lambda__typed *typed, const lambda_code *code, lambda_runtime_handler *handler)
{
    lambda__base *base = &typed->lambda->base;
    typed->text = lambda__duplicate(base, code->declaration);
    if (!typed->text || !identify(typed, code, &handler->identity_length)) return lambda__out_of_memory(base);
    lambda_status status = lambda__typed_parse(base, typed->text, &typed->declaration);
    if (status == LAMBDA_OK)
        status = lambda__typed_layout(base, &typed->declaration, &typed->cif, typed->types, &typed->frame);
    if (status == LAMBDA_OK) status = find_function(typed, code);
    for (size_t i = 0; i < typed->declaration.parameters_count; i++) {
        lambda__typed_role role = typed->declaration.parameters[i].role;
        typed->expected += is_expected(&typed->declaration.parameters[i]);
        typed->outs = typed->outs || role == LAMBDA__TYPED_OUT_VALUE || role == LAMBDA__TYPED_OUT_ARRAY;
    }
    return status;
}

static lambda_status typed_load(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler)
{
    (void)user;
    lambda__base *base = &request->lambda->base;
    if (!request->code->declaration)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "code.declaration: is NULL");
    lambda__typed *typed = lambda__allocate_zeroed(base, sizeof(*typed));
    if (!typed) return lambda__out_of_memory(base);
    typed->lambda = request->lambda;
    lambda_status status = prepare_typed(typed, request->code, handler);
    if (status != LAMBDA_OK) {
        free_typed(typed);
        return status;
    }
    handler->handler = typed_handler;
    handler->user = handler->instance = typed;
    handler->identity = typed->identity;
    return LAMBDA_OK;
}

static void typed_unload(void *user, lambda_runtime_handler *handler)
{
    (void)user;
    free_typed(handler->instance);
}

const lambda_runtime_driver lambda__runtime_typed = {.name = "typed", .load = typed_load, .unload = typed_unload};
