"""Clients for Node.js against a Runtime API of the test's: bindings/node/bootstrap.mjs, or the one that TEST_NODE_CLIENT names (a program with a handler as its argument)."""

import json
import os
import re
import unittest

from runtime_api import Event, run

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = os.environ.get("TEST_NODE_CLIENT")
OFFICIAL = CLIENT is not None
COMMAND = [os.environ.get("TEST_NODE", "node"), CLIENT or os.path.join(HERE, "../../bindings/node/bootstrap.mjs")]
FOLDER = os.path.join(HERE, "node")
ID = "00000000-0000-4000-8000-000000000001"
STAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def ours(test):
    """What the official client does in a way of its own, or not at all outside of AWS."""
    return unittest.skipIf(OFFICIAL, "not the official client's")(test)


class Node(unittest.TestCase):
    def start(self, handler, *events, folder=FOLDER, **more):
        events = [each if isinstance(each, Event) else Event(each) for each in events]
        command = COMMAND + ([handler] if OFFICIAL else [])
        outcome = run(command, events, task_root=folder, handler=handler, **more)
        # The official client says what it executes.
        outcome.out = re.sub("^Executing '.*\n", "", outcome.out)
        return outcome

    def check_type(self, answer, kind):
        """The type of an error; the official client says it only in the payload."""
        self.assertEqual((answer.kind, answer.json["errorType"]), ("error", kind))
        if not OFFICIAL:
            self.assertEqual(answer.error_type, kind)

    def test_returns(self):
        outcome = self.start("handlers.returns", {"name": "größer"}, [1, None], 3)
        self.assertEqual([each.kind for each in outcome.answers], ["response"] * 3)
        self.assertEqual(outcome.answers[0].json, {"event": {"name": "größer"}, "count": 1})
        self.assertEqual(outcome.answers[2].json, {"event": 3, "count": 3})
        self.assertEqual(outcome.answers[0].request_id, ID)
        self.assertEqual(self.start("handlers.nothing", {}).answer.body, b"null")

    @ours
    def test_one_connection_serves_many_events(self):
        outcome = self.start("handlers.returns", *[{}] * 50)
        self.assertEqual([each.json["count"] for each in outcome.answers], list(range(1, 51)))
        self.assertEqual(outcome.connections, 1)

    def test_context(self):
        event = Event(
            {},
            headers={
                "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
                "Lambda-Runtime-Client-Context": '{"client":{"app_title":"shop"}}',
                "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"one","cognitoIdentityPoolId":"two"}',
            },
            remaining_ms=20000,
        )
        told = self.start("handlers.context", event, {})
        first, second = (each.json for each in told.answers)
        self.assertTrue(10000 < first["remaining"] <= 20000)
        expected = {
            "functionName": "shapes",
            "functionVersion": "7",
            "memoryLimitInMB": "256",
            "logGroupName": "/aws/lambda/shapes",
            "logStreamName": "2026/01/02/[7]0123456789abcdef0123456789abcdef",
            "awsRequestId": ID,
            "invokedFunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:shapes:prod",
            "callbackWaitsForEmptyEventLoop": True,
            "clientContext": {"client": {"app_title": "shop"}},
            "identity": {"cognitoIdentityId": "one", "cognitoIdentityPoolId": "two"},
            "trace": event.headers["Lambda-Runtime-Trace-Id"],
        }
        self.assertEqual({name: first.get(name) for name in expected}, expected)
        self.assertEqual(second["awsRequestId"], "00000000-0000-4000-8000-000000000002")
        self.assertIsNone(second["trace"])
        self.assertIsNone(second.get("clientContext"))

    def check_error(self, answer, kind, message):
        self.check_type(answer, kind)
        told = answer.json
        self.assertEqual((told["errorType"], told["errorMessage"]), (kind, message))
        return told["trace"]

    def test_rejections_and_exceptions(self):
        for handler in ["rejects", "throws"]:
            with self.subTest(handler):
                outcome = self.start("handlers." + handler, {}, {})
                for answer in outcome.answers:
                    trace = self.check_error(answer, "OrderError", "no such order")
                    self.assertEqual(trace[0], "OrderError: no such order")
                    self.assertIn("handlers.mjs", trace[1])
                self.assertEqual(len(outcome.answers), 2)
                self.assertRegex(outcome.lines[0], STAMP + "\t" + ID + "\tERROR\tInvoke Error \t{")
        self.assertEqual(self.check_error(self.start("handlers.throwsText", {}).answer, "string", "text"), [])

    @ours
    def test_errors_that_are_hard_to_tell(self):
        # An error whose own properties are no JSON, as those of HTTP clients lead back to themselves; one that throws when it is read; one without a prototype. The environment goes on.
        for kind, error_type, message in [
            ("circular", "Error", "leads back"),
            ("getter", "object", "an error that cannot be read"),
            ("bare", "object", "an error that cannot be read"),
        ]:
            for variables in [{}, {"AWS_LAMBDA_LOG_FORMAT": "JSON"}]:
                with self.subTest(kind, **variables):
                    outcome = self.start("handlers.throwsTroubled", {"kind": kind}, {"kind": kind}, **variables)
                    for answer in outcome.answers:
                        self.check_error(answer, error_type, message)
                    self.assertEqual(len(outcome.answers), 2)

    def test_callbacks(self):
        self.assertEqual(self.start("handlers.callback", {"name": "a"}).answer.json, {"called": "a"})
        self.check_error(self.start("handlers.callbackError", {}).answer, "OrderError", "through the callback")
        # The answer waits until the event loop is empty, so that the second event sees what the first one left to do.
        self.assertEqual([each.json for each in self.start("handlers.callbackWaits", {}, {}).answers], [{"late": 0}, {"late": 1}])
        goes_on = self.start("handlers.callbackGoesOn", {}, {})
        self.assertEqual([each.json for each in goes_on.answers], [{"waited": False}] * 2)
        self.assertEqual(self.start("handlers.silent", {}, {}).answers[1].body, b"null")

    @ours
    def test_response_that_is_no_json(self):
        answer = self.start("handlers.circular", {}).answer
        self.assertEqual((answer.kind, answer.error_type), ("error", "Runtime.MarshalError"))

    @ours
    def test_event_that_is_no_json(self):
        outcome = self.start("handlers.returns", b"{", {})
        self.assertEqual(outcome.answers[0].error_type, "Runtime.UnmarshalError")
        self.assertEqual(outcome.answers[1].json["count"], 1)

    def test_kinds_of_modules(self):
        for folder, handler, kind in [
            ("common", "index.handler", "CommonJS"),
            ("common", "index.nested.deep.handler", "nested"),
            ("common", "deep/index.handler", "in a folder"),
            ("module", "index.handler", "module"),
        ]:
            with self.subTest(handler=handler, folder=folder):
                answer = self.start(handler, {}, folder=os.path.join(FOLDER, folder)).answer
                self.assertEqual(answer.json, {"kind": kind})

    @ours
    def test_method_has_its_object(self):
        self.assertEqual(self.start("handlers.object.method", {}).answer.json, "hello")

    def test_init_errors(self):
        broken = os.path.join(FOLDER, "broken")
        for folder, handler, kind in [
            (broken, "syntax.handler", "Runtime.UserCodeSyntaxError"),
            (broken, "missing.handler", "Error" if OFFICIAL else "Runtime.ImportModuleError"),
            (broken, "absent.handler", "Runtime.ImportModuleError"),
            (broken, "throws.handler", "TypeError"),
            (FOLDER, "handlers.absent", "Runtime.HandlerNotFound"),
            (FOLDER, "handlers.noFunction", "Runtime.HandlerNotFound"),
            (FOLDER, "handlers", "Runtime.MalformedHandlerName"),
            (FOLDER, "../node/handlers.returns", "Runtime.MalformedHandlerName"),
        ]:
            with self.subTest(handler):
                outcome = self.start(handler, folder=folder, ends=True)
                answer = outcome.answer
                self.assertEqual((answer.kind, answer.error_type), ("init error", kind))
                self.assertEqual(answer.json["errorType"], kind)
                self.assertTrue(answer.json["trace"])
                self.assertNotEqual(outcome.code, 0)

    @ours
    def test_handler_module_that_is_missing(self):
        folder = os.path.join(FOLDER, "broken")
        for handler, message in [
            ("absent.handler", "Error: Cannot find module 'absent': %s has no file \"absent.js\", \"absent.mjs\" or \"absent.cjs\"" % folder),
            ("typed.handler", "Error: Cannot find module 'typed': \"typed.ts\" is TypeScript; compile it to JavaScript first"),
            ("typed/index.handler", "Error: Cannot find module 'typed/index': \"typed/index.mts\" is TypeScript; compile it to JavaScript first"),
        ]:
            with self.subTest(handler):
                outcome = self.start(handler, folder=folder, ends=True)
                told = outcome.answer.json
                self.assertEqual((told["errorType"], told["errorMessage"]), ("Runtime.ImportModuleError", message))
                self.assertNotIn("package.json", outcome.answer.body.decode() + outcome.out + outcome.err)

    @ours
    def test_other_modules_that_are_missing(self):
        # What a handler's own module requires is told as Node.js does, with who wants it.
        outcome = self.start("needs.handler", folder=os.path.join(FOLDER, "broken"), ends=True)
        self.assertEqual(outcome.answer.error_type, "Runtime.ImportModuleError")
        self.assertRegex(outcome.answer.json["errorMessage"], r"Cannot find module './typed'\nRequire stack:\n- .*needs\.cjs")

    def test_log_lines_in_text(self):
        lines = self.start("handlers.logs", {}).out.split("\n")
        start = STAMP + "\t" + ID + "\t"
        self.assertRegex(lines[0], start + r"INFO\tplain \{ a: 1 \}$")
        self.assertRegex(lines[1], start + "DEBUG\ttwo\rlines$")
        self.assertRegex(lines[2], start + r"WARN\t\{ answer: 42 \}$")
        self.assertRegex(lines[3], start + "ERROR\tOrderError: logged\r")
        self.assertRegex(lines[4], start + "ERROR\tfailed: it OrderError: logged too\r")

    def test_log_lines_in_json(self):
        out = self.start("handlers.logs", {}, AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="INFO").out
        lines = [json.loads(each) for each in out.split("\n") if each]
        self.assertEqual([each["level"] for each in lines], ["INFO", "WARN", "ERROR", "ERROR"])
        self.assertEqual({each["requestId"] for each in lines}, {ID})
        self.assertRegex(lines[0]["timestamp"], STAMP + "$")
        self.assertEqual(lines[0]["message"], "plain { a: 1 }")
        self.assertEqual(lines[1]["message"], {"answer": 42})
        self.assertEqual(lines[2]["message"]["errorType"], "OrderError")
        self.assertEqual((lines[3]["errorType"], lines[3]["errorMessage"]), ("OrderError", "logged too"))
        self.assertTrue(lines[3]["message"].startswith("failed: it OrderError"))

    def test_what_nobody_waits_for(self):
        outcome = self.start("handlers.unhandled", {}, ends=True)
        trace = self.check_error(outcome.answer, "Runtime.UnhandledPromiseRejection", "OrderError: nobody waits")
        self.assertTrue(trace)
        self.assertNotEqual(outcome.code, 0)
        outcome = self.start("handlers.uncaught", {}, ends=True)
        self.check_error(outcome.answer, "OrderError", "nobody catches")
        self.assertNotEqual(outcome.code, 0)

    def test_exit(self):
        outcome = self.start("handlers.exits", {}, ends=True)
        self.assertEqual((outcome.code, outcome.answers), (7, []))

    def test_streams(self):
        outcome = self.start("handlers.streams", {"parts": 3}, {"parts": 1})
        first, second = outcome.answers
        self.assertTrue(first.streamed and first.whole and second.whole)
        self.assertEqual(first.body, b"part 0\npart 1\npart 2\n")
        self.assertEqual(first.headers["content-type"], "text/plain")
        self.assertEqual(second.body, b"part 0\n")

    def test_parts_arrive_one_by_one(self):
        seen = []
        self.start("handlers.streams", {"parts": 3, "pause": 100}, on_chunk=lambda answer: seen.append(answer.body))
        self.assertEqual(seen, [b"part 0\n", b"part 0\npart 1\n", b"part 0\npart 1\npart 2\n"])

    def test_large_stream(self):
        answer = self.start("handlers.streamsPipeline", {"parts": 320}).answer
        self.assertTrue(answer.whole)
        self.assertEqual(len(answer.body), 320 * 65536)

    @ours
    def test_stream_that_its_handler_does_not_end(self):
        answer = self.start("handlers.streamsWithoutEnd", {}).answer
        self.assertTrue(answer.streamed and answer.whole)
        self.assertEqual(answer.body, b"all of it")
        self.assertEqual(answer.headers["content-type"], "application/octet-stream")

    def test_http_stream(self):
        answer = self.start("handlers.streamsHttp", {}).answer
        self.assertEqual(answer.headers["content-type"], "application/vnd.awslambda.http-integration-response")
        prelude, body = answer.body.split(b"\0" * 8)
        self.assertEqual(json.loads(prelude), {"statusCode": 201, "headers": {"X-Shape": "square"}})
        self.assertEqual(body, b"body")

    def test_error_in_the_middle_of_a_stream(self):
        outcome = self.start("handlers.streamFails", {}, {})
        for answer in outcome.answers:
            self.assertTrue(answer.streamed and answer.whole)
            self.assertEqual(answer.body, b"before")
            self.assertEqual(answer.trailers["lambda-runtime-function-error-type"], "OrderError")
            self.assertEqual(answer.trailing_error["errorMessage"], "in the middle")
        self.assertEqual(len(outcome.answers), 2)

    @ours
    def test_error_behind_queued_writes(self):
        for how in ["throw", "reject", "cork", "destroy", "pipeline", "uncaught", "unhandled"]:
            for parts, size in [(5, 7), (200, 65536)]:
                with self.subTest(how=how, parts=parts):
                    ends = how in ("uncaught", "unhandled")
                    event = {"how": how, "parts": parts, "size": size}
                    outcome = self.start("handlers.streamQueues", *[event] * (1 if ends else 2), ends=ends)
                    self.assertEqual(len(outcome.answers), 1 if ends else 2)
                    for answer in outcome.answers:
                        self.assertTrue(answer.streamed and answer.whole)
                        expected = b"".join(bytes([97 + i % 26]) * size for i in range(parts))
                        self.assertTrue(answer.body == expected, "%d of %d bytes" % (len(answer.body), len(expected)))
                        kind = "Runtime.UnhandledPromiseRejection" if how == "unhandled" else "OrderError"
                        self.assertEqual(answer.trailers["lambda-runtime-function-error-type"], kind)
                        self.assertIn("behind the writes", answer.trailing_error["errorMessage"])
                    self.assertEqual(outcome.code in (128, 129), ends)

    @ours
    def test_writes_behind_an_error(self):
        outcome = self.start("handlers.streamGoesOn", {}, {})
        for answer in outcome.answers:
            self.assertEqual(answer.body, b"before")
            self.assertEqual(answer.trailing_error["errorMessage"], "behind the writes")
        self.assertEqual(len(outcome.answers), 2)

    def test_error_before_the_first_byte(self):
        answer = self.start("handlers.streamRejects", {}).answer
        if not OFFICIAL:
            self.check_error(answer, "OrderError", "before the first byte")
            return
        # The official client streams nothing, and the error behind it.
        self.assertTrue(answer.streamed and answer.whole)
        self.assertEqual(answer.body, b"")
        self.assertEqual(answer.trailing_error["errorMessage"], "before the first byte")

    @ours
    def test_exception_in_the_middle_of_a_stream(self):
        outcome = self.start("handlers.streamUncaught", {}, ends=True)
        self.assertEqual(outcome.answer.body, b"before")
        self.assertEqual(outcome.answer.trailing_error["errorMessage"], "nobody catches")
        self.assertNotEqual(outcome.code, 0)

    @ours
    def test_refused_answers(self):
        outcome = self.start("handlers.returns", Event({}, status=413), Event({}, status=500), {}, ends=True)
        self.assertEqual(len(outcome.answers), 2)
        self.assertEqual(outcome.code, 1)
        self.assertIn("status 413", outcome.err)

    def test_example(self):
        folder = os.path.join(HERE, "../../examples/area")
        outcome = self.start("index.handler", {"length": 3, "width": 4}, {"length": "three"}, folder=folder)
        self.assertEqual(outcome.answers[0].json, {"area": 12.0})
        self.check_type(outcome.answers[1], "TypeError")
        self.assertRegex(outcome.out, re.compile(STAMP + "\t" + ID + "\tINFO\tlog group: /aws/lambda/shapes$", re.M))


if __name__ == "__main__":
    unittest.main()
