/* The hooks and the handler of an environment: its three phases. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "instance.h"

#define MILLISECOND ((uint64_t)1000000)

/** How much later than the service's clock says that it is over a wait ends all the same: that clock may be one that somebody moves. */
#define LATE_NS (100 * MILLISECOND)

/* Lambda's times of the shutdown phase: with external extensions, of those the runtime's part; and with extensions inside the runtime alone. Without extensions there is none. */
#define SHUTDOWN_NS          (2000 * MILLISECOND)
#define SHUTDOWN_RUNTIME_NS  (300 * MILLISECOND)
#define SHUTDOWN_INTERNAL_NS (500 * MILLISECOND)

static uint64_t wall_ms(uint64_t from_now_ns)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + ((uint64_t)now.tv_nsec + from_now_ns) / MILLISECOND;
}

/** Reads what who has died still said: it stands in sockets and pipes. */
static void read_last_words(lambda__instance *instance)
{
    for (int i = 0; i < 8; i++)
        lambda__loop_run(&instance->loop, 0);
}

static bool somebody_is_dead(const lambda__instance *instance)
{
    bool dead = instance->runtime.ended;
    for (size_t i = 0; i < instance->extensions_count; i++)
        dead = dead || instance->extensions[i].ended;
    return dead;
}

/** Makes a fault of programs that have ended, unless it turns out that what was waited for had happened before. */
static void blame_the_dead(lambda__instance *instance, const bool *reached)
{
    read_last_words(instance);
    if (*reached) return;
    for (size_t i = 0; i < instance->extensions_count; i++)
        if (instance->extensions[i].ended) lambda__instance_extension_exited(instance, &instance->extensions[i]);
    if (instance->runtime.ended) lambda__instance_runtime_exited(instance);
}

lambda__wait lambda__instance_wait(lambda__instance *instance, const bool *reached)
{
    uint64_t left = lambda_context_remaining_ns(instance->context);
    uint64_t now = lambda__loop_now();
    uint64_t last = left < UINT64_MAX - now - LATE_NS ? now + left + LATE_NS : UINT64_MAX;
    for (;;) {
        if (instance->fault[0]) return LAMBDA__WAIT_FAULT;
        if (*reached) return LAMBDA__WAIT_REACHED;
        if (somebody_is_dead(instance)) {
            blame_the_dead(instance, reached);
            continue;
        }
        if (left == 0 || now >= last) return LAMBDA__WAIT_LATE;
        lambda__loop_run(&instance->loop, left < last - now ? now + left : last);
        if (*reached) continue;
        left = lambda_context_remaining_ns(instance->context);
        now = lambda__loop_now();
    }
}

/** Tells how much memory it had, where that is known. */
static void report_memory(const lambda__instance *instance, lambda_context *context)
{
    uint64_t most = instance->sandbox ? lambda__sandbox_max_memory(instance->sandbox) : UINT64_MAX;
    if (most != UINT64_MAX) lambda_context_report_memory(context, most);
}

/* ---- init */

/** Waits for what the init phase waits for; a fault says what did not come. */
static void wait_in_init(lambda__instance *instance, const bool *reached)
{
    if (lambda__instance_wait(instance, reached) != LAMBDA__WAIT_LATE) return;
    lambda__instance_fault(instance, "Sandbox.Timedout", "Task timed out after %.2f seconds",
                           (double)lambda_context_timeout_ms(instance->context) / 1000);
}

static void tell_ready_extensions(lambda__instance *instance)
{
    for (size_t i = 0; i < instance->extensions_count; i++)
        lambda__event_extension(instance, &instance->extensions[i], "Ready", NULL);
}

/** What the host has allowed to be left away, and is: once in the log of each environment. */
static void tell_left_away(const lambda__instance *instance)
{
    const lambda_process_limits *limits = lambda__sandboxes_limits(instance->code->process->sandboxes);
    const struct {
        const char *name;
        lambda_process_mechanism mechanism;
    } all[] = {{"memory", limits->memory},    {"cpu", limits->cpu},     {"processes", limits->processes},
               {"storage", limits->storage},  {"paths", limits->paths}, {"freeze", limits->freeze},
               {"identity", limits->identity}};
    char names[96] = "";
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].mechanism == LAMBDA_PROCESS_NONE)
            snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", names[0] ? ", " : "", all[i].name);
    if (names[0])
        lambda_log(instance->context, LAMBDA_LOG_WARN, "not enforced on this machine: %s (%s)", names, limits->reason);
}

static lambda_status start(lambda__instance *instance)
{
    uint64_t began = lambda__loop_now();
    lambda_status status = lambda__instance_open(instance);
    if (status != LAMBDA_OK) return status;
    tell_left_away(instance);
    lambda__event_init_start(instance);
    status = lambda__instance_start_extensions(instance);
    if (status != LAMBDA_OK) return status;
    wait_in_init(instance, &instance->registered);
    if (!instance->fault[0]) status = lambda__instance_start_runtime(instance);
    if (status != LAMBDA_OK) return status;
    if (!instance->fault[0]) wait_in_init(instance, &instance->runtime_ready);
    lambda__event_init_done(instance, lambda__loop_now() - began, false);
    if (!instance->fault[0]) wait_in_init(instance, &instance->all_ready);
    if (!instance->fault[0]) tell_ready_extensions(instance);
    lambda__event_init_done(instance, lambda__loop_now() - began, true);
    return instance->fault[0] ? lambda__instance_init_fault(instance) : LAMBDA_OK;
}

lambda_status lambda__instance_init(lambda_context *context)
{
    const lambda__code *code = lambda_context_user(context);
    lambda__instance *instance = calloc(1, sizeof(*instance));
    if (!instance)
        return lambda_runtime_fail(lambda_context_service(context), LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
    instance->code = code;
    instance->context = context;
    instance->answer = LAMBDA__ANSWER_OVER;
    lambda_status status = start(instance);
    if (status == LAMBDA_OK) status = lambda__sandbox_limit_cpu(instance->sandbox);
    report_memory(instance, context);
    if (status != LAMBDA_OK) {
        lambda__instance_free(instance);
        return status;
    }
    lambda__instance_drain(instance);
    lambda__telemetry_end_init(instance->telemetry);
    lambda__freezer_rest(code->process->freezer, &instance->rest);
    instance->context = NULL;
    lambda_context_set_state(context, instance);
    return LAMBDA_OK;
}

/* ---- invoke */

static void begin(lambda__instance *instance, lambda_context *context, lambda_response *response)
{
    instance->context = context;
    instance->response = response;
    instance->runtime_ready = false;
    instance->all_ready = false;
    instance->answer = LAMBDA__ANSWER_NONE;
    instance->refused = LAMBDA_OK;
    instance->streamed = false;
    instance->unread = false;
    instance->error_given = false;
    instance->produced = 0;
}

static lambda_status hand_over(lambda__instance *instance, const lambda_event *event)
{
    lambda_context *context = instance->context;
    const lambda__endpoint_invocation invocation = {.request_id = lambda_context_aws_request_id(context),
                                                    .invoked_function_arn =
                                                        lambda_context_invoked_function_arn(context),
                                                    .deadline_ms = wall_ms(lambda_context_remaining_ns(context)),
                                                    .trace_id = lambda_context_trace_id(context),
                                                    .client_context = lambda_context_client_context(context),
                                                    .cognito_identity = lambda_context_identity(context),
                                                    .payload = lambda_event_payload(event)};
    return lambda__endpoint_invoke(instance->endpoint, &invocation);
}

/** The time is over: what runs is killed now, and the rest is done by the shutdown hook. With external extensions only the runtime is: they are told of the end. */
static void end_late(lambda__instance *instance)
{
    lambda__endpoint_cancel(instance->endpoint);
    if (instance->extensions_count > 0)
        lambda__program_signal(instance->runtime.program, SIGKILL);
    else
        lambda__instance_kill(instance);
    lambda__instance_fault(instance, "Sandbox.Timedout", "Task timed out after %.2f seconds",
                           (double)lambda_context_timeout_ms(instance->context) / 1000);
}

/** What came of it, where the environment can go on; else a fault, or nothing that the caller is to know. */
static void judge(lambda__instance *instance, lambda__wait wait)
{
    if (wait == LAMBDA__WAIT_LATE) end_late(instance);
    if (wait == LAMBDA__WAIT_FAULT) lambda__endpoint_cancel(instance->endpoint);
    if (wait == LAMBDA__WAIT_REACHED && instance->answer == LAMBDA__ANSWER_TRUNCATED)
        lambda__instance_fault(instance, "Runtime.TruncatedResponse", "Response truncated");
    bool whole = wait != LAMBDA__WAIT_LATE && instance->answer == LAMBDA__ANSWER_GIVEN;
    if (!whole && instance->fault[0]) lambda__instance_answer_fault(instance);
    /* A runtime that has answered and then died has answered. */
    if (wait != LAMBDA__WAIT_REACHED || instance->fault[0] || somebody_is_dead(instance))
        lambda_context_retire(instance->context);
}

/** Serves the runtime until it has answered, and everybody is ready for the next. */
static void serve(lambda__instance *instance, uint64_t began, bool heard)
{
    lambda__wait wait = lambda__instance_wait(instance, heard ? &instance->runtime_ready : &instance->all_ready);
    if (heard) {
        lambda__event_runtime_done(instance, lambda__loop_now() - began, wait == LAMBDA__WAIT_LATE);
        if (wait == LAMBDA__WAIT_REACHED) wait = lambda__instance_wait(instance, &instance->all_ready);
    }
    judge(instance, wait);
    lambda__instance_drain(instance);
    report_memory(instance, instance->context);
    if (heard) lambda__event_report(instance, lambda__loop_now() - began, wait == LAMBDA__WAIT_LATE);
}

lambda_status lambda__instance_handle(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    lambda__instance *instance = lambda_context_state(context);
    lambda__freezer *freezer = instance->code->process->freezer;
    uint64_t began = lambda__loop_now();
    begin(instance, context, response);
    instance->look.due = began + 10 * MILLISECOND;
    bool heard = lambda__telemetry_wanted(instance->telemetry);
    if (heard) lambda__event_start(instance);
    /* The event stands in the socket when the runtime goes on, so that it wakes once. */
    lambda_status status = hand_over(instance, event);
    lambda__freezer_wake(freezer, &instance->rest);
    if (status == LAMBDA_OK) {
        serve(instance, began, heard);
        /* All else that was refused the response knows itself. */
        if (instance->refused == LAMBDA_ERROR_OUT_OF_MEMORY)
            status = lambda_runtime_fail(lambda_context_service(context), instance->refused, "out of memory");
    } else {
        lambda_context_retire(context);
        lambda_runtime_fail(lambda_context_service(context), status, "the event cannot be handed to the runtime: %s",
                            status == LAMBDA_ERROR_OUT_OF_MEMORY ? "out of memory" : lambda_error_message(NULL));
    }
    instance->answer = LAMBDA__ANSWER_OVER;
    instance->response = NULL;
    instance->context = NULL;
    if (!instance->killed) lambda__freezer_rest(freezer, &instance->rest);
    return status;
}

/* ---- shutdown */

/** Runs the loop until a program has ended, at most so long. */
static void wait_for_end(lambda__instance *instance, const lambda__part *part, uint64_t until)
{
    while (!part->ended && lambda__loop_now() < until)
        lambda__loop_run(&instance->loop, until);
}

static const char *reason_of(lambda_context *context)
{
    switch (lambda_context_shutdown_reason(context)) {
    case LAMBDA_SHUTDOWN_TIMEOUT:
        return "timeout";
    case LAMBDA_SHUTDOWN_FAILURE:
        return "failure";
    default:
        return "spindown";
    }
}

/** The runtime first: it gets SIGTERM where there are extensions, some time, and then SIGKILL. */
static void end_runtime(lambda__instance *instance, uint64_t until, bool gracefully)
{
    if (!instance->runtime.program || instance->runtime.ended) return;
    if (gracefully) {
        lambda__program_signal(instance->runtime.program, SIGTERM);
        wait_for_end(instance, &instance->runtime, until);
    }
    if (!instance->runtime.ended) lambda__program_signal(instance->runtime.program, SIGKILL);
}

/** External extensions: those that want SHUTDOWN get the time that is left, the others none. */
static void end_extensions(lambda__instance *instance, const char *reason, uint64_t until)
{
    uint64_t now = lambda__loop_now();
    uint64_t left = until > now ? until - now : 0;
    lambda__telemetry_flush(instance->telemetry);
    if (lambda__endpoint_shutdown(instance->endpoint, reason, wall_ms(left)) == 0) return;
    for (size_t i = 0; i < instance->extensions_count; i++)
        if (instance->extensions[i].registered && (instance->extensions[i].events & 2))
            wait_for_end(instance, &instance->extensions[i], until);
}

void lambda__instance_shutdown(lambda_context *context)
{
    lambda__instance *instance = lambda_context_state(context);
    if (!instance) return;
    instance->context = context;
    lambda__freezer_wake(instance->code->process->freezer, &instance->rest);
    uint64_t now = lambda__loop_now();
    uint64_t left = lambda_context_remaining_ns(context);
    bool external = instance->extensions_count > 0;
    bool told = !instance->killed && lambda__endpoint_has_extensions(instance->endpoint);
    if (told) {
        const char *reason = reason_of(context);
        uint64_t all = external ? SHUTDOWN_NS : SHUTDOWN_INTERNAL_NS;
        uint64_t runtime = external ? SHUTDOWN_RUNTIME_NS : SHUTDOWN_INTERNAL_NS;
        all = left < all ? left : all;
        end_runtime(instance, now + (runtime < all ? runtime : all), strcmp(reason, "spindown") == 0);
        if (external) end_extensions(instance, reason, now + all);
    }
    lambda_context_set_state(context, NULL);
    lambda__instance_free(instance);
}
