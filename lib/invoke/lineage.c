/* What led to an invocation that is run apart from those: how often each function did. */
#include "invoke/invoke.h"

void lambda__lineage_count(lambda__origin *origin, uint64_t function, uint64_t times)
{
    uint32_t least = 0;
    for (uint32_t i = 0; i < origin->count; i++) {
        if (origin->lineage[i].function == function) {
            origin->lineage[i].times += times;
            return;
        }
        if (origin->lineage[i].times < origin->lineage[least].times) least = i;
    }
    if (origin->count < LAMBDA__LINEAGE_MAX) least = origin->count++;
    origin->lineage[least] = (lambda__ancestor){.function = function, .times = times};
}

void lambda__lineage_find(const lambda__thread *thread, lambda__origin *origin)
{
    origin->count = 0;
    for (const lambda__chain *each = thread->chain; each; each = each->parent) {
        if (each->function != LAMBDA__ORIGIN) {
            lambda__lineage_count(origin, each->function, 1);
            continue;
        }
        const lambda__origin *first = (const lambda__origin *)(const void *)each;
        for (uint32_t i = 0; i < first->count; i++)
            lambda__lineage_count(origin, first->lineage[i].function, first->lineage[i].times);
    }
}
