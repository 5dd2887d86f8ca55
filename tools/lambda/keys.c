/* Keys and regions: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html */
#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/** What a file says of a profile. */
typedef struct profile_said {
    tool_keys keys;
    char region[64];
    char other[64]; /* a way to keys that is not taken here; "": none */
} profile_said;

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

static void take(char *line, profile_said *said)
{
    static const char *const OTHERS[] = {"credential_process", "role_arn", "sso_session", "sso_start_url",
                                         "web_identity_token_file"};
    char *value = strchr(line, '=');
    if (!value) return;
    *value++ = '\0';
    const char *name = trim(line);
    value = trim(value);
    if (strcasecmp(name, "aws_access_key_id") == 0) snprintf(said->keys.id, sizeof said->keys.id, "%s", value);
    if (strcasecmp(name, "aws_secret_access_key") == 0)
        snprintf(said->keys.secret, sizeof said->keys.secret, "%s", value);
    if (strcasecmp(name, "aws_session_token") == 0) snprintf(said->keys.token, sizeof said->keys.token, "%s", value);
    if (strcasecmp(name, "region") == 0) snprintf(said->region, sizeof said->region, "%s", value);
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        if (strcasecmp(name, OTHERS[i]) == 0) snprintf(said->other, sizeof said->other, "%s", OTHERS[i]);
}

/** Is it the section "[NAME]" of a credentials file, or "[profile NAME]" and "[default]" of a configuration? */
static bool is_section(char *text, const char *profile, bool configuration)
{
    text[strcspn(text, "]")] = '\0';
    text = trim(text + 1);
    if (configuration && strncmp(text, "profile", 7) == 0 && (text[7] == ' ' || text[7] == '\t'))
        text = trim(text + 7);
    else if (configuration && strcmp(text, "default") != 0)
        return false;
    return strcmp(text, profile) == 0;
}

/** The profile of a file; what is not there is "". */
static void read_file(const char *path, const char *profile, bool configuration, profile_said *said)
{
    char line[5000];
    bool inside = false;
    FILE *file = *path ? fopen(path, "re") : NULL;
    *said = (profile_said){0};
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        /* Lines that are indented belong to a member with members of its own, none of which is wanted. */
        const bool nested = configuration && (*line == ' ' || *line == '\t');
        char *text = trim(line);
        if (nested || *text == '#' || *text == ';') continue;
        if (*text == '[')
            inside = is_section(text, profile, configuration);
        else if (inside)
            take(text, said);
    }
    fclose(file);
}

/** "~/.aws/NAME", or what the variable says; "" where there is no home. */
static void aws_file(const char *variable, const char *name, char path[1024])
{
    const char *given = set(variable);
    const char *home = set("HOME");
    *path = '\0';
    if (given)
        snprintf(path, 1024, "%s", given);
    else if (home)
        snprintf(path, 1024, "%s/.aws/%s", home, name);
}

static const char *profile_or_default(const char *profile)
{
    if (!profile) profile = set("AWS_PROFILE");
    return profile ? profile : "default";
}

bool tool_profile_region(const char *profile, char region[64])
{
    char path[1024];
    profile_said said;
    aws_file("AWS_CONFIG_FILE", "config", path);
    read_file(path, profile_or_default(profile), true, &said);
    memcpy(region, said.region, sizeof said.region);
    memset(&said, 0, sizeof said);
    return *region != '\0';
}

static bool from_environment(tool_keys *keys)
{
    const char *id = set("AWS_ACCESS_KEY_ID");
    const char *secret = set("AWS_SECRET_ACCESS_KEY");
    const char *token = set("AWS_SESSION_TOKEN");
    if (!id || !secret) return false;
    snprintf(keys->id, sizeof keys->id, "%s", id);
    snprintf(keys->secret, sizeof keys->secret, "%s", secret);
    snprintf(keys->token, sizeof keys->token, "%s", token ? token : "");
    return true;
}

bool tool_keys_find(const char *profile, const char *directory, tool_keys *keys, char why[1024])
{
    char files[3][1024] = {"", "", ""};
    profile_said said = {0};
    char other[64] = "";
    *keys = (tool_keys){0};
    if (!profile && from_environment(keys)) return true;
    profile = profile_or_default(profile);
    aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", files[1]);
    if (!set("AWS_SHARED_CREDENTIALS_FILE")) snprintf(files[0], sizeof files[0], "%s/credentials", directory);
    aws_file("AWS_CONFIG_FILE", "config", files[2]);
    for (size_t i = 0; i < 3 && !(*keys->id && *keys->secret); i++) {
        read_file(files[i], profile, i == 2, &said);
        *keys = said.keys;
        if (*said.other) memcpy(other, said.other, sizeof other);
    }
    memset(&said, 0, sizeof said);
    if (*keys->id && *keys->secret) return true;
    *keys = (tool_keys){0};
    int length =
        snprintf(why, 1024,
                 "no keys: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, nor has one of these the "
                 "keys of the profile %.60s:",
                 profile);
    for (size_t i = 0; i < 3; i++)
        if (*files[i]) length += snprintf(why + length, 1024 - (size_t)length, " %.180s", files[i]);
    if (*other)
        snprintf(why + length, 1024 - (size_t)length,
                 "\n  next: its %s is not taken here: 'aws configure export-credentials' makes keys of it", other);
    return false;
}
