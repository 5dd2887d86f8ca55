/* A log whose tail is torn: all that was accepted before the tear is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "faulty_vfs.h"
#include "file_fixture.h"

enum { STEPS = 150 };

/** One step of the run, and where the log ended after it. */
typedef struct step {
    bool push;
    uint32_t number;
    off_t end;
} step;

static off_t size_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

/** Pushes and acknowledges, and leaves the log behind. */
static void run(file_fixture *f, const char *log, step *steps)
{
    static file_ledger ledger;
    memset(&ledger, 0, sizeof(ledger));
    uint32_t pushed = 0;
    uint32_t ended = 0;
    assert_ok(NULL, file_open(f));
    for (int i = 0; i < STEPS; i++) {
        bool push = i % 3 != 2;
        if (push)
            assert_ok(NULL, ledger_push(&ledger, f, pushed, 8 + (size_t)i * 40));
        else
            assert_int_equal(ledger_acknowledge(&ledger, f, 1), 1);
        steps[i] = (step){.push = push, .number = push ? pushed++ : ended++, .end = size_of(log)};
        /* Nothing was written back yet: the log has only grown. */
        if (i > 0) assert_true(steps[i].end > steps[i - 1].end);
    }
    faulty_arm(1, 1000000);
    file_close(f);
    faulty_reset();
}

/** What must be there if the log is good up to `good`. */
static void expect_up_to(file_ledger *ledger, const step *steps, off_t good)
{
    memset(ledger, 0, sizeof(*ledger));
    for (int i = 0; i < STEPS; i++) {
        bool sure = steps[i].end <= good;
        unsigned char *entry = &ledger->entries[steps[i].number];
        if (steps[i].push)
            *entry = sure ? LEDGER_ACCEPTED : LEDGER_REFUSED;
        else
            *entry = sure ? LEDGER_DONE : LEDGER_UNSURE;
    }
    /* A push that is unsure and whose acknowledgement is unsure may be there; one that was sure before must be unless it was ended. */
    for (int i = 0; i < STEPS; i++)
        if (!steps[i].push && steps[i].end > good) {
            bool accepted = false;
            for (int j = 0; j < i; j++)
                if (steps[j].push && steps[j].number == steps[i].number) accepted = steps[j].end <= good;
            if (accepted) ledger->entries[steps[i].number] = LEDGER_ACCEPTED;
        }
}

static void torn_tails(void **state)
{
    (void)state;
    file_fixture f;
    static step steps[STEPS];
    static file_ledger ledger;
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    faulty_reset();
    char log[128];
    snprintf(log, sizeof(log), "%s-wal", f.path);
    run(&f, log, steps);
    size_t base_length;
    size_t log_length;
    unsigned char *base = file_read(f.path, &base_length);
    unsigned char *good = file_read(log, &log_length);
    unsigned char *bad = malloc(log_length);
    assert_int_equal(log_length, steps[STEPS - 1].end);
    test_random random = {.state = 3};
    lambda_random port = test_random_port(&random);
    for (int round = 0; round < 300; round++) {
        size_t at = (size_t)(port.next(port.user) % (log_length + 1));
        /* Every third one tears exactly between two steps, or a byte beside it. */
        if (round % 3 == 0) at = (size_t)steps[port.next(port.user) % STEPS].end - (size_t)(round % 2);
        size_t length = log_length;
        memcpy(bad, good, log_length);
        if (round % 2) {
            for (size_t i = at; i < log_length; i++)
                bad[i] ^= (unsigned char)(1 + port.next(port.user) % 255);
        } else {
            length = at;
        }
        file_write(f.path, base, base_length);
        file_write(log, bad, length);
        assert_ok(NULL, file_open(&f));
        expect_up_to(&ledger, steps, (off_t)at);
        ledger_check(&ledger, &f);
        assert_ok(NULL, ledger_push(&ledger, &f, 1000, 500));
        file_close(&f);
        assert_ok(NULL, file_open(&f));
        ledger_check(&ledger, &f);
        file_close(&f);
    }
    free(base);
    free(good);
    free(bad);
    file_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(torn_tails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
