"""The bootstraps in C and C++, and the program lambda-bootstrap, against a Runtime API of the test's."""

import json
import os
import re
import shutil
import tempfile
import unittest

from runtime_api import Event, run

PROGRAM = os.environ["TEST_BOOTSTRAP_PROGRAM"]
OBJECT = os.environ["TEST_BOOTSTRAP_OBJECT"]
LOADER = os.environ["TEST_BOOTSTRAP_LOADER"]
AREA = os.environ.get("TEST_BOOTSTRAP_AREA")
AREA_CXX = os.environ.get("TEST_BOOTSTRAP_AREA_CXX")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:shapes:prod"
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"


class Program(unittest.TestCase):
    """A program that links the library."""

    def start(self, *events, **more):
        return run([PROGRAM], [each if isinstance(each, Event) else Event(each) for each in events], **more)

    def test_answers_with_what_the_handler_wrote(self):
        outcome = self.start({"do": "echo", "text": "größer"}, {"do": "area", "length": 3, "width": 4})
        self.assertEqual([each.kind for each in outcome.answers], ["response", "response"])
        self.assertEqual(outcome.answers[0].json, {"do": "echo", "text": "größer"})
        self.assertEqual(outcome.answers[1].body, b'{"area":12.0}')
        self.assertFalse(outcome.answers[0].streamed)
        self.assertEqual(outcome.answers[0].headers["content-type"], "application/json")
        self.assertNotIn("expect", outcome.answers[0].headers)
        self.assertEqual(outcome.answers[0].request_id, "00000000-0000-4000-8000-000000000001")
        self.assertEqual(outcome.code, 0)

    def test_one_connection_serves_many_events(self):
        outcome = self.start(*[{"do": "count"}] * 50)
        self.assertEqual([each.json for each in outcome.answers], list(range(1, 51)))
        self.assertEqual(outcome.connections, 1)

    def test_context_has_what_the_runtime_api_says(self):
        event = Event(
            {"do": "describe"},
            request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            remaining_ms=20000,
            headers={
                "Lambda-Runtime-Trace-Id": TRACE,
                "Lambda-Runtime-Client-Context": '{"client":{"app_title":"shop"}}',
                "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"one"}',
            },
        )
        told = self.start(event, {"do": "describe"}, OWN="mine")
        first, second = (each.json for each in told.answers)
        self.assertTrue(10000 < first.pop("remaining") <= 20000)
        self.assertTrue(10000 < second.pop("remaining") <= 30000)
        same = {
            "arn": ARN,
            "name": "shapes",
            "version": "7",
            "handler": "handler",
            "memory": 256,
            "group": "/aws/lambda/shapes",
            "stream": "2026/01/02/[7]0123456789abcdef0123456789abcdef",
            "directory": "/tmp",
            "directory_there": True,
            "own": "mine",
            "none": None,
            "type": "on-demand",
            "user": "the user's",
        }
        self.assertEqual(
            first,
            {
                **same,
                "id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                "client": '{"client":{"app_title":"shop"}}',
                "identity": '{"cognitoIdentityId":"one"}',
                "trace": TRACE,
                "trace_variable": TRACE,
            },
        )
        self.assertEqual(
            second,
            {
                **same,
                "id": "00000000-0000-4000-8000-000000000002",
                "client": "",
                "identity": "",
                "trace": "",
                "trace_variable": None,
            },
        )

    def test_temporary_directory_is_the_processes_own(self):
        with tempfile.TemporaryDirectory() as directory:
            told = self.start({"do": "describe"}, TMPDIR=directory)
            self.assertEqual(told.answer.json["directory"], directory)
            self.assertTrue(os.path.isdir(directory))

    def test_errors_of_the_function(self):
        outcome = self.start({"do": "fail"}, {"do": "status"}, b"no JSON", {"do": "echo"})
        self.assertEqual([each.kind for each in outcome.answers], ["error", "error", "error", "response"])
        first = outcome.answers[0]
        self.assertEqual(first.error_type, "OrderError")
        self.assertEqual(
            first.json,
            {"errorMessage": 'no such "order"', "errorType": "OrderError", "stackTrace": ["handlers.c: fail"]},
        )
        self.assertEqual(outcome.answers[1].error_type, "TooManyRequestsException")
        self.assertEqual(outcome.answers[2].error_type, "InvalidRequestContentException")
        self.assertEqual(outcome.code, 0)

    def test_flushed_responses_are_streamed(self):
        outcome = self.start({"do": "stream", "parts": 3}, {"do": "echo"})
        first, second = outcome.answers
        self.assertTrue(first.streamed and first.whole)
        self.assertEqual(first.chunks, [b"part 0\n", b"part 1\n", b"part 2\n"])
        self.assertEqual(first.headers["content-type"], "text/plain")
        self.assertEqual(first.trailers, {})
        self.assertFalse(second.streamed)

    def test_parts_arrive_while_the_handler_runs(self):
        seen = []
        outcome = self.start({"do": "stream", "parts": 1000}, on_chunk=lambda answer: seen.append(len(answer.chunks)))
        self.assertEqual(outcome.answer.body, b"".join(b"part %d\n" % i for i in range(1000)))
        self.assertEqual(len(seen), 1000)

    def test_error_in_the_middle_of_a_stream(self):
        outcome = self.start({"do": "stream_fail", "parts": 2}, {"do": "stream", "parts": 1}, {"do": "echo"})
        first = outcome.answers[0]
        self.assertTrue(first.streamed and first.whole)
        self.assertEqual(first.body, b"part 0\npart 1\n")
        self.assertEqual(first.trailers["lambda-runtime-function-error-type"], "StreamBroken")
        self.assertEqual(first.trailing_error["errorMessage"], 'in the "middle"')
        self.assertEqual(outcome.answers[1].trailers, {})
        self.assertEqual(outcome.answers[2].kind, "response")

    def test_connection_that_breaks_in_the_middle_of_a_stream(self):
        def hang_up(answer):
            if len(answer.chunks) == 2:
                raise ConnectionError

        outcome = self.start({"do": "stream", "parts": 100000}, ends=True, on_chunk=hang_up)
        self.assertFalse(outcome.answer.whole)
        self.assertEqual(len(outcome.answer.chunks), 2)
        self.assertEqual(outcome.code, 1)
        self.assertIn("streamed response", outcome.err)

    def test_error_before_anything_was_flushed(self):
        outcome = self.start({"do": "stream_fail", "parts": 0})
        self.assertEqual(outcome.answer.kind, "error")
        self.assertEqual(outcome.answer.error_type, "StreamBroken")

    def test_writes_without_a_flush_are_one_response(self):
        outcome = self.start({"do": "write", "parts": 6291456}, {"do": "write", "parts": 6291457})
        self.assertFalse(outcome.answers[0].streamed)
        self.assertEqual(len(outcome.answers[0].body), 6291456)
        self.assertEqual(outcome.answers[1].kind, "error")
        self.assertEqual(outcome.answers[1].error_type, "Function.ResponseSizeTooLarge")

    def test_large_event(self):
        payload = json.dumps("x" * 6000000).encode()
        outcome = self.start(payload, {"do": "echo"})
        self.assertEqual(outcome.answers[0].error_type, "InvalidRequestContentException")
        self.assertEqual(outcome.answers[1].kind, "response")

    def test_init_that_fails(self):
        outcome = self.start(ends=True, BREAK_INIT="1")
        answer = outcome.answer
        self.assertEqual((answer.kind, answer.error_type), ("init error", "Runtime.InitError"))
        self.assertEqual(answer.json["errorMessage"], "the database is asleep")
        self.assertEqual(outcome.code, 1)
        self.assertNotIn("ends after", outcome.out)

    def test_hooks_run_around_events(self):
        outcome = self.start({"do": "count"}, {"do": "count"})
        self.assertEqual([each.json for each in outcome.answers], [1, 2])
        self.assertRegex(outcome.lines[0], r"^\S+\tundefined\tINFO\tbegins$")
        self.assertRegex(outcome.lines[-1], r"^\S+\tundefined\tINFO\tends after 2, close$")

    def test_log_lines_in_text(self):
        outcome = self.start({"do": "log"})
        lines = outcome.out.split("\n")
        stamp = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t00000000-0000-4000-8000-000000000001\t"
        self.assertRegex(lines[1], re.compile(stamp + "WARN\tone\rtwo$"))
        self.assertRegex(lines[2], re.compile(stamp + r'ERROR\tplaced \{"items":3\}$'))

    def test_log_lines_in_json(self):
        outcome = self.start({"do": "log"}, AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="DEBUG")
        lines = [json.loads(each) for each in outcome.out.split("\n") if each]
        self.assertEqual([each["level"] for each in lines], ["INFO", "DEBUG", "WARN", "ERROR", "INFO"])
        self.assertEqual(lines[2]["message"], "one\ntwo")
        self.assertEqual(lines[2]["requestId"], "00000000-0000-4000-8000-000000000001")
        self.assertEqual(lines[3]["items"], 3)

    def test_retired_environment_ends_after_its_answer(self):
        outcome = self.start({"do": "retire"}, {"do": "echo"}, ends=True)
        self.assertEqual(outcome.answer.kind, "response")
        self.assertEqual(outcome.code, 1)
        self.assertIn("ends after 1, failure", outcome.out)

    def test_told_to_end_while_it_runs(self):
        outcome = self.start({"do": "end"}, {"do": "echo"}, ends=True)
        self.assertEqual(outcome.answer.json, {"do": "end"})
        self.assertEqual(len([each for each in outcome.requests if each[0] == "GET"]), 1)
        self.assertIn("ends after 1, close", outcome.out)
        self.assertEqual(outcome.code, 0)

    def test_crash_answers_nothing(self):
        outcome = self.start({"do": "crash"}, ends=True)
        self.assertEqual(outcome.answers, [])
        self.assertEqual(outcome.code, 3)

    def test_refused_answers(self):
        events = [Event({"do": "echo"}, status=413), Event({"do": "echo"}, status=400), Event({"do": "echo"}, status=500)]
        outcome = self.start(*events, ends=True)
        self.assertEqual(len(outcome.answers), 3)
        self.assertEqual(outcome.code, 1)
        self.assertIn("status 413", outcome.err)

    def test_without_a_runtime_api(self):
        outcome = self.start(ends=True, AWS_LAMBDA_RUNTIME_API="")
        self.assertEqual(outcome.code, 1)
        self.assertIn("AWS_LAMBDA_RUNTIME_API is not set", outcome.err)
        outcome = self.start(ends=True, AWS_LAMBDA_RUNTIME_API="127.0.0.1:1")
        self.assertEqual(outcome.code, 1)
        self.assertIn("127.0.0.1", outcome.err)

    def test_no_proxy_stands_between(self):
        outcome = self.start({"do": "count"}, http_proxy="http://127.0.0.1:1", ALL_PROXY="http://127.0.0.1:1")
        self.assertEqual(outcome.answer.json, 1)


class Loader(unittest.TestCase):
    """The program lambda-bootstrap."""

    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(OBJECT, os.path.join(self.root, "shapes.so"))

    def start(self, handler, *events, **more):
        return run([LOADER], [Event(each) for each in events], task_root=self.root, handler=handler, **more)

    def test_runs_a_handler_of_an_object(self):
        outcome = self.start("shapes.choice", {"do": "area", "length": 3, "width": 4}, {"do": "describe"}, {"do": "count"})
        self.assertEqual(outcome.answers[0].json, {"area": 12.0})
        self.assertEqual(outcome.answers[1].json["handler"], "shapes.choice")
        self.assertEqual(outcome.answers[2].json, 3)
        self.assertIn("ends after 3", outcome.out)
        self.assertEqual(outcome.code, 0)

    def test_runs_one_in_a_folder(self):
        os.mkdir(os.path.join(self.root, "lib"))
        shutil.move(os.path.join(self.root, "shapes.so"), os.path.join(self.root, "lib", "shapes.so"))
        self.assertEqual(self.start("lib/shapes.choice", {"do": "count"}).answer.json, 1)

    def test_says_why_it_cannot(self):
        with open(os.path.join(self.root, "broken.so"), "wb") as file:
            file.write(b"\x7fELF")
        for handler, kind in [
            ("shapes", "Runtime.MalformedHandlerName"),
            (".choice", "Runtime.MalformedHandlerName"),
            ("missing.choice", "Runtime.ImportModuleError"),
            ("broken.choice", "Runtime.ImportModuleError"),
            ("shapes.absent", "Runtime.HandlerNotFound"),
        ]:
            with self.subTest(handler):
                outcome = self.start(handler, ends=True)
                self.assertEqual((outcome.answer.kind, outcome.answer.error_type), ("init error", kind))
                self.assertEqual(outcome.answer.json["errorType"], kind)
                self.assertEqual(outcome.code, 1)


class Examples(unittest.TestCase):
    """The seed example as a bootstrap."""

    def test_area(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/area/bootstrap.sh")
        for program in filter(None, [AREA, AREA_CXX, script]):
            with self.subTest(program):
                outcome = run([program], [Event({"length": 3, "width": 4}), Event({"length": "three"})])
                self.assertEqual(outcome.answers[0].body, b'{"area":12.0}')
                self.assertEqual(outcome.answers[1].error_type, "InvalidRequestContentException")
                self.assertIn("log group: /aws/lambda/shapes", outcome.out)
                self.assertEqual(outcome.code, 0)


if __name__ == "__main__":
    unittest.main()
