"""
The AWS CLI, Debian's and unmodified, against `lambda serve`: every operation that it knows, as calls.json has it, by its own main function, since each start of the program takes a second; and a
few that only the program itself can show. Environment: endpoint, stage (with node.zip, other.zip), built (names of operations), AWS's variables.
"""
import contextlib
import io
import json
import os
import subprocess
import unittest

from awscli.clidriver import create_clidriver
from botocore import xform_name

import calls

ENDPOINT = os.environ["endpoint"]
STAGE = os.environ["stage"]
WRONG = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}


def program(*arguments, **environment):
    """The program itself; Debian's, which another of that name may stand before."""
    command = ["/usr/bin/aws", "lambda", "--endpoint-url", ENDPOINT, "--output", "json", *arguments]
    own = {name: value for name, value in os.environ.items() if not (environment and name == "AWS_PROFILE")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**own, **environment})


class Cli(unittest.TestCase):
    def run_here(self, call):
        """One call: its exit code, what was printed, and what stands in the file that some write."""
        given = dict(call.input)
        command = xform_name(call.operation, "-")
        path = f"{STAGE}/cli.answer"
        if call.operation.startswith("Invoke"):
            # Where a payload goes or comes from is a file, and the input cannot be JSON.
            if call.operation == "InvokeAsync":
                with open(path, "w", encoding="utf-8") as file:
                    file.write(given["InvokeArgs"])
                given["InvokeArgs"] = path
            else:
                given["Payload"] = calls.base64_text(given["Payload"].encode())
            arguments = [each for name, value in given.items() for each in (f"--{xform_name(name, '-')}", value)]
            arguments += [path] if call.operation == "Invoke" else []
        else:
            arguments = ["--cli-input-json", json.dumps(given)] + (["--no-paginate"] if call.operation.startswith("List") else [])
        out, error = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            code = self.driver.main(["lambda", "--endpoint-url", ENDPOINT, "--output", "json", command, *arguments])
        answer = json.loads(out.getvalue() or "{}")
        if call.operation == "Invoke" and code == 0 and call.status == 200:
            with open(path, encoding="utf-8") as file:
                answer["Payload"] = file.read()
        return code, answer, error.getvalue()

    def test_every_operation(self):
        self.driver = create_clidriver()
        # What answers in events is left out of the CLI.
        known = set(self.driver.session.get_service_model("lambda").operation_names) - {"InvokeWithResponseStream"}
        done = calls.Done()
        for call in calls.read("cli", calls.base64_text):
            if call.operation not in known or call.wrong_key:
                continue
            with self.subTest(call=str(call)):
                code, answer, error = self.run_here(call)
                self.assertEqual(code == 0, call.error is None, error)
                if call.error:
                    self.assertIn(f"({call.error})", error)
                calls.check(answer, call.expected)
                done.add(call)
        refused = program("get-account-settings", **WRONG)
        self.assertIn("(UnrecognizedClientException)", refused.stderr)
        done.unhappy.add("GetAccountSettings")
        done.check(known)

    def test_the_program(self):
        made = program("create-function", "--function-name", "program", "--runtime", "nodejs20.x", "--role", "arn:aws:iam::000000000000:role/any",
                       "--handler", "index.echo", "--memory-size", "512", "--timeout", "20", "--zip-file", f"fileb://{STAGE}/node.zip")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(program("wait", "function-active-v2", "--function-name", "program").returncode, 0)
        answer = program("invoke", "--function-name", "program", "--cli-binary-format", "raw-in-base64-out", "--payload", '{"cli":true}', f"{STAGE}/program")
        self.assertEqual(json.loads(answer.stdout)["StatusCode"], 200, answer.stderr)
        with open(f"{STAGE}/program", encoding="utf-8") as file:
            self.assertEqual(json.load(file), {"cli": True})
        self.assertEqual(program("wait", "function-updated-v2", "--function-name", "program").returncode, 0)
        self.assertEqual(program("publish-version", "--function-name", "program").returncode, 0)
        self.assertEqual(program("wait", "published-version-active", "--function-name", "program", "--qualifier", "1").returncode, 0)
        self.assertIn("program", program("list-functions", "--page-size", "1", "--query", "Functions[].FunctionName").stdout)
        self.assertEqual(program("delete-function", "--function-name", "program").returncode, 0)
        gone = program("get-function", "--function-name", "program")
        self.assertNotEqual(gone.returncode, 0)
        self.assertIn("(ResourceNotFoundException)", gone.stderr)


if __name__ == "__main__":
    unittest.main()
