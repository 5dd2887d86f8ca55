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

observed() {
    expect 4 "metrics of no directory" "$lambda" metrics --data "$work/nothing"
    says err "next:"
    expect 0 "queue" "$lambda" queue
    says out "Nothing waits"
    expect 0 "metrics of nothing" "$lambda" metrics
    says out "no invocation yet"
    expect 0 "traces of nothing" "$lambda" trace
    says out "There are no traces"
    expect 3 "a trace that is not there" "$lambda" trace 1-00000000-000000000000000000000000
    expect 4 "metrics of no server" "$lambda" metrics --endpoint http://127.0.0.1:1
    expect 2 "redrive from nowhere" "$lambda" queue redrive
    expect 3 "redrive from what is none" "$lambda" queue redrive --destination none
    says err "ResourceNotFoundException"
    expect 2 "queue of a server" "$lambda" queue --endpoint http://127.0.0.1:1
    says err "has no operations for the queue"
    expect 2 "trace of a server" "$lambda" trace --endpoint http://127.0.0.1:1
    says err "has no operations for traces"
    expect 2 "queue fly" "$lambda" queue fly
    expect 0 "purge" "$lambda" queue purge --json
    says out '"purged": 0'
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
    says out "[]"
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
}

events
projects
layers
observed
manual
exit "$failed"
