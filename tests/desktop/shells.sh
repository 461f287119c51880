# shellcheck shell=bash
# What both desktops are asked about: servers that want more than a password, and connections to them.

PORT_RADIUS=600 PORT_EAP=603
PROXY_PORT=1081 PROXY_USER=Mufasa PROXY_PASSWORD='Circle of Life'

# servers_up: with the accounts of a RADIUS server, one for passwords and one for EAP; and a proxy that wants a login.
servers_up() {
    server_up server 443
    radius_up
    server_up server-radius $PORT_RADIUS --radius "$RADIUS13" --radius-secret "$RADIUS_SECRET" --auth mschapv2
    server_up server-eap $PORT_EAP --radius "$RADIUS13" --radius-secret "$RADIUS_SECRET" --auth eap
    spawn proxy "${IN_SERVER[@]}" microsocks -i $SERVER4 -p $PROXY_PORT -u $PROXY_USER -P "$PROXY_PASSWORD"
    wait_for 5 bash -c "exec 3<>/dev/tcp/$SERVER4/$PROXY_PORT" || die "microsocks does not start: $(cat "$(log_of proxy)")"
}

# with_account PORT USER [KEY=VALUE]...: a connection for an account of the RADIUS server.
with_account() {
    local port=$1 VPN_USER=$2; shift 2
    kept vpn gateway=$SERVER_NAME:"$port" "$@"
}
with_expired_password() { radius_forget; with_account $PORT_RADIUS expired; }
with_code() { with_account $PORT_EAP alice eap=gtc password-flags=6 otp-flags=2; }
with_certificate() { # FLAGS: who keeps the password of its key
    with_account $PORT_EAP alice connection-type=tls tls-ca-cert="$PKI/radius-ca.pem" tls-user-cert="$PKI/alice.pem" \
        tls-user-key="$PKI/alice.key" tls-user-key-secret-flags="$1"
}
with_proxy() {
    kept vpn proxy-server=$SERVER4 proxy-type=socks5 proxy-port=$PROXY_PORT proxy-user=$PROXY_USER proxy-password-flags=1
}

# works [PORT]: it comes up, at the server of this port, and is taken down.
works() { comes_up vpn "$@"; down vpn; }

# answer TEXT...: into one field after the other.
answer() {
    typed "$1"; shift
    local text
    for text; do keys Tab; typed "$text"; done
    keys Return
}

# dialog_picture: of a dialog that a case has waited for, where pictures are wanted.
dialog_picture() { [ -z "${PICTURES-}" ] || picture "$(mktemp "$PICTURES/${FUNCNAME[2]}-XXX.png")"; }
