/*
 * Documents to an X-Ray daemon, which is a socket of the test. The line before each is that of
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon.
 */
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/memory.h"
#include "observe/trace/xray.h"
#include "trace_fixture.h"

#define HEAD "{\"format\": \"json\", \"version\": 1}\n"

static char datagram[70000];

/** A daemon on the loopback of that family, at a port that was free; -1 where there is no such family. */
static int listen_to(int family, char address[64])
{
    struct sockaddr_storage at = {.ss_family = (sa_family_t)family};
    struct sockaddr_in *four = (struct sockaddr_in *)&at;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&at;
    socklen_t length = family == AF_INET ? sizeof(*four) : sizeof(*six);
    four->sin_addr.s_addr = family == AF_INET ? htonl(INADDR_LOOPBACK) : 0;
    if (family == AF_INET6) six->sin6_addr = in6addr_loopback;
    int daemon = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (daemon < 0) return -1;
    if (bind(daemon, (struct sockaddr *)&at, length) != 0) {
        close(daemon);
        return -1;
    }
    assert_int_equal(getsockname(daemon, (struct sockaddr *)&at, &length), 0);
    const struct timeval patience = {.tv_sec = 20};
    assert_int_equal(setsockopt(daemon, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    if (family == AF_INET)
        snprintf(address, 64, "127.0.0.1:%u", ntohs(four->sin_port));
    else
        snprintf(address, 64, "[::1]:%u", ntohs(six->sin6_port));
    return daemon;
}

/** The next document that arrives. */
static json_t *receive(int daemon)
{
    ssize_t length = recv(daemon, datagram, sizeof(datagram) - 1, 0);
    assert_true(length > (ssize_t)strlen(HEAD));
    assert_memory_equal(datagram, HEAD, strlen(HEAD));
    json_t *document = json_loadb(datagram + strlen(HEAD), (size_t)length - strlen(HEAD), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    return document;
}

static void assert_nothing_more(int daemon)
{
    assert_int_equal(recv(daemon, datagram, sizeof(datagram), MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

static void receives(int daemon, const char *key, const char *value)
{
    json_t *document = receive(daemon);
    const char *text = json_string_value(json_object_get(document, key));
    assert_non_null(text);
    assert_string_equal(text, value);
    json_decref(document);
}

static lambda_trace_exporter open_exporter(const char *address)
{
    lambda_trace_exporter exporter;
    assert_ok(NULL, lambda_trace_exporter_xray(address, &exporter));
    assert_false(exporter.direct);
    return exporter;
}

static void a_datagram_a_document(void **state)
{
    (void)state;
    const int families[] = {AF_INET, AF_INET6};
    fixture f;
    fixture_full(&f);
    for (size_t i = 0; i < 2; i++) {
        char address[64];
        int daemon = listen_to(families[i], address);
        if (daemon < 0 && families[i] == AF_INET6) {
            print_message("[  SKIPPED ] this machine has no IPv6\n");
            continue;
        }
        assert_true(daemon >= 0);
        lambda_trace_exporter exporter = open_exporter(address);
        assert_ok(NULL, exporter.write(exporter.user, &f.segment));
        receives(daemon, "origin", "AWS::Lambda");
        receives(daemon, "origin", "AWS::Lambda::Function");
        assert_nothing_more(daemon);
        exporter.close(exporter.user);
        close(daemon);
    }
}

static void what_is_too_long_comes_in_parts(void **state)
{
    (void)state;
    char address[64];
    char text[901];
    fixture f;
    memset(text, 'y', 900);
    text[900] = '\0';
    fixture_large(&f, text, 150);
    int daemon = listen_to(AF_INET, address);
    assert_true(daemon >= 0);
    lambda_trace_exporter exporter = open_exporter(address);
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    receives(daemon, "origin", "AWS::Lambda");
    receives(daemon, "origin", "AWS::Lambda::Function");
    size_t parts = 0;
    while (recv(daemon, datagram, sizeof(datagram), MSG_PEEK | MSG_DONTWAIT) > 0) {
        receives(daemon, "type", "subsegment");
        parts++;
    }
    assert_in_range(parts, 1, 50);
    exporter.close(exporter.user);
    close(daemon);
}

/** A daemon that is not there is no hindrance, and one that comes gets the next segment, whole. */
static void a_daemon_comes_and_goes(void **state)
{
    (void)state;
    char address[64];
    fixture f;
    fixture_small(&f);
    int daemon = listen_to(AF_INET, address);
    assert_true(daemon >= 0);
    struct sockaddr_in at;
    socklen_t length = sizeof(at);
    assert_int_equal(getsockname(daemon, (struct sockaddr *)&at, &length), 0);
    lambda_trace_exporter exporter = open_exporter(address);
    close(daemon);
    for (int i = 0; i < 3; i++)
        assert_fails(NULL, exporter.write(exporter.user, &f.segment), LAMBDA_ERROR_SERVICE, strerror(ECONNREFUSED));
    daemon = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(daemon >= 0);
    assert_int_equal(bind(daemon, (struct sockaddr *)&at, length), 0);
    /* That the one before came to nobody is learnt with this one. */
    assert_int_equal(exporter.write(exporter.user, &f.segment), LAMBDA_ERROR_SERVICE);
    receives(daemon, "origin", "AWS::Lambda");
    receives(daemon, "origin", "AWS::Lambda::Function");
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    receives(daemon, "origin", "AWS::Lambda");
    receives(daemon, "origin", "AWS::Lambda::Function");
    assert_nothing_more(daemon);
    exporter.close(exporter.user);
    close(daemon);
}

/** A daemon that does not read: nobody waits for it. Had a call waited, this test would not end. */
static void a_daemon_that_does_not_read_stops_nobody(void **state)
{
    (void)state;
    char address[64];
    fixture f;
    fixture_full(&f);
    int daemon = listen_to(AF_INET, address);
    assert_true(daemon >= 0);
    lambda_trace_exporter exporter = open_exporter(address);
    for (int i = 0; i < 2000; i++) {
        lambda_status status = exporter.write(exporter.user, &f.segment);
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_SERVICE);
    }
    exporter.close(exporter.user);
    close(daemon);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",           "127.0.0.1",       "127.0.0.1:",    "127.0.0.1:0",
                                        ":2000",      "127.0.0.1:65536", "127.0.0.1:20x", "localhost:2000",
                                        "::1:2000",   "[::1]",           "[::1:2000",     "::1]:2000",
                                        "[]:2000",    "1.2.3:2000",      "127.0.0.1:-1",  "127.0.0.1:000080",
                                        "[1:2:3]:80", "]:2000"};
    lambda_trace_exporter exporter;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_fails(NULL, lambda_trace_exporter_xray(wrong[i], &exporter), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                     "address");
        assert_null(exporter.write);
    }
    assert_fails(NULL, lambda_trace_exporter_xray(NULL, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "exporter");
    exporter = open_exporter(NULL);
    exporter.close(exporter.user);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static lambda__base base;
    char address[64];
    fixture f;
    fixture_full(&f);
    int daemon = listen_to(AF_INET, address);
    assert_true(daemon >= 0);
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 100);
        test_memory memory = {.fail_at = nth};
        base.allocator = test_allocator(&memory);
        lambda_trace_exporter exporter;
        lambda_status status = lambda__xray_exporter_udp(&base, address, &exporter);
        if (status == LAMBDA_OK) {
            status = exporter.write(exporter.user, &f.segment);
            exporter.close(exporter.user);
        } else {
            assert_null(exporter.write);
        }
        succeeded = memory.requests < nth;
        assert_int_equal(status, succeeded ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_int_equal(memory.live, 0);
    }
    close(daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_a_document),   cmocka_unit_test(what_is_too_long_comes_in_parts),
        cmocka_unit_test(a_daemon_comes_and_goes), cmocka_unit_test(a_daemon_that_does_not_read_stops_nobody),
        cmocka_unit_test(addresses_are_checked),   cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
