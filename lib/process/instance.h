/*
 * One execution environment with processes: what it holds, and what its phases share. It belongs to the thread that runs a hook or a handler of it, one at a time; between those nobody
 * serves it and its processes are frozen.
 *
 *     environment.c   the hooks and the handler: init, invoke, shutdown
 *     parts.c         opening and closing what it holds; its programs and their lines
 *     heard.c         what the endpoint tells, and what becomes of it in the response
 *     fault.c         what went wrong, in Lambda's words
 *     events.c        what extensions are told of it by the Telemetry API
 */
#ifndef LAMBDA_PROCESS_INSTANCE_H
#define LAMBDA_PROCESS_INSTANCE_H

#include "driver.h"
#include "endpoint.h"
#include "freezer.h"
#include "output.h"
#include "telemetry.h"

typedef struct lambda__instance lambda__instance;

/** A program of the environment: the runtime, or an external extension. */
typedef struct lambda__part {
    lambda__instance *instance;
    char *name; /* of an extension; NULL: the runtime */
    lambda__program *program;
    lambda__output *output;
    lambda__output *error_output;
    bool ended;
    int status;       /* as waitpid's, once it has */
    bool registered;  /* of an extension: it has */
    bool ready_told;  /* its EXTENSION line was written */
    bool failed_told; /* it reported an error of its own */
    unsigned events;  /* what it wants: bit 0 INVOKE, bit 1 SHUTDOWN */
} lambda__part;

/** What has happened to the answer of the invocation under way. */
typedef enum lambda__answer {
    LAMBDA__ANSWER_NONE,      /* nothing came yet */
    LAMBDA__ANSWER_BEGUN,     /* a response is coming */
    LAMBDA__ANSWER_GIVEN,     /* it has come whole, or was refused, or it was an error */
    LAMBDA__ANSWER_TRUNCATED, /* it broke off */
    LAMBDA__ANSWER_OVER       /* there is no invocation */
} lambda__answer;

struct lambda__instance {
    const lambda__code *code;
    lambda_context *context;   /* of the hook or handler that runs */
    lambda_response *response; /* of the handler that runs */
    lambda__loop loop;
    bool loop_open;
    lambda__telemetry *telemetry;
    lambda__endpoint *endpoint;
    lambda__sandbox *sandbox;
    lambda__rest rest;  /* while nobody serves it */
    lambda__timer look; /* at what is watched rather than enforced */
    lambda__part runtime;
    lambda__part *extensions; /* external ones */
    size_t extensions_count;
    const char *runtime_directory; /* of the library's own bootstraps, as programs see it */
    char function_name[72];
    char function_version[24];
    /* What the phase waits for. */
    bool runtime_ready;
    bool all_ready;
    bool registered; /* all external extensions have */
    bool killed;     /* the whole sandbox was */
    lambda__answer answer;
    lambda_status refused; /* what the response said to the answer's bytes, or to its error */
    bool streamed;         /* the answer is, so that each part of it goes on at once */
    bool unread;           /* its reader has left */
    bool error_given;      /* the answer was an error */
    uint64_t produced;     /* bytes of the answer */
    /* The first thing that went wrong: Lambda's error type, "" while nothing did. */
    char fault[64];
    char fault_message[512];
    bool init_answered; /* an init hook: the error of the runtime itself has been handed on */
};

/* ---- parts.c */

/** All but the programs. By lambda_runtime_fail. */
lambda_status lambda__instance_open(lambda__instance *instance);
/** Kills what runs, hands on the last lines, and frees all of it. */
void lambda__instance_free(lambda__instance *instance);
/** Starts the external extensions, and the runtime. What cannot be started is a fault; a status is only for what is the library's own. */
lambda_status lambda__instance_start_extensions(lambda__instance *instance);
lambda_status lambda__instance_start_runtime(lambda__instance *instance);
/** Lines that stand in the pipes, and those that were not ended: at the end of a phase. */
void lambda__instance_drain(lambda__instance *instance);
/** Kills everything at once, without waiting. */
void lambda__instance_kill(lambda__instance *instance);

/* ---- environment.c */

/** What ended a wait. */
typedef enum lambda__wait { LAMBDA__WAIT_REACHED, LAMBDA__WAIT_FAULT, LAMBDA__WAIT_LATE } lambda__wait;

/** Runs the loop until `*reached`, or a fault, or the context's time is over. */
lambda__wait lambda__instance_wait(lambda__instance *instance, const bool *reached);

/* ---- heard.c */

extern const lambda__endpoint_events lambda__instance_events;

/* ---- fault.c */

/** Notes what went wrong first, printf-style. */
void lambda__instance_fault(lambda__instance *instance, const char *type, const char *format, ...) LAMBDA_PRINTF(3, 4);
/** "exit status 1", "signal: killed". */
void lambda__exit_words(int status, char words[64]);
/** "no such file or directory": as strerror, the first letter small, as Lambda has it. */
const char *lambda__errno_words(int error, char words[64]);
/** The runtime has ended, too early: as a fault. */
void lambda__instance_runtime_exited(lambda__instance *instance);
/** An extension has. */
void lambda__instance_extension_exited(lambda__instance *instance, lambda__part *extension);
/** Gives an error of the runtime's own as the invocation's answer. Its payload where that is JSON, else JSON that keeps what it says. */
lambda_status lambda__instance_answer_error(lambda__instance *instance, const char *type, lambda_bytes payload);
/** The same as the init hook's. True: it is kept. */
bool lambda__instance_tell_init_error(lambda__instance *instance, const char *type, lambda_bytes payload);
/** Gives the fault as the invocation's answer, or the init hook's. */
lambda_status lambda__instance_answer_fault(lambda__instance *instance);
lambda_status lambda__instance_init_fault(lambda__instance *instance);

/* ---- events.c: nothing where nobody can hear it */

void lambda__event_init_start(lambda__instance *instance);
void lambda__event_init_done(lambda__instance *instance, uint64_t duration_ns, bool whole);
void lambda__event_start(lambda__instance *instance);
void lambda__event_runtime_done(lambda__instance *instance, uint64_t duration_ns, bool timed_out);
void lambda__event_report(lambda__instance *instance, uint64_t duration_ns, bool timed_out);
/** The line EXTENSION of the log and its event. `state` "Ready", "LaunchError" and so on; `error` NULL for none. */
void lambda__event_extension(lambda__instance *instance, const lambda__part *extension, const char *state,
                             const char *error);

#endif
