# shellcheck shell=bash
# Files that an ordinary user names: they lie in a home that the service does not see, and nobody else can read them.

file_cases() {
    helper_case "an authority in the home of a user" authority_of_a_user
    helper_case "a certificate and a key in the home of a user" certificate_of_a_user
    helper_case "a file that the user cannot read" file_of_another
    helper_case "a file that the service would have to open" unopened_file
}

# at_home NAME...: alice has these files of the lab, and nobody else has them.
at_home() {
    local name
    for name; do in_box install -o alice -g alice -m 600 /dev/stdin "/home/alice/$name" <"$PKI/$name" || fail "no $name"; done
    in_box chmod 700 /home/alice
}

connect_as_alice() { # ARGUMENT...: as connect
    OUTPUT=$(as alice timeout 60 sstpctl connect --no-ask "$@" 2>&1); STATUS=$?
}

authority_of_a_user() {
    local output
    at_home ca.pem
    connect_as_alice --gateway "$SERVER_NAME:$PORT_LEARN" --user "$VPN_USER" --set ca-cert=/home/alice/ca.pem --password-stdin <<<"$VPN_PASSWORD"
    connected_by
    answers "$LEARN4.1" || fail "no answer through the tunnel"
    disconnect --all
    output=$(as alice sstpctl probe "$SERVER_NAME:$PORT_LEARN" --set 'ca-cert=~/ca.pem' 2>&1) || fail "probe: $output"
    contains "$output" "Trusted +yes" "probe"
}

certificate_of_a_user() {
    local name settings=(connection-type=tls tls-identity=alice tls-remotename="$RADIUS_NAME" 'ca-cert=~/ca.pem' 'tls-ca-cert=~/radius-ca.pem'
        'tls-user-cert=~/alice.pem' 'tls-user-key=~/alice-clear.key' 'crl-file=~/radius-ca.crl')
    at_home ca.pem radius-ca.pem alice.pem alice-clear.key radius-ca.crl
    connect_as_alice --gateway "$SERVER_NAME:$PORT_EAP" --user alice "${settings[@]/#/--set=}" </dev/null
    connected_by
    contains "$(ctl status --json)" '"EAP-TLS"' "status"
    answers "$(tunnel_server $PORT_EAP)" || fail "no answer through the tunnel"
    disconnect --all
}

file_of_another() {
    connect_as_alice --gateway "$SERVER_NAME:$PORT_LEARN" --set ca-cert=/etc/nm-sstp/secrets/learn.toml </dev/null
    [ "$STATUS" = 2 ] || fail "sstpctl exited with $STATUS: $OUTPUT"
    contains "$OUTPUT" "for the setting ca-cert: permission denied" "sstpctl"
}

# Who calls the service without handing the file over gets a sentence that says so, and the file is not opened as root.
unopened_file() {
    local file since
    at_home ca.pem
    since=$(in_box date +%s)
    for file in /home/alice/ca.pem /etc/ssl/certs/lab-ca.pem /etc/nm-sstp/secrets/learn.toml; do
        as alice busctl call org.sstpd /org/sstpd org.sstpd.Manager1 Connect 'sa{ss}a{sv}' "" \
            3 gateway "$SERVER_NAME:$PORT_LEARN" user "$VPN_USER" ca-cert "$file" 1 secrets 'a{ss}' 1 password "$VPN_PASSWORD" >/dev/null || fail "Connect"
        wait_for 8 logged "$since" "$file.* as user alice.*hand it over" || fail "the log: $(helper_log 20)"
        ctl disconnect --all >/dev/null
    done
}
logged() { in_box journalctl -q --no-pager -o cat -t nm-sstp-service --since "@$1" | grep -Eq -- "$2"; } # SINCE PATTERN
