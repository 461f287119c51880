# shellcheck shell=bash
# The project's own SSTP server (tests/server) in the lab's server namespace.

# server_up NAME PORT ARGUMENT...: start one, with the account VPN_USER, VPN_PASSWORD and a network of its own, see
# tunnel_server. An argument given here replaces the default.
server_up() {
    local name=$1 port=$2 network; shift 2
    network=$(tunnel_server "$port")
    local -A default=([--cert]=$PKI/server.pem [--key]=$PKI/server.key [--pool]=${network%.*}.0/24 [--dns]=${network%.*}.53)
    local option options=()
    for option in "${!default[@]}"; do
        [[ " $* " == *" $option "* ]] || options+=("$option" "${default[$option]}")
    done
    spawn "$name" "${IN_SERVER[@]}" "$TARGET/release/sstp-test-server" --listen "$SERVER4:$port" --tun "sstp$port" \
        --user "$VPN_USER:$VPN_PASSWORD" "${options[@]}" "$@"
    wait_for 5 grep -q '^listening on' "$(log_of "$name")" || die "the server does not start: $(cat "$(log_of "$name")")"
}

# tunnel_server PORT: the address inside the tunnel of the server that listens on this port. Ports of servers that
# run at the same time must differ modulo 256.
tunnel_server() { say "10.99.$(($1 % 256)).1"; }
