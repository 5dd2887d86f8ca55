#include "telemetry_world.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void told(lambda__watch *watch, uint32_t events)
{
    char bytes[64];
    (void)events;
    while (read(watch->fd, bytes, sizeof(bytes)) > 0)
        continue;
}

void begin(world *w)
{
    memset(w, 0, sizeof(*w));
    assert_int_equal(lambda__loop_open(&w->loop), 0);
    w->telemetry = lambda__telemetry_open(&w->loop);
    assert_non_null(w->telemetry);
}

listener *add(world *w, bool tcp)
{
    listener *l = &w->listeners[w->count];
    listener_open(l, tcp);
    w->watches[w->count] = (lambda__watch){.fd = l->told[0], .ready = told};
    assert_int_equal(lambda__loop_add(&w->loop, &w->watches[w->count], EPOLLIN), 0);
    w->count++;
    return l;
}

listener *add_listening(world *w, bool tcp)
{
    listener *l = add(w, tcp);
    listener_begin(l, NULL, 0, false);
    return l;
}

void finish(world *w)
{
    lambda__telemetry_close(w->telemetry);
    for (size_t i = 0; i < w->count; i++) {
        listener *l = &w->listeners[i];
        lambda__loop_remove(&w->loop, &w->watches[i]);
        if (l->thread) listener_end(l);
        listener_free(l);
    }
    lambda__loop_close(&w->loop);
}

int subscribe(world *w, const char *name, const listener *l, const char *types, const char *more)
{
    char body[512];
    if (l->tcp)
        snprintf(body, sizeof(body),
                 "{\"schemaVersion\":\"2022-12-13\",\"types\":%s,\"destination\":{\"protocol\":\"TCP\",\"port\":%u}%s}",
                 types, l->port, more);
    else
        snprintf(body, sizeof(body),
                 "{\"schemaVersion\":\"2022-12-13\",\"types\":%s,\"destination\":{\"protocol\":\"HTTP\",\"URI\":"
                 "\"http://sandbox.localdomain:%u/to/me\"}%s}",
                 types, l->port, more);
    return lambda__telemetry_subscribe(w->telemetry, name, lambda_bytes_make(body, strlen(body)), true, w->answer);
}

void say(world *w, const char *text)
{
    lambda__telemetry_line(w->telemetry, LAMBDA__TELEMETRY_FUNCTION, text, strlen(text), false);
}

void flush(world *w)
{
    run_until(w, !lambda__telemetry_flush(w->telemetry));
}

void leap(world *w)
{
    for (lambda__timer *timer = w->loop.timers; timer; timer = timer->next)
        if (timer->due != UINT64_MAX) timer->due = 0;
}

json_t *batch(listener *l, size_t number)
{
    assert_true(number < listener_count(l));
    json_t *events = json_loads(l->requests[number].body, 0, NULL);
    assert_true(json_is_array(events));
    return events;
}

json_t *all(listener *l)
{
    json_t *events = json_array();
    for (size_t i = 0; i < listener_count(l); i++) {
        json_t *some = batch(l, i);
        json_array_extend(events, some);
        json_decref(some);
    }
    return events;
}

json_t *all_lines(const listener *l)
{
    json_t *events = json_array();
    for (size_t i = 0; i < LISTENER_REQUESTS && l->requests[i].body; i++)
        for (char *at = l->requests[i].body; *at;) {
            size_t length = strcspn(at, "\n");
            json_t *event = json_loadb(at, length, 0, NULL);
            assert_true(json_is_object(event));
            json_array_append_new(events, event);
            assert_true(at[length] == '\n');
            at += length + 1;
        }
    return events;
}

const char *type_of(const json_t *events, size_t at)
{
    return json_string_value(json_object_get(json_array_get(events, at), "type"));
}

const json_t *record_of(const json_t *events, size_t at)
{
    return json_object_get(json_array_get(events, at), "record");
}
