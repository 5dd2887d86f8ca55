/* The service above a queue that fails, hides, is shared, or holds what is no event: nothing is lost, and nobody told too early. */
#include <stdatomic.h>
#include <string.h>

#include "async/message.h"
#include "async_world.h"
#include "wrapped_queue.h"

static void open_over(world *w, wrapped_queue *queue, bool shared)
{
    wrapped_open(queue);
    lambda_options options = {.async_workers = 1, .queue = wrapped_port(queue)};
    options.queue.shared = shared;
    open_with(w, &options);
    test_create(w->lambda, "f", note, w);
}

/* ---- a queue that fails for a while */

typedef struct told_when {
    world *w;
    wrapped_queue *queue;
    uint32_t times;
    uint32_t kept; /* by then */
    uint64_t at;
} told_when;

static void note_when(void *user, const lambda_async_outcome *outcome)
{
    told_when *when = user;
    told(when->w, outcome);
    when->times++;
    when->kept = atomic_load(&when->queue->kept);
    when->at = lambda_clock_virtual_now(when->w->clock);
}

static void nobody_is_told_before_the_end_is_kept(void **state)
{
    (void)state;
    /* A success, and a failure that has no attempt left. */
    for (uint32_t failures = 0; failures < 2; failures++) {
        world w;
        wrapped_queue queue;
        open_over(&w, &queue, false);
        w.failures = failures;
        lambda_event_invoke_config config = {.maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS};
        assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
        told_when when = {.w = &w, .queue = &queue};
        lambda_async_options options = {.callback = note_when, .user = &when};
        atomic_store(&queue.fail_acknowledges, 5);
        assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), &options, NULL));
        lambda_clock_virtual_step(w.clock, 60 * SECOND);
        /* It ran once, and was kept at the sixth try; between them some time has passed. */
        assert_int_equal(w.runs, 1);
        assert_int_equal(atomic_load(&queue.acknowledges), 6);
        assert_int_equal(atomic_load(&queue.kept), 1);
        assert_int_equal(when.times, 1);
        assert_int_equal(when.kept, 1);
        assert_true(when.at > 0);
        assert_int_equal(w.outcome.condition, failures ? LAMBDA_ASYNC_RETRIES_EXHAUSTED : LAMBDA_ASYNC_SUCCESS);
        assert_int_equal(statistics(&w).running, 0);
        close_world(&w);
        assert_int_equal(when.times, 1);
    }
}

static void an_end_that_nobody_waits_for_is_kept_too(void **state)
{
    (void)state;
    world w;
    wrapped_queue queue;
    open_over(&w, &queue, false);
    atomic_store(&queue.fail_acknowledges, 40);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    lambda_clock_virtual_step(w.clock, 600 * SECOND);
    assert_int_equal(w.runs, 1);
    assert_int_equal(atomic_load(&queue.kept), 1);
    assert_int_equal(statistics(&w).succeeded, 1);
    assert_int_equal(statistics(&w).running, 0);
    close_world(&w);
}

static void an_attempt_that_cannot_be_noted_is_tried_until_it_is(void **state)
{
    (void)state;
    world w;
    wrapped_queue queue;
    open_over(&w, &queue, false);
    w.failures = 1;
    atomic_store(&queue.fail_retries, 40);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    lambda_clock_virtual_step(w.clock, 600 * SECOND);
    assert_int_equal(atomic_load(&queue.retries), 41);
    assert_int_equal(w.runs, 2);
    assert_int_equal(statistics(&w).succeeded, 1);
    close_world(&w);
}

static void a_receive_that_failed_is_tried_again(void **state)
{
    (void)state;
    world w;
    wrapped_queue queue;
    open_over(&w, &queue, false);
    atomic_store(&queue.fail_receives, 3);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    lambda_clock_virtual_step(w.clock, 2 * SECOND + SECOND / 2);
    assert_int_equal(w.runs, 0);
    assert_int_equal(statistics(&w).waiting, 1);
    /* A second each time; and each is said. */
    lambda_clock_virtual_step(w.clock, SECOND);
    assert_int_equal(w.runs, 1);
    assert_int_equal(lambda_test_log_count(w.log, "nothing could be received from the queue"), 3);
    assert_int_equal(statistics(&w).succeeded, 1);
    close_world(&w);
}

/* ---- an executor that fails for a while */

typedef struct reluctant {
    lambda_executor real;
    uint32_t failures;
} reluctant;

static lambda_status start_reluctantly(void *user, void (*work)(void *argument), void *argument)
{
    reluctant *executor = user;
    if (executor->failures == 0) return executor->real.start(executor->real.user, work, argument);
    executor->failures--;
    return LAMBDA_ERROR_SERVICE;
}

static void help_as_ever(void *user, uint64_t until)
{
    const reluctant *executor = user;
    executor->real.help(executor->real.user, until);
}

static void a_piece_of_work_that_was_refused_is_started_again(void **state)
{
    (void)state;
    world w = {0};
    reluctant executor = {.failures = 3};
    lambda_options options = {.async_workers = 1};
    assert_int_equal(lambda_clock_virtual_open(7, 0, &w.clock), LAMBDA_OK);
    lambda_clock_virtual_options(w.clock, &options);
    executor.real = options.executor;
    options.executor = (lambda_executor){
        .kind = LAMBDA_EXECUTOR_HOST, .start = start_reluctantly, .help = help_as_ever, .user = &executor};
    w.lambda = test_open(&options);
    test_create(w.lambda, "f", note, &w);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    lambda_clock_virtual_step(w.clock, 2 * SECOND + SECOND / 2);
    assert_int_equal(w.runs, 0);
    lambda_clock_virtual_step(w.clock, SECOND);
    assert_int_equal(w.runs, 1);
    assert_int_equal(statistics(&w).succeeded, 1);
    assert_int_equal(lambda_close(w.lambda), 0);
    lambda_clock_virtual_close(w.clock);
}

/* ---- a queue that others have too */

static void what_others_push_is_received(void **state)
{
    (void)state;
    world w;
    wrapped_queue queue;
    open_over(&w, &queue, true);
    /* As if it were pushed elsewhere: nobody here knows of it until the queue says so. */
    atomic_store(&queue.hidden, true);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    lambda_clock_virtual_step(w.clock, 60 * SECOND);
    atomic_store(&queue.hidden, false);
    lambda_clock_virtual_step(w.clock, 60 * SECOND);
    assert_int_equal(w.runs, 0);
    wrapped_ready(&queue);
    lambda_clock_virtual_step(w.clock, 0);
    assert_int_equal(w.runs, 1);
    close_world(&w);
}

static void visibility_is_finite_where_others_receive(void **state)
{
    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        world w;
        wrapped_queue queue;
        open_over(&w, &queue, shared);
        assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
        lambda_clock_virtual_step(w.clock, SECOND);
        assert_int_equal(w.runs, 1);
        /* 20 minutes: longer than any handler may take. */
        if (shared)
            assert_int_equal(atomic_load(&queue.visible_ns), 1200 * SECOND);
        else
            assert_true(atomic_load(&queue.visible_ns) == LAMBDA_QUEUE_FOREVER);
        close_world(&w);
    }
}

/** Its visibility is over: somebody else has it, and ends it. */
static void what_is_no_longer_ours_is_left_to_others(void **state)
{
    (void)state;
    for (uint32_t failures = 0; failures < 2; failures++) {
        world w;
        wrapped_queue queue;
        open_over(&w, &queue, true);
        w.failures = failures;
        queue.failure = LAMBDA_ERROR_RESOURCE_NOT_FOUND;
        atomic_store(&queue.fail_acknowledges, 1);
        atomic_store(&queue.fail_retries, 1);
        assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
        lambda_clock_virtual_step(w.clock, 30 * SECOND);
        assert_int_equal(w.runs, 1);
        /* Said once, not again and again. */
        assert_int_equal(atomic_load(&queue.acknowledges), failures ? 0 : 1);
        assert_int_equal(atomic_load(&queue.retries), failures ? 1 : 0);
        assert_int_equal(lambda_test_log_count(w.log, "could not be kept"), 0);
        close_world(&w);
    }
}

/* ---- messages that are no events */

enum { LARGE = 4096 };

/** A whole message of an event for "f"; its length. The change is what makes it none. */
static size_t make_message(char bytes[LARGE], void (*change)(lambda__message_head *head), size_t more, size_t less)
{
    lambda__event_message message = {.name = {.function = "f", .function_length = 1},
                                     .trace_id = "Root=1",
                                     .client_context = LAMBDA_JSON("{}"),
                                     .payload = LAMBDA_JSON("\"damaged\"")};
    lambda_bytes parts[LAMBDA__MESSAGE_PARTS];
    size_t count = lambda__message_parts(&message, parts);
    size_t length = 0;
    if (change) change(&message.head);
    for (size_t i = 0; i < count; i++) {
        memcpy(bytes + length, parts[i].data, parts[i].length);
        length += parts[i].length;
    }
    memset(bytes + length, 0, more);
    return length + more - less;
}

static void newer(lambda__message_head *head)
{
    head->version++;
}

static void nameless(lambda__message_head *head)
{
    head->payload_length += head->name_length;
    head->name_length = 0;
}

static void of_unknown_condition(lambda__message_head *head)
{
    head->condition = LAMBDA_ASYNC_CLOSED + 1;
}

/** The header then ends within the client context, which has no NUL. */
static void with_open_trace(lambda__message_head *head)
{
    head->trace_length++;
    head->context_length--;
}

static void what_is_no_event_is_dropped_and_counted(void **state)
{
    (void)state;
    static const struct {
        void (*change)(lambda__message_head *head);
        size_t more;
        size_t less;
    } damages[] = {
        {NULL, 1, 0},
        {NULL, LARGE / 2, 0},
        {NULL, 0, 1},
        {NULL, 0, 20},
        {newer, 0, 0},
        {nameless, 0, 0},
        {with_open_trace, 0, 0},
        {of_unknown_condition, 0, 0},
    };
    world w;
    wrapped_queue queue;
    char bytes[LARGE];
    open_over(&w, &queue, true);
    const uint32_t count = sizeof(damages) / sizeof(damages[0]);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("\"first\""), NULL, NULL));
    for (uint32_t i = 0; i < count; i++)
        wrapped_push(&queue, bytes, make_message(bytes, damages[i].change, damages[i].more, damages[i].less));
    wrapped_push(&queue, bytes, 1);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("\"last\""), NULL, NULL));
    lambda_clock_virtual_step(w.clock, SECOND);
    assert_int_equal(statistics(&w).dropped_damaged, count + 1);
    assert_int_equal(lambda_test_log_count(w.log, "in the queue of events is none, and was dropped"), count + 1);
    /* Those before and after them are as ever, and nothing is left. */
    assert_int_equal(w.runs, 2);
    assert_string_equal(w.seen, "\"last\"");
    assert_int_equal(statistics(&w).succeeded, 2);
    assert_int_equal(statistics(&w).waiting + statistics(&w).running, 0);
    assert_int_equal(atomic_load(&queue.kept), count + 3);
    /* Unchanged it is an event as any other: it is the change that was found. */
    wrapped_push(&queue, bytes, make_message(bytes, NULL, 0, 0));
    wrapped_ready(&queue);
    lambda_clock_virtual_step(w.clock, SECOND);
    assert_int_equal(w.runs, 3);
    assert_string_equal(w.seen, "\"damaged\"");
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_told_before_the_end_is_kept),
        cmocka_unit_test(an_end_that_nobody_waits_for_is_kept_too),
        cmocka_unit_test(an_attempt_that_cannot_be_noted_is_tried_until_it_is),
        cmocka_unit_test(a_receive_that_failed_is_tried_again),
        cmocka_unit_test(a_piece_of_work_that_was_refused_is_started_again),
        cmocka_unit_test(what_others_push_is_received),
        cmocka_unit_test(visibility_is_finite_where_others_receive),
        cmocka_unit_test(what_is_no_longer_ours_is_left_to_others),
        cmocka_unit_test(what_is_no_event_is_dropped_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
