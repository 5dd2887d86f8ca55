/*
 * Who there is. What both files say is one snapshot, held by the keys that were given out and by `lambda__identities` itself; a file that has changed makes a new one at the next key that is looked for.
 * Where a file is broken the snapshot is empty: a policy that was meant to take a right away must not leave it in force because of a comma.
 */
#include "identities.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lambda/port/runtime.h>
#include <openssl/crypto.h>

typedef struct credential {
    uint64_t id[LAMBDA__KEY_ID_SIZE / sizeof(uint64_t)];
    lambda__key key; /* without what holds it */
    struct lambda__identity identity;
} credential;

typedef struct snapshot {
    size_t references; /* guarded by the lock of its lambda__identities' */
    lambda__identities *of;
    json_t *document; /* of identities; NULL: there is no such file */
    size_t count;
    credential credentials[];
} snapshot;

/** How a file looked when it was read. */
typedef struct stamp {
    bool there;
    bool settled; /* it was changed long enough before it was read: a change after that shows */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
} stamp;

struct lambda__identities {
    pthread_mutex_t lock;
    char *paths[2]; /* of credentials and of identities; NULL: none */
    stamp stamps[2];
    char account_id[13];
    size_t references;  /* of keys that are out, and one of who opened it */
    snapshot *now;      /* NULL: nobody */
    lambda__key nobody; /* what is derived for keys that are not there */
    char why[512];      /* "": all is well */
};

enum { CREDENTIALS, IDENTITIES };

/** Clocks of file systems tick slowly: of two changes within a tick the second may not show. */
#define SETTLES_NS 100000000LL

static lambda_status no_memory(void)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
}

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* ---- snapshots */

static void snapshot_free(snapshot *self)
{
    json_decref(self->document);
    OPENSSL_cleanse(self->credentials, self->count * sizeof(self->credentials[0]));
    free(self);
}

static void drop_locked(snapshot *self)
{
    if (self && --self->references == 0) snapshot_free(self);
}

/* ---- the file of identities */

static lambda_status check_policies(const char *path, const char *name, const json_t *policies)
{
    char why[256];
    size_t index;
    const json_t *policy;
    if (!json_is_array(policies))
        return lambda_runtime_fail(NULL, INVALID, "%s: \"%s\": needs \"policies\", an array", path, name);
    json_array_foreach(policies, index, policy)
    {
        if (!lambda__policy_check(policy, false, why))
            return lambda_runtime_fail(NULL, INVALID, "%s: \"%s\": policies[%zu]: %s", path, name, index, why);
    }
    return LAMBDA_OK;
}

static bool arn_valid(const char *arn)
{
    char account[13];
    int end = 0;
    if (strlen(arn) >= sizeof(((lambda__key *)0)->arn)) return false;
    return sscanf(arn, "arn:aws:%*[a-z]::%12[0-9]:%n", account, &end) == 1 && end > 0 && strlen(account) == 12 &&
           arn[end] && !arn[strcspn(arn, " \t\r\n*?")];
}

static lambda_status check_identity(const char *path, const char *name, const json_t *identity)
{
    const char *member;
    const json_t *value;
    if (!lambda__identity_name_valid(name) || !json_is_object(identity))
        return lambda_runtime_fail(NULL, INVALID, "%s: \"%.80s\": %s", path, name,
                                   json_is_object(identity) ? "is no name of an identity"
                                                            : "is no object with \"policies\"");
    json_object_foreach((json_t *)identity, member, value)
    {
        bool known = strcmp(member, "policies") == 0 || strcmp(member, "arn") == 0;
        if (!known) return lambda_runtime_fail(NULL, INVALID, "%s: \"%s\": unknown \"%.80s\"", path, name, member);
    }
    const json_t *arn = json_object_get(identity, "arn");
    if (arn && (!json_is_string(arn) || !arn_valid(json_string_value(arn))))
        return lambda_runtime_fail(NULL, INVALID, "%s: \"%s\": \"arn\" is no ARN of a user or role", path, name);
    return check_policies(path, name, json_object_get(identity, "policies"));
}

static lambda_status read_identities(const char *path, json_t **document, struct stat *about)
{
    char *text;
    size_t length;
    json_error_t error;
    lambda_status status = lambda__file_read(path, &text, &length, about);
    if (status != LAMBDA_OK) return status;
    *document = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (!*document && json_error_code(&error) == json_error_out_of_memory) return no_memory();
    if (!*document) return lambda_runtime_fail(NULL, INVALID, "%s: line %d: %.200s", path, error.line, error.text);
    if (!json_is_object(*document)) return lambda_runtime_fail(NULL, INVALID, "%s: is no JSON object", path);
    const char *name;
    const json_t *identity;
    json_object_foreach(*document, name, identity)
    {
        status = check_identity(path, name, identity);
        if (status != LAMBDA_OK) return status;
    }
    return LAMBDA_OK;
}

/* ---- the file of credentials */

static const char *wrong_key(const lambda__section *section)
{
    if (!section->id) return "has no aws_access_key_id";
    if (!section->secret) return "has no aws_secret_access_key";
    if (!lambda__identity_name_valid(section->name)) return "is no name of an identity";
    size_t length = strlen(section->id);
    if (length >= LAMBDA__KEY_ID_SIZE - 7 || section->id[strcspn(section->id, "/,= \t&%")])
        return "its aws_access_key_id is too long, or holds what none holds";
    if (strlen(section->secret) >= sizeof(((lambda__key *)0)->secret)) return "its aws_secret_access_key is too long";
    if (section->token && strlen(section->token) >= sizeof(((lambda__key *)0)->token))
        return "its aws_session_token is too long";
    return NULL;
}

/** Copies a section; `account_id` is the default. */
static void fill(credential *self, const lambda__section *section, const json_t *document, const char *account_id)
{
    lambda__key *key = &self->key;
    memset(self, 0, sizeof(*self));
    memcpy(self->id, section->id, strlen(section->id));
    snprintf(key->secret, sizeof(key->secret), "%s", section->secret);
    snprintf(key->token, sizeof(key->token), "%s", section->token ? section->token : "");
    const json_t *identity = json_object_get(document, section->name);
    const char *arn = json_string_value(json_object_get(identity, "arn"));
    if (arn) {
        snprintf(key->arn, sizeof(key->arn), "%s", arn);
        const char *account = strstr(arn, "::") + 2; /* arn_valid has seen it */
        snprintf(key->account_id, sizeof(key->account_id), "%.12s", account);
    } else {
        snprintf(key->arn, sizeof(key->arn), "arn:aws:iam::%s:user/%s", account_id, section->name);
        snprintf(key->account_id, sizeof(key->account_id), "%s", account_id);
    }
    self->identity.policies = json_object_get(identity, "policies");
    key->identity = document ? &self->identity : NULL;
}

static lambda_status make_snapshot(lambda__identities *all, const lambda__section *sections, size_t count,
                                   json_t *document, snapshot **made)
{
    const char *path = all->paths[CREDENTIALS];
    snapshot *self = calloc(1, sizeof(*self) + count * sizeof(credential));
    if (!self) return no_memory();
    *self = (snapshot){.references = 1, .of = all};
    for (size_t i = 0; i < count; i++) {
        const lambda__section *section = &sections[i];
        if (!section->id && !section->secret) continue; /* of other programs */
        const char *wrong = wrong_key(section);
        if (!wrong) fill(&self->credentials[self->count], section, document, all->account_id);
        for (size_t k = 0; k < self->count && !wrong; k++)
            if (memcmp(self->credentials[k].id, self->credentials[self->count].id, LAMBDA__KEY_ID_SIZE) == 0)
                wrong = "another section has its aws_access_key_id";
        if (wrong) {
            lambda_status status = lambda_runtime_fail(NULL, INVALID, "%s: line %zu: section [%.80s]: %s", path,
                                                       section->line, section->name, wrong);
            self->count++; /* what is there of it is wiped too */
            snapshot_free(self);
            return status;
        }
        self->count++;
    }
    self->document = json_incref(document);
    *made = self;
    return LAMBDA_OK;
}

static lambda_status read_both(lambda__identities *all, snapshot **made, struct stat about[2])
{
    char *text = NULL;
    size_t length = 0;
    json_t *document = NULL;
    lambda__section *sections = NULL;
    size_t count = 0;
    lambda_status status = LAMBDA_OK;
    if (all->paths[IDENTITIES]) status = read_identities(all->paths[IDENTITIES], &document, &about[IDENTITIES]);
    if (status == LAMBDA_OK) status = lambda__file_read(all->paths[CREDENTIALS], &text, &length, &about[CREDENTIALS]);
    if (status == LAMBDA_OK) status = lambda__credentials_parse(text, all->paths[CREDENTIALS], &sections, &count);
    if (status == LAMBDA_OK) status = make_snapshot(all, sections, count, document, made);
    free(sections);
    if (text) OPENSSL_cleanse(text, length);
    free(text);
    json_decref(document);
    return status;
}

/* ---- changes */

static bool same_time(struct timespec one, struct timespec two)
{
    return one.tv_sec == two.tv_sec && one.tv_nsec == two.tv_nsec;
}

static stamp stamp_of(const char *path)
{
    struct stat about;
    struct timespec now;
    if (stat(path, &about) != 0) return (stamp){.there = false};
    clock_gettime(CLOCK_REALTIME, &now);
    long long age = (now.tv_sec - about.st_ctim.tv_sec) * 1000000000LL + (now.tv_nsec - about.st_ctim.tv_nsec);
    return (stamp){.there = true,
                   .settled = age > SETTLES_NS || age < -SETTLES_NS,
                   .device = about.st_dev,
                   .inode = about.st_ino,
                   .size = about.st_size,
                   .modified = about.st_mtim,
                   .changed = about.st_ctim};
}

/** Nothing of it can have changed since. */
static bool unchanged(const stamp *then, const stamp *now)
{
    if (!then->there || !now->there) return then->there == now->there;
    return then->settled && then->device == now->device && then->inode == now->inode && then->size == now->size &&
           same_time(then->modified, now->modified) && same_time(then->changed, now->changed);
}

/** Reads both. Memory that is out leaves all as it was, to be tried again. The stamps are from before the reading. */
static lambda_status load_locked(lambda__identities *all, const stamp stamps[2])
{
    snapshot *made = NULL;
    struct stat about[2];
    lambda_status status = read_both(all, &made, about);
    if (status == LAMBDA_ERROR_OUT_OF_MEMORY) return status;
    snprintf(all->why, sizeof(all->why), "%s", status == LAMBDA_OK ? "" : lambda_error_message(NULL));
    memcpy(all->stamps, stamps, sizeof(all->stamps));
    drop_locked(all->now);
    all->now = made;
    return status;
}

/** Takes the lock. */
static void look(lambda__identities *all)
{
    stamp stamps[2] = {{.there = false}, {.there = false}};
    for (int i = 0; i < 2; i++)
        if (all->paths[i]) stamps[i] = stamp_of(all->paths[i]);
    pthread_mutex_lock(&all->lock);
    if (!all->paths[CREDENTIALS]) return;
    if (!unchanged(&all->stamps[0], &stamps[0]) || !unchanged(&all->stamps[1], &stamps[1]))
        (void)load_locked(all, stamps);
}

/* ---- what others call */

static void release_locked(lambda__identities *all)
{
    bool last = --all->references == 0;
    pthread_mutex_unlock(&all->lock);
    if (!last) return;
    pthread_mutex_destroy(&all->lock);
    free(all->paths[0]);
    free(all->paths[1]);
    free(all);
}

static lambda_status open_files(lambda__identities *all, const char *credentials, const char *identities)
{
    stamp stamps[2] = {{.there = false}, {.there = false}};
    const char *paths[2] = {credentials, identities};
    for (int i = 0; i < 2; i++) {
        if (!paths[i]) continue;
        all->paths[i] = strdup(paths[i]);
        if (!all->paths[i]) return no_memory();
        stamps[i] = stamp_of(paths[i]);
    }
    if (credentials) return load_locked(all, stamps);
    json_t *document = NULL;
    struct stat about;
    lambda_status status = identities ? read_identities(identities, &document, &about) : LAMBDA_OK;
    json_decref(document);
    return status;
}

lambda_status lambda__identities_open(const char *credentials, const char *identities, const char *account_id,
                                      lambda__identities **all)
{
    *all = NULL;
    lambda__identities *made = calloc(1, sizeof(*made));
    if (!made) return no_memory();
    made->references = 1;
    snprintf(made->account_id, sizeof(made->account_id), "%s", account_id);
    if (pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "the system has no mutex to give");
    }
    lambda_status status = open_files(made, credentials, identities);
    if (status == LAMBDA_OK)
        *all = made;
    else
        lambda__identities_close(made);
    return status;
}

void lambda__identities_close(lambda__identities *all)
{
    if (!all) return;
    pthread_mutex_lock(&all->lock);
    drop_locked(all->now);
    all->now = NULL;
    release_locked(all);
}

bool lambda__identities_sound(lambda__identities *all, char why[512])
{
    look(all);
    memcpy(why, all->why, sizeof(all->why));
    pthread_mutex_unlock(&all->lock);
    return !why[0];
}

/** All are looked at, whole, whichever it is. */
static credential *find_in(snapshot *self, const uint64_t id[])
{
    credential *found = NULL;
    for (size_t i = 0; i < self->count; i++) {
        uint64_t differs = 0;
        for (size_t k = 0; k < LAMBDA__KEY_ID_SIZE / sizeof(uint64_t); k++)
            differs |= self->credentials[i].id[k] ^ id[k];
        found = differs == 0 ? &self->credentials[i] : found;
    }
    return found;
}

bool lambda__identities_find(lambda__identities *all, const char *access_key_id, lambda__key *key)
{
    uint64_t id[LAMBDA__KEY_ID_SIZE / sizeof(uint64_t)] = {0};
    size_t length = strlen(access_key_id);
    memset(key, 0, sizeof(*key));
    if (length == 0 || length >= sizeof(id)) return false;
    memcpy(id, access_key_id, length);
    look(all);
    credential *found = all->now ? find_in(all->now, id) : NULL;
    if (found) {
        *key = found->key;
        key->held = all->now;
        key->slot = &found->key;
        all->now->references++;
        all->references++;
    } else {
        *key = all->nobody;
    }
    pthread_mutex_unlock(&all->lock);
    return found != NULL;
}

void lambda__key_keep(lambda__identities *all, const lambda__key *key)
{
    pthread_mutex_lock(&all->lock);
    lambda__key *slot = key->held ? key->slot : &all->nobody;
    memcpy(slot->scope, key->scope, sizeof(slot->scope));
    memcpy(slot->signing, key->signing, sizeof(slot->signing));
    pthread_mutex_unlock(&all->lock);
}

void lambda__key_release(lambda__key *key)
{
    snapshot *held = key->held;
    OPENSSL_cleanse(key, sizeof(*key));
    if (!held) return;
    lambda__identities *all = held->of;
    pthread_mutex_lock(&all->lock);
    drop_locked(held);
    release_locked(all);
}
