# shellcheck shell=bash
# The project's own SSTP server (tests/server) in the lab's server namespace.

TUNNEL_SERVER4=10.99.0.1

# server_up NAME ARGUMENT...: start one; later arguments replace or add to these defaults.
server_up() {
    local name=$1; shift
    spawn "$name" "${IN_SERVER[@]}" "$TARGET/release/sstp-test-server" --listen $SERVER4:443 \
        --cert "$PKI/server.pem" --key "$PKI/server.key" "$@"
    wait_for 5 grep -q '^listening on' "$(log_of "$name")" || die "the server does not start: $(cat "$(log_of "$name")")"
}
