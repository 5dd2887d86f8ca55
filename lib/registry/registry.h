/*
 * Functions, versions and aliases, by name.
 *
 * One mutex serialises every change. Reading needs none: what an invocation follows (name -> function -> version, or
 * alias -> route -> version) is reached through atomic pointers in a read section (base/thread.h) and is freed only after
 * a grace period. Reference counts keep what outlives a section: environments hold their version, versions hold their
 * function and their code, targets hold what they were opened on.
 *
 * Code and environments live on the floors above; the registry knows them as opaque pointers and reaches them through
 * the port that service.c wires in.
 */
#ifndef LAMBDA_LIB_REGISTRY_H
#define LAMBDA_LIB_REGISTRY_H

#include <lambda/alias.h>
#include <lambda/version.h>

#include "base/map.h"
#include "service.h"

/** Code that has been loaded, counted by references. The runtime floor's (runtime/runtimes.h). */
typedef struct lambda__code lambda__code;

struct lambda__version;
struct lambda__function;
struct lambda__settings;
struct lambda__concurrency;

/** Bytes of a reference. */
#define LAMBDA__REFERENCE_MAX 1024

/** How code is loaded again in another process. What is borrowed lives as long as the code. */
typedef struct lambda__recipe {
    const char *runtime;     /* the driver's name */
    const char *path;        /* typed: the library, NULL for the program; shared object: its file's name; else NULL */
    const char *declaration; /* typed; else NULL */
    const char *reference;   /* a driver's own words for the code; NULL where it gave none */
    bool loadable;           /* false: only the host can give it again */
    bool has_bytes;          /* it is loaded from bytes that stand in the store on their own */
    lambda_bytes bytes;      /* those, where they are in memory */
} lambda__recipe;

/** Provisioned concurrency of one qualifier, as it is kept. */
typedef struct lambda__kept_provision {
    const char *qualifier;
    uint32_t requested;
    uint64_t modified; /* wall clock, ns */
} lambda__kept_provision;

/** What a function has of concurrency of its own, as it is kept: one allocation. */
typedef struct lambda__kept_concurrency {
    bool reserved;
    uint32_t reserved_count;
    size_t count;
    lambda__kept_provision provisions[]; /* by rising qualifier */
} lambda__kept_concurrency;

/** What the registry needs of the floors above. */
typedef struct lambda__registry_port {
    /** Where code of that runtime runs if nobody says so: LAMBDA_ISOLATION_INLINE or _PROCESS. */
    lambda_isolation (*code_isolation)(lambda_t *lambda, const char *runtime);
    /**
     * Loads code for what `settings` say of handler, layers and isolation; `*code` holds one reference. The status and message are the driver's.
     */
    lambda_status (*code_load)(lambda_t *lambda, const lambda_code *description, const char *function_name,
                               const struct lambda__settings *settings, lambda__code **code);
    /** The same code with another handler string or other layers: a new code, or the same one with one reference more. */
    lambda_status (*code_reload)(lambda_t *lambda, lambda__code *code, const char *function_name,
                                 const struct lambda__settings *settings, lambda__code **reloaded);
    lambda__code *(*code_retain)(lambda__code *code);
    void (*code_release)(lambda_t *lambda, lambda__code *code);
    const char *(*code_runtime)(const lambda__code *code); /* the driver's name; lives as long as the code */
    const char *(*code_sha256)(lambda__code *code);        /* 44 characters */
    uint64_t (*code_size)(const lambda__code *code);
    void (*code_describe)(const lambda__code *code, lambda__recipe *recipe); /* what stands in its recipe is borrowed */
    /** Code that is not there, and why: it is described and counted like any other, and runs nothing. */
    lambda_status (*code_unbound)(lambda_t *lambda, const lambda__recipe *recipe, const char *sha256, uint64_t size,
                                  const char *reason, lambda__code **code);
    /** Why the code is not there; NULL where it is. */
    const char *(*code_reason)(const lambda__code *code);
    /** Loads what stands in for unbound code from now on: it has the sha256, size and recipe of that. */
    lambda_status (*code_bind)(lambda_t *lambda, lambda__code *unbound, const lambda_code *description,
                               const char *function_name, const struct lambda__settings *settings, lambda__code **code);
    /**
     * The same by the reference that stands in its recipe. What cannot be loaded is unbound code with the driver's message as its reason, in place of
     * the other likewise. OutOfMemory where not even that can be had.
     */
    lambda_status (*code_bind_reference)(lambda_t *lambda, lambda__code *unbound, const char *function_name,
                                         const struct lambda__settings *settings, lambda__code **code);
    /** A copy of what the function has of its own, to be released; `*kept` NULL for nothing. */
    lambda_status (*concurrency_describe)(lambda_t *lambda, struct lambda__function *function,
                                          lambda__kept_concurrency **kept);
    /** Gives a function that nobody has seen what was kept. Environments are started by a later function_changed. */
    lambda_status (*concurrency_restore)(lambda_t *lambda, struct lambda__function *function,
                                         const lambda__kept_concurrency *kept);
    /** An alias of the function was changed or deleted, or a version: only where it has `concurrency`. */
    void (*function_changed)(lambda_t *lambda, struct lambda__function *function);
    /** As writer: that alias or version is deleted, and what was provisioned for it goes with it; likewise. Needs no memory. */
    void (*qualifier_deleted)(lambda_t *lambda, struct lambda__function *function, const char *qualifier);
    /** The function was deleted; likewise. */
    void (*function_retired)(lambda_t *lambda, struct lambda__function *function);
    /** The last reference to it has gone: free what is in `concurrency`. */
    void (*function_freed)(lambda_t *lambda, struct lambda__function *function);
    /** A version leads nowhere any more, and its grace period is over: shut its idle environments down, mark the rest. */
    void (*version_retired)(lambda_t *lambda, struct lambda__version *version);
    /** The last reference to a version whose `pool` is not NULL has gone: free the pool. */
    void (*version_freed)(lambda_t *lambda, struct lambda__version *version);
    /** Has that name a destination? Asked with no lock held; sets no message. NULL: none has. */
    bool (*destination_exists)(lambda_t *lambda, const char *name);
} lambda__registry_port;

/** A configuration that never changes, shared by the versions that have it. */
typedef struct lambda__settings {
    _Atomic uint32_t references;
    uint32_t memory_size;
    uint32_t timeout_ms;
    uint32_t ephemeral_storage_size;
    uint32_t spare_environments;
    uint8_t isolation;  /* lambda_isolation; a byte each, as there may be many settings. None but levels is DEFAULT */
    uint8_t log_format; /* lambda_log_format */
    uint8_t application_log_level; /* lambda_log_level. DEFAULT: the service's */
    uint8_t system_log_level;      /* likewise */
    uint8_t tracing_mode;          /* lambda_tracing_mode */
    uint8_t metrics_mode;          /* lambda_metrics_mode */
    const char *log_group;         /* "" for the default */
    const char *description;       /* all strings and pairs stand in the same allocation */
    const char *handler;
    const char *role;
    const char *dead_letter; /* "" for none */
    const lambda_pair *environment;
    size_t environment_count;
    const char *const *layers; /* ARNs of layer versions */
    size_t layers_count;
} lambda__settings;

#define LAMBDA__WARM_SLOTS 4

/** $LATEST at one moment, or a published version. Immutable but for what the environment floor keeps in it. */
typedef struct lambda__version {
    _Atomic(void *) warm[LAMBDA__WARM_SLOTS]; /* environment floor: which environment each thread used last */
    _Atomic(void *) pool;                     /* environment floor: all environments; NULL until the first invocation */
    _Atomic bool retired;                     /* leads nowhere any more; set before version_retired */
    _Atomic uint32_t provisioned;             /* environment floor: provisioned environments that are wanted */
    _Atomic uint32_t references;
    struct lambda__function *function; /* holds a reference */
    _Atomic(lambda__code *) code;      /* holds a reference; changes once, where it was unbound: registry/bind.c */
    lambda__settings *settings;        /* holds a reference */
    const char *description;           /* the version's own, or the settings' */
    char *description_owned;           /* NULL unless it was given at publishing */
    uint64_t number;                   /* 0: $LATEST */
    uint64_t modified;                 /* wall clock, ns */
    char label[24];                    /* "$LATEST" or the number */
    char revision_id[37];
} lambda__version;

/** Where an alias leads: immutable, replaced whole. */
typedef struct lambda__route {
    lambda__version *version;    /* NULL: $LATEST, whatever that is at the time */
    lambda__version *additional; /* NULL without weighted routing */
    uint64_t threshold;          /* a random 64-bit number below it takes `additional`; UINT64_MAX: always */
    double weight;               /* as it was given */
} lambda__route;

typedef struct lambda__alias {
    _Atomic(lambda__route *) route; /* NULL once deleted */
    _Atomic uint32_t references;
    lambda__route *ended; /* the last route, between deletion and the end of its grace period; the writer's */
    char *name;
    char *description;
    char revision_id[37];
} lambda__alias;

/** The published versions and the aliases of a function: immutable, replaced whole, so that readers may search it. */
typedef struct lambda__directory {
    size_t versions_count;
    size_t aliases_count;
    lambda__version **versions; /* by rising number; each holds a reference */
    lambda__alias **aliases;    /* sorted by name; likewise */
} lambda__directory;

/** What is set for asynchronous invocations through one qualifier. */
typedef struct lambda__event_invoke {
    const char *qualifier; /* "$LATEST", a number or an alias; all strings stand in the table's allocation */
    const char *on_success;
    const char *on_failure;
    uint64_t modified; /* wall clock, ns */
    uint32_t maximum_retry_attempts;
    uint32_t maximum_event_age_s;
} lambda__event_invoke;

/** All of a function, by rising qualifier: immutable, replaced whole, so that readers may search it. */
typedef struct lambda__event_invokes {
    size_t count;
    lambda__event_invoke items[];
} lambda__event_invokes;

/** What an adapter keeps with one qualifier. */
typedef struct lambda__attachment {
    const char
        *qualifier; /* "" for the function itself, a number or an alias; all texts stand in the table's allocation */
    const char *kind;
    const char *value; /* ends in NUL */
    size_t length;
} lambda__attachment;

/** All of a function, by rising qualifier and kind: immutable, replaced whole, and held by who shows it. */
typedef struct lambda__attachments {
    _Atomic uint32_t references;
    size_t count;
    lambda__attachment items[];
} lambda__attachments;

typedef struct lambda__function {
    lambda__map_entry entry;                           /* first */
    _Atomic(lambda__version *) latest;                 /* NULL once deleted */
    _Atomic(lambda__directory *) directory;            /* NULL while there are neither versions nor aliases */
    _Atomic(struct lambda__concurrency *) concurrency; /* environment floor: NULL while it has none of its own */
    _Atomic uint64_t scaling;                          /* environment floor: the pace of its cold starts */
    _Atomic(lambda__event_invokes *) event_invokes;    /* NULL while nothing is set */
    _Atomic(lambda__attachments *) attachments;        /* NULL while there are none */
    _Atomic bool async_settings; /* something was once set for asynchronous invocations: see below */
    _Atomic bool loops_allowed;
    _Atomic uint32_t references;
    uint32_t tags_count;
    lambda_pair *tags;    /* sorted by name; strings owned */
    uint64_t sequence;    /* order of creation */
    uint64_t identity;    /* of its name, the same in every process, not 0: for chains of invocations */
    uint64_t next_number; /* of the next version, from 1 */
    char name[];
} lambda__function;

typedef struct lambda__registry lambda__registry;

/** `store` is borrowed until lambda__registry_opened. */
lambda_status lambda__registry_open(lambda_t *lambda, const lambda__registry_port *port, const lambda_store *store,
                                    lambda__registry **registry);

/** Reads all functions from the store, if there is one. Before anybody else can reach the service; sets the message of NULL. */
lambda_status lambda__registry_restore(lambda_t *lambda);

/** All floors are there: the store is the service's now, and environments that are provisioned are started. */
void lambda__registry_opened(lambda_t *lambda);

/** Ends all functions; the store keeps them. */
void lambda__registry_empty(lambda_t *lambda);

/** Functions, and bytes of the code of all versions. */
void lambda__registry_usage(lambda_t *lambda, uint64_t *functions, uint64_t *code_bytes);

/**
 * A driver was added: versions that came back from the store with a reference of its are loaded. `process`: it is the one of that name for
 * LAMBDA_ISOLATION_PROCESS.
 */
void lambda__registry_driver_added(lambda_t *lambda, const char *runtime, bool process);

/** Frees the registry with all that is left in it. No invocation runs, no target is open. */
void lambda__registry_close(lambda_t *lambda, lambda__registry *registry);

/* ---- changes that other floors make: registry/store.c */

/** The lock of all changes. Taken before the environments' mutex. */
void lambda__registry_lock(lambda_t *lambda);
void lambda__registry_unlock(lambda_t *lambda);

/** Is there a store? */
bool lambda__registry_keeps(const lambda_t *lambda);

/**
 * Under the lock: writes to the store, if there is one, what the function is about to become; what fails leaves it as it is.
 * ResourceNotFound where it was deleted. `concurrency` NULL: that is not changed.
 */
lambda_status lambda__function_keep(lambda_t *lambda, lambda__function *function, bool loops_allowed,
                                    const lambda__kept_concurrency *concurrency);

/* ---- names: registry/name.c */

/** Bytes of a qualifier and its NUL. */
#define LAMBDA__QUALIFIER_SIZE 129

/** Characters of a function's name. */
#define LAMBDA__NAME_MAX 64

/** A name that has been taken apart; points into the text. */
typedef struct lambda__name {
    const char *function;
    size_t function_length;
    const char *qualifier; /* NULL if there is none */
    size_t qualifier_length;
} lambda__name;

/** Takes a name, partial or full ARN apart and checks each part; the message names what is wrong. */
lambda_status lambda__name_parse(lambda_t *lambda, const char *text, lambda__name *name);

/** ResourceNotFound for what the name leads to. */
lambda_status lambda__function_missing(lambda_t *lambda, const lambda__name *name);

/** InvalidParameterValue for a name that has a qualifier where a function alone is meant. */
lambda_status lambda__name_qualified(lambda_t *lambda);

/** As lambda__name_parse, with a qualifier given apart (NULL or "" if none): both at once must be equal. */
lambda_status lambda__name_parse_with(lambda_t *lambda, const char *text, const char *qualifier, lambda__name *name);

/** Writes the ARN; qualifier NULL or "" for none. Returns its length, as snprintf. */
int lambda__name_arn(const lambda_t *lambda, const char *function, const char *qualifier, char *text, size_t size);

/** Bytes that hold any ARN of a function with any qualifier. */
#define LAMBDA__ARN_SIZE 320

/* ---- following names: registry/resolve.c. In a read section, on the section's thread. They set no message. */

/** The function of that name, or NULL. */
lambda__function *lambda__registry_find(lambda_t *lambda, const char *name, size_t length);

/** The version that the function's qualifier (NULL: $LATEST) leads to for one invocation, or NULL. */
lambda__version *lambda__function_resolve(lambda__function *function, const char *qualifier, size_t length,
                                          lambda__thread *thread);

/** The version that an alias leads to for one invocation, or NULL once it is deleted. */
lambda__version *lambda__alias_resolve(lambda__function *function, lambda__alias *alias, lambda__thread *thread);

/** The alias, or the published version, of that name; NULL. */
lambda__alias *lambda__function_alias(lambda__function *function, const char *name, size_t length);
lambda__version *lambda__function_version(lambda__function *function, uint64_t number);

/* ---- asynchronous invocations: registry/async_settings.c */

/** Bytes of a target of records or dead letters, its NUL included. */
#define LAMBDA__TARGET_SIZE 352

/** What holds for the events of a name now. */
typedef struct lambda__async_settings {
    uint32_t maximum_retry_attempts;
    uint64_t maximum_event_age_ns;
    char on_success[LAMBDA__TARGET_SIZE]; /* "" for none; likewise */
    char on_failure[LAMBDA__TARGET_SIZE];
    char dead_letter[LAMBDA__TARGET_SIZE]; /* of the version that the name leads to: of an alias, its main one */
    bool exists;                           /* the name leads somewhere; where not, all else is the default */
    bool unbound;                          /* that version has no code yet: invoking it is ResourceNotReady */
} lambda__async_settings;

/** Reads them: the defaults where nothing is set. Not in a read section; takes one on `thread`. */
void lambda__async_settings_read(lambda_t *lambda, lambda__thread *thread, const lambda__name *name,
                                 lambda__async_settings *settings);

/**
 * Where metrics are on: false if what the name leads to, of an alias its main version, is not counted. What is no more was. Likewise.
 */
bool lambda__name_is_measured(lambda_t *lambda, lambda__thread *thread, const lambda__name *name);

/**
 * False: no qualifier of the function has an event invoke config, and no version of it a dead-letter target, so that all is at
 * its defaults. True may be said for what was taken away again.
 */
static inline bool lambda__function_has_async_settings(const lambda__function *function)
{
    return atomic_load_explicit(&function->async_settings, memory_order_acquire);
}

/* ---- references */

static inline lambda__code *lambda__version_code(const lambda__version *version)
{
    return atomic_load_explicit(&version->code, memory_order_acquire);
}

static inline lambda__version *lambda__version_retain(lambda__version *version)
{
    atomic_fetch_add_explicit(&version->references, 1, memory_order_relaxed);
    return version;
}

static inline lambda__function *lambda__function_retain(lambda__function *function)
{
    atomic_fetch_add_explicit(&function->references, 1, memory_order_relaxed);
    return function;
}

static inline lambda__alias *lambda__alias_retain(lambda__alias *alias)
{
    atomic_fetch_add_explicit(&alias->references, 1, memory_order_relaxed);
    return alias;
}

/** The last reference frees. NULL is allowed. Not in a read section. */
void lambda__version_release(lambda_t *lambda, lambda__version *version);
void lambda__function_release(lambda_t *lambda, lambda__function *function);
void lambda__alias_release(lambda_t *lambda, lambda__alias *alias);

#endif
