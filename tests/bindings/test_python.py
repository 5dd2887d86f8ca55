"""The client for Python, bindings/python/bootstrap.py, against a Runtime API of the test's."""

import json
import os
import re
import shutil
import tempfile
import unittest

from runtime_api import Event, run

HERE = os.path.dirname(os.path.abspath(__file__))
COMMAND = [os.environ.get("TEST_PYTHON", "python3"), "-B", os.path.join(HERE, "../../bindings/python/bootstrap.py")]
FOLDER = os.path.join(HERE, "python")
ID = "00000000-0000-4000-8000-000000000001"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class Python(unittest.TestCase):
    def start(self, handler, *events, folder=FOLDER, **more):
        events = [each if isinstance(each, Event) else Event(each) for each in events]
        return run(COMMAND, events, task_root=folder, handler=handler, **more)

    def test_returns(self):
        outcome = self.start("handlers.returns", {"name": "größer"}, [1, None], 3)
        self.assertEqual([each.kind for each in outcome.answers], ["response"] * 3)
        self.assertEqual(outcome.answers[0].json, {"event": {"name": "größer"}, "count": 1})
        self.assertEqual(outcome.answers[2].json, {"event": 3, "count": 3})
        self.assertEqual(outcome.answers[0].headers["content-type"], "application/json")
        self.assertEqual(self.start("handlers.nothing", {}).answer.body, b"null")
        self.assertEqual(self.start("handlers.numbers", {}).answer.body, '[3, 2.5, "größer"]'.encode())

    def test_one_connection_serves_many_events(self):
        outcome = self.start("handlers.returns", *[{}] * 50)
        self.assertEqual([each.json["count"] for each in outcome.answers], list(range(1, 51)))
        self.assertEqual(outcome.connections, 1)

    def test_context(self):
        event = Event(
            {},
            headers={
                "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
                "Lambda-Runtime-Client-Context": '{"client":{"app_title":"shop"},"custom":{"a":1},"env":{"locale":"de"}}',
                "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"one","cognitoIdentityPoolId":"two"}',
            },
            remaining_ms=20000,
        )
        first, second = (each.json for each in self.start("handlers.context", event, {}).answers)
        self.assertTrue(10000 < first.pop("remaining") <= 20000)
        self.assertTrue(10000 < second.pop("remaining") <= 30000)
        same = {
            "function_name": "shapes",
            "function_version": "7",
            "invoked_function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:shapes:prod",
            "memory_limit_in_mb": "256",
            "log_group_name": "/aws/lambda/shapes",
            "log_stream_name": "2026/01/02/[7]0123456789abcdef0123456789abcdef",
            "name": "handlers",
        }
        self.assertEqual(
            first,
            {
                **same,
                "aws_request_id": ID,
                "identity": ["one", "two"],
                "client": ["shop", None, {"a": 1}, {"locale": "de"}],
                "trace": event.headers["Lambda-Runtime-Trace-Id"],
            },
        )
        self.assertEqual(
            second,
            {
                **same,
                "aws_request_id": "00000000-0000-4000-8000-000000000002",
                "identity": [None, None],
                "client": None,
                "trace": None,
            },
        )

    def test_exceptions(self):
        outcome = self.start("handlers.raises", {}, {})
        self.assertEqual(len(outcome.answers), 2)
        for answer in outcome.answers:
            self.assertEqual((answer.kind, answer.error_type), ("error", "OrderError"))
            told = answer.json
            trace = told.pop("stackTrace")
            self.assertEqual(
                told, {"errorMessage": "no such order", "errorType": "OrderError", "requestId": answer.request_id}
            )
            self.assertEqual(len(trace), 1)
            self.assertRegex(trace[0], r'^  File ".*handlers\.py", line \d+, in raises\n    raise OrderError')
        line = outcome.out.split("\n")[0]
        self.assertTrue(line.startswith("[ERROR] OrderError: no such order\rTraceback (most recent call last):\r  File"), line)

    def test_exceptions_that_are_hard_to_say(self):
        for more in ({}, {"AWS_LAMBDA_LOG_FORMAT": "JSON"}):
            outcome = self.start("handlers.raises_what_is_hard_to_say", "surrogate", "other", "surrogate", **more)
            self.assertEqual([each.kind for each in outcome.answers], ["error"] * 3)
            self.assertEqual([each.json["errorType"] for each in outcome.answers], ["OSError", "Unprintable", "OSError"])
            self.assertIn("no such file", outcome.answers[0].json["errorMessage"])
            self.assertIn("Unprintable", outcome.answers[1].json["errorMessage"])

    def test_what_is_no_json(self):
        for handler, event, kind in [
            ("not_json", {}, "Runtime.MarshalError"),
            ("not_a_number", {}, "Runtime.MarshalError"),
            ("returns", b"{", "Runtime.UnmarshalError"),
            ("returns", b"\xff\xfe\xfd", "Runtime.UnmarshalError"),
        ]:
            with self.subTest(handler):
                outcome = self.start("handlers." + handler, event, {})
                self.assertEqual((outcome.answers[0].kind, outcome.answers[0].error_type), ("error", kind))
                self.assertEqual(len(outcome.answers), 2)

    def test_handlers_in_folders(self):
        self.assertEqual(self.start("folder/deep.handler", {}).answer.json, "folder.deep")
        self.assertEqual(self.start("folder.deep.handler", {}).answer.json, "folder.deep")

    def test_init_errors(self):
        broken = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, broken)
        shutil.copytree(os.path.join(FOLDER, "broken"), broken, dirs_exist_ok=True)
        os.rename(os.path.join(broken, "syntax.py.txt"), os.path.join(broken, "syntax.py"))
        for folder, handler, kind, message in [
            (broken, "syntax.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'syntax': "),
            (broken, "missing.handler", "Runtime.ImportModuleError", "Unable to import module 'missing': "),
            (broken, "absent.handler", "Runtime.ImportModuleError", "Unable to import module 'absent': "),
            (broken, "throws.handler", "TypeError", "while it loads"),
            (FOLDER, "handlers.absent", "Runtime.HandlerNotFound", "Handler 'absent' missing on module 'handlers'"),
            (FOLDER, "handlers", "Runtime.MalformedHandlerName", "Bad handler 'handlers'"),
            (FOLDER, "sys.exit", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys"),
        ]:
            with self.subTest(handler):
                outcome = self.start(handler, folder=folder, ends=True)
                answer = outcome.answer
                self.assertEqual((answer.kind, answer.error_type), ("init error", kind))
                self.assertTrue(answer.json["errorMessage"].startswith(message), answer.json)
                self.assertEqual(outcome.code, 1)
                self.assertTrue(outcome.out.startswith(f"[ERROR] {kind}: "))

    def test_log_lines_in_text(self):
        lines = self.start("handlers.logs", {}).out.split("\n")
        self.assertEqual(lines[0], "plain")
        self.assertRegex(lines[1], "^\\[WARNING\\]\t" + TIME + "\t" + ID + "\ttwo\rlines 2$")
        self.assertRegex(lines[2], "^\\[ERROR\\]\t" + TIME + "\t" + ID + "\tcaught\rTraceback .*OrderError: no such order$")

    def test_log_lines_in_json(self):
        out = self.start("handlers.logs", {}, AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="INFO").out
        self.assertEqual(out.split("\n")[0], "plain")
        lines = [json.loads(each) for each in out.split("\n")[1:] if each]
        self.assertEqual([each["level"] for each in lines], ["INFO", "WARNING", "ERROR"])
        self.assertEqual({each["requestId"] for each in lines}, {ID})
        self.assertEqual({each["logger"] for each in lines}, {"shop"})
        self.assertRegex(lines[0]["timestamp"], "^" + TIME + "$")
        self.assertEqual(lines[1]["message"], "two\nlines 2")
        self.assertEqual((lines[2]["errorType"], lines[2]["errorMessage"]), ("OrderError", "no such order"))
        self.assertEqual(lines[2]["order"], 7)
        self.assertIn("in raises", "".join(lines[2]["stackTrace"]))

    def test_error_line_in_json(self):
        line = json.loads(self.start("handlers.raises", {}, AWS_LAMBDA_LOG_FORMAT="JSON").out)
        self.assertEqual((line["level"], line["errorType"], line["requestId"]), ("ERROR", "OrderError", ID))

    def test_exit(self):
        outcome = self.start("handlers.exits", {}, ends=True)
        self.assertEqual((outcome.code, outcome.answers), (7, []))

    def test_refused_answers(self):
        outcome = self.start("handlers.returns", Event({}, status=413), Event({}, status=500), {}, ends=True)
        self.assertEqual(len(outcome.answers), 2)
        self.assertEqual(outcome.code, 1)
        self.assertIn("status 413", outcome.err)

    def test_example(self):
        folder = os.path.join(HERE, "../../examples/area")
        outcome = self.start("area.handler", {"length": 3, "width": 4}, {"length": "three"}, folder=folder)
        self.assertEqual(outcome.answers[0].body, b'{"area": 12.0}')
        self.assertEqual(outcome.answers[1].error_type, "ValueError")
        self.assertRegex(outcome.out, re.compile("^log group: /aws/lambda/shapes$", re.M))


if __name__ == "__main__":
    unittest.main()
