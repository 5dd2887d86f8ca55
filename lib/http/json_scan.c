#include "json_scan.h"

#include <stdio.h>
#include <string.h>

#include "url_text.h"

typedef struct scanner {
    const unsigned char *at;
    const unsigned char *end;
    const char *wanted; /* where it stopped */
    size_t depth;
    unsigned char objects[LAMBDA__JSON_DEPTH / 8]; /* a bit each: what is not an object is an array */
} scanner;

static bool want(scanner *self, const char *what)
{
    self->wanted = what;
    return false;
}

/** The next character behind blanks; 0 at the end, as NUL is in no JSON. */
static unsigned char next(scanner *self)
{
    while (self->at < self->end &&
           (*self->at == ' ' || (*self->at >= '\t' && *self->at <= '\r' && *self->at != '\v' && *self->at != '\f')))
        self->at++;
    return self->at < self->end ? *self->at : 0;
}

static bool is_digit(const scanner *self)
{
    return self->at < self->end && *self->at >= '0' && *self->at <= '9';
}

static bool is_hexadecimal(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/** At a backslash. */
static bool scan_escape(scanner *self)
{
    size_t left = (size_t)(self->end - self->at);
    if (left >= 2 && self->at[1] != '\0' && strchr("\"\\/bfnrt", self->at[1])) {
        self->at += 2;
        return true;
    }
    if (left < 6 || self->at[1] != 'u') return want(self, "an escape");
    for (int i = 2; i < 6; i++)
        if (!is_hexadecimal(self->at[i])) return want(self, "an escape of four digits");
    self->at += 6;
    return true;
}

/** At the quote that begins it. */
static bool scan_string(scanner *self)
{
    self->at++;
    while (self->at < self->end) {
        unsigned char c = *self->at;
        if (c == '"') {
            self->at++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(self)) return false;
        } else if (c < 0x20) {
            return want(self, "no control character");
        } else {
            size_t length = c < 0x80 ? 1 : lambda__url_text_utf8_length(self->at, (size_t)(self->end - self->at));
            if (length == 0) return want(self, "UTF-8");
            self->at += length;
        }
    }
    return want(self, "the end of a string");
}

static bool scan_digits(scanner *self)
{
    if (!is_digit(self)) return want(self, "a digit");
    while (is_digit(self))
        self->at++;
    return true;
}

static bool scan_number(scanner *self)
{
    if (*self->at == '-') self->at++;
    bool zero = self->at < self->end && *self->at == '0';
    if (zero)
        self->at++;
    else if (!scan_digits(self))
        return false;
    if (zero && is_digit(self)) return want(self, "no digit behind a zero");
    if (self->at < self->end && *self->at == '.') {
        self->at++;
        if (!scan_digits(self)) return false;
    }
    if (self->at < self->end && (*self->at == 'e' || *self->at == 'E')) {
        self->at++;
        if (self->at < self->end && (*self->at == '+' || *self->at == '-')) self->at++;
        return scan_digits(self);
    }
    return true;
}

static bool scan_word(scanner *self, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(self->end - self->at) < length || memcmp(self->at, word, length) != 0) return want(self, "a value");
    self->at += length;
    return true;
}

/** What is neither an object nor an array. */
static bool scan_scalar(scanner *self)
{
    switch (next(self)) {
    case '"':
        return scan_string(self);
    case 't':
        return scan_word(self, "true");
    case 'f':
        return scan_word(self, "false");
    case 'n':
        return scan_word(self, "null");
    default:
        return is_digit(self) || (self->at < self->end && *self->at == '-') ? scan_number(self) : want(self, "a value");
    }
}

static bool in_object(const scanner *self)
{
    size_t top = self->depth - 1;
    return self->objects[top / 8] >> top % 8 & 1;
}

/** A member's name and its colon. */
static bool scan_name(scanner *self)
{
    if (next(self) != '"') return want(self, "a name");
    if (!scan_string(self)) return false;
    if (next(self) != ':') return want(self, "a colon");
    self->at++;
    return true;
}

/** At the bracket that opens it. `*empty`: that closes it, too. */
static bool open_one(scanner *self, bool *empty)
{
    bool object = *self->at++ == '{';
    if (self->depth == LAMBDA__JSON_DEPTH) return want(self, "less depth");
    size_t top = self->depth++;
    unsigned char bit = (unsigned char)(1U << top % 8);
    self->objects[top / 8] = (unsigned char)((self->objects[top / 8] & ~bit) | (object ? bit : 0));
    *empty = next(self) == (object ? '}' : ']');
    return *empty || !object || scan_name(self);
}

/** Behind a value: closes what it is the last of, up to a comma or the end of all. */
static bool close_all(scanner *self)
{
    while (self->depth > 0) {
        unsigned char c = next(self);
        bool object = in_object(self);
        if (c == ',') {
            self->at++;
            return !object || scan_name(self);
        }
        if (c != (object ? '}' : ']')) return want(self, "a comma or the closing bracket");
        self->at++;
        self->depth--;
    }
    return next(self) == 0 && self->at == self->end ? true : want(self, "the end");
}

static bool scan(scanner *self)
{
    do {
        bool empty = false;
        unsigned char c = next(self);
        if (c != '{' && c != '[') {
            if (!scan_scalar(self)) return false;
        } else {
            if (!open_one(self, &empty)) return false;
            if (!empty) continue;
        }
        if (!close_all(self)) return false;
        if (self->depth == 0) return true;
    } while (true);
}

bool lambda__json_scan(lambda_bytes text, char why[96])
{
    const unsigned char *begin = text.length > 0 ? text.data : (const unsigned char *)"";
    scanner self = {.at = begin, .end = begin + text.length};
    why[0] = '\0';
    if (scan(&self)) return true;
    size_t line = 1;
    const unsigned char *from = begin;
    for (const unsigned char *c = begin; c < self.at; c++) {
        if (*c != '\n') continue;
        line++;
        from = c + 1;
    }
    snprintf(why, 96, "wanted %s (line: %zu, column: %zu)", self.wanted, line, (size_t)(self.at - from) + 1);
    return false;
}
