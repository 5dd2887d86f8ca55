#!/bin/sh
# orders.sh PROGRAM: kills the program of orders.c again and again while it accepts and handles orders, starts it again each time, lets
# it finish, and then looks for every order that it said to have accepted. Exits with 1 if one is lost.
set -eu
program=$1
kills=6
each=100000 # numbers of a run: so many more than it comes to accept
child=""
work=$(mktemp -d)
trap 'if [ -n "$child" ]; then kill -9 "$child" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
: >"$work/accepted"

# The program dies at another moment each time, without warning.
round=0
while [ "$round" -lt "$kills" ]; do
    "$program" "$work/orders.db" $((round * each)) "$each" >>"$work/accepted" &
    child=$!
    sleep "0.$((3 + round * 5 % 7))"
    kill -9 "$child"
    wait "$child" 2>/dev/null || true
    child=""
    round=$((round + 1))
done

# The last run ends when nothing is left, and shows what it did.
timeout 60 "$program" "$work/orders.db" $((round * each)) 100 "$work/trace.json" >>"$work/accepted"
calls=$(grep -c '"cat":"call"' "$work/trace.json") || { echo "the trace shows no call of the warehouse"; exit 1; }

touch "$work/orders.db.failures"
sed -n 's/.*"requestPayload":{"order":\([0-9]*\)}.*/\1/p' "$work/orders.db.failures" >"$work/failures"
echo "killed $kills times, started $((kills + 1)) times; the last run's trace shows $calls calls"
awk -v failures="$work/failures" -v ledger="$work/orders.db.ledger" '
    BEGIN {
        while ((getline <failures) > 0) failed[$1] = 1
        while ((getline <ledger) > 0) {
            if ($2 != "handled") { refused++; continue }
            if (!($1 in handled)) handled[$1] = $3
            else if (handled[$1] == $3) same++
            else twice++
        }
    }
    {
        accepted++
        if ($1 in handled) done++
        else if ($1 in failed) ended++
        else { print "LOST: order " $1; lost++ }
    }
    END {
        printf "accepted       %6d\n", accepted
        printf "handled        %6d, after %d attempts that the function refused\n", done, refused
        printf "handled twice  %6d, each because a run was killed before it could note the end\n", twice
        printf "failed         %6d, all in the file of failures\n", ended
        if (same) printf "handled twice by the same run: %d\n", same
        printf "lost           %6d\n", lost
        exit lost > 0 || same > 0 || accepted == 0
    }' "$work/accepted"
