"""metrics_promtool.py PROGRAM PROMTOOL: promtool has no complaint of what the program prints, and has one of each broken copy."""
import re
import subprocess
import sys


def complaint(promtool, text):
    """What promtool says, and whether it answers 0."""
    ran = subprocess.run([promtool, "check", "metrics"], input=text.encode("utf-8"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return ran.returncode, ran.stdout.decode("utf-8", "replace").strip()


def replaced(text, old, new):
    if old not in text:
        sys.exit(f"there is no {old!r} to break")
    return text.replace(old, new, 1)


def broken_ways(text):
    """Names and broken copies of the text."""
    sample = re.search(r"^lambda_invocations_total\{.*\n", text, re.M).group(0)
    yield "a counter without _total", text.replace("lambda_invocations_total", "lambda_invocations")
    yield "a gauge with _total", text.replace("lambda_environments ", "lambda_environments_total ")
    yield "no help", replaced(text, "# HELP lambda_environments Environments of the service.\n", "")
    yield "no value", replaced(text, sample, sample.rsplit(" ", 1)[0] + "\n")
    yield "a value that is no number", replaced(text, sample, sample.rsplit(" ", 1)[0] + " many\n")
    yield "a quote that is not escaped", replaced(text, '\\"b\\"', '"b"')
    yield "a backslash that escapes nothing", replaced(text, "\\\\ c", "\\ c")
    yield "a type that is none", replaced(text, "# TYPE lambda_environments gauge", "# TYPE lambda_environments meter")
    yield "a quantile that is no number", replaced(text, 'quantile="0.5"', 'quantile="half"')
    yield "no line end at the end", text[:-1]


def main():
    program, promtool = sys.argv[1:]
    text = subprocess.run([program, "prometheus"], check=True, stdout=subprocess.PIPE).stdout.decode("utf-8")
    failed = 0
    status, said = complaint(promtool, text)
    if status != 0 or said:
        print(f"promtool answers {status}: {said}")
        failed += 1
    count = 0
    for name, broken in broken_ways(text):
        count += 1
        status, said = complaint(promtool, broken)
        if status == 0:
            print(f"promtool takes: {name} {said}")
            failed += 1
    print(f"{text.count(chr(10))} lines, {count} broken texts, {failed} failures")
    return failed > 0


sys.exit(main())
