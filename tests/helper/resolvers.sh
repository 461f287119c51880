# shellcheck shell=bash
# Machines without systemd-resolved, and one with NetworkManager.

servers_in_file() { in_box sed -n 's/^nameserver //p' /etc/resolv.conf | tr '\n' ' '; }
names_by_tunnel() { [[ $(servers_in_file) == "$DHCP_DNS "* ]]; }

full_by_file() {
    connect learn; connected_by
    soon names_by_tunnel
    looks_up $CORP_HOST "$LEARN4.1" || fail "$CORP_HOST does not resolve"
    disconnect learn
    contains "$(servers_in_file)" "^$SERVER4 $" "resolv.conf"
}
killed_by_file() {
    connect learn; connected_by
    soon names_by_tunnel
    kill_helper
    within 15 box_is_clean
}
# Who uses openresolv has a record of the uplink in it.
full_by_openresolv() {
    connect learn; connected_by
    soon names_by_tunnel
    looks_up $CORP_HOST "$LEARN4.1" || fail "$CORP_HOST does not resolve"
    disconnect learn
}
beside_networkmanager() {
    connect learn; connected_by
    soon nm_leaves_alone
    answers "$LEARN4.1" || fail "no answer through the tunnel"
    disconnect learn
}
nm_leaves_alone() { in_box nmcli --terse --fields DEVICE,STATE device | grep -qx "$(box_tunnel):unmanaged"; }
