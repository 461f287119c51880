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

# --- Plasma

# Plasma has a page of its own for SSTP, and no use for ours; what it writes has to work.
made_in_plasma() {
    local x y width height dialog="dialog:^New Connection"
    SCREEN_DESKTOP=KDE OPEN=plasma desktop QT_QUICK_BACKEND=software QT_LINUX_ACCESSIBILITY_ALWAYS_ON=1 \
        kcmshell5 kcm_networkmanagement
    ui wait 60 "kcmshell5/push button:^Reset" || fail "Plasma's settings do not open"
    # Plasma tells screen readers neither the name of its button with the plus nor the names of the types of connection.
    sleep 3
    read -r x y width height < <(ui place "kcmshell5/push button:^Reset")
    desktop xdotool mousemove $((x + 189)) $((y + height / 2 - 46)) click 1
    ui wait 20 "push button:^Create" || fail "there is no list of types"
    sleep 1
    read -r x y width height < <(ui place "push button:^Create")
    desktop xdotool mousemove 200 $((y - 150)) click --repeat 12 5
    sleep 1
    pictured plasma-types
    desktop xdotool mousemove 200 $((y + height / 2 - 172)) click 1
    ui press "push button:^Create"
    ui wait 10 "$dialog > page tab:sstp" || fail "that was another type"
    ui type "$dialog > text:^Connection name" plasma &&
        ui type "$dialog > text:^General" $SERVER_NAME &&
        ui type "$dialog > panel:^Optional > text:^Optional" $VPN_USER &&
        ui type "$dialog > filler:^Optional > text:^$" "$PKI/ca.pem" || fail "Plasma's page cannot be filled in"
    pictured plasma-page
    ui press "$dialog > push button:^Save"
    saved plasma
    has plasma "service-type=org\.freedesktop\.NetworkManager\.sstp" gateway=$SERVER_NAME user=$VPN_USER proxy-port=0
    up_with_file plasma $VPN_PASSWORD
    succeeded
    connected
    down plasma
}
