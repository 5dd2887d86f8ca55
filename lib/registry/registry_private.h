/* What the files of the registry share. */
#ifndef LAMBDA_LIB_REGISTRY_PRIVATE_H
#define LAMBDA_LIB_REGISTRY_PRIVATE_H

#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "registry/limits.h"
#include "registry/registry.h"

/** A function's place in the order of creation. */
typedef struct lambda__place {
    uint64_t sequence;
    lambda__function *function; /* NULL once deleted; the place goes when many are */
} lambda__place;

struct lambda__registry {
    pthread_mutex_t mutex; /* of all changes, and of all that follows */
    lambda__registry_port port;
    lambda__map functions;
    lambda__place *order; /* by rising sequence; holds a reference to each function */
    size_t order_count;
    size_t order_capacity;
    uint64_t next_sequence;
    uint64_t code_bytes; /* of the code of all versions */
    lambda__settings
        *standard; /* the settings created last, shared with the next function if equal; holds a reference */
};

static inline void lambda__registry_lock(lambda_t *lambda)
{
    pthread_mutex_lock(&lambda->registry->mutex);
}

static inline void lambda__registry_unlock(lambda_t *lambda)
{
    pthread_mutex_unlock(&lambda->registry->mutex);
}

/* ---- settings: registry/settings.c */

/** The settings that `config` asks for over `old` (NULL: the defaults); `*settings` holds one reference. */
lambda_status lambda__settings_make(lambda_t *lambda, const char *function_name, const lambda_function_config *config,
                                    const lambda__settings *old, lambda__settings **settings);
bool lambda__settings_equal(const lambda__settings *one, const lambda__settings *two);
void lambda__settings_release(lambda_t *lambda, lambda__settings *settings);

/* ---- versions and directories: registry/directory.c */

/** A version that nothing leads to yet; takes over the references to code and settings only where it succeeds. */
lambda__version *lambda__version_new(lambda_t *lambda, lambda__function *function, uint64_t number, lambda__code *code,
                                     lambda__settings *settings, const char *description);

/** A new revision id, a UUID. */
void lambda__revision_new(lambda_t *lambda, char text[37]);

/** A copy of the function's directory with room for one version and one alias more; NULL when memory is out. */
lambda__directory *lambda__directory_copy(lambda_t *lambda, const lambda__function *function);

/** The function's directory, for its writer; an empty one if there is none. */
const lambda__directory *lambda__directory_of(const lambda__function *function);

/** Where the name stands, or would stand, among the aliases; true if it is there. */
bool lambda__directory_find_alias(const lambda__directory *directory, const char *name, size_t length, size_t *at);
bool lambda__directory_find_version(const lambda__directory *directory, uint64_t number, size_t *at);

/**
 * What was unlinked under the mutex and is ended after it: first a grace period, then versions are retired and
 * released, aliases released, and the rest freed. Fixed room: a change unlinks few things, a deleted function its directory.
 */
typedef struct lambda__unlinked {
    lambda__version *version;             /* retired, then released */
    lambda__directory *directory;         /* freed, not what it lists */
    lambda__directory *whole;             /* freed with all that it lists, which is retired and released */
    lambda__alias *alias;                 /* released */
    lambda__route *route;                 /* released */
    lambda__event_invokes *event_invokes; /* freed */
    lambda__function *function;           /* it was deleted: retired, then released */
    lambda__function *changed;            /* its aliases or versions were changed: told of, then released */
} lambda__unlinked;

/** Ends it all; without the mutex, not in a read section. */
void lambda__unlinked_end(lambda_t *lambda, const lambda__unlinked *unlinked);

/** The same where no reader can be left: no grace period. */
void lambda__unlinked_free(lambda_t *lambda, const lambda__unlinked *unlinked);

/** As writer: takes a function and all that is its own out of readers' reach. */
void lambda__function_unlink(lambda__function *function, lambda__unlinked *unlinked);

/** As writer: adds, finds and takes away places. */
bool lambda__order_append(lambda_t *lambda, lambda__function *function);
size_t lambda__order_find(const lambda__registry *registry, uint64_t sequence);
void lambda__order_remove(lambda_t *lambda, const lambda__function *function);

/** Frees a route and the references it holds; NULL is allowed. */
void lambda__route_free(lambda_t *lambda, lambda__route *route);

/* ---- functions: registry/function.c */

/** As writer: the function, or ResourceNotFound with a message. */
lambda_status lambda__function_find(lambda_t *lambda, const lambda__name *name, lambda__function **function);

/** ResourceNotFound for what the name leads to. */
lambda_status lambda__function_missing(lambda_t *lambda, const lambda__name *name);

/** PreconditionFailed unless `wanted` is NULL or the revision. */
lambda_status lambda__revision_check(lambda_t *lambda, const char *wanted, const char *revision);

/** Takes the name apart and refuses any qualifier but "$LATEST". */
lambda_status lambda__name_parse_plain(lambda_t *lambda, const char *text, lambda__name *name);

/** As writer: publishes $LATEST, or finds that it was. `*version` is borrowed. What to end is added to `unlinked`. */
lambda_status lambda__version_publish_locked(lambda_t *lambda, lambda__function *function, const char *description,
                                             lambda__version **version, lambda__unlinked *unlinked);

/** As writer: is there room for `more` bytes of code in place of `less`? */
lambda_status lambda__code_storage_check(lambda_t *lambda, uint64_t more, uint64_t less);

/** As writer: the bytes of a version's code. */
uint64_t lambda__version_code_size(lambda_t *lambda, const lambda__version *version);

/** Sorts and copies tags; `*tags` is the caller's, to be freed as a function's. False when memory is out. */
bool lambda__tags_copy(lambda_t *lambda, const lambda_pair *given, size_t count, lambda_pair **tags);
void lambda__tags_free(lambda_t *lambda, lambda_pair *tags, size_t count);

/* ---- asynchronous invocations: registry/async_settings.c and event_invoke_config.c */

/** A target that is NULL, "", or the name of another function of this service or of a destination. With no lock held. */
lambda_status lambda__target_check(lambda_t *lambda, const char *function_name, const char *field, const char *target);

/** The table's item for a qualifier; NULL. The table may be NULL. */
const lambda__event_invoke *lambda__event_invokes_find(const lambda__event_invokes *all, const char *qualifier,
                                                       size_t length);

/** A table of copies of the items, which are sorted; NULL when memory is out. */
lambda__event_invokes *lambda__event_invokes_make(lambda_t *lambda, const lambda__event_invoke *items, size_t count);

/** As writer: the function's table without a qualifier, the same one or NULL where that is all. False when memory is out. */
bool lambda__event_invokes_without(lambda_t *lambda, const lambda__function *function, const char *qualifier,
                                   lambda__event_invokes **made);

/** As writer: puts a table in the place of the function's, which is freed with `unlinked`. The same one: nothing is done. */
void lambda__event_invokes_replace(lambda__function *function, lambda__event_invokes *made, lambda__unlinked *unlinked);

/* ---- public copies: registry/configuration.c */

/** A copy of what a version is; `qualifier` for the ARN, NULL for none. NULL when memory is out. As writer. */
lambda_function_configuration *lambda__configuration_make(lambda_t *lambda, const lambda__version *version,
                                                          const char *qualifier);

/** A page that can hold `capacity` items. */
lambda_function_list *lambda__function_list_new(lambda_t *lambda, size_t capacity);

/** Copies a marker into the page: a number, as text. */
void lambda__function_list_mark(lambda_function_list *list, uint64_t marker);

/** Reads the options of a page of things that are marked by a number: the first one to give, and how many. */
lambda_status lambda__list_options_check(lambda_t *lambda, const lambda_list_options *options, size_t *max_items);
lambda_status lambda__list_options_number(lambda_t *lambda, const lambda_list_options *options, uint64_t *first,
                                          size_t *max_items);

#endif
