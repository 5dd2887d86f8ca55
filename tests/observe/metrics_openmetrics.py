"""metrics_openmetrics.py PROGRAM: the OpenMetrics parser takes what the program prints, reads in it what is in Prometheus' text, and refuses broken copies."""
import subprocess
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

# What handlers of the scene measure: names with what formats need escaped.
NAMES = {"Balance", 'a "b" \\ c', '} 5\\n# EOF,{x="1"}', "Sent"}
ORDERS = {"function_name": "orders", "resource": "orders:prod", "executed_version": "1"}

failures = []


def expect(holds, what):
    if not holds:
        failures.append(what)


def printed(program, form):
    return subprocess.run([program, form], check=True, stdout=subprocess.PIPE).stdout.decode("utf-8")


def samples_of(families):
    """Name and labels of each sample, with its value. No two are the same."""
    found = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            expect(key not in found, f"twice: {key}")
            found[key] = float(sample.value)
    return found


def compare(prometheus, openmetrics):
    """The two say the same, but for what is below zero."""
    negative = {key for key, value in prometheus.items() if value < 0}
    expect(len(negative) == 3, f"not 3 samples are below zero: {sorted(negative)}")
    expect(all(dict(key[1])["metric"] == "Balance" for key in negative), f"other samples are below zero: {sorted(negative)}")
    expect(set(openmetrics) == set(prometheus) - negative, f"samples differ: {set(openmetrics) ^ (set(prometheus) - negative)}")
    for key, value in openmetrics.items():
        expect(prometheus.get(key) == value, f"{key}: {value} is not {prometheus.get(key)}")


def check_families(families):
    by_name = {family.name: family for family in families}
    expect(len(by_name) == len(families), "a family is there twice")
    for family in families:
        expect(family.type in ("counter", "gauge", "summary"), f"{family.name}: {family.type}")
        expect(family.documentation != "", f"{family.name}: no help")
        expect(not family.unit or family.name.endswith("_" + family.unit), f"{family.name}: {family.unit}")
        expect(family.name.endswith("_seconds") == (family.unit == "seconds") or family.name.endswith("_byte_seconds"), family.name)
    invocations = {tuple(s.labels.values()): s.value for s in by_name["lambda_invocations"].samples}
    expect(by_name["lambda_invocations"].type == "counter", "invocations are no counter")
    expect(invocations.get(tuple(ORDERS.values())) == 4, f"invocations: {invocations}")
    expect(by_name["lambda_duration_seconds"].unit == "seconds", "durations have no unit")
    quantiles = {s.labels.get("quantile"): s.value for s in by_name["lambda_duration_seconds"].samples if ORDERS.items() <= s.labels.items()}
    expect(quantiles.get("1.0") == 6, f"durations: {quantiles}")
    names = {s.labels["metric"] for s in by_name["lambda_user_metric"].samples}
    expect(names == NAMES, f"names: {names}")


def broken_ways(text):
    """Names and broken copies of the text."""

    def replaced(old, new):
        expect(old in text, f"there is no {old!r} to break")
        return text.replace(old, new, 1)

    yield "no end", text[: -len("# EOF\n")]
    yield "more behind the end", text + "lambda_more 1\n"
    yield "a counter without _total", replaced("lambda_environments_started_total ", "lambda_environments_started ")
    yield "a negative counter", replaced("lambda_metrics_lost_total 0", "lambda_metrics_lost_total -1")
    yield "a negative quantile", replaced('unit="Bytes",quantile="0.0"} 1500', 'unit="Bytes",quantile="0.0"} -1500')
    yield "a negative sum", replaced('unit="Bytes"} 7500', 'unit="Bytes"} -7500')
    yield "a quantile above 1", replaced('quantile="1.0"', 'quantile="1.5"')
    yield "another unit", replaced("# UNIT lambda_duration_seconds seconds", "# UNIT lambda_duration_seconds bytes")
    yield "the type twice", replaced("# TYPE lambda_environments gauge\n", "# TYPE lambda_environments gauge\n" * 2)
    yield "an empty line", replaced("# TYPE lambda_environments gauge\n", "# TYPE lambda_environments gauge\n\n")
    yield "a quote that is not escaped", replaced('\\"b\\"', '"b"')


def main():
    program = sys.argv[1]
    text = printed(program, "openmetrics")
    expect(text.endswith("\n# EOF\n"), "does not end in # EOF")
    expect(text.count("\n# EOF\n") == 1, "ends more than once")
    families = list(parse_openmetrics(text))
    check_families(families)
    compare(samples_of(parse_prometheus(printed(program, "prometheus"))), samples_of(families))
    count = 0
    for name, broken in broken_ways(text):
        count += 1
        try:
            list(parse_openmetrics(broken))
            failures.append(f"the parser takes: {name}")
        except ValueError:
            pass
    for failure in failures:
        print(failure)
    print(f"{len(families)} families, {count} broken texts, {len(failures)} failures")
    return len(failures) > 0


sys.exit(main())
