/*
 * IAM's policies: of resources (AddPermission, PutResourcePolicy) and of identities. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
#ifndef LAMBDA_HTTP_POLICY_H
#define LAMBDA_HTTP_POLICY_H

#include "operation.h"

/** What somebody wants to do. */
typedef struct lambda__wish {
    const char *action;     /* "lambda:InvokeFunction" */
    const char *resource;   /* an ARN, with its qualifier if it has one; "*": none, but all that the account has */
    const char *account_id; /* whose that is; else NULL */
    const char
        *function_url_auth_type;   /* "NONE", "AWS_IAM": of lambda:FunctionUrlAuthType. NULL: not by a function URL */
    bool invoked_via_function_url; /* of lambda:InvokedViaFunctionUrl */
    const lambda__caller *caller;
} lambda__wish;

typedef enum lambda__verdict {
    LAMBDA__SILENT = 0, /* no statement says anything */
    LAMBDA__ALLOW,
    LAMBDA__DENY /* a statement denies it: whatever others say */
} lambda__verdict;

/**
 * What the statements of a policy document say. `with_principal`: they name principals, as resources' do, and only those that name the caller count.
 * A condition that is not understood, or whose key is unknown here, does not hold in an Allow and holds in a Deny.
 */
lambda__verdict lambda__policy_evaluate(const json_t *document, const lambda__wish *wish, bool with_principal);

/** Is it a policy document at all? False: `why` says what is wrong with it. */
bool lambda__policy_check(const json_t *document, bool with_principal, char why[256]);

/* ---- who there is */

/** An identity of the file of identities. */
typedef struct lambda__identity lambda__identity;

/** Files of credentials and identities, read again when they change. Any thread. */
typedef struct lambda__identities lambda__identities;

/** `credentials` NULL: nobody. `identities` NULL: everybody may do everything. `*all` is NULL on failure, which lambda_error_message(NULL) tells. */
lambda_status lambda__identities_open(const char *credentials, const char *identities, const char *account_id,
                                      lambda__identities **all);
void lambda__identities_close(lambda__identities *all);

/** A key and whose it is. Owned by who asked: it stays what it is when the files change. */
typedef struct lambda__key {
    char secret[256];
    char token[2048]; /* the session token that must be shown; "": none */
    char arn[160];
    char account_id[13];
    const lambda__identity *identity; /* NULL: it may do everything */
    void *held;                       /* what keeps that alive */
    char scope[80];                   /* what `signing` is of: a day, region and service. "": none is known */
    unsigned char signing[32];        /* the key that is derived of the secret for it */
    void *slot;                       /* where lambda__key_keep keeps it */
} lambda__key;

/** False: there is no such key. Else given back with lambda__key_release. Takes the same time for each key that is there. */
bool lambda__identities_find(lambda__identities *all, const char *access_key_id, lambda__key *key);
/** Keeps the key's `scope` and `signing` for who finds it next; of one that was not found, for all that are not. */
void lambda__key_keep(lambda__identities *all, const lambda__key *key);
void lambda__key_release(lambda__key *key);

/**
 * May the caller? By its identity's policies and, where `resource_policy` is not NULL, by that of the resource: in one account either is enough, and a Deny of either ends it. A caller with a
 * service principal, or without a name, needs the resource's. `why` is filled in where not, in AWS's words: "User: ARN is not authorized to perform: ACTION on resource: ARN because ...".
 */
bool lambda__caller_may(const lambda__wish *wish, const json_t *resource_policy, char why[512]);

#endif
