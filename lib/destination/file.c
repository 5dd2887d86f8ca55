/*
 * A file as destination: one line a delivery.
 *
 * What stands in the file up to its end at some moment is changed by a redrive only, of which there is one at a time; so a redrive
 * reads it with no lock, and the taker may take its time. Appending waits for the short while in which what was taken is cut out.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/platform.h"
#include "destination/destination.h"
#include "destination/redrive.h"

/** What is read at once. */
#define READ_SIZE 65536

typedef struct file_destination {
    lambda_t *lambda;
    char *name;
    char *path;                /* as it was given, for messages */
    pthread_mutex_t redriving; /* held during a redrive; taken before the other */
    pthread_mutex_t appending; /* of the file's end, and of which file it is */
    lambda__line_file file;
} file_destination;

static lambda_status file_failed(const file_destination *destination, const char *what, int error)
{
    return lambda__fail(&destination->lambda->base, LAMBDA_ERROR_SERVICE, "destination \"%.80s\": \"%.200s\" %s: %s",
                        destination->name, destination->path, what, strerror(error));
}

static lambda_status file_deliver(void *user, const lambda_delivery *delivery)
{
    file_destination *destination = user;
    lambda__base *base = &destination->lambda->base;
    lambda__buffer line = {0};
    if (!lambda__line_render(base, delivery, &line)) {
        lambda__buffer_clear(base, &line);
        return lambda__out_of_memory(base);
    }
    pthread_mutex_lock(&destination->appending);
    int error = lambda__platform_lines_append(&destination->file, line.data, line.length);
    pthread_mutex_unlock(&destination->appending);
    lambda__buffer_clear(base, &line);
    return error ? file_failed(destination, "cannot be appended to", error) : LAMBDA_OK;
}

/* ---- redriving */

/** Where a redrive is in the file. */
typedef struct file_walk {
    file_destination *destination;
    uint64_t at;           /* where the next line begins */
    uint64_t end;          /* where the file ended when the redrive began */
    lambda__buffer window; /* of the file's bytes; from `start` on those at `at` */
    size_t start;
    size_t searched;          /* bytes from there on in which there is no line end */
    lambda__file_range *kept; /* lines before `at` that stay */
    size_t kept_count;
    size_t kept_capacity;
} file_walk;

/** Reads more behind what the window has; `*length` is 0 where there is no more. */
static lambda_status read_more(file_walk *walk, size_t *length)
{
    lambda__base *base = &walk->destination->lambda->base;
    lambda__buffer *window = &walk->window;
    size_t present = window->length - walk->start;
    uint64_t left = walk->end - walk->at - present;
    size_t wanted = left < READ_SIZE ? (size_t)left : READ_SIZE;
    *length = 0;
    if (wanted == 0) return LAMBDA_OK;
    if (window->data && walk->start > 0) memmove(window->data, window->data + walk->start, present);
    walk->start = 0;
    window->length = present;
    if (!lambda__buffer_reserve(base, window, wanted)) return lambda__out_of_memory(base);
    int error = lambda__platform_lines_read(&walk->destination->file, walk->at + present, window->data + present,
                                            wanted, length);
    if (error) return file_failed(walk->destination, "cannot be read", error);
    window->length += *length;
    return LAMBDA_OK;
}

/** The next line, without its end; NULL where there is none: what a crash cut is none. */
static lambda_status next_line(file_walk *walk, lambda_bytes *line)
{
    for (;;) {
        size_t present = walk->window.length - walk->start;
        const char *text = present > 0 ? walk->window.data + walk->start : NULL;
        const char *end = text ? memchr(text + walk->searched, '\n', present - walk->searched) : NULL;
        *line = lambda_bytes_make(end ? text : NULL, end ? (size_t)(end - text) : 0);
        if (end) return LAMBDA_OK;
        size_t length;
        walk->searched = present;
        lambda_status status = read_more(walk, &length);
        if (status != LAMBDA_OK || length == 0) return status;
    }
}

static void pass(file_walk *walk, lambda_bytes line)
{
    walk->start += line.length + 1;
    walk->at += line.length + 1;
    walk->searched = 0;
}

/** Notes that a line stays, which stands at `at`. */
static bool keep(file_walk *walk, lambda_bytes line)
{
    lambda__file_range *last = walk->kept_count > 0 ? &walk->kept[walk->kept_count - 1] : NULL;
    if (last && last->offset + last->length == walk->at) {
        last->length += line.length + 1;
        return true;
    }
    if (!lambda__array_reserve(&walk->destination->lambda->base, (void **)&walk->kept, &walk->kept_capacity,
                               walk->kept_count, sizeof(*walk->kept)))
        return false;
    walk->kept[walk->kept_count++] = (lambda__file_range){.offset = walk->at, .length = line.length + 1};
    return true;
}

/** Offers line after line, until one is refused, `most` were taken, or there is none left. */
static void offer_lines(file_walk *walk, lambda__redrive *redrive, uint64_t most)
{
    while (redrive->taken < most) {
        lambda_bytes line;
        redrive->status = next_line(walk, &line);
        if (redrive->status != LAMBDA_OK || !line.data) return;
        /* An empty line holds nothing that could be lost. */
        if (line.length > 0) {
            lambda__redriven outcome = lambda__redrive_offer(redrive, line);
            if (outcome == LAMBDA__REDRIVEN_ENDED) return;
            if (outcome == LAMBDA__REDRIVEN_KEPT && !keep(walk, line)) {
                redrive->status = lambda__out_of_memory(&redrive->lambda->base);
                return;
            }
        }
        pass(walk, line);
    }
}

/** Cuts out of the file what was taken. What is appended meanwhile waits, and is not lost. */
static lambda_status forget(file_walk *walk)
{
    file_destination *destination = walk->destination;
    pthread_mutex_lock(&destination->appending);
    int error = lambda__platform_lines_keep(&destination->file, walk->kept, walk->kept_count, walk->at);
    pthread_mutex_unlock(&destination->appending);
    return error ? file_failed(destination, "cannot be rewritten, and what was taken will be given again", error)
                 : LAMBDA_OK;
}

static lambda_status file_redrive(void *user, uint64_t most, lambda_redrive_taker *take, void *taker)
{
    file_destination *destination = user;
    lambda__base *base = &destination->lambda->base;
    if (!destination->file.regular)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "destination \"%.80s\": \"%.200s\" is no regular file and gives nothing back",
                            destination->name, destination->path);
    pthread_mutex_lock(&destination->redriving);
    file_walk walk = {.destination = destination};
    lambda__redrive redrive = {.lambda = destination->lambda, .name = destination->name, .take = take, .taker = taker};
    pthread_mutex_lock(&destination->appending);
    int error = lambda__platform_lines_size(&destination->file, &walk.end);
    pthread_mutex_unlock(&destination->appending);
    if (error)
        redrive.status = file_failed(destination, "cannot be read", error);
    else
        offer_lines(&walk, &redrive, most);
    lambda_status forgotten = redrive.taken > 0 ? forget(&walk) : LAMBDA_OK;
    lambda_status status = lambda__redrive_end(&redrive);
    pthread_mutex_unlock(&destination->redriving);
    lambda__buffer_clear(base, &walk.window);
    lambda__release(base, walk.kept);
    return forgotten != LAMBDA_OK ? forgotten : status;
}

/* ---- registering */

/** Frees a destination of which the texts may not be there. */
static void free_destination(file_destination *destination)
{
    lambda__base *base = &destination->lambda->base;
    lambda__release(base, destination->name);
    lambda__release(base, destination->path);
    pthread_mutex_destroy(&destination->redriving);
    pthread_mutex_destroy(&destination->appending);
    lambda__release(base, destination);
}

/** NULL where there is no memory or no mutex. */
static file_destination *new_destination(lambda_t *lambda, const char *name, const char *path)
{
    lambda__base *base = &lambda->base;
    file_destination *destination = lambda__allocate_zeroed(base, sizeof(*destination));
    if (!destination) return NULL;
    destination->lambda = lambda;
    bool first = pthread_mutex_init(&destination->redriving, NULL) == 0;
    if (!first || pthread_mutex_init(&destination->appending, NULL) != 0) {
        if (first) pthread_mutex_destroy(&destination->redriving);
        lambda__release(base, destination);
        return NULL;
    }
    destination->name = lambda__duplicate(base, name);
    destination->path = lambda__duplicate(base, path);
    if (destination->name && destination->path) return destination;
    free_destination(destination);
    return NULL;
}

static lambda_status file_begin(void *user)
{
    file_destination *destination = user;
    int error = lambda__platform_lines_open(destination->path, &destination->file);
    if (error == EBUSY)
        return lambda__fail(&destination->lambda->base, LAMBDA_ERROR_SERVICE,
                            "path: \"%.200s\" is a destination already, of this process or of another",
                            destination->path);
    return error ? file_failed(destination, "cannot be opened", error) : LAMBDA_OK;
}

static void file_close(void *user)
{
    file_destination *destination = user;
    lambda__platform_lines_close(&destination->file);
    free_destination(destination);
}

lambda_status lambda_destination_register_file(lambda_t *lambda, const char *name, const char *path)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!lambda) return lambda__fail(NULL, invalid, "lambda: is NULL");
    lambda__base *base = &lambda->base;
    if (!name) return lambda__fail(base, invalid, "name: is NULL");
    if (!path || !path[0]) return lambda__fail(base, invalid, "path: is %s", path ? "empty" : "NULL");
    file_destination *destination = new_destination(lambda, name, path);
    if (!destination) return lambda__out_of_memory(base);
    const lambda_destination registered = {
        .deliver = file_deliver, .redrive = file_redrive, .close = file_close, .user = destination};
    lambda_status status = lambda__destination_add(lambda, name, &registered, file_begin);
    if (status != LAMBDA_OK) free_destination(destination);
    return status;
}
