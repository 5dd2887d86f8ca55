#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/port/runtime.h>

static bool find(const test_store *store, const char *kind, const char *name, size_t *at)
{
    for (*at = 0; *at < store->count; ++*at) {
        int order = strcmp(store->values[*at].kind, kind);
        if (order == 0) order = strcmp(store->values[*at].name, name);
        if (order >= 0) return order == 0;
    }
    return false;
}

const test_value *test_store_find(const test_store *store, const char *kind, const char *name)
{
    size_t at = 0;
    return find(store, kind, name, &at) ? &store->values[at] : NULL;
}

void test_store_set(test_store *store, const char *kind, const char *name, const char *data, size_t length)
{
    size_t at = 0;
    bool present = find(store, kind, name, &at);
    if (present) free(store->values[at].data);
    if (!data) {
        if (!present) return;
        memmove(&store->values[at], &store->values[at + 1], (--store->count - at) * sizeof(*store->values));
        return;
    }
    if (!present) {
        store->values = realloc(store->values, (store->count + 1) * sizeof(*store->values));
        assert_non_null(store->values);
        memmove(&store->values[at + 1], &store->values[at], (store->count++ - at) * sizeof(*store->values));
    }
    test_value *value = &store->values[at];
    *value = (test_value){.data = malloc(length + 1), .length = length};
    assert_non_null(value->data);
    assert_true(strlen(kind) < sizeof(value->kind) && strlen(name) < sizeof(value->name));
    memcpy(value->kind, kind, strlen(kind) + 1);
    memcpy(value->name, name, strlen(name) + 1);
    memcpy(value->data, data, length);
    value->data[length] = '\0';
}

static lambda_status store_attach(void *user, lambda_t *lambda)
{
    test_store *store = user;
    store->lambda = lambda;
    return store->fail_attach ? lambda_runtime_fail(lambda, LAMBDA_ERROR_SERVICE, "the store is somebody else's")
                              : LAMBDA_OK;
}

static lambda_status store_write(void *user, const lambda_store_change *changes, size_t count)
{
    test_store *store = user;
    if (++store->writes == store->fail_at)
        return lambda_runtime_fail(store->lambda, LAMBDA_ERROR_SERVICE, "the disk is full");
    for (size_t i = 0; i < count; i++)
        test_store_set(store, changes[i].kind, changes[i].name, changes[i].value.data, changes[i].value.length);
    return LAMBDA_OK;
}

static lambda_status store_read(void *user, const char *kind, const char *name, lambda_store_visitor *visit,
                                void *visit_user)
{
    test_store *store = user;
    lambda_status status = LAMBDA_OK;
    if (store->fail_reading) return lambda_runtime_fail(store->lambda, LAMBDA_ERROR_SERVICE, "the disk is gone");
    for (size_t i = 0; i < store->count && status == LAMBDA_OK; i++) {
        const test_value *value = &store->values[i];
        if (strcmp(value->kind, kind) != 0 || (name && strcmp(value->name, name) != 0)) continue;
        status = visit(visit_user, value->name, lambda_bytes_make(value->data, value->length));
    }
    return status;
}

static void store_close(void *user)
{
    test_store *store = user;
    store->closed++;
    store->lambda = NULL;
}

lambda_store test_store_port(test_store *store)
{
    return (lambda_store){
        .attach = store_attach, .write = store_write, .read = store_read, .close = store_close, .user = store};
}

size_t test_store_count(const test_store *store, const char *kind)
{
    size_t count = 0;
    for (size_t i = 0; i < store->count; i++)
        count += strcmp(store->values[i].kind, kind) == 0;
    return count;
}

char *test_store_text(const test_store *store)
{
    size_t size = 1;
    for (size_t i = 0; i < store->count; i++)
        size += sizeof(test_value) + store->values[i].length;
    char *text = calloc(1, size);
    assert_non_null(text);
    char *at = text;
    for (size_t i = 0; i < store->count; i++) {
        const test_value *value = &store->values[i];
        at += snprintf(at, size - (size_t)(at - text), "%s %s %.*s\n", value->kind, value->name, (int)value->length,
                       value->data);
    }
    return text;
}

void test_store_clear(test_store *store)
{
    for (size_t i = 0; i < store->count; i++)
        free(store->values[i].data);
    free(store->values);
    *store = (test_store){0};
}
