#include "runtime/runtimes.h"

#include <string.h>

#include "base/buffer.h"
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

/** The driver of that name and kind; NULL. */
static const lambda_runtime_driver *find_driver(lambda__runtimes *runtimes, const char *name, bool process)
{
    for (size_t i = 0; !process && i < sizeof(built_in) / sizeof(built_in[0]); i++)
        if (strcmp(built_in[i]->name, name) == 0) return built_in[i];
    for (driver_node *node = atomic_load_explicit(&runtimes->added, memory_order_acquire); node; node = node->next)
        if (node->driver.process == process && strcmp(node->name, name) == 0) return &node->driver;
    return NULL;
}

/** The driver for code of that runtime with that isolation; NULL with a message. */
static lambda_status choose_driver(lambda_t *lambda, const char *name, lambda_isolation isolation,
                                   const lambda_runtime_driver **driver)
{
    bool process = isolation == LAMBDA_ISOLATION_PROCESS;
    *driver = find_driver(lambda->runtimes, name, process);
    if (*driver) return LAMBDA_OK;
    if (!find_driver(lambda->runtimes, name, !process))
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_RUNTIME,
                            "code.runtime: there is no runtime driver \"%.80s\"", name);
    return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                        process ? "isolation: PROCESS is not for code of the runtime \"%.80s\", which has no processes"
                                : "isolation: code of the runtime \"%.80s\" runs in processes; it must be PROCESS",
                        name);
}

static bool is_built_in(const lambda_runtime_driver *driver)
{
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        if (built_in[i] == driver) return true;
    return false;
}

/** Only a driver that can make code ready anew has layers. */
static lambda_status check_layers(lambda_t *lambda, const lambda_runtime_driver *driver,
                                  const lambda__settings *settings)
{
    if (settings->layers_count == 0 || (driver->reload && !is_built_in(driver))) return LAMBDA_OK;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                        "layers: code of the runtime \"%s\" has none", driver->name);
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
    bool taken = find_driver(runtimes, node->name, node->driver.process) != NULL;
    if (!taken) {
        node->next = atomic_load_explicit(&runtimes->added, memory_order_relaxed);
        atomic_store_explicit(&runtimes->added, node, memory_order_release);
    }
    pthread_mutex_unlock(&runtimes->mutex);
    if (!taken) {
        lambda__registry_driver_added(lambda, node->name, node->driver.process);
        return LAMBDA_OK;
    }
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

/** Of `hashed`. */
enum { NOT_YET, IN_WORK, DONE };

static const char *code_sha256(lambda__code *code);
static lambda__code *code_retain(lambda__code *code);
static void code_release(lambda_t *lambda, lambda__code *code);
static uint64_t code_size(const lambda__code *code);
static void code_describe(const lambda__code *code, lambda__recipe *recipe);
static lambda_status code_unbound(lambda_t *lambda, const lambda__recipe *recipe, const char *sha256, uint64_t size,
                                  const char *reason, lambda__code **made);

/** Frees code that holds nothing of its driver's. */
static void free_code(lambda_t *lambda, lambda__code *code)
{
    lambda__release(&lambda->base, code->origin);
    lambda__release(&lambda->base, code);
}

static lambda__code *new_code(lambda_t *lambda, const lambda_runtime_driver *driver)
{
    lambda__code *code = lambda__allocate_zeroed(&lambda->base, sizeof(*code));
    if (!code) return NULL;
    code->driver = driver;
    atomic_init(&code->references, 1);
    return code;
}

/** What a driver is asked to make ready; `code` is to be filled in. */
static lambda_runtime_request make_request(lambda_t *lambda, const char *function_name,
                                           const lambda__settings *settings)
{
    return (lambda_runtime_request){.lambda = lambda,
                                    .allocator = &lambda->base.allocator,
                                    .function_name = function_name,
                                    .handler = settings->handler,
                                    .layers = settings->layers,
                                    .layers_count = settings->layers_count,
                                    .kept = lambda__registry_keeps(lambda)};
}

static char *put(char **at, const char *text)
{
    if (!text) return NULL;
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

/** A copy in one allocation; NULL when memory is out. */
static lambda__code_origin *copy_origin(lambda_t *lambda, const lambda__recipe *recipe, const char *reason,
                                        uint64_t size)
{
    const char *texts[] = {recipe->runtime, recipe->path, recipe->declaration, recipe->reference, reason};
    size_t length = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i]) length += strlen(texts[i]) + 1;
    lambda__code_origin *origin = lambda__allocate(&lambda->base, sizeof(*origin) + length);
    if (!origin) return NULL;
    char *at = (char *)(origin + 1);
    *origin = (lambda__code_origin){.recipe = *recipe, .size = size};
    origin->recipe.bytes = (lambda_bytes){NULL, 0};
    origin->recipe.runtime = put(&at, recipe->runtime);
    origin->recipe.path = put(&at, recipe->path);
    origin->recipe.declaration = put(&at, recipe->declaration);
    origin->recipe.reference = put(&at, recipe->reference);
    origin->reason = put(&at, reason);
    return origin;
}

static bool is_text(const char *text)
{
    return !text || lambda__utf8_valid(text, strlen(text));
}

/** "file.so" of "/directory/file.so". */
static const char *file_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

/** How code of this description is loaded again: what the library's own drivers load by name or bytes, and what has a reference. */
static lambda__recipe describe(const lambda__code *code, const lambda_code *description)
{
    lambda__recipe recipe = {.runtime = code->driver->name, .reference = code->handler.reference};
    recipe.has_bytes = code->driver == &lambda__runtime_shared_object;
    recipe.loadable = recipe.has_bytes || recipe.reference != NULL ||
                      (code->driver == &lambda__runtime_typed && !description->function);
    if (recipe.loadable && !recipe.reference) {
        recipe.path = recipe.has_bytes ? file_name(description->path) : description->path;
        recipe.declaration = recipe.has_bytes ? NULL : description->declaration;
    }
    return recipe;
}

/** With a store: can the description stand in it? */
static lambda_status check_texts(lambda_t *lambda, const lambda__recipe *recipe)
{
    if (!lambda__registry_keeps(lambda) || (is_text(recipe->path) && is_text(recipe->declaration))) return LAMBDA_OK;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                        "code: its path or declaration is not UTF-8, and cannot stand in the store");
}

/** With a store: keeps how the code is loaded again. */
static lambda_status keep_origin(lambda_t *lambda, lambda__code *code, const lambda__recipe *recipe)
{
    if (!lambda__registry_keeps(lambda)) return LAMBDA_OK;
    code->origin = copy_origin(lambda, recipe, NULL, 0);
    return code->origin ? LAMBDA_OK : lambda__out_of_memory(&lambda->base);
}

/** Code that was loaded anew for other settings stands for what the old did; where the driver gave another reference, with that. */
static lambda_status stand_for_same(lambda_t *lambda, lambda__code *code, lambda__code *old)
{
    const char *reference = code->handler.reference;
    lambda__recipe recipe;
    code_describe(old, &recipe);
    if (!reference || (recipe.reference && strcmp(recipe.reference, reference) == 0)) {
        code->stands_for = code_retain(old);
        return LAMBDA_OK;
    }
    recipe.reference = reference;
    recipe.loadable = true;
    return code_unbound(lambda, &recipe, code_sha256(old), code_size(old), "", &code->stands_for);
}

/** Is what the driver answered as it should be? */
static lambda_status check_answer(lambda_t *lambda, const lambda__code *code)
{
    const lambda_runtime_handler *handler = &code->handler;
    const char *wrong = NULL;
    if (!handler->handler)
        wrong = "no handler";
    else if (handler->code_sha256 && !lambda__sha256_base64_valid(handler->code_sha256))
        wrong = "a code_sha256 that is none";
    else if (handler->reference && (strnlen(handler->reference, LAMBDA__REFERENCE_MAX + 1) > LAMBDA__REFERENCE_MAX ||
                                    !is_text(handler->reference)))
        wrong = "a reference that is not at most 1,024 bytes of UTF-8";
    if (!wrong) return LAMBDA_OK;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_SERVICE, "runtime \"%s\": its driver gave %s", code->driver->name,
                        wrong);
}

/** Completes code that its driver has made ready, or gives it back. `description` NULL: it is the code that `current` was. */
static lambda_status finish_load(lambda_t *lambda, lambda_status status, lambda__code *code,
                                 const lambda_code *description, const lambda__code *current, lambda__code **loaded)
{
    if (status != LAMBDA_OK) {
        free_code(lambda, code);
        return status;
    }
    status = check_answer(lambda, code);
    lambda__recipe recipe = {0};
    if (description) {
        recipe = describe(code, description);
    } else if (current->origin) {
        recipe = current->origin->recipe;
        if (code->handler.reference) recipe.reference = code->handler.reference;
    }
    if (status == LAMBDA_OK) status = keep_origin(lambda, code, &recipe);
    if (status == LAMBDA_OK && current && current->stands_for)
        status = stand_for_same(lambda, code, current->stands_for);
    if (status != LAMBDA_OK) {
        code_release(lambda, code);
        return status;
    }
    if (code->handler.code_sha256) {
        memcpy(code->sha256, code->handler.code_sha256, sizeof(code->sha256));
        atomic_store_explicit(&code->hashed, DONE, memory_order_release);
    }
    /* Whoever writes it to the store holds the lock of all changes: that is no time to begin with it. */
    if (code->origin) code_sha256(code);
    *loaded = code;
    return LAMBDA_OK;
}

static lambda_status code_load(lambda_t *lambda, const lambda_code *description, const char *function_name,
                               const lambda__settings *settings, lambda__code **loaded)
{
    const lambda_runtime_driver *driver = NULL;
    if (!description->runtime)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "code: is missing; make one with lambda_code_native, _typed or _shared_object");
    lambda_status status = choose_driver(lambda, description->runtime, (lambda_isolation)settings->isolation, &driver);
    if (status == LAMBDA_OK) status = check_layers(lambda, driver, settings);
    if (status != LAMBDA_OK) return status;
    lambda__code *code = new_code(lambda, driver);
    if (!code) return lambda__out_of_memory(&lambda->base);
    lambda_runtime_request request = make_request(lambda, function_name, settings);
    request.code = description;
    lambda__recipe recipe = describe(code, description);
    status = check_texts(lambda, &recipe);
    if (status == LAMBDA_OK) status = driver->load(driver->user, &request, &code->handler);
    return finish_load(lambda, status, code, description, NULL, loaded);
}

static lambda_isolation code_isolation(lambda_t *lambda, const char *runtime)
{
    lambda__runtimes *runtimes = lambda->runtimes;
    bool process = runtime && !find_driver(runtimes, runtime, false) && find_driver(runtimes, runtime, true);
    return process ? LAMBDA_ISOLATION_PROCESS : LAMBDA_ISOLATION_INLINE;
}

static lambda__code *code_retain(lambda__code *code)
{
    atomic_fetch_add_explicit(&code->references, 1, memory_order_relaxed);
    return code;
}

static lambda_status code_reload(lambda_t *lambda, lambda__code *current, const char *function_name,
                                 const lambda__settings *settings, lambda__code **reloaded)
{
    const lambda_runtime_driver *driver = current->driver;
    lambda_status status = driver ? check_layers(lambda, driver, settings) : LAMBDA_OK;
    if (status != LAMBDA_OK) return status;
    /* What is unbound is loaded, with the handler and layers that it has then, when it is bound. */
    if (!driver || !driver->reload) {
        *reloaded = code_retain(current);
        return LAMBDA_OK;
    }
    lambda__code *code = new_code(lambda, driver);
    if (!code) return lambda__out_of_memory(&lambda->base);
    lambda_runtime_request request = make_request(lambda, function_name, settings);
    status = driver->reload(driver->user, &request, &current->handler, &code->handler);
    return finish_load(lambda, status, code, NULL, current, reloaded);
}

static void code_release(lambda_t *lambda, lambda__code *code)
{
    if (!code || atomic_fetch_sub_explicit(&code->references, 1, memory_order_acq_rel) != 1) return;
    if (code->driver && code->driver->unload) code->driver->unload(code->driver->user, &code->handler);
    code_release(lambda, code->stands_for);
    free_code(lambda, code);
}

static const char *code_runtime(const lambda__code *code)
{
    return code->driver ? code->driver->name : code->origin->recipe.runtime;
}

/** Worked out when first asked for: to load and to invoke, nobody needs it. */
static const char *code_sha256(lambda__code *code)
{
    uint32_t state = NOT_YET;
    if (code->stands_for) return code_sha256(code->stands_for);
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
    if (code->stands_for) return code_size(code->stands_for);
    return lambda__code_is_unbound(code) ? code->origin->size : code->handler.code_size;
}

/* ---- code that comes back from a store */

static void code_describe(const lambda__code *code, lambda__recipe *recipe)
{
    if (code->stands_for) {
        code_describe(code->stands_for, recipe);
        return;
    }
    if (!code->origin) {
        /* Without a store nobody needs more. */
        *recipe = (lambda__recipe){.runtime = code->driver->name, .reference = code->handler.reference};
        return;
    }
    *recipe = code->origin->recipe;
    if (recipe->has_bytes && !lambda__code_is_unbound(code))
        recipe->bytes = (lambda_bytes){code->handler.identity, code->handler.identity_length};
}

static lambda_status code_unbound(lambda_t *lambda, const lambda__recipe *recipe, const char *sha256, uint64_t size,
                                  const char *reason, lambda__code **made)
{
    lambda__code *code = new_code(lambda, NULL);
    if (code) code->origin = copy_origin(lambda, recipe, reason, size);
    if (!code || !code->origin) {
        lambda__release(&lambda->base, code);
        return lambda__out_of_memory(&lambda->base);
    }
    memcpy(code->sha256, sha256, strnlen(sha256, sizeof(code->sha256) - 1));
    atomic_store_explicit(&code->hashed, DONE, memory_order_release);
    *made = code;
    return LAMBDA_OK;
}

static const char *code_reason(const lambda__code *code)
{
    return lambda__code_is_unbound(code) ? code->origin->reason : NULL;
}

static lambda_status code_bind(lambda_t *lambda, lambda__code *unbound, const lambda_code *description,
                               const char *function_name, const lambda__settings *settings, lambda__code **bound)
{
    lambda_status status = code_load(lambda, description, function_name, settings, bound);
    if (status == LAMBDA_OK) (*bound)->stands_for = code_retain(unbound);
    return status;
}

static lambda_status code_bind_reference(lambda_t *lambda, lambda__code *unbound, const char *function_name,
                                         const lambda__settings *settings, lambda__code **bound)
{
    lambda__recipe recipe;
    code_describe(unbound, &recipe);
    lambda_code description = {.runtime = recipe.runtime, .reference = recipe.reference};
    const char *reason = "its runtime driver's reference leads to other code than it had";
    lambda_status status = code_load(lambda, &description, function_name, settings, bound);
    bool same = status == LAMBDA_OK && strcmp(code_sha256(*bound), code_sha256(unbound)) == 0;
    if (status != LAMBDA_OK) reason = lambda__error_message(&lambda->base);
    if (status == LAMBDA_OK && !same) code_release(lambda, *bound);
    if (!same) status = code_unbound(lambda, &recipe, code_sha256(unbound), code_size(unbound), reason, bound);
    if (status == LAMBDA_OK) (*bound)->stands_for = code_retain(unbound);
    return status;
}

void lambda__runtimes_port(lambda__registry_port *port)
{
    port->code_isolation = code_isolation;
    port->code_load = code_load;
    port->code_reload = code_reload;
    port->code_retain = code_retain;
    port->code_release = code_release;
    port->code_runtime = code_runtime;
    port->code_sha256 = code_sha256;
    port->code_size = code_size;
    port->code_describe = code_describe;
    port->code_unbound = code_unbound;
    port->code_reason = code_reason;
    port->code_bind = code_bind;
    port->code_bind_reference = code_bind_reference;
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

void lambda__runtimes_closing(lambda_t *lambda)
{
    driver_node *first = atomic_load_explicit(&lambda->runtimes->added, memory_order_acquire);
    for (const driver_node *node = first; node; node = node->next)
        if (node->driver.closing) node->driver.closing(node->driver.user);
}

void lambda__runtimes_close(lambda_t *lambda, lambda__runtimes *runtimes)
{
    driver_node *node = atomic_load_explicit(&runtimes->added, memory_order_acquire);
    while (node) {
        driver_node *next = node->next;
        if (node->driver.close) node->driver.close(node->driver.user);
        lambda__release(&lambda->base, node);
        node = next;
    }
    pthread_mutex_destroy(&runtimes->mutex);
    lambda__release(&lambda->base, runtimes);
}
