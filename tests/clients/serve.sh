# Sourced: `serve LAMBDA` starts a server for the tests of clients, with a data directory and keys of its own, and sets $endpoint, $port and AWS's variables; `stop` ends it and removes all.
# shellcheck shell=sh
serve() {
    stage=$(mktemp -d)
    chmod 755 "$stage"
    mkfifo "$stage/said"
    "$1" serve --data "$stage/data" --port 0 >"$stage/said" 2>"$stage/log" &
    server=$!
    # Whoever wants to say something can: the pipe stays open for reading.
    exec 3<"$stage/said"
    endpoint=""
    while read -r line <&3; do
        case $line in *http://*)
            endpoint=$(printf '%s' "$line" | sed 's,.*\(http://[0-9.:]*\).*,\1,')
            break
            ;;
        esac
    done
    if [ -z "$endpoint" ]; then
        cat "$stage/log" >&2
        return 1
    fi
    port=${endpoint##*:}
    export endpoint port stage
    export AWS_SHARED_CREDENTIALS_FILE="$stage/data/credentials" AWS_CONFIG_FILE=/dev/null AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=
    export AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1
    AWS_PROFILE=$(sed -n 's/^\[\(.*\)\]$/\1/p' "$AWS_SHARED_CREDENTIALS_FILE" | head -1)
    export AWS_PROFILE
}

stop() {
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" || status=$?
    rm -rf "$stage"
    return "${status:-0}"
}
