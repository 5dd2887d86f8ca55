/* lambda logs NAME: the lines of DIR/logs, also while a server writes them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <lambda/log_filter.h>

#include "commands.h"
#include "home.h"
#include "output.h"

const tool_option TOOL_OPTIONS_LOGS[] = {{"data", "DIR", "the data directory (else LAMBDA_DATA, else ./.lambda)"},
                                         {"filter", "PATTERN", "lines that match, in CloudWatch Logs' syntax"},
                                         {"since", "DATE", "of that day and later: YYYY-MM-DD, in UTC"},
                                         {"group", "NAME", "the log group (default /aws/lambda/NAME)"},
                                         {"follow", NULL, "go on with lines as they are written"},
                                         {0}};

typedef struct reading {
    char directory[2048];
    const char *since;
    lambda_log_filter *filter;
    char name[256]; /* the newest file, and what was read of it */
    off_t offset;
} reading;

static bool is_log(const char *name)
{
    size_t length = strlen(name);
    return length >= 14 && strcmp(name + length - 4, ".log") == 0;
}

static int only_logs(const struct dirent *entry)
{
    return is_log(entry->d_name);
}

/** By day, then by the number in "YYYY-MM-DD.2.log"; none is 0. */
static int by_age(const struct dirent **left, const struct dirent **right)
{
    int day = strncmp((*left)->d_name, (*right)->d_name, 10);
    long a = strtol((*left)->d_name + 11, NULL, 10);
    long b = strtol((*right)->d_name + 11, NULL, 10);
    return day ? day : (a > b) - (a < b);
}

/** Prints the whole lines of a file from an offset, and moves it behind them. */
static int print_file(reading *self, const char *name, off_t *offset)
{
    char path[2400];
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    snprintf(path, sizeof path, "%s/%s", self->directory, name);
    FILE *file = fopen(path, "re");
    if (!file) return errno == ENOENT ? TOOL_OK : tool_usage("%s cannot be read: %s", path, strerror(errno));
    fseeko(file, *offset, SEEK_SET);
    while ((length = getline(&line, &size, file)) > 0 && line[length - 1] == '\n') {
        *offset += length;
        if (lambda_log_filter_matches(self->filter, line, (size_t)length - 1)) fwrite(line, 1, (size_t)length, stdout);
    }
    free(line);
    fclose(file);
    return TOOL_OK;
}

/** All that is new: the rest of the newest file so far, and files that came after it. */
static int print_new(reading *self)
{
    struct dirent **entries = NULL;
    int code = TOOL_OK;
    bool behind = !*self->name;
    int count = scandir(self->directory, &entries, only_logs, by_age);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        bool last = strcmp(name, self->name) == 0;
        if (!behind && last) behind = true;
        if (behind && code == TOOL_OK && (!self->since || strncmp(name, self->since, 10) >= 0)) {
            off_t offset = last ? self->offset : 0;
            code = print_file(self, name, &offset);
            snprintf(self->name, sizeof self->name, "%s", name);
            self->offset = offset;
        }
        free(entries[i]);
    }
    free(entries);
    return fflush(stdout) == 0 ? code : TOOL_REFUSED;
}

/** Until it is ended, or the reader of stdout is. */
static int follow(reading *self)
{
    char events[4096];
    int notify = inotify_init1(IN_CLOEXEC);
    if (notify < 0 || inotify_add_watch(notify, self->directory, IN_MODIFY | IN_CREATE) < 0) {
        int error = errno;
        if (notify >= 0) close(notify);
        return tool_refused("ServiceException", strerror(error));
    }
    int code = print_new(self);
    while (code == TOOL_OK) {
        struct pollfd wait[2] = {{.fd = notify, .events = POLLIN}, {.fd = STDOUT_FILENO}};
        if (poll(wait, 2, -1) < 0 || wait[1].revents & (POLLERR | POLLHUP)) break;
        if (read(notify, events, sizeof events) <= 0) break;
        code = print_new(self);
    }
    close(notify);
    return code;
}

static bool is_day(const char *text)
{
    struct tm parts = {0};
    const char *end = text ? strptime(text, "%Y-%m-%d", &parts) : NULL;
    return !text || (end && !*end && strlen(text) == 10);
}

int tool_logs(const tool_arguments *arguments)
{
    char home[768];
    reading self = {.since = tool_option_value(arguments, "since")};
    const char *group = tool_option_value(arguments, "group");
    const char *pattern = tool_option_value(arguments, "filter");
    const char *name = tool_operand(arguments, 0);
    if (!name && !group) return tool_usage("whose? lambda logs NAME, or --group GROUP");
    if (!is_day(self.since)) return tool_usage("--since '%s' has to be a day, YYYY-MM-DD", self.since);
    if (!tool_home_directory(arguments, home)) return TOOL_USAGE;
    if (group && (*group != '/' || strstr(group, "..") || strlen(group) > 512))
        return tool_usage("--group '%s' has to be a log group like /aws/lambda/area", group);
    if (name && (strchr(name, '/') || *name == '.' || strlen(name) > 140))
        return tool_usage("'%s' is no function's name", name);
    snprintf(self.directory, sizeof self.directory, "%s/logs%s%s", home, group ? group : "/aws/lambda/",
             group ? "" : name);
    if (access(self.directory, R_OK | X_OK) != 0)
        return tool_refused("ResourceNotFoundException",
                            "there are no logs of it in the data directory: it may never have run");
    lambda_status status = pattern ? lambda_log_filter_new(pattern, NULL, &self.filter) : LAMBDA_OK;
    if (status != LAMBDA_OK) return tool_usage("--filter: %s", lambda_error_message(NULL));
    int code = tool_option_value(arguments, "follow") ? follow(&self) : print_new(&self);
    lambda_log_filter_free(self.filter);
    return code;
}
