/* Queues as destinations: with a queue of a few messages that does what its port says, and notes what it is asked. */
#include "taker.h"

/** A queue in an array. A message is a slot; its receipt is the slot's number and one. */
typedef struct small_queue {
    lambda_queue_host host;
    struct {
        char *text;
        uint64_t state;
        bool received;
    } slots[64];
    size_t count;
    uint64_t visible_ns; /* of the last receive */
    size_t attached;
    size_t acknowledges;
    size_t retries;
    size_t closed;
    lambda_status
        attach_fails; /* what attach, push, receive, acknowledge and retry return, LAMBDA_OK where they work */
    lambda_status push_fails;
    lambda_status receive_fails;
    lambda_status acknowledge_fails;
    lambda_status retry_fails;
} small_queue;

static lambda_status small_attach(void *user, const lambda_queue_host *host)
{
    small_queue *queue = user;
    queue->attached++;
    queue->host = *host;
    assert_non_null(host->allocator.allocate);
    assert_non_null(host->clock.monotonic);
    host->ready(host->user);
    if (queue->attach_fails) return lambda_runtime_fail(host->lambda, queue->attach_fails, "no attaching");
    return LAMBDA_OK;
}

static lambda_status small_push(void *user, const lambda_queue_entry *entries, size_t count)
{
    small_queue *queue = user;
    if (queue->push_fails) return lambda_runtime_fail(queue->host.lambda, queue->push_fails, "no room");
    assert_int_equal(count, 1);
    assert_int_equal(entries->parts_count, 1);
    assert_int_equal(entries->delay_ns, 0);
    assert_true(queue->count < 64);
    char *text = calloc(1, entries->parts->length + 1);
    assert_non_null(text);
    memcpy(text, entries->parts->data, entries->parts->length);
    queue->slots[queue->count].text = text;
    queue->slots[queue->count].state = entries->state;
    queue->slots[queue->count++].received = false;
    return LAMBDA_OK;
}

static lambda_status small_receive(void *user, lambda_queue_message *messages, size_t capacity, uint64_t visible_ns,
                                   size_t *count)
{
    small_queue *queue = user;
    *count = 0;
    if (queue->receive_fails) return lambda_runtime_fail(queue->host.lambda, queue->receive_fails, "no receiving");
    queue->visible_ns = visible_ns;
    for (size_t i = 0; i < queue->count && *count < capacity; i++) {
        if (!queue->slots[i].text || queue->slots[i].received) continue;
        queue->slots[i].received = true;
        messages[(*count)++] = (lambda_queue_message){.body = {queue->slots[i].text, strlen(queue->slots[i].text)},
                                                      .state = queue->slots[i].state,
                                                      .receipt = i + 1};
    }
    return LAMBDA_OK;
}

static lambda_status small_acknowledge(void *user, const lambda_queue_message *messages, size_t count,
                                       const lambda_queue_entry *entries, size_t entries_count)
{
    small_queue *queue = user;
    assert_null(entries);
    assert_int_equal(entries_count, 0);
    queue->acknowledges++;
    if (queue->acknowledge_fails) return lambda_runtime_fail(queue->host.lambda, queue->acknowledge_fails, "no ending");
    for (size_t i = 0; i < count; i++) {
        size_t slot = (size_t)messages[i].receipt - 1;
        assert_true(queue->slots[slot].received);
        free(queue->slots[slot].text);
        queue->slots[slot].text = NULL;
    }
    return LAMBDA_OK;
}

static lambda_status small_retry(void *user, const lambda_queue_message *message, uint64_t state, uint64_t delay_ns)
{
    small_queue *queue = user;
    size_t slot = (size_t)message->receipt - 1;
    queue->retries++;
    assert_int_equal(delay_ns, 0);
    assert_true(queue->slots[slot].received);
    if (queue->retry_fails) return lambda_runtime_fail(queue->host.lambda, queue->retry_fails, "no retrying");
    queue->slots[slot].received = false;
    queue->slots[slot].state = state;
    return LAMBDA_OK;
}

static void small_close(void *user)
{
    small_queue *queue = user;
    queue->closed++;
    for (size_t i = 0; i < queue->count; i++)
        free(queue->slots[i].text);
}

static lambda_queue port_of(small_queue *queue)
{
    return (lambda_queue){.attach = small_attach,
                          .push = small_push,
                          .receive = small_receive,
                          .acknowledge = small_acknowledge,
                          .retry = small_retry,
                          .close = small_close,
                          .user = queue};
}

/** A message that is nobody's line. */
static void push_text(small_queue *queue, const char *text)
{
    const lambda_bytes part = lambda_bytes_make(text, strlen(text));
    const lambda_queue_entry entry = {.parts = &part, .parts_count = 1, .state = 7};
    assert_int_equal(small_push(queue, &entry, 1), LAMBDA_OK);
}

/** What is in the queue, each with a line end; nothing of it is with a receiver. */
static void assert_queue(const small_queue *queue, const char *expected)
{
    char text[4096] = "";
    for (size_t i = 0; i < queue->count; i++) {
        if (!queue->slots[i].text) continue;
        assert_false(queue->slots[i].received);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n", queue->slots[i].text);
    }
    assert_string_equal(text, expected);
}

static lambda_t *open_dead(small_queue *queue)
{
    lambda_t *lambda = test_open(NULL);
    const lambda_queue port = port_of(queue);
    assert_ok(lambda, lambda_destination_register_queue(lambda, "dead", &port));
    return lambda;
}

static void messages_are_the_lines_of_a_file(void **state)
{
    (void)state;
    small_queue queue = {0};
    lambda_t *lambda = open_dead(&queue);
    assert_int_equal(queue.attached, 1);
    assert_ptr_equal(queue.host.lambda, lambda);
    assert_ok(lambda, deliver_number(lambda, "dead", 1));
    assert_ok(lambda, deliver_record(lambda, "dead", LAMBDA_DELIVERY_ON_FAILURE, RECORD("RetriesExhausted")));
    assert_queue(&queue, LINE("1") "\n{\"kind\":\"OnFailure\",\"functionArn\":\"" ARN
                                   ":PROD\",\"record\":" RECORD("RetriesExhausted") "}\n");
    queue.push_fails = LAMBDA_ERROR_TOO_MANY_REQUESTS;
    assert_fails(lambda, deliver_number(lambda, "dead", 2), LAMBDA_ERROR_TOO_MANY_REQUESTS, "no room");
    assert_int_equal(queue.closed, 0);
    lambda_close(lambda);
    assert_int_equal(queue.closed, 1);
}

static void redrives_take_and_give_back(void **state)
{
    (void)state;
    small_queue queue = {0};
    lambda_t *lambda = open_dead(&queue);
    static taker into;
    assert_ok(lambda, redrive(lambda, "dead", 9, &into, 9));
    assert_int_equal(into.taken, 0);
    for (int i = 1; i <= 5; i++)
        assert_ok(lambda, deliver_number(lambda, "dead", i));
    assert_ok(lambda, redrive(lambda, "dead", 2, &into, 9));
    assert_string_equal(into.text, TAKEN("1") TAKEN("2"));
    assert_int_equal(queue.visible_ns, UINT64_C(60000000000));
    assert_queue(&queue, LINE("3") "\n" LINE("4") "\n" LINE("5") "\n");
    assert_fails(lambda, redrive(lambda, "dead", 9, &into, 1), LAMBDA_ERROR_TOO_MANY_REQUESTS, "enough");
    assert_string_equal(into.text, TAKEN("3"));
    assert_queue(&queue, LINE("4") "\n" LINE("5") "\n");
    assert_ok(lambda, redrive(lambda, "dead", UINT64_MAX, &into, 9));
    assert_string_equal(into.text, TAKEN("4") TAKEN("5"));
    assert_queue(&queue, "");
    lambda_close(lambda);
}

static void what_is_no_dead_letter_stays(void **state)
{
    (void)state;
    small_queue queue = {0};
    lambda_t *lambda = open_dead(&queue);
    static taker into;
    push_text(&queue, "no delivery");
    for (int i = 0; i < 40; i++)
        assert_ok(lambda, deliver_record(lambda, "dead", LAMBDA_DELIVERY_ON_SUCCESS, RECORD("Success")));
    assert_ok(lambda, deliver_number(lambda, "dead", 1));
    push_text(&queue, "");
    assert_ok(lambda, deliver_number(lambda, "dead", 2));
    assert_ok(lambda, redrive(lambda, "dead", 1, &into, 9));
    assert_string_equal(into.text, TAKEN("1"));
    assert_ok(lambda, redrive(lambda, "dead", 9, &into, 9));
    assert_string_equal(into.text, TAKEN("2"));
    size_t left = 0;
    for (size_t i = 0; i < queue.count; i++) {
        assert_false(queue.slots[i].text && queue.slots[i].received);
        left += queue.slots[i].text != NULL;
    }
    assert_int_equal(left, 42);
    assert_int_equal(queue.slots[0].state, 7); /* the word is whose it was */
    lambda_close(lambda);
}

static void failures_of_the_queue_are_told(void **state)
{
    (void)state;
    small_queue queue = {0};
    lambda_t *lambda = open_dead(&queue);
    static taker into;
    push_text(&queue, "no delivery");
    assert_ok(lambda, deliver_number(lambda, "dead", 1));
    queue.receive_fails = LAMBDA_ERROR_SERVICE;
    assert_fails(lambda, redrive(lambda, "dead", 9, &into, 9), LAMBDA_ERROR_SERVICE, "no receiving");
    queue.receive_fails = LAMBDA_OK;
    queue.retry_fails = LAMBDA_ERROR_SERVICE;
    assert_fails(lambda, redrive(lambda, "dead", 0, &into, 9), LAMBDA_OK, "");
    assert_fails(lambda, redrive(lambda, "dead", 9, &into, 0), LAMBDA_ERROR_TOO_MANY_REQUESTS, "");
    queue.slots[0].received = queue.slots[1].received = false;
    queue.retry_fails = LAMBDA_OK;
    queue.acknowledge_fails = LAMBDA_ERROR_SERVICE;
    assert_fails(lambda, redrive(lambda, "dead", 9, &into, 9), LAMBDA_ERROR_SERVICE, "no ending");
    assert_int_equal(into.taken, 1);
    queue.slots[1].received = false;
    /* A taker that was too slow is no failure: at least once is what is promised. */
    queue.acknowledge_fails = LAMBDA_ERROR_RESOURCE_NOT_FOUND;
    queue.retry_fails = LAMBDA_ERROR_RESOURCE_NOT_FOUND;
    assert_ok(lambda, redrive(lambda, "dead", 9, &into, 9));
    assert_int_equal(into.taken, 1);
    queue.slots[0].received = false;
    queue.retry_fails = LAMBDA_ERROR_SERVICE;
    assert_fails(lambda, redrive(lambda, "dead", 9, &into, 9), LAMBDA_ERROR_SERVICE, "no retrying");
    lambda_close(lambda);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    small_queue queue = {0};
    lambda_t *lambda = test_open(NULL);
    lambda_queue port = port_of(&queue);
    assert_fails(NULL, lambda_destination_register_queue(NULL, "dead", &port), INVALID, "lambda");
    assert_fails(lambda, lambda_destination_register_queue(lambda, NULL, &port), INVALID, "name");
    assert_fails(lambda, lambda_destination_register_queue(lambda, "", &port), INVALID, "name");
    assert_fails(lambda, lambda_destination_register_queue(lambda, "dead", NULL), INVALID, "queue");
    const lambda_queue none = {0};
    assert_fails(lambda, lambda_destination_register_queue(lambda, "dead", &none), INVALID, "push");
    port.receive = NULL;
    assert_fails(lambda, lambda_destination_register_queue(lambda, "dead", &port), INVALID, "receive");
    port = port_of(&queue);
    port.acknowledge = NULL;
    assert_fails(lambda, lambda_destination_register_queue(lambda, "dead", &port), INVALID, "acknowledge");
    port = port_of(&queue);
    port.retry = NULL;
    assert_fails(lambda, lambda_destination_register_queue(lambda, "dead", &port), INVALID, "retry");
    port = port_of(&queue);
    assert_int_equal(queue.attached, 0);
    queue.attach_fails = LAMBDA_ERROR_SERVICE;
    assert_fails(lambda, lambda_destination_register_queue(lambda, "dead", &port), LAMBDA_ERROR_SERVICE,
                 "no attaching");
    assert_null(lambda__destination_find(lambda, "dead"));
    queue.attach_fails = LAMBDA_OK;
    assert_ok(lambda, lambda_destination_register_queue(lambda, "dead", &port));
    assert_int_equal(queue.attached, 2);
    /* A queue whose name is taken is not even attached: it can be given under another one. */
    small_queue other = {0};
    lambda_queue simple = port_of(&other);
    assert_fails(lambda, lambda_destination_register_queue(lambda, "dead", &simple), LAMBDA_ERROR_RESOURCE_CONFLICT,
                 "dead");
    assert_int_equal(other.attached, 0);
    simple.attach = NULL;
    simple.close = NULL;
    assert_ok(lambda, lambda_destination_register_queue(lambda, "simple", &simple));
    lambda_close(lambda);
    assert_int_equal(queue.closed, 1);
    assert_int_equal(other.closed, 0);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 100);
        test_memory memory = {0};
        small_queue queue = {0};
        const lambda_queue port = port_of(&queue);
        lambda_t *lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory)});
        static taker into;
        memory.requests = 0;
        memory.fail_at = nth;
        lambda_status status = lambda_destination_register_queue(lambda, "dead", &port);
        if (status == LAMBDA_OK) status = deliver_number(lambda, "dead", 1);
        if (status == LAMBDA_OK) push_text(&queue, "no delivery");
        if (status == LAMBDA_OK) status = redrive(lambda, "dead", 9, &into, 9);
        succeeded = memory.requests < nth;
        memory.fail_at = 0;
        assert_int_equal(status, succeeded ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
        if (succeeded) assert_int_equal(into.taken, 1);
        for (size_t i = 0; i < queue.count; i++)
            assert_false(queue.slots[i].text && queue.slots[i].received);
        lambda_close(lambda);
        assert_int_equal(memory.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_the_lines_of_a_file), cmocka_unit_test(redrives_take_and_give_back),
        cmocka_unit_test(what_is_no_dead_letter_stays),     cmocka_unit_test(failures_of_the_queue_are_told),
        cmocka_unit_test(what_makes_no_sense_is_refused),   cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
