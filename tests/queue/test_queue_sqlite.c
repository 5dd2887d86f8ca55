/* The queue in an SQLite file, run through the tests of all queues. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lambda/sqlite.h>

#include "conformance.h"
#include "support.h"

typedef struct sqlite_maker {
    lambda_sqlite_options options;
    lambda_sqlite *file;
    char directory[64];
    char path[96];
} sqlite_maker;

static bool open_file(sqlite_maker *maker, lambda_queue *queue)
{
    if (lambda_sqlite_open(maker->path, &maker->options, &maker->file) != LAMBDA_OK) {
        print_error("%s\n", lambda_error_message(NULL));
        return false;
    }
    lambda_options options = {0};
    lambda_sqlite_use(maker->file, &options);
    *queue = options.queue;
    return true;
}

static bool make(void *user, uint64_t max_messages, lambda_queue *queue)
{
    sqlite_maker *maker = user;
    strcpy(maker->directory, "/tmp/queue-XXXXXX");
    if (!mkdtemp(maker->directory)) return false;
    snprintf(maker->path, sizeof(maker->path), "%s/queue.db", maker->directory);
    maker->options.max_messages = max_messages;
    return open_file(maker, queue);
}

static bool make_again(void *user, lambda_queue *queue)
{
    sqlite_maker *maker = user;
    lambda_sqlite_close(maker->file);
    return open_file(maker, queue);
}

static void end(void *user)
{
    sqlite_maker *maker = user;
    lambda_sqlite_close(maker->file);
    maker->file = NULL;
    /* What is closed is in one file. */
    unlink(maker->path);
    assert_int_equal(rmdir(maker->directory), 0);
}

int main(void)
{
    int failed = 0;
    for (int i = 0; i < 2; i++) {
        sqlite_maker maker = {.options.durability = i ? LAMBDA_DURABILITY_RELAXED : LAMBDA_DURABILITY_FULL};
        failed += queue_conformance(&(queue_maker){.name = i ? "sqlite, relaxed" : "sqlite, full",
                                                   .open = make,
                                                   .reopen = make_again,
                                                   .end = end,
                                                   .user = &maker});
    }
    return failed;
}
