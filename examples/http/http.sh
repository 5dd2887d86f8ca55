#!/bin/sh
# http.sh PROGRAM: starts the example (build/release/examples/http) with keys of its own, and invokes its function with a signed request, as AWS's clients do.
set -eu
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
printf '[me]\naws_access_key_id = AKIDEXAMPLE0000000001\naws_secret_access_key = a-secret-of-forty-characters-no-more-less\n' >"$stage/credentials"
mkfifo "$stage/input" "$stage/output"
"$1" 0 "$stage/credentials" <"$stage/input" >"$stage/output" &
program=$!
exec 3>"$stage/input" 4<"$stage/output"
read -r line <&4
echo "$line"
curl --silent --show-error --fail-with-body --aws-sigv4 "aws:amz:us-east-1:lambda" --user "AKIDEXAMPLE0000000001:a-secret-of-forty-characters-no-more-less" \
    --header "Content-Type: application/json" --data '{}' "http://${line##* }/2015-03-31/functions/greet/invocations"
echo
# Its standard input ends, and so does it.
exec 3>&-
wait "$program"
