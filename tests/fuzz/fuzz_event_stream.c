/*
 * Frames of application/vnd.amazon.eventstream. What the server writes is what the command reads, wherever the connection cuts it, and its sums are right; of what nobody wrote the command makes the same, cut or
 * whole. The first byte says how it is cut; then payloads, each behind its length, are what is written.
 */
#include "fuzz.h"

#include "../../tools/lambda/frames.h"
#include "server.h"

static void require(bool holds)
{
    if (!holds) abort();
}

/** CRC-32 of IEEE 802.3, bit by bit, apart from the library's own. */
static uint32_t crc32(uint32_t before, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    uint32_t value = ~before;
    for (size_t i = 0; i < length; i++) {
        value ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
    }
    return ~value;
}

/** What was seen: how many, of how many bytes, and a sum of types and payloads in their order. */
typedef struct seen {
    size_t count;
    size_t bytes;
    uint32_t sum;
} seen;

static bool see(void *user, const char *event, const void *payload, size_t length)
{
    seen *all = user;
    all->count++;
    all->bytes += length;
    all->sum = crc32(all->sum, event, strlen(event) + 1);
    all->sum = crc32(all->sum, payload, length);
    return true;
}

/** Fed in parts of that many bytes. */
static bool feed(const unsigned char *data, size_t size, size_t part, seen *all)
{
    tool_frames frames = {0};
    bool good = true;
    *all = (seen){0};
    for (size_t at = 0; at < size && good; at += part)
        good = tool_frames_feed(&frames, data + at, part < size - at ? part : size - at, see, all);
    require(!good || frames.length <= size);
    free(frames.data);
    return good;
}

static uint32_t number(const unsigned char *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static size_t write_frame(unsigned char *to, const char *type, const uint8_t *payload, size_t length)
{
    unsigned char tail[4];
    size_t head =
        lambda__event_stream_frame(type, "application/octet-stream", lambda_bytes_make(payload, length), to, tail);
    require(head <= LAMBDA__FRAME_AROUND - sizeof(tail));
    memcpy(to + head, payload, length);
    memcpy(to + head + length, tail, sizeof(tail));
    size_t all = head + length + sizeof(tail);
    require(number(to) == all && number(to + 4) == head - 12);
    require(number(to + 8) == crc32(0, to, 8));
    require(number(to + all - 4) == crc32(0, to, all - 4));
    return all;
}

static void write_and_read(const uint8_t *data, size_t size, size_t part)
{
    static const char *const TYPES[] = {"PayloadChunk", "InvokeComplete"};
    unsigned char *stream = malloc(size * (LAMBDA__FRAME_AROUND + 1) + 1);
    size_t length = 0;
    seen written = {0};
    seen read;
    require(stream != NULL);
    for (size_t at = 0; at < size;) {
        size_t payload = data[at++];
        if (payload > size - at) payload = size - at;
        const char *type = TYPES[payload & 1];
        length += write_frame(stream + length, type, data + at, payload);
        see(&written, type, data + at, payload);
        at += payload;
    }
    require(feed(stream, length, part, &read));
    require(read.count == written.count && read.bytes == written.bytes && read.sum == written.sum);
    free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    size_t part = (size_t)data[0] + 1;
    seen whole;
    seen parts;
    write_and_read(data + 1, size - 1, part);
    bool good = feed(data + 1, size - 1, size, &whole);
    require(feed(data + 1, size - 1, part, &parts) == good);
    require(whole.count == parts.count && whole.bytes == parts.bytes && whole.sum == parts.sum);
    return 0;
}
