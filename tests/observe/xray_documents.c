/* Prints documents of many kinds of segments, one a line, for xray_schema.py. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "observe/trace/xray.h"
#include "trace_fixture.h"

static lambda_status print(void *user, const char *text, size_t length)
{
    (void)user;
    return printf("%.*s\n", (int)length, text) < 0 ? LAMBDA_ERROR_SERVICE : LAMBDA_OK;
}

static void write_one(const fixture *f, size_t limit)
{
    if (lambda__xray_write(lambda__base_without_service(), &f->segment, limit, print, NULL) != LAMBDA_OK) exit(1);
}

int main(void)
{
    static fixture f;
    static char text[2001];
    memset(text, '"', 2000);
    fixture_small(&f);
    write_one(&f, 0);
    f.segment.parent_id = 0;
    f.segment.log_group_name = f.segment.log_stream_name = "";
    write_one(&f, 0);
    fixture_full(&f);
    write_one(&f, 64000);
    /* Names, values and messages that X-Ray would not take as they are. */
    f.segment.function_name = f.spans[3].name = "\xC3\xA9|\"\\\xFF";
    f.spans[4].name = "";
    f.spans[2].name = f.annotations[0].value.string = f.spans[2].error_message = text;
    write_one(&f, 0);
    /* Documents of subsegments, a call among them, some with annotations left out. */
    fixture_large(&f, text, 150);
    fixture_span(&f, LAMBDA_TRACE_CALL, 150, "ship", 1, 2);
    for (uint32_t i = 0; i < 40; i++) {
        static char keys[40][8];
        snprintf(keys[i], sizeof(keys[i]), "k_%u", (unsigned)i);
        fixture_annotation(&f, 153, keys[i])->value.string = text;
    }
    write_one(&f, 40000);
    return 0;
}
