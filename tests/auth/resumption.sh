# shellcheck shell=bash
# Fast reconnect: the server negotiates LCP anew when the tunnel is up, and the authentication with it. The TLS session of the
# first login is resumed then: no certificates are shown, and there is nothing inside of PEAP and EAP-TTLS.

# The process whose log tells what these servers' RADIUS server did.
declare -A RADIUS_OF=([again]=radius [again12]=radius [hostapd13-again]=hostapd13 [hostapd12-again]=hostapd12)

resumption_servers_up() {
    auth_server again "$RADIUS13" --auth eap --misbehave lcp-again
    auth_server again12 "$RADIUS12" --auth eap --misbehave lcp-again
    auth_server hostapd13-again "$HOSTAPD13" --auth eap --misbehave lcp-again
    auth_server hostapd12-again "$HOSTAPD12" --auth eap --misbehave lcp-again
}

# login_twice SERVER TYPE RESUMED [KEY=VALUE]...: EAP of this type is accepted twice; RESUMED is what the log of the RADIUS
# server has of the second login, and only of that.
login_twice() {
    local server=$1 log start own accepted="RADIUS: EAP type $2 .* accepted, $KEYS32" resumed=$3; shift 3
    auth_mark "$server"
    log=$(log_of "${RADIUS_OF[$server]}"); start=$(stat -c %s "$log")
    auth_profile "$server" alice wonderland "${EAP_ONLY[@]}" "$@"
    up vpn; succeeded
    contains "$(auth_log "$server")" "the call is connected, the Compound MAC is verified" "the server's log"
    wait_for 5 accepted_times "$server" "$accepted" 2 || fail "there is no second login: $(auth_log "$server" | tail -5)"
    wait_for 5 reaches "$(tunnel_server "${AUTH_PORT[$server]}")" || fail "nothing passes after the second login"
    own=$(tail -c "+$((start + 1))" "$log")
    [ "$(grep -Ec "$resumed" <<<"$own")" = 1 ] || fail "the log of ${RADIUS_OF[$server]} does not match /$resumed/ once"
    down vpn
}
accepted_times() { [ "$(auth_log "$1" | grep -Ec "$2")" = "$3" ]; }

resumption_cases() {
    local version free host trust="tls-ca-cert=$PKI/radius-ca.pem tls-remotename=$RADIUS_NAME"
    local key="connection-type=tls $trust tls-identity=alice tls-user-cert=$PKI/alice.pem tls-user-key=$PKI/alice-clear.key"
    local peap="eap=peap phase2-auth=mschapv2 $trust" ttls="eap=ttls phase2-auth=pap $trust"
    local resumed='EAP-Session-Resumed := 1'
    # shellcheck disable=SC2086 # words
    for version in 1.2 1.3; do
        case $version in 1.2) free=again12 host=hostapd12-again ;; 1.3) free=again host=hostapd13-again ;; esac
        auth_case "EAP-TLS $version resumed" login_twice $free 13 "$resumed" $key
        auth_case "PEAP resumed, TLS $version" login_twice $free 25 "Skipping Phase2 because of session resumption" $peap
        auth_case "TTLS resumed, TLS $version" login_twice $free 21 "$resumed" $ttls
        auth_case "hostapd: EAP-TLS $version resumed" login_twice $host 13 "EAP-TLS: Resuming previous session" $key
        auth_case "hostapd: TTLS resumed, TLS $version" login_twice $host 21 "EAP-TTLS: Resuming previous session - skip Phase2" $ttls
    done
    # its first login does not come that far with TLS 1.3, see as_eapol_test_decides
    # shellcheck disable=SC2086
    auth_case "hostapd: PEAP resumed with crypto binding, TLS 1.2" login_twice hostapd12-again 25 "EAP-PEAP: Resuming previous session - skip Phase2" $peap
}
