#include "telemetry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subscriber.h"

enum {
    HISTORY_BYTES =
        1048576, /* of events before the end of the init phase; a subscriber's queue takes as many at least */
    MESSAGE = 256,
    ANSWER = 512,
    TYPES = 3,
};

struct lambda__telemetry {
    lambda__loop *loop;
    lambda__http *http; /* once somebody wants it */
    lambda__subscriber *subscribers;
    lambda__telemetry_queue history;
    lambda__dropped history_dropped[TYPES]; /* by type, as not everyone wants all */
    bool init_ended;
};

lambda__telemetry *lambda__telemetry_open(lambda__loop *loop)
{
    lambda__telemetry *telemetry = calloc(1, sizeof(*telemetry));
    if (telemetry) telemetry->loop = loop;
    return telemetry;
}

void lambda__telemetry_close(lambda__telemetry *telemetry)
{
    if (!telemetry) return;
    while (telemetry->subscribers) {
        lambda__subscriber *subscriber = telemetry->subscribers;
        telemetry->subscribers = subscriber->next;
        lambda__subscriber_close(subscriber);
    }
    lambda__http_close(telemetry->http);
    lambda__telemetry_queue_remove(&telemetry->history, SIZE_MAX);
    free(telemetry);
}

bool lambda__telemetry_wanted(const lambda__telemetry *telemetry)
{
    return !telemetry->init_ended || telemetry->subscribers;
}

void lambda__telemetry_end_init(lambda__telemetry *telemetry)
{
    telemetry->init_ended = true;
    lambda__telemetry_queue_remove(&telemetry->history, SIZE_MAX);
    memset(telemetry->history_dropped, 0, sizeof(telemetry->history_dropped));
}

/* ---- events */

/** Tells all, and takes the text over. NULL: memory was out. */
static void tell(lambda__telemetry *telemetry, unsigned type, lambda__telemetry_text *text)
{
    uint64_t now = lambda__loop_now();
    for (lambda__subscriber *each = telemetry->subscribers; each; each = each->next) {
        if (text)
            lambda__subscriber_put(each, text, now);
        else if (each->wanted.types & type)
            lambda__subscriber_drop(each, 1, 0, "Memory was out");
    }
    if (!telemetry->init_ended &&
        (!text || !lambda__telemetry_queue_put(&telemetry->history, text, now, HISTORY_BYTES))) {
        lambda__dropped *dropped = &telemetry->history_dropped[type >> 1];
        dropped->records++;
        dropped->bytes += text ? text->length : 0;
    }
    lambda__telemetry_text_release(text);
}

void lambda__telemetry_event(lambda__telemetry *telemetry, const char *type, json_t *record)
{
    if (lambda__telemetry_wanted(telemetry))
        tell(telemetry, LAMBDA__TELEMETRY_PLATFORM, record ? lambda__telemetry_text_event(type, record) : NULL);
    json_decref(record);
}

void lambda__telemetry_line(lambda__telemetry *telemetry, lambda__telemetry_type type, const char *line, size_t length,
                            bool json)
{
    if (lambda__telemetry_wanted(telemetry))
        tell(telemetry, type, lambda__telemetry_text_line(type, line, length, json));
}

bool lambda__telemetry_flush(lambda__telemetry *telemetry)
{
    bool more = false;
    for (lambda__subscriber *each = telemetry->subscribers; each; each = each->next)
        more = lambda__subscriber_flush(each) || more;
    return more;
}

/* ---- subscriptions */

static int refuse(int status, const char *type, const char *text, char answer[ANSWER])
{
    static const char end[] = "\"}";
    size_t length = (size_t)snprintf(answer, ANSWER, "{\"errorType\":\"%s\",\"errorMessage\":\"", type);
    length += lambda__telemetry_escape(answer + length, ANSWER - length - sizeof(end), text, strlen(text));
    memcpy(answer + length, end, sizeof(end));
    return status;
}

/** Tells a new one what was said before. */
static void tell_history(lambda__telemetry *telemetry, lambda__subscriber *subscriber)
{
    const lambda__telemetry_link *link = telemetry->history.first;
    for (; link; link = link->next)
        lambda__subscriber_put(subscriber, link->text, link->time);
    for (unsigned i = 0; i < TYPES; i++) {
        const lambda__dropped *dropped = &telemetry->history_dropped[i];
        if (subscriber->wanted.types & 1u << i)
            lambda__subscriber_drop(subscriber, dropped->records, dropped->bytes,
                                    "There was too much to tell before it subscribed");
    }
}

/** `types` are the request's, which is in order. */
static void tell_subscription(lambda__telemetry *telemetry, const char *name, bool again, unsigned types)
{
    static const char *const names[TYPES] = {"platform", "function", "extension"};
    json_t *list = json_array();
    for (unsigned i = 0; i < TYPES; i++)
        if (types & 1u << i) json_array_append_new(list, json_string(names[i]));
    lambda__telemetry_event(telemetry, "platform.telemetrySubscription",
                            json_pack("{s:s, s:s, s:o}", "name", name, "state",
                                      again ? "Already subscribed" : "Subscribed", "types", list));
}

static lambda__subscriber *find(const lambda__telemetry *telemetry, const char *name)
{
    lambda__subscriber *each = telemetry->subscribers;
    while (each && strcmp(each->name, name) != 0)
        each = each->next;
    return each;
}

int lambda__telemetry_subscribe(lambda__telemetry *telemetry, const char *extension_name, lambda_bytes body,
                                bool phase_open, char answer[ANSWER])
{
    lambda__subscription wanted;
    char message[MESSAGE];
    if (!phase_open) return refuse(403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed", answer);
    if (!lambda__subscription_read(body, &wanted, message)) return refuse(400, "ValidationError", message, answer);
    const bool http = wanted.uri[0] != '\0';
    if (http && !telemetry->http) telemetry->http = lambda__http_open(telemetry->loop);
    lambda__subscriber *subscriber = find(telemetry, extension_name);
    const bool again = subscriber != NULL;
    if (!again && (!http || telemetry->http)) subscriber = lambda__subscriber_open(telemetry->loop, extension_name);
    if (!subscriber || (http && !telemetry->http)) return refuse(500, "InternalServerError", "out of memory", answer);
    lambda__subscriber_set(subscriber, &wanted, http ? telemetry->http : NULL);
    if (!again) {
        lambda__subscriber **last = &telemetry->subscribers;
        while (*last)
            last = &(*last)->next;
        *last = subscriber;
        tell_history(telemetry, subscriber);
    }
    tell_subscription(telemetry, extension_name, again, wanted.types);
    memcpy(answer, "\"OK\"", sizeof("\"OK\""));
    return 200;
}
