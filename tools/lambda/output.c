/* What commands print. */
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lambda/service.h>

/* ---- how they end */

static bool colours(int fd)
{
    const char *no = getenv("NO_COLOR");
    return isatty(fd) && (!no || !*no);
}

void tool_say(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fputs(colours(STDERR_FILENO) ? "\033[31mlambda:\033[0m " : "lambda: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/** What to do about an error; NULL: its message says it. */
static const char *next_of(const char *type)
{
    static const char *const NEXT[][2] = {
        {"ResourceNotFoundException", "'lambda list' shows the functions that there are"},
        {"ResourceConflictException",
         "choose another name, or change what is there with 'lambda update' and 'lambda config'"},
        {"TooManyRequestsException", "try again a little later, or raise the function's concurrency"},
        {"RequestTooLargeException", "a smaller event, or a reference to where its data is"},
        {"InvalidZipFileException", "'zip -sf FILE' shows what is in a zip"},
        {"InvalidSignatureException",
         "the keys have to be those of the server's credentials file, and --region its region"},
        {"UnrecognizedClientException", "the keys have to be those of the server's credentials file"},
        {"MissingAuthenticationTokenException", "set AWS_SHARED_CREDENTIALS_FILE to the server's credentials file"},
        {"AccessDeniedException", "an administrator can allow it: the server's --identities file"},
    };
    for (size_t i = 0; i < sizeof NEXT / sizeof *NEXT; i++)
        if (strcmp(NEXT[i][0], type) == 0) return NEXT[i][1];
    return NULL;
}

void tool_say_error(const char *type, const char *message)
{
    const char *next = next_of(type);
    bool colour = colours(STDERR_FILENO);
    fflush(stdout);
    fprintf(stderr, "%slambda:%s %s: %s\n", colour ? "\033[31m" : "", colour ? "\033[0m" : "", type,
            message && *message ? message : "(no message)");
    if (next) fprintf(stderr, "  next: %s\n", next);
}

int tool_failed(lambda_t *lambda, lambda_status status)
{
    const char *message = lambda_error_message(lambda);
    return tool_refused(lambda_status_name(status), message && *message ? message : lambda_status_text(status));
}

/* ---- what they print */

const char *tool_bold(void)
{
    return colours(STDOUT_FILENO) ? "\033[1m" : "";
}

const char *tool_plain(void)
{
    return colours(STDOUT_FILENO) ? "\033[0m" : "";
}

int tool_print_json(json_t *json)
{
    if (!json) return tool_no_memory();
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_decref(json);
    if (!text) return tool_no_memory();
    puts(text);
    free(text);
    return TOOL_OK;
}

static const char *cell(const json_t *rows, size_t row, size_t column)
{
    const char *text = json_string_value(json_array_get(json_array_get(rows, row), column));
    return text ? text : "-";
}

/** Characters of UTF-8, as far as columns go. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        if (((unsigned char)*text & 0xc0) != 0x80) width++;
    return width;
}

static void print_cell(const char *text, int width, bool last)
{
    fputs(text, stdout);
    if (last)
        putchar('\n');
    else
        printf("%*s", width - width_of(text) + 2, "");
}

int tool_print_table(const char *const *headings, json_t *rows)
{
    int widths[16] = {0};
    size_t columns = 0;
    if (!rows) return tool_no_memory();
    for (; columns < 16 && headings[columns]; columns++) {
        widths[columns] = width_of(headings[columns]);
        for (size_t row = 0; row < json_array_size(rows); row++) {
            int width = width_of(cell(rows, row, columns));
            if (width > widths[columns]) widths[columns] = width;
        }
    }
    fputs(tool_bold(), stdout);
    for (size_t i = 0; i < columns; i++)
        print_cell(headings[i], widths[i], i + 1 == columns);
    fputs(tool_plain(), stdout);
    for (size_t row = 0; row < json_array_size(rows); row++)
        for (size_t i = 0; i < columns; i++)
            print_cell(cell(rows, row, i), widths[i], i + 1 == columns);
    json_decref(rows);
    return TOOL_OK;
}

int tool_print_members(const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        if (!json_is_string(value) && !text) return tool_no_memory();
        printf("%s%-24s%s %s\n", tool_bold(), name, tool_plain(), text ? text : json_string_value(value));
        free(text);
    }
    return TOOL_OK;
}
