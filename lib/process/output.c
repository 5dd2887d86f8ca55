/*
 * The bytes of a pipe stand in one buffer until their line is whole. It grows to the longest line and no further; where memory is out, lines are cut earlier, so nothing is lost.
 */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    FIRST = 4096,                          /* what programs write most often fits in */
    LONGEST = LAMBDA__OUTPUT_LINE_MAX + 1, /* one more, to know whether the longest line ends there */
    ROUND = 65536, /* bytes read in a round of the loop, so that who writes much starves nobody */
};

struct lambda__output {
    lambda__loop *loop;
    lambda__watch watch;
    lambda__output_line *line;
    void *user;
    char *data; /* `first`, or more from malloc */
    size_t length;
    size_t capacity;
    bool filled; /* the last read took all the room there was */
    bool unread; /* reading stopped because it was to stop, with the pipe not found empty */
    bool ended;
    char first[FIRST];
};

/** Where to cut `length` bytes that are followed by more: there, or up to three bytes earlier where a character of UTF-8 begins that would be cut. */
static size_t cut_at(const char *data, size_t length)
{
    size_t at = length;
    while (length - at < 3 && at > 0 && ((unsigned char)data[at] & 0xc0) == 0x80)
        at--;
    unsigned char begin = (unsigned char)data[at];
    size_t size = begin >= 0xf0 ? 4 : begin >= 0xe0 ? 3 : begin >= 0xc0 ? 2 : 1;
    return at > 0 && size > length - at ? at : length;
}

static void keep_from(lambda__output *output, size_t at)
{
    output->length -= at;
    if (at > 0) memmove(output->data, output->data + at, output->length);
}

/**
 * Hands on the lines that are whole; none ends before `from`. A line's end is '\n' and nothing else. A '\r' is the function's: runtimes put it between the lines of one message, so that the message stays one
 * line.
 */
static void hand_on(lambda__output *output, size_t from)
{
    size_t begin = 0;
    const char *end;
    while ((end = memchr(output->data + from, '\n', output->length - from))) {
        size_t at = (size_t)(end - output->data);
        output->line(output->user, output->data + begin, at - begin);
        from = begin = at + 1;
    }
    keep_from(output, begin);
}

static void grow(lambda__output *output)
{
    size_t capacity = output->capacity < LONGEST / 4 ? output->capacity * 4 : LONGEST;
    bool own = output->data == output->first;
    char *data = realloc(own ? NULL : output->data, capacity);
    if (!data) return;
    if (own) memcpy(data, output->first, output->length);
    output->data = data;
    output->capacity = capacity;
}

/** Hands on what is too long for a line, but for its end. */
static void cut(lambda__output *output)
{
    size_t at = cut_at(output->data, output->length - 1);
    output->line(output->user, output->data, at);
    keep_from(output, at);
}

/** Has room for at least one byte. */
static void make_room(lambda__output *output)
{
    if (output->filled && output->capacity < LONGEST) grow(output);
    if (output->length == output->capacity) cut(output);
}

static void end(lambda__output *output)
{
    lambda__output_flush(output);
    lambda__loop_remove(output->loop, &output->watch);
    output->ended = true;
}

/** Reads once, at most `most` bytes. How many; 0: there is nothing now, or no more ever. */
static size_t read_some(lambda__output *output, size_t most)
{
    make_room(output);
    size_t room = output->capacity - output->length;
    size_t wanted = most < room ? most : room;
    ssize_t got;
    do
        got = read(output->watch.fd, output->data + output->length, wanted);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
    if (got <= 0) {
        end(output);
        return 0;
    }
    size_t from = output->length;
    output->length += (size_t)got;
    output->filled = (size_t)got == room;
    hand_on(output, from);
    return (size_t)got;
}

static void read_up_to(lambda__output *output, size_t most)
{
    size_t got = 1;
    while (most > 0 && got > 0 && !output->ended) {
        got = read_some(output, most);
        most -= got;
    }
    output->unread = got > 0 && !output->ended;
}

static void ready(lambda__watch *watch, uint32_t events)
{
    (void)events;
    read_up_to(watch->user, ROUND);
}

lambda__output *lambda__output_open(lambda__loop *loop, int fd, lambda__output_line *line, void *user)
{
    lambda__output *output = malloc(sizeof(*output));
    if (!output) return NULL;
    /* Not all of it is set: `first` need not be. */
    output->loop = loop;
    output->watch = (lambda__watch){.fd = fd, .ready = ready, .user = output};
    output->line = line;
    output->user = user;
    output->data = output->first;
    output->length = 0;
    output->capacity = FIRST;
    output->filled = false;
    output->unread = false;
    output->ended = false;
    if (lambda__loop_add(loop, &output->watch, EPOLLIN) == 0) return output;
    free(output);
    return NULL;
}

static size_t standing(const lambda__output *output)
{
    int bytes = 0;
    return ioctl(output->watch.fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

void lambda__output_drain(lambda__output *output, size_t most)
{
    if (output->ended) return;
    /* Of who writes without end it is what stood there at first. */
    size_t now = standing(output);
    if (now > 0) {
        read_up_to(output, most > 0 && most < now ? most : now);
        now = standing(output);
    }
    if (!output->ended && now == 0) read_some(output, 1);
}

void lambda__output_flush(lambda__output *output)
{
    if (output->length > LAMBDA__OUTPUT_LINE_MAX) cut(output);
    if (output->length > 0) {
        size_t length = output->length;
        output->length = 0;
        output->line(output->user, output->data, length);
    }
    output->filled = false;
    if (output->data == output->first) return;
    /* An environment that waits for its next invocation holds little. */
    free(output->data);
    output->data = output->first;
    output->capacity = FIRST;
}

bool lambda__output_unread(const lambda__output *output)
{
    return output->unread;
}

bool lambda__output_ended(const lambda__output *output)
{
    return output->ended;
}

void lambda__output_close(lambda__output *output)
{
    if (!output) return;
    lambda__output_flush(output);
    lambda__loop_remove(output->loop, &output->watch);
    free(output);
}
