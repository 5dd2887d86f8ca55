/* Invocations that want more than an answer: the end of their log, or the response in parts. Apart, so that no other pays for it. */
#include "environment/worker.h"
#include "invoke/invoke.h"

/** In the function's own handler's place: runs that, and ends the stream while the invocation's time still counts. */
static lambda_status handle(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    lambda_status status = response->stream->handler(event, context, response);
    bool late = lambda__now(&context->lambda->base) - context->start > context->timeout_ns;
    lambda__stream_end(response, status, late);
    return status;
}

void lambda__special_begin(const lambda__invocation *invocation, lambda__environment *environment, lambda__stream *room)
{
    const lambda_response_stream *to = invocation->options->stream;
    if (lambda__invocation_wants_tail(invocation)) lambda__result_open_tail(invocation, environment);
    if (!to) return;
    /* A handler that its caller leaves still has a stream to write to, which says that nobody reads it. */
    lambda__stream *stream = environment->worker ? &environment->worker->stream : room;
    lambda__stream_init(stream, to);
    stream->handler = environment->handler;
    environment->handler = handle;
    environment->response.stream = stream;
    environment->response.limit = 0;
}

void lambda__special_end(const lambda__invocation *invocation, lambda__environment *environment)
{
    lambda__stream *stream = environment->response.stream;
    if (lambda__invocation_wants_tail(invocation)) {
        lambda__result_close_tail(invocation, environment);
        lambda__environment_hear(environment, false);
    }
    if (!stream) return;
    environment->handler = stream->handler;
    environment->response.stream = NULL;
    environment->response.limit = invocation->lambda->limits.response_payload;
}
