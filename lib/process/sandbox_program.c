#include "sandbox_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lambda/port/runtime.h>

/* Past what a machine out of memory or of processor time needs to execute a program. */
static const uint64_t START_PATIENCE_NS = UINT64_C(10000000000);

static lambda__program *find(const lambda__sandbox *sandbox, uint32_t id)
{
    lambda__program *program = sandbox->programs;
    while (program && program->id != id)
        program = program->next;
    return program;
}

static void ended(lambda__program *program, int status)
{
    if (!program->runs) return;
    program->runs = false;
    if (program->exited) program->exited(program->user, status);
}

/** Process 1 is no more, and so is nothing else. */
static void hung_up(lambda__sandbox *sandbox)
{
    sandbox->hung_up = true;
    lambda__loop_remove(sandbox->loop, &sandbox->control);
    for (lambda__program *each = sandbox->programs; each; each = each->next) {
        if (!each->started) each->error = EPIPE;
        each->started = true;
        ended(each, SIGKILL);
    }
}

void lambda__sandbox_hear(lambda__watch *watch, uint32_t events)
{
    lambda__sandbox *sandbox = watch->user;
    lambda__told told;
    int fds[LAMBDA__WIRE_FDS];
    (void)events;
    ssize_t size = lambda__wire_receive(watch->fd, &told, sizeof told, fds);
    lambda__wire_close_all(fds, LAMBDA__WIRE_FDS);
    if (size == 0) {
        hung_up(sandbox);
        return;
    }
    lambda__program *program = size == (ssize_t)sizeof told ? find(sandbox, told.program) : NULL;
    if (!program) return;
    if (told.kind == LAMBDA__WIRE_EXITED) ended(program, told.value);
    if (told.kind != LAMBDA__WIRE_STARTED) return;
    program->started = true;
    program->error = told.value;
    program->runs = told.value == 0;
}

void lambda__program_free(lambda__sandbox *sandbox)
{
    lambda__program *program = sandbox->programs;
    sandbox->programs = program->next;
    if (program->output >= 0) close(program->output);
    if (program->error_output >= 0) close(program->error_output);
    free(program);
}

/** Takes a program that never ran out of the list: others may have come before it meanwhile. */
static void forget(lambda__sandbox *sandbox, const lambda__program *program)
{
    lambda__program **link = &sandbox->programs;
    while (*link != program)
        link = &(*link)->next;
    lambda__sandbox part = {.programs = *link};
    *link = (*link)->next;
    lambda__program_free(&part);
}

static uint32_t add_all(lambda__packed *strings, const char *const *list)
{
    uint32_t count = 0;
    for (; list && list[count]; count++)
        lambda__packed_add(strings, list[count]);
    return count;
}

/** Pipes whose read ends wait for nobody. `writers` are for the program. */
static int make_pipes(lambda__program *program, int writers[2])
{
    int *const readers[] = {&program->output, &program->error_output};
    for (int i = 0; i < 2; i++) {
        int pair[2];
        if (pipe2(pair, O_CLOEXEC) != 0) return errno;
        *readers[i] = pair[0];
        writers[i] = pair[1];
        fcntl(pair[0], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

/** RLIMIT_DATA where no cgroup limits memory: above what is watched, as reservations that are never touched count too. */
static uint64_t data_limit(const lambda__sandbox *sandbox)
{
    if (sandbox->sandboxes->limits.memory != LAMBDA_PROCESS_RLIMIT) return 0;
    return ((uint64_t)sandbox->memory_mb * 2 + 256) << 20;
}

static int send_start(lambda__sandbox *sandbox, const lambda__program *program, const lambda__program_options *options,
                      const int writers[2])
{
    lambda__start start = {.kind = LAMBDA__WIRE_START, .program = program->id, .data_limit = data_limit(sandbox)};
    lambda__packed strings = {0};
    lambda__packed_add(&strings, options->path);
    lambda__packed_add(&strings, options->working_directory);
    start.arguments = add_all(&strings, options->arguments);
    start.variables = add_all(&strings, options->environment);
    int error =
        strings.failed ? ENOMEM
        : strings.length + sizeof start > LAMBDA__WIRE_MOST
            ? E2BIG
            : lambda__wire_send(sandbox->control.fd, &start, sizeof start, strings.bytes, strings.length, writers, 2);
    free(strings.bytes);
    return error;
}

lambda_status lambda__program_start(lambda__sandbox *sandbox, const lambda__program_options *options,
                                    lambda__program **program, int *error)
{
    lambda_t *lambda = sandbox->sandboxes->lambda;
    int writers[2] = {-1, -1};
    int failure = 0;
    *error = 0;
    lambda__program *made = calloc(1, sizeof *made);
    if (!made) return lambda_runtime_fail(lambda, LAMBDA_ERROR_OUT_OF_MEMORY, "program: no memory");
    *made = (lambda__program){.sandbox = sandbox,
                              .id = ++sandbox->last_program,
                              .output = -1,
                              .error_output = -1,
                              .exited = options->exited,
                              .user = options->user,
                              .next = sandbox->programs};
    sandbox->programs = made;
    failure = sandbox->hung_up ? EPIPE : make_pipes(made, writers);
    if (!failure) failure = send_start(sandbox, made, options, writers);
    lambda__wire_close_all(writers, 2);
    uint64_t until = lambda__loop_now() + START_PATIENCE_NS;
    while (!failure && !made->started) {
        failure = lambda__loop_run(sandbox->loop, until);
        if (!failure && !made->started && lambda__loop_now() >= until) failure = ETIMEDOUT;
    }
    if (!failure && !made->error) {
        *program = made;
        return LAMBDA_OK;
    }
    bool of_execve = !failure && made->error != EPIPE;
    if (!failure) failure = made->error;
    made->exited = NULL;
    forget(sandbox, made);
    if (of_execve) *error = failure;
    return lambda_runtime_fail(lambda,
                               failure == ENOMEM && !of_execve ? LAMBDA_ERROR_OUT_OF_MEMORY : LAMBDA_ERROR_SERVICE,
                               "%s: cannot be started: %s", options->path, strerror(failure));
}

int lambda__program_output(const lambda__program *program)
{
    return program->output;
}

int lambda__program_error_output(const lambda__program *program)
{
    return program->error_output;
}

void lambda__program_signal(lambda__program *program, int signal)
{
    lambda__told told = {.kind = LAMBDA__WIRE_SIGNAL, .program = program->id, .value = signal};
    if (program->runs && !program->sandbox->hung_up)
        lambda__wire_send(program->sandbox->control.fd, &told, sizeof told, NULL, 0, NULL, 0);
}

bool lambda__program_runs(const lambda__program *program)
{
    return program->runs;
}
