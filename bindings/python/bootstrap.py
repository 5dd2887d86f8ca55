"""Runs a Lambda handler written for Python: speaks the Runtime API for packages that bring no runtime interface client of their own. Python 3.9 or newer, nothing but the
standard library. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, python-handler.html, python-context.html
"""

import decimal
import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback
import types

PREFIX = "/2018-06-01/runtime/"
JSON_LOG = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


class RuntimeFault(Exception):
    """An error of the runtime's own, by Lambda's type."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind = kind
        self.trace = list(trace)


# ---- the context: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html


class CognitoIdentity:
    """Who invoked through Cognito; None in both where nobody did."""

    def __init__(self, told):
        self.cognito_identity_id = told.get("cognitoIdentityId")
        self.cognito_identity_pool_id = told.get("cognitoIdentityPoolId")

    def __repr__(self):
        return f"CognitoIdentity({vars(self)})"


class Client:
    """The application that invoked."""

    def __init__(self, told):
        self.installation_id = told.get("installation_id")
        self.app_title = told.get("app_title")
        self.app_version_name = told.get("app_version_name")
        self.app_version_code = told.get("app_version_code")
        self.app_package_name = told.get("app_package_name")

    def __repr__(self):
        return f"Client({vars(self)})"


class ClientContext:
    """What the application sent along."""

    def __init__(self, told):
        self.client = Client(told["client"]) if told.get("client") else None
        self.custom = told.get("custom")
        self.env = told.get("env")

    def __repr__(self):
        return f"ClientContext({vars(self)})"


class LambdaContext:
    """What a handler can ask about its invocation."""

    def __init__(self, headers):
        variables = os.environ
        client = headers.get("Lambda-Runtime-Client-Context")
        identity = headers.get("Lambda-Runtime-Cognito-Identity")
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers.get("Lambda-Runtime-Invoked-Function-Arn")
        self.function_name = variables.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = variables.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = variables.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = variables.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = variables.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.client_context = ClientContext(json.loads(client)) if client else None
        self.identity = CognitoIdentity(json.loads(identity) if identity else {})
        self._deadline_ms = int(headers.get("Lambda-Runtime-Deadline-Ms") or 0)

    def get_remaining_time_in_millis(self):
        """Milliseconds until the invocation's timeout, 0 once it has passed."""
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        """Writes to the log as it is."""
        sys.stdout.write(str(message))

    def __repr__(self):
        return f"LambdaContext({vars(self)})"


# ---- the log: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html

current_id = ""

# What every record has; all else in one came through `extra`.
RECORD_FIELDS = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id"}


def one_line(text):
    """A line end within would make two events of one."""
    return text.replace("\n", "\r")


class TextFormatter(logging.Formatter):
    """[LEVEL], time, request id and message, with tabs between them."""

    converter = time.gmtime

    def __init__(self):
        super().__init__("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record):
        return one_line(super().format(record))


class JsonFormatter(logging.Formatter):
    """A JSON object a line."""

    def format(self, record):
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "timestamp": f"{when}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0]:
            kind, error, trace = record.exc_info
            line["stackTrace"] = traceback.format_tb(trace)
            line["errorType"] = kind.__name__
            line["errorMessage"] = words_of(error)
            line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        if record.aws_request_id:
            line["requestId"] = record.aws_request_id
        for name, value in vars(record).items():
            if name not in RECORD_FIELDS and name not in line:
                line[name] = value
        return json.dumps(line, ensure_ascii=False, default=str)


class Handler(logging.StreamHandler):
    """To standard output, whatever that is at the time."""

    def __init__(self):
        super().__init__(sys.stdout)
        self.setFormatter(JsonFormatter() if JSON_LOG else TextFormatter())
        self.addFilter(self.add_id)

    @staticmethod
    def add_id(record):
        """Says which invocation a record is of."""
        record.aws_request_id = current_id
        return True


def set_up_log():
    """The root logger writes as Lambda's does."""
    # What is printed is there when the process is killed; what is no character of UTF-8, as in names of files, is no error.
    sys.stdout.reconfigure(write_through=True, line_buffering=True, errors="backslashreplace")
    root = logging.getLogger()
    root.addHandler(Handler())
    levels = {"TRACE": logging.DEBUG, "FATAL": logging.CRITICAL}
    for name in ("DEBUG", "INFO", "WARN", "ERROR"):
        levels[name] = getattr(logging, name)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    if level in levels:
        root.setLevel(levels[level])


def log_error(told, trace):
    """An error that nobody caught, as a line of the log."""
    if JSON_LOG:
        when = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when))
        line = {"timestamp": f"{stamp}.{int(when * 1000) % 1000:03d}Z", "level": "ERROR", **told}
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        return
    text = f"[ERROR] {told['errorType']}: {told['errorMessage']}\nTraceback (most recent call last):\n{''.join(trace)}"
    sys.stdout.write(one_line(text.rstrip("\n")) + "\n")


# ---- errors: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html


def words_of(error):
    """What an error says; of one that fails to say it, what it is."""
    try:
        return str(error)
    except Exception:  # pylint: disable=broad-exception-caught
        return f"<unprintable {type(error).__name__} object>"


def describe(error, request_id=None):
    """Lambda's error object."""
    if isinstance(error, RuntimeFault):
        kind, trace = error.kind, error.trace
    else:
        kind = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        trace = traceback.format_list(each for each in frames if not each.filename.startswith((__file__, "<frozen importlib")))
    told = {"errorMessage": words_of(error), "errorType": kind}
    if request_id:
        told["requestId"] = request_id
    told["stackTrace"] = trace
    return told


# ---- the handler


def load_handler(name):
    """The function that "folder/file.function" names."""
    module_name, dot, function = name.rpartition(".")
    if not dot or not module_name or not function:
        raise RuntimeFault("Runtime.MalformedHandlerName", f"Bad handler '{name}': it should be \"MODULE.FUNCTION\"")
    module_name = module_name.replace("/", ".")
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise RuntimeFault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise RuntimeFault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        where = f'  File "{error.filename}" Line {error.lineno}\n    {error.text or ""}'
        raise RuntimeFault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", [where]) from error
    found = getattr(module, function, None)
    if found is None:
        raise RuntimeFault("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module_name}'")
    return found


# ---- the Runtime API


class Api:
    """One connection, kept: requests follow one another."""

    def __init__(self, address):
        # No timeout: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-next. The connection sets TCP_NODELAY by itself.
        self.connection = http.client.HTTPConnection(address)

    def _request(self, method, where, body=None, headers=types.MappingProxyType({})):
        self.connection.request(method, PREFIX + where, body, dict(headers))
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def next(self):
        """The next event: its headers and its payload."""
        status, headers, body = self._request("GET", "invocation/next")
        if status != 200:
            sys.exit(f"bootstrap: next was answered with status {status}")
        return headers, body

    def post(self, where, body, headers=types.MappingProxyType({})):
        """Answers. Whatever that is answered with, the next event may come, unless the Runtime API says that the environment is broken."""
        status, _, told = self._request("POST", where, body, {"Content-Type": "application/json", **headers})
        if status < 300:
            return
        print(f"bootstrap: {where} was answered with status {status}: {told.decode('utf-8', 'replace')}", file=sys.stderr)
        if status >= 500:
            sys.exit(1)

    def error(self, where, told):
        """Answers with an error."""
        kind = "".join(each for each in told["errorType"] if " " <= each <= "~")
        self.post(where, json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"), {"Lambda-Runtime-Function-Error-Type": kind})


def from_decimal(value):
    """DynamoDB's numbers are Decimals."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def run(handler, headers, payload):
    """The answer to one event, as bytes."""
    try:
        event = json.loads(payload)
    except ValueError as error:
        raise RuntimeFault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error
    answer = handler(event, LambdaContext(headers))
    try:
        return json.dumps(answer, ensure_ascii=False, allow_nan=False, default=from_decimal).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise RuntimeFault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def run_event(api, handler, headers, payload):
    """Runs an event and answers."""
    global current_id
    current_id = headers["Lambda-Runtime-Aws-Request-Id"]
    trace = headers.get("Lambda-Runtime-Trace-Id")
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        answer = run(handler, headers, payload)
    except Exception as error:  # pylint: disable=broad-exception-caught
        told = describe(error, current_id)
        log_error(told, told["stackTrace"])
        api.error(f"invocation/{current_id}/error", told)
    else:
        api.post(f"invocation/{current_id}/response", answer)
    sys.stdout.flush()
    sys.stderr.flush()
    current_id = ""


def main():
    """Loads the handler and runs events until the process is ended."""
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    if not address:
        sys.exit("bootstrap: AWS_LAMBDA_RUNTIME_API is not set: this program runs where Lambda's Runtime API is")
    set_up_log()
    # The handler's modules, not this file's neighbours.
    sys.path[0] = os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()
    api = Api(address)
    try:
        handler = load_handler(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("_HANDLER", ""))
    except Exception as error:  # pylint: disable=broad-exception-caught
        told = describe(error)
        log_error(told, told["stackTrace"])
        api.error("init/error", told)
        sys.exit(1)
    while True:
        run_event(api, handler, *api.next())


if __name__ == "__main__":
    main()
