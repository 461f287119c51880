# shellcheck shell=bash
# Servers that must not be trusted, and servers that refuse.

untrusted() {
    profile vpn gateway=$SERVER_NAME:"$1"; store vpn
    up vpn; refused "$REASON_CONNECT" "$2"
}

untrusted_by_default() {    # the lab's authority is not one of the system's
    profile vpn; store vpn
    nmcli connection modify vpn -vpn.data ca-cert
    up vpn; refused "$REASON_CONNECT" "certificate"
}

server_refuses() { # NAME PORT SENTENCE
    profile vpn gateway=$SERVER_NAME:"$1"; store vpn
    up vpn; refused "$REASON_CONNECT" "$2"
}

nobody_listens() {
    profile vpn gateway=$SERVER_NAME:9; store vpn
    up vpn; refused "$REASON_CONNECT" "refused"
}

unknown_host() {
    profile vpn gateway=nowhere.lab.test; store vpn
    up vpn; refused "$REASON_CONNECT" "nowhere.lab.test"
}
