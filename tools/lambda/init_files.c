/* The files of new projects: a function that greets, and its test. */
#include "init_files.h"

#include <stddef.h>

static const char EVENT[] = "{\"name\": \"World\"}\n";

/* ---- C */

static const char C_HANDLER_H[] =
    "/* The function: its event is {\"name\": TEXT}, its answer {\"greeting\": TEXT}. */\n"
    "#ifndef HANDLER_H\n"
    "#define HANDLER_H\n"
    "\n"
    "#include <lambda/bootstrap.h>\n"
    "\n"
    "lambda_status handler(const lambda_event *event, lambda_context *context, lambda_response *response);\n"
    "\n"
    "#endif\n";

static const char C_HANDLER[] =
    "#include \"handler.h\"\n"
    "\n"
    "#include <stdio.h>\n"
    "\n"
    "lambda_status handler(const lambda_event *event, lambda_context *context, lambda_response *response)\n"
    "{\n"
    "    const char *name;\n"
    "    char greeting[256];\n"
    "    lambda_status status = lambda_event_unpack(event, \"{s:s}\", \"name\", &name);\n"
    "    if (status != LAMBDA_OK) return status;\n"
    "    lambda_log(context, LAMBDA_LOG_INFO, \"greeting %s\", name);\n"
    "    snprintf(greeting, sizeof greeting, \"Hello, %s!\", name);\n"
    "    return lambda_response_pack(response, \"{s:s}\", \"greeting\", greeting);\n"
    "}\n";

static const char C_MAIN[] = "#include \"handler.h\"\n"
                             "\n"
                             "int main(void)\n"
                             "{\n"
                             "    return lambda_bootstrap_run(handler);\n"
                             "}\n";

static const char C_TEST[] =
    "/* Calls the handler with what Lambda would give it. */\n"
    "#include <stdio.h>\n"
    "#include <string.h>\n"
    "\n"
    "#include <lambda/lambda.h>\n"
    "#include <lambda/testing.h>\n"
    "\n"
    "#include \"handler.h\"\n"
    "\n"
    "static int expect(lambda_t *lambda, const char *text, const char *answer)\n"
    "{\n"
    "    lambda_context *context = NULL;\n"
    "    lambda_event *event = NULL;\n"
    "    lambda_response *response = NULL;\n"
    "    lambda_bytes payload = {text, strlen(text)};\n"
    "    int failed = 1;\n"
    "    if (lambda_test_context_new(lambda, NULL, &context) == LAMBDA_OK &&\n"
    "        lambda_test_event_new(lambda, payload, &event) == LAMBDA_OK &&\n"
    "        lambda_test_response_new(lambda, &response) == LAMBDA_OK) {\n"
    "        lambda_status status = handler(event, context, response);\n"
    "        const char *got = lambda_test_response_payload(response).data;\n"
    "        failed = answer ? status != LAMBDA_OK || strcmp(got, answer) != 0 : status == LAMBDA_OK;\n"
    "        printf(\"%s: %s\\n\", failed ? \"FAILED\" : \"ok\", text);\n"
    "    }\n"
    "    lambda_test_response_free(response);\n"
    "    lambda_test_event_free(event);\n"
    "    lambda_test_context_free(context);\n"
    "    return failed;\n"
    "}\n"
    "\n"
    "int main(void)\n"
    "{\n"
    "    lambda_t *lambda;\n"
    "    if (lambda_open(NULL, &lambda) != LAMBDA_OK) return 1;\n"
    "    int failed = expect(lambda, \"{\\\"name\\\":\\\"World\\\"}\", \"{\\\"greeting\\\":\\\"Hello, World!\\\"}\");\n"
    "    failed |= expect(lambda, \"{}\", NULL);\n"
    "    lambda_close(lambda);\n"
    "    return failed;\n"
    "}\n";

static const char C_MAKEFILE[] = "CFLAGS ?= -O2 -Wall -Wextra\n"
                                 "LIBRARIES = $(shell pkg-config --variable=libdir lambda-bootstrap)\n"
                                 "# The library itself goes into the program, so that it runs where there is none.\n"
                                 "LAMBDA = $(shell pkg-config --cflags lambda-bootstrap jansson) \\\n"
                                 "  $(LIBRARIES)/liblambda-bootstrap.a $(LIBRARIES)/liblambda.a \\\n"
                                 "  $(shell pkg-config --libs libcurl jansson libffi) -ldl -lm -pthread\n"
                                 "\n"
                                 "function.zip: bootstrap\n"
                                 "\tzip -q -j $@ bootstrap\n"
                                 "\n"
                                 "bootstrap: main.c handler.c handler.h\n"
                                 "\t$(CC) $(CFLAGS) -o $@ main.c handler.c $(LAMBDA)\n"
                                 "\n"
                                 "test: test_handler.c handler.c handler.h\n"
                                 "\t$(CC) $(CFLAGS) -o test_handler test_handler.c handler.c $(LAMBDA)\n"
                                 "\t./test_handler\n"
                                 "\n"
                                 "clean:\n"
                                 "\trm -f bootstrap test_handler function.zip\n"
                                 "\n"
                                 ".PHONY: test clean\n";

static const tool_init_file C_FILES[] = {{"handler.h", false, C_HANDLER_H},
                                         {"handler.c", false, C_HANDLER},
                                         {"main.c", false, C_MAIN},
                                         {"test_handler.c", false, C_TEST},
                                         {"Makefile", false, C_MAKEFILE},
                                         {"event.json", false, EVENT},
                                         {NULL, false, NULL}};

/* ---- Node.js */

static const char NODE_HANDLER[] = "// The function: its event is {\"name\": TEXT}, its answer {\"greeting\": TEXT}.\n"
                                   "export const handler = async (event) => {\n"
                                   "    // A function URL's event has it in its query: URL?name=World.\n"
                                   "    const { name } = event.queryStringParameters ?? event;\n"
                                   "    if (typeof name !== \"string\") throw new TypeError(\"name is a text\");\n"
                                   "    console.info(`greeting ${name}`);\n"
                                   "    return { greeting: `Hello, ${name}!` };\n"
                                   "};\n";

static const char NODE_TEST[] =
    "import assert from \"node:assert\";\n"
    "import test from \"node:test\";\n"
    "import { handler } from \"./index.mjs\";\n"
    "\n"
    "test(\"greets\", async () => {\n"
    "    assert.deepStrictEqual(await handler({ name: \"World\" }), { greeting: \"Hello, World!\" });\n"
    "});\n"
    "\n"
    "test(\"needs a name\", async () => {\n"
    "    await assert.rejects(handler({}), TypeError);\n"
    "});\n";

static const tool_init_file NODE_FILES[] = {{"index.mjs", false, NODE_HANDLER},
                                            {"test.mjs", false, NODE_TEST},
                                            {"event.json", false, EVENT},
                                            {NULL, false, NULL}};

/* ---- Python */

static const char PYTHON_HANDLER[] =
    "\"\"\"The function: its event is {\"name\": TEXT}, its answer {\"greeting\": TEXT}.\"\"\"\n"
    "\n"
    "\n"
    "def handler(event, context):\n"
    "    # A function URL's event has it in its query: URL?name=World.\n"
    "    name = event.get(\"queryStringParameters\", event)[\"name\"]\n"
    "    print(f\"greeting {name}\")\n"
    "    return {\"greeting\": f\"Hello, {name}!\"}\n";

static const char PYTHON_TEST[] =
    "import unittest\n"
    "\n"
    "from app import handler\n"
    "\n"
    "\n"
    "class Handler(unittest.TestCase):\n"
    "    def test_greets(self):\n"
    "        self.assertEqual(handler({\"name\": \"World\"}, None), {\"greeting\": \"Hello, World!\"})\n"
    "\n"
    "    def test_needs_a_name(self):\n"
    "        with self.assertRaises(KeyError):\n"
    "            handler({}, None)\n"
    "\n"
    "\n"
    "if __name__ == \"__main__\":\n"
    "    unittest.main()\n";

static const tool_init_file PYTHON_FILES[] = {{"app.py", false, PYTHON_HANDLER},
                                              {"test_app.py", false, PYTHON_TEST},
                                              {"event.json", false, EVENT},
                                              {NULL, false, NULL}};

/* ---- the shell */

static const char SHELL_HANDLER[] =
    "# The function: its event {\"name\": TEXT} on standard input, its answer {\"greeting\": TEXT} on standard output. "
    "What it writes to standard error is log.\n"
    "handler() {\n"
    "    name=$(sed -n 's/.*\"name\"[[:space:]]*:[[:space:]]*\"\\([^\"\\\\]*\\)\".*/\\1/p')\n"
    "    [ -n \"$name\" ] || return 1\n"
    "    echo \"greeting $name\" >&2\n"
    "    printf '{\"greeting\":\"Hello, %s!\"}' \"$name\"\n"
    "}\n";

static const char SHELL_BOOTSTRAP[] =
    "#!/bin/bash\n"
    "# Asks the Runtime API for events, and answers them with handler.sh: "
    "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html\n"
    "set -u\n"
    ". \"$LAMBDA_TASK_ROOT/handler.sh\"\n"
    "api=\"http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation\"\n"
    "work=$(mktemp -d)\n"
    "trap 'rm -rf \"$work\"' EXIT\n"
    "trap 'kill \"$!\" 2>/dev/null; exit 0' TERM\n"
    "\n"
    "while true; do\n"
    "    # In the background, as bash runs no trap while it waits for a command in the foreground.\n"
    "    curl -sS --noproxy '*' -D \"$work/headers\" -o \"$work/event\" \"$api/next\" &\n"
    "    wait \"$!\" || exit 1\n"
    "    id=$(tr -d '\\r' <\"$work/headers\" | awk 'tolower($1) == \"lambda-runtime-aws-request-id:\" { print $2 }')\n"
    "    [ -n \"$id\" ] || exit 1\n"
    "    if handler <\"$work/event\" >\"$work/answer\"; then\n"
    "        curl -sS --noproxy '*' -o /dev/null --data-binary @\"$work/answer\" \"$api/$id/response\"\n"
    "    else\n"
    "        curl -sS --noproxy '*' -o /dev/null -H 'Lambda-Runtime-Function-Error-Type: Function.Failed' \\\n"
    "            -d '{\"errorMessage\":\"name is a text\",\"errorType\":\"Function.Failed\",\"stackTrace\":[]}' "
    "\"$api/$id/error\"\n"
    "    fi\n"
    "done\n";

static const char SHELL_TEST[] =
    "#!/bin/bash\n"
    "# Calls the handler as bootstrap does.\n"
    "set -u\n"
    "cd \"$(dirname \"$0\")\" && . ./handler.sh\n"
    "answer=$(handler <event.json)\n"
    "[ \"$answer\" = '{\"greeting\":\"Hello, World!\"}' ] || { echo \"FAILED: $answer\"; exit 1; }\n"
    "echo '{}' | handler && { echo 'FAILED: no name, and no error'; exit 1; }\n"
    "echo ok\n";

static const tool_init_file SHELL_FILES[] = {{"handler.sh", false, SHELL_HANDLER},
                                             {"bootstrap", true, SHELL_BOOTSTRAP},
                                             {"test.sh", true, SHELL_TEST},
                                             {"event.json", false, EVENT},
                                             {NULL, false, NULL}};

const tool_init_kind TOOL_INIT_KINDS[] = {
    {"c", "make test", "make", "function.zip", "provided.al2023", "bootstrap", C_FILES},
    {"node", "node --test test.mjs", NULL, ".", "nodejs20.x", "index.handler", NODE_FILES},
    {"python", "python3 test_app.py", NULL, ".", "python3.11", "app.handler", PYTHON_FILES},
    {"shell", "./test.sh", NULL, ".", "provided.al2023", "bootstrap", SHELL_FILES},
    {0}};
