/*
 * Answers that are written while they are sent. The worker that runs the function writes into a buffer, and waits where that is full; the connection's thread reads it, and suspends the connection where it is
 * empty. Either may be gone first: the stream has a reference of each.
 *
 * `mhd` is touched by the worker only while `asleep`: a suspended connection is there.
 */
#include <stdlib.h>
#include <string.h>

#include "server.h"

struct lambda__flow {
    pthread_mutex_t lock;
    pthread_cond_t room;
    lambda__connection
        *connection; /* there for the worker until it has done with the request, for the reader as long as it reads */
    lambda_http *http;
    struct MHD_Connection *mhd;
    unsigned references;
    lambda__flow *next; /* of all, with http->streaming */
    lambda__flow *previous;
    bool listed;
    size_t begin; /* of what waits */
    size_t length;
    bool asleep; /* the connection waits for more */
    bool ended;
    bool broken;
    bool gone; /* nobody reads */
    char buffer[LAMBDA__STREAM_BUFFER];
};

lambda__flow *lambda__flow_open(lambda__connection *connection)
{
    lambda__flow *stream = malloc(sizeof(*stream));
    if (!stream) return NULL;
    /* All but the buffer. */
    memset(stream, 0, offsetof(lambda__flow, buffer));
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->room, NULL);
    stream->connection = connection;
    stream->http = connection->http;
    stream->mhd = connection->mhd;
    stream->references = 1;
    return stream;
}

/** With the lock, which it gives up. */
static void leave(lambda__flow *stream)
{
    bool last = --stream->references == 0;
    pthread_mutex_unlock(&stream->lock);
    if (!last) return;
    pthread_cond_destroy(&stream->room);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

static ssize_t read_part(void *user, uint64_t position, char *buffer, size_t most)
{
    (void)position;
    lambda__flow *stream = user;
    pthread_mutex_lock(&stream->lock);
    ssize_t taken = 0;
    if (atomic_load(&stream->http->ending) && !stream->ended) {
        stream->gone = true;
        pthread_cond_signal(&stream->room);
        taken = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (stream->length > 0) {
        size_t part = stream->length < most ? stream->length : most;
        if (part > LAMBDA__STREAM_BUFFER - stream->begin) part = LAMBDA__STREAM_BUFFER - stream->begin;
        memcpy(buffer, stream->buffer + stream->begin, part);
        stream->begin = (stream->begin + part) % LAMBDA__STREAM_BUFFER;
        stream->length -= part;
        if (stream->length == 0) stream->begin = 0;
        pthread_cond_signal(&stream->room);
        taken = (ssize_t)part;
        /* Whoever takes nothing of it for that long does not want it. */
        lambda__connection_due(stream->connection, 1);
    } else if (stream->ended) {
        taken = stream->broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        stream->asleep = true;
        lambda__connection_due(stream->connection, 0);
        MHD_suspend_connection(stream->mhd);
    }
    pthread_mutex_unlock(&stream->lock);
    return taken;
}

static void reader_gone(void *user)
{
    lambda__flow *stream = user;
    pthread_mutex_lock(&stream->lock);
    stream->gone = true;
    pthread_cond_signal(&stream->room);
    leave(stream);
}

struct MHD_Response *lambda__flow_response(lambda__flow *stream)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, read_part, stream, reader_gone);
    if (response) stream->references++;
    return response;
}

bool lambda__flow_begin(lambda__flow *stream, int status, struct MHD_Response *response)
{
    /* From here on the request has two users: the connection goes on while the function runs. */
    lambda__connection *connection = stream->connection;
    lambda_http *http = stream->http;
    if (!response) return false;
    pthread_mutex_lock(&http->streaming);
    stream->next = http->streams;
    if (stream->next) stream->next->previous = stream;
    http->streams = stream;
    stream->listed = true;
    pthread_mutex_unlock(&http->streaming);
    atomic_fetch_add(&connection->users, 1);
    atomic_fetch_add(&connection->references, 1);
    lambda__answer(connection, status, response);
    return true;
}

/** With the lock. */
static void wake(lambda__flow *stream)
{
    if (!stream->asleep) return;
    stream->asleep = false;
    MHD_resume_connection(stream->mhd);
}

lambda_status lambda__flow_write(lambda__flow *stream, const void *data, size_t length)
{
    const char *from = data;
    pthread_mutex_lock(&stream->lock);
    while (length > 0) {
        while (stream->length == LAMBDA__STREAM_BUFFER && !stream->gone)
            pthread_cond_wait(&stream->room, &stream->lock);
        if (stream->gone) break;
        size_t end = (stream->begin + stream->length) % LAMBDA__STREAM_BUFFER;
        size_t room = LAMBDA__STREAM_BUFFER - stream->length;
        if (room > LAMBDA__STREAM_BUFFER - end) room = LAMBDA__STREAM_BUFFER - end;
        size_t part = length < room ? length : room;
        memcpy(stream->buffer + end, from, part);
        stream->length += part;
        from += part;
        length -= part;
        wake(stream);
    }
    bool gone = stream->gone;
    pthread_mutex_unlock(&stream->lock);
    return gone ? LAMBDA_ERROR_SERVICE : LAMBDA_OK;
}

void lambda__flow_end(lambda__flow *stream, bool broken)
{
    lambda_http *http = stream->http;
    if (stream->listed) {
        pthread_mutex_lock(&http->streaming);
        if (stream->next) stream->next->previous = stream->previous;
        if (stream->previous)
            stream->previous->next = stream->next;
        else
            http->streams = stream->next;
        pthread_mutex_unlock(&http->streaming);
    }
    pthread_mutex_lock(&stream->lock);
    stream->ended = true;
    stream->broken = broken;
    wake(stream);
    leave(stream);
}

void lambda__flows_cut(lambda_http *http)
{
    pthread_mutex_lock(&http->streaming);
    for (lambda__flow *stream = http->streams; stream; stream = stream->next) {
        pthread_mutex_lock(&stream->lock);
        stream->gone = true;
        pthread_cond_signal(&stream->room);
        wake(stream);
        pthread_mutex_unlock(&stream->lock);
    }
    pthread_mutex_unlock(&http->streaming);
}
