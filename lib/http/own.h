/*
 * Operations of libλ's own, for what AWS does in other services: queued events, metrics, traces and logs. Their paths begin with "/liblambda/", which no path of AWS's does, and their actions with "liblambda:".
 */
#ifndef LAMBDA_HTTP_OWN_H
#define LAMBDA_HTTP_OWN_H

/* clang-format off */
#define LAMBDA__OWN_OPERATIONS(BUILT) \
    BUILT(GetFunctionMetrics, get_function_metrics, "GET", "/liblambda/metrics", 200) \
    BUILT(GetLogLines, get_log_lines, "GET", "/liblambda/logs", 200) \
    BUILT(ListQueuedEvents, list_queued_events, "GET", "/liblambda/queue", 200) \
    BUILT(ListTraceDocuments, list_trace_documents, "GET", "/liblambda/traces", 200) \
    BUILT(PurgeQueuedEvents, purge_queued_events, "DELETE", "/liblambda/queue", 200) \
    BUILT(RedriveQueuedEvents, redrive_queued_events, "POST", "/liblambda/queue/redrive", 200) \
    BUILT(WaitForQueuedEvents, wait_for_queued_events, "POST", "/liblambda/queue/wait", 200)
/* clang-format on */

#endif
