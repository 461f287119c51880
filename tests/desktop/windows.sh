# shellcheck shell=bash
# What people do in the settings of their desktops.

KEYFILES=/etc/NetworkManager/system-connections
PICTURES=${PICTURES-}

# window_case NAME FUNCTION [ARGUMENT]...: with the programs that it starts ended, and its connections gone.
window_case() {
    run_case "$@"
    local program
    for program in editor settings plasma; do reap $program; done
    nmcli --terse --fields UUID,TYPE connection show | sed -n 's/:vpn$//p' | xargs -r nmcli connection delete >/dev/null 2>&1
}
case_logs() {
    local program
    ui tree | grep showing | head -80
    for program in editor settings plasma; do
        [ ! -e "$(log_of $program)" ] || tail -n 20 "$(log_of $program)"
    done
}
# pictured NAME [WINDOW]: leave a picture, where they are wanted.
pictured() { [ -z "$PICTURES" ] || picture "$PICTURES/$1.png" "${2-}"; }

# keyfile NAME: the text of the connection's file. has LINE-PATTERN... : lines that it has.
keyfile() { cat "$KEYFILES/$1.nmconnection"; }
saved() { wait_for 10 test -e "$KEYFILES/$1.nmconnection" || fail "NetworkManager has no connection $1"; }
has() {
    local name=$1 line; shift
    for line; do contains "$(keyfile "$name")" "^$line\$" "the file of $name"; done
}

made_in_gtk3() {
    OPEN=editor desktop nm-connection-editor --type=vpn --create
    ui tree
    fail x
}
