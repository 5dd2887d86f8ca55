/* Frames: length of all, length of headers, CRC of those two; headers; payload; CRC of all before. Numbers are big-endian. */
#include <string.h>

#include "server.h"

uint32_t lambda__crc32(uint32_t crc, const void *data, size_t length)
{
    /* Of four bits each. */
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    const unsigned char *bytes = data;
    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return ~crc;
}

static unsigned char *put_number(unsigned char *to, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *to++ = (unsigned char)(number >> shift);
    return to;
}

static unsigned char *put_header(unsigned char *to, const char *name, const char *value)
{
    size_t length = strlen(name);
    *to++ = (unsigned char)length;
    /* No NUL: the length tells. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    memcpy(to, name, length);
    to += length;
    *to++ = 7; /* a string */
    length = strlen(value);
    *to++ = (unsigned char)(length >> 8);
    *to++ = (unsigned char)length;
    memcpy(to, value, length);
    return to + length;
}

size_t lambda__event_stream_frame(const char *event_type, const char *content_type, lambda_bytes payload,
                                  unsigned char *head, unsigned char tail[4])
{
    unsigned char *end = put_header(head + 12, ":event-type", event_type);
    end = put_header(end, ":content-type", content_type);
    end = put_header(end, ":message-type", "event");
    size_t length = (size_t)(end - head);
    put_number(head, (uint32_t)(length + payload.length + 4));
    put_number(head + 4, (uint32_t)(length - 12));
    put_number(head + 8, lambda__crc32(0, head, 8));
    uint32_t crc = lambda__crc32(0, head, length);
    put_number(tail, lambda__crc32(crc, payload.data, payload.length));
    return length;
}
