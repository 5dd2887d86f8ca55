#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int text_error(char *text, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, LAMBDA__WIRE_TEXT, format, arguments);
    va_end(arguments);
    if (length >= 0 && length < LAMBDA__WIRE_TEXT)
        snprintf(text + length, (size_t)(LAMBDA__WIRE_TEXT - length), ": %s", strerror(error));
    return error;
}

int file_write(int directory, const char *path, const char *text)
{
    int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    size_t length = strlen(text);
    ssize_t written = write(fd, text, length);
    int error = written == (ssize_t)length ? 0 : written < 0 ? errno : EIO;
    close(fd);
    return error;
}

size_t file_read(int directory, const char *path, char *text, size_t size)
{
    size_t length = 0;
    int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        for (ssize_t got; length < size - 1 && (got = read(fd, text + length, size - 1 - length)) > 0;)
            length += (size_t)got;
        close(fd);
    }
    text[length] = 0;
    return length;
}

bool path_join(char *path, size_t size, const char *a, const char *b)
{
    int length = snprintf(path, size, "%s/%s", a, b);
    return length >= 0 && (size_t)length < size;
}
