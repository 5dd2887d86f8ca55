/* The canonical request: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html#create-canonical-request */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "percent.h"
#include "signature_parts.h"

/* ---- texts that grow */

void lambda__text_add(lambda__text *self, const char *data, size_t length)
{
    if (self->failed) return;
    if (self->capacity - self->length <= length) {
        size_t capacity = 2 * self->capacity + length + 256;
        char *more = realloc(self->data, capacity);
        if (!more) {
            self->failed = true;
            return;
        }
        self->data = more;
        self->capacity = capacity;
    }
    if (length > 0 && data) memcpy(self->data + self->length, data, length);
    self->length += length;
    self->data[self->length] = '\0';
}

void lambda__text_clear(lambda__text *self)
{
    free(self->data);
    *self = (lambda__text){.data = NULL};
}

static bool is_plain(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

static void add_encoded(lambda__text *self, unsigned char c)
{
    static const char DIGITS[] = "0123456789ABCDEF";
    char three[3] = {'%', DIGITS[c >> 4], DIGITS[c & 15]};
    if (is_plain(c)) {
        three[0] = (char)c;
        lambda__text_add(self, three, 1);
    } else {
        lambda__text_add(self, three, 3);
    }
}

/* ---- the query */

/** The next character, percent-decoded; a "%" that is followed by no two digits stands for itself. */
static unsigned char decode_one(const char **at, const char *end)
{
    const char *c = *at;
    if (*c == '%' && end - c >= 3 && lambda__hexadecimal(c[1]) >= 0 && lambda__hexadecimal(c[2]) >= 0) {
        *at = c + 3;
        return (unsigned char)(lambda__hexadecimal(c[1]) * 16 + lambda__hexadecimal(c[2]));
    }
    *at = c + 1;
    return (unsigned char)(*c == '+' ? ' ' : *c);
}

/** Decodes, encodes, and ends it with NUL. Where it begins. */
static size_t encode_again(lambda__text *text, lambda__span raw)
{
    size_t begin = text->length;
    const char *end = raw.at ? raw.at + raw.length : NULL;
    for (const char *c = raw.at; c < end;)
        add_encoded(text, decode_one(&c, end));
    lambda__text_add(text, "", 1);
    return begin;
}

bool lambda__query_open(lambda__query *self, const char *query)
{
    size_t most = 1;
    *self = (lambda__query){.count = 0};
    for (const char *c = query; *c; c++)
        most += *c == '&';
    self->pairs = calloc(most, sizeof(self->pairs[0]));
    if (!self->pairs) return false;
    while (*query) {
        size_t length = strcspn(query, "&");
        const char *equals = memchr(query, '=', length);
        if (length > 0) {
            lambda__query_pair *pair = &self->pairs[self->count++];
            pair->raw_key = (lambda__span){query, equals ? (size_t)(equals - query) : length};
            if (equals) pair->raw_value = (lambda__span){equals + 1, length - (size_t)(equals + 1 - query)};
            pair->key = encode_again(&self->encoded, pair->raw_key);
            pair->value = encode_again(&self->encoded, pair->raw_value);
        }
        query += length + (query[length] == '&');
    }
    if (!self->encoded.failed) return true;
    lambda__query_close(self);
    return false;
}

void lambda__query_close(lambda__query *self)
{
    free(self->pairs);
    lambda__text_clear(&self->encoded);
    *self = (lambda__query){.count = 0};
}

static const lambda__query_pair *find_pair(const lambda__query *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcasecmp(self->encoded.data + self->pairs[i].key, name) == 0) return &self->pairs[i];
    return NULL;
}

bool lambda__query_has(const lambda__query *self, const char *name)
{
    return find_pair(self, name) != NULL;
}

bool lambda__query_find(const lambda__query *self, const char *name, char *value, size_t size)
{
    const lambda__query_pair *pair = find_pair(self, name);
    if (!pair) return false;
    const char *c = self->encoded.data + pair->value;
    const char *end = c + strlen(c);
    size_t length = 0;
    while (c < end && length + 1 < size) {
        unsigned char one = decode_one(&c, end);
        if (one == '\0') return false;
        value[length++] = (char)one;
    }
    value[length] = '\0';
    return c == end;
}

/* Of which query qsort's pairs are: each holds its texts, so that nothing else is needed. */
typedef struct sortable {
    lambda__span key;
    lambda__span value;
} sortable;

static int compare_spans(lambda__span one, lambda__span two)
{
    size_t least = one.length < two.length ? one.length : two.length;
    int order = least > 0 ? memcmp(one.at, two.at, least) : 0;
    return order != 0 ? order : (one.length > two.length) - (one.length < two.length);
}

static int compare_pairs(const void *one, const void *two)
{
    const sortable *first = one;
    const sortable *second = two;
    int order = compare_spans(first->key, second->key);
    return order != 0 ? order : compare_spans(first->value, second->value);
}

static lambda__span span_of(const char *text)
{
    return (lambda__span){text, strlen(text)};
}

enum { AS_AWS, AS_SENT_SORTED, AS_SENT };

void lambda__canonical_query(lambda__query *query, int form, bool presigned, lambda__text *canonical)
{
    sortable *sorted = calloc(query->count + 1, sizeof(*sorted));
    size_t count = 0;
    canonical->failed = canonical->failed || !sorted;
    for (size_t i = 0; i < query->count && sorted; i++) {
        const lambda__query_pair *pair = &query->pairs[i];
        const char *key = query->encoded.data + pair->key;
        if (presigned && strcasecmp(key, "X-Amz-Signature") == 0) continue;
        sorted[count++] = form == AS_AWS ? (sortable){span_of(key), span_of(query->encoded.data + pair->value)}
                                         : (sortable){pair->raw_key, pair->raw_value};
    }
    if (form != AS_SENT && count > 1) qsort(sorted, count, sizeof(*sorted), compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) lambda__text_add(canonical, "&", 1);
        lambda__text_add(canonical, sorted[i].key.at, sorted[i].key.length);
        if (form != AS_SENT || sorted[i].value.at) lambda__text_add(canonical, "=", 1);
        lambda__text_add(canonical, sorted[i].value.at, sorted[i].value.length);
    }
    lambda__text_add(canonical, "", 0);
    free(sorted);
}

/* ---- the path */

/** Without empty segments, "." and "..", as botocore and AWS's JavaScript SDK have it. */
static void add_normal(lambda__text *canonical, const char *path)
{
    size_t length = strlen(path);
    while (*path) {
        size_t segment = strcspn(path, "/");
        if (segment == 2 && memcmp(path, "..", 2) == 0) {
            while (canonical->length > 0 && canonical->data[--canonical->length] != '/') {
            }
        } else if (segment > 0 && !(segment == 1 && *path == '.')) {
            lambda__text_add(canonical, "/", 1);
            for (size_t i = 0; i < segment; i++)
                add_encoded(canonical, (unsigned char)path[i]);
        }
        path += segment;
        path += *path == '/';
    }
    if (canonical->failed) return;
    bool slash = canonical->length == 0 || (length > 0 && path[-1] == '/');
    lambda__text_add(canonical, "/", slash ? 1 : 0);
}

bool lambda__canonical_path(const char *path, int form, lambda__text *canonical)
{
    if (form == 0) {
        add_normal(canonical, path);
        return true;
    }
    if (strstr(path, "%25")) return false;
    lambda__text_add(canonical, path, strlen(path));
    return true;
}

/* ---- headers */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/** Blanks around it go, several in a row become one. */
static void add_value(lambda__text *canonical, const char *value)
{
    bool blank = false;
    bool begun = false;
    for (; *value; value++) {
        if (is_blank(*value)) {
            blank = begun;
            continue;
        }
        if (blank) lambda__text_add(canonical, " ", 1);
        lambda__text_add(canonical, value, 1);
        begun = true;
        blank = false;
    }
}

static bool is_named(const lambda__header *header, lambda__span name)
{
    return strlen(header->name) == name.length && strncasecmp(header->name, name.at, name.length) == 0;
}

static void add_name(lambda__text *canonical, lambda__span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        lambda__text_add(canonical, &c, 1);
    }
}

void lambda__canonical_headers(const lambda__signed_request *request, lambda__span names, lambda__text *canonical)
{
    const char *end = names.at + names.length;
    for (const char *at = names.at; at < end;) {
        const char *stop = memchr(at, ';', (size_t)(end - at));
        lambda__span name = {at, (size_t)((stop ? stop : end) - at)};
        const char *before = ":";
        add_name(canonical, name);
        for (size_t i = 0; i < request->headers_count; i++) {
            if (!is_named(&request->headers[i], name)) continue;
            lambda__text_add(canonical, before, 1);
            add_value(canonical, request->headers[i].value);
            before = ",";
        }
        if (*before == ':') lambda__text_add(canonical, before, 1); /* signed as not there */
        lambda__text_add(canonical, "\n", 1);
        at = stop ? stop + 1 : end;
    }
    lambda__text_add(canonical, "\n", 1);
    add_name(canonical, names);
}

lambda__span lambda__header_find(const lambda__signed_request *request, const char *name, size_t *count)
{
    lambda__span found = {.at = NULL};
    *count = 0;
    for (size_t i = 0; i < request->headers_count; i++) {
        if (strcasecmp(request->headers[i].name, name) != 0) continue;
        if (++*count > 1) continue;
        found = span_of(request->headers[i].value);
        while (found.length > 0 && is_blank(*found.at)) {
            found.at++;
            found.length--;
        }
        while (found.length > 0 && is_blank(found.at[found.length - 1]))
            found.length--;
    }
    return found;
}
