/* Names of log files: which group, day and number stand where. */
#ifndef LAMBDA_LIB_LOG_FILE_H
#define LAMBDA_LIB_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes of a file's name, its NUL included. */
#define LAMBDA__LOG_FILE_NAME_SIZE 32

/**
 * The path of a group's folder, as lambda/log_file.h says, in parts that are neither empty nor "." nor "..", none beyond 255 bytes. False if
 * `path` is too small.
 */
bool lambda__log_group_path(const char *group, char *path, size_t size);

/** Whether a folder may be a part of such a path. */
bool lambda__log_group_part(const char *name);

/** "YYYY-MM-DD.log" of a day since 1970, and with a number that is not 0 "YYYY-MM-DD.NUMBER.log". */
void lambda__log_file_name(uint64_t day, uint32_t number, char name[LAMBDA__LOG_FILE_NAME_SIZE]);

/** What such a name says; false for any other. */
bool lambda__log_file_name_read(const char *name, uint64_t *day, uint32_t *number);

/** Bytes of a time and two spaces, which may stand before a line: one space or a tab would be the line's own. */
#define LAMBDA__LOG_FILE_TIME_SIZE 26

/** The time that a line begins with, its own too; `*ns` stays where there is none. Bytes that stand before the line. */
size_t lambda__log_file_time_read(const char *line, size_t length, uint64_t *ns);

#endif
