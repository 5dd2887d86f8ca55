#!/bin/bash
# An extension in bash and curl: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html. Its name is its file's, in /opt/extensions.
# It writes a line for each event. The function's variables say what else it does:
#   EXTENSION_EVENTS          what it registers for, JSON; default ["INVOKE","SHUTDOWN"]
#   EXTENSION_TELEMETRY_PORT  subscribes to telemetry, to be sent to that port over TCP, of the types
#   EXTENSION_TELEMETRY_TYPES JSON; default ["platform","function","extension"]
#   EXTENSION_FAIL            "init": reports an error before it is ready; "exit": at the first event; "crash": ends there with status 3
set -u
name=$(basename "$0")
api="http://$AWS_LAMBDA_RUNTIME_API"
head=$(mktemp)
trap 'rm -f "$head"' EXIT

# call METHOD PATH [OPTION...]
call() { curl -sS --noproxy '*' -X "$1" "${@:3}" "$api/$2"; }

# fail WHEN: reports an error, at "init" or at "exit"
fail() {
    call POST "2020-01-01/extension/$1/error" -o /dev/null -H "$me" -H 'Lambda-Extension-Function-Error-Type: Extension.Failed' \
        --data-binary "{\"errorType\":\"Extension.Failed\",\"errorMessage\":\"$name was told to\"}"
    exit 1
}

# member NAME: a string of the event
member() { [[ $event =~ \"$1\":[[:space:]]*\"([^\"]*)\" ]] && echo "${BASH_REMATCH[1]}"; }

events=${EXTENSION_EVENTS:-'["INVOKE","SHUTDOWN"]'}
call POST 2020-01-01/extension/register -f -o /dev/null -D "$head" -H "Lambda-Extension-Name: $name" \
    -H 'Content-Type: application/json' --data-binary "{\"events\":$events}" || exit 1
me=$(sed -n '/^Lambda-Extension-Identifier:/Ip' "$head" | tr -d '\r')
if [ -n "${EXTENSION_TELEMETRY_PORT:-}" ]; then
    types=${EXTENSION_TELEMETRY_TYPES:-'["platform","function","extension"]'}
    answer=$(call PUT 2022-07-01/telemetry -H "$me" -H 'Content-Type: application/json' --data-binary \
        "{\"schemaVersion\":\"2022-12-13\",\"types\":$types,\"buffering\":{\"timeoutMs\":25},\"destination\":{\"protocol\":\"TCP\",\"port\":$EXTENSION_TELEMETRY_PORT}}")
    echo "$name: telemetry $answer"
fi
[ "${EXTENSION_FAIL:-}" != init ] || fail init
echo "$name: ready"
while event=$(call GET 2020-01-01/extension/event/next -f -H "$me"); do
    case ${EXTENSION_FAIL:-} in
    exit) fail exit ;;
    crash) exit 3 ;;
    esac
    case $(member eventType) in
    INVOKE) echo "$name: INVOKE $(member requestId)" ;;
    SHUTDOWN)
        echo "$name: SHUTDOWN $(member shutdownReason)"
        exit 0
        ;;
    esac
done
exit 1
