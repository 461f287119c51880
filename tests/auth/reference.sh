# shellcheck shell=bash
# FreeRADIUS's configuration checked without this project: by eapol_test, the EAP peer of wpa_supplicant. It compares the
# keys that it derives itself with the ones that FreeRADIUS sends.

# eapol SERVER LINE...: authenticate with these lines of a wpa_supplicant network block.
eapol() {
    local server=$1 conf line options=(); shift
    conf=$(mktemp -p "$LAB_RUN")
    {
        printf '%s\n' 'network={' 'key_mgmt=IEEE8021X' 'eapol_flags=0'
        for line; do
            # methods that derive no keys
            case $line in eap=MD5 | eap=GTC) options+=(-n) ;; esac
            say "$line"
        done
        say '}'
    } >"$conf"
    OUTPUT=$(in_server timeout 30 eapol_test -c "$conf" -a "${server%:*}" -p "${server#*:}" -s "$(cat "$RADIUS_SECRET")" -t 10 "${options[@]}" 2>&1)
    STATUS=$?
}

# reference SERVER TLS13 LINE...: this must succeed. TLS13 is 1 or 0: whether the peer speaks it.
reference() {
    local server=$1 tls13=$2 phase1=tls_disable_tlsv1_3=$((1 - $2)) line lines=(); shift 2
    for line; do
        case $line in phase1=*) phase1+=" ${line#phase1=}" ;; *) lines+=("$line") ;; esac
    done
    eapol "$server" "phase1=\"$phase1\"" "ca_cert=\"$PKI/radius-ca.pem\"" "domain_match=\"$RADIUS_NAME\"" "${lines[@]}"
    [ $STATUS = 0 ] || fail "eapol_test exited with $STATUS: $(tail -15 <<<"$OUTPUT")"
    contains "$OUTPUT" '^SUCCESS$' "eapol_test's output"
    case "$*" in *eap=PEAP* | *TLS*) contains "$OUTPUT" "Using TLS version TLSv1.$((2 + tls13))" "eapol_test's output" ;; esac
}

reference_refused() {
    eapol "$@"
    [ $STATUS != 0 ] || fail "FreeRADIUS accepts this"
    contains "$OUTPUT" 'EAP-Failure|EAP: Status notification: completion \(param=failure\)' "eapol_test's output"
}

reference_cases() {
    local version server tls13 name
    local -A methods=(
        [PEAP-MSCHAPv2]='eap=PEAP|phase2="auth=MSCHAPV2"'
        [PEAP-GTC]='eap=PEAP|phase2="auth=GTC"'
        [PEAP-TLS]="eap=PEAP|phase2=\"auth=TLS\"|$(reference_key 2 alice)"
        [TTLS-PAP]='eap=TTLS|phase2="auth=PAP"'
        [TTLS-CHAP]='eap=TTLS|phase2="auth=CHAP"'
        [TTLS-MSCHAPv2]='eap=TTLS|phase2="auth=MSCHAPV2"'
        [TTLS-EAP-MSCHAPv2]='eap=TTLS|phase2="autheap=MSCHAPV2"'
        [TTLS-EAP-GTC]='eap=TTLS|phase2="autheap=GTC"'
        [TTLS-EAP-MD5]='eap=TTLS|phase2="autheap=MD5"'
        [TTLS-EAP-TLS]="eap=TTLS|phase2=\"autheap=TLS\"|$(reference_key 2 alice)"
        [EAP-TLS]="eap=TLS|$(reference_key '' alice)"
    )
    local user='identity="alice"|password="wonderland"' lines
    for name in MD5 GTC MSCHAPV2; do
        run_case "reference: EAP-$name" reference "$RADIUS13" 0 'identity="alice"' 'password="wonderland"' "eap=$name"
    done
    for version in 1.2 1.3; do
        if [ $version = 1.3 ]; then server=$RADIUS13 tls13=1; else server=$RADIUS12 tls13=0; fi
        for name in $(printf '%s\n' "${!methods[@]}" | sort); do
            IFS='|' read -ra lines <<<"$user|${methods[$name]}"
            run_case "reference: $name, TLS $version" reference "$server" $tls13 "${lines[@]}"
        done
    done
    for name in expired revoked stranger; do
        IFS='|' read -ra lines <<<"$(reference_key '' alice-$name)"
        run_case "reference: EAP-TLS, certificate $name" reference_refused "$RADIUS12" 'identity="alice"' eap=TLS "${lines[@]}"
    done
    run_case "reference: wrong password" reference_refused "$RADIUS13" 'identity="alice"' 'password="looking-glass"' eap=PEAP 'phase2="auth=MSCHAPV2 mschapv2_retry=0"'
}

# A client certificate as lines of a network block; SUFFIX is 2 inside a tunnel.
reference_key() { # SUFFIX NAME
    local key=$PKI/$2.key
    printf 'ca_cert%s="%s"|client_cert%s="%s"|private_key%s="%s"' "$1" "$PKI/radius-ca.pem" "$1" "$PKI/$2.pem" "$1" "$key"
    [ "$2" != alice ] || printf '|private_key%s_passwd="%s"' "$1" "$PKI_PASSWORD"
}
