/* A disk that fails or is full: what was accepted is there, what was refused says why, and it works again afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faulty_vfs.h"
#include "file_fixture.h"

/** What a run has seen of its disk. */
typedef struct outcome {
    int refused;
    bool explained;
} outcome;

static void see(outcome *so_far, file_fixture *f, lambda_status status)
{
    if (status == LAMBDA_OK) return;
    so_far->refused++;
    const char *message = lambda_error_message(NULL);
    assert_int_equal(status, LAMBDA_ERROR_SERVICE);
    if (strstr(message, f->path) && (strstr(message, "disk") || strstr(message, "room"))) so_far->explained = true;
    if (!so_far->explained) fail_msg("the message does not say why: %s", message);
}

/** Retries one message that is received, and receives it again. */
static void retry_one(file_ledger *ledger, file_fixture *f, outcome *so_far)
{
    lambda_queue_message message;
    size_t count = 0;
    see(so_far, f, f->queue.receive(f->queue.user, &message, 1, LAMBDA_QUEUE_FOREVER, &count));
    if (count == 0) return;
    lambda_status status = f->queue.retry(f->queue.user, &message, 77, 0);
    see(so_far, f, status);
    /* Where it failed it is the receiver's still. */
    if (status != LAMBDA_OK) assert_ok(NULL, f->queue.extend(f->queue.user, &message, 1, 0));
    (void)ledger;
}

/** Pushes, acknowledges and retries; `large` is the size of every eighth body. */
static outcome work(file_ledger *ledger, file_fixture *f, uint32_t first, uint32_t count, size_t large)
{
    outcome so_far = {0};
    for (uint32_t i = 0; i < count; i++) {
        see(&so_far, f, ledger_push(ledger, f, first + i, i % 8 == 7 ? large : 8 + i));
        if (i % 3 == 2) ledger_acknowledge(ledger, f, 2);
        if (i % 5 == 4) retry_one(ledger, f, &so_far);
    }
    return so_far;
}

/** One run with a disk of which the `at`th change fails, and `many` - 1 after it. False: it was never asked for so many. */
static bool run_with_fault(file_fixture *f, long at, long many, uint32_t count, size_t large)
{
    static file_ledger ledger;
    memset(&ledger, 0, sizeof(ledger));
    faulty_reset();
    assert_ok(NULL, file_open(f));
    faulty_arm(at, many);
    work(&ledger, f, 0, count, large);
    bool struck = faulty.failures > 0;
    faulty_arm(-1, 0);
    faulty.fail_at = 0;
    /* The same queue, as if nothing had been. */
    ledger_check(&ledger, f);
    assert_int_equal(work(&ledger, f, count, 10, 20).refused, 0);
    ledger_check(&ledger, f);
    file_close(f);
    assert_ok(NULL, file_open(f));
    ledger_check(&ledger, f);
    file_close(f);
    file_remove(f);
    return struck;
}

static void each_change_fails_in_turn(void **state)
{
    (void)state;
    file_fixture f;
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    for (int durability = 0; durability < 2; durability++) {
        f.options.durability = (lambda_durability)durability;
        for (long many = 1; many <= 7; many += 6)
            for (long at = 1; run_with_fault(&f, at, many, 16, 9000); at++)
                assert_true(at < 2000);
    }
    file_fixture_end(&f);
}

/** Bodies large enough that the log is written back to the file meanwhile: some of its changes. */
static void changes_of_a_checkpoint_fail(void **state)
{
    (void)state;
    file_fixture f;
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    long step = 131;
    for (long at = 7; run_with_fault(&f, at, at % 2 ? 1 : 40, 80, 600000); at += step)
        assert_true(at < 100000);
    file_fixture_end(&f);
}

static void a_disk_that_fails_for_long(void **state)
{
    (void)state;
    file_fixture f;
    static file_ledger ledger;
    memset(&ledger, 0, sizeof(ledger));
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    faulty_reset();
    assert_ok(NULL, file_open(&f));
    work(&ledger, &f, 0, 20, 5000);
    faulty_arm(1, 1000000);
    outcome broken = work(&ledger, &f, 20, 20, 5000);
    assert_true(broken.refused >= 20);
    /* Closing cannot write either, and must not lose what was there before. */
    file_close(&f);
    faulty_reset();
    assert_ok(NULL, file_open(&f));
    ledger_check(&ledger, &f);
    assert_int_equal(work(&ledger, &f, 40, 20, 5000).refused, 0);
    ledger_check(&ledger, &f);
    file_fixture_end(&f);
}

static void a_disk_is_full(void **state)
{
    (void)state;
    file_fixture f;
    static file_ledger ledger;
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    for (int64_t room = 20000; room < 300000; room += 3517) {
        memset(&ledger, 0, sizeof(ledger));
        faulty_reset();
        assert_ok(NULL, file_open(&f));
        faulty.room = room;
        outcome so_far = work(&ledger, &f, 0, 40, 6000);
        assert_true(so_far.refused > 0 || faulty.failures == 0);
        ledger_check(&ledger, &f);
        faulty.room = 0;
        assert_int_equal(work(&ledger, &f, 100, 10, 6000).refused, 0);
        ledger_check(&ledger, &f);
        faulty.room = room;
        file_close(&f);
        faulty.room = 0;
        assert_ok(NULL, file_open(&f));
        ledger_check(&ledger, &f);
        file_close(&f);
        file_remove(&f);
    }
    file_fixture_end(&f);
}

/** Opening a new file, and opening one that was left in the middle: refused for a reason, or it works. */
static void opening_meets_a_fault(void **state)
{
    (void)state;
    file_fixture f;
    static file_ledger ledger;
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    bool struck = true;
    for (long at = 1; struck; at++) {
        assert_true(at < 1000);
        memset(&ledger, 0, sizeof(ledger));
        faulty_reset();
        faulty_arm(at, 1);
        lambda_status status = file_open(&f);
        if (status != LAMBDA_OK) {
            assert_int_equal(status, LAMBDA_ERROR_SERVICE);
            assert_non_null(strstr(lambda_error_message(NULL), f.path));
            faulty_reset();
            assert_ok(NULL, file_open(&f));
        }
        struck = faulty.failures > 0 || status != LAMBDA_OK;
        faulty_reset();
        assert_int_equal(work(&ledger, &f, 0, 10, 5000).refused, 0);
        /* Its log is left behind, and read at the next open. */
        faulty_arm(1, 1000000);
        file_close(&f);
        faulty_reset();
        faulty_arm(at, 1);
        if (file_open(&f) != LAMBDA_OK) {
            faulty_reset();
            assert_ok(NULL, file_open(&f));
        }
        faulty_reset();
        ledger_check(&ledger, &f);
        file_close(&f);
        file_remove(&f);
    }
    file_fixture_end(&f);
}

static void a_refused_purge_changes_nothing(void **state)
{
    (void)state;
    file_fixture f;
    static file_ledger ledger;
    memset(&ledger, 0, sizeof(ledger));
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    faulty_reset();
    assert_ok(NULL, file_open(&f));
    for (uint32_t i = 0; i < 600; i++)
        assert_ok(NULL, ledger_push(&ledger, &f, i, 30));
    /* One that waits again after its visibility was over is among them. */
    lambda_queue_message message;
    size_t count;
    assert_ok(NULL, f.queue.receive(f.queue.user, &message, 1, 0, &count));
    uint64_t purged = 77;
    faulty_arm(1, 1);
    assert_fails(NULL, f.queue.purge(f.queue.user, NULL, NULL, &purged), LAMBDA_ERROR_SERVICE, "disk");
    assert_int_equal(purged, 0);
    faulty_reset();
    ledger_check(&ledger, &f);
    while (ledger_acknowledge(&ledger, &f, 32) > 0) {
    }
    memset(ledger.entries, LEDGER_DONE, 600);
    ledger_check(&ledger, &f);
    file_fixture_end(&f);
}

static void a_refused_store_changes_nothing(void **state)
{
    (void)state;
    file_fixture f;
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    faulty_reset();
    assert_ok(NULL, file_open(&f));
    lambda_store_change change = {.kind = "function", .name = "one", .value = lambda_bytes_make("first", 5)};
    assert_ok(NULL, f.store.write(f.store.user, &change, 1));
    change.value = lambda_bytes_make("second", 6);
    faulty_arm(1, 1);
    assert_fails(NULL, f.store.write(f.store.user, &change, 1), LAMBDA_ERROR_SERVICE, "disk");
    faulty_reset();
    assert_ok(NULL, f.store.write(f.store.user, &change, 1));
    file_fixture_end(&f);
}

/** Syncs during a push. */
static long syncs_of_push(file_ledger *ledger, file_fixture *f, uint32_t number)
{
    long before = faulty.syncs;
    assert_ok(NULL, ledger_push(ledger, f, number, 30));
    return faulty.syncs - before;
}

/** Loss of power is outlived by what was synced, and by nothing else. */
static void what_is_accepted_is_synced_as_it_was_asked_for(void **state)
{
    (void)state;
    file_fixture f;
    static file_ledger ledger;
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    for (int durability = 0; durability < 2; durability++) {
        bool full = durability == LAMBDA_DURABILITY_FULL;
        memset(&ledger, 0, sizeof(ledger));
        faulty_reset();
        f.options.durability = (lambda_durability)durability;
        /* The second time the file is there already. */
        for (uint32_t opened = 0; opened < 2; opened++) {
            assert_ok(NULL, file_open(&f));
            /* The log's own head is written, and synced, once. */
            assert_true(syncs_of_push(&ledger, &f, opened * 50) >= full);
            for (uint32_t i = 1; i < 20; i++) {
                long syncs = syncs_of_push(&ledger, &f, opened * 50 + i);
                if (full ? syncs < 1 : syncs > 0) fail_msg("push %u came with %ld syncs", i, syncs);
            }
            /* An end is as safe as a push; and so is a change of a function. */
            long before = faulty.syncs;
            assert_int_equal(ledger_acknowledge(&ledger, &f, 1), 1);
            assert_true(full ? faulty.syncs > before : faulty.syncs == before);
            before = faulty.syncs;
            lambda_store_change change = {.kind = "function", .name = "f", .value = lambda_bytes_make("1", 1)};
            assert_ok(NULL, f.store.write(f.store.user, &change, 1));
            assert_true(full ? faulty.syncs > before : faulty.syncs == before);
            file_close(&f);
        }
        file_remove(&f);
    }
    file_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_fails_in_turn),
        cmocka_unit_test(changes_of_a_checkpoint_fail),
        cmocka_unit_test(a_disk_that_fails_for_long),
        cmocka_unit_test(a_disk_is_full),
        cmocka_unit_test(opening_meets_a_fault),
        cmocka_unit_test(a_refused_store_changes_nothing),
        cmocka_unit_test(a_refused_purge_changes_nothing),
        cmocka_unit_test(what_is_accepted_is_synced_as_it_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
