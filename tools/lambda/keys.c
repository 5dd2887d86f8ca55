/* Keys: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html */
#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *set(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        text[--length] = '\0';
    return text;
}

static void take(char *line, tool_keys *keys)
{
    char *value = strchr(line, '=');
    if (!value) return;
    *value++ = '\0';
    const char *name = trim(line);
    value = trim(value);
    if (strcasecmp(name, "aws_access_key_id") == 0) snprintf(keys->id, sizeof keys->id, "%s", value);
    if (strcasecmp(name, "aws_secret_access_key") == 0) snprintf(keys->secret, sizeof keys->secret, "%s", value);
    if (strcasecmp(name, "aws_session_token") == 0) snprintf(keys->token, sizeof keys->token, "%s", value);
}

/** The profile of a file. False: it is not there, or has not both keys. */
static bool read_file(const char *path, const char *profile, tool_keys *keys)
{
    char line[5000];
    bool inside = false;
    FILE *file = fopen(path, "re");
    if (!file) return false;
    while (fgets(line, sizeof line, file)) {
        char *text = trim(line);
        if (*text == '#' || *text == ';') continue;
        if (*text == '[') {
            text[strcspn(text, "]")] = '\0';
            inside = strcmp(trim(text + 1), profile) == 0;
        } else if (inside) {
            take(text, keys);
        }
    }
    fclose(file);
    return *keys->id && *keys->secret;
}

bool tool_keys_find(const char *profile, const char *directory, tool_keys *keys, char why[512])
{
    char home[1024] = "";
    char own[1024] = "";
    const char *id = set("AWS_ACCESS_KEY_ID");
    const char *secret = set("AWS_SECRET_ACCESS_KEY");
    const char *token = set("AWS_SESSION_TOKEN");
    *keys = (tool_keys){0};
    if (!profile && id && secret) {
        snprintf(keys->id, sizeof keys->id, "%s", id);
        snprintf(keys->secret, sizeof keys->secret, "%s", secret);
        snprintf(keys->token, sizeof keys->token, "%s", token ? token : "");
        return true;
    }
    if (!profile) profile = set("AWS_PROFILE");
    if (!profile) profile = "default";
    if (set("HOME")) snprintf(home, sizeof home, "%s/.aws/credentials", set("HOME"));
    snprintf(own, sizeof own, "%s/credentials", directory);
    const char *shared = set("AWS_SHARED_CREDENTIALS_FILE");
    const char *const files[] = {shared ? shared : own, shared ? "" : home};
    for (size_t i = 0; i < 2; i++)
        if (*files[i] && read_file(files[i], profile, keys)) return true;
    *keys = (tool_keys){0};
    snprintf(why, 512,
             "no keys: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, nor has %.180s%s%.180s the profile "
             "%.40s",
             files[0], *files[1] ? " or " : "", files[1], profile);
    return false;
}
