/*
 * Threads for requests that may take their time. They begin when there is work and nobody idle, up to the most; an idle one ends after LAMBDA__WORKER_MS. Where all are busy requests wait in their order: there
 * cannot be more of them than connections. A request that was given runs, also while the server closes.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "server.h"

struct lambda__worker {
    pthread_t thread;
    lambda__workers *workers;
    lambda__worker *next; /* of those gone */
};

lambda_status lambda__workers_open(lambda__workers *workers, uint32_t most)
{
    workers->most = most;
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) return LAMBDA_ERROR_OUT_OF_MEMORY;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->work, &attributes);
    pthread_cond_init(&workers->ended, NULL);
    pthread_condattr_destroy(&attributes);
    return LAMBDA_OK;
}

/** With the lock: the next request, or NULL when there was none for long. */
static lambda__connection *take(lambda__workers *workers)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LAMBDA__WORKER_MS / 1000;
    while (!workers->first) {
        if (workers->closing) return NULL;
        workers->idle++;
        int error = pthread_cond_timedwait(&workers->work, &workers->lock, &until);
        workers->idle--;
        if (error == ETIMEDOUT && !workers->first) return NULL;
    }
    lambda__connection *connection = workers->first;
    workers->first = connection->queued;
    if (!workers->first) workers->last = NULL;
    workers->waiting--;
    return connection;
}

static void *work(void *user)
{
    lambda__worker *worker = user;
    lambda__workers *workers = worker->workers;
    pthread_mutex_lock(&workers->lock);
    for (lambda__connection *connection = take(workers); connection; connection = take(workers)) {
        pthread_mutex_unlock(&workers->lock);
        connection->runner(connection);
        pthread_mutex_lock(&workers->lock);
    }
    worker->next = workers->gone;
    workers->gone = worker;
    workers->count--;
    if (workers->count == 0) pthread_cond_broadcast(&workers->ended);
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

static void join(lambda__worker *gone)
{
    while (gone) {
        lambda__worker *next = gone->next;
        pthread_join(gone->thread, NULL);
        free(gone);
        gone = next;
    }
}

/** With the lock. False: the system gives no thread. */
static bool start(lambda__workers *workers)
{
    lambda__worker *worker = calloc(1, sizeof(*worker));
    if (!worker) return false;
    worker->workers = workers;
    /* It waits for the lock first, so that `thread` is there before anybody joins it. */
    if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
        free(worker);
        return false;
    }
    workers->count++;
    return true;
}

void lambda__workers_give(lambda_http *http, lambda__connection *connection)
{
    lambda__workers *workers = &http->workers;
    connection->suspended = true;
    connection->queued = NULL;
    MHD_suspend_connection(connection->mhd);
    pthread_mutex_lock(&workers->lock);
    lambda__worker *gone = workers->gone;
    workers->gone = NULL;
    bool closing = workers->closing;
    bool can = !closing;
    if (can && workers->idle <= workers->waiting && workers->count < workers->most)
        can = start(workers) || workers->count > 0;
    if (can) {
        if (workers->last)
            workers->last->queued = connection;
        else
            workers->first = connection;
        workers->last = connection;
        workers->waiting++;
        pthread_cond_signal(&workers->work);
    }
    pthread_mutex_unlock(&workers->lock);
    join(gone);
    if (can) return;
    connection->last = closing;
    if (closing)
        lambda__answer_refused(connection, 503, "ServiceUnavailableException", "The server is closing.");
    else
        lambda__answer_error(connection, 500, "ServiceException", "The system gave no thread to run the request on.");
}

void lambda__workers_stop(lambda__workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->closing = true;
    pthread_cond_broadcast(&workers->work);
    while (workers->count > 0)
        pthread_cond_wait(&workers->ended, &workers->lock);
    lambda__worker *gone = workers->gone;
    workers->gone = NULL;
    pthread_mutex_unlock(&workers->lock);
    join(gone);
}

void lambda__workers_free(lambda__workers *workers)
{
    pthread_cond_destroy(&workers->ended);
    pthread_cond_destroy(&workers->work);
    pthread_mutex_destroy(&workers->lock);
}
