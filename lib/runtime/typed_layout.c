/* Sizes and offsets, as libffi and so the platform's calling convention has them. */
#include "base/error.h"
#include "runtime/typed.h"

static ffi_type *number_type(lambda__typed_kind kind, size_t size)
{
    if (kind == LAMBDA__TYPED_FLOAT) return &ffi_type_float;
    if (kind == LAMBDA__TYPED_DOUBLE) return &ffi_type_double;
    bool negative = kind == LAMBDA__TYPED_SIGNED || (kind == LAMBDA__TYPED_CHAR && (char)-1 < 0);
    switch (size) {
    case 1:
        return negative ? &ffi_type_sint8 : &ffi_type_uint8;
    case 2:
        return negative ? &ffi_type_sint16 : &ffi_type_uint16;
    case 4:
        return negative ? &ffi_type_sint32 : &ffi_type_uint32;
    default:
        return negative ? &ffi_type_sint64 : &ffi_type_uint64;
    }
}

static void set_type(lambda__typed_type *type)
{
    if (type->kind == LAMBDA__TYPED_VOID)
        type->ffi = &ffi_type_void;
    else if (type->kind == LAMBDA__TYPED_STRING)
        type->ffi = &ffi_type_pointer;
    else if (type->kind == LAMBDA__TYPED_STRUCT)
        type->ffi = (ffi_type *)(uintptr_t)&type->structure->ffi;
    else
        type->ffi = number_type(type->kind, type->size);
}

static lambda_status failed(lambda__base *base)
{
    return lambda__fail(base, LAMBDA_ERROR_SERVICE, "code.declaration: libffi cannot call such a function");
}

static bool lay_out_struct(lambda__typed_struct *structure)
{
    size_t offsets[LAMBDA__TYPED_MEMBERS];
    size_t element = 0;
    for (size_t i = 0; i < structure->members_count; i++) {
        lambda__typed_member *member = &structure->members[i];
        set_type(&member->type);
        for (size_t j = 0; j < (member->count ? member->count : 1); j++)
            structure->elements[element++] = member->type.ffi;
    }
    structure->elements[element] = NULL;
    structure->ffi = (ffi_type){.type = FFI_TYPE_STRUCT, .elements = structure->elements};
    if (ffi_get_struct_offsets(FFI_DEFAULT_ABI, &structure->ffi, offsets) != FFI_OK) return false;
    element = 0;
    for (size_t i = 0; i < structure->members_count; i++) {
        structure->members[i].offset = offsets[element];
        element += structure->members[i].count ? structure->members[i].count : 1;
    }
    return true;
}

/** Room for something in the frame, aligned for any type. */
static size_t reserve(size_t *frame, size_t size)
{
    const size_t alignment = _Alignof(max_align_t);
    size_t offset = *frame;
    *frame = (offset + size + alignment - 1) / alignment * alignment;
    return offset;
}

lambda_status lambda__typed_layout(lambda__base *base, lambda__typed_declaration *declaration, ffi_cif *cif,
                                   ffi_type *types[LAMBDA__TYPED_PARAMETERS], size_t *frame)
{
    *frame = 0;
    for (size_t i = 0; i < declaration->structs_count; i++)
        if (!lay_out_struct(declaration->structs[i])) return failed(base);
    set_type(&declaration->result);
    for (size_t i = 0; i < declaration->parameters_count; i++) {
        lambda__typed_parameter *parameter = &declaration->parameters[i];
        set_type(&parameter->type);
        bool pointer = parameter->role != LAMBDA__TYPED_VALUE && parameter->role != LAMBDA__TYPED_COUNT;
        types[i] = pointer ? &ffi_type_pointer : parameter->type.ffi;
        parameter->offset = reserve(frame, types[i]->size);
        if (parameter->role == LAMBDA__TYPED_IN || parameter->role == LAMBDA__TYPED_OUT_VALUE)
            parameter->pointee = reserve(frame, parameter->type.ffi->size);
    }
    bool ready = ffi_prep_cif(cif, FFI_DEFAULT_ABI, (unsigned)declaration->parameters_count, declaration->result.ffi,
                              types) == FFI_OK;
    return ready ? LAMBDA_OK : failed(base);
}
