#include "base/agenda.h"

#include "base/executor.h"

/* `agenda_mutex` guards the list, `due` and `scheduled`; `agenda_next` is written under it and read without. */

static void publish_next(lambda__base *base)
{
    uint64_t next = base->agenda ? base->agenda->due : UINT64_MAX;
    atomic_store_explicit(&base->agenda_next, next, memory_order_release);
}

static void take_out(lambda__base *base, lambda__task *task)
{
    lambda__task **link = &base->agenda;
    while (*link != task)
        link = &(*link)->next;
    *link = task->next;
    task->scheduled = false;
}

void lambda__agenda_schedule(lambda__base *base, lambda__task *task, uint64_t due)
{
    pthread_mutex_lock(&base->agenda_mutex);
    bool sooner = !task->scheduled || due < task->due;
    if (sooner) {
        if (task->scheduled) take_out(base, task);
        lambda__task **link = &base->agenda;
        /* Equal times run in the order in which they were asked for. */
        while (*link && (*link)->due <= due)
            link = &(*link)->next;
        task->due = due;
        task->next = *link;
        task->scheduled = true;
        *link = task;
        publish_next(base);
    }
    bool first = sooner && base->agenda == task;
    pthread_mutex_unlock(&base->agenda_mutex);
    if (first) lambda__keeper_tell(base);
}

bool lambda__agenda_run(lambda__base *base, uint64_t now)
{
    if (LAMBDA__LIKELY(now < lambda__agenda_next(base))) return false;
    pthread_mutex_lock(&base->agenda_mutex);
    lambda__task *task = base->agenda;
    bool due = task && task->due <= now;
    if (due) {
        take_out(base, task);
        publish_next(base);
    }
    pthread_mutex_unlock(&base->agenda_mutex);
    if (due) task->run(base, task);
    return due;
}
