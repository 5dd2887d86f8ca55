/* The Telemetry API where the listener is slow, broken or not there. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "telemetry_world.h"

/* The listener breaks off, says that it failed, and at last takes the batch: the same one each time. */
static void test_http_failures(void **state)
{
    (void)state;
    static const char *const answers[] = {LISTENER_HANG_UP,
                                          "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno",
                                          "HTTP/1.1 404 Not here\r\nContent-Length: 0\r\n\r\n",
                                          "!HTTP/1.1 200 OK",
                                          "what is this\r\n\r\n",
                                          LISTENER_OK};
    world w;
    begin(&w);
    listener *l = add(&w, false);
    listener_begin(l, answers, 6, false);
    assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", SOON), 200);
    say(&w, "try");
    for (size_t i = 1; i <= 6; i++) {
        run_until(&w, listener_count(l) == i);
        if (i == 5) say(&w, "meanwhile");
    }
    say(&w, "last");
    run_until(&w, listener_count(l) >= 7);
    flush(&w);
    for (size_t i = 1; i < 6; i++)
        assert_string_equal(l->requests[i].body, l->requests[0].body);
    assert_non_null(strstr(l->requests[6].body, "meanwhile"));
    assert_null(strstr(l->requests[6].body, "logsDropped"));
    finish(&w);
}

/* A connection that was closed meanwhile costs nothing. */
static void test_http_kept_connection(void **state)
{
    (void)state;
    static const char *const answers[] = {LISTENER_OK, LISTENER_OK_ONCE, LISTENER_OK};
    world w;
    begin(&w);
    listener *l = add(&w, false);
    listener_begin(l, answers, 3, false);
    assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", LATE), 200);
    for (size_t i = 1; i <= 5; i++) {
        say(&w, "one more");
        flush(&w);
        assert_int_equal(listener_count(l), i);
    }
    assert_int_equal(listener_connections(l), 2);
    finish(&w);
}

static void test_not_there_yet(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        world w;
        begin(&w);
        listener *l = add(&w, tcp);
        assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", SOON), 200);
        say(&w, "wait for me");
        /* It fails, and that keeps nobody who flushes. */
        flush(&w);
        listener_begin(l, NULL, 0, false);
        run_until(&w, listener_has(l, 0, "wait for me"));
        finish(&w);
    }
}

/* Nobody ever listens: what there was is counted, and told to who listens at last. */
static void test_given_up(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        world w;
        begin(&w);
        listener *l = add(&w, tcp);
        assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", SOON), 200);
        say(&w, "one");
        say(&w, "two");
        /* Ten attempts; each has its pause, and some rounds to fail. */
        for (int i = 0; i < 200; i++) {
            leap(&w);
            assert_int_equal(lambda__loop_run(&w.loop, lambda__loop_now() + 1000000), 0);
        }
        listener_begin(l, NULL, 0, false);
        say(&w, "three");
        leap(&w);
        run_until(&w, listener_bytes(l) > 0);
        flush(&w);
        lambda__telemetry_close(w.telemetry);
        w.telemetry = NULL;
        if (tcp) run_until(&w, listener_has(l, 0, "three"));
        json_t *events = tcp ? all_lines(l) : all(l);
        assert_int_equal(json_array_size(events), 2);
        assert_string_equal(type_of(events, 0), "platform.logsDropped");
        assert_int_equal(json_integer_value(json_object_get(record_of(events, 0), "droppedRecords")), 2);
        assert_true(json_integer_value(json_object_get(record_of(events, 0), "droppedBytes")) > 100);
        assert_non_null(json_string_value(json_object_get(record_of(events, 0), "reason")));
        assert_string_equal(json_string_value(record_of(events, 1)), "three");
        json_decref(events);
        finish(&w);
    }
}

/* It takes the request and says nothing: in ten seconds that somebody ran the loop it is tried again. */
static void test_silent(void **state)
{
    (void)state;
    static const char *const answers[] = {LISTENER_SILENT, LISTENER_SILENT};
    world w;
    begin(&w);
    listener *l = add(&w, false);
    listener_begin(l, answers, 2, false);
    assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", SOON), 200);
    say(&w, "anybody?");
    for (size_t i = 1; i <= 2; i++) {
        run_until(&w, listener_count(l) == i);
        /* That a long time has passed while nobody ran it is one tick. */
        leap(&w);
        assert_int_equal(lambda__loop_run(&w.loop, 0), 0);
        assert_true(lambda__telemetry_flush(w.telemetry));
        for (int k = 0; k < 20 && lambda__telemetry_flush(w.telemetry); k++) {
            leap(&w);
            assert_int_equal(lambda__loop_run(&w.loop, 0), 0);
        }
        assert_false(lambda__telemetry_flush(w.telemetry));
    }
    run_until(&w, listener_count(l) == 3);
    assert_string_equal(l->requests[0].body, l->requests[2].body);
    finish(&w);
}

/* More than its buffers hold while it does not read: memory is bounded, and all is accounted for. */
static void test_slow(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        world w;
        char text[1000];
        const size_t lines = 20000;
        begin(&w);
        listener *l = add(&w, tcp);
        listener_begin(l, NULL, 0, true);
        assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", SOON), 200);
        memset(text, 's', sizeof(text));
        for (size_t i = 0; i < lines; i++) {
            lambda__telemetry_line(w.telemetry, LAMBDA__TELEMETRY_FUNCTION, text, sizeof(text), false);
            if (i % 16 == 0) assert_int_equal(lambda__loop_run(&w.loop, 0), 0);
        }
        listener_read_on(l);
        flush(&w);
        lambda__telemetry_close(w.telemetry);
        w.telemetry = NULL;
        run_until(&w, !listener_is_connected(l));
        json_t *events = tcp ? all_lines(l) : all(l);
        size_t told_of = 0;
        size_t dropped = 0;
        for (size_t i = 0; i < json_array_size(events); i++) {
            if (strcmp(type_of(events, i), "function") == 0)
                told_of++;
            else
                dropped += (size_t)json_integer_value(json_object_get(record_of(events, i), "droppedRecords"));
        }
        assert_true(dropped > 0);
        assert_true(told_of > 200);
        /* What a listener was too slow to confirm is told again. */
        assert_true(told_of + dropped >= lines);
        json_decref(events);
        finish(&w);
    }
}

/* Redirects are not followed, and the host's proxies are none of ours. */
static void test_only_the_listener(void **state)
{
    (void)state;
    world w;
    char redirect[128];
    begin(&w);
    listener *l = add(&w, false);
    listener *other = add_listening(&w, false);
    snprintf(redirect, sizeof(redirect),
             "HTTP/1.1 307 There\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n", other->port);
    const char *const answers[] = {redirect, LISTENER_OK};
    char proxy[64];
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", other->port);
    setenv("http_proxy", proxy, 1);
    setenv("ALL_PROXY", proxy, 1);
    setenv("all_proxy", proxy, 1);
    listener_begin(l, answers, 2, false);
    assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", SOON), 200);
    say(&w, "x");
    run_until(&w, listener_count(l) == 2);
    flush(&w);
    assert_int_equal(listener_count(other), 0);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    unsetenv("all_proxy");
    finish(&w);
}

/* An answer without end is not waited for, and not kept. */
static void test_endless_head(void **state)
{
    (void)state;
    world w;
    begin(&w);
    listener *l = add(&w, false);
    char *head = malloc(200000);
    strcpy(head, "HTTP/1.1 200 OK\r\n");
    while (strlen(head) < 190000)
        memcpy(head + strlen(head),
               "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 83);
    const char *const answers[] = {head, LISTENER_OK};
    listener_begin(l, answers, 2, false);
    assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", SOON), 200);
    say(&w, "x");
    run_until(&w, listener_count(l) == 2);
    assert_string_equal(l->requests[0].body, l->requests[1].body);
    finish(&w);
    free(head);
}

/** Connections to a listener that a program started now would inherit, and how many there are. */
static size_t inherited(const listener *l, size_t *count)
{
    size_t open = 0;
    *count = 0;
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in to = {0};
        socklen_t length = sizeof(to);
        if (getpeername(fd, (struct sockaddr *)&to, &length) != 0 || to.sin_port != htons(l->port)) continue;
        ++*count;
        if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC)) open++;
    }
    return open;
}

static void test_not_inherited(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        world w;
        size_t count;
        begin(&w);
        listener *l = add_listening(&w, tcp);
        assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", LATE), 200);
        say(&w, "x");
        flush(&w);
        assert_int_equal(inherited(l, &count), 0);
        assert_int_equal(count, 1);
        finish(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_failures),
        cmocka_unit_test(test_http_kept_connection),
        cmocka_unit_test(test_not_there_yet),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_only_the_listener),
        cmocka_unit_test(test_endless_head),
        cmocka_unit_test(test_not_inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
