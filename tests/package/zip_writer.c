/* Zips: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static void append(unsigned char **bytes, size_t *length, size_t *capacity, const void *data, size_t size)
{
    if (*capacity - *length < size) {
        *capacity = (*length + size) * 2;
        *bytes = realloc(*bytes, *capacity);
        assert_non_null(*bytes);
    }
    if (size > 0) memcpy(*bytes + *length, data, size);
    *length += size;
}

void zip_raw(zip *to, const void *data, size_t length)
{
    append(&to->bytes, &to->length, &to->capacity, data, length);
}

static void number(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

uint32_t zip_crc(const void *data, size_t length)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < length; i++) {
        crc ^= ((const unsigned char *)data)[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void add_local(zip *to, const zip_entry *entry, const char *name, size_t name_length, uint32_t crc,
                      uint32_t size)
{
    unsigned char header[30] = {'P', 'K', 3, 4, 20};
    number(header + 6, entry->local_flags ? entry->local_flags : entry->flags, 2);
    number(header + 8, entry->method, 2);
    number(header + 14, entry->local_crc ? entry->local_crc : crc, 4);
    number(header + 18, entry->length, 4);
    number(header + 22, entry->local_size ? entry->local_size : size, 4);
    number(header + 26, name_length, 2);
    zip_raw(to, header, sizeof(header));
    zip_raw(to, name, name_length);
    zip_raw(to, entry->data, entry->length);
}

void zip_add(zip *to, const zip_entry *entry)
{
    size_t name_length = entry->name_length > 0 ? entry->name_length : strlen(entry->name);
    uint32_t size = (uint32_t)(entry->method == 8 ? entry->size : entry->length);
    uint32_t crc = entry->crc ? entry->crc : zip_crc(entry->data, entry->length);
    uint32_t offset = (uint32_t)to->length;
    unsigned mode = entry->mode ? entry->mode : 0100644;
    if (to->count == 0) to->first = offset;
    if (!entry->again) {
        const char *local = entry->local_name ? entry->local_name : entry->name;
        add_local(to, entry, local, entry->local_name ? strlen(local) : name_length, crc, size);
    }
    unsigned char record[46] = {'P', 'K', 1, 2, 20, entry->no_unix ? 0 : 3, 20};
    number(record + 8, entry->flags, 2);
    number(record + 10, entry->method, 2);
    number(record + 16, crc, 4);
    number(record + 20, entry->length, 4);
    number(record + 24, entry->central_size ? entry->central_size : size, 4);
    number(record + 28, name_length, 2);
    number(record + 30, entry->extra_length, 2);
    number(record + 38, entry->no_unix ? 0 : (uint64_t)mode << 16, 4);
    number(record + 42, entry->again ? to->first : offset, 4);
    append(&to->central, &to->central_length, &to->central_capacity, record, sizeof(record));
    append(&to->central, &to->central_length, &to->central_capacity, entry->name, name_length);
    append(&to->central, &to->central_length, &to->central_capacity, entry->extra, entry->extra_length);
    to->count++;
}

void zip_text(zip *to, const char *name, const char *text)
{
    zip_add(to, &(zip_entry){.name = name, .data = text, .length = strlen(text)});
}

void zip_end(zip *to, const char *comment)
{
    unsigned char end[22] = {'P', 'K', 5, 6};
    size_t length = comment ? strlen(comment) : 0;
    number(end + 8, to->count, 2);
    number(end + 10, to->count, 2);
    number(end + 12, to->central_length, 4);
    number(end + 16, to->length, 4);
    number(end + 20, length, 2);
    zip_raw(to, to->central, to->central_length);
    zip_raw(to, end, sizeof(end));
    zip_raw(to, comment, length);
}

void zip_free(zip *to)
{
    free(to->bytes);
    free(to->central);
    memset(to, 0, sizeof(*to));
}

zip zip_one(const char *name, const char *text)
{
    zip made = {0};
    zip_text(&made, name, text);
    zip_end(&made, NULL);
    return made;
}

lambda_code zip_code(const zip *of)
{
    return lambda_code_package_bytes("provided.al2023", of->bytes, of->length);
}
