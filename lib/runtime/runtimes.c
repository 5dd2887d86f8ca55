#include "runtime/runtimes.h"

#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/platform.h"

/* Drivers are only ever added, and each in an allocation of its own: a pointer to one is good until the service closes. */
typedef struct driver_node {
    struct driver_node *next;
    lambda_runtime_driver driver;
    char name[];
} driver_node;

struct lambda__runtimes {
    pthread_mutex_t mutex; /* of the list's head, for writers; readers follow atomic pointers */
    _Atomic(driver_node *) added;
};

static const lambda_runtime_driver *const built_in[] = {&lambda__runtime_native, &lambda__runtime_typed,
                                                        &lambda__runtime_shared_object};

static const lambda_runtime_driver *find_driver(lambda__runtimes *runtimes, const char *name)
{
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        if (strcmp(built_in[i]->name, name) == 0) return built_in[i];
    for (driver_node *node = atomic_load_explicit(&runtimes->added, memory_order_acquire); node; node = node->next)
        if (strcmp(node->name, name) == 0) return &node->driver;
    return NULL;
}

static bool name_is_valid(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return length > 0 && length <= 64 && name[length] == '\0';
}

lambda_status lambda_runtime_register(lambda_t *lambda, const lambda_runtime_driver *driver)
{
    if (!lambda) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda: is NULL");
    if (!driver || !driver->name || !driver->load)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "driver: %s is NULL",
                            !driver         ? "the driver"
                            : !driver->name ? "its name"
                                            : "its load");
    if (!name_is_valid(driver->name))
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "driver.name: \"%.80s\" is not 1 to 64 of a-z A-Z 0-9 . _ -", driver->name);
    size_t size = strlen(driver->name) + 1;
    driver_node *node = lambda__allocate(&lambda->base, sizeof(*node) + size);
    if (!node) return lambda__out_of_memory(&lambda->base);
    memcpy(node->name, driver->name, size);
    node->driver = *driver;
    node->driver.name = node->name;

    lambda__runtimes *runtimes = lambda->runtimes;
    pthread_mutex_lock(&runtimes->mutex);
    bool taken = find_driver(runtimes, node->name) != NULL;
    if (!taken) {
        node->next = atomic_load_explicit(&runtimes->added, memory_order_relaxed);
        atomic_store_explicit(&runtimes->added, node, memory_order_release);
    }
    pthread_mutex_unlock(&runtimes->mutex);
    if (!taken) return LAMBDA_OK;
    lambda__release(&lambda->base, node);
    return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_CONFLICT, "driver.name: \"%s\" is registered already",
                        driver->name);
}

lambda_status lambda_runtime_fail(lambda_t *lambda, lambda_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    lambda__message_va(lambda ? &lambda->base : NULL, format ? format : "", arguments);
    va_end(arguments);
    return status;
}

/* ---- code: the registry's port */

/** Completes code that its driver has made ready, or gives it back. */
static lambda_status finish_load(lambda_t *lambda, lambda_status status, lambda__code *code, lambda__code **loaded)
{
    if (status == LAMBDA_OK && !code->handler.handler)
        status = lambda__fail(&lambda->base, LAMBDA_ERROR_SERVICE, "runtime \"%s\": its driver gave no handler",
                              code->driver->name);
    if (status != LAMBDA_OK) {
        lambda__release(&lambda->base, code);
        return status;
    }
    *loaded = code;
    return LAMBDA_OK;
}

static lambda__code *new_code(lambda_t *lambda, const lambda_runtime_driver *driver)
{
    lambda__code *code = lambda__allocate_zeroed(&lambda->base, sizeof(*code));
    if (!code) return NULL;
    code->driver = driver;
    atomic_init(&code->references, 1);
    return code;
}

static lambda_status code_load(lambda_t *lambda, const lambda_code *description, const char *function_name,
                               const char *handler, lambda__code **loaded)
{
    const char *name = description->runtime;
    if (!name)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "code: is missing; make one with lambda_code_native, _typed or _shared_object");
    const lambda_runtime_driver *driver = find_driver(lambda->runtimes, name);
    if (!driver)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_RUNTIME,
                            "code.runtime: there is no runtime driver \"%.80s\"", name);
    lambda__code *code = new_code(lambda, driver);
    if (!code) return lambda__out_of_memory(&lambda->base);
    lambda_runtime_request request = {.lambda = lambda,
                                      .allocator = &lambda->base.allocator,
                                      .code = description,
                                      .function_name = function_name,
                                      .handler = handler};
    return finish_load(lambda, driver->load(driver->user, &request, &code->handler), code, loaded);
}

static lambda__code *code_retain(lambda__code *code)
{
    atomic_fetch_add_explicit(&code->references, 1, memory_order_relaxed);
    return code;
}

static lambda_status code_reload(lambda_t *lambda, lambda__code *current, const char *function_name,
                                 const char *handler, lambda__code **reloaded)
{
    const lambda_runtime_driver *driver = current->driver;
    if (!driver->reload) {
        *reloaded = code_retain(current);
        return LAMBDA_OK;
    }
    lambda__code *code = new_code(lambda, driver);
    if (!code) return lambda__out_of_memory(&lambda->base);
    lambda_runtime_request request = {
        .lambda = lambda, .allocator = &lambda->base.allocator, .function_name = function_name, .handler = handler};
    return finish_load(lambda, driver->reload(driver->user, &request, &current->handler, &code->handler), code,
                       reloaded);
}

static void code_release(lambda_t *lambda, lambda__code *code)
{
    if (!code || atomic_fetch_sub_explicit(&code->references, 1, memory_order_acq_rel) != 1) return;
    if (code->driver->unload) code->driver->unload(code->driver->user, &code->handler);
    lambda__release(&lambda->base, code);
}

static const char *code_runtime(const lambda__code *code)
{
    return code->driver->name;
}

/** Worked out when first asked for: to load and to invoke, nobody needs it. */
static const char *code_sha256(lambda__code *code)
{
    enum { NOT_YET, IN_WORK, DONE };
    uint32_t state = NOT_YET;
    if (atomic_compare_exchange_strong_explicit(&code->hashed, &state, IN_WORK, memory_order_acquire,
                                                memory_order_acquire)) {
        uint8_t digest[32];
        lambda__sha256(code->handler.identity, code->handler.identity ? code->handler.identity_length : 0, digest);
        lambda__sha256_base64(digest, code->sha256);
        atomic_store_explicit(&code->hashed, DONE, memory_order_release);
    }
    while (atomic_load_explicit(&code->hashed, memory_order_acquire) != DONE)
        lambda__platform_pause();
    return code->sha256;
}

static uint64_t code_size(const lambda__code *code)
{
    return code->handler.code_size;
}

void lambda__runtimes_port(lambda__registry_port *port)
{
    port->code_load = code_load;
    port->code_reload = code_reload;
    port->code_retain = code_retain;
    port->code_release = code_release;
    port->code_runtime = code_runtime;
    port->code_sha256 = code_sha256;
    port->code_size = code_size;
}

lambda_status lambda__runtimes_open(lambda_t *lambda, lambda__runtimes **opened)
{
    lambda__runtimes *runtimes = lambda__allocate_zeroed(&lambda->base, sizeof(*runtimes));
    if (!runtimes) return lambda__out_of_memory(NULL);
    if (pthread_mutex_init(&runtimes->mutex, NULL) != 0) {
        lambda__release(&lambda->base, runtimes);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    }
    *opened = runtimes;
    return LAMBDA_OK;
}

void lambda__runtimes_close(lambda_t *lambda, lambda__runtimes *runtimes)
{
    driver_node *node = atomic_load_explicit(&runtimes->added, memory_order_acquire);
    while (node) {
        driver_node *next = node->next;
        lambda__release(&lambda->base, node);
        node = next;
    }
    pthread_mutex_destroy(&runtimes->mutex);
    lambda__release(&lambda->base, runtimes);
}
