# shellcheck shell=bash
# Servers that must not be trusted, and servers that refuse.

untrusted() {
    profile vpn gateway=$SERVER_NAME:"$1"; store vpn
    up vpn; refused "$REASON_CONNECT" "$2"
}

# A certificate that does not pass is accepted by the command that the sentence names, and then no other is.
pinned() { # PORT
    local command
    profile vpn gateway=$SERVER_NAME:"$1"; store vpn
    up vpn; refused "$REASON_CONNECT" "gateway-fingerprint="
    command=$(new_log | grep -o 'the command for that: nmcli [-a-z0-9 +.]*gateway-fingerprint=[0-9A-F:]*' | tail -n 1)
    ${command#*: } || fail "the command does not work: $command"
    up vpn; succeeded
    connected "$1"
    down vpn
    nmcli connection modify vpn +vpn.data gateway=$SERVER_NAME
    up vpn; refused "$REASON_CONNECT" "is not the one that is accepted"
}

# By address, with the name beside it, and the authority in a directory that needs quoting.
named_beside_the_address() {
    local directory="$PKI/the 'CA' \$(x)"
    mkdir -p "$directory"; cp "$PKI/ca.pem" "$directory/"
    profile vpn gateway="$SERVER4" gateway-name=$SERVER_NAME "ca-cert=$directory"; store vpn
    up vpn; succeeded
    connected
    down vpn
    nmcli connection modify vpn +vpn.data gateway-name=other.lab.test
    up vpn; refused "$REASON_CONNECT" "not for other\.lab\.test"
}

tenant() { # PORT
    profile vpn "gateway=$SERVER_NAME:$1?tenantid=contoso"; store vpn
    up vpn; succeeded
    connected "$1"
    down vpn
    nmcli connection modify vpn +vpn.data "gateway=$SERVER_NAME:$1"
    up vpn; refused "$REASON_CONNECT" "404.*tenantid"
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
