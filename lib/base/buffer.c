#include "base/buffer.h"

#include <string.h>

#include "base/memory.h"

bool lambda__buffer_reserve(lambda__base *base, lambda__buffer *buffer, size_t extra)
{
    if (extra < buffer->capacity - buffer->length && buffer->capacity > 0) return true;
    if (extra > SIZE_MAX / 2 - buffer->length - 1) return false;
    size_t wanted = buffer->length + extra + 1;
    size_t capacity = buffer->capacity ? buffer->capacity : 64;
    while (capacity < wanted)
        capacity *= 2;
    char *data = lambda__reallocate(base, buffer->data, capacity);
    if (!data) return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

bool lambda__buffer_append(lambda__base *base, lambda__buffer *buffer, const void *data, size_t length)
{
    if (!lambda__buffer_reserve(base, buffer, length)) return false;
    if (length > 0) memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
    return true;
}

void lambda__buffer_clear(lambda__base *base, lambda__buffer *buffer)
{
    lambda__release(base, buffer->data);
    *buffer = (lambda__buffer){0};
}

/** How many bytes follow a leading byte, and the smallest code point that needs as many; 0 for no leading byte. */
static size_t sequence_shape(unsigned char lead, uint32_t *smallest, uint32_t *bits)
{
    if (lead < 0x80) return *smallest = 0, *bits = lead, 1;
    if (lead >= 0xC2 && lead < 0xE0) return *smallest = 0x80, *bits = lead & 0x1Fu, 2;
    if (lead >= 0xE0 && lead < 0xF0) return *smallest = 0x800, *bits = lead & 0x0Fu, 3;
    if (lead >= 0xF0 && lead < 0xF5) return *smallest = 0x10000, *bits = lead & 0x07u, 4;
    return 0;
}

size_t lambda__utf8_length(const char *data, size_t length)
{
    if (length == 0) return 0;
    uint32_t smallest;
    uint32_t point;
    size_t size = sequence_shape((unsigned char)data[0], &smallest, &point);
    if (size == 0 || size > length) return 0;
    for (size_t i = 1; i < size; i++) {
        unsigned char byte = (unsigned char)data[i];
        if ((byte & 0xC0u) != 0x80u) return 0;
        point = point << 6 | (byte & 0x3Fu);
    }
    bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point < smallest || point > 0x10FFFF || surrogate ? 0 : size;
}

bool lambda__utf8_valid(const char *data, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t size = lambda__utf8_length(data + at, length - at);
        if (size == 0) return false;
        at += size;
    }
    return true;
}

size_t lambda__utf8_count(const char *data, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)data[i] & 0xC0u) != 0x80u;
    return count;
}
