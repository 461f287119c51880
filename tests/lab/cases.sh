# shellcheck shell=bash
# Test cases in bash: one line each, and a closing line with their number.

PASSED=0 FAILED=0

# run_case NAME FUNCTION [ARGUMENT...]: run the function in a subshell; it fails by `fail`. CASE selects names by
# a regular expression. When it fails, what it printed and the ends of the logs follow its line.
run_case() {
    local name=$1 start=$EPOCHREALTIME output; shift
    [[ $name =~ ${CASE:-} ]] || return 0
    output=$(mktemp)
    if ("$@") >"$output" 2>&1; then
        PASSED=$((PASSED + 1))
        say "ok      $name ($(since "$start") ms)"
    else
        FAILED=$((FAILED + 1))
        say "FAILED  $name ($(since "$start") ms)"
        sed 's/^/        /' "$output"
        if declare -F case_logs >/dev/null; then case_logs | sed 's/^/        | /'; fi
    fi
    rm -f "$output"
}

# The closing line; the status says whether all passed. None at all is a failure, but not for a part that has none of the
# chosen name.
close_cases() {
    say "$PASSED passed, $FAILED failed"
    [ $FAILED = 0 ] && [ "$PASSED${CASE-}" != 0 ]
}

fail() { say "$*"; exit 1; }

# contains TEXT PATTERN WHAT: TEXT matches the extended regular expression; lacks: it does not.
contains() { grep -Eq -- "$2" <<<"$1" || fail "$3 does not match /$2/:
$(tail -n 8 <<<"$1")"; }
lacks() { ! grep -Eq -- "$2" <<<"$1" || fail "$3 matches /$2/: $(grep -E -- "$2" <<<"$1")"; }
