"""A Runtime API for tests: gives a program scripted events, and keeps what it answers.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import base64
import json
import os
import signal
import socket
import subprocess
import threading
import time

DEADLINE = 60
PREFIX = "/2018-06-01/runtime/"


class Answer:
    """What a program sent for an invocation, or for its init."""

    def __init__(self, kind, request_id, headers):
        self.kind = kind  # "response", "error" or "init error"
        self.request_id = request_id
        self.headers = headers
        self.chunks = []  # of a chunked body, as they came
        self.trailers = {}
        self.whole = False

    @property
    def body(self):
        return b"".join(self.chunks)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def streamed(self):
        return self.headers.get("lambda-runtime-function-response-mode") == "streaming"

    @property
    def error_type(self):
        return self.headers.get("lambda-runtime-function-error-type")

    @property
    def trailing_error(self):
        return json.loads(base64.b64decode(self.trailers["lambda-runtime-function-error-body"]))


class Event:
    """One invocation. `headers` are those of `next`, without the id and the deadline."""

    def __init__(self, payload=b"{}", request_id=None, headers=None, remaining_ms=30000, status=202):
        self.payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.request_id = request_id
        self.headers = headers or {}
        self.remaining_ms = remaining_ms
        self.status = status  # what its answer is answered with


class RuntimeApi:
    """Serves on loopback until it is closed. A context manager."""

    def __init__(self, events):
        self.events = list(events)
        self.answers = []
        self.asked = 0  # times that `next` was asked for
        self.requests = []  # method and path, in order
        self.connections = 0
        self.changed = threading.Condition()
        self.closed = False
        self.on_chunk = None
        self.given = {}
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self.listener.close()
        for each in self.sockets:
            each.close()

    def wait(self, condition, what):
        with self.changed:
            if not self.changed.wait_for(condition, DEADLINE):
                raise AssertionError("there was no " + what)

    def wait_idle(self):
        """Until every event has been given and answered, and the program asks for the next."""
        self.wait(lambda: not self.events and self.asked > len(self.given), "next after the last answer")

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.sockets.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            # Small packets go out at once, as a real server's do.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = connection.makefile("rb")
            while self._request(connection, stream):
                pass
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def _request(self, connection, stream):
        line = stream.readline().decode("latin-1").split()
        if len(line) != 3:
            return False
        method, path, _ = line
        headers = self._headers(stream)
        with self.changed:
            self.requests.append((method, path, headers))
        if method == "GET" and path == PREFIX + "invocation/next":
            return self._next(connection)
        parts = path[len(PREFIX) :].split("/")
        if method == "POST" and parts == ["init", "error"]:
            answer = Answer("init error", None, headers)
            status = 202
        elif method == "POST" and parts[0] == "invocation" and parts[2] in ("response", "error"):
            answer = Answer(parts[2], parts[1], headers)
            status = self.given[parts[1]].status
        else:
            raise ValueError(path)
        try:
            self._body(stream, answer)
        finally:
            with self.changed:
                self.answers.append(answer)
                self.changed.notify_all()
        reply = json.dumps({"status": "OK"} if status == 202 else {"errorType": "Refused", "errorMessage": ""}).encode()
        connection.sendall(
            b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(reply)) + reply
        )
        return headers.get("connection", "").lower() != "close"

    @staticmethod
    def _headers(stream):
        headers = {}
        for line in iter(stream.readline, b"\r\n"):
            if not line:
                raise ValueError("half a header")
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    def _body(self, stream, answer):
        if answer.headers.get("transfer-encoding", "").lower() != "chunked":
            length = int(answer.headers.get("content-length", "0"))
            answer.chunks = [stream.read(length)]
            answer.whole = len(answer.body) == length
            return
        while True:
            size = int(stream.readline().split(b";")[0], 16)
            if size == 0:
                break
            chunk = stream.read(size)
            if len(chunk) != size or stream.readline() != b"\r\n":
                raise ValueError("half a chunk")
            answer.chunks.append(chunk)
            if self.on_chunk:
                self.on_chunk(answer)
        answer.trailers = self._headers(stream)
        answer.whole = True

    def _next(self, connection):
        with self.changed:
            self.asked += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.events or self.closed)
            if self.closed:
                return False
            event = self.events.pop(0)
            number = len(self.given) + 1
            request_id = event.request_id or "00000000-0000-4000-8000-%012d" % number
            self.given[request_id] = event
        headers = {
            "Content-Type": "application/json",
            "Content-Length": len(event.payload),
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": int(time.time() * 1000) + event.remaining_ms,
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:shapes:prod",
            **event.headers,
        }
        text = "HTTP/1.1 200 OK\r\n" + "".join("%s: %s\r\n" % each for each in headers.items()) + "\r\n"
        connection.sendall(text.encode("latin-1") + event.payload)
        return True


class Run:
    """What came of a program."""

    def __init__(self, api, code, out, err):
        self.answers = api.answers
        self.requests = api.requests
        self.connections = api.connections
        self.code = code
        self.out = out
        self.err = err

    @property
    def answer(self):
        assert len(self.answers) == 1, "%d answers\n%s\n%s" % (len(self.answers), self.out, self.err)
        return self.answers[0]

    @property
    def lines(self):
        return self.out.splitlines()


def variables(address, task_root, handler, **more):
    """The environment of a function's process, and nothing of the test's."""
    kept = {name: os.environ[name] for name in os.environ if name.endswith("SAN_OPTIONS") or name == "PATH"}
    return {
        **kept,
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_LAMBDA_FUNCTION_NAME": "shapes",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/shapes",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/02/[7]0123456789abcdef0123456789abcdef",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "eu-west-1",
        "LAMBDA_TASK_ROOT": task_root,
        "_HANDLER": handler,
        "TZ": ":UTC",
        **more,
    }


def run(command, events, task_root=".", handler="handler", ends=False, on_chunk=None, **more):
    """Runs a program through its events. It is told to end by SIGTERM when it asks for more, unless it ends by itself (`ends`)."""
    with RuntimeApi(events) as api:
        api.on_chunk = on_chunk
        process = subprocess.Popen(
            command,
            env=variables(api.address, task_root, handler, **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=task_root,
        )
        output = {}

        def read(name, pipe):
            output[name] = pipe.read().decode("utf-8", "replace")

        readers = [threading.Thread(target=read, args=each) for each in (("out", process.stdout), ("err", process.stderr))]
        for each in readers:
            each.start()

        def watch():
            process.wait()
            with api.changed:
                api.changed.notify_all()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            api.wait(
                lambda: process.returncode is not None or (not ends and not api.events and api.asked > len(api.given)),
                "end",
            )
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE)
        finally:
            process.kill()
            watcher.join()
            for each in readers:
                each.join()
            process.stdout.close()
            process.stderr.close()
        return Run(api, process.returncode, output["out"], output["err"])
