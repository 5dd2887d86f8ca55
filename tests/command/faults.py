"""faults.py LAMBDA: `lambda serve` among faults: disks that are full, kill -9, SIGTERM under load, two servers on one data directory, clients that vanish. The client is boto3."""
import http.server
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile

try:
    import boto3
    import botocore.exceptions
    from botocore.config import Config
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

PROGRAM = sys.argv[1]
LONG = 60
CODE = """
import http.client
def echo(event, context):
    return event
def large(event, context):
    return "x" * 5000000
def tell(event, context):
    sink = http.client.HTTPConnection("127.0.0.1", event["sink"])
    sink.request("GET", "/" + event["id"])
    return sink.getresponse().read().decode()
"""
REFUSALS = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)


def package(size=0, mark=""):
    """A deployment package with so many bytes that do not compress."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.py", CODE + f"\n# {mark}\n")
        if size:
            archive.writestr("data", os.urandom(size))
    return made.getvalue()


class Sink(http.server.ThreadingHTTPServer):
    """Whom functions tell that they run; it may hold their answers back."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        self.told = {}
        self.changed = threading.Condition()
        self.open = threading.Event()
        self.open.set()
        super().__init__(("127.0.0.1", 0), Teller)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def until(self, what):
        with self.changed:
            return self.changed.wait_for(lambda: what(self.told), LONG)


class Teller(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path[1:]
        with self.server.changed:
            self.server.told[name] = self.server.told.get(name, 0) + 1
            self.server.changed.notify_all()
        self.server.open.wait(LONG)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(name.encode())

    def log_message(self, *_):
        pass


class Server:
    """`lambda serve` on a data directory, and clients of it."""

    def __init__(self, data):
        self.data = data
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LAMBDA_"))}
        # What it writes when it dies is nobody's business here.
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([PROGRAM, "serve", "--data", data, "--port", "0"], stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment)
        self.said = self.process.stdout.readline()
        if not self.said.startswith("listening on http://127.0.0.1:"):
            self.process.wait(LONG)
            return
        self.endpoint = self.said.split()[-1]
        self.port = int(self.endpoint.rpartition(":")[2])
        with open(f"{data}/credentials") as file:
            keys = dict(line.strip().split(" = ") for line in file if " = " in line)
        self.keys = {"aws_access_key_id": keys["aws_access_key_id"], "aws_secret_access_key": keys["aws_secret_access_key"]}
        self.api = self.client()

    def client(self):
        config = Config(retries={"max_attempts": 0}, read_timeout=LONG)
        return boto3.client("lambda", endpoint_url=self.endpoint, region_name="us-east-1", config=config, **self.keys)

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    def end(self, how=signal.SIGTERM):
        """`how` None: it was told already, and a second signal would end it at once."""
        if how and self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(LONG)
        self.process.stdout.close()
        self.log.close()
        return code


def create(api, name, handler="echo", code=None):
    return api.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/any",
        Handler=f"app.{handler}",
        Code={"ZipFile": code or package()},
        MemorySize=256,
        Timeout=30,
    )


def invoke(api, name, event="1"):
    answer = api.invoke(FunctionName=name, Payload=event)
    return answer.get("FunctionError"), answer["Payload"].read().decode()


def names(api):
    return sorted(each["FunctionName"] for page in api.get_paginator("list_functions").paginate() for each in page["Functions"])


class Faults(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        os.chmod(self.directory, 0o755)
        self.addCleanup(subprocess.run, ["rm", "-rf", self.directory], check=False)
        self.data = f"{self.directory}/data"
        self.sink = Sink()
        self.addCleanup(self.sink.server_close)
        self.addCleanup(self.sink.shutdown)

    def serve(self):
        server = Server(self.data)
        self.addCleanup(lambda: server.process.poll() is None and server.end(signal.SIGKILL))
        return server


class Disk(Faults):
    def mount(self, size):
        os.mkdir(self.data)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", self.data], capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"the system mounts nothing for us: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.data], check=False)

    def fill(self, left):
        """Leaves so many bytes of the disk free."""
        free = os.statvfs(self.data)
        room = free.f_bavail * free.f_frsize + os.fstat(self.ballast.fileno()).st_size - left
        os.ftruncate(self.ballast.fileno(), 0)
        os.posix_fallocate(self.ballast.fileno(), 0, room)

    def attempt(self, left, call, **arguments):
        """With so much room: it is done, or it is said why not. None in that case."""
        self.fill(left)
        try:
            answer = call(**arguments)
        except botocore.exceptions.ClientError as error:
            self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], 500)
            self.assertEqual(error.response["Error"]["Code"], "ServiceException")
            self.assertRegex(error.response["Error"]["Message"], "No space left on device|there is no room left on the disk")
            self.failed.append(call.__name__)
            # What was begun is away.
            self.assertEqual(os.listdir(f"{self.data}/packages/incoming"), [])
            return None
        self.done.append(call.__name__)
        return answer

    def test_full(self):
        """From no room at all to room enough, page by page where it ends between code, list of layers and database."""
        self.mount("48m")
        self.failed, self.done = [], []
        server = self.serve()
        api = server.api
        create(api, "before", "tell")
        sha = create(api, "last")["CodeSha256"]
        made, accepted, layers = {"before", "last"}, set(), 0
        event = {"sink": self.sink.server_port, "id": "first", "more": "x" * 200000}
        self.assertEqual(invoke(api, "before", json.dumps(event)), (None, '"first"'))
        self.ballast = open(f"{self.data}/ballast", "w")
        self.addCleanup(self.ballast.close)
        for left in (0, 4096, *range(100 << 10, 128 << 10, 4096), 512 << 10):
            name = f"made-{left}"
            code = package(100000, name)
            if self.attempt(left, create, api=api, name=name, code=code):
                made.add(name)
            self.assertEqual(set(names(api)), made)
            changed = self.attempt(left, api.update_function_code, FunctionName="last", ZipFile=code)
            if changed:
                sha = changed["CodeSha256"]
            self.assertEqual(api.get_function(FunctionName="last")["Configuration"]["CodeSha256"], sha)
            if self.attempt(left, api.publish_layer_version, LayerName="layer", Content={"ZipFile": package(100000)}):
                layers += 1
            self.assertEqual(len(api.list_layer_versions(LayerName="layer")["LayerVersions"]), layers)
            if self.attempt(left, api.invoke, FunctionName="before", InvocationType="Event", Payload=json.dumps({**event, "id": name})):
                accepted.add(name)
            # What is there answers, whatever room there is.
            self.assertEqual(invoke(api, "last"), (None, "1"))
        for call in ("create", "update_function_code", "publish_layer_version", "invoke"):
            self.assertIn(call, self.failed)
            self.assertIn(call, self.done)
        # It ends and begins without any room, too.
        self.fill(0)
        self.assertEqual(server.end(), 0)
        api = self.serve().api
        self.assertEqual(set(names(api)), made)
        self.assertTrue(self.sink.until(lambda told: accepted <= told.keys()))
        self.assertLessEqual(self.sink.told.keys(), accepted | {"first"})
        # Room is made: what was refused can be had now.
        os.ftruncate(self.ballast.fileno(), 0)
        for name in {f"made-{left}" for left in (0, 4096, 100 << 10)} - made:
            create(api, name)
        for name in names(api):
            if name != "before":
                self.assertEqual(invoke(api, name), (None, "1"))


class Load:
    """Threads that make functions and versions, delete, invoke and leave events, each until it is refused; what was acknowledged is noted."""

    def __init__(self, server, sink):
        self.sink = sink
        self.lock = threading.Lock()
        self.asked = {"made": set(), "deleted": set(), "published": set(), "accepted": set()}
        self.acknowledged = {kind: set() for kind in self.asked}
        self.enough = threading.Event()
        self.wrong = []
        self.threads = [threading.Thread(target=self.run, args=(server.client(), work, f"{work.__name__}-{i}")) for i, work in enumerate((self.make, self.make, self.invoke, self.leave, self.leave))]
        for thread in self.threads:
            thread.start()

    def run(self, api, work, name):
        try:
            for i in range(100000):
                work(api, f"{name}-{i}")
        except REFUSALS as error:
            if not self.enough.is_set():
                self.wrong.append(error)

    def do(self, kind, name, call, *arguments, **more):
        with self.lock:
            self.asked[kind].add(name)
        call(*arguments, **more)
        with self.lock:
            self.acknowledged[kind].add(name)

    def make(self, api, name):
        self.do("made", name, create, api, name, code=package(mark=name))
        self.do("published", name, api.publish_version, FunctionName=name)
        if name.endswith("5"):
            self.do("deleted", name, api.delete_function, FunctionName=name)

    def invoke(self, api, name):
        answer = invoke(api, "echo", json.dumps(name))
        if answer != (None, json.dumps(name)):
            self.wrong.append(answer)

    def leave(self, api, name):
        event = json.dumps({"sink": self.sink.server_port, "id": name})
        self.do("accepted", name, api.invoke, FunctionName="tell", InvocationType="Event", Payload=event)
        with self.lock:
            if len(self.acknowledged["accepted"]) >= 60 and len(self.acknowledged["deleted"]) >= 2:
                self.enough.set()

    def end(self):
        for thread in self.threads:
            thread.join(LONG)


class Ends(Faults):
    def start(self):
        server = self.serve()
        create(server.api, "echo")
        create(server.api, "tell", "tell")
        server.api.put_function_concurrency(FunctionName="tell", ReservedConcurrentExecutions=2)
        return server

    def is_as_acknowledged(self, load, asked):
        """After a start: no less is there than was acknowledged, and no more than was asked for."""
        self.assertEqual(load.wrong, [])
        acknowledged = load.acknowledged
        api = self.serve().api
        there = set(names(api)) - {"echo", "tell"}
        self.assertLessEqual(acknowledged["made"] - asked["deleted"], there)
        self.assertLessEqual(there, asked["made"] - acknowledged["deleted"])
        for name in there:
            versions = [each["Version"] for each in api.list_versions_by_function(FunctionName=name)["Versions"]]
            self.assertIn(versions, (["$LATEST"], ["$LATEST", "1"]))
            if name in acknowledged["published"]:
                self.assertIn("1", versions)
        # Those that were made last are whole.
        for name in sorted(there, key=lambda name: int(name.rpartition("-")[2]))[-4:]:
            self.assertEqual(invoke(api, name, json.dumps(name)), (None, json.dumps(name)))
        self.assertTrue(self.sink.until(lambda told: acknowledged["accepted"] <= told.keys()))
        self.assertLessEqual(self.sink.told.keys(), asked["accepted"])

    def test_killed_under_load(self):
        server = self.start()
        load = Load(server, self.sink)
        self.assertTrue(load.enough.wait(LONG), load.wrong)
        self.assertEqual(server.end(signal.SIGKILL), -signal.SIGKILL)
        load.end()
        self.is_as_acknowledged(load, load.asked)

    def test_terminated_under_load(self):
        server = self.start()
        load = Load(server, self.sink)
        self.assertTrue(load.enough.wait(LONG), load.wrong)
        self.assertEqual(server.end(), 0)
        load.end()
        # Whatever was done was answered, too.
        self.is_as_acknowledged(load, load.acknowledged)

    def test_terminated_while_functions_run(self):
        """They are waited for, and answered; meanwhile nobody new comes in."""
        server = self.serve()
        create(server.api, "tell", "tell")
        answers = {}

        def ask(api, name):
            answers[name] = invoke(api, "tell", json.dumps({"sink": self.sink.server_port, "id": name}))

        self.sink.open.clear()
        threads = [threading.Thread(target=ask, args=(server.client(), f"run-{i}")) for i in range(4)]
        for thread in threads:
            thread.start()
        self.assertTrue(self.sink.until(lambda told: len(told) == 4))
        server.process.send_signal(signal.SIGTERM)
        while True:
            try:
                socket.create_connection(("127.0.0.1", server.port), LONG).close()
            except ConnectionRefusedError:
                break
        self.assertEqual(answers, {})
        self.assertIsNone(server.process.poll())
        self.sink.open.set()
        for thread in threads:
            thread.join(LONG)
        self.assertEqual(answers, {f"run-{i}": (None, f'"run-{i}"') for i in range(4)})
        self.assertEqual(server.end(None), 0)

    def test_two_on_one_data_directory(self):
        first = self.start()
        second = self.serve()
        self.assertEqual(second.said, "")
        errors = second.errors()
        self.assertEqual(second.end(), 4)
        self.assertIn(f"the data directory {self.data} is in use by another process", errors)
        self.assertIn("next: ", errors)
        self.assertEqual(invoke(first.api, "echo"), (None, "1"))
        create(first.api, "more")
        self.assertEqual(first.end(signal.SIGKILL), -signal.SIGKILL)
        second = self.serve()
        self.assertEqual(names(second.api), ["echo", "more", "tell"])
        self.assertEqual(invoke(second.api, "more"), (None, "1"))
        self.assertEqual(second.end(), 0)


class Clients(Faults):
    def test_that_vanish(self):
        """Before, in and after a request, in all ways: the server has as many files open as it had before, and the function's only environment is free."""
        server = self.serve()
        api = server.api
        create(api, "large", "large")
        for action, condition in (("InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}), ("InvokeFunction", {})):
            api.add_permission(FunctionName="large", StatementId=action, Action=f"lambda:{action}", Principal="*", **condition)
        api.put_function_concurrency(FunctionName="large", ReservedConcurrentExecutions=1)
        url = api.create_function_url_config(FunctionName="large", AuthType="NONE")["FunctionUrl"]
        post = f"POST /lambda-url/{url.partition('//')[2].partition('.')[0]}/ HTTP/1.1\r\nHost: localhost\r\n"
        parts = (
            "",
            post,
            post + "Content-Length: 1000000\r\n\r\n" + "x" * 70000,
            post + "Transfer-Encoding: chunked\r\n\r\n10000\r\nhalf",
            post + "Content-Length: 0\r\n\r\n",
        )
        self.assertEqual(len(invoke(api, "large")[1]), 5000002)
        descriptors = f"/proc/{server.process.pid}/fd"
        before = len(os.listdir(descriptors))
        for i, part in enumerate(parts * 4):
            with socket.create_connection(("127.0.0.1", server.port), LONG) as client:
                client.sendall(part.encode())
                if part is parts[-1]:
                    self.assertEqual(client.recv(9), b"HTTP/1.1 ")
                # By a reset, and by an end.
                if i % 2:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for _ in range(10000):
            if len(os.listdir(descriptors)) <= before:
                break
            api.get_account_settings()
        self.assertLessEqual(len(os.listdir(descriptors)), before)
        while True:
            try:
                self.assertEqual(len(invoke(api, "large")[1]), 5000002)
                break
            except api.exceptions.TooManyRequestsException:
                continue
        self.assertEqual(server.end(), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[1:], verbosity=2)
