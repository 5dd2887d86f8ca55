"""xray_schema.py SCHEMA PROGRAM: the documents that the program prints are those of the schema, and broken ones are not."""
import copy
import json
import subprocess
import sys

import jsonschema


def break_ways(document):
    """Names and broken copies of a document."""

    def changed(name, change):
        broken = copy.deepcopy(document)
        change(broken)
        return name, broken

    for field in ("name", "id", "start_time", "end_time", "trace_id"):
        yield changed("without " + field, lambda d, field=field: d.pop(field))
    yield changed("id in capitals", lambda d: d.update(id="ABCDEF0123456789"))
    yield changed("short id", lambda d: d.update(id="1"))
    yield changed("trace id of W3C", lambda d: d.update(trace_id="58406320a006649127e371903a2de979"))
    yield changed("time as text", lambda d: d.update(start_time="1480615200.010"))
    yield changed("name that is not one", lambda d: d.update(name="a|b"))
    yield changed("long name", lambda d: d.update(name="a" * 201))
    yield changed("misspelt field", lambda d: d.update(endtime=1))
    yield changed("throttle without error", lambda d: (d.pop("error", 0), d.update(throttle=True)))
    yield changed("annotation of a list", lambda d: d.update(annotations={"a": [1]}))
    yield changed("annotation with a wrong key", lambda d: d.update(annotations={"a-b": 1}))
    yield changed("long annotation", lambda d: d.update(annotations={"a": "x" * 1001}))
    yield changed("cause without an id", lambda d: d.update(cause={"exceptions": [{"message": "m"}]}))
    if "subsegments" in document:
        yield changed("broken subsegment", lambda d: d["subsegments"][0].pop("id"))
        yield changed("subsegments that are none", lambda d: d.update(subsegments={}))
    if "parent_id" in document:
        yield changed("broken parent", lambda d: d.update(parent_id="0"))
    if document.get("type") == "subsegment":
        yield changed("subsegment alone without a parent", lambda d: d.pop("parent_id"))
        yield changed("other type", lambda d: d.update(type="segment"))
        yield changed("namespace that is none", lambda d: d.update(namespace="lambda", aws={"operation": "Invoke"}))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    text = subprocess.run([sys.argv[2]], check=True, stdout=subprocess.PIPE).stdout.decode("utf-8")
    documents = [json.loads(line) for line in text.splitlines()]
    failed = 0
    broken_count = 0
    for number, document in enumerate(documents, 1):
        for error in validator.iter_errors(document):
            best = jsonschema.exceptions.best_match([error])
            print(f"document {number}: {best.json_path}: {best.message[:300]}")
            failed += 1
        for name, broken in break_ways(document):
            broken_count += 1
            if validator.is_valid(broken):
                print(f"document {number}: nothing is said of: {name}")
                failed += 1
    kinds = {document.get("origin", document.get("type")) for document in documents}
    if kinds != {"AWS::Lambda", "AWS::Lambda::Function", "subsegment"}:
        print(f"not all kinds of documents: {sorted(kinds)}")
        failed += 1
    print(f"{len(documents)} documents, {broken_count} broken ones, {failed} failures")
    return failed > 0


sys.exit(main())
