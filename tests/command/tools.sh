#!/bin/sh
# tools.sh LAMBDA PAGE...: what the command does beside functions: projects, events, layers, metrics, traces, the queue; and its man pages, which PAGE are the installed ones of.
set -u
lambda=$1
shift
pages=$*
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
unset AWS_ENDPOINT_URL AWS_ENDPOINT_URL_LAMBDA AWS_REGION AWS_DEFAULT_REGION
export HOME="$work" LAMBDA_DATA="$work/data"
failed=0

# expect CODE NAME COMMAND...: runs it; out, err.
expect() {
    want=$1 name=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    [ "$code" -eq "$want" ] && return
    echo "not ok: $name: exit code $code, not $want" >&2
    cat "$work/out" "$work/err" >&2
    failed=1
}

# says FILE TEXT: what the last command wrote there holds the text.
says() {
    grep -qF -- "$2" "$work/$1" && return
    echo "not ok: $name: '$2' is not in its $1:" >&2
    cat "$work/$1" >&2
    failed=1
}

events() {
    expect 0 "kinds" "$lambda" event
    cp "$work/out" "$work/kinds"
    [ "$(wc -l <"$work/kinds")" -eq 13 ] || { echo "not ok: there are not 13 kinds of events" >&2; failed=1; }
    while read -r kind; do
        expect 0 "event $kind" "$lambda" event "$kind"
        says out "{"
    done <"$work/kinds"
    expect 0 "s3" "$lambda" event s3 --bucket photos --key "a b" --size 7
    says out '"photos"'
    says out '"size": 7'
    expect 0 "sqs" "$lambda" event sqs --body one --body two
    says out '"one"'
    says out '"two"'
    expect 0 "event-bridge" "$lambda" event event-bridge --detail '{"order":7}'
    says out '"order": 7'
    expect 2 "no such event" "$lambda" event nothing
    says err "'lambda event' lists"
    expect 2 "an option of another kind" "$lambda" event s3 --body x
    says err "it takes: bucket key size"
    expect 2 "no JSON" "$lambda" event event-bridge --detail '{'
    says err "--detail is no JSON"
    expect 2 "no number" "$lambda" event s3 --size many
}

projects() {
    for kind in c node python shell; do
        expect 0 "init $kind" "$lambda" init "$work/$kind" --runtime "$kind"
        says out "lambda create $kind"
        [ -f "$work/$kind/event.json" ] || { echo "not ok: $kind has no event.json" >&2; failed=1; }
    done
    expect 0 "the shell's test" "$work/shell/test.sh"
    command -v python3 >/dev/null && expect 0 "Python's test" sh -c "cd '$work/python' && python3 test_app.py"
    command -v node >/dev/null && expect 0 "Node.js's test" sh -c "cd '$work/node' && node --test test.mjs"
    expect 3 "init again" "$lambda" init "$work/python"
    says err "nothing was overwritten"
    expect 2 "init of another language" "$lambda" init "$work/x" --runtime cobol
    expect 2 "init without directory" "$lambda" init
}

layers() {
    mkdir -p "$work/layer/python"
    echo 'ANSWER = 42' >"$work/layer/python/answer.py"
    expect 0 "layer publish" "$lambda" layer publish answers --zip "$work/layer" --description numbers --json
    says out '"Version": 1'
    expect 0 "layer list" "$lambda" layer list
    says out "answers"
    expect 0 "layer list of one" "$lambda" layer list answers
    says out "numbers"
    expect 0 "layer get" "$lambda" layer get answers 1
    expect 2 "layer get of no number" "$lambda" layer get answers first
    expect 0 "layer delete" "$lambda" layer delete answers 1
    expect 3 "layer get of what is gone" "$lambda" layer get answers 1
    says err "ResourceNotFoundException"
    expect 2 "layer publish without code" "$lambda" layer publish answers
    expect 2 "layer fly" "$lambda" layer fly answers
}

# A server that speaks HTTP and has none of libλ's own operations.
foreign() {
    command -v python3 >/dev/null || return
    mkfifo "$work/port"
    python3 -c '
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"{\"message\":\"no such page\"}"
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
for each in range(4):
    server.handle_request()
' >"$work/port" &
    read -r port <"$work/port"
    for each in metrics trace queue "logs greet"; do
        # shellcheck disable=SC2086
        expect 3 "$each of a server of others" "$lambda" $each --endpoint "http://127.0.0.1:$port"
        says err "which is no operation of AWS Lambda"
    done
    wait "$!"
}

observed() {
    expect 4 "metrics of no directory" "$lambda" metrics --data "$work/nothing"
    says err "next:"
    expect 0 "queue" "$lambda" queue
    says out "Nothing waits"
    expect 0 "metrics of nothing" "$lambda" metrics
    says out "Nothing was invoked yet"
    expect 0 "traces of nothing" "$lambda" trace
    says out "There are no traces"
    expect 3 "a trace that is not there" "$lambda" trace 1-00000000-000000000000000000000000
    export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=any
    for each in metrics trace queue "logs greet"; do
        # shellcheck disable=SC2086 # one is two words
        expect 4 "$each of no server" "$lambda" $each --endpoint http://127.0.0.1:1
        # shellcheck disable=SC2086
        expect 2 "$each of two" "$lambda" $each --endpoint http://127.0.0.1:1 --data "$work/data"
    done
    foreign
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    expect 2 "redrive from nowhere" "$lambda" queue redrive
    expect 3 "redrive from what is none" "$lambda" queue redrive --destination none
    says err "ResourceNotFoundException"
    expect 2 "queue fly" "$lambda" queue fly
    expect 2 "queue with another's option" "$lambda" queue purge --wait 3
    expect 0 "purge" "$lambda" queue purge --json
    says out '"Purged": 0'
    command -v python3 >/dev/null || return
    expect 0 "create" "$lambda" create greet --runtime python3.11 --handler app.handler --zip "$work/python"
    expect 0 "trace it" "$lambda" api UpdateFunctionConfiguration '{"FunctionName":"greet","TracingConfig":{"Mode":"Active"}}'
    expect 0 "invoke" "$lambda" invoke greet "@$work/python/event.json"
    says out "Hello, World!"
    expect 1 "invoke that fails" "$lambda" invoke greet '{}'
    expect 0 "metrics" "$lambda" metrics --json
    says out '"Invocations": 2'
    says out '"Errors": 1'
    says out '"Function": "greet"'
    expect 0 "metrics for people" "$lambda" metrics
    says out "FUNCTION"
    expect 0 "traces" "$lambda" trace --json
    says out '"greet"'
    id=$(sed -n 's/.*"trace_id": "\([^"]*\)".*/\1/p' "$work/out" | head -n 1)
    expect 0 "a trace" "$lambda" trace "$id"
    says out "Initialization"
    expect 0 "accept" "$lambda" invoke greet --async '{"name":"later"}'
    expect 0 "drain" "$lambda" queue drain --wait 60
    expect 0 "nothing is left" "$lambda" queue --json
    says out '"Events": []'
    expect 0 "logs" "$lambda" logs greet
    says out "greeting World"
    if grep -q '^2.*START' "$work/out"; then echo "not ok: a line is shown with its file's time" >&2 && failed=1; fi
    expect 0 "logs of an hour" "$lambda" logs greet --since 1h
    says out "greeting World"
    expect 0 "logs since a time" "$lambda" logs greet --since "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    if grep -q "greeting World" "$work/out"; then echo "not ok: there are logs of before" >&2 && failed=1; fi
    expect 0 "logs since a day" "$lambda" logs greet --since 2999-12-31
    if [ -s "$work/out" ]; then echo "not ok: there are logs of 2999" >&2 && failed=1; fi
    for when in yesterday 10 m 10y 2026-02-30 2026-01-01T10:00 2026-01-01T10:00:00 2026-01-01T10:00:00+1 99999999999d; do
        expect 2 "since $when" "$lambda" logs greet --since "$when"
        says err "--since"
    done
    for when in 30s 1w 2020-02-29 2020-01-01T00:00:00.123Z 2020-01-01t00:00:00+05:30 "2020-01-01 00:00:00-08:00"; do
        expect 0 "since $when" "$lambda" logs greet --since "$when"
    done
    # shellcheck disable=SC2016 # the inner shell's
    expect 0 "logs as JSON" sh -c '"$1" logs greet --json | python3 -c "import json, sys; print(json.load(sys.stdin)[\"Lines\"][0])"' sh "$lambda"
    says out "INIT_START"
    expect 2 "logs of whom" "$lambda" logs
    expect 2 "logs of two" "$lambda" logs greet --group /aws/lambda/greet
    expect 0 "logs of a group" "$lambda" logs --group /aws/lambda/greet
    says out "greeting World"
    expect 0 "metrics of three" "$lambda" metrics --json
    says out '"Invocations": 3'
}

# Each command has a page, and each page that is installed is of one.
manual() {
    mkdir "$work/man"
    expect 0 "man" "$lambda" man "$work/man"
    for page in $pages; do basename "$page"; done | sort >"$work/installed"
    (cd "$work/man" && printf '%s\n' *) | sort >"$work/written"
    expect 0 "pages that are installed" diff "$work/installed" "$work/written"
    expect 0 "an option in its page" grep -q 'bucket' "$work/man/lambda-event.1"
    expect 3 "man into nothing" "$lambda" man "$work/nothing/here"
    says err "$work/nothing/here"
    command -v man >/dev/null || return
    for page in "$work/man"/*.1; do
        expect 0 "man $page" man --warnings=w -l "$page"
        if [ -s "$work/err" ]; then echo "not ok: man warns of $page" >&2 && cat "$work/err" >&2 && failed=1; fi
    done
}

events
projects
layers
observed
manual
exit "$failed"
