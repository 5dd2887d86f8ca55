/* Credentials files: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#include <lambda/http.h>
#include <lambda/port/runtime.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "identities.h"

static lambda_status no_memory(void)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
}

static lambda_status refused(const char *path, const char *what)
{
    char words[128];
    int error = errno;
    if (error == ENOMEM) return no_memory();
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: cannot be %s: %s", path, what,
                               strerror_r(error, words, sizeof(words)));
}

bool lambda__identity_name_valid(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-");
    return length >= 1 && length <= 64 && !name[length];
}

/* ---- reading */

static lambda_status read_all(int fd, const char *path, char **text, size_t *length, const struct stat *about)
{
    if (!S_ISREG(about->st_mode) || (uint64_t)about->st_size > LAMBDA__IDENTITIES_BYTES)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: %s", path,
                                   S_ISREG(about->st_mode) ? "is larger than 4 MiB" : "is no file");
    size_t size = (size_t)about->st_size;
    char *data = malloc(size + 1);
    if (!data) return no_memory();
    size_t got = 0;
    while (got < size) {
        ssize_t more = read(fd, data + got, size - got);
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) {
            free(data);
            return refused(path, "read");
        }
        if (more == 0) break;
        got += (size_t)more;
    }
    data[got] = '\0';
    if (strlen(data) != got) {
        free(data);
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: holds a NUL byte", path);
    }
    *text = data;
    *length = got;
    return LAMBDA_OK;
}

lambda_status lambda__file_read(const char *path, char **text, size_t *length, struct stat *about)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return refused(path, "read");
    lambda_status status = fstat(fd, about) == 0 ? read_all(fd, path, text, length, about) : refused(path, "read");
    close(fd);
    return status;
}

/* ---- the format */

typedef struct parser {
    const char *what;
    lambda__section *sections;
    size_t count;
    size_t line;
    bool nested; /* lines that are indented belong to the property above, which is none of ours */
} parser;

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r", text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

static lambda_status wrong(const parser *self, const char *why)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: line %zu: %s", self->what, self->line,
                               why);
}

static lambda_status add_section(parser *self, char *name)
{
    char *end = strchr(name, ']');
    if (!end) return wrong(self, "a section's name has no ]");
    *end = '\0';
    name = trim(name);
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->sections[i].name, name) == 0) return wrong(self, "there is a section of that name above");
    if ((self->count & (self->count + 1)) == 0) { /* full at 0, 1, 3, 7, ... */
        lambda__section *more = realloc(self->sections, 2 * (self->count + 1) * sizeof(*more));
        if (!more) return no_memory();
        self->sections = more;
    }
    self->sections[self->count++] = (lambda__section){.name = name, .line = self->line};
    self->nested = false;
    return LAMBDA_OK;
}

/** A comment may follow a value, after a blank. */
static void cut_comment(char *value)
{
    for (char *c = value; *c; c++) {
        if ((*c == '#' || *c == ';') && (c == value || c[-1] == ' ' || c[-1] == '\t')) {
            *c = '\0';
            return;
        }
    }
}

static lambda_status add_property(parser *self, char *text, bool indented)
{
    if (indented && self->nested) return LAMBDA_OK;
    char *value = strchr(text, '=');
    if (!value) return wrong(self, "is neither [SECTION] nor NAME = VALUE");
    if (self->count == 0) return wrong(self, "stands in no section");
    *value++ = '\0';
    cut_comment(value);
    const char *name = trim(text);
    value = trim(value);
    lambda__section *section = &self->sections[self->count - 1];
    const char **place = strcasecmp(name, "aws_access_key_id") == 0       ? &section->id
                         : strcasecmp(name, "aws_secret_access_key") == 0 ? &section->secret
                         : strcasecmp(name, "aws_session_token") == 0     ? &section->token
                                                                          : NULL;
    self->nested = !place && !*value;
    if (!place) return LAMBDA_OK; /* of other programs: regions, roles */
    if (*place) return wrong(self, "its section has that already");
    if (!*value) return wrong(self, "has no value");
    *place = value;
    return LAMBDA_OK;
}

static lambda_status parse_line(parser *self, char *line)
{
    bool indented = *line == ' ' || *line == '\t';
    char *text = trim(line);
    if (!*text || *text == '#' || *text == ';') return LAMBDA_OK;
    return *text == '[' ? add_section(self, text + 1) : add_property(self, text, indented);
}

lambda_status lambda__credentials_parse(char *text, const char *what, lambda__section **sections, size_t *count)
{
    parser self = {.what = what};
    lambda_status status = LAMBDA_OK;
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) text += 3;
    while (text && status == LAMBDA_OK) {
        char *line = strsep(&text, "\n");
        self.line++;
        status = parse_line(&self, line);
    }
    if (status != LAMBDA_OK) {
        free(self.sections);
        self = (parser){.count = 0};
    }
    *sections = self.sections;
    *count = self.count;
    return status;
}

/* ---- a new key */

static bool make_key(char id[21], char secret[41])
{
    static const char ID[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    static const char SECRET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[56];
    if (RAND_priv_bytes(bytes, sizeof(bytes)) != 1) return false;
    snprintf(id, 21, "AKIA");
    for (size_t i = 0; i < 16; i++)
        id[4 + i] = ID[bytes[i] % 32];
    for (size_t i = 0; i < 40; i++)
        secret[i] = SECRET[bytes[16 + i] % 64];
    id[20] = secret[40] = '\0';
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return true;
}

static bool write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        data += written;
        length -= (size_t)written;
    }
    return true;
}

/** What is there is refused if it is no credentials file, or has that section. */
static lambda_status check_old(const char *path, const char *name, const char *old)
{
    char *copy = strdup(old);
    if (!copy) return no_memory();
    lambda__section *sections;
    size_t count;
    lambda_status status = lambda__credentials_parse(copy, path, &sections, &count);
    for (size_t i = 0; i < count && status == LAMBDA_OK; i++)
        if (strcmp(sections[i].name, name) == 0)
            status = lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_CONFLICT,
                                         "%s: line %zu: there is a section [%s] already", path, sections[i].line, name);
    free(sections);
    OPENSSL_cleanse(copy, strlen(old));
    free(copy);
    return status;
}

/** The directory's own entry is on disk too when this returns. */
static bool synchronise_directory(const char *path)
{
    char directory[4096];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + (slash == path) : 1;
    if (length >= sizeof(directory)) return errno = ENAMETOOLONG, false;
    memcpy(directory, slash ? path : ".", length);
    directory[length] = '\0';
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    bool done = fsync(fd) == 0;
    close(fd);
    return done;
}

/** The file anew under another name, then in its place. EEXIST where a new file was made by somebody else meanwhile. */
static bool put(const char *path, const char *spare, int fd, const char *old, const char *section, bool is_new)
{
    size_t length = old ? strlen(old) : 0;
    bool cut = length > 0 && old[length - 1] != '\n';
    if (!(length == 0 || write_all(fd, old, length)) || !(!cut || write_all(fd, "\n", 1)) ||
        !write_all(fd, section, strlen(section)) || fsync(fd) != 0)
        return false;
    if (is_new ? link(spare, path) != 0 : rename(spare, path) != 0) return false;
    return synchronise_directory(path);
}

static lambda_status put_section(const char *path, const char *old, const char *section, bool is_new, bool *again)
{
    char spare[4096];
    int length = snprintf(spare, sizeof(spare), "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof(spare)) {
        errno = ENAMETOOLONG;
        return refused(path, "written");
    }
    int fd = mkostemp(spare, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) return refused(path, "written");
    lambda_status status = LAMBDA_OK;
    if (!put(path, spare, fd, old, section, is_new)) {
        *again = is_new && errno == EEXIST;
        if (!*again) status = refused(path, "written");
    }
    close(fd);
    unlink(spare);
    return status;
}

/** One try. `*again`: the file was replaced by somebody else meanwhile. */
static lambda_status add_to_file(const char *path, const char *name, const char *section, bool *again)
{
    *again = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT) return refused(path, "read");
    if (fd < 0) return put_section(path, NULL, section, true, again);
    char *old = NULL;
    size_t length = 0;
    struct stat about;
    struct stat now;
    lambda_status status = LAMBDA_OK;
    /* Who else adds a section waits for this one, and then finds another file in its place. */
    if (flock(fd, LOCK_EX) != 0 || fstat(fd, &about) != 0) {
        status = refused(path, "locked");
    } else if (stat(path, &now) != 0 || now.st_ino != about.st_ino || now.st_dev != about.st_dev) {
        *again = true;
    } else {
        status = read_all(fd, path, &old, &length, &about);
        if (old) status = check_old(path, name, old); /* else it failed */
        if (old && status == LAMBDA_OK) status = put_section(path, old, section, false, again);
    }
    close(fd);
    if (old) OPENSSL_cleanse(old, length);
    free(old);
    return status;
}

/** Blanks the buffers, too. */
static lambda_status check_arguments(const char *path, const char *name, char *access_key_id, char *secret_access_key)
{
    if (access_key_id) access_key_id[0] = '\0';
    if (secret_access_key) secret_access_key[0] = '\0';
    if (!path || !*path || !name || !access_key_id || !secret_access_key)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL or empty",
                                   !path || !*path  ? "path"
                                   : !name          ? "name"
                                   : !access_key_id ? "access_key_id"
                                                    : "secret_access_key");
    if (!lambda__identity_name_valid(name))
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                                   "name: \"%.80s\" is not 1 to 64 of A-Z a-z 0-9 + = , . @ _ -", name);
    return LAMBDA_OK;
}

lambda_status lambda_credentials_create(const char *path, const char *name, char access_key_id[21],
                                        char secret_access_key[41])
{
    lambda_status status = check_arguments(path, name, access_key_id, secret_access_key);
    if (status != LAMBDA_OK) return status;
    char id[21];
    char secret[41];
    char section[256];
    if (!make_key(id, secret))
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "libcrypto has no random bytes to give");
    snprintf(section, sizeof(section), "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", name, id, secret);
    char *real = realpath(path, NULL); /* a symbolic link stays one */
    bool again = true;
    for (int i = 0; i < 100 && again && status == LAMBDA_OK; i++)
        status = add_to_file(real ? real : path, name, section, &again);
    if (status == LAMBDA_OK && again)
        status = lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_CONFLICT, "%s: is replaced all the time", path);
    if (status == LAMBDA_OK) {
        memcpy(access_key_id, id, sizeof(id));
        memcpy(secret_access_key, secret, sizeof(secret));
    }
    free(real);
    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(section, sizeof(section));
    return status;
}
