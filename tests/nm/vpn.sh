# shellcheck shell=bash
# Words for the cases: profiles, activation, and what the machine must look like afterwards.

# The account is the one of RFC 2759 9.2, so that its NT hash is a published value.
VPN_USER=User VPN_PASSWORD=clientPass
VPN_NT_HASH=44EBBA8D5312B8D611474411F56989AE

# profile NAME [KEY=VALUE]...: a VPN connection with these data keys; the password is not in it.
profile() {
    local name=$1 pair data="gateway=$SERVER_NAME,user=$VPN_USER,password-flags=2,ca-cert=$PKI/ca.pem"; shift
    for pair; do data+=",$pair"; done
    nmcli --terse connection add type vpn vpn-type sstp con-name "$name" autoconnect no vpn.data "$data" >/dev/null ||
        fail "nmcli cannot add the connection"
}

# store NAME [PASSWORD]: keep the password in the connection, readable for root only.
store() {
    nmcli connection modify "$1" +vpn.data password-flags=0 vpn.secrets "password=${2-$VPN_PASSWORD}" ||
        fail "nmcli cannot store the password"
}

# up NAME [NMCLI-OPTION]...: activate; sets STATUS and OUTPUT, does not fail by itself.
up() {
    local name=$1; shift
    OUTPUT=$(timeout 100 nmcli --wait 90 "$@" connection up "$name" 2>&1); STATUS=$?
}
up_with_file() {    # NAME PASSWORD
    OUTPUT=$(timeout 100 nmcli --wait 90 connection up "$1" passwd-file <(say "vpn.secrets.password:$2") 2>&1); STATUS=$?
}
down() { nmcli --wait 20 connection down "$1" >/dev/null || fail "nmcli connection down $1 failed"; }

succeeded() { [ "$STATUS" = 0 ] || fail "nmcli exited with $STATUS: $OUTPUT"; }

# refused PATTERN [SENTENCE]: nmcli's own exit code for a failed activation, its reason, and the helper's sentence.
refused() {
    [ "$STATUS" = 4 ] || fail "nmcli exited with $STATUS instead of 4: $OUTPUT"
    contains "$OUTPUT" "$1" "nmcli's output"
    [ -z "${2-}" ] || contains "$(new_log)" "$2" "the log"
}

# The tunnel's device, when there is exactly one.
tunnel() { ip -o link show type tun | sed -n 's/^[0-9]*: \([^:@]*\).*/\1/p'; }

# connected [PORT]: what a working full tunnel to the server of that port looks like from the client's side.
connected() {
    local server device
    server=$(tunnel_server "${1:-443}")
    device=$(tunnel)
    [ -n "$device" ] || fail "there is no tunnel device"
    contains "$(ip -4 address show dev "$device")" "inet ${server%.*}\.[0-9]+( peer [0-9.]+)?/" "the address"
    contains "$(ip -4 route show)" "^default .*dev $device" "the routes"
    contains "$(ip -4 route show)" "^$SERVER4(/32)? .*dev $CLIENT_LINK" "the routes"
    contains "$(cat /etc/resolv.conf)" "^nameserver ${server%.*}.53\$" "resolv.conf"
    reaches "$server"
}
# reaches ADDRESS: it answers, whichever way leads there.
reaches() { ping -n -c 1 -W 3 "$1" >/dev/null || fail "no answer from $1 through the tunnel"; }

# Everything that a connection changes on the client, as text.
machine() {
    ip -o link show | sed 's/^[0-9]*: \([^:]*\):.*/link \1/'
    ip -o address show | awk '{ print "address", $2, $3, $4 }'
    ip -4 route show table all; ip -6 route show table all; ip rule show; ip -6 rule show
    grep -v '^#' /etc/resolv.conf
    nmcli --terse --fields NAME,TYPE,STATE connection show --active
    pgrep --runstates D,I,R,S,T -a nm-sstp      # what has ended is the affair of who started it
    bus_names | grep -i sstp
}
bus_names() {
    dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames
}
machine_is_clean() { [ "$(machine)" = "$CLEAN_MACHINE" ]; }
nothing_left() {
    wait_for 5 machine_is_clean || fail "something is left:
$(diff <(say "$CLEAN_MACHINE") <(machine))"
}

# What NetworkManager and the helper logged since the case began.
new_log() { tail -c "+$((LOG_START + 1))" "$(log_of NetworkManager)"; }
is_logged() { new_log | grep -qE -- "$1"; }
case_logs() {
    new_log | grep -vE 'audit:|device \(|manager:|policy:' | tail -30
    find "$LAB_RUN/log" \( -name 'server*.log' -o -name 'radvd*.log' -o -name 'dnsmasq*.log' \) -newer "$LAB_RUN/case" \
        -exec tail -n 12 {} +
}

# vpn_case NAME FUNCTION [ARGUMENT]...: a case that must leave the machine as it was.
vpn_case() {
    LOG_START=$(stat -c %s "$(log_of NetworkManager)")
    touch "$LAB_RUN/case"
    run_case "$1" clean_case "${@:2}"
    # a failed case must not spoil the next one
    nmcli --terse --fields UUID,TYPE connection show | sed -n 's/:vpn$//p' | xargs -r nmcli connection delete >/dev/null 2>&1
    wait_for 3 machine_is_clean
}
clean_case() { "$@" && nothing_left; }

# Hexadecimal octets as a pattern that finds them in hexadecimal or decimal, with or without separators.
octets_pattern() {
    local octet hex='' decimal=''
    for octet in $1; do
        hex+="${hex:+[ :,]?}[${octet:0:1}$(tr a-f A-F <<<"${octet:0:1}")$(tr A-F a-f <<<"${octet:0:1}")]"
        hex+="[${octet:1:1}$(tr a-f A-F <<<"${octet:1:1}")$(tr A-F a-f <<<"${octet:1:1}")]"
        decimal+="${decimal:+, ?}$((16#$octet))"
    done
    say "$hex|$decimal"
}
