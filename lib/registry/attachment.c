/* What adapters keep with a function: put, get, list; and the table that keeps a function's. */
#include <lambda/port/attachment.h>

#include <string.h>

#include "base/buffer.h"
#include "registry/registry_private.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* ---- the table */

/** By qualifier, then by kind. */
static int compare(const lambda__attachment *one, const char *qualifier, const char *kind)
{
    int order = strcmp(one->qualifier, qualifier);
    return order != 0 ? order : strcmp(one->kind, kind);
}

/** Where an item stands, or would stand; true if it is there. The table may be NULL. */
static bool find(const lambda__attachments *all, const char *qualifier, const char *kind, size_t *at)
{
    size_t low = 0;
    size_t high = all ? all->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&all->items[middle], qualifier, kind) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return all && low < all->count && compare(&all->items[low], qualifier, kind) == 0;
}

static const char *copy(char **at, const void *data, size_t length)
{
    char *to = *at;
    if (length > 0) memcpy(to, data, length);
    to[length] = '\0';
    *at += length + 1;
    return to;
}

lambda__attachments *lambda__attachments_make(lambda_t *lambda, const lambda__attachment *items, size_t count)
{
    size_t size = sizeof(lambda__attachments) + count * sizeof(*items);
    size_t texts = size;
    for (size_t i = 0; i < count; i++)
        size += strlen(items[i].qualifier) + strlen(items[i].kind) + items[i].length + 3;
    lambda__attachments *made = lambda__allocate(&lambda->base, size);
    if (!made) return NULL;
    char *at = (char *)made + texts;
    atomic_init(&made->references, 1);
    made->count = count;
    for (size_t i = 0; i < count; i++)
        made->items[i] = (lambda__attachment){.qualifier = copy(&at, items[i].qualifier, strlen(items[i].qualifier)),
                                              .kind = copy(&at, items[i].kind, strlen(items[i].kind)),
                                              .value = copy(&at, items[i].value, items[i].length),
                                              .length = items[i].length};
    return made;
}

void lambda__attachments_release(lambda_t *lambda, lambda__attachments *all)
{
    if (all && atomic_fetch_sub_explicit(&all->references, 1, memory_order_acq_rel) == 1)
        lambda__release(&lambda->base, all);
}

static lambda__attachments *table_of(const lambda__function *function)
{
    return atomic_load_explicit(&function->attachments, memory_order_relaxed);
}

/** As writer: the function's table with the items from `at` to `rest` replaced by `item`, or by none. False when memory is out. */
static bool replaced(lambda_t *lambda, const lambda__function *function, size_t at, size_t rest,
                     const lambda__attachment *item, lambda__attachments **made)
{
    const lambda__attachments *all = table_of(function);
    size_t count = all ? all->count : 0;
    size_t left = at + (item ? 1 : 0) + count - rest;
    *made = NULL;
    if (left == 0) return true;
    lambda__attachment *items = lambda__allocate(&lambda->base, left * sizeof(*items));
    if (!items) return false;
    if (all && at > 0) memcpy(items, all->items, at * sizeof(*items));
    if (item) items[at] = *item;
    if (all && rest < count) memcpy(&items[left - (count - rest)], &all->items[rest], (count - rest) * sizeof(*items));
    *made = lambda__attachments_make(lambda, items, left);
    lambda__release(&lambda->base, items);
    return *made != NULL;
}

bool lambda__attachments_without(lambda_t *lambda, const lambda__function *function, const char *qualifier,
                                 lambda__attachments **made)
{
    lambda__attachments *all = table_of(function);
    size_t at = 0;
    find(all, qualifier, "", &at);
    size_t rest = at;
    while (all && rest < all->count && strcmp(all->items[rest].qualifier, qualifier) == 0)
        rest++;
    *made = all;
    return rest == at || replaced(lambda, function, at, rest, NULL, made);
}

void lambda__attachments_replace(lambda__function *function, lambda__attachments *made, lambda__unlinked *unlinked)
{
    if (made != table_of(function))
        unlinked->attachments = atomic_exchange_explicit(&function->attachments, made, memory_order_acq_rel);
}

void lambda__attachments_discard(lambda_t *lambda, const lambda__function *function, lambda__attachments *made)
{
    if (made != table_of(function)) lambda__attachments_release(lambda, made);
}

/* ---- arguments */

lambda_status lambda__attachment_check(lambda_t *lambda, const char *kind, lambda_bytes value)
{
    size_t length = kind ? strnlen(kind, LAMBDA__ATTACHMENT_KIND + 1) : 0;
    if (length == 0 || length > LAMBDA__ATTACHMENT_KIND ||
        strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
        return lambda__fail(&lambda->base, INVALID, "kind: \"%.40s\" is not 1 to %d of a-z 0-9 -", kind ? kind : "",
                            LAMBDA__ATTACHMENT_KIND);
    if (!value.data || value.length == 0) return LAMBDA_OK;
    if (value.length > LAMBDA_ATTACHMENT_MAX)
        return lambda__fail(&lambda->base, INVALID, "value: is longer than %d bytes", LAMBDA_ATTACHMENT_MAX);
    if (lambda__utf8_valid(value.data, value.length) && !memchr(value.data, 0, value.length)) return LAMBDA_OK;
    return lambda__fail(&lambda->base, INVALID, "value: is not UTF-8 without a NUL byte");
}

/** As writer or in a read section: the qualifier as the table knows it, "" for the function itself; NULL where it leads nowhere. */
static const char *find_qualifier(lambda__function *function, const lambda__name *name)
{
    if (!name->qualifier || name->qualifier[0] == '$') return "";
    const lambda__alias *alias = lambda__function_alias(function, name->qualifier, name->qualifier_length);
    if (alias) return alias->name;
    const lambda__version *version = lambda__function_resolve(function, name->qualifier, name->qualifier_length, NULL);
    return version ? version->label : NULL;
}

/* ---- put */

/** As writer: has the table kept, and puts it in the place of the function's; or frees it. */
static lambda_status install(lambda_t *lambda, lambda__function *function, lambda__attachments *made,
                             lambda__unlinked *unlinked)
{
    lambda__image image = lambda__image_of(function);
    image.attachments = made;
    lambda_status status = lambda__store_put(lambda, &image);
    if (status == LAMBDA_OK)
        lambda__attachments_replace(function, made, unlinked);
    else
        lambda__attachments_discard(lambda, function, made);
    return status;
}

/** As writer. */
static lambda_status set(lambda_t *lambda, const lambda__name *name, const char *kind, lambda_bytes value,
                         lambda__unlinked *unlinked)
{
    lambda__function *function = NULL;
    lambda__attachments *made = NULL;
    lambda_status status = lambda__function_find(lambda, name, &function);
    if (status != LAMBDA_OK) return status;
    const char *qualifier = find_qualifier(function, name);
    if (!qualifier) return lambda__function_missing(lambda, name);
    size_t at = 0;
    bool there = find(table_of(function), qualifier, kind, &at);
    if (!there && !value.data) return LAMBDA_OK;
    lambda__attachment item = {.qualifier = qualifier, .kind = kind, .value = value.data, .length = value.length};
    if (!replaced(lambda, function, at, at + there, value.data ? &item : NULL, &made))
        return lambda__out_of_memory(&lambda->base);
    return install(lambda, function, made, unlinked);
}

lambda_status lambda_attachment_put(lambda_t *lambda, const char *function_name, const char *kind, lambda_bytes value)
{
    if (!lambda) return lambda__fail(NULL, INVALID, "lambda: is NULL");
    lambda__name name;
    lambda__unlinked unlinked = {0};
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status == LAMBDA_OK) status = lambda__attachment_check(lambda, kind, value);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = set(lambda, &name, kind, value, &unlinked);
    lambda__registry_unlock(lambda);
    if (unlinked.attachments) lambda__unlinked_end(lambda, &unlinked);
    return status;
}

/* ---- get and list: a table that is held stays as it is, so nothing is copied and no lock is held while it is shown */

/** A function's table that is held. */
typedef struct view {
    lambda__function *function;
    lambda__attachments *all;               /* NULL: it has none */
    char qualifier[LAMBDA__QUALIFIER_SIZE]; /* of the name, as the table knows it */
} view;

static lambda__attachments *hold(const lambda__function *function)
{
    lambda__attachments *all = atomic_load_explicit(&function->attachments, memory_order_acquire);
    if (all) atomic_fetch_add_explicit(&all->references, 1, memory_order_relaxed);
    return all;
}

static lambda_status look(lambda_t *lambda, const lambda__name *name, view *seen)
{
    *seen = (view){0};
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (!thread) return lambda__out_of_memory(&lambda->base);
    lambda__read_begin(thread);
    lambda__function *function = lambda__registry_find(lambda, name->function, name->function_length);
    const char *qualifier = function ? find_qualifier(function, name) : NULL;
    if (qualifier) {
        memcpy(seen->qualifier, qualifier, strlen(qualifier) + 1);
        seen->function = lambda__function_retain(function);
        seen->all = hold(function);
    }
    lambda__read_end(thread);
    return qualifier ? LAMBDA_OK : lambda__function_missing(lambda, name);
}

static void leave(lambda_t *lambda, const view *seen)
{
    lambda__attachments_release(lambda, seen->all);
    lambda__function_release(lambda, seen->function);
}

static lambda_status show(const view *seen, const lambda__attachment *item, lambda_attachment_visitor *visit,
                          void *user)
{
    return visit(user, seen->function->name, item->qualifier, (lambda_bytes){item->value, item->length});
}

static lambda_status begin(lambda_t *lambda, const char *kind, lambda_attachment_visitor *visit)
{
    if (!lambda || !visit)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "visit" : "lambda");
    return lambda__attachment_check(lambda, kind, (lambda_bytes){NULL, 0});
}

lambda_status lambda_attachment_get(lambda_t *lambda, const char *function_name, const char *kind,
                                    lambda_attachment_visitor *visit, void *user)
{
    lambda__name name;
    view seen;
    lambda_status status = begin(lambda, kind, visit);
    if (status == LAMBDA_OK) status = lambda__name_parse(lambda, function_name, &name);
    if (status == LAMBDA_OK) status = look(lambda, &name, &seen);
    if (status != LAMBDA_OK) return status;
    size_t at = 0;
    if (find(seen.all, seen.qualifier, kind, &at))
        status = show(&seen, &seen.all->items[at], visit, user);
    else
        status = lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "The function %s%s%s has no %s",
                              seen.function->name, seen.qualifier[0] ? ":" : "", seen.qualifier, kind);
    leave(lambda, &seen);
    return status;
}

static lambda_status show_all(const view *seen, const char *kind, lambda_attachment_visitor *visit, void *user)
{
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; seen->all && i < seen->all->count && status == LAMBDA_OK; i++)
        if (strcmp(seen->all->items[i].kind, kind) == 0) status = show(seen, &seen->all->items[i], visit, user);
    return status;
}

/** Holds the tables of all functions that have one: `*views`, the caller's to release. */
static bool look_at_all(lambda_t *lambda, view **views, size_t *count)
{
    size_t capacity = 0;
    bool complete = true;
    *views = NULL;
    *count = 0;
    lambda__registry_lock(lambda);
    const lambda__registry *registry = lambda->registry;
    for (size_t i = 0; complete && i < registry->order_count; i++) {
        lambda__function *function = registry->order[i].function;
        if (!function || !table_of(function)) continue;
        complete = lambda__array_reserve(&lambda->base, (void **)views, &capacity, *count, sizeof(**views));
        if (complete)
            (*views)[(*count)++] = (view){.function = lambda__function_retain(function), .all = hold(function)};
    }
    lambda__registry_unlock(lambda);
    return complete;
}

lambda_status lambda_attachment_list(lambda_t *lambda, const char *function_name, const char *kind,
                                     lambda_attachment_visitor *visit, void *user)
{
    lambda__name name;
    lambda_status status = begin(lambda, kind, visit);
    if (status != LAMBDA_OK) return status;
    if (function_name) {
        view seen;
        status = lambda__name_parse_plain(lambda, function_name, &name);
        if (status == LAMBDA_OK) status = look(lambda, &name, &seen);
        if (status != LAMBDA_OK) return status;
        status = show_all(&seen, kind, visit, user);
        leave(lambda, &seen);
        return status;
    }
    view *views = NULL;
    size_t count = 0;
    if (!look_at_all(lambda, &views, &count)) status = lambda__out_of_memory(&lambda->base);
    for (size_t i = 0; i < count; i++) {
        if (status == LAMBDA_OK) status = show_all(&views[i], kind, visit, user);
        leave(lambda, &views[i]);
    }
    lambda__release(&lambda->base, views);
    return status;
}
