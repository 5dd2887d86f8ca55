/*
 * Function URLs by their id. A lookup takes one of many locks, by the thread, so that threads do not meet; a change takes all of them for as long as it takes to swap pointers. What a lookup gave is counted, and
 * goes when nobody holds it any more.
 */
#include <lambda/port/attachment.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api.h"
#include "url_load.h"

#define LOCKS      32
#define CACHE_LINE 64

typedef union padded_lock {
    pthread_mutex_t mutex;
    char room[CACHE_LINE * ((sizeof(pthread_mutex_t) + CACHE_LINE - 1) / CACHE_LINE)];
} padded_lock;

typedef struct entry {
    lambda__url url;
    atomic_uint holders; /* the table is one */
    struct entry *next;
} entry;

struct lambda__url_index {
    pthread_mutex_t changing; /* held from reading the store to the swap */
    padded_lock locks[LOCKS];
    entry **buckets;
    size_t buckets_count; /* a power of two */
    size_t count;
};

/* Ids are random, and only those that the library made are in the table. */
static size_t bucket_of(const char *id, size_t buckets_count)
{
    uint64_t head;
    memcpy(&head, id, sizeof head);
    return (size_t)(head * 0x9E3779B97F4A7C15U >> 32) & (buckets_count - 1);
}

static void entry_release(entry *each)
{
    if (atomic_fetch_sub_explicit(&each->holders, 1, memory_order_acq_rel) == 1) {
        lambda__url_unload(&each->url);
        free(each);
    }
}

static void entries_release(entry *list)
{
    while (list) {
        entry *next = list->next;
        entry_release(list);
        list = next;
    }
}

static void lock_all(lambda__url_index *index)
{
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_lock(&index->locks[i].mutex);
    }
}

static void unlock_all(lambda__url_index *index)
{
    for (size_t i = LOCKS; i-- > 0;) {
        pthread_mutex_unlock(&index->locks[i].mutex);
    }
}

/* ---- reading the store */

typedef struct reading {
    lambda_api *api;
    entry *list;
    size_t count;
} reading;

static lambda_status read_one(void *user, const char *function_name, const char *qualifier, lambda_bytes value)
{
    reading *read = user;
    entry *made = calloc(1, sizeof *made);
    if (!made) {
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    atomic_init(&made->holders, 1);
    lambda_status status = lambda__url_load(read->api, function_name, qualifier, value, &made->url);
    if (status) {
        lambda__url_unload(&made->url);
        free(made);
        /* It went meanwhile, or is none that this library wrote: there is nothing to serve. */
        return status == LAMBDA_ERROR_OUT_OF_MEMORY ? status : LAMBDA_OK;
    }
    made->next = read->list;
    read->list = made;
    read->count++;
    return LAMBDA_OK;
}

static lambda_status read_store(lambda_api *api, const char *function_name, reading *read)
{
    *read = (reading){.api = api};
    lambda_status status = lambda_attachment_list(api->lambda, function_name, "url", read_one, read);
    if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND) {
        status = LAMBDA_OK;
    }
    if (status) {
        entries_release(read->list);
        read->list = NULL;
    }
    return status;
}

/* ---- changing the table; all locks are held, or nobody else has the index yet */

static void table_insert(lambda__url_index *index, entry *list)
{
    while (list) {
        entry *next = list->next;
        entry **bucket = &index->buckets[bucket_of(list->url.id, index->buckets_count)];
        list->next = *bucket;
        *bucket = list;
        index->count++;
        list = next;
    }
}

/* Takes out all of a function; gives them as a list. */
static entry *table_remove(lambda__url_index *index, const char *function_name)
{
    entry *removed = NULL;
    for (size_t i = 0; i < index->buckets_count; i++) {
        entry **at = &index->buckets[i];
        while (*at) {
            entry *each = *at;
            if (strcmp(each->url.function_name, function_name) != 0) {
                at = &each->next;
                continue;
            }
            *at = each->next;
            each->next = removed;
            removed = each;
            index->count--;
        }
    }
    return removed;
}

/* Buckets for so many; NULL with `*enough`: those there are will do. */
static entry **table_room(const lambda__url_index *index, size_t count, size_t *buckets_count, bool *enough)
{
    *buckets_count = index->buckets_count ? index->buckets_count : 64;
    while (*buckets_count < count) {
        *buckets_count *= 2;
    }
    *enough = *buckets_count == index->buckets_count;
    return *enough ? NULL : calloc(*buckets_count, sizeof(entry *));
}

static entry **table_move(lambda__url_index *index, entry **buckets, size_t buckets_count)
{
    entry **old = index->buckets;
    size_t old_count = index->buckets_count;
    index->buckets = buckets;
    index->buckets_count = buckets_count;
    index->count = 0;
    for (size_t i = 0; i < old_count; i++) {
        table_insert(index, old[i]);
    }
    return old;
}

/* ---- the life of the index */

static lambda_status index_fill(lambda_api *api, lambda__url_index *index)
{
    reading read;
    lambda_status status = read_store(api, NULL, &read);
    if (status) {
        return status;
    }
    bool enough;
    size_t buckets_count;
    index->buckets = table_room(index, read.count, &buckets_count, &enough);
    if (!index->buckets) {
        entries_release(read.list);
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    index->buckets_count = buckets_count;
    table_insert(index, read.list);
    return LAMBDA_OK;
}

lambda_status lambda__url_index_open(lambda_api *api, lambda__url_index **index)
{
    *index = NULL;
    lambda__url_index *made = calloc(1, sizeof *made);
    if (!made) {
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    pthread_mutex_init(&made->changing, NULL);
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&made->locks[i].mutex, NULL);
    }
    lambda_status status = index_fill(api, made);
    if (status) {
        lambda__url_index_close(made);
        return status;
    }
    *index = made;
    return LAMBDA_OK;
}

void lambda__url_index_close(lambda__url_index *index)
{
    if (!index) {
        return;
    }
    for (size_t i = 0; i < index->buckets_count; i++) {
        entries_release(index->buckets[i]);
    }
    free(index->buckets);
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_destroy(&index->locks[i].mutex);
    }
    pthread_mutex_destroy(&index->changing);
    free(index);
}

/* The function's own name of any name that operations take. */
static void bare_name(const char *name, char bare[65])
{
    static const char mark[] = ":function:";
    const char *at = strstr(name, mark);
    at = at ? at + strlen(mark) : name;
    snprintf(bare, 65, "%.*s", (int)strcspn(at, ":"), at);
}

lambda_status lambda__url_index_reload(lambda_api *api, const char *name)
{
    lambda__url_index *index = api->urls;
    char function_name[65];
    bare_name(name, function_name);
    pthread_mutex_lock(&index->changing);
    reading read;
    lambda_status status = read_store(api, function_name, &read);
    if (status) {
        pthread_mutex_unlock(&index->changing);
        return status;
    }
    bool enough;
    size_t buckets_count;
    entry **buckets = table_room(index, index->count + read.count, &buckets_count, &enough);
    if (!buckets && !enough) {
        pthread_mutex_unlock(&index->changing);
        entries_release(read.list);
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    lock_all(index);
    entry *removed = table_remove(index, function_name);
    entry **old = buckets ? table_move(index, buckets, buckets_count) : NULL;
    table_insert(index, read.list);
    unlock_all(index);
    pthread_mutex_unlock(&index->changing);
    free(old);
    entries_release(removed);
    return LAMBDA_OK;
}

/* ---- looking up */

static entry *hold(lambda__url_index *index, const char *id)
{
    size_t lock = (size_t)((uint64_t)(uintptr_t)pthread_self() * 0x9E3779B97F4A7C15U >> 32) % LOCKS;
    pthread_mutex_lock(&index->locks[lock].mutex);
    entry *each = index->buckets[bucket_of(id, index->buckets_count)];
    while (each && memcmp(each->url.id, id, 32) != 0) {
        each = each->next;
    }
    if (each) {
        atomic_fetch_add_explicit(&each->holders, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&index->locks[lock].mutex);
    return each;
}

static bool is_id(const char *text)
{
    for (size_t i = 0; i < 32; i++) {
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9'))) {
            return false;
        }
    }
    return true;
}

/* "ID.lambda-url.REGION" and any domain behind it; its lower-case form without the port stands in the match. */
static bool parse_host(const lambda_api *api, const char *host, lambda__url_match *match)
{
    size_t length = strcspn(host, ":");
    if (length < 33 || length >= sizeof match->domain) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        match->domain[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] + 32 : host[i]);
    }
    match->domain[length] = '\0';
    static const char label[] = ".lambda-url.";
    const char *region = match->domain + 32 + strlen(label);
    size_t region_length = strlen(api->region);
    return is_id(match->domain) && !strncmp(match->domain + 32, label, strlen(label)) &&
           !strncmp(region, api->region, region_length) && (region[region_length] == '.' || !region[region_length]);
}

static char *append(char *to, const char *from, size_t length)
{
    memcpy(to, from, length);
    return to + length;
}

/* "/lambda-url/ID" and a path behind it. Each request comes here: what prints formats is too slow. */
static bool parse_path(const lambda_api *api, const char *path, lambda__url_match *match)
{
    static const char prefix[] = "/lambda-url/";
    if (strncmp(path, prefix, strlen(prefix)) != 0) {
        return false;
    }
    const char *id = path + strlen(prefix);
    size_t length = strcspn(id, "/");
    /* An id of another form is one that is not there. */
    char *end = append(match->domain, id, length == 32 ? 32 : 0);
    end = append(end, ".lambda-url.", 12);
    end = append(end, api->region, strlen(api->region));
    memcpy(end, ".localhost", 11);
    match->path = id[length] ? id + length : "/";
    return true;
}

static lambda_status compare_document(void *user, const char *function_name, const char *qualifier, lambda_bytes value)
{
    (void)function_name;
    (void)qualifier;
    const lambda__url *url = user;
    bool same = value.length == url->document_length && !memcmp(value.data, url->document, value.length);
    return same ? LAMBDA_OK : LAMBDA_ERROR_RESOURCE_CONFLICT;
}

/* Holds the URL of that id, if its function still has it: a function may be deleted, and created anew, past the API. */
static entry *hold_current(lambda_api *api, const char *id)
{
    entry *each = hold(api->urls, id);
    for (int looks = 0; each && looks < 2; looks++) {
        lambda_status status = lambda_attachment_get(api->lambda, each->url.name, "url", compare_document, &each->url);
        if (status == LAMBDA_OK) {
            return each;
        }
        bool again = status != LAMBDA_ERROR_OUT_OF_MEMORY && !looks &&
                     lambda__url_index_reload(api, each->url.function_name) == LAMBDA_OK;
        entry_release(each);
        each = again ? hold(api->urls, id) : NULL;
    }
    if (each) {
        entry_release(each);
    }
    return NULL;
}

lambda__url_found lambda__url_find(lambda_api *api, const char *host, const char *path, lambda__url_match *match)
{
    match->url = NULL;
    match->path = *path ? path : "/";
    bool by_host = host && parse_host(api, host, match);
    if (!by_host && !parse_path(api, path, match)) {
        return LAMBDA__URL_NOT;
    }
    entry *each = is_id(match->domain) ? hold_current(api, match->domain) : NULL;
    if (!each) {
        return LAMBDA__URL_UNKNOWN;
    }
    match->url = &each->url;
    return LAMBDA__URL_FOUND;
}

void lambda__url_release(lambda__url_match *match)
{
    if (match->url) {
        entry_release((entry *)((char *)match->url - offsetof(entry, url)));
        match->url = NULL;
    }
}
