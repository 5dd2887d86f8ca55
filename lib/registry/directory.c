/* Versions, routes and aliases as objects; the directory that lists a function's; and how what was unlinked ends. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/thread.h"
#include "registry/registry_private.h"

void lambda__revision_new(lambda_t *lambda, char text[37])
{
    uint64_t high = lambda->base.random.next(lambda->base.random.user);
    uint64_t low = lambda->base.random.next(lambda->base.random.user);
    high = (high & ~UINT64_C(0xF000)) | UINT64_C(0x4000);
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    snprintf(text, 37, "%08" PRIx32 "-%04x-%04x-%04x-%012" PRIx64, (uint32_t)(high >> 32),
             (unsigned)(high >> 16 & 0xFFFF), (unsigned)(high & 0xFFFF), (unsigned)(low >> 48),
             low & UINT64_C(0xFFFFFFFFFFFF));
}

lambda__version *lambda__version_new(lambda_t *lambda, lambda__function *function, uint64_t number, lambda__code *code,
                                     lambda__settings *settings, const char *description)
{
    lambda__version *version = lambda__allocate_zeroed(&lambda->base, sizeof(*version));
    if (!version) return NULL;
    if (description) {
        version->description_owned = lambda__duplicate(&lambda->base, description);
        if (!version->description_owned) {
            lambda__release(&lambda->base, version);
            return NULL;
        }
    }
    atomic_init(&version->references, 1);
    version->function = lambda__function_retain(function);
    atomic_init(&version->code, code);
    version->settings = settings;
    version->description = description ? version->description_owned : settings->description;
    if (settings->dead_letter[0]) atomic_store_explicit(&function->async_settings, true, memory_order_release);
    version->number = number;
    if (number == 0)
        memcpy(version->label, "$LATEST", 8);
    else
        snprintf(version->label, sizeof(version->label), "%" PRIu64, number);
    return version;
}

void lambda__version_stamp(lambda_t *lambda, lambda__version *version)
{
    version->modified = lambda__wall(&lambda->base);
    lambda__revision_new(lambda, version->revision_id);
}

void lambda__version_release(lambda_t *lambda, lambda__version *version)
{
    if (!version || atomic_fetch_sub_explicit(&version->references, 1, memory_order_acq_rel) != 1) return;
    const lambda__registry_port *port = &lambda->registry->port;
    if (atomic_load_explicit(&version->pool, memory_order_acquire)) port->version_freed(lambda, version);
    port->code_release(lambda, lambda__version_code(version));
    lambda__settings_release(lambda, version->settings);
    lambda__function_release(lambda, version->function);
    lambda__release(&lambda->base, version->description_owned);
    lambda__release(&lambda->base, version);
}

void lambda__function_release(lambda_t *lambda, lambda__function *function)
{
    if (!function || atomic_fetch_sub_explicit(&function->references, 1, memory_order_acq_rel) != 1) return;
    if (atomic_load_explicit(&function->concurrency, memory_order_acquire))
        lambda->registry->port.function_freed(lambda, function);
    lambda__tags_free(lambda, function->tags, function->tags_count);
    lambda__release(&lambda->base, atomic_load_explicit(&function->event_invokes, memory_order_relaxed));
    lambda__attachments_release(lambda, atomic_load_explicit(&function->attachments, memory_order_relaxed));
    lambda__release(&lambda->base, function);
}

void lambda__route_free(lambda_t *lambda, lambda__route *route)
{
    if (!route) return;
    lambda__version_release(lambda, route->version);
    lambda__version_release(lambda, route->additional);
    lambda__release(&lambda->base, route);
}

void lambda__alias_release(lambda_t *lambda, lambda__alias *alias)
{
    if (!alias || atomic_fetch_sub_explicit(&alias->references, 1, memory_order_acq_rel) != 1) return;
    lambda__route_free(lambda, atomic_load_explicit(&alias->route, memory_order_acquire));
    lambda__release(&lambda->base, alias->name);
    lambda__release(&lambda->base, alias->description);
    lambda__release(&lambda->base, alias);
}

const lambda__directory *lambda__directory_of(const lambda__function *function)
{
    static const lambda__directory empty = {0};
    const lambda__directory *directory = atomic_load_explicit(&function->directory, memory_order_acquire);
    return directory ? directory : &empty;
}

lambda__directory *lambda__directory_new(lambda_t *lambda, size_t versions, size_t aliases)
{
    lambda__directory *made =
        lambda__allocate(&lambda->base, sizeof(*made) + (versions + aliases) * sizeof(lambda__version *));
    if (!made) return NULL;
    *made = (lambda__directory){.versions = (lambda__version **)(made + 1)};
    made->aliases = (lambda__alias **)(made->versions + versions);
    return made;
}

lambda__directory *lambda__directory_copy(lambda_t *lambda, const lambda__function *function)
{
    const lambda__directory *old = lambda__directory_of(function);
    lambda__directory *made = lambda__directory_new(lambda, old->versions_count + 1, old->aliases_count + 1);
    if (!made) return NULL;
    made->versions_count = old->versions_count;
    made->aliases_count = old->aliases_count;
    if (old->versions_count > 0) memcpy(made->versions, old->versions, old->versions_count * sizeof(*made->versions));
    if (old->aliases_count > 0) memcpy(made->aliases, old->aliases, old->aliases_count * sizeof(*made->aliases));
    return made;
}

bool lambda__directory_find_version(const lambda__directory *directory, uint64_t number, size_t *at)
{
    size_t low = 0;
    size_t high = directory->versions_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (directory->versions[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low < directory->versions_count && directory->versions[low]->number == number;
}

/** As strcmp, with a name that need not end in NUL. */
static int compare_name(const char *name, const char *other, size_t length)
{
    int order = strncmp(name, other, length);
    return order == 0 && name[length] != '\0' ? 1 : order;
}

bool lambda__directory_find_alias(const lambda__directory *directory, const char *name, size_t length, size_t *at)
{
    size_t low = 0;
    size_t high = directory->aliases_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_name(directory->aliases[middle]->name, name, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low < directory->aliases_count && compare_name(directory->aliases[low]->name, name, length) == 0;
}

static void end_version(lambda_t *lambda, lambda__version *version)
{
    if (!version) return;
    lambda->registry->port.version_retired(lambda, version);
    lambda__version_release(lambda, version);
}

void lambda__unlinked_end(lambda_t *lambda, const lambda__unlinked *unlinked)
{
    lambda__grace_wait(&lambda->base);
    lambda__unlinked_free(lambda, unlinked);
}

void lambda__unlinked_free(lambda_t *lambda, const lambda__unlinked *unlinked)
{
    end_version(lambda, unlinked->version);
    lambda__directory *whole = unlinked->whole;
    for (size_t i = 0; whole && i < whole->versions_count; i++)
        end_version(lambda, whole->versions[i]);
    for (size_t i = 0; whole && i < whole->aliases_count; i++) {
        lambda__route_free(lambda, whole->aliases[i]->ended);
        whole->aliases[i]->ended = NULL;
        lambda__alias_release(lambda, whole->aliases[i]);
    }
    lambda__release(&lambda->base, whole);
    lambda__release(&lambda->base, unlinked->directory);
    lambda__release(&lambda->base, unlinked->event_invokes);
    lambda__attachments_release(lambda, unlinked->attachments);
    lambda__alias_release(lambda, unlinked->alias);
    lambda__route_free(lambda, unlinked->route);
    if (unlinked->function && atomic_load_explicit(&unlinked->function->concurrency, memory_order_acquire))
        lambda->registry->port.function_retired(lambda, unlinked->function);
    lambda__function_release(lambda, unlinked->function);
    if (unlinked->changed && atomic_load_explicit(&unlinked->changed->concurrency, memory_order_acquire))
        lambda->registry->port.function_changed(lambda, unlinked->changed);
    lambda__function_release(lambda, unlinked->changed);
}
