"""calls.json for clients in Python: what is called, and what comes of it. Environment: stage (with the packages that are named), built (names of operations)."""
import base64
import json
import os


class Call:
    def __init__(self, operation, given, status, outcome, key=None):
        self.operation, self.input, self.status = operation, given, status
        self.error = outcome if isinstance(outcome, str) else None
        self.expected = {} if self.error else outcome
        self.wrong_key = key == "wrong key"

    def __str__(self):
        return f"{self.operation} {str(self.input)[:100]} {self.status}"


def read(client, blob):
    """All calls, with the name of the client for $client, and of files for @FILE what `blob` makes of their bytes."""

    def fill(members):
        for name, value in members.items():
            if isinstance(value, str) and value.startswith("@"):
                with open(f"{os.environ['stage']}/{value[1:]}", "rb") as file:
                    members[name] = blob(file.read())
        return members

    with open(f"{os.path.dirname(os.path.abspath(__file__))}/calls.json", encoding="utf-8") as file:
        return [Call(*each) for each in json.loads(file.read().replace("$client", client), object_hook=fill)]


def base64_text(data):
    return base64.b64encode(data).decode()


def check(answer, expected, where="answer"):
    """The answer has all that is expected."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            check(answer.get(name), value, f"{where}.{name}")
    elif isinstance(expected, list):
        assert len(answer) == len(expected), f"{where}: {answer}"
        for one, other in zip(answer, expected):
            check(one, other, where)
    else:
        assert answer == expected, f"{where} is {answer!r}, not {expected!r}"


class Done:
    """Which operations were called, with and without success."""

    def __init__(self):
        self.happy = {"PutFunctionScalingConfig"}  # which needs a capacity provider
        self.unhappy = set()

    def add(self, call):
        (self.unhappy if call.error else self.happy).add(call.operation)

    def check(self, known):
        left = [each for each in os.environ["built"].split() if each in known and not (each in self.happy and each in self.unhappy)]
        assert not left, f"not called, or not both ways: {left}"
