/* Memory that is out: each allocation of opening a server, and of answering a request, fails once. */
#include "failing_memory.h"
#include "server_world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void opening(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    lambda_http_options options = {
        .api = world.api, .credentials = world.credentials, .connection_rate = 5, .access_log = NULL};
    long failed = 0;
    for (long n = 1; n < 1000; n++) {
        lambda_http *http = NULL;
        atomic_store(&fail_at, n);
        lambda_status status = lambda_http_open(&options, &http);
        bool all = atomic_load(&fail_at) > 0;
        atomic_store(&fail_at, 0);
        if (status == LAMBDA_OK) {
            lambda_http_close(http, 0);
        } else {
            assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
            assert_null(http);
            failed++;
        }
        if (all) break;
    }
    assert_true(failed > 3);
    world_close(&world);
}

/** Each allocation of a request's way fails: it is answered with an error, or its connection ended; and the next is answered. */
static void answering(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &(lambda_http_options){.threads = 1});
    unconcerned = true;
    for (int kind = 0; kind < 4; kind++) {
        long failed = 0;
        for (long n = 1; n < 500; n++) {
            int fd = client_open(world.port);
            client_answer answer = {0};
            atomic_store(&fail_at, n);
            if (kind == 0)
                client_text(fd, GET_URL(URL_HELLO));
            else if (kind == 1)
                client_text(fd, GET_URL(URL_STREAM));
            else
                client_signed(fd, "POST", kind == 2 ? INVOKE("echo") : STREAM("stream"), NULL,
                              "X-Amz-Log-Type: Tail\r\n", "{}", 2, KEY, SECRET);
            bool answered = client_receive(fd, &answer);
            bool all = atomic_exchange(&fail_at, 0) > 0;
            if (answered && !answer.cut) assert_true(answer.status == 200 || answer.status >= 400);
            if (all) assert_int_equal(answer.status, 200);
            if (!answered || answer.cut || answer.status == 500) failed++;
            client_answer_clear(&answer);
            close(fd);
            fd = client_open(world.port);
            client_expect(fd, GET_URL(URL_HELLO), 200, "hello");
            close(fd);
            if (all) break;
        }
        assert_true(failed > 0);
    }
    unconcerned = false;
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(opening), cmocka_unit_test(answering)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
