/*
 * The shared object driver. An object is loaded once per create or update, from a private copy of its file, so that
 * nothing that happens to the file reaches what runs; it stays mapped until the last function that uses it has gone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/platform.h"
#include "runtime/object_format.h"
#include "runtime/runtimes.h"

/** Lambda's limit of an unzipped package, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html. */
#define OBJECT_MAX ((size_t)250 * 1024 * 1024)

typedef struct object {
    lambda_t *lambda;
    _Atomic uint32_t references;
    lambda__private_file file;
    void *handle;
    char name[]; /* the file's, without directory and ending: what handler strings begin with */
} object;

static void release(object *loaded)
{
    if (atomic_fetch_sub_explicit(&loaded->references, 1, memory_order_acq_rel) != 1) return;
    if (loaded->handle) dlclose(loaded->handle);
    lambda__platform_private_close(&loaded->file);
    lambda__release(&loaded->lambda->base, loaded);
}

static lambda_status invalid_code(lambda_t *lambda, const char *path, const char *reason)
{
    return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_CODE, "code.path: \"%.160s\": %.300s", path, reason);
}

/** dlerror names the private copy; what follows it is the reason. */
static const char *load_error(const object *loaded)
{
    const char *text = dlerror();
    if (!text) return "the loader gives no reason";
    size_t length = strlen(loaded->file.path);
    bool named = strncmp(text, loaded->file.path, length) == 0 && text[length] == ':';
    return named ? text + length + 2 : text;
}

/** "file" of "/directory/file.so". */
static size_t base_name(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    const char *dot = strchr(*name, '.');
    return dot && dot != *name ? (size_t)(dot - *name) : strlen(*name);
}

/** A symbol's address as a pointer to a function: POSIX says that this conversion works, C does not. */
static bool find_function(const object *loaded, const char *symbol, void *function)
{
    void *found = dlsym(loaded->handle, symbol);
    memcpy(function, &found, sizeof(found));
    return found != NULL;
}

static lambda_status check_abi(const object *loaded, const char *path)
{
    const uint32_t *version = dlsym(loaded->handle, "lambda_abi_version");
    if (!version) return invalid_code(loaded->lambda, path, "has no LAMBDA_SHARED_OBJECT in it");
    if (*version == LAMBDA_ABI_VERSION) return LAMBDA_OK;
    return lambda__fail(&loaded->lambda->base, LAMBDA_ERROR_INVALID_CODE,
                        "code.path: \"%.160s\": is built for ABI version %u, this library has %u", path, *version,
                        LAMBDA_ABI_VERSION);
}

/** The symbol of a handler string "file.symbol". */
static lambda_status find_symbol(const object *loaded, const char *handler, const char **symbol)
{
    size_t length = strlen(loaded->name);
    bool fits = strncmp(handler, loaded->name, length) == 0 && handler[length] == '.' && handler[length + 1] != '\0';
    *symbol = handler + length + 1;
    if (fits) return LAMBDA_OK;
    return lambda__fail(&loaded->lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                        "handler: \"%s\" is not \"%.100s.SYMBOL\"", handler, loaded->name);
}

/** Fills in the handler; it holds one reference to the object where this succeeds. */
static lambda_status bind_handler(object *loaded, const char *text, lambda_runtime_handler *handler)
{
    const char *symbol = NULL;
    lambda_status status = find_symbol(loaded, text, &symbol);
    if (status != LAMBDA_OK) return status;
    if (!find_function(loaded, symbol, &handler->handler))
        return lambda__fail(&loaded->lambda->base, LAMBDA_ERROR_INVALID_CODE,
                            "handler: \"%s\": the object has no symbol \"%s\"", text, symbol);
    find_function(loaded, "lambda_init", &handler->init);
    find_function(loaded, "lambda_shutdown", &handler->shutdown);
    handler->instance = loaded;
    handler->identity = loaded->file.data;
    handler->identity_length = loaded->file.length;
    handler->code_size = loaded->file.length;
    return LAMBDA_OK;
}

/** A private copy of the file, or of the bytes where those are given. */
static lambda_status copy_object(object *loaded, const lambda_code *code)
{
    lambda_t *lambda = loaded->lambda;
    const char *path = code->path;
    int error = 0;
    if (!code->data)
        error = lambda__platform_private_copy(path, lambda->temporary_directory, OBJECT_MAX, &loaded->file);
    else if (code->data_length == 0 || code->data_length > OBJECT_MAX)
        error = code->data_length == 0 ? ENODATA : EFBIG;
    else
        error =
            lambda__platform_private_write(code->data, code->data_length, lambda->temporary_directory, &loaded->file);
    if (error == ENOMEM) return lambda__out_of_memory(&lambda->base);
    if (error == EISDIR) return invalid_code(lambda, path, "is not a regular file");
    if (error == ENODATA) return invalid_code(lambda, path, "is empty");
    if (error == EFBIG) return invalid_code(lambda, path, "is larger than 250 MB");
    return error ? invalid_code(lambda, path, strerror(error)) : LAMBDA_OK;
}

static lambda_status open_object(object *loaded, const char *path)
{
    const char *reason = lambda__object_refuse(loaded->file.data, loaded->file.length);
    if (reason) return invalid_code(loaded->lambda, path, reason);
    loaded->handle = dlopen(loaded->file.path, RTLD_NOW | RTLD_LOCAL);
    if (!loaded->handle) return invalid_code(loaded->lambda, path, load_error(loaded));
    return check_abi(loaded, path);
}

static lambda_status object_load(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler)
{
    (void)user;
    lambda__base *base = &request->lambda->base;
    const char *path = request->code->path;
    if (!path || !path[0])
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "code.path: is %s", path ? "empty" : "NULL");
    const char *name = NULL;
    size_t length = base_name(path, &name);
    object *loaded = lambda__allocate_zeroed(base, sizeof(*loaded) + length + 1);
    if (!loaded) return lambda__out_of_memory(base);
    memcpy(loaded->name, name, length);
    loaded->lambda = request->lambda;
    atomic_init(&loaded->references, 1);
    lambda_status status = copy_object(loaded, request->code);
    if (status != LAMBDA_OK) {
        lambda__release(base, loaded);
        return status;
    }
    status = open_object(loaded, path);
    if (status == LAMBDA_OK) status = bind_handler(loaded, request->handler, handler);
    if (status != LAMBDA_OK) release(loaded);
    return status;
}

static lambda_status object_reload(void *user, const lambda_runtime_request *request,
                                   const lambda_runtime_handler *current, lambda_runtime_handler *handler)
{
    (void)user;
    object *loaded = current->instance;
    lambda_status status = bind_handler(loaded, request->handler, handler);
    if (status == LAMBDA_OK) atomic_fetch_add_explicit(&loaded->references, 1, memory_order_relaxed);
    return status;
}

static void object_unload(void *user, lambda_runtime_handler *handler)
{
    (void)user;
    release(handler->instance);
}

const lambda_runtime_driver lambda__runtime_shared_object = {
    .name = "shared-object", .load = object_load, .reload = object_reload, .unload = object_unload};
