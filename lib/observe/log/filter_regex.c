/*
 * Regular expressions without parentheses, by a set of states that is a row of bits.
 *
 * An expression is alternatives, and each of those is characters that may repeat. It becomes a row of states, one for each
 * character that may match and one after the last of an alternative, which accepts:
 *
 *     %ab*c|d$%    state  0   1   2   3   4   5
 *                  takes  a   b   c   .   d   .     . accepts; state 5 only at the text's end
 *                  skip       x                     may be passed over: x* and x?
 *                  loop       x                     may stay after it took one: x* and x+
 *                  start  x               x         may begin anywhere; `^`: only with the text
 *
 * A character of the text moves all states that take it on by one, with a shift of the row. States that may be passed over are
 * then passed over by an addition, whose carry runs through neighbours (G. Myers, "A fast bit-vector algorithm for approximate
 * string matching based on dynamic programming", Journal of the ACM 46(3), 1999). The time is that of the text's length times the row's.
 *
 * Characters beyond ASCII can be told apart by no expression: all are the symbol OTHER.
 */
#include "observe/log/filter.h"

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

#define OTHER   128
#define SYMBOLS 129

#define WORDS_MAX ((LAMBDA__FILTER_STATES_MAX + 63) / 64)

typedef struct symbol_set {
    bool has[SYMBOLS];
} symbol_set;

/** Rows of `words` words each, all in one allocation. */
struct lambda__filter_regex {
    size_t words;
    uint64_t *takes[SYMBOLS]; /* the states that take a symbol */
    uint64_t *skips;
    uint64_t *loops;
    uint64_t *starts; /* entered at each character, with those behind that may be skipped to */
    uint64_t *first;  /* entered at the text's start only, likewise */
    uint64_t *accepts;
    uint64_t *accepts_at_end;
    bool begins[SYMBOLS]; /* taken by one of `starts` */
};

/** An expression that is being read: twice, at first to count its states. */
typedef struct regex_compiler {
    lambda__filter_reader *reader;
    size_t end;                  /* the closing percent sign */
    lambda__filter_regex *regex; /* NULL while states are counted */
    size_t states;
} regex_compiler;

static void set_bit(uint64_t *row, size_t bit)
{
    row[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* ---- reading */

static char peek(const regex_compiler *compiler)
{
    if (compiler->reader->at >= compiler->end) return '\0';
    return lambda__filter_peek(compiler->reader);
}

static lambda_status fail(const regex_compiler *compiler, const char *what)
{
    return lambda__filter_fail(compiler->reader, compiler->reader->at, "%s", what);
}

static void add_kind(symbol_set *set, char kind)
{
    for (int symbol = 0; symbol < SYMBOLS; symbol++) {
        bool in = false;
        if (symbol != OTHER) {
            if (kind == 'd' || kind == 'D') in = symbol >= '0' && symbol <= '9';
            if (kind == 's' || kind == 'S') in = lambda__filter_blank((char)symbol);
            if (kind == 'w' || kind == 'W') in = lambda__filter_letter_or_digit((char)symbol) || symbol == '_';
        }
        if (in == (kind >= 'a')) set->has[symbol] = true;
    }
}

static int hexadecimal(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/** After `\x`. */
static lambda_status read_hexadecimal(regex_compiler *compiler, int *symbol)
{
    int high = hexadecimal(peek(compiler));
    if (high >= 0) compiler->reader->at++;
    int low = high >= 0 ? hexadecimal(peek(compiler)) : -1;
    if (low < 0) return fail(compiler, "\\x without two hexadecimal digits");
    if (high > 7) return fail(compiler, "\\x beyond 7F, which is not ASCII");
    compiler->reader->at++;
    *symbol = high * 16 + low;
    return LAMBDA_OK;
}

/** What may stand in an expression, apart from operators. */
static bool is_plain(char character)
{
    return lambda__filter_letter_or_digit(character) || (character != '\0' && strchr(" :_#=@/;,-", character));
}

static bool is_operator(char character)
{
    return character != '\0' && strchr("^$?[]{}|\\*+.", character);
}

/** After a backslash. `*symbol` is -1 for a kind, which is added to `set`. */
static lambda_status read_escape(regex_compiler *compiler, symbol_set *set, int *symbol)
{
    char escaped = peek(compiler);
    *symbol = (unsigned char)escaped;
    if (escaped != '\0' && strchr("dDsSwW", escaped)) {
        add_kind(set, escaped);
        *symbol = -1;
    } else if (escaped == 'x') {
        compiler->reader->at++;
        return read_hexadecimal(compiler, symbol);
    } else if (escaped == 't') {
        *symbol = '\t';
    } else if (escaped == 'n') {
        *symbol = '\n';
    } else if (!is_operator(escaped) && (!is_plain(escaped) || lambda__filter_letter_or_digit(escaped))) {
        return fail(compiler, "an unknown escape (symbols are \\xhh)");
    }
    compiler->reader->at++;
    return LAMBDA_OK;
}

static lambda_status refuse_symbol(const regex_compiler *compiler)
{
    char next = peek(compiler);
    if ((unsigned char)next >= 0x80) return fail(compiler, "a regular expression with what is not ASCII");
    if (next == '(' || next == ')')
        return fail(compiler, "a regular expression with a parenthesis (as symbols \\x28, \\x29)");
    return lambda__filter_fail(compiler->reader, compiler->reader->at,
                               "a regular expression with %c (as a symbol \\x%02X)", next,
                               (unsigned)(unsigned char)next);
}

/** A character between square brackets, -1 for a kind. */
static lambda_status read_member(regex_compiler *compiler, symbol_set *set, int *symbol)
{
    char next = peek(compiler);
    if (next == '\0') return fail(compiler, "unclosed [");
    if (next == '[') return fail(compiler, "[ within [] (use \\[)");
    if (next != '\\' && !is_plain(next) && !is_operator(next)) return refuse_symbol(compiler);
    compiler->reader->at++;
    *symbol = (unsigned char)next;
    return next == '\\' ? read_escape(compiler, set, symbol) : LAMBDA_OK;
}

/** After `[`. */
static lambda_status read_class(regex_compiler *compiler, symbol_set *set)
{
    lambda__filter_reader *reader = compiler->reader;
    bool negated = peek(compiler) == '^';
    if (negated) reader->at++;
    if (peek(compiler) == ']') return fail(compiler, "nothing between [ and ]");
    while (peek(compiler) != ']') {
        int from, to;
        lambda_status status = read_member(compiler, set, &from);
        if (status != LAMBDA_OK) return status;
        to = from;
        bool range = peek(compiler) == '-' && reader->at + 1 < compiler->end && reader->pattern[reader->at + 1] != ']';
        if (range && from >= 0) {
            reader->at++;
            size_t start = reader->at;
            status = read_member(compiler, set, &to);
            if (status != LAMBDA_OK) return status;
            if (to < 0) return lambda__filter_fail(reader, start, "a range without its end");
            if (to < from) return lambda__filter_fail(reader, start, "a range that ends before it begins");
        }
        for (int symbol = from; symbol >= 0 && symbol <= to; symbol++)
            set->has[symbol] = true;
    }
    reader->at++;
    for (int symbol = 0; negated && symbol < SYMBOLS; symbol++)
        set->has[symbol] = !set->has[symbol];
    return LAMBDA_OK;
}

/** One character of an expression: what it takes. */
static lambda_status read_character(regex_compiler *compiler, symbol_set *set)
{
    char next = peek(compiler);
    int symbol = (unsigned char)next;
    lambda_status status = LAMBDA_OK;
    memset(set, 0, sizeof(*set));
    switch (next) {
    case '?':
    case '*':
    case '+':
    case '{':
        return fail(compiler, "nothing to repeat");
    case ']':
    case '}':
        return lambda__filter_fail(compiler->reader, compiler->reader->at, "%c that closes nothing", next);
    case '^':
        return fail(compiler, "^ that is not at an alternative's start");
    case '$':
        return fail(compiler, "$ that is not at an alternative's end");
    case '[':
        compiler->reader->at++;
        return read_class(compiler, set);
    case '.':
        compiler->reader->at++;
        memset(set, true, sizeof(*set));
        return LAMBDA_OK;
    case '\\':
        compiler->reader->at++;
        status = read_escape(compiler, set, &symbol);
        break;
    default:
        if (!is_plain(next)) return refuse_symbol(compiler);
        compiler->reader->at++;
    }
    if (status == LAMBDA_OK && symbol >= 0) set->has[symbol] = true;
    return status;
}

static bool read_count(regex_compiler *compiler, size_t *count)
{
    size_t start = compiler->reader->at;
    *count = 0;
    for (char next = peek(compiler); next >= '0' && next <= '9'; next = peek(compiler)) {
        if (*count <= LAMBDA__FILTER_STATES_MAX) *count = *count * 10 + (size_t)(next - '0');
        compiler->reader->at++;
    }
    return compiler->reader->at > start;
}

/** After `{`. */
static lambda_status read_counts(regex_compiler *compiler, size_t *least, size_t *most)
{
    bool has_least = read_count(compiler, least);
    bool has_most = has_least;
    *most = *least;
    if (peek(compiler) == ',') {
        compiler->reader->at++;
        has_most = read_count(compiler, most);
        if (!has_most) *most = SIZE_MAX;
    }
    if (!has_least && !has_most) return fail(compiler, "{ without a number");
    if (peek(compiler) != '}') return fail(compiler, "unclosed {");
    if (*least > *most) return fail(compiler, "{ whose first number is the greater");
    compiler->reader->at++;
    return LAMBDA_OK;
}

static lambda_status read_repetition(regex_compiler *compiler, size_t *least, size_t *most)
{
    char next = peek(compiler);
    *least = next == '?' || next == '*' ? 0 : 1;
    *most = next == '*' || next == '+' ? SIZE_MAX : 1;
    if (next != '?' && next != '*' && next != '+' && next != '{') return LAMBDA_OK;
    compiler->reader->at++;
    return next == '{' ? read_counts(compiler, least, most) : LAMBDA_OK;
}

/** The states of one character that is taken `least` to `most` times. */
static lambda_status add_states(regex_compiler *compiler, const symbol_set *set, size_t least, size_t most, size_t at)
{
    bool endless = most == SIZE_MAX;
    size_t count = endless ? (least > 0 ? least : 1) : most;
    if (count > LAMBDA__FILTER_STATES_MAX - compiler->states)
        return lambda__filter_fail(compiler->reader, at, "more than %d states of regular expressions",
                                   LAMBDA__FILTER_STATES_MAX);
    lambda__filter_regex *regex = compiler->regex;
    for (size_t i = 0; regex && i < count; i++) {
        size_t state = compiler->states + i;
        for (int symbol = 0; symbol < SYMBOLS; symbol++)
            if (set->has[symbol]) set_bit(regex->takes[symbol], state);
        if (i >= least) set_bit(regex->skips, state);
        if (endless && i == count - 1) set_bit(regex->loops, state);
    }
    compiler->states += count;
    return LAMBDA_OK;
}

static lambda_status read_alternative(regex_compiler *compiler)
{
    lambda__filter_reader *reader = compiler->reader;
    size_t start = reader->at, start_state = compiler->states;
    bool at_start = peek(compiler) == '^', at_end = false;
    if (at_start) reader->at++;
    while (reader->at < compiler->end && peek(compiler) != '|') {
        symbol_set set;
        size_t least, most, at = reader->at;
        if (peek(compiler) == '$' && (at + 1 == compiler->end || reader->pattern[at + 1] == '|')) {
            at_end = true;
            reader->at++;
            break;
        }
        lambda_status status = read_character(compiler, &set);
        if (status == LAMBDA_OK) status = read_repetition(compiler, &least, &most);
        if (status == LAMBDA_OK) status = add_states(compiler, &set, least, most, at);
        if (status != LAMBDA_OK) return status;
    }
    if (reader->at == start) return fail(compiler, "an empty regular expression or alternative of one");
    if (compiler->states == LAMBDA__FILTER_STATES_MAX)
        return lambda__filter_fail(reader, start, "more than %d states of regular expressions",
                                   LAMBDA__FILTER_STATES_MAX);
    if (compiler->regex) {
        set_bit(at_start ? compiler->regex->first : compiler->regex->starts, start_state);
        set_bit(at_end ? compiler->regex->accepts_at_end : compiler->regex->accepts, compiler->states);
    }
    compiler->states++;
    return LAMBDA_OK;
}

static lambda_status read_alternatives(regex_compiler *compiler)
{
    for (;;) {
        lambda_status status = read_alternative(compiler);
        if (status != LAMBDA_OK || peek(compiler) != '|') return status;
        compiler->reader->at++;
    }
}

/** Enters what may be skipped to. */
static void skip(const lambda__filter_regex *regex, uint64_t *row)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < regex->words; i++) {
        uint64_t skips = regex->skips[i];
        uint64_t sum = (row[i] & skips) + skips;
        uint64_t with_carry = sum + carry;
        carry = (sum < skips) | (with_carry < sum);
        row[i] |= with_carry ^ skips;
    }
}

static lambda__filter_regex *make(lambda__filter_reader *reader, size_t states)
{
    lambda__filter_regex *regex = lambda__filter_allocate(reader, sizeof(*regex));
    if (!regex) return NULL;
    regex->words = (states + 63) / 64;
    uint64_t *rows = lambda__filter_allocate(reader, (SYMBOLS + 6) * regex->words * sizeof(*rows));
    if (!rows) return NULL;
    uint64_t **named[] = {&regex->skips, &regex->loops,   &regex->starts,
                          &regex->first, &regex->accepts, &regex->accepts_at_end};
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++, rows += regex->words)
        *named[i] = rows;
    for (size_t i = 0; i < SYMBOLS; i++, rows += regex->words)
        regex->takes[i] = rows;
    return regex;
}

lambda_status lambda__filter_read_regex(lambda__filter_reader *reader, const lambda__filter_regex **regex)
{
    size_t start = reader->at++;
    const char *end = memchr(reader->pattern + reader->at, '%', reader->length - reader->at);
    if (!end) return lambda__filter_fail(reader, start, "unclosed %%");
    size_t states_before = reader->states;
    regex_compiler compiler = {.reader = reader, .end = (size_t)(end - reader->pattern), .states = states_before};
    lambda_status status = read_alternatives(&compiler);
    if (status != LAMBDA_OK) return status;
    reader->states = compiler.states;
    compiler.regex = make(reader, compiler.states - states_before);
    if (!compiler.regex) return LAMBDA_ERROR_OUT_OF_MEMORY;
    reader->at = start + 1;
    compiler.states = 0;
    status = read_alternatives(&compiler);
    if (status != LAMBDA_OK) return status;
    reader->at = compiler.end + 1;
    skip(compiler.regex, compiler.regex->starts);
    skip(compiler.regex, compiler.regex->first);
    for (size_t symbol = 0; symbol < SYMBOLS; symbol++)
        for (size_t i = 0; i < compiler.regex->words; i++)
            if (compiler.regex->starts[i] & compiler.regex->takes[symbol][i]) compiler.regex->begins[symbol] = true;
    *regex = compiler.regex;
    return LAMBDA_OK;
}

/* ---- matching */

/** The symbol of the text's next character, and the character's length. */
static size_t next_symbol(const char *text, size_t length, size_t *bytes)
{
    *bytes = 1;
    unsigned char first = (unsigned char)*text;
    if (first < 0x80) return first;
    size_t sequence = lambda__utf8_length(text, length);
    if (sequence > 0) *bytes = sequence;
    return OTHER;
}

static bool common(const uint64_t *left, const uint64_t *right, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (left[i] & right[i]) return true;
    return false;
}

/** One symbol: the states after it. False if no state but the starting ones is left. */
static bool step(const lambda__filter_regex *regex, size_t symbol, uint64_t *row)
{
    const uint64_t *takes = regex->takes[symbol];
    uint64_t shifted = 0, any = 0;
    for (size_t i = 0; i < regex->words; i++) {
        uint64_t taking = row[i] & takes[i];
        row[i] = taking << 1 | shifted | (taking & regex->loops[i]);
        shifted = taking >> 63;
        any |= row[i];
    }
    if (any) skip(regex, row);
    for (size_t i = 0; i < regex->words; i++)
        row[i] |= regex->starts[i];
    return any != 0;
}

bool lambda__filter_regex_matches(const lambda__filter_regex *regex, const char *text, size_t length)
{
    uint64_t row[WORDS_MAX];
    bool begun = true; /* another state than the starting ones may be in the row */
    for (size_t i = 0; i < regex->words; i++)
        row[i] = regex->starts[i] | regex->first[i];
    for (size_t at = 0; at < length;) {
        if (common(row, regex->accepts, regex->words)) return true;
        size_t bytes, symbol = next_symbol(text + at, length - at, &bytes);
        at += bytes;
        /* Where nothing has begun, most characters begin nothing. */
        if (begun || regex->begins[symbol]) begun = step(regex, symbol, row);
    }
    return common(row, regex->accepts, regex->words) || common(row, regex->accepts_at_end, regex->words);
}
