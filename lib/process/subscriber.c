#include "subscriber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry.h"

#define MS     1000000u
#define SECOND 1000000000u

enum {
    QUEUE_BATCHES = 4, /* times max_bytes that wait at most */
    ATTEMPTS = 10,     /* of a batch */
    FIRST_PAUSE = 50,  /* ms; then twice as long each time */
    LONGEST_PAUSE = 2000,
    TICKS =
        10, /* seconds without any getting on until an attempt is given up. Counted, as the time in which nobody runs the loop is no fault of the listener's, which is frozen then */
};

/* ---- queues */

bool lambda__telemetry_queue_put(lambda__telemetry_queue *queue, lambda__telemetry_text *text, uint64_t time,
                                 size_t limit)
{
    if (queue->count > 0 && queue->bytes + text->length > limit) return false;
    lambda__telemetry_link *link = malloc(sizeof(*link));
    if (!link) return false;
    *link = (lambda__telemetry_link){.text = text, .time = time};
    text->references++;
    if (queue->last)
        queue->last->next = link;
    else
        queue->first = link;
    queue->last = link;
    queue->count++;
    queue->bytes += text->length;
    return true;
}

void lambda__telemetry_queue_remove(lambda__telemetry_queue *queue, size_t count)
{
    for (; count > 0 && queue->first; count--) {
        lambda__telemetry_link *link = queue->first;
        queue->first = link->next;
        if (!queue->first) queue->last = NULL;
        queue->count--;
        queue->bytes -= link->text->length;
        lambda__telemetry_text_release(link->text);
        free(link);
    }
}

/* ---- batches as bytes: [event,event] for HTTP, event and line end for TCP */

static size_t piece_length(const lambda__subscriber *subscriber)
{
    const lambda__batch *batch = &subscriber->batch;
    return batch->at->text->length + 1 + (subscriber->http && batch->index + 1 == batch->count ? 1 : 0);
}

/** Copies from the piece under way. */
static size_t read_piece(lambda__subscriber *subscriber, char *to, size_t size)
{
    lambda__batch *batch = &subscriber->batch;
    const lambda__telemetry_text *text = batch->at->text;
    const size_t before = subscriber->http ? 1 : 0;
    if (batch->offset < before) {
        *to = batch->index == 0 ? '[' : ',';
        return 1;
    }
    const size_t at = batch->offset - before;
    if (at == text->length) {
        *to = subscriber->http ? ']' : '\n';
        return 1;
    }
    size_t length = text->length - at < size ? text->length - at : size;
    memcpy(to, text->data + at, length);
    return length;
}

size_t lambda__batch_read(lambda__subscriber *subscriber, char *to, size_t size)
{
    lambda__batch *batch = &subscriber->batch;
    size_t length = 0;
    while (length < size && batch->index < batch->count) {
        size_t got = read_piece(subscriber, to + length, size - length);
        length += got;
        batch->offset += got;
        if (batch->offset < piece_length(subscriber)) continue;
        batch->offset = 0;
        batch->index++;
        batch->at = batch->at->next;
    }
    if (length > 0) subscriber->ticks = 0;
    return length;
}

void lambda__batch_rewind(lambda__subscriber *subscriber, bool event_only)
{
    lambda__batch *batch = &subscriber->batch;
    batch->offset = 0;
    if (event_only) return;
    batch->index = 0;
    batch->at = subscriber->queue.first;
}

/** Puts an event in front that says what was dropped. Without memory for it that is said another time. */
static void add_note(lambda__subscriber *subscriber)
{
    const lambda__dropped *dropped = &subscriber->dropped;
    if (dropped->records == 0) return;
    json_t *record = json_pack("{s:I, s:I, s:s}", "droppedBytes", (json_int_t)dropped->bytes, "droppedRecords",
                               (json_int_t)dropped->records, "reason", subscriber->reason);
    lambda__telemetry_text *text = record ? lambda__telemetry_text_event("platform.logsDropped", record) : NULL;
    lambda__telemetry_link *link = text ? malloc(sizeof(*link)) : NULL;
    json_decref(record);
    if (!link) {
        lambda__telemetry_text_release(text);
        return;
    }
    lambda__telemetry_queue *queue = &subscriber->queue;
    *link = (lambda__telemetry_link){.next = queue->first, .text = text, .time = lambda__loop_now()};
    queue->first = link;
    if (!queue->last) queue->last = link;
    queue->count++;
    queue->bytes += text->length;
    subscriber->noted = *dropped;
    subscriber->batch.note = true;
}

static void make_batch(lambda__subscriber *subscriber)
{
    lambda__batch *batch = &subscriber->batch;
    const lambda__subscription *wanted = &subscriber->wanted;
    *batch = (lambda__batch){0};
    add_note(subscriber);
    const lambda__telemetry_link *link = subscriber->queue.first;
    for (; link && batch->count < wanted->max_items && batch->bytes < wanted->max_bytes; link = link->next) {
        batch->bytes += link->text->length;
        batch->count++;
    }
    batch->length = batch->bytes + batch->count + (subscriber->http ? 1 : 0);
    lambda__batch_rewind(subscriber, false);
}

/* ---- when a batch is sent */

/** Sets when there is a batch to be made; only while none is. */
static void schedule(lambda__subscriber *subscriber)
{
    const lambda__telemetry_queue *queue = &subscriber->queue;
    const lambda__subscription *wanted = &subscriber->wanted;
    if (subscriber->state != LAMBDA__SUBSCRIBER_IDLE) return;
    if (queue->count == 0) {
        /* That something was dropped is worth a batch of its own, but not for who takes none. */
        bool tell = subscriber->dropped.records > 0 && !subscriber->failing;
        subscriber->timer.due = tell ? 0 : UINT64_MAX;
    } else if (subscriber->at_once > 0 || queue->count >= wanted->max_items || queue->bytes >= wanted->max_bytes) {
        subscriber->timer.due = 0;
    } else {
        subscriber->timer.due = queue->first->time + (uint64_t)wanted->timeout_ms * MS;
    }
}

static void send_batch(lambda__subscriber *subscriber)
{
    if (subscriber->batch.count == 0) make_batch(subscriber);
    if (subscriber->batch.count == 0) {
        subscriber->state = LAMBDA__SUBSCRIBER_IDLE;
        schedule(subscriber);
        return;
    }
    subscriber->state = LAMBDA__SUBSCRIBER_SENDING;
    subscriber->ticks = 0;
    subscriber->timer.due = lambda__loop_now() + SECOND;
    if (subscriber->http)
        lambda__http_send(subscriber);
    else
        lambda__tcp_send(subscriber);
}

static void stop(lambda__subscriber *subscriber)
{
    if (subscriber->state != LAMBDA__SUBSCRIBER_SENDING) return;
    if (subscriber->http)
        lambda__http_stop(subscriber);
    else
        lambda__tcp_stop(subscriber);
}

static void due(lambda__timer *timer)
{
    lambda__subscriber *subscriber = timer->user;
    if (subscriber->state != LAMBDA__SUBSCRIBER_SENDING) {
        send_batch(subscriber);
        return;
    }
    if (++subscriber->ticks < TICKS) {
        timer->due = lambda__loop_now() + SECOND;
        return;
    }
    stop(subscriber);
    lambda__subscriber_sent(subscriber, false, "it took too long");
}

/** The listener has the note of this batch. */
static void note_told(lambda__subscriber *subscriber)
{
    subscriber->dropped.records -= subscriber->noted.records;
    subscriber->dropped.bytes -= subscriber->noted.bytes;
}

/** The batch, or what is left of it, is given up. */
static void give_up(lambda__subscriber *subscriber, const char *reason)
{
    lambda__batch *batch = &subscriber->batch;
    const lambda__telemetry_link *link = subscriber->queue.first;
    uint64_t records = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < batch->count; i++, link = link->next) {
        /* What a note says is said by the next one. */
        if (i < batch->index || (i == 0 && batch->note)) continue;
        records++;
        bytes += link->text->length;
    }
    /* Over TCP it may have got there before the rest did not. */
    if (batch->note && batch->index > 0) note_told(subscriber);
    subscriber->dropped.records += records;
    subscriber->dropped.bytes += bytes;
    snprintf(subscriber->reason, sizeof(subscriber->reason), "The listener did not take them: %.90s", reason);
    subscriber->failing = true;
}

/** A batch has ended. */
static void end_batch(lambda__subscriber *subscriber)
{
    size_t count = subscriber->batch.count;
    size_t told = count - (subscriber->batch.note ? 1 : 0);
    lambda__telemetry_queue_remove(&subscriber->queue, count);
    subscriber->at_once -= told < subscriber->at_once ? told : subscriber->at_once;
    subscriber->batch = (lambda__batch){0};
    subscriber->attempts = 0;
}

void lambda__subscriber_sent(lambda__subscriber *subscriber, bool done, const char *reason)
{
    if (done) {
        if (subscriber->batch.note) note_told(subscriber);
        subscriber->failing = false;
        end_batch(subscriber);
        subscriber->state = LAMBDA__SUBSCRIBER_IDLE;
        schedule(subscriber);
        return;
    }
    uint64_t pause = (uint64_t)FIRST_PAUSE << subscriber->attempts;
    if (pause > LONGEST_PAUSE) pause = LONGEST_PAUSE;
    lambda__batch_rewind(subscriber, !subscriber->http);
    if (++subscriber->attempts >= ATTEMPTS) {
        give_up(subscriber, reason);
        end_batch(subscriber);
    }
    subscriber->state = LAMBDA__SUBSCRIBER_PAUSING;
    subscriber->timer.due = lambda__loop_now() + pause * MS;
}

/* ---- subscribers */

lambda__subscriber *lambda__subscriber_open(lambda__loop *loop, const char *name)
{
    lambda__subscriber *subscriber = calloc(1, sizeof(*subscriber));
    if (!subscriber) return NULL;
    subscriber->name = strdup(name);
    if (!subscriber->name) {
        free(subscriber);
        return NULL;
    }
    subscriber->loop = loop;
    subscriber->watch.fd = -1;
    subscriber->timer = (lambda__timer){.due = UINT64_MAX, .run = due, .user = subscriber};
    lambda__loop_add_timer(loop, &subscriber->timer);
    return subscriber;
}

/** Leaves its listener. */
static void leave(lambda__subscriber *subscriber)
{
    stop(subscriber);
    if (subscriber->http)
        lambda__http_forget(subscriber);
    else
        lambda__tcp_stop(subscriber);
}

void lambda__subscriber_close(lambda__subscriber *subscriber)
{
    leave(subscriber);
    lambda__loop_remove_timer(subscriber->loop, &subscriber->timer);
    lambda__telemetry_queue_remove(&subscriber->queue, SIZE_MAX);
    free(subscriber->name);
    free(subscriber);
}

void lambda__subscriber_set(lambda__subscriber *subscriber, const lambda__subscription *wanted, lambda__http *http)
{
    leave(subscriber);
    /* Over TCP part of the batch may be there. A note that is not goes, as the next batch has its own. */
    size_t gone = subscriber->http ? 0 : subscriber->batch.index;
    if (subscriber->batch.note && gone > 0) note_told(subscriber);
    if (subscriber->batch.note && gone == 0) gone = 1;
    lambda__telemetry_queue_remove(&subscriber->queue, gone);
    subscriber->batch = (lambda__batch){0};
    subscriber->attempts = 0;
    subscriber->failing = false;
    subscriber->state = LAMBDA__SUBSCRIBER_IDLE;
    subscriber->wanted = *wanted;
    subscriber->http = http;
    schedule(subscriber);
}

void lambda__subscriber_put(lambda__subscriber *subscriber, lambda__telemetry_text *text, uint64_t time)
{
    const size_t limit = (size_t)subscriber->wanted.max_bytes * QUEUE_BATCHES;
    if (!(text->type & subscriber->wanted.types)) return;
    if (lambda__telemetry_queue_put(&subscriber->queue, text, time, limit))
        schedule(subscriber);
    else
        lambda__subscriber_drop(subscriber, 1, text->length, "The listener is slower than what there is to tell");
}

void lambda__subscriber_drop(lambda__subscriber *subscriber, uint64_t records, uint64_t bytes, const char *reason)
{
    if (records == 0) return;
    subscriber->dropped.records += records;
    subscriber->dropped.bytes += bytes;
    snprintf(subscriber->reason, sizeof(subscriber->reason), "%s", reason);
    schedule(subscriber);
}

bool lambda__subscriber_flush(lambda__subscriber *subscriber)
{
    subscriber->at_once = subscriber->queue.count - (subscriber->batch.note ? 1 : 0);
    schedule(subscriber);
    return subscriber->state == LAMBDA__SUBSCRIBER_SENDING ||
           (subscriber->state == LAMBDA__SUBSCRIBER_IDLE && subscriber->timer.due == 0);
}
