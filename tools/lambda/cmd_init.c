/* lambda init: a new project. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "init_files.h"
#include "output.h"

const tool_option TOOL_OPTIONS_INIT[] = {{"runtime", "KIND", "c, node, python or shell (default python)"}, {0}};

static int refuse(const char *path)
{
    int error = errno;
    char text[1200];
    snprintf(text, sizeof text, "%s: %s%s", path, strerror(error),
             error == EEXIST ? "; nothing was overwritten: choose another directory" : "");
    return tool_refused("FileError", text);
}

/** Makes a file that is not there yet. */
static int write_file(const char *directory, const tool_init_file *file)
{
    char path[1100];
    size_t length = strlen(file->text);
    snprintf(path, sizeof path, "%s/%s", directory, file->name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->program ? 0755 : 0644);
    if (fd < 0) return refuse(path);
    for (size_t done = 0; done < length;) {
        ssize_t now = write(fd, file->text + done, length - done);
        if (now < 0 && errno == EINTR) continue;
        if (now < 0) {
            int code = refuse(path);
            close(fd);
            return code;
        }
        done += (size_t)now;
    }
    return close(fd) == 0 ? TOOL_OK : refuse(path);
}

/** Nothing is written where one of the files is there. */
static int check_files(const char *directory, const tool_init_file *files)
{
    char path[1100];
    struct stat found;
    for (; files->name; files++) {
        snprintf(path, sizeof path, "%s/%s", directory, files->name);
        if (lstat(path, &found) != 0) continue;
        errno = EEXIST;
        return refuse(path);
    }
    return TOOL_OK;
}

/** What is done next with it. */
static int tell(const tool_arguments *arguments, const char *directory, const tool_init_kind *kind)
{
    const char *name = strrchr(directory, '/');
    name = name && name[1] ? name + 1 : directory;
    if (strcmp(name, ".") == 0) name = "hello";
    if (tool_option_value(arguments, "json"))
        return tool_print_json(json_pack("{s:s, s:s, s:s, s:s}", "directory", directory, "runtime", kind->runtime,
                                         "handler", kind->handler, "test", kind->test));
    const char *mark = strcmp(kind->package, ".") == 0 ? "" : "/";
    printf("A project is in %s. Next:\n  (cd %s && %s)\n", directory, directory, kind->test);
    if (kind->make) printf("  (cd %s && %s)\n", directory, kind->make);
    printf("  lambda create %s --zip %s%s%s --runtime %s --handler %s\n  lambda invoke %s @%s/event.json\n", name,
           directory, mark, *mark ? kind->package : "", kind->runtime, kind->handler, name, directory);
    return TOOL_OK;
}

int tool_init(const tool_arguments *arguments)
{
    const char *directory = tool_operand(arguments, 0);
    const char *name = tool_option_value(arguments, "runtime");
    const tool_init_kind *kind = TOOL_INIT_KINDS;
    if (!name) name = "python";
    while (kind->name && strcmp(kind->name, name) != 0)
        kind++;
    if (!kind->name) return tool_usage("--runtime %s: there are c, node, python and shell", name);
    if (strlen(directory) > 1000 || !*directory) return tool_usage("the directory's name has to have 1 to 1000 bytes");
    if (mkdir(directory, 0755) != 0 && errno != EEXIST) return refuse(directory);
    int code = check_files(directory, kind->files);
    for (const tool_init_file *file = kind->files; code == TOOL_OK && file->name; file++)
        code = write_file(directory, file);
    return code == TOOL_OK ? tell(arguments, directory, kind) : code;
}
