/* The queue in memory, run through the tests of all queues. */
#include "conformance.h"
#include "support.h"

static bool make(void *user, uint64_t max_messages, lambda_queue *queue)
{
    (void)user;
    return lambda_queue_memory_open(&(lambda_queue_memory_options){.max_messages = max_messages}, queue) == LAMBDA_OK;
}

int main(void)
{
    return queue_conformance(&(queue_maker){.name = "memory", .open = make});
}
