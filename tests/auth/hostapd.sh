# shellcheck shell=bash
# The same methods decided by hostapd: another implementation, with keys of its own, and PEAP with the Cryptobinding TLV.

hostapd_servers_up() {
    auth_server hostapd13 "$HOSTAPD13" --auth eap
    auth_server hostapd12 "$HOSTAPD12" --auth eap
}

hostapd_cases() {
    local version name server expected own keys
    local trust="tls-ca-cert=$PKI/radius-ca.pem tls-remotename=$RADIUS_NAME"
    local tunnel="$trust anonymous-identity=anonymous" key="connection-type=tls $trust tls-identity=alice tls-user-cert=$PKI/alice.pem tls-user-key=$PKI/alice-clear.key"
    while IFS='|' read -r name server expected own keys; do
        # shellcheck disable=SC2086 # words
        auth_case "hostapd: $name" radius_says "$server" "$own" login "$server" alice wonderland "$expected" "${EAP_ONLY[@]}" $keys
    done < <(
        say "EAP-MSCHAPv2|hostapd13|EAP type 26 .* accepted, $KEYS16|EAP-MSCHAPV2: Correct NT-Response|"
        for version in 1.2 1.3; do
            server=hostapd${version/./}
            cat <<TABLE
EAP-TLS $version|$server|EAP type 13 .* accepted, $KEYS32|SSL: Using TLS version TLSv$version|$key
TTLS-PAP, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|EAP-TTLS/PAP: Correct user password|eap=ttls phase2-auth=pap $tunnel
TTLS-MSCHAPv2, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|EAP-TTLS/MSCHAPV2: Correct NT-Response|eap=ttls phase2-auth=mschapv2 $tunnel
TTLS-EAP-MSCHAPv2, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|EAP-MSCHAPV2: Correct NT-Response|eap=ttls phase2-auth=eap-mschapv2 $tunnel
TABLE
        done
        say "PEAP-MSCHAPv2 with crypto binding, TLS 1.2|hostapd12|EAP type 25 .* accepted, $KEYS32|Valid cryptobinding TLV received|eap=peap phase2-auth=mschapv2 $tunnel"
    )
    # shellcheck disable=SC2086 # words
    {
        auth_case "hostapd: PEAP-MSCHAPv2 with crypto binding, TLS 1.3" as_eapol_test_decides $tunnel
        auth_case "hostapd: EAP-GTC" login_asked hostapd13 alice wonderland wonderland 'One-time code' "EAP type 6 .* accepted" "${EAP_ONLY[@]}" eap=gtc
        auth_case "hostapd: PEAP-GTC with crypto binding, TLS 1.2" radius_says hostapd12 "Valid cryptobinding TLV received" \
            login_asked hostapd12 alice wonderland wonderland 'One-time code' "EAP type 25 .* accepted, $KEYS32" "${EAP_ONLY[@]}" eap=peap phase2-auth=gtc $tunnel
        auth_case "hostapd: wrong password by EAP-MSCHAPv2" login_refused hostapd13 alice looking-glass "EAP type 26 .* rejected" "refused user name or password" "${EAP_ONLY[@]}"
        auth_case "hostapd: a user whom it does not know" login_refused hostapd13 mallory wonderland "no EAP method rejected" "refused the user .mallory. at once" "${EAP_ONLY[@]}"
        auth_case "hostapd: wrong password inside PEAP" login_refused hostapd12 alice looking-glass "EAP type 25 .* rejected" "refused user name or password" "${EAP_ONLY[@]}" eap=peap phase2-auth=mschapv2 $tunnel
    }
}

# radius_says NAME EXPECTED FUNCTION [ARGUMENT]...: the case, and what that RADIUS server's own log must have of it.
radius_says() {
    local log start expected=$2
    log=$(log_of "$1")
    start=$(stat -c %s "$log")
    "${@:3}"
    contains "$(tail -c "+$((start + 1))" "$log")" "$expected" "the log of $1"
}

# hostapd 2.10 makes its Cryptobinding TLV with another key than it should where TLS is 1.3 (RFC 9427 2.1): eapol_test,
# which is of the same sources, refuses that. So must the client, and where the one accepts the other has to.
as_eapol_test_decides() { # [KEY=VALUE]...
    eapol "$HOSTAPD13" 'phase1="tls_disable_tlsv1_3=0 peapver=0 crypto_binding=2"' "ca_cert=\"$PKI/radius-ca.pem\"" \
        'identity="alice"' 'password="wonderland"' eap=PEAP 'phase2="auth=MSCHAPV2"'
    if [ $STATUS = 0 ]; then
        radius_says hostapd13 "Valid cryptobinding TLV received" \
            login hostapd13 alice wonderland "EAP type 25 .* accepted, $KEYS32" "${EAP_ONLY[@]}" eap=peap phase2-auth=mschapv2 "$@"
    else
        contains "$OUTPUT" "Invalid Compound_MAC" "eapol_test's output"
        login_refused hostapd13 alice wonderland "authentication by eap" "may not be the server that it claims to be" \
            "${EAP_ONLY[@]}" eap=peap phase2-auth=mschapv2 "$@"
    fi
}
