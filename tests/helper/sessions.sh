# shellcheck shell=bash
# Sessions: what they set up, what they show, and how the service is confined.

session_cases() {
    helper_case "the unit's exposure" exposure
    helper_case "D-Bus starts the helper" activation
    helper_case "a profile from its file to the end" whole_session
    helper_case "what status shows" what_status_shows
    helper_case "the journal's fields" journal_fields
    helper_case "the helper is confined" confined
    helper_case "IPv6, routes and names of the server's network" learned_everything
    helper_case "routes=split" split_tunnel
    helper_case "routes=none" no_routes
    helper_case "routes=auto" auto_routes
    helper_case "kill-switch" kill_switch
    helper_case "two sessions at once" two_sessions
    helper_case "settings in the place of a profile" by_settings
    helper_case "probe" probed
    helper_case "a certificate that is accepted by its fingerprint" pinned
    helper_case "wrong password" wrong_password
    helper_case "a password that is asked for" asked_for
    helper_case "a unit for a profile" by_unit
    helper_case "a unit with the password as a credential" by_credential
    helper_case "two units that are stopped in another order" two_units
}

exposure() {
    local score
    score=$(in_box systemd-analyze security --no-pager nm-sstp.service | sed -n 's/.*exposure level for nm-sstp.service: \([0-9.]*\).*/\1/p')
    say "systemd-analyze security nm-sstp.service: $score"
    awk -v score="$score" 'BEGIN { exit !(score != "" && score <= 2.0) }' || fail "the exposure is $score"
    in_box systemd-analyze verify --man=no nm-sstp.service nm-sstp@learn.service || fail "systemd-analyze verify"
}

activation() {
    in_box systemctl stop nm-sstp.service
    in_box busctl call org.sstpd /org/sstpd org.freedesktop.DBus.Peer Ping >/dev/null || fail "D-Bus does not start it"
    in_box systemctl -q is-active nm-sstp.service || fail "its unit does not run"
    contains "$(in_box busctl introspect org.sstpd /org/sstpd org.sstpd.Manager1)" 'Connect' "the manager"
}

whole_session() {
    local mode
    for mode in 700:profiles 600:profiles/learn.toml 700:secrets 600:secrets/learn.toml; do
        [ "$(in_box stat -c %a:%u "/etc/nm-sstp/${mode#*:}")" = "${mode%:*}:0" ] || fail "the mode of ${mode#*:} is not ${mode%:*}"
    done
    contains "$(ctl list)" "learn" "sstpctl list"
    connect learn; connected_by
    contains "$OUTPUT" "authentication|Authentication" "the lines of the phases"
    local tunnel; tunnel=$(box_tunnel)
    soon goes_by "$tunnel" 203.0.113.7
    goes_by $BOX_LINK $SERVER4 || fail "the gateway is routed into its own tunnel"
    goes_by $BOX_LINK 10.77.0.9 || fail "the network nearby is routed into the tunnel"
    lacks "$(in_box ip route show table main)" "$tunnel" "the main table"
    answers "$LEARN4.1" || fail "no answer through the tunnel"
    soon looks_up $CORP_HOST "$LEARN4.1"
    disconnect learn
    [ -z "$(box_tunnel)" ] || fail "the device is still there"
}

what_status_shows() {
    connect learn; connected_by
    soon shows '"dns":\["'"$DHCP_DNS"
    local what
    for what in '"state":"connected"' '"profile":"learn"' '"interface":"sstp0"' "\"addresses\":\[\"$LEARN4\.[0-9]+/32\"" '"0.0.0.0/0"' \
        '"domains":\["corp.lab.test","eng.lab.test"' "\"$LEARN4.9\"" '"TLS1.3"' '"TLS_AES_[0-9A-Z_]+"' '([0-9A-F]{2}:){31}[0-9A-F]{2}' '"MS-CHAPv2"' \
        "\"$SERVER4:$PORT_LEARN\""; do
        shows "$what" || fail "status --json has no $what: $(ctl status --json)"
    done
    answers "$LEARN4.1"
    soon not shows '"rx_packets":0'
    soon not shows '"round_trip[a-z_]*":0'
    contains "$(ctl status)" "connected" "sstpctl status"
    disconnect
}

journal_fields() {
    connect learn; connected_by; disconnect
    local json; json=$(in_box journalctl -q -o json -t nm-sstp-service SSTP_PROFILE=learn -n 50)
    contains "$json" '"SSTP_SESSION"' "the journal"
    contains "$json" 'Connected to 10.77.0.1' "the journal"
    contains "$(ctl logs learn --no-pager 2>/dev/null || ctl logs learn)" "Connected to" "sstpctl logs"
    lacks "$(in_box journalctl -q --no-pager -o cat)" "$VPN_PASSWORD" "the journal"
}

confined() {
    connect learn; connected_by
    local status; status=$(in_box cat "/proc/$(helper_pid)/status")
    contains "$status" '^CapEff:\s+0000000000001000$' "its capabilities"
    contains "$status" '^CapBnd:\s+0000000000001000$' "its bounding set"
    contains "$status" '^NoNewPrivs:\s+1$' "its status"
    contains "$status" '^Seccomp:\s+2$' "its status"
    lacks "$(helper_log 200)" "could not (be )?give|is not restricted" "the log"
    disconnect
}

learned_everything() {
    local tunnel
    two_routes
    connect learn; connected_by
    tunnel=$(box_tunnel)
    soon goes_by "$tunnel" fd99:9::1; soon goes_by "$tunnel" 2001:db8::1
    soon shows "\"$LEARN6:[0-9a-f:]+/64\""
    soon answers ${LEARN6}:1
    soon looks_up $CORP_HOST "$LEARN4.1"
    contains "$(in_box resolvectl --no-pager domain "$tunnel")" 'corp.lab.test eng.lab.test six.lab.test|corp.lab.test.*six.lab.test' "resolved"
    contains "$(in_box resolvectl --no-pager domain "$tunnel")" '~\.' "resolved"
    contains "$(in_box resolvectl --no-pager dns "$tunnel")" "$LEARN_DNS6" "resolved"
    disconnect
    dhcp_tells
}

split_tunnel() {
    local tunnel
    two_routes
    store_profile part $PORT_LEARN routes=split
    connect part; connected_by
    tunnel=$(box_tunnel)
    soon goes_by "$tunnel" 10.55.1.1; soon goes_by "$tunnel" 10.56.1.1; soon goes_by "$tunnel" fd99:9::1
    goes_by $BOX_LINK 203.0.113.7 || fail "everything is routed into the tunnel"
    goes_by "$tunnel" 2001:db8::1 && fail "all of IPv6 is routed into the tunnel"
    soon looks_up $CORP_HOST "$LEARN4.1"
    looks_up $OUTSIDE $OUTSIDE4 || fail "$OUTSIDE does not resolve beside the tunnel"
    lacks "$(in_box resolvectl --no-pager domain "$tunnel")" '~\.' "resolved"
    disconnect
    ctl profile remove part >/dev/null
    dhcp_tells
}

no_routes() {
    store_profile part $PORT_LEARN routes=none
    connect part; connected_by
    answers "$LEARN4.1" || fail "the server's end does not answer"
    goes_by $BOX_LINK 203.0.113.7 || fail "everything is routed into the tunnel"
    lacks "$(in_box resolvectl --no-pager dns "$(box_tunnel)")" "$LEARN4" "resolved"
    disconnect
    ctl profile remove part >/dev/null
}

auto_routes() {
    radvd_up $LEARN_DEVICE prefix=${LEARN6}:/64 lifetime=0
    two_routes
    store_profile part $PORT_LEARN routes=auto
    connect part; connected_by
    soon goes_by "$(box_tunnel)" 10.55.1.1; soon goes_by $BOX_LINK 203.0.113.7
    disconnect
    ctl profile remove part >/dev/null
    dhcp_tells
    radvd_up $LEARN_DEVICE prefix=${LEARN6}:/64 rdnss=$LEARN_DNS6 dnssl=six.lab.test route=fd99:9::/48 lifetime=1800
}

kill_switch() {
    server_up server-killed $PORT_KILLED
    store_profile part $PORT_KILLED kill-switch=yes
    connect part; connected_by
    soon goes_by "$(box_tunnel)" 203.0.113.7
    in_box ip route get 2001:db8::1 >/dev/null 2>&1 && fail "IPv6 goes beside the tunnel"
    reap server-killed KILL
    server_up server-killed $PORT_KILLED --user "$VPN_USER:another"
    soon shows '"state":"failed"'
    in_box ip route get 203.0.113.7 >/dev/null 2>&1 && fail "IPv4 goes beside the tunnel that has failed"
    goes_by $BOX_LINK $SERVER4 || fail "the gateway cannot be reached any more"
    disconnect part
    soon goes_by $BOX_LINK 203.0.113.7
    reap server-killed KILL
    ctl profile remove part >/dev/null
}

two_sessions() {
    local first second
    connect learn; connected_by; first=$(box_tunnel)
    connect second; connected_by
    second=$(in_box ip -o link show type tun | sed -n 's/^[0-9]*: \([^:@]*\).*/\1/p' | grep -vx "$first")
    [ -n "$second" ] || fail "there is no second device"
    answers "$LEARN4.1" || fail "the first server does not answer"
    answers "$(tunnel_server $PORT_SECOND)" || fail "the second server does not answer"
    disconnect learn
    answers "$(tunnel_server $PORT_SECOND)" || fail "the second server does not answer after the first is gone"
    disconnect second
}

by_settings() {
    in_box sh -c "umask 077; echo '$VPN_PASSWORD' >/run/password"
    connect --gateway "$SERVER_NAME:$PORT_LEARN" --user "$VPN_USER" --set ca-cert=/etc/ssl/certs/lab-ca.pem --password-file /run/password
    connected_by
    answers "$LEARN4.1" || fail "no answer through the tunnel"
    disconnect --all
    in_box rm -f /run/password
}

probed() {
    local output
    output=$(ctl probe "$SERVER_NAME:$PORT_LEARN" --set ca-cert=/etc/ssl/certs/lab-ca.pem 2>&1) || fail "probe: $output"
    contains "$output" "TLS 1\.3" "probe"; contains "$output" "MS-CHAPv2" "probe"; contains "$output" "SSTP" "probe"
    output=$(ctl probe "$SERVER_NAME:$PORT_LEARN" 2>&1) && fail "an authority that nobody knows passes: $output"
    contains "$output" "[Cc]ertificate|authority" "probe"
    output=$(ctl probe "$SERVER_NAME:9" 2>&1) && fail "nobody listens there: $output"
    contains "$output" "refused the connection" "probe"
}

# The sentence has the command that accepts the certificate, for a profile and for settings; each works.
pinned() {
    local command
    store_profile pin $PORT_LEARN
    ctl profile edit pin --unset ca-cert >/dev/null || fail "sstpctl profile edit"
    connect pin
    [ "$STATUS" = 6 ] || fail "sstpctl exited with $STATUS: $OUTPUT"
    command=$(printed_command 'sstpctl profile edit pin')
    in_box $command >/dev/null || fail "the command does not work: $command"
    connect pin; connected_by
    disconnect pin
    ctl profile remove pin >/dev/null
    in_box sh -c "umask 077; echo '$VPN_PASSWORD' >/run/password"
    connect --gateway "$SERVER_NAME:$PORT_LEARN" --user "$VPN_USER" --password-file /run/password
    [ "$STATUS" = 6 ] || fail "sstpctl exited with $STATUS: $OUTPUT"
    command=$(printed_command "sstpctl connect --gateway $SERVER_NAME:$PORT_LEARN")
    connect ${command#sstpctl connect} --user "$VPN_USER" --password-file /run/password; connected_by
    disconnect --all
    in_box rm -f /run/password
}
# the command at the end of what sstpctl said
printed_command() {
    grep -o "the command for that: $1 --set gateway-fingerprint=[0-9A-F:]*" <<<"$OUTPUT" | sed 's/^[^:]*: //' ||
        fail "no command: $OUTPUT"
}

wrong_password() {
    store_profile wrong $PORT_LEARN
    in_box sh -c "umask 077; echo 'password = \"nonsense\"' >/etc/nm-sstp/secrets/wrong.toml"
    connect wrong --no-ask
    [ "$STATUS" = 5 ] || fail "sstpctl exited with $STATUS: $OUTPUT"
    contains "$OUTPUT" "refused user name or password" "sstpctl"
    contains "$(in_box env LANGUAGE=de timeout 60 sstpctl connect wrong --no-ask 2>&1 </dev/null)" \
        "fehlgeschlagen: der Server hat Benutzernamen oder Passwort abgelehnt" "sstpctl in German"
    contains "$(in_box journalctl -q --no-pager -t nm-sstp-service -n 20)" "refused user name or password" "the journal"
    ctl profile remove wrong >/dev/null
}

asked_for() {
    local output
    store_profile ask $PORT_LEARN
    in_box rm -f /etc/nm-sstp/secrets/ask.toml
    output=$({ sleep 2; say "$VPN_PASSWORD"; sleep 3; } | script -qec "$(declare -f in_box box_pid pid_of ctl); LAB_RUN=$LAB_RUN; ctl connect ask" /dev/null 2>&1)
    contains "$output" "[Pp]assword" "sstpctl"
    lacks "$output" "$VPN_PASSWORD" "sstpctl"
    soon shows '"state":"connected"'
    disconnect ask
    ctl profile remove ask >/dev/null
}

by_unit() {
    in_box systemctl start nm-sstp@learn.service || fail "systemctl start: $(in_box journalctl -q --no-pager -u nm-sstp@learn -n 8)"
    answers "$LEARN4.1" || fail "no answer through the tunnel"
    in_box systemctl stop nm-sstp@learn.service || fail "systemctl stop"
    [ -z "$(box_tunnel)" ] || fail "the tunnel is still there"
}

by_credential() {
    store_profile sealed $PORT_LEARN
    in_box rm -f /etc/nm-sstp/secrets/sealed.toml
    in_box sh -c "mkdir -p /run/systemd/system/nm-sstp@sealed.service.d; umask 077; printf '%s' '$VPN_PASSWORD' >/etc/nm-sstp/sealed.password
        printf '[Service]\nLoadCredential=password:/etc/nm-sstp/sealed.password\n' >/run/systemd/system/nm-sstp@sealed.service.d/password.conf; systemctl daemon-reload"
    in_box systemctl start nm-sstp@sealed.service || fail "systemctl start: $(in_box journalctl -q --no-pager -u nm-sstp@sealed -n 8)"
    answers "$LEARN4.1" || fail "no answer through the tunnel"
    in_box systemctl stop nm-sstp@sealed.service
    ctl profile remove sealed >/dev/null
    in_box sh -c 'rm -rf /run/systemd/system/nm-sstp@sealed.service.d /etc/nm-sstp/sealed.password; systemctl daemon-reload'
}

two_units() {
    in_box systemctl start nm-sstp@learn.service nm-sstp@second.service || fail "systemctl start"
    answers "$LEARN4.1" && answers "$(tunnel_server $PORT_SECOND)" || fail "no answer through both"
    in_box systemctl stop nm-sstp@learn.service
    answers "$(tunnel_server $PORT_SECOND)" || fail "the second is gone, too"
    in_box systemctl stop nm-sstp@second.service
}
