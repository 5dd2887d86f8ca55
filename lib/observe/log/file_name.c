#include "observe/log/file.h"

#include <stdio.h>
#include <string.h>

/** Bytes of a part before its rest stands in a folder within; what a system takes is 255. */
#define PART_MAX 200

/** Parts of a group's name that are folders. */
#define PARTS_MAX 16

static bool plain(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           (byte != '\0' && strchr(".-_#", byte));
}

/* ---- folders */

/** A path that is being written. */
typedef struct path_writer {
    char *path;
    size_t size;
    size_t length;
    size_t part; /* bytes of the part so far */
    bool full;
} path_writer;

/** Adds to the path what shall not be torn. */
static void add(path_writer *writer, const char *text)
{
    size_t length = strlen(text);
    if (writer->length + length >= writer->size) {
        writer->full = true;
        return;
    }
    memcpy(writer->path + writer->length, text, length + 1);
    writer->length += length;
    writer->part += length;
}

/** Adds a byte of the group's name, as it is or in hexadecimal digits. */
static void add_byte(path_writer *writer, char byte, bool as_it_is)
{
    char text[4] = {byte};
    if (!as_it_is) snprintf(text, sizeof(text), "%%%02X", (unsigned)(unsigned char)byte);
    if (writer->part + strlen(text) > PART_MAX) {
        add(writer, "/");
        writer->part = 0;
        add(writer, "%+");
    }
    add(writer, text);
}

/** Where in a part the dot stands that may not stand there; SIZE_MAX: nowhere. */
static size_t hidden_dot(const char *part, size_t length)
{
    if ((length == 1 && part[0] == '.') || (length == 2 && memcmp(part, "..", 2) == 0)) return 0;
    return length >= 4 && memcmp(part + length - 4, ".log", 4) == 0 ? length - 4 : SIZE_MAX;
}

bool lambda__log_group_path(const char *group, char *path, size_t size)
{
    path_writer writer = {.path = path, .size = size};
    const char *at = group;
    if (*at == '/')
        at++;
    else
        add(&writer, "%-");
    for (unsigned parts = 1; !writer.full; parts++) {
        /* The last part takes all the rest. */
        size_t length = parts < PARTS_MAX ? strcspn(at, "/") : strlen(at);
        size_t dot = hidden_dot(at, length);
        if (length == 0) add(&writer, "%");
        for (size_t i = 0; i < length; i++)
            add_byte(&writer, at[i], plain(at[i]) && i != dot);
        at += length;
        if (*at == '\0') break;
        at++;
        add(&writer, "/");
        writer.part = 0;
    }
    return !writer.full;
}

bool lambda__log_group_part(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++)
        if (!plain(name[i]) && name[i] != '%' && name[i] != '+') return false;
    return length > 0;
}

/* ---- files */

/** Days from 0000-03-01, of the calendar as if it had always been so, to a year that begins in March. */
static uint64_t days_to_year(uint64_t year)
{
    return year * 365 + year / 4 - year / 100 + year / 400;
}

/** Days from the first of March to the first of a month, 0 being March: 153 for each five months. */
static uint64_t days_to_month(uint64_t month)
{
    return (month * 153 + 2) / 5;
}

/** 1970-01-01 in days from 0000-03-01. */
#define DAYS_TO_1970 719468

void lambda__log_file_name(uint64_t day, uint32_t number, char name[LAMBDA__LOG_FILE_NAME_SIZE])
{
    uint64_t days = day + DAYS_TO_1970;
    uint64_t year = days * 400 / 146097;
    while (days_to_year(year + 1) <= days)
        year++;
    while (days_to_year(year) > days)
        year--;
    days -= days_to_year(year);
    uint64_t month = (days * 5 + 2) / 153;
    days -= days_to_month(month);
    unsigned calendar_month = (unsigned)(month < 10 ? month + 3 : month - 9);
    unsigned calendar_year = (unsigned)(month < 10 ? year : year + 1);
    int length = snprintf(name, LAMBDA__LOG_FILE_NAME_SIZE, "%04u-%02u-%02u", calendar_year % 10000, calendar_month,
                          (unsigned)days + 1);
    if (number > 0) length += snprintf(name + length, LAMBDA__LOG_FILE_NAME_SIZE - (size_t)length, ".%u", number);
    snprintf(name + length, LAMBDA__LOG_FILE_NAME_SIZE - (size_t)length, ".log");
}

/** A number of so many digits; false where there is something else. */
static bool read_digits(const char *text, size_t length, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        *number = *number * 10 + (uint64_t)(text[i] - '0');
    }
    return length > 0;
}

bool lambda__log_file_name_read(const char *name, uint64_t *day, uint32_t *number)
{
    uint64_t year;
    uint64_t month;
    uint64_t date;
    uint64_t count = 0;
    char again[LAMBDA__LOG_FILE_NAME_SIZE];
    size_t length = strlen(name);
    if (length < 14 || length >= sizeof(again)) return false;
    if (!read_digits(name, 4, &year) || !read_digits(name + 5, 2, &month) || !read_digits(name + 8, 2, &date))
        return false;
    if (length > 15 && !read_digits(name + 11, length - 15, &count)) return false;
    if (year < 1970 || month < 1 || month > 12 || date < 1 || date > 31 || count > UINT32_MAX) return false;
    uint64_t march = month > 2 ? month - 3 : month + 9;
    *day = days_to_year(month > 2 ? year : year - 1) + days_to_month(march) + date - 1 - DAYS_TO_1970;
    *number = (uint32_t)count;
    /* What is not written so is none of ours: other separators, zeros in front of a number, a date that there is not. */
    lambda__log_file_name(*day, *number, again);
    return strcmp(again, name) == 0;
}

/* ---- times of lines */

size_t lambda__log_file_time_read(const char *line, size_t length, uint64_t *ns)
{
    /* "YYYY-MM-DD" is the name of a day's file, but for its end. */
    char name[] = "YYYY-MM-DD.log";
    uint64_t day;
    uint32_t number;
    uint64_t hour;
    uint64_t minute;
    uint64_t second;
    uint64_t millisecond;
    if (length < LAMBDA__LOG_FILE_TIME_SIZE - 1) return 0;
    if (line[10] != 'T' || line[13] != ':' || line[16] != ':' || line[19] != '.' || line[23] != 'Z') return 0;
    if (line[24] != ' ' && line[24] != '\t') return 0;
    memcpy(name, line, 10);
    if (!lambda__log_file_name_read(name, &day, &number)) return 0;
    if (!read_digits(line + 11, 2, &hour) || !read_digits(line + 14, 2, &minute) ||
        !read_digits(line + 17, 2, &second) || !read_digits(line + 20, 3, &millisecond))
        return 0;
    if (hour > 23 || minute > 59 || second > 60) return 0;
    *ns = (((day * 24 + hour) * 60 + minute) * 60 + second) * UINT64_C(1000000000) + millisecond * 1000000;
    bool before = length >= LAMBDA__LOG_FILE_TIME_SIZE && line[24] == ' ' && line[25] == ' ';
    return before ? LAMBDA__LOG_FILE_TIME_SIZE : 0;
}
